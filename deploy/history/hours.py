"""Moments inside a band, a fiscal year and a stretch of days, clear of every edge."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random

from services.ward import DAY, Ward, fiscal_year

OFFICE = (time(9), time(16, 30))
Window = tuple[int, int]
"""Minutes after midnight, start and end, of one calendar day."""


def in_force(ward: Ward, band: str, start: date, end: date) -> bool:
    """Whether the band has hours on any day from `start` until before `end`."""
    return any(_windows(ward, band, start + DAY * offset) for offset in range((end - start).days))


def _windows(ward: Ward, band: str, day: date) -> list[Window]:
    """The band's minutes within one calendar day; a night has two parts there."""
    return [(part.start, part.until) for part in ward.calendar.on(day) if part.band == band]


def moment_in(
    ward: Ward, band: str, start: date, end: date, rng: Random, *, evening: bool = False, tries: int = 60
) -> datetime | None:
    """A moment of the band from `start` until before `end`, all within one fiscal year by either policy.

    `evening`: before midnight rather than after it, where the band has both. None: there is none.
    """
    days = [start + DAY * offset for offset in range((end - start).days)]
    for day in [*(rng.choice(days) for _ in range(tries if days else 0)), *days]:
        windows = _windows(ward, band, day)
        if evening and len(windows) > 1:
            windows = [window for window in windows if window[0] > 0] or windows
        rng.shuffle(windows)
        for window in windows:
            at = _inside(ward, day, window, rng)
            if fits(ward, at, band, day):
                return at
    return None


def moment_between(ward: Ward, band: str, day: date, first: time, last: time, rng: Random) -> datetime | None:
    """A moment of the band between two times of one day, a minute clear of both."""
    at = _inside(ward, day, (_minutes(first), _minutes(last)), rng)
    return at if fits(ward, at, band, day) else None


def fits(ward: Ward, at: datetime, band: str, day: date) -> bool:
    """Whether the moment is in the band, on the day, and in the day's fiscal year by either policy."""
    same_year = ward.fiscal_year(at) == fiscal_year(day) == fiscal_year(ward.night_of(at))
    return same_year and ward.band_of(at) == band and ward.local(at).date() == day


def _inside(ward: Ward, day: date, window: Window, rng: Random) -> datetime:
    first, last = window
    inside = rng.randint(first + 1, last - 1) if last - first > 1 else first + 0.5
    wall = ward.start_of(day).replace(tzinfo=None) + timedelta(minutes=inside)
    return ward.local(wall.replace(tzinfo=ward.zone))


def office_hours(ward: Ward, after: datetime, rng: Random, *, weekdays: bool = False) -> datetime:
    """When the office would act on something: soon in office hours, this day before them, the next day after them.

    `weekdays`: by others, who do not work at weekends.
    """
    local = ward.local(after)
    day = local.date()
    soon = local + timedelta(minutes=rng.randint(15, 120))
    if OFFICE[0] <= local.time() < soon.time() <= OFFICE[1] and (day.weekday() < 5 or not weekdays):
        return soon
    day += DAY if local.time() >= OFFICE[0] else timedelta()
    while weekdays and day.weekday() >= 5:
        day += DAY
    return ward.start_of(day) + timedelta(minutes=rng.randint(9 * 60 + 30, 16 * 60))


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
