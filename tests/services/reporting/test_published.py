"""Printed tables are read with care and compared cell by cell."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.reporting.published import Difference, PublishedError, compare, load, parse
from tests.reporting_examples import registered, table

TEXT = """
[[table]]
report = "registrations"
title = { ja = "令和5年1月26日現在", en = "As of 26 January 2023" }
as_of = 2023-01-26
columns = ["kitazawa", "total"]
[table.rows]
registrants = [1, 2]

[[table]]
report = "calls"
title = { ja = "年度別", en = "By fiscal year" }
fy = "2021-2022"
columns = ["other"]
[table.rows]
"2021/day" = ["－"]
"2022/day" = [0]
"""


def content(**changes: Any) -> dict[str, Any]:
    """One table, with a mistake."""
    good = {
        "report": "ages",
        "title": {"ja": "年齢", "en": "Ages"},
        "as_of": date(2023, 1, 26),
        "columns": ["count", "percent"],
        "rows": {"10s": [11, 10.2]},
    }
    return {"table": [good, {key: value for key, value in {**good, **changes}.items() if value is not None}]}


def test_a_file_of_printed_tables(tmp_path: Path) -> None:
    """As of a day or for years; － is None."""
    (tmp_path / "published.toml").write_text(TEXT, encoding="utf-8")
    as_of, by_year = load(tmp_path / "published.toml")

    assert (as_of.report, as_of.title.ja, as_of.as_of, as_of.years) == (
        "registrations",
        "令和5年1月26日現在",
        date(2023, 1, 26),
        None,
    )
    assert as_of.rows == {"registrants": (1, 2)}
    assert (by_year.as_of, by_year.years) == (None, range(2021, 2023))
    assert by_year.rows == {"2021/day": (None,), "2022/day": (0,)}


def test_every_printed_cell_stands_beside_the_computed_one() -> None:
    """Equal, different, or not in the computed table at all; － equals － and never 0."""
    printed, by_year = parse(
        {
            "table": [
                _table("registrations", ["kitazawa", "total", "unknown"], {"registrants": [1, 2, "－"]}),
                _table("calls", ["other"], {"2021/day": ["－"], "2022/day": ["－"]}),
            ]
        }
    )

    assert compare(printed, table("registrations", registered())) == (
        Difference("registrants", "kitazawa", 1, 1),
        Difference("registrants", "total", 2, 1),
        Difference("registrants", "unknown", None, "missing"),
    )
    years = compare(by_year, table("calls", years=range(2021, 2023)))
    assert [cell.equal for cell in (*compare(printed, table("registrations", registered())), *years)] == [
        *(True, False, False),
        *(True, False),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"report": "births"}, "table 2: .*registrations, handbooks, ages"),
        ({"colums": []}, "table 2: .*colums"),
        ({"as_of": None}, "table 2: give as_of or fy"),
        ({"fy": "2022"}, "table 2: give as_of or fy"),
        ({"as_of": None, "fy": "lately"}, "table 2, fy: .*accepted"),
        ({"rows": {"10s": [11]}}, "table 2, row 10s: 1 values; 2 are needed"),
        ({"rows": {"10s": [11, "10.2"]}}, "table 2, row 10s, percent: a whole number"),
        ({"rows": {"10s": [True, 10.2]}}, "table 2, row 10s, count: a whole number"),
    ],
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, Any], said: str) -> None:
    """The number of the table, the row, the column, and what is accepted."""
    with pytest.raises(PublishedError, match=said):
        parse(content(**changes))


def test_a_file_that_is_not_of_tables_is_refused(tmp_path: Path) -> None:
    """Not there, not TOML, or something else in it: the path is said."""
    (tmp_path / "broken.toml").write_text("[[table", encoding="utf-8")
    (tmp_path / "other.toml").write_text("tables = 1", encoding="utf-8")
    (tmp_path / "single.toml").write_text("[table]", encoding="utf-8")

    for name in ("missing.toml", "broken.toml", "other.toml", "single.toml"):
        with pytest.raises(PublishedError, match=name):
            load(tmp_path / name)


def _table(report: str, columns: list[str], rows: dict[str, list[Any]]) -> dict[str, Any]:
    when = {"fy": "2021-2022"} if report == "calls" else {"as_of": date(2023, 1, 26)}
    return {"report": report, "title": {"ja": "表", "en": "Table"}, "columns": columns, "rows": rows, **when}
