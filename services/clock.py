"""Where time and fresh ids come from: the only place that reads them, and a simulation replaces it."""

from __future__ import annotations

import os
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


def random_id() -> str:
    """A fresh random id, which says nothing about whom it belongs to."""
    raw = bytearray(os.urandom(16))
    raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80  # A UUID of version 4, as RFC 9562 lays it out.
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
