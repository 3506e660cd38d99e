"""Many nights: one after another, or on several cores."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import pytest

from tests.simulation.bugs import BUGS, Plant
from tests.simulation.night import Outcome, grown, play
from tests.simulation.script import EVENINGS

TOGETHER = 25
"""Nights that one process is given at a time."""

UNTIDY = 5
"""Nights between collections of garbage: what a night leaves is circular, and memory that is used again is fast."""

MOST = 1_000
"""Nights within which every planted bug must be found."""


class Broken(NamedTuple):
    """A seed whose night left a guarantee broken."""

    seed: int
    faults: list[str]


def everywhere() -> None:
    """Before anything is planted: what stands before each evening is made by code that is as it should be."""
    for evening in EVENINGS:
        grown(evening)


@contextmanager
def quietly() -> Iterator[None]:
    """No logs, no collector, and no word about what died before it began.

    Collections that are asked for meanwhile look at nothing that was there before: that is most, and it stays.
    """
    before, collects = logging.root.manager.disable, gc.isenabled()
    logging.disable(logging.CRITICAL)
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            everywhere()
            gc.freeze()
            try:
                yield
            finally:
                gc.collect()
                gc.unfreeze()
    finally:
        logging.disable(before)
        if collects:
            gc.enable()


def nights(seeds: Iterable[int]) -> Iterator[Outcome]:
    """What came of each."""
    with quietly():
        for n, seed in enumerate(seeds, start=1):
            yield play(seed)
            if n % UNTIDY == 0:
                gc.collect()


def broken_among(seeds: Sequence[int]) -> list[Broken]:
    """Those seeds whose nights left something broken."""
    return [Broken(outcome.seed, outcome.broken) for outcome in nights(seeds) if outcome.broken]


def on_all_cores(seeds: Sequence[int], workers: int, done: Callable[[int], None]) -> list[Broken]:
    """The same on several cores. `done` is told how many more are through."""
    parts = [seeds[start : start + TOGETHER] for start in range(0, len(seeds), TOGETHER)]
    found: list[Broken] = []
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(broken_among, part): len(part) for part in parts}
        for part in as_completed(running):
            found += part.result()
            done(running[part])
    return sorted(found)


def told(seed: int, *, with_trace: bool = False) -> Outcome:
    """One night with all that was said in it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        log = logging.getLogger("yoake")
        before, log.propagate = log.propagate, False
        try:
            everywhere()
            return play(seed, with_trace=with_trace, listen=True)
        finally:
            log.propagate = before
            gc.collect()


def seeds_until_found(plant: Plant, most: int, known: int | None = None) -> int | None:
    """The first night of so many that finds a planted bug, `known` before all others; None: none of them does."""
    everywhere()
    seeds = chain(() if known is None else (known,), range(1, most + 1))
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        for outcome in nights(seeds):
            if outcome.broken:
                return outcome.seed
    return None


def found_one(n: int, most: int) -> int | None:
    """The same for the bug of this number."""
    return seeds_until_found(BUGS[n], most)
