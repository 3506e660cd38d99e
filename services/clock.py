"""Where time and fresh ids come from: the only place that reads them, and a simulation replaces it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

Clock = Callable[[], datetime]
NewId = Callable[[], str]


def system_clock() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """A fresh random id, which says nothing about whom it belongs to."""
    return str(uuid4())
