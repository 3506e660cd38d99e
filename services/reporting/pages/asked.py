"""What somebody typed into the form of a table, understood or answered in plain words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from services.era import folded, parse_date
from services.reporting.years import read_years
from services.ward import Label, Ward

FIELDS = ("fy", "as_of", "known_at", "since")
FIRST_YEAR, LAST_YEAR = 1900, 2199
"""No ward's table lies outside, and the calendar's own ends lie far away."""

_TIME = re.compile(r"(?P<day>.*?)[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2}(?:\.\d+)?)?", re.IGNORECASE)
_POSITION = re.compile(r"[0-9]{1,18}")

YEARS = Label(
    "年度は、2022、2022-2023、令和4年度、令和4年度～令和5年度、R4、R4-R5 のように入力してください（50年度まで）。",
    "Fiscal years: 2022, 2022-2023, R4 or R4-R5 are accepted, at most 50 of them.",
)
DAY = Label(
    "基準日は、2023-01-26、2023/1/26、令和5年1月26日、R5.1.26 のように、暦にある日を入力してください。",
    "As of: a day that the calendar has is accepted, such as 2023-01-26, 2023/1/26 or R5.1.26.",
)
KNOWN = Label(
    "把握時点は、記録原簿の何件目か（例：123）、または日時（例：2023-01-26 17:00、令和5年1月26日）を入力してください。",
    "Known at: a position of the ledger such as 123, or a time such as 2023-01-26 17:00 is accepted.",
)
SINCE = Label(
    "差をみる時点は、記録原簿の何件目か（例：123）、または日時（例：2023-01-26 17:00）を入力してください。",
    "Changed since: a position of the ledger such as 123, or a time such as 2023-01-26 17:00 is accepted.",
)
LATER = Label(
    "差をみる時点は、把握時点より前にしてください。",
    "Changed since: an earlier state than the one that is shown is accepted.",
)

EMPTY = Label("記録原簿にはまだ記録がありません。", "The ledger is empty: nothing was recorded yet.")


def out_of_range(head: int, since_ja: str, since_en: str) -> Label:
    """What to say to somebody who asked for a cut-off that the ledger does not have."""
    return Label(
        f"記録原簿は1件目から{head}件目まで、{since_ja}に始まっています。その範囲の件目か、それより後の日時を入力してください。",
        f"The ledger has records 1 to {head} and began on {since_en}: give one of these, or a later time.",
    )


class Asked(NamedTuple):
    """Which table: see `Inquiry.report`."""

    years: range | None = None
    as_of: date | None = None
    known_at: datetime | int | None = None
    since: datetime | int | None = None
    """An earlier state, from which the difference is told."""


class NotUnderstood(ValueError):
    """A field that cannot be used; `label` says what is accepted."""

    def __init__(self, field: str, label: Label) -> None:
        super().__init__(label.en)
        self.field, self.label = field, label


def typed(query: Mapping[str, str]) -> dict[str, str]:
    """The form's fields as they were typed, the empty ones left out."""
    return {field: query[field] for field in FIELDS if query.get(field, "").strip()}


def read(query: Mapping[str, str], ward: Ward) -> tuple[Asked, dict[str, Label]]:
    """What was asked for, and for each field that was not understood what is accepted."""
    asked, wrong = Asked(), {}
    for field, text in typed(query).items():
        try:
            asked = _with(asked, field, folded(text), ward)
        except NotUnderstood as error:
            wrong[field] = error.label
    return asked, wrong


def _with(asked: Asked, field: str, text: str, ward: Ward) -> Asked:
    match field:
        case "fy":
            return asked._replace(years=_years(text))
        case "as_of":
            return asked._replace(as_of=_day("as_of", text, DAY))
        case "since":
            return asked._replace(since=known_at(text, ward, SINCE, "since"))
        case _:
            return asked._replace(known_at=known_at(text, ward))


def _years(text: str) -> range:
    try:
        years = read_years(text)
    except ValueError as error:
        raise NotUnderstood("fy", YEARS) from error
    if not (years[0] >= FIRST_YEAR and years[-1] <= LAST_YEAR):
        raise NotUnderstood("fy", YEARS)
    return years


def _day(field: str, text: str, accepted: Label) -> date:
    try:
        day = parse_date(text)
    except ValueError as error:
        raise NotUnderstood(field, accepted) from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NotUnderstood(field, accepted)
    return day


def known_at(text: str, ward: Ward, accepted: Label = KNOWN, field: str = "known_at") -> datetime | int:
    """A cut-off: a position, or a time on the ward's clock unless it has an offset; a day alone means its end.

    Raises:
        NotUnderstood: neither.
    """
    if _POSITION.fullmatch(text):
        return int(text)
    if (exact := _with_offset(text)) is not None:
        return exact
    clock = _TIME.fullmatch(text)
    day = _day(field, clock["day"] if clock else text, accepted)
    if clock is None:
        return ward.end_of(day) - timedelta.resolution
    try:
        minute = time(int(clock["hour"]), int(clock["minute"]))
    except ValueError as error:
        raise NotUnderstood(field, accepted) from error
    # The whole minute: what a page shows as 17:00 was known at 17:00.
    return datetime.combine(day, minute, ward.zone) + timedelta(minutes=1) - timedelta.resolution


def _with_offset(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo and FIRST_YEAR <= moment.year <= LAST_YEAR else None
