"""What other wards' files ask of intake and the tables: aliases, closed hours, school stages, nights by evening."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.era import fiscal_year_label, school_age_on
from services.ward import Label, Ward, load
from tests.desk_examples import Centre, codes, message, register

WARDS = Path(__file__).parents[2] / "deploy" / "wards"
HOURS, SCHOOL, EVENING = (load(WARDS / f"{name}.toml") for name in ("akatsukino", "yoimachi", "ariakegaura"))


def centre_of(ward: Ward, directory: Path) -> Centre:
    """A centre of another ward, on SQLite."""
    return Centre(f"sqlite:///{directory}/{{service}}.db", ward)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Centre]:
    """The centre of the ward that groups ages by school stage."""
    with centre_of(SCHOOL, tmp_path) as centre:
        yield centre


def told_on(on: str, **data: Any) -> dict[str, Any]:
    return message("call.report", on, matters=[{"case": "A"} | data])


@pytest.mark.parametrize("word", ["coast", "海岸", "架空港町", " 架空港町 "])
def test_a_district_is_told_by_a_town(word: str, tmp_path: Path) -> None:
    """An alias of the ward's file means its district, in the call and in its correction."""
    with centre_of(HOURS, tmp_path) as centre:
        receipt = centre.say("office", told_on("2024-05-10 12:00", district=word))
        (event,) = centre.events()

    assert event.district == "coast"
    assert not {"unknown-district", "outside-hours"} & set(codes(receipt))


def test_a_call_while_the_line_is_closed_is_recorded_flagged_and_counted(tmp_path: Path) -> None:
    """Left on the answering machine at three in the morning: never refused, and a row of its own."""
    with centre_of(HOURS, tmp_path) as centre:
        receipt = centre.say("lamp", told_on("2024-05-10 03:00", district="north"))
        centre.pump()
        report = centre.inquiry.report("calls", years=range(2024, 2025))

    assert receipt.status == "accepted"
    assert "outside-hours" in codes(receipt)
    assert [cell.value for cell in report.cells if cell.row == "2024/closed"] == [0, 0, 0, 1, 1]
    assert [cell.value for cell in report.cells if cell.row == "2024/total"][-1] == 1
    assert "閉所時間 1：00～8：30" in report.footnotes[0].ja
    assert "第2土曜日・第4土曜日は　" in report.footnotes[0].ja
    assert "on 29 December-3 January: Closed 1:00-1:00" in report.footnotes[0].en


SCHOOL_AGES = [
    ("2017-04-01", "2023-04-01", 6, "primary"),  # Born on 1 April: with those a year older.
    ("2017-04-02", "2023-04-01", 5, "preschool"),
    ("2017-04-02", "2024-03-31", 5, "preschool"),
    ("2017-04-02", "2024-04-01", 6, "primary"),
    ("2011-04-02", "2023-06-01", 11, "primary"),
    ("2011-04-01", "2023-06-01", 12, "middle"),
    ("2008-04-01", "2023-06-01", 15, "high"),
    ("2005-04-02", "2024-03-31", 17, "high"),
    ("2005-04-01", "2024-03-31", 18, "18-64"),
    ("2023-05-01", "2023-09-01", 0, "preschool"),
    ("1958-04-02", "2024-03-31", 64, "18-64"),
    ("1958-04-01", "2023-04-01", 65, "65-over"),
]


@pytest.mark.parametrize(("born", "on", "age", "stage"), SCHOOL_AGES)
def test_a_school_stage_goes_by_the_fiscal_year_of_registration(
    school: Centre, born: str, on: str, age: int, stage: str
) -> None:
    """Whoever was born from 2 April to 1 April is in one school year, whenever in it they register."""
    form = register(on=f"{on} 10:00", district="upper", personal={"birth_date": born})
    form["data"].pop("age", None)
    form["data"]["handbooks"] = ["yes"]
    school.say("house", form)
    school.pump()
    report = school.inquiry.report("ages")

    assert school_age_on(date.fromisoformat(born), date.fromisoformat(on)) == age
    assert [event.school_age for event in school.events()] == [age]
    assert [cell.row for cell in report.cells if cell.value == 1] == [stage, "total"]


def test_a_corrected_birth_date_moves_the_school_stage(school: Centre) -> None:
    """As it moves the other ages."""
    form = register(on="2023-06-01 10:00", district="upper", personal={"birth_date": "2011-04-02"})
    school.say("house", form)
    school.say("house", message("registration.correct", "2023-06-02 10:00", person=form["data"]["person"],
                                personal={"birth_date": "2011-04-01"}))  # fmt: skip
    school.pump()

    assert {(change.field, change.after) for change in school.events()[-1].changes} == {("school_age", 12)}
    assert [cell.row for cell in school.inquiry.report("ages").cells if cell.value == 1] == ["middle", "total"]


def test_without_a_birth_date_the_school_stage_is_not_known(school: Centre) -> None:
    """A whole number of years does not say in which school year somebody is; it is counted all the same."""
    form = register(on="2023-06-01 10:00", district="upper", age=12)
    form["data"].pop("personal", None)
    school.say("house", form)
    school.pump()

    assert [event.school_age for event in school.events()] == [None]
    assert [cell.row for cell in school.inquiry.report("ages").cells if cell.value == 1] == ["no-age", "total"]


def test_another_wards_registrations_keep_no_school_age(centre: Centre) -> None:
    """What no table needs is not kept: it would tell more of the date of birth."""
    centre.say("day", register(on="2025-06-01 10:00", personal={"birth_date": "2011-04-02"}))

    assert [event.school_age for event in centre.events()] == [None]


def test_a_night_is_counted_in_the_year_of_its_evening(tmp_path: Path) -> None:
    """02:00 on 1 April is the night of 31 March: the last of 令和元年度."""
    with centre_of(EVENING, tmp_path) as centre:
        centre.say("second", told_on("2020-04-01 02:00", district="east"))
        centre.say("second", message("call.report", "2020-04-01 09:00", matters=[{"case": "B", "district": "east"}]))
        centre.pump()
        report = centre.inquiry.report("calls", years=range(2018, 2021))

    totals = {row.key: row.year for row in report.rows if row.key.endswith("total")}
    assert [
        ((totals[c.row] or Label("", "")).ja, c.value) for c in report.cells if c.row in totals and c.column == "total"
    ] == [
        ("平成30年度", 0),
        ("令和元年度", 1),
        ("令和2年度", 1),
    ]
    assert fiscal_year_label(2019) == "令和元年度"


def test_what_is_counted_before_its_beginning_is_shown(tmp_path: Path) -> None:
    """－ is for nothing only: no count is lost because a date in the file is late."""
    with centre_of(EVENING, tmp_path) as centre:
        centre.say("first", told_on("2019-02-01 10:00", district="new-town"))
        centre.pump()
        report = centre.inquiry.report("calls-by-district", years=range(2018, 2020))

    row = {cell.column: cell.value for cell in report.cells if cell.row == "2018"}
    assert row == {"east": 0, "west": 0, "new-town": 1, "unknown": 0, "total": 1}
