"""The clocks of a simulated night: each service has one of its own, and any of them can be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.simulation.loop import Loop


class Truth:
    """What time it is. It goes with the loop; and it can be slept through, when no timer runs (CLOCK_MONOTONIC)."""

    def __init__(self, loop: Loop, begins: datetime) -> None:
        self._loop, self._begins, self._slept = loop, begins.astimezone(UTC), timedelta(0)
        self._asked, self._told = -1.0, self._begins

    def __call__(self) -> datetime:
        now = self._loop.time()
        if now != self._asked:  # Many ask at one moment.
            self._asked = now
            self._told = self._begins + self._slept + timedelta(microseconds=round(now * 1_000_000))
        return self._told

    def sleep_until(self, moment: datetime) -> None:
        """The machines sleep: it is later, and nobody's timers have moved."""
        self._slept += max(timedelta(0), moment - self())
        self._asked = -1.0

    def skip_until(self, moment: datetime) -> None:
        """Nobody gets to do anything for so long: it is later, and every timer is due that was to be."""
        self._loop.skip(self._loop.time() + max(0.0, (moment - self()).total_seconds()))


class Clock:
    """A service's clock: the true time, and by how much it is wrong."""

    def __init__(self, truth: Truth) -> None:
        self._truth, self.wrong_by = truth, timedelta(0)

    def __call__(self) -> datetime:
        return self._truth() + self.wrong_by
