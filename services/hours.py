"""Which band a day's minutes belong to: hours by kind of day, over midnight, by the calendar then in force. Pure.

A day's spans begin on that day; the last one may run on into the next morning, whatever kind of
day that is. No call may wait for this: times are read once, and each day is laid out once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ACCEPTED_DAYS = (
    "monday to sunday, weekday, saturday-2 (the second of a month), holiday, 12-29..01-03 (each year), 2019-05-01"
)
NEXT = "next"
"""As the end of a span: until the first span of the day after begins."""
MIDNIGHT = 24 * 60
DAY = timedelta(days=1)
MOST_DAYS = 20_000
"""So many days are kept laid out: more than fifty years."""


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A band's hours, local time; `end` not after `start` crosses midnight, and "next" lasts until the next day's."""

    band: str
    start: str
    end: str


class DayHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of some kinds of day."""

    on: tuple[str, ...]
    spans: tuple[Span, ...]


class Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bands in force from 0:00 of a day: `spans`, but for the days of the first of `days` that names them."""

    from_: date = msgspec.field(name="from")
    spans: tuple[Span, ...]
    days: tuple[DayHours, ...] = ()

    def on(self, kind: int) -> tuple[Span, ...]:
        """The spans of a kind of day: a position in `days`, or -1 for every other day."""
        return self.spans if kind < 0 else self.days[kind].spans


class Holidays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The national holidays, as dates: listed up to `until`, so that no later calendar changes an old figure."""

    until: date
    days: tuple[date, ...]


class Stretch(NamedTuple):
    """Part of a calendar day, up to before the minute `until`; `before`: its band began on the day before."""

    until: int
    band: str
    before: bool
    start: int
    position: int
    """Of the span in its day's list."""


def minutes_of(text: str) -> int:
    """A time of day in minutes after midnight; 24:00 is 1440.

    Raises:
        ValueError: not a time of day.
    """
    match = re.fullmatch(r"(\d\d):(\d\d)", text)
    if text != "24:00" and (match is None or int(match[1]) > 23 or int(match[2]) > 59):
        raise ValueError(f"{text!r} is not a time of day")
    return int(text[:2]) * 60 + int(text[3:])


def hhmm(minutes: int) -> str:
    """Minutes after midnight as 08:30."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def stretches(before: tuple[Span, ...], own: tuple[Span, ...]) -> list[Stretch]:
    """One calendar day by its own spans and by what the day before left, in order; gaps and overlaps stay as they are.

    Raises:
        ValueError: a time that is none.
    """
    opens = min((minutes_of(span.start) % MIDNIGHT for span in own), default=MIDNIGHT)
    found = []
    for is_before, spans in ((True, before), (False, own)):
        for position, span in enumerate(spans):
            start = minutes_of(span.start) % MIDNIGHT
            end = MIDNIGHT + opens if span.end == NEXT else minutes_of(span.end)
            end += MIDNIGHT if end <= start else 0
            if is_before:
                start, end = 0, end - MIDNIGHT
            if end > start:
                found.append(Stretch(min(end, MIDNIGHT), span.band, is_before, start, position))
    return sorted(found, key=lambda stretch: (stretch.start, not stretch.before, stretch.until))


class Calendar:
    """A ward's hours laid out day by day."""

    def __init__(self, hours: tuple[Hours, ...], holidays: Iterable[date] = ()) -> None:
        self._hours = hours
        self._holidays = frozenset(holidays)
        self._days: dict[date, tuple[Stretch, ...]] = {}

    def on(self, day: date) -> tuple[Stretch, ...]:
        """The day's stretches. The hours in force on it also say how the night before it ended."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= MOST_DAYS:
                self._days.clear()
            hours = self.in_force(day)
            before, own = (self._spans(hours, each) for each in (day - DAY if day > date.min else day, day))
            found = self._days[day] = tuple(stretches(before, own))
        return found

    def in_force(self, day: date) -> Hours:
        """The hours of a day; before the first ones, those."""
        return next((hours for hours in reversed(self._hours) if hours.from_ <= day), self._hours[0])

    def _spans(self, hours: Hours, day: date) -> tuple[Span, ...]:
        return hours.on(kind_of(hours.days, day, day in self._holidays)) if hours.days else hours.spans


def kind_of(days: Iterable[DayHours], day: date, is_holiday: bool) -> int:
    """The position of the first entry that names the day, or -1."""
    for position, entry in enumerate(days):
        if is_among(entry.on, day, is_holiday):
            return position
    return -1


def is_among(names: Iterable[str], day: date, is_holiday: bool) -> bool:
    """Whether any of these names the day."""
    return any(_names(name, day, is_holiday) for name in names)


def _names(name: str, day: date, is_holiday: bool) -> bool:
    if name == "holiday":
        return is_holiday
    if name == "weekday":
        return day.weekday() < 5
    weekday, _, nth = name.partition("-")
    if weekday in WEEKDAYS:
        return day.weekday() == WEEKDAYS.index(weekday) and nth in ("", str((day.day + 6) // 7))
    if len(name) == 10:
        return name == day.isoformat()
    first, _, last = name.partition("..")
    own = f"{day:%m-%d}"
    last = last or first
    return first <= own <= last if first <= last else own >= first or own <= last


def is_day(name: str) -> bool:
    """Whether this is a way to name days; see ACCEPTED_DAYS."""
    if name in ("holiday", "weekday") or re.fullmatch(rf"({'|'.join(WEEKDAYS)})(-[1-5])?", name):
        return True
    parts = name.split("..") if ".." in name else [name]
    texts = [part if len(parts) == 1 and len(name) == 10 else f"2020-{part}" for part in parts]
    try:
        return len(parts) <= 2 and all(date.fromisoformat(text).isoformat() == text for text in texts)
    except ValueError:
        return False


@lru_cache(maxsize=64)
def following(days: tuple[DayHours, ...]) -> frozenset[tuple[int, int]]:
    """Which kinds of day can follow one another, in any year: pairs as `kind_of` counts them.

    Any day may be a holiday one year. Weekdays and dates meet in every way within 28 years.
    """
    if not days:
        return frozenset({(-1, -1)})
    named = [date.fromisoformat(name) for entry in days for name in entry.on if len(name) == 10 and name[:4].isdigit()]
    start = date(2000, 1, 1)
    wanted = [start + DAY * offset for offset in range(28 * 366)] + [day + DAY * by for day in named for by in (0, 1)]
    return frozenset(
        (before, own)
        for day in wanted
        for before in {kind_of(days, day - DAY, told) for told in (False, True)}
        for own in {kind_of(days, day, told) for told in (False, True)}
    )
