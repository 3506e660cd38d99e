"""Yoake beside what else a team would use: durable accepts of one event, on one PostgreSQL, in one run.

    python -m tests.bench.rivals [--quick] [--json]

`make bench-rivals` installs the packages of Node first; where they are missing, the rivals that need
them are left out, with the reason. Rounds alternate between all ways, so that a slow moment of the
machine meets all of them; every accept is counted again in the store afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from events.seal import new_key
from services.ward import load
from tests.bench.accepting import GROUP, Messages, Run, Way
from tests.bench.durable_postgresql import Server, durable_postgresql
from tests.bench.our_desk import Ours
from tests.bench.rival_stores import EMMETT, MESSAGE_DB, Bare, Emmett, Library, MessageDb

WARD = Path(__file__).parents[2] / "deploy" / "wards" / "setagaya.toml"
INSTALL = "run `make bench-rivals`, which needs Node and npm"
GOAL = 10.0


class Pace(msgspec.Struct, frozen=True):
    """How long to measure, in seconds, and how often."""

    rounds: int = 5
    warm: float = 0.5
    seconds: float = 3.0


QUICK = Pace(rounds=1, warm=0.0, seconds=0.1)


class Figure(msgspec.Struct):
    """One way's figures: accepts in a second over the rounds, milliseconds until a message is durable."""

    name: str
    kind: str
    accepted: int
    median: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float


class Result(msgspec.Struct, kw_only=True):
    """Everything that one run found. Ratios are of our groups of 256 to the best of the kind."""

    ratio_to_best_rival: float | None
    best_rival: str | None
    ratio_to_best_by_hand: float | None
    best_by_hand: str | None
    ratio_one_to_a_transaction: float | None
    message_bytes: int
    cores: int
    server: dict[str, str]
    filesystem: str
    left_out: dict[str, str]
    figures: list[Figure]


Makers = dict[str, list[Callable[[Server], Way]]]


def contestants(messages: Messages) -> tuple[Makers, dict[str, str]]:
    """Ways by kind (`ours`, `rival`, `by hand`, `bare`), and those that are left out with the reason."""
    ward = load(WARD)
    makers: Makers = {
        "ours": [partial(Ours, ward=ward, group=n) for n in (GROUP, 1)],
        "rival": [partial(Library, messages=messages, group=1)],
        "by hand": [partial(Library, messages=messages, group=GROUP)],
        "bare": [partial(Bare, messages=messages, group=n) for n in (1, GROUP)],
    }
    left_out = {}
    if MESSAGE_DB.is_dir():
        makers["rival"] += [
            partial(MessageDb, messages=messages),
            partial(MessageDb, messages=messages, connections=8),
            partial(MessageDb, messages=messages, connections=8, spread=True),
        ]
        makers["by hand"].append(partial(MessageDb, messages=messages, group=GROUP))
    else:
        left_out["Message DB"] = f"@eventide/message-db is not installed: {INSTALL}"
    if not shutil.which("node"):
        left_out["Emmett"] = f"node is not on the PATH: {INSTALL}"
    elif EMMETT.is_dir():
        makers["rival"] += [partial(Emmett, messages=messages), partial(Emmett, messages=messages, connections=8)]
        makers["by hand"].append(partial(Emmett, messages=messages, group=GROUP))
    else:
        left_out["Emmett"] = f"@event-driven-io/emmett-postgresql is not installed: {INSTALL}"
    return makers, left_out


def compare(pace: Pace, *, quiet: bool = True) -> Result:
    """Measure all of them, in alternating rounds.

    Raises:
        tests.bench.durable_postgresql.NotDurable: there is no disk to measure on.
    """
    messages = Messages(new_key())
    makers, left_out = contestants(messages)
    with durable_postgresql(on_memory_too=pace == QUICK) as server, ExitStack() as stack:
        ways: list[tuple[str, Way]] = []
        for kind, several in makers.items():
            for make in several:
                way = make(server)
                stack.callback(way.close)
                ways.append((kind, way))
        runs: dict[str, list[Run]] = {way.name: [] for _, way in ways}
        turns = [ways[(n + turn) % len(ways)] for turn in range(pace.rounds) for n in range(len(ways))]
        for _, way in track(turns, "Measuring / 計測", console=Console(stderr=True), disable=quiet):
            runs[way.name].append(way.run(pace.warm, pace.seconds))
        for _, way in ways:
            counted, found = sum(run.accepted + run.warmed for run in runs[way.name]), way.stored()
            if counted != found:
                raise AssertionError(f"{way.name}: {counted} accepts were counted and {found} are in the store")
        figures = [_figure(kind, way.name, runs[way.name]) for kind, way in ways]
        return _result(figures, left_out, server, len(messages.body()))


def _figure(kind: str, name: str, runs: Sequence[Run]) -> Figure:
    rates = [run.rate for run in runs]
    latencies = sorted(1000 * one for run in runs for one in run.latencies)
    return Figure(
        name=name,
        kind=kind,
        accepted=sum(run.accepted for run in runs),
        median=statistics.median(rates),
        lowest=min(rates),
        highest=max(rates),
        p50_ms=latencies[len(latencies) // 2],
        p99_ms=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
    )


def _result(figures: list[Figure], left_out: dict[str, str], server: Server, size: int) -> Result:
    def best(kind: str) -> Figure | None:
        return max((f for f in figures if f.kind == kind), key=lambda f: f.median, default=None)

    grouped, single = (f for f in figures if f.kind == "ours")
    rival, by_hand = best("rival"), best("by hand")
    return Result(
        ratio_to_best_rival=grouped.median / rival.median if rival else None,
        best_rival=rival.name if rival else None,
        ratio_to_best_by_hand=grouped.median / by_hand.median if by_hand else None,
        best_by_hand=by_hand.name if by_hand else None,
        ratio_one_to_a_transaction=single.median / rival.median if rival else None,
        message_bytes=size,
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        server=server.settings,
        filesystem=server.filesystem,
        left_out=left_out,
        figures=figures,
    )


HEADERS = ("way", "accepts/s, median", "lowest to highest", "p50 ms", "p99 ms")


def cells(figure: Figure) -> tuple[str, ...]:
    """A row of the table."""
    return (
        figure.name,
        f"{figure.median:,.0f}",
        f"{figure.lowest:,.0f} to {figure.highest:,.0f}",
        f"{figure.p50_ms:.1f}",
        f"{figure.p99_ms:.1f}",
    )


def told(result: Result) -> str:
    """The ratios in words, then where it was measured."""
    server = ", ".join(f"{name} {value}" for name, value in result.server.items())
    lines = [
        f"Yoake in groups of {GROUP}, beside the best of the others ({result.best_rival}): "
        f"{result.ratio_to_best_rival:.2f} times (goal {GOAL:.0f}).",
        f"Beside the best of what a caller can group by hand ({result.best_by_hand}): "
        f"{result.ratio_to_best_by_hand:.2f} times.",
        f"Yoake with one message to a transaction, beside the best of the others: "
        f"{result.ratio_one_to_a_transaction:.2f} times.",
        f"{result.cores} cores, {result.filesystem}; {server}; messages of {result.message_bytes} bytes.",
    ]
    return "\n".join(lines + [f"Left out: {name}: {reason}." for name, reason in result.left_out.items()])


def markdown(result: Result) -> str:
    """The table as it is pasted into the documentation."""
    rows = [HEADERS, ("---", *["---:"] * (len(HEADERS) - 1)), *map(cells, result.figures)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rivals", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a glance at each, to see that it runs; not figures")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    parser.add_argument("--rounds", type=int, default=Pace().rounds)
    parser.add_argument("--seconds", type=float, default=Pace().seconds, help="of each round")
    given: Any = parser.parse_args(arguments)
    pace = QUICK if given.quick else Pace(rounds=given.rounds, seconds=given.seconds)
    result = compare(pace, quiet=given.json)
    console = Console(highlight=False)
    if given.json:
        console.out(msgspec.json.encode(result).decode())
        return
    table = Table(*HEADERS[:1])
    for header in HEADERS[1:]:
        table.add_column(header, justify="right")
    for figure in result.figures:
        table.add_row(*cells(figure))
    console.out(told(result))
    console.print(table)
    console.out(f"\nFor docs/benchmarks.md:\n\n{markdown(result)}")


if __name__ == "__main__":
    main()
