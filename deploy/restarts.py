"""When something that ended may be started again: at once, or later each time that it ends soon after its start."""

from __future__ import annotations

import time

SHORTEST, LONGEST = 0.2, 5.0
STEADY = 10.0
"""Seconds that something must live for its past not to be held against it."""


class Restarts:
    """The pauses before the next starts of one process, in seconds. What was killed from outside did nothing wrong."""

    def __init__(self) -> None:
        self.times = 0
        self._started = self._due = 0.0

    def started(self) -> None:
        """Note that it was started."""
        self._started = time.monotonic()

    def ended(self, *, killed: bool = False) -> None:
        """Note that it ended, or did not even start."""
        now = time.monotonic()
        if killed or now - self._started > STEADY:
            self.times = 0
        self._due = now + min(SHORTEST * 2**self.times, LONGEST)
        self.times += 1

    def due(self) -> bool:
        """Whether it may be started now."""
        return time.monotonic() >= self._due
