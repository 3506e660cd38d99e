"""What stands in a cell, as people type it and as spreadsheets keep it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

from services.era import folded, parse_date

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a sheet's own count of days has no zone)
_DAY, _LONGEST_NIGHT = timedelta(days=1), timedelta(hours=30)
_SECOND_DAYS = (date(1900, 1, 1), date(1904, 1, 2))
"""How a workbook, in either of its epochs, gives 24:00 and later in a cell formatted as a time of day."""
TRUE = frozenset({"○", "〇", "◯", "◎", "✓", "✔", "レ", "有", "あり", "有り", "はい", "1", "true", "yes", "y"})
FALSE = frozenset({"×", "✕", "✗", "x", "無", "なし", "無し", "いいえ", "0", "false", "no", "n"})

_SERIAL = re.compile(r"\d{5}(\.\d+)?")
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_CLOCK = re.compile(
    r"(?=.*[:時])(?P<half>午前|午後|am|pm)?\s*(?P<hour>\d{1,2})(?:\s*[:時]\s*(?P<minute>\d{1,2}))?"
    r"(?:\s*[:分]\s*(?P<second>\d{1,2}))?(?:\.\d+)?\s*[時分秒]?\s*(?P<after>am|pm)?",
    re.IGNORECASE,
)
_DATE_THEN_CLOCK = re.compile(
    r"(?P<day>.+?(?:日|\d))(?:\s*[（(].[）)])?(?:\s+|T|(?<=[日）)]))(?P<clock>\D{0,2}\d{1,2}\s*[:時].*)"
)
_WEEKDAY = re.compile(r"[（(][月火水木金土日][）)]")


def text_of(value: Any) -> str:
    """A cell as a text: 1.0 is 1, a date is 2024-05-14; nothing is the empty text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
        case time():
            return value.isoformat("minutes")
        case _:
            return str(value).strip()


def truth_of(text: str) -> bool | None:
    """Whether a mark says yes or no; None if it says neither."""
    plain = folded(text).casefold()
    marks = {plain, text.strip()}
    return True if marks & TRUE else False if marks & FALSE else None


def day_of(value: Any, epoch: datetime = EPOCH) -> date | None:
    """A day: a date of the sheet, its number of days, or a text in any era and width; None if it is none."""
    match value:
        case datetime():
            return value.date()
        case date():
            return value
        case bool() | time() | timedelta():
            return None
        case int() | float():
            found = _from_serial(value, epoch)
            return found.date() if found else None
    plain = _WEEKDAY.sub("", folded(text_of(value)))
    if _SERIAL.fullmatch(plain):
        found = _from_serial(float(plain), epoch)
        return found.date() if found else None
    eight = _EIGHT.fullmatch(plain)
    try:
        return date(*map(int, eight.groups())) if eight else parse_date(plain)
    except ValueError:
        return None


def clock_of(value: Any) -> timedelta | None:
    """A time of day, since midnight: of the sheet, a share of a day, or 14:05, 午後2時5分 in any width.

    24:00 to 29:59, as night shifts write it, is 0:00 to 5:59 of the next day. None if it is none of these.
    """
    match value:
        case datetime():
            return _night(_since_midnight(value.time()) + (_DAY if value.date() in _SECOND_DAYS else timedelta()))
        case time():
            return _since_midnight(value)
        case timedelta():
            return _night(value)
        case bool():
            return None
        case int() | float():
            return _night(timedelta(seconds=round(value * 86_400))) if 0 <= value < 2 else None
    match = _CLOCK.fullmatch(folded(text_of(value)))
    if match is None:
        return None
    hour = int(match["hour"])
    half = (match["half"] or match["after"] or "").casefold()
    if half and hour > 12:
        return None
    if half in ("午後", "pm") and hour < 12:
        hour += 12
    if half in ("午前", "am") and hour == 12:
        hour = 0
    minute, second = int(match["minute"] or 0), int(match["second"] or 0)
    return _night(timedelta(hours=hour, minutes=minute, seconds=second)) if minute < 60 and second < 60 else None


def moment_of(values: Sequence[Any], epoch: datetime = EPOCH) -> datetime | None:
    """Date and time from one cell or two, with an offset only where it is written; a day alone is 0:00; or None."""
    first, *rest = values
    second = next((value for value in rest if text_of(value)), None)
    if second is not None:
        return _combined(day_of(first, epoch), clock_of(second))
    if isinstance(first, datetime):
        return first
    if isinstance(first, int | float) and not isinstance(first, bool):
        return _from_serial(first, epoch)
    plain = folded(text_of(first))
    if "T" in plain or "+" in plain:
        with suppress(ValueError):
            return datetime.fromisoformat(plain)
    if match := _DATE_THEN_CLOCK.fullmatch(plain):
        return _combined(day_of(match["day"], epoch), clock_of(match["clock"]))
    return _combined(day_of(plain, epoch), timedelta())


def _combined(day: date | None, clock: timedelta | None) -> datetime | None:
    if day is None or clock is None:
        return None
    with suppress(OverflowError):
        return datetime.combine(day, time()) + clock
    return None


def _from_serial(days: float, epoch: datetime) -> datetime | None:
    """A moment by a sheet's count of days, to the second; none before 1900 or beyond 9999."""
    try:
        moment = epoch + timedelta(seconds=round(float(days) * 86_400))
    except (OverflowError, ValueError):
        return None
    return moment if days >= 61 else None


def _since_midnight(clock: time) -> timedelta:
    return datetime.combine(date.min, clock) - datetime.min  # noqa: DTZ901  (a difference on one clock)


def _night(clock: timedelta) -> timedelta | None:
    return clock if timedelta() <= clock < _LONGEST_NIGHT else None
