"""Simulated nights: a seed is a night, and unbroken code leaves nothing broken. More of them: `make simulate`."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from tests.simulation.__main__ import main
from tests.simulation.bugs import moves_the_tallies_twice
from tests.simulation.runs import broken_among, nights, told

TOGETHER = 50
SEEDS = int(os.environ.get("YOAKE_SIMULATED_NIGHTS", "500"))


def test_the_same_seed_is_the_same_night() -> None:
    """Two nights of one seed have the same trace, whether anybody listens or not; another seed has another."""
    [first, second] = [next(iter(nights([seed]))) for seed in (7, 7)]

    assert first.hash == second.hash == told(7).hash
    assert first.hash != next(iter(nights([8]))).hash


@pytest.mark.parametrize("first", range(1, SEEDS + 1, TOGETHER))
def test_so_many_nights_leave_nothing_broken(first: int) -> None:
    """Whatever befalls the services, every guarantee holds the next morning; a test for each so many nights."""
    assert broken_among(range(first, min(first + TOGETHER, SEEDS + 1))) == []


def test_a_failing_seed_tells_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    """Times, who, what happened, what broke, and how to play it again."""
    with pytest.MonkeyPatch.context() as patch:
        moves_the_tallies_twice(patch)
        status = main(["--seed", "1"])

    told_ = capsys.readouterr().out
    first = told_.splitlines()[0].split()
    assert status == 1
    assert datetime.strptime(first[1], "%H:%M:%S.%f")  # noqa: DTZ007  (a time of day)
    assert "night       writes down call.report-" in told_
    assert "broken: the cells say" in told_
    assert 'make simulate ARGS="--seed 1"' in told_
