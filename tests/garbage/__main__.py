"""`make garbage`: 100,000 pieces of garbage and good messages, to the real desks, on SQLite or PostgreSQL."""

from __future__ import annotations

import argparse
import logging
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from random import SystemRandom

from tests.conftest import MEMORY
from tests.desk_examples import Centre
from tests.garbage.running import send


def main() -> int:
    """Run, print a table by kind, and say what went wrong; 1 where anything did."""
    logging.getLogger("yoake").setLevel(logging.CRITICAL)  # What is parked is counted here, and not told one by one.
    parser = argparse.ArgumentParser(prog="python -m tests.garbage", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--database", help="a URL with {service}; SQLite in a temporary directory if left out")
    asked = parser.parse_args()
    seed = SystemRandom().randrange(10**9) if asked.seed is None else asked.seed
    say = sys.stdout.write
    say(f"seed {seed}; again with --seed {seed}\n")
    began = time.monotonic()

    def progress(done: int) -> None:
        say(f"\r{done:>9,} / {asked.count:,}  {done / (time.monotonic() - began):,.0f} a second")
        sys.stdout.flush()

    with ExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="yoake-garbage-", dir=MEMORY if MEMORY.is_dir() else None)
        )
        centre = stack.enter_context(Centre(asked.database or f"sqlite:///{directory}/{{service}}.db"))
        outcome = send(centre, asked.count, seed, progress)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    say(f"\n\n{outcome.table()}\n\n{outcome.good:,} good ones among them; {memory} MiB at most\n")
    shortest = sorted(outcome.failures, key=lambda failure: (failure.kind, len(failure.garbage.body)))
    shown = {failure.kind: failure for failure in reversed(shortest)}
    for failure in shown.values():
        say(f"\n{failure}\n")
    say(f"\n{len(outcome.failures):,} answered otherwise than the contract says\n")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
