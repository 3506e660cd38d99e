"""Dates as Japanese offices write them: eras, fiscal years, full-width digits. Pure.

The eras are the nation's, not a ward's. A fiscal year is named by the era at its end where it
changed within: April 2019 to March 2020 is 令和元年度, as the offices write it.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache

ERAS = (
    (date(2019, 5, 1), "令和", "R"),
    (date(1989, 1, 8), "平成", "H"),
    (date(1926, 12, 25), "昭和", "S"),
    (date(1912, 7, 30), "大正", "T"),
    (date(1868, 1, 25), "明治", "M"),
)
MOST_YEARS = 125
"""An age that nobody exceeds."""

WEEKDAYS = "月火水木金土日"

_ERA_DATE = re.compile(
    r"(?P<era>令和|平成|昭和|大正|明治|[RHSTM])\s*(?P<year>元|\d{1,2})\s*(?:年|[./-])\s*"
    r"(?P<month>\d{1,2})\s*(?:月|[./-])\s*(?P<day>\d{1,2})日?",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?P<year>\d{4})\s*[年./-]\s*(?P<month>\d{1,2})\s*[月./-]\s*(?P<day>\d{1,2})日?")


def folded(text: str) -> str:
    """Full-width digits and letters made half-width, and spaces at the ends dropped."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def parse_date(text: str) -> date:
    """A date as people type it: 1985-04-30, 1985/4/30, 昭和60年4月30日, S60.4.30, in any width.

    Raises:
        ValueError: not such a date, or a day that the calendar does not have.
    """
    plain = folded(text)
    if match := _DATE.fullmatch(plain):
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    if match := _ERA_DATE.fullmatch(plain):
        start = next(e[0] for e in ERAS if match["era"].upper() in (e[1], e[2]))
        year = 1 if match["year"] == "元" else int(match["year"])
        if not 1 <= year <= _last_year(start):
            raise ValueError("not a date")
        return date(start.year + year - 1, int(match["month"]), int(match["day"]))
    raise ValueError("not a date")


def _last_year(start: date) -> int:
    """The last year of the era that began then, of which papers may have been dated to its end: 昭和64, 平成31."""
    following = min((other for other, _, _ in ERAS if other > start), default=date.max)
    return following.year - start.year + 1


def is_no_day(text: str) -> bool:
    """Whether a text is written as a date, and there is no such day: 昭和60年4月31日, 昭和99年1月1日."""
    plain = folded(text)
    if not (_DATE.fullmatch(plain) or _ERA_DATE.fullmatch(plain)):
        return False
    try:
        parse_date(plain)
    except ValueError:
        return True
    return False


def era_of(day: date) -> tuple[str, str, int]:
    """The era's name, its letter and its year on a day: ("令和", "R", 5)."""
    for start, name, letter in ERAS:
        if day >= start:
            return name, letter, day.year - start.year + 1
    raise ValueError(f"{day} lies before the eras")


def japanese_date(day: date, weekday: bool = False) -> str:
    """令和5年1月26日, with the weekday 令和5年1月26日（木）."""
    name, _, year = era_of(day)
    text = f"{name}{_first(year)}年{day.month}月{day.day}日"
    return f"{text}（{WEEKDAYS[day.weekday()]}）" if weekday else text


def fiscal_year_label(year: int, language: str = "ja") -> str:
    """令和5年度, 令和元年度; FY2023 in English."""
    if language == "en":
        return f"FY{year}"
    name, _, era_year = _era_of_fiscal_year(year)
    return f"{name}{_first(era_year)}年度"


@cache
def fiscal_year_letter(year: int) -> str:
    """R5 for fiscal year 2023, as in the reference number R5-0012."""
    _, letter, era_year = _era_of_fiscal_year(year)
    return f"{letter}{era_year}"


def _era_of_fiscal_year(year: int) -> tuple[str, str, int]:
    """By the era at the year's end, unless that era began only in its last months."""
    name, letter, era_year = era_of(date(year + 1, 3, 31))
    return (name, letter, era_year - 1) if era_year > 1 else era_of(date(year, 4, 1))


def _first(year: int) -> str:
    return "元" if year == 1 else str(year)


def age_on(birth: date, day: date) -> int:
    """Whole years on the birthday's count; born on 29 February, 1 March counts in a common year."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def age_of(birth: date | None, day: date) -> int | None:
    """The same, where somebody may be of that age: None for who is not born yet, or would be over `MOST_YEARS`."""
    years = None if birth is None or birth > day else age_on(birth, day)
    return years if years is not None and years <= MOST_YEARS else None


def legal_age_on(birth: date, day: date) -> int:
    """Whole years by law (年齢計算ニ関スル法律): a year is complete on the day before the birthday."""
    return age_on(birth, date.fromordinal(day.toordinal() + 1))


def school_age_on(birth: date, day: date) -> int:
    """The age by which a child's school stage goes in the fiscal year of `day`: whole years on 1 April by the birthday.

    By law a year is complete on the day before the birthday, and school begins on the first 1 April
    after it: whoever was born from 2 April to the next 1 April shares a school year. Six is the
    first year of primary school. Born since that 1 April: 0.
    """
    year = day.year if day.month >= 4 else day.year - 1
    return max(0, age_on(birth, date(year, 4, 1)))
