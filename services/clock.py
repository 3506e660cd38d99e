"""Where time and fresh ids come from: the only place that reads them, and a simulation replaces it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
NewId = Callable[[], str]


_OFFSET = os.environ.get("YOAKE_TEST_CLOCK")
"""A file that holds by how many seconds the clock is wrong. Only a test sets this."""


def system_clock() -> datetime:
    """The present moment, in UTC."""
    now = datetime.now(UTC)
    return now + timedelta(seconds=float(Path(_OFFSET).read_text())) if _OFFSET else now


_READY: deque[str] = deque()
os.register_at_fork(after_in_child=_READY.clear)  # No two processes may give out the same ones.
AT_ONCE = 256


def random_id() -> str:
    """A fresh random id (a UUID of version 4, RFC 9562), which says nothing about whom it belongs to.

    Drawn many at once: each draw is a system call, during which another thread takes over.
    """
    try:
        return _READY.popleft()
    except IndexError:
        drawn = os.urandom(16 * AT_ONCE)
        ids = [_uuid4(drawn[at : at + 16]) for at in range(0, len(drawn), 16)]
        _READY.extend(ids[1:])
        return ids[0]


def _uuid4(drawn: bytes) -> str:
    raw = bytearray(drawn)
    raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
