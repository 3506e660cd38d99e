"""The five tables: their lines, their totals, their footnotes, and － before anything was open."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
import pytest

from services.reporting.facts import Entry
from services.reporting.report import Report
from services.reporting.rules import always
from services.reporting.tables import REPORTS, KnownAt, build, shown
from tests.reporting_examples import (
    NIGHT,
    WARD,
    Happened,
    arranged,
    column,
    contact,
    handed_over,
    keys,
    registered,
    row,
    table,
    with_policy,
)

BOTH_YEARS = range(2022, 2024)
DISTRICTS = ["setagaya", "kitazawa", "tamagawa", "kinuta", "karasuyama"]
OF_108 = {"under-10": 3, "10s": 11, "20s": 27, "30s": 28, "40s": 21, "50s": 13, "60-64": 2, "65-over": 3}
AGES = {"under-10": 5, "10s": 15, "20s": 25, "30s": 35, "40s": 45, "50s": 55, "60-64": 62, "65-over": 70}


def registrants(**counts: int) -> list[Happened]:
    """So many persons of each age group."""
    return [
        registered(f"{group}-{number:03}", age=AGES[group.replace("_", "-")])
        for group, count in counts.items()
        for number in range(count)
    ]


def of_108() -> list[Happened]:
    return [
        registered(f"{group}-{number}", age=AGES[group]) for group, count in OF_108.items() for number in range(count)
    ]


def japanese(report: Report) -> list[str]:
    return [note.ja for note in report.footnotes]


def english(report: Report) -> list[str]:
    return [note.en for note in report.footnotes]


def test_registrations_as_of_a_day_is_one_row_by_district() -> None:
    """In the ward's order, with a total; 不明 only where there is somebody."""
    report = table("registrations", registered("P"), registered("Q", district="kinuta"), as_of=date(2023, 1, 26))

    assert keys(report.rows) == ["registrants"]
    assert keys(report.columns) == [*DISTRICTS, "total"]
    assert row(report, "registrants") == [0, 1, 0, 1, 0, 2]
    assert keys(table("registrations", registered(district=None)).columns) == [*DISTRICTS, "unknown", "total"]


def test_registrations_by_year_is_a_row_for_each_year() -> None:
    """Under the year's name, also where nobody registered."""
    report = table("registrations", registered("P", "2023-03-31"), years=BOTH_YEARS)

    assert [(heading.label.ja, heading.label.en) for heading in report.rows] == [
        ("令和4年度", "FY2022"),
        ("令和5年度", "FY2023"),
    ]
    assert [row(report, "2022"), row(report, "2023")] == [[0, 1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]]
    assert report.footnotes == ()


def test_every_cell_opens_to_the_ids_behind_it() -> None:
    """Sorted, and those of a total are those of its row."""
    report = table("registrations", registered("Q"), registered("P"), registered("R", district="kinuta"))
    kitazawa, total = report.cell("registrants", "kitazawa"), report.cell("registrants", "total")

    assert kitazawa is not None
    assert kitazawa.cases == ("P", "Q")
    assert total is not None
    assert total.cases == ("P", "Q", "R")
    assert report.cell("registrants", "nowhere") is None


def test_consultations_by_district_always_have_the_unknown_one() -> None:
    """Before the total, even if it is 0."""
    report = table("calls-by-district", contact("A", "2022-12-01 12:00"), as_of=date(2023, 1, 26))

    assert keys(report.columns) == [*DISTRICTS, "unknown", "total"]
    assert row(report, "consultations") == [0, 1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ["calls-by-district", "calls"])
def test_before_the_line_opened_there_is_no_zero(name: str) -> None:
    """As of 26 September 2022 it was not yet in operation: －; on its first day it was."""
    before = table(name, as_of=date(2022, 9, 26))
    first_day = table(name, as_of=date(2022, 10, 1))

    assert {shown(cell.value) for cell in before.cells} == {"－"}
    assert {shown(cell.value) for cell in first_day.cells} == {"0"}


def test_a_year_that_ended_before_the_opening_has_no_zero() -> None:
    """For the line and for the register; the year of the opening has numbers."""
    years = range(2021, 2023)

    for name, heading in (("calls-by-district", ""), ("calls", "/total"), ("registrations", "")):
        report = table(name, years=years)
        assert set(row(report, f"2021{heading}")) == {None}
        assert set(row(report, f"2022{heading}")) == {0}
    assert set(column(table("ages", years=range(2021, 2022)), "percent")) == {None}


def test_handbooks_overlap_and_have_no_total() -> None:
    """重複あり, with 未記入 last."""
    report = table("handbooks", registered(handbooks=["physical", "intellectual"]), registered("Q", handbooks=None))

    assert keys(report.rows) == ["physical", "intellectual", "psychiatric", "not-stated"]
    assert column(report, "count") == [1, 1, 0, 1]
    assert japanese(report) == ["重複あり"]


def test_rule_9_the_published_percentages_of_the_108() -> None:
    """One decimal, half up, under a total of 100."""
    report = table("ages", *of_108())

    assert column(report, "count") == [3, 11, 27, 28, 21, 13, 2, 3, 108]
    assert column(report, "percent") == [2.8, 10.2, 25.0, 25.9, 19.4, 12.0, 1.9, 2.8, 100.0]
    assert english(report) == ["Percentages are rounded half up and may not sum to 100."]


def test_rule_9_half_up_is_not_half_to_even() -> None:
    """1 of 16 is 6.25, printed 6.3; 1 of 800 is 0.125, printed 0.1; 9 of 2,000 is 0.45, printed 0.5."""
    assert column(table("ages", *registrants(**{"10s": 1, "20s": 15})), "percent")[1] == 6.3
    assert column(table("ages", *registrants(**{"10s": 1, "20s": 799})), "percent")[1] == 0.1
    assert column(table("ages", *registrants(**{"10s": 9, "20s": 1991})), "percent")[1] == 0.5


def test_rule_9_percentages_sum_to_100_where_the_ward_says_so() -> None:
    """The largest remainders get the tenths that are left over; then no footnote is needed."""
    report = table("ages", *registrants(**{"10s": 1, "20s": 1, "30s": 1}), ward=with_policy(percentages="to-100"))

    assert column(report, "percent") == [0.0, 33.4, 33.3, 33.3, 0.0, 0.0, 0.0, 0.0, 100.0]
    assert report.footnotes == ()


def test_ages_of_nobody_are_zero() -> None:
    """No division by nothing."""
    assert column(table("ages"), "percent") == [0.0] * 9


def test_ages_not_told_have_a_row_only_where_there_are_any() -> None:
    """年齢不詳 before the total."""
    assert keys(table("ages", registered(age=None)).rows)[-2:] == ["no-age", "total"]
    assert "no-age" not in keys(table("ages", registered()).rows)


def test_ages_and_handbooks_of_years_are_of_those_registered_in_them() -> None:
    """One table for all the years asked for."""
    history = registered("P", "2023-03-31"), registered("Q", "2023-04-01")

    assert column(table("ages", *history, years=range(2022, 2023)), "count")[-1] == 1
    assert column(table("handbooks", *history, years=range(2023, 2024)), "count") == [0, 1, 0, 0]


def test_calls_are_rows_by_band_and_columns_by_outcome() -> None:
    """The bands sum to the total row, the outcomes to the total column."""
    report = table("calls", contact("A"), contact("B", NIGHT), contact("C", NIGHT), arranged(case="B"))

    assert keys(report.rows) == ["day", "night", "total"]
    assert keys(report.columns) == ["short-stay", "supporter", "both", "home-help", "handed-over", "other", "total"]
    assert row(report, "day") == [0, 0, 0, 0, 0, 1, 1]
    assert row(report, "night") == [1, 0, 0, 0, 0, 1, 2]
    assert row(report, "total") == [1, 0, 0, 0, 0, 2, 3]


def test_calls_by_year_say_year_and_band_in_two_headings() -> None:
    """So that a page can print two cells; the first four columns stand under a heading of their own."""
    report = table("calls", contact("A", "2024-03-31 23:00"), years=BOTH_YEARS)
    years = [(heading.key, heading.year and heading.year.ja, heading.label.ja) for heading in report.rows]

    assert years[2:4] == [("2022/total", "令和4年度", "合計"), ("2023/day", "令和5年度", "日中")]
    assert row(report, "2023/total") == [0, 0, 0, 0, 0, 1, 1]
    assert [heading.group for heading in report.columns] == ["coordination"] * 4 + [None] * 3
    assert [(group.key, group.label.ja) for group in report.groups] == [("coordination", "コーディネート対応")]


def test_a_ward_that_counts_contacts_lists_a_case_once() -> None:
    """Two contacts in one cell: the figure is 2, the case behind it is one."""
    report = table("calls", contact("A", NIGHT, id="x"), contact("A", NIGHT, id="y"), ward=with_policy(unit="contact"))
    cell = report.cell("night", "other")

    assert cell is not None
    assert (cell.value, cell.cases) == (2, ("A",))


def test_a_key_that_the_ward_no_longer_knows_keeps_its_count() -> None:
    """An outcome, a band and a district of an earlier file get lines of their own."""
    report = build("calls", always(WARD), [Entry("calls", 2023, "dawn", "taxi", "A")])

    assert keys(report.rows) == ["day", "night", "dawn", "total"]
    assert row(report, "total") == [0, 0, 0, 0, 0, 0, 1, 1]
    assert (
        keys(build("registrations", always(WARD), [Entry("registrations", 2023, "registrants", "old", "P")]).columns)[5]
        == "old"
    )


def test_rule_6_the_report_can_say_how_many_had_both() -> None:
    """Under the placement, and beside it the number that was handed over too."""
    assert table("calls", contact(), arranged(), handed_over(), both=1).also == {"placement_and_handover": 1}
    assert table("calls", contact()).also == {"placement_and_handover": 0}
    assert table("calls-by-district", contact()).also == {}


@pytest.mark.parametrize(
    ("name", "asked", "title"),
    [
        ("registrations", {}, "利用登録者数"),
        ("registrations", {"years": BOTH_YEARS}, "新規利用登録者数"),
        ("handbooks", {}, "障害者手帳の所持状況（重複あり）"),
        ("calls", {"years": BOTH_YEARS}, "時間帯・対応別相談件数"),
    ],
)
def test_a_table_is_named_as_the_ward_names_it(name: str, asked: dict[str, Any], title: str) -> None:
    """Registrations up to a day are not new ones; those of years are."""
    assert table(name, **asked).title.ja == title


def test_the_hours_of_the_years_shown_are_printed() -> None:
    """One line where one set was in force, one for each where they changed."""
    old = table("calls", years=BOTH_YEARS)
    change = table("calls", years=range(2024, 2026))

    assert japanese(old)[0] == "日中 8：30～17：15　夜間 17：15～8：30"
    assert english(old)[0] == "Day 8:30-17:15, Night 17:15-8:30"
    assert japanese(change)[:2] == [
        "令和4年8月26日から　日中 8：30～17：15　夜間 17：15～8：30",
        "令和7年4月1日から　日中 8：30～17：00　夜間 17：00～8：30",
    ]
    assert english(change)[1] == "From 1 April 2025: Day 8:30-17:00, Night 17:00-8:30"


def test_only_the_new_hours_are_printed_under_a_new_year() -> None:
    """And only the old ones as of a day before the change, even before the line opened."""
    assert japanese(table("calls", years=range(2025, 2026)))[0] == "日中 8：30～17：00　夜間 17：00～8：30"
    for day in (date(2025, 3, 31), date(2022, 8, 1)):
        assert japanese(table("calls", as_of=day))[0] == "日中 8：30～17：15　夜間 17：15～8：30"
    assert len(japanese(table("calls", as_of=date(2025, 4, 1)))) == 3


def test_before_the_line_opens_the_hours_with_which_it_will_open_are_printed() -> None:
    """Not those that were planned first and changed before the opening."""
    opened_late = msgspec.structs.replace(WARD, ward=msgspec.structs.replace(WARD.ward, line_opens=date(2025, 4, 1)))

    notes = japanese(table("calls", ward=opened_late, as_of=date(2024, 1, 1)))
    assert notes[0] == "日中 8：30～17：00　夜間 17：00～8：30"


def test_the_first_year_says_from_when() -> None:
    """Only under consultations, and only where that year is shown."""
    for name in ("calls", "calls-by-district"):
        report = table(name, years=BOTH_YEARS)
        assert "令和4年度は令和4年10月から。" in japanese(report)
        assert "FY2022 from October 2022." in english(report)
    assert table("calls-by-district", years=range(2023, 2024)).footnotes == ()
    opened_in_april = msgspec.structs.replace(
        WARD, ward=msgspec.structs.replace(WARD.ward, line_opens=date(2022, 4, 1))
    )
    assert table("calls-by-district", years=BOTH_YEARS, ward=opened_in_april).footnotes == ()


def test_calls_say_whose_moment_gives_the_band_and_what_is_in_hand() -> None:
    """うち対応中, with the number, only where there is one."""
    assert japanese(table("calls", contact(), pending=2))[-2:] == [
        "時間帯は第一報の時刻による。",
        "うち対応中2件を含む。",
    ]
    assert japanese(table("calls", contact()))[-1] == "時間帯は第一報の時刻による。"


@pytest.mark.parametrize("name", REPORTS)
def test_every_table_says_its_cut_off_and_that_it_is_a_sample(name: str) -> None:
    """The day is the ward's own: 20:00 UTC is the day after. 架空データ stands last."""
    known_at = KnownAt(7, datetime.fromisoformat("2026-01-04T20:00:00+00:00"), "00" * 32)
    report = table(name, known_at=known_at, synthetic=True)

    assert japanese(report)[-2:] == ["令和8年1月5日に把握した内容による。", "架空データによる見本である。"]
    assert english(report)[-2] == "As known at 5 January 2026."


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_the_same_after_json_and_back(name: str) -> None:
    """And the same entries in another order give the same bytes."""
    history = registered("P"), registered("Q"), contact("A"), contact("B", NIGHT)
    one = table(name, *history)
    other = table(name, *reversed(history))

    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Report) == one
