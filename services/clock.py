"""Where time and fresh ids come from: the only place that reads them, and a simulation replaces it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
NewId = Callable[[], str]


CLOCK = "YOAKE_TEST_CLOCK"
"""Names a file that holds by how many seconds the clock is wrong. Only a test sets it, and the demonstrated morning."""

_OFFSET = os.environ.get(CLOCK)


def system_clock() -> datetime:
    """The present moment, in UTC."""
    now = datetime.now(UTC)
    return now + timedelta(seconds=float(Path(_OFFSET).read_text())) if _OFFSET else now


_READY: deque[str] = deque()
os.register_at_fork(after_in_child=_READY.clear)  # No two processes may give out the same ones.
AT_ONCE = 256


def random_id() -> str:
    """A fresh id that says nothing about whom it belongs to: a UUID of version 7 (RFC 9562), 74 bits of it random.

    It begins with the time in milliseconds, which the event that first bears it says anyway, so that
    what is written together lies together in every index: with ids in no order, the cost of a message
    would grow with the log. The rest is drawn many at once: each draw is a system call, during which
    another thread takes over.
    """
    now = f"{time.time_ns() // 1_000_000:012x}"
    try:
        rest = _READY.popleft()
    except IndexError:
        drawn = os.urandom(10 * AT_ONCE).hex()
        rest, *others = (_random_part(drawn[at : at + 20]) for at in range(0, len(drawn), 20))
        _READY.extend(others)
    return f"{now[:8]}-{now[8:]}-{rest}"


def _random_part(drawn: str) -> str:
    return f"7{drawn[1:4]}-{'89ab'[int(drawn[4], 16) & 3]}{drawn[5:8]}-{drawn[8:]}"
