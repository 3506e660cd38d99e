"""What published tables claim: how many there were between two days, by column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from services.ward import Ward

UNKNOWN = "unknown"
TOTAL = "total"
NOT_STATED = "not-stated"
NO_AGE = "no-age"


class Contradiction(ValueError):
    """Tables that no history can yield; names table, row, column and the numbers that disagree."""


class Claim(NamedTuple):
    """So many were added from `start` (None: since the beginning) until before `end`.

    `floor`: at least so many.
    """

    place: str
    start: date | None
    end: date
    value: int
    floor: bool = False


Claims = dict[str, list[Claim]]
"""Claims by column: each district, `unknown` and `total`."""


class Cell(NamedTuple):
    """A base cell of the table of calls."""

    year: int
    band: str
    outcome: str


@dataclass(frozen=True)
class Figures:
    """All that the tables say. `handbooks` and `ages`: counts by key, by the first day that no longer counts."""

    registrations: Claims
    consultations: Claims
    cells: dict[Cell, int]
    handbooks: dict[date, dict[str, int]]
    ages: dict[date, dict[str, int]]


def columns_of(ward: Ward) -> list[str]:
    """The ward's districts in their order, and `unknown`."""
    return [*(district.key for district in ward.district), UNKNOWN]


def year_start(year: int) -> date:
    """The first day of a fiscal year (April to March)."""
    return date(year, 4, 1)
