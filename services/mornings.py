"""What a ward's file says of nights and mornings: hand-over, deadlines, who answers when it cannot wait. Pure.

A night is the time of one band, named by the day on which it began; it ends on the next morning, by
whatever hours are in force then.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.hours import DAY, MIDNIGHT, Calendar
from services.keyed import Keyed, Strict

WARD = "ward"
"""As the receiver of a step: the ward, by its duty contact of the hour."""

FURTHEST = 400
"""Days within which the next night is looked for, or the last one."""

When = Literal["open", "closed", "night"]


class Step(Strict, frozen=True, kw_only=True):
    """What follows where nobody acknowledged: so many minutes after it was due, `to` a provider or the ward."""

    after: int
    key: str
    to: str


class Morning(Strict, frozen=True, kw_only=True):
    """朝の引継ぎ: which band's calls are handed over; minutes to acknowledge, and seconds to wait for the closing."""

    band: str
    acknowledge: int = 30
    grace: int = 60
    step: tuple[Step, ...] = ()


class Urgent(Strict, frozen=True, kw_only=True):
    """What cannot wait for the morning: minutes between the steps of the ladder of `duty` while nobody has answered."""

    every: int = 10


class Duty(Keyed, frozen=True, kw_only=True):
    """An organisation's contact for what cannot wait, and when it is one; they are called in their order."""

    phone: str
    on: tuple[When, ...]


class Closed(Strict, frozen=True, kw_only=True):
    """閉庁日: the days on which the ward's offices are closed, named as in `[[hours.days]]`."""

    days: tuple[str, ...]


class Evening(Strict, frozen=True, kw_only=True):
    """今夜の申し送り: so many minutes before the night begins."""

    before: int = 10


def night_span(calendar: Calendar, zone: ZoneInfo, band: str, night: date) -> tuple[datetime, datetime] | None:
    """When the night that began on this day began and ended, on the ward's clock; None: this band did not begin then.

    Where the clock was put back in between, the later of two equal hours ends it.
    """
    own = [stretch for stretch in calendar.on(night) if stretch.band == band and not stretch.before]
    if not own:
        return None
    ended = _at(night, own[-1].until, zone)
    if own[-1].until == MIDNIGHT:
        after = [s.until for s in calendar.on(night + DAY) if s.band == band and s.before]
        ended = _at(night + DAY, max(after), zone) if after else ended
    return _at(night, own[0].start, zone), _later(ended)


def _at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=minute // MIDNIGHT), time(*divmod(minute % MIDNIGHT, 60)), zone)


def _later(moment: datetime) -> datetime:
    return max(moment, moment.replace(fold=1), key=lambda each: each.astimezone(UTC))


def night_ending_after(calendar: Calendar, zone: ZoneInfo, band: str, moment: datetime) -> date | None:
    """The first night that ends after a moment; None where none does for more than a year."""
    first = moment.astimezone(zone).date() - DAY
    for offset in range(FURTHEST):
        night = first + timedelta(days=offset)
        span = night_span(calendar, zone, band, night)
        if span is not None and span[1].astimezone(UTC) > moment.astimezone(UTC):
            return night
    return None


def night_ended_by(calendar: Calendar, zone: ZoneInfo, band: str, moment: datetime) -> date | None:
    """The last night that had ended at a moment; None where none had for more than a year."""
    last = moment.astimezone(zone).date()
    for offset in range(FURTHEST):
        night = last - timedelta(days=offset)
        span = night_span(calendar, zone, band, night)
        if span is not None and span[1].astimezone(UTC) <= moment.astimezone(UTC):
            return night
    return None
