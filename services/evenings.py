"""Which night is tonight, and when its notes (今夜の申し送り) are issued, by the ward's file. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from services.ward import Ward


class Span(NamedTuple):
    """A night: the day on which it begins, and its times, half open, on the ward's clock."""

    night: date
    begins: datetime
    ends: datetime


class Evening(NamedTuple):
    """When the notes of a night are issued."""

    night: date
    due: datetime


def span_of(ward: Ward, night: date) -> Span | None:
    """The night that begins on a day; None: none does, or the ward's file names no nights."""
    times = ward.night_span(night)
    return Span(night, *times) if times else None


def tonight(ward: Ward, now: datetime) -> Span | None:
    """The night that it is now, or else the next one to begin."""
    night = ward.night_ending_after(now)
    return span_of(ward, night) if night else None


def evening_of(ward: Ward, span: Span | None) -> Evening | None:
    """When the notes of a night are issued; None: the ward wants none."""
    if span is None or ward.evening is None:
        return None
    due = span.begins.astimezone(UTC) - timedelta(minutes=ward.evening.before)
    return Evening(span.night, ward.local(due))


def evenings(ward: Ward, now: datetime) -> Iterator[Evening]:
    """The evening of tonight, whether or not it has come, and that of the night after it."""
    span = tonight(ward, now)
    for each in (span, tonight(ward, span.ends) if span else None):
        if evening := evening_of(ward, each):
            yield evening


def has_come(evening: Evening, now: datetime) -> bool:
    """Whether the notes of that evening are due by now."""
    return evening.due.astimezone(UTC) <= now.astimezone(UTC)


def is_over(span: Span, now: datetime) -> bool:
    """Whether that night has ended."""
    return span.ends.astimezone(UTC) <= now.astimezone(UTC)
