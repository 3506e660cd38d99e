"""Where time and fresh ids come from: the only place that reads them, and a simulation replaces it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

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
    return str(uuid4())
