"""A changed ward's file leaves old reports as they were: their rows, columns, words and hours, and what they count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec
import pytest

from services.reporting.report import Report
from services.reporting.rules import InForce, in_period
from services.reporting.tables import REPORTS
from services.ward import Ward, parse
from tests.desk_examples import WARD, Centre, at
from tests.web_examples import browser, site, tables_of, tell_published_history

CHANGED_ON = "2025-06-01 00:00"
OLD_YEARS = range(2022, 2024)
AS_OF = date(2023, 1, 26)
Told = tuple[Centre, list[Report], list[Report]]


def changed() -> Ward:
    """Other hours, outcomes, districts, age groups and words than the sample's."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(WARD.content()))
    content["hours"] = [
        {
            "from": "2020-01-01",
            "spans": [
                {"band": "day", "start": "07:00", "end": "19:00"},
                {"band": "dusk", "start": "19:00", "end": "21:00"},
                {"band": "night", "start": "21:00", "end": "07:00"},
            ],
        }
    ]
    content["band"].append({"key": "dusk", "label": {"ja": "夕方", "en": "Dusk"}})
    content["district"] = [
        {"key": "east", "label": {"ja": "東部", "en": "East"}},
        {"key": "kitazawa", "label": {"ja": "北沢地域", "en": "Kitazawa area"}},
    ]
    content["outcome"] = [
        {"key": "bed", "label": {"ja": "宿泊", "en": "Bed"}, "rank": 1, "arranged": ["short-stay"]},
        {"key": "other", "label": {"ja": "助言", "en": "Advice"}, "rank": 2},
    ]
    content["age_group"] = [{"key": "all", "label": {"ja": "全年齢", "en": "All ages"}}]
    content["titles"]["calls"] = {"ja": "新しい表", "en": "A new table"}
    content["footnotes"]["first_contact"] = {"ja": "新しい注", "en": "A new note"}
    return parse(content)


def call(on: str, case: str, district: str) -> dict[str, Any]:
    """A contact with the line."""
    return {
        "specversion": "1.0",
        "id": case,
        "source": "/test/rules",
        "type": "call.report",
        "time": at(on).isoformat(),
        "synthetic": True,
        "data": {"matters": [{"case": case, "district": district}]},
    }


def all_old(centre: Centre, known_at: int) -> list[Report]:
    """Every table of the old years, of an old day, and of an old position of the ledger."""
    inquiry = centre.inquiry
    found = [inquiry.report(name, years=OLD_YEARS) for name in REPORTS]
    found += [inquiry.report(name, as_of=AS_OF) for name in REPORTS]
    found += [inquiry.report(name, years=OLD_YEARS, as_of=AS_OF) for name in REPORTS]
    return found + [inquiry.report(name, known_at=known_at) for name in REPORTS]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The published history; the old tables before and after another file came into force, with calls since."""
    directory = tmp_path_factory.mktemp("rules")
    with Centre(f"sqlite:///{directory}/{{service}}.db") as centre:
        tell_published_history(centre)
        centre.say("day", call("2025-05-12 18:00", "before", "karasuyama"))
        centre.pump()
        head = centre.inquiry.ledger.head()
        before = all_old(centre, head)
        centre.activate(changed(), at(CHANGED_ON))
        centre.say("day", call("2025-06-02 20:00", "after", "east"))
        centre.pump()
        yield centre, before, all_old(centre, head)


def test_old_tables_are_the_same_to_the_letter(told: Told) -> None:
    """Headings, words, groups, figures, the cases behind them and the footnotes."""
    _, before, after = told

    assert after == before


def test_a_new_table_has_the_new_rules(told: Told) -> None:
    """A year that is all after the change knows nothing of the old file."""
    report = told[0].inquiry.report("calls", years=range(2026, 2027))

    assert report.title.ja == "新しい表"
    assert [column.key for column in report.columns] == ["bed", "other", "total"]
    hours = "日中 7：00～19：00　夕方 19：00～21：00　夜間 21：00～7：00"
    assert [note.ja for note in report.footnotes[:2]] == [hours, "新しい注"]


def test_a_year_of_two_files_loses_nothing(told: Told) -> None:
    """The newer one lays it out; each call is counted by its own day's rules, and an old column keeps its old words."""
    calls = told[0].inquiry.report("calls", years=range(2025, 2026))
    districts = told[0].inquiry.report("calls-by-district", years=range(2025, 2026))

    counted = {(cell.row, cell.column): cell.value for cell in calls.cells if cell.value}
    assert counted["2025/night", "other"] == 1  # 18:00 was night until the change.
    assert counted["2025/dusk", "other"] == 1
    assert counted["2025/total", "total"] == 2
    assert [(column.key, column.label.ja) for column in districts.columns][-3:] == [
        ("unknown", "不明"),
        ("karasuyama", "烏山"),
        ("total", "合計"),
    ]
    notes = [note.ja for note in calls.footnotes]
    assert notes[0].startswith("令和7年4月1日から　日中 8：30～17：00")
    assert notes[1].startswith("令和7年6月1日から　日中 7：00～19：00")


def test_what_a_file_brought_is_not_in_operation_before_it(told: Told) -> None:
    """－ in the years in which nobody could have been counted there; where somebody could, 0."""
    report = told[0].inquiry.report("calls", years=range(2024, 2026))

    dusk = {year: report.cell(f"{year}/dusk", "other") for year in (2024, 2025)}
    assert [cell.value for cell in dusk.values() if cell] == [None, 1]
    bed = [report.cell(f"{year}/day", "bed") for year in (2024, 2025)]
    assert [cell.value for cell in bed if cell] == [None, 0]


async def test_the_page_of_an_old_year_shows_the_old_table(told: Told) -> None:
    """As a person sees it."""
    async with browser(site(told[0])) as web:
        page = await web.get("/tables/calls?fy=2023")

    assert page.status_code == 200
    shown = [cell for rows in tables_of(page.text).values() for row in rows for cell in row]
    assert any("短期入所・専門サポーター派遣併用" in cell for cell in shown)


async def test_an_old_case_is_told_in_words_that_the_new_file_lacks(
    told: Told,
) -> None:
    """Its outcome and its district are no keys on the page, and no empty places."""
    report = told[0].inquiry.report("calls", years=OLD_YEARS)
    case = next(cell.cases[0] for cell in report.cells if cell.column == "supporter" and cell.value)
    async with browser(site(told[0])) as web:
        page = await web.get(f"/cases/{case}")

    assert page.status_code == 200
    assert "専門サポーター" in page.text
    assert ">supporter<" not in page.text


OTHER = changed()
MOMENTS: list[tuple[datetime, Ward]] = [(at("2022-08-26 00:00"), WARD), (at("2025-06-01 09:00"), OTHER)]


@pytest.mark.parametrize(
    ("years", "as_of", "since"),
    [
        (None, None, [date.min, date(2025, 6, 1)]),
        (range(2022, 2025), None, [date.min]),
        (range(2025, 2026), None, [date.min, date(2025, 6, 1)]),
        (range(2026, 2027), None, [date(2025, 6, 1)]),
        (None, date(2025, 5, 31), [date.min]),
        (None, date(2025, 6, 1), [date.min, date(2025, 6, 1)]),
        (range(2025, 2026), date(2025, 5, 1), [date.min]),
        (range(2010, 2011), None, [date.min]),
    ],
)
def test_the_rules_of_a_period(years: range | None, as_of: date | None, since: list[date]) -> None:
    """Those in force on any of its days, the last one last."""
    assert [rule.since for rule in in_period(MOMENTS, years, as_of)] == since


def test_of_two_files_of_one_moment_the_later_word_counts() -> None:
    """As it does in the fold."""
    again = [*MOMENTS, (MOMENTS[1][0], WARD)]

    assert in_period(again, None, None) == [InForce(date.min, WARD), InForce(date(2025, 6, 1), WARD)]
