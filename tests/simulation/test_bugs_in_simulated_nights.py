"""Each bug that is planted in simulated nights is found. `make simulate ARGS="--bugs"` says how long each takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.simulation.bugs import BUGS, Plant
from tests.simulation.runs import MOST, seeds_until_found

PAGE = (Path(__file__).parents[2] / "docs/guarantees.md").read_text()
TOLD = re.findall(r"^\| `(\w+)` \| (.+) \| (\d+) \|$", PAGE, re.MULTILINE)
"""Name and sentence of each, and the first night that finds it."""


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant) -> None:
    """By the night that the page of guarantees names, or, where another Python goes another way, by one of so many."""
    known = {name: int(seed) for name, _, seed in TOLD}

    assert seeds_until_found(plant, MOST, known.get(plant.__name__)), f"nobody noticed: {plant.__doc__}"


def test_the_page_of_guarantees_lists_every_bug_that_is_planted_in_a_night() -> None:
    """Name and sentence of each; the numbers are those that `make simulate ARGS="--bugs"` prints."""
    assert [(name, said) for name, said, _ in TOLD] == [(plant.__name__, plant.__doc__) for plant in BUGS]
    assert len(TOLD) >= 20
