"""Dates as Japanese offices write them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.era import (
    age_of,
    age_on,
    fiscal_year_label,
    fiscal_year_letter,
    folded,
    is_no_day,
    japanese_date,
    legal_age_on,
    parse_date,
)

DAY = timedelta(days=1)

YEARS = [
    (1988, "昭和63年度", "S63"),
    (1989, "平成元年度", "H1"),
    (2018, "平成30年度", "H30"),
    (2019, "令和元年度", "R1"),
    (2020, "令和2年度", "R2"),
    (2025, "令和7年度", "R7"),
]


@pytest.mark.parametrize(("year", "label", "letter"), YEARS)
def test_a_fiscal_year_is_named_by_the_era_at_its_end(year: int, label: str, letter: str) -> None:
    """April 2019 to March 2020 is 令和元年度, and 1988 stays 昭和, whose successor began in its last months."""
    assert (fiscal_year_label(year), fiscal_year_letter(year)) == (label, letter)
    assert fiscal_year_label(year, "en") == f"FY{year}"


DATES = [
    ("令和5年1月26日", date(2023, 1, 26)),
    ("令和元年5月1日", date(2019, 5, 1)),
    ("平成31年4月30日", date(2019, 4, 30)),
    ("昭和64年1月7日", date(1989, 1, 7)),
    ("昭和６０年４月３０日", date(1985, 4, 30)),
    ("S60.4.30", date(1985, 4, 30)),
    ("s60/4/30", date(1985, 4, 30)),
    ("Ｒ７－４－１", date(2025, 4, 1)),
    ("2024-02-29", date(2024, 2, 29)),
    ("２０２４年２月２９日", date(2024, 2, 29)),
    (" 2024/2/9 ", date(2024, 2, 9)),
]


@pytest.mark.parametrize(("text", "day"), DATES)
def test_a_date_is_read_as_people_type_it(text: str, day: date) -> None:
    """Either calendar, any width, with or without leading zeros."""
    assert parse_date(text) == day


NO_DATES = ["昭和60年4月31日", "2025-02-29", "令和0年5月1日", "大化1年1月1日", "2025-13-01", "85-04-30", "4月30日", ""]
AFTER_THEIR_ERA = ["昭和65年1月1日", "昭和99年1月1日", "平成32年3月31日", "大正16年1月1日", "明治46年1月1日"]


@pytest.mark.parametrize("text", NO_DATES + AFTER_THEIR_ERA)
def test_a_day_that_does_not_exist_is_no_date(text: str) -> None:
    """Neither is half a date."""
    with pytest.raises(ValueError, match=r"date|day|month"):
        parse_date(text)


@given(st.dates(min_value=date(1868, 1, 25), max_value=date(2080, 12, 31)))
def test_a_date_as_we_write_it_is_the_date_that_we_read(day: date) -> None:
    """Over all eras and their first years."""
    assert parse_date(japanese_date(day)) == day


def test_a_date_may_bear_its_weekday() -> None:
    """As headings do."""
    assert japanese_date(date(2023, 1, 26), weekday=True) == "令和5年1月26日（木）"


@pytest.mark.parametrize(
    ("text", "said"),
    [("昭和99年1月1日", True), ("2025-02-29", True), ("昭和60年4月30日", False), ("昭和60年ごろ", False), ("", False)],
)
def test_a_text_is_told_from_a_day_that_does_not_exist(text: str, said: bool) -> None:
    """What is written as a date must be one; what is no date at all is a text."""
    assert is_no_day(text) is said


def test_nobody_is_not_born_yet_or_too_old() -> None:
    """Such a date is a slip: nothing is said of the age."""
    day = date(2025, 5, 12)

    assert [age_of(born, day) for born in (date(2099, 1, 1), date(1890, 1, 1), None)] == [None] * 3
    assert [age_of(born, day) for born in (day, date(1900, 1, 1))] == [0, 125]


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2000, 1, 1)), st.integers(1, 100))
def test_the_legal_age_rises_on_the_day_before_the_birthday(birth: date, years: int) -> None:
    """A year is complete at the end of that day (年齢計算ニ関スル法律)."""
    birthday = next(day for n in range(367) if age_on(birth, day := date(birth.year + years, 1, 1) + n * DAY) == years)

    assert [legal_age_on(birth, birthday - n * DAY) for n in (2, 1, 0)] == [years - 1, years, years]
    assert age_on(birth, birthday - DAY) == years - 1


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2000, 12, 31)), st.integers(0, 120))
def test_an_age_rises_once_in_each_year(birth: date, years: int) -> None:
    """Who was born on 29 February has a birthday in every year, on 1 March where there is no such day."""
    ages = [age_on(birth, date.fromordinal(birth.toordinal() + years * 365 + n)) for n in range(367)]

    assert ages == sorted(ages)
    assert ages[-1] - ages[0] in (1, 2)


def test_width_does_not_matter() -> None:
    """Full-width digits, letters and spaces are as good as narrow ones."""
    assert folded("　Ｒ７－０００１ ") == "R7-0001"
