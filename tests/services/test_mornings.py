"""Nights and mornings by the ward's file: when a night began and ended, which day is closed, and who answers when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.hours import Calendar, Hours, Span
from services.mornings import Morning, night_span
from services.ward import Ward, load
from tests.desk_examples import WARD, with_policy

WARDS = Path(__file__).parents[2] / "deploy" / "wards"
HOURS = load(WARDS / "akatsukino.toml")
KINDS = msgspec.structs.replace(HOURS, morning=Morning(band="night"))
SMALL_HOURS = load(WARDS / "ariakegaura.toml")


@pytest.mark.parametrize(
    ("ward", "evening", "began", "ended"),
    [
        (WARD, "2025-05-12", "2025-05-12 17:00", "2025-05-13 08:30"),
        (WARD, "2025-03-30", "2025-03-30 17:15", "2025-03-31 08:30"),
        (WARD, "2025-03-31", "2025-03-31 17:15", "2025-04-01 08:30"),  # The hours change at midnight.
        (WARD, "2024-02-28", "2024-02-28 17:15", "2024-02-29 08:30"),
        (WARD, "2024-02-29", "2024-02-29 17:15", "2024-03-01 08:30"),
        (WARD, "2025-12-31", "2025-12-31 17:00", "2026-01-01 08:30"),
        (KINDS, "2024-05-10", "2024-05-10 17:15", "2024-05-11 01:00"),  # Friday's night, into a Saturday.
        (KINDS, "2023-12-28", "2023-12-28 17:15", "2023-12-29 01:00"),
        (SMALL_HOURS, "2024-05-10", "2024-05-10 23:00", "2024-05-11 10:00"),  # Until the Saturday opens.
        (SMALL_HOURS, "2024-05-12", "2024-05-12 22:00", "2024-05-13 09:00"),
    ],
)
def test_a_night_begins_on_its_evening_and_ends_on_the_next_morning(
    ward: Ward, evening: str, began: str, ended: str
) -> None:
    """By the hours of the evening, and by those then in force for its end."""
    night = date.fromisoformat(evening)

    assert ward.night_span(night) == (at(began, ward), at(ended, ward))
    assert ward.night_at(at(began, ward)) == night
    assert ward.night_at(at(ended, ward)) is None
    assert ward.night_ending_after(at(began, ward)) == night


def test_on_a_day_whose_evening_is_closed_no_night_begins() -> None:
    """The next one that ends is that of the next day that has one; a call while it is closed is of no night."""
    assert KINDS.night_span(date(2024, 1, 1)) is None
    assert KINDS.night_at(at("2024-01-01 23:00", KINDS)) is None
    assert KINDS.night_ending_after(at("2023-12-29 01:00", KINDS)) == date(2024, 1, 4)


def test_a_night_that_has_just_ended_is_not_the_next_to_end() -> None:
    """At 8:30 the next one is tonight's; a minute before it is last night's still."""
    assert WARD.night_ending_after(at("2025-05-13 08:29")) == date(2025, 5, 12)
    assert WARD.night_ending_after(at("2025-05-13 08:30")) == date(2025, 5, 13)


def test_with_the_other_edge_a_call_on_the_end_is_of_the_night() -> None:
    """(start, end]: at 8:30 sharp it is last night's."""
    ward = with_policy(edges="end")

    assert ward.night_at(at("2025-05-13 08:30")) == date(2025, 5, 12)
    assert ward.night_at(at("2025-05-12 17:00")) is None


def test_a_ward_without_mornings_has_no_nights() -> None:
    """Nothing is closed, issued or due."""
    assert HOURS.night_at(at("2024-05-10 23:00", HOURS)) is None
    assert HOURS.night_span(date(2024, 5, 10)) is None
    assert HOURS.night_ending_after(at("2024-05-10 23:00", HOURS)) is None


@pytest.mark.parametrize(
    ("evening", "length"), [("2026-03-28", 14.5), ("2026-03-29", 15.5), ("2025-10-25", 16.5), ("2025-10-26", 15.5)]
)
def test_where_the_clock_is_put_forward_or_back_the_night_is_an_hour_shorter_or_longer(
    evening: str, length: float
) -> None:
    """The hours are those of the clock on the wall."""
    span = night_span(WARD.calendar, ZoneInfo("Europe/Berlin"), "night", date.fromisoformat(evening))
    assert span is not None
    began, ended = (moment.astimezone(UTC) for moment in span)

    assert (ended - began).total_seconds() == length * 3600


def test_of_two_equal_hours_the_later_one_ends_a_night() -> None:
    """A night until half past two, as the clock is put back from three to two: nobody's call is after its end."""
    spans = (Span(band="night", start="17:00", end="02:30"), Span(band="day", start="02:30", end="17:00"))
    calendar, berlin = Calendar((Hours(from_=date(2025, 1, 1), spans=spans),)), ZoneInfo("Europe/Berlin")
    span = night_span(calendar, berlin, "night", date(2025, 10, 25))

    assert span is not None
    assert span[1].astimezone(UTC) == datetime(2025, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "is_closed"),
    [
        ("2025-11-14", False),
        ("2025-11-15", True),  # A Saturday.
        ("2025-11-24", True),  # 振替休日, a Monday.
        ("2025-12-28", True),
        ("2025-12-29", True),
        ("2026-01-03", True),
        ("2026-01-05", False),
    ],
)
def test_the_wards_offices_are_closed_on_weekends_holidays_and_at_the_years_end(day: str, is_closed: bool) -> None:
    """閉庁日; a ward that names no days is never closed."""
    assert WARD.is_closed_day(date.fromisoformat(day)) is is_closed
    assert not HOURS.is_closed_day(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("moment", "called"),
    [
        ("2025-11-14 10:00", ["planning-section", "ward-duty-second"]),
        ("2025-11-14 17:00", ["ward-duty", "ward-duty-second"]),
        ("2025-11-15 05:20", ["ward-duty", "ward-duty-second"]),
        ("2025-11-15 10:00", ["ward-duty", "ward-duty-second"]),
    ],
)
def test_who_answers_for_the_ward_goes_by_the_hour(moment: str, called: list[str]) -> None:
    """In their order: by day, on a closed day and at night."""
    assert [duty.key for duty in WARD.duty_at(at(moment))] == called


def at(text: str, ward: Ward = WARD) -> datetime:
    """A moment on the ward's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ward.zone)
