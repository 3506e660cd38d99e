"""Domain rule 3 for other wards: hours by kind of day, closed hours, and bands that run over midnight into another."""

from __future__ import annotations

import copy
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hours import following, is_day, kind_of
from services.ward import Ward, WardError, load, parse
from services.ward_checks import check_file
from tests.desk_examples import with_policy

WARDS = Path(__file__).parents[2] / "deploy" / "wards"
KINDS = load(WARDS / "akatsukino.toml")
EVENINGS = load(WARDS / "ariakegaura.toml")
ALL = [load(WARDS / f"{name}.toml") for name in ("setagaya", "akatsukino", "yoimachi", "ariakegaura")]
DAY = timedelta(days=1)


def at(text: str, ward: Ward = KINDS) -> datetime:
    """A moment on the ward's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ward.zone)


@pytest.mark.parametrize(
    ("moment", "band"),
    [
        ("2024-05-10 12:00", "weekday"),  # A Friday.
        ("2024-05-10 17:15", "night"),
        ("2024-05-11 00:59", "night"),  # Friday's night, on the second Saturday.
        ("2024-05-11 01:00", "closed"),
        ("2024-05-11 08:45", "closed"),  # On a weekday it would be open by now.
        ("2024-05-11 09:00", "saturday"),
        ("2024-05-11 12:30", "closed"),
        ("2024-05-11 17:00", "night"),
        ("2024-05-04 10:30", "holiday"),  # A first Saturday, and みどりの日.
        ("2024-05-18 10:30", "closed"),  # A third Saturday.
        ("2024-05-25 10:30", "saturday"),
        ("2024-09-07 10:30", "closed"),
        ("2024-09-14 10:30", "saturday"),
        ("2024-09-28 10:30", "saturday"),
        ("2024-05-06 10:30", "holiday"),  # 振替休日, a Monday.
        ("2024-05-06 23:00", "closed"),
        ("2024-05-07 00:30", "closed"),
        ("2024-05-07 08:30", "weekday"),
        ("2023-12-28 23:30", "night"),
        ("2023-12-29 00:30", "night"),  # The last night of the year runs into the closed days.
        ("2023-12-29 12:00", "closed"),
        ("2024-01-01 12:00", "closed"),  # A national holiday, but the year's end comes first in the file.
        ("2024-01-04 00:30", "closed"),
        ("2024-01-04 09:00", "weekday"),
    ],
)
def test_a_band_goes_by_the_kind_of_day(moment: str, band: str) -> None:
    """And what began the evening before goes on in its own hours, whatever day comes."""
    assert KINDS.band_of(at(moment)) == band


@pytest.mark.parametrize(
    ("moment", "evening"),
    [
        ("2024-05-11 00:30", date(2024, 5, 10)),
        ("2024-05-11 08:45", date(2024, 5, 11)),
        ("2024-05-07 00:30", date(2024, 5, 6)),
        ("2024-05-06 23:00", date(2024, 5, 6)),
    ],
)
def test_a_night_over_midnight_belongs_to_its_evening(moment: str, evening: date) -> None:
    """Also where the day after has other hours."""
    assert KINDS.night_of(at(moment)) == evening


def test_a_band_may_last_until_the_next_days_first() -> None:
    """By "next": Friday's small hours end at ten, when Saturday begins, and Sunday's at nine."""
    told = [
        ("2019-05-11 09:30", "small-hours", 10),
        ("2019-05-11 10:00", "day", 11),
        ("2019-05-13 08:59", "small-hours", 12),
    ]

    for moment, band, evening in told:
        assert (EVENINGS.band_of(at(moment)), EVENINGS.night_of(at(moment)).day) == (band, evening)


def test_a_fiscal_year_by_the_evening() -> None:
    """The night of 31 March is in the old year to its last minute, which a Sunday's hours decide."""
    assert EVENINGS.fiscal_year(at("2020-04-01 08:59")) == 2019
    assert EVENINGS.fiscal_year(at("2020-04-01 09:00")) == 2020
    assert KINDS.fiscal_year(at("2024-04-01 00:30")) == 2024


@pytest.mark.parametrize("ward", ALL, ids=lambda ward: ward.id)
@given(minutes=st.integers(0, 12 * 366 * 24 * 60), edges=st.sampled_from(["start", "end"]))
def test_every_moment_of_every_ward_is_in_one_band(ward: Ward, minutes: int, edges: str) -> None:
    """And its night began on that day or on the one before."""
    ward = with_policy(ward, edges=edges)
    moment = at("2015-01-01 00:00", ward) + timedelta(minutes=minutes)

    assert ward.band_of(moment) in {band.key for band in ward.band}
    assert ward.night_of(moment) in (moment.date(), moment.date() - DAY)


def test_at_midnight_the_edge_that_ends_belongs_to_the_evening_before() -> None:
    """Where a band is (start, end], 0:00 is the last moment of the night's first part."""
    ward = with_policy(KINDS, edges="end")

    assert ward.night_of(at("2024-05-11 00:00")) == date(2024, 5, 10)
    assert ward.band_of(at("2024-05-11 01:00")) == "night"


@pytest.mark.parametrize("name", ["monday", "saturday-5", "holiday", "weekday", "12-29", "12-29..01-03", "2019-05-01"])
def test_days_are_named_so(name: str) -> None:
    """And in no other way."""
    assert is_day(name)


@pytest.mark.parametrize(
    "name", ["Monday", "saturday-6", "saturday-0", "holidays", "13-01", "02-30", "2019-5-1", "", "1..2..3"]
)
def test_days_are_not_named_so(name: str) -> None:
    """A slip is refused, or those days would go by the usual hours in silence."""
    assert not is_day(name)


def test_the_kinds_of_day_that_follow_one_another_are_all_known() -> None:
    """Against fifty years of days, each a holiday or not: the check of the hours leaves out no pair."""
    days = KINDS.hours[0].days
    start = date(1990, 1, 1)
    met = {
        (kind_of(days, day - DAY, told), kind_of(days, day, told_too))
        for day in (start + DAY * offset for offset in range(50 * 365))
        for told in (False, True)
        for told_too in (False, True)
    }

    assert following(days) == met


SAMPLE: dict[str, Any] = tomllib.loads((WARDS / "akatsukino.toml").read_text(encoding="utf-8"))


def test_hours_that_fit_by_themselves_and_not_one_after_another_are_refused() -> None:
    """A Friday whose night ends at 01:00 before a Saturday that begins at 02:00: an hour without a band."""
    content = copy.deepcopy(SAMPLE)
    content["hours"][0]["days"][2]["spans"][0]["start"] = "02:00"

    with pytest.raises(WardError, match=r"saturday-2/saturday-4 after any other day: nothing from 01:00 to 02:00"):
        parse(content)


def test_a_pair_of_days_that_no_calendar_has_is_not_asked_for() -> None:
    """Two Sundays never follow one another; a Sunday's end need not fit a Sunday's beginning."""
    content = copy.deepcopy(SAMPLE)
    usual = [{"band": "weekday", "start": "06:00", "end": "07:00"}, {"band": "night", "start": "07:00", "end": "06:00"}]
    sunday = [{"band": "closed", "start": "06:00", "end": "06:00"}]
    content["hours"][0].update(spans=usual, days=[{"on": ["sunday"], "spans": sunday}])
    parse(content)

    sunday[0].update(start="05:00", end="06:00")  # Now Saturday's night is too long for it; Sunday itself would fit.
    with pytest.raises(WardError, match=r"sunday after any other day: closed overlaps"):
        parse(content)


def test_days_that_earlier_entries_take_are_refused() -> None:
    """Nobody can have meant hours for a day that never comes."""
    content = copy.deepcopy(SAMPLE)
    content["hours"][0]["days"].append({"on": ["saturday-5"], "spans": content["hours"][0]["spans"]})

    with pytest.raises(WardError, match="saturday-5: no day is left for it"):
        check_file(parse(content))
