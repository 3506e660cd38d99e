"""`make simulate`: so many nights, each from a seed, on as many cores as there are."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.progress import Progress

from tests.simulation.bugs import BUGS
from tests.simulation.night import Outcome
from tests.simulation.runs import MOST, found_one, on_all_cores, told

STORIES = 3
"""Of so many failing seeds the story is told; of the others what broke."""

out = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where everything held."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, metavar="N", help="so many nights (10,000)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first of them (1)")
    parser.add_argument("--seed", type=int, metavar="SEED", help="this night alone, with its story")
    parser.add_argument("--trace", action="store_true", help="with --seed: every step on the bus and the disks as well")
    parser.add_argument("--bugs", action="store_true", help="plant each bug, and say how many nights it takes to find")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (all cores)")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return _one(told(given.seed, with_trace=given.trace))
    return _bugs(given.workers) if given.bugs else _many(range(given.first, given.first + given.seeds), given.workers)


def _one(outcome: Outcome) -> int:
    out.print(outcome.story, markup=False)
    out.print(f"seed {outcome.seed}: {outcome.steps:,} steps, trace {outcome.hash}")
    for fault in outcome.broken:
        out.print(f"  broken: {fault}", markup=False)
    if outcome.broken:
        out.print(f'  again: make simulate ARGS="--seed {outcome.seed}"   every step: --trace', markup=False)
    return 1 if outcome.broken else 0


def _many(seeds: range, workers: int) -> int:
    began = time.monotonic()
    with Progress(console=out, transient=True) as progress:
        task = progress.add_task("nights", total=len(seeds))
        found = on_all_cores(seeds, workers, lambda many: progress.advance(task, many))
    seconds = time.monotonic() - began
    for failed in found[:STORIES]:
        _one(told(failed.seed))
    for failed in found[STORIES:]:
        out.print(f"seed {failed.seed}: {failed.faults[0]}", markup=False)
    out.print(
        f"{len(seeds):,} nights in {seconds:,.0f} s on {workers} cores ({len(seeds) / seconds:.1f} a second); "
        f"{len(found):,} left a guarantee broken"
    )
    return 1 if found else 0


def _bugs(workers: int) -> int:
    missed = 0
    with ProcessPoolExecutor(workers) as pool:
        for plant, seeds in zip(BUGS, pool.map(found_one, range(len(BUGS)), [MOST] * len(BUGS)), strict=True):
            missed += seeds is None
            took = "not found" if seeds is None else f"seed {seeds}"
            out.print(f"{took:>10}  {plant.__name__}: {plant.__doc__}", markup=False)
    out.print(f"{len(BUGS) - missed} of {len(BUGS)} planted bugs found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
