"""`make bench`: each figure as a median over rounds, beside its goal and the least that is no defect.

Everything is measured on this machine and in this run; where there is a bare script, as a ratio to it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from statistics import median

import msgspec
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from services.settings import SERVICES
from tests.bench import filled, finding, folding, growing, importing, live
from tests.bench.durable_postgresql import Server, durable_postgresql

console = Console(stderr=True)

New = Callable[[], str] | None
"""Makes new databases for a round; None: SQLite."""


class _Databases:
    """New databases on a server for each round, as a URL with {service} in it."""

    def __init__(self, server: Server) -> None:
        self._server, self._rounds = server, 0

    def __call__(self) -> str:
        self._rounds += 1
        for service in (*SERVICES, "keys"):
            uri = self._server.new_database(f"round_{self._rounds}_{service}")
        url = sa.make_url(uri).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return url.replace("_keys", "_{service}")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line: the median of its rounds. `goal` and `least` in the figure's unit; `most`: smaller is better."""

    name: str
    unit: str
    value: float
    rounds: list[float]
    goal: float
    least: float
    most: bool = False
    topology: str

    @property
    def verdict(self) -> str:
        """How it stands to its two marks."""
        for word, mark in (("goal", self.goal), ("enough", self.least)):
            if self.value <= mark if self.most else self.value >= mark:
                return word
        return "BELOW"


def _figure(
    name: str, unit: str, marks: tuple[float, float], topology: str, rounds: list[float], **more: bool
) -> Figure:
    goal, least = marks
    value = median(rounds)
    return Figure(name=name, unit=unit, value=value, rounds=rounds, goal=goal, least=least, topology=topology, **more)


def from_inbox(rounds: int, scale: float, _: New) -> Iterator[Figure]:
    """Accepted, single messages, from a filled INBOX, against the bare script."""
    found = _each(rounds, lambda: filled.rates(_of(20_000, scale)))
    ratios = [round_["ours"] / round_["bare"] for round_ in found]
    name = "accepted, single messages, from a filled INBOX, against bare"
    yield _figure(name, "ratio", (0.75, 0.6), filled.TOPOLOGY, ratios)


def singly(rounds: int, scale: float, databases: New) -> Iterator[Figure]:
    """Accepted, single messages, live."""
    found = _each(rounds, lambda: live.on(_new(databases), live.singles(_of(6_000, scale))))
    name = "accepted, single messages, live, publish to receipt"
    yield _figure(name, "/s", (1_500, 1_000), live.TOPOLOGY, [round_["accepted"] for round_ in found])


def in_batches(rounds: int, scale: float, databases: New) -> Iterator[Figure]:
    """CloudEvents batches of 100, live, until accepted and until tallied."""
    found = _each(rounds, lambda: live.on(_new(databases), live.batched(_of(400, scale), 100)))
    accepted, tallied = ([round_[key] for round_ in found] for key in ("accepted", "tallied"))
    yield _figure("accepted, CloudEvents batches of 100, live", "calls/s", (12_000, 8_000), live.TOPOLOGY, accepted)
    yield _figure("the same, until visible in a tally", "calls/s", (5_000, 2_500), live.TOPOLOGY, tallied)


def latency(rounds: int, scale: float, databases: New) -> Iterator[Figure]:
    """Publish to visible in a tally at 100/s."""
    found = _each(rounds, lambda: live.on(_new(databases), live.paced(_of(1_000, scale), 100)))
    worst = [round_["p99"] for round_ in found]
    yield _figure("publish to visible in a tally at 100/s, p99", "ms", (40, 100), live.TOPOLOGY, worst, most=True)


def fold(rounds: int, scale: float, _: New) -> Iterator[Figure]:
    """The fold from stored rows."""
    found = folding.rates(_of(1_000_000, scale), rounds)
    yield _figure("fold of ledger events from stored rows, per core", "/s", (250_000, 120_000), folding.TOPOLOGY, found)


def rest(rounds: int, _: float, databases: New) -> Iterator[Figure]:
    """Memory at rest, and how soon the first message is accepted."""
    found = _each(rounds, lambda: live.at_rest(_new(databases)))
    memory, start = ([round_[key] for round_ in found] for key in ("memory", "start"))
    yield _figure(
        "memory of everything at rest, NATS included (PSS)", "MB", (180, 300), live.TOPOLOGY, memory, most=True
    )
    name = "`yoake up` to the first accepted message, warm disk"
    yield _figure(name, "s", (3, 6), live.TOPOLOGY, start, most=True)


def growth(_: int, scale: float, __: New) -> Iterator[Figure]:
    """The cost of one accepted message as the log grows."""
    lengths = tuple(_of(length, scale) for length in (10_000, 100_000, 1_000_000))
    costs = growing.costs(lengths)
    console.print("  " + ", ".join(f"{length:,}: {cost:.0f} µs" for length, cost in costs.items()))
    shortest = costs[lengths[0]]
    for length in lengths[1:]:
        name = f"cost of one accepted message at {length:,} events in the log, against {lengths[0]:,}"
        yield _figure(name, "ratio", (1.1, 1.2), growing.TOPOLOGY, [costs[length] / shortest], most=True)


def found(rounds: int, scale: float, _: New) -> Iterator[Figure]:
    """How soon a registrant is found while the telephone rings."""
    count = _of(100_000, scale)
    taken = _each(rounds, lambda: finding.times(count))
    name = f"a registrant found among {count:,}, p95"
    yield _figure(name, "ms", (150, 300), finding.TOPOLOGY, [round_["p95"] for round_ in taken], most=True)


def sheet(rounds: int, scale: float, _: New) -> Iterator[Figure]:
    """A call log of 100,000 rows out of a workbook."""
    found = _each(min(rounds, 3), lambda: importing.rates(_of(importing.ROWS, scale)))
    took, ratio, memory = ([round_[key] for round_ in found] for key in ("import", "ratio", "memory"))
    name, at = "`yoake import` of an .xlsx of 100,000 rows", importing.TOPOLOGY
    yield _figure(name, "s", (120, 180), at, took, most=True)
    yield _figure("the same, against reading the file alone", "ratio", (10, 20), at, ratio, most=True)
    yield _figure("the same, the most memory that it had", "MB", (200, 300), at, memory, most=True)


FIGURES: dict[str, Callable[[int, float, New], Iterator[Figure]]] = {
    "inbox": from_inbox,
    "singles": singly,
    "batches": in_batches,
    "latency": latency,
    "fold": fold,
    "rest": rest,
    "growth": growth,
    "finding": found,
    "import": sheet,
}


def _new(databases: New) -> str | None:
    return databases() if databases else None


def _of(count: int, scale: float) -> int:
    return max(200, int(count * scale))


def _each(rounds: int, measure: Callable[[], dict[str, float]]) -> list[dict[str, float]]:
    found = []
    for _ in range(rounds):
        found.append(measure())
        console.print("  " + ", ".join(f"{key} {value:,.2f}" for key, value in found[-1].items()))
    return found


def main() -> None:
    """Measure what was asked for, and print it for people or for programs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which figures: {', '.join(FIGURES)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="a figure is the median over so many (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="so much of the work (1.0); less is only a trial")
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of its own instead of SQLite")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if unknown := set(asked.names) - FIGURES.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(FIGURES)}")
    found: list[Figure] = []
    with durable_postgresql() if asked.postgresql else nullcontext() as server:
        new_databases = _Databases(server) if server else None
        for name in asked.names or FIGURES:
            console.print(f"[bold]{name}[/]")
            found += FIGURES[name](asked.rounds, asked.scale, new_databases)
    if asked.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        _print(found)


def _print(found: list[Figure]) -> None:
    table = Table("figure", "median", "rounds", "goal", "at least", "", title=f"{os.cpu_count()} cores")
    for figure in found:
        rounds = ", ".join(f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in figure.rounds)
        values = (f"{v:,.2f}" if v < 10 else f"{v:,.0f}" for v in (figure.value, figure.goal, figure.least))
        value, goal, least = values
        table.add_row(figure.name, f"{value} {figure.unit}", rounds, goal, least, figure.verdict)
    Console(width=170).print(table)
    for topology in dict.fromkeys(figure.topology for figure in found):
        Console().print(f"* {topology}", markup=False)


if __name__ == "__main__":
    main()
