"""Fiscal years as people type them."""

from __future__ import annotations

import pytest

from services.reporting.years import read_years


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("2022", range(2022, 2023)),
        ("2022-2023", range(2022, 2024)),
        ("２０２２～２０２３", range(2022, 2024)),
        (" FY2022 - FY2023 ", range(2022, 2024)),
        ("令和4年度", range(2022, 2023)),
        ("令和４年度～令和５年度", range(2022, 2024)),
        ("令和4年度から令和5年度", range(2022, 2024)),
        ("R4-r5", range(2022, 2024)),
        ("平成30-令和元年度", range(2018, 2020)),
        ("平成31年度", range(2019, 2020)),
        ("2000-2049", range(2000, 2050)),
    ],
)
def test_years_as_people_type_them(text: str, years: range) -> None:
    """Era or not, full width or half; the first and the last are both included."""
    assert read_years(text) == years


@pytest.mark.parametrize("text", ["", "22", "2023-2022", "2000-2050", "2022-", "2022-2023-2024", "令和", "last year"])
def test_other_years_are_refused_with_what_is_accepted(text: str) -> None:
    """Not years, the wrong way round, or too many."""
    with pytest.raises(ValueError, match="accepted: 2022, 2022-2023, 令和4年度"):
        read_years(text)
