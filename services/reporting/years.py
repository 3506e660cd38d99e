"""Fiscal years (年度) as people ask for them. Pure."""

from __future__ import annotations

import re
from datetime import date

from services import era

ACCEPTED = "2022, 2022-2023, 令和4年度, 令和4年度～令和5年度, R4 or R4-R5"
MOST_YEARS = 50

_ERAS = "|".join(name for era_ in era.ERAS for name in era_[1:])
_YEAR = rf"(?:FY\s*)?(?:\d{{4}}|(?:{_ERAS})\s*(?:元|\d{{1,2}}))\s*(?:年度?)?"
_YEARS = re.compile(rf"(?P<first>{_YEAR})(?:\s*(?:-|~|〜|–|から)\s*(?P<last>{_YEAR}))?", re.IGNORECASE)


def read_years(text: str) -> range:
    """The fiscal years from the first to the last, both included, as a range; each by the year in which it begins.

    Raises:
        ValueError: not such years, the wrong way round, or too many; says what is accepted.
    """
    match = _YEARS.fullmatch(era.folded(text))
    if match is None:
        raise ValueError(f"fiscal years: not understood; accepted: {ACCEPTED}")
    first = _year(match["first"])
    last = _year(match["last"]) if match["last"] else first
    if not first <= last < first + MOST_YEARS:
        raise ValueError(f"fiscal years: from an earlier to a later one, at most {MOST_YEARS}; accepted: {ACCEPTED}")
    return range(first, last + 1)


def _year(text: str) -> int:
    if found := re.search(r"\d{4}", text):
        return int(found[0])
    name, number = re.match(rf"({_ERAS})\s*(元|\d+)", text.upper()).groups()  # type: ignore[union-attr]  # `_YEARS` held.
    start = next(start for start, *names in era.ERAS if name in names)
    return start.year - 1 + (1 if number == "元" else int(number))


def begins(year: int) -> date:
    """1 April."""
    return date(year, 4, 1)


def ends(year: int) -> date:
    """31 March, included."""
    return date(year + 1, 3, 31)
