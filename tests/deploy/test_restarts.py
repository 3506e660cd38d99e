"""How long the runner waits before it starts something again."""

from __future__ import annotations

import pytest

from deploy.restarts import LONGEST, SHORTEST, STEADY, Restarts


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which a test moves."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def pause(restarts: Restarts, clock: list[float]) -> float:
    """Seconds until it may be started again."""
    before = clock[0]
    while not restarts.due():
        clock[0] += 0.1
    return round(clock[0] - before, 1)


def test_what_ends_at_once_is_started_later_each_time_but_never_much(clock: list[float]) -> None:
    """A service that cannot start does not keep the machine busy, and is there soon after it was mended."""
    restarts, pauses = Restarts(), []
    for _ in range(7):
        restarts.started()
        restarts.ended()
        pauses.append(pause(restarts, clock))
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, LONGEST, LONGEST]
    assert restarts.times == 7


def test_what_was_killed_or_lived_for_a_while_is_started_at_once(clock: list[float]) -> None:
    """The pause once doubled for ever, and ten kills cost half a minute."""
    restarts = Restarts()
    for killed, lived in ((False, 0.0), (False, 0.0), (True, 0.0), (False, STEADY + 1)):
        restarts.started()
        clock[0] += lived
        restarts.ended(killed=killed)
        last = pause(restarts, clock)
    assert last == SHORTEST
    assert restarts.times == 1
