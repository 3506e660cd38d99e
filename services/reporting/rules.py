"""Which of the ward's rules a table is made of: an old year's keeps its districts, outcomes and words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

from services.reporting.years import begins, ends
from services.ward import Keyed, Label, Ward


class InForce(NamedTuple):
    """A ward's file, and the first day on which it was in force; the very first always was."""

    since: date
    ward: Ward


Rules = Sequence[InForce]
"""Those in force during a table's period, the earliest first and at least one; the last lays the table out."""


def in_period(wards: Sequence[tuple[datetime, Ward]], years: range | None, as_of: date | None) -> list[InForce]:
    """The rules in force on some day that a table covers. `wards` are all, each with its moment, in that order."""
    first = begins(years[0]) if years else date.min
    last = min(day for day in (as_of, ends(years[-1]) if years else None, date.max) if day is not None)
    days = [date.min, *(ward.local(since).date() for since, ward in wards[1:])]
    known = [InForce(day, ward) for day, (_, ward) in zip(days, wards, strict=True)]
    known = [rule for rule, later in pairwise([*known, None]) if rule and (later is None or rule.since < later.since)]
    following = [*(rule.since for rule in known[1:]), date.max]
    found = [rule for rule, until in zip(known, following, strict=True) if rule.since <= last and first < until]
    return found or known[:1]


def label_of(rules: Rules, place: str, key: str) -> Label:
    """What the newest file that knows a key calls it; the key itself where none does."""
    for rule in reversed(rules):
        for entry in _entries(rule.ward, place):
            if entry.key == key:
                return entry.label
    return Label(key, key)


def began(rules: Rules, place: str, key: str) -> date | None:
    """The day from which a key was there: by its own `from`, or by the file that brought it; None: always."""
    knowing = [rule for rule in rules if any(entry.key == key for entry in _entries(rule.ward, place))]
    own = _own_day(knowing[-1].ward, place, key) if knowing else None
    brought = knowing[0].since if knowing and knowing[0] is not rules[0] else None
    return max((day for day in (own, brought) if day is not None), default=None)


def _own_day(ward: Ward, place: str, key: str) -> date | None:
    if place == "outcome":
        return next((ward.begins(outcome) for outcome in ward.outcome if outcome.key == key), None)
    return next((getattr(entry, "from_", None) for entry in _entries(ward, place) if entry.key == key), None)


def _entries(ward: Ward, place: str) -> tuple[Keyed, ...]:
    entries: tuple[Keyed, ...] = getattr(ward, place)
    return entries


def always(ward: Ward) -> list[InForce]:
    """One file, for ever."""
    return [InForce(date.min, ward)]
