"""The first page's tables: what was published beside what is computed, under the titles that were printed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from services.pages.terms import Terms
from services.reporting.pages.grid import Grid, laid_out, query_of, query_of_years
from services.reporting.published import Difference, Published
from services.reporting.report import Report
from services.reporting.tables import REPORTS

Query = dict[str, str]
"""How a table's own page is asked for it."""

Section = tuple[str, list[tuple[Grid, Query]]]
"""Several tables under one title."""


class Compared(NamedTuple):
    """One published table, the computed one, and every printed cell of the two."""

    published: Published
    report: Report
    differences: tuple[Difference, ...]


def sections(compared: Iterable[Compared], terms: Terms) -> list[Section]:
    """The tables under the titles under which they were printed, in that order."""
    found = []
    for title, group in groupby(compared, key=lambda each: terms.say(each.published.title)):
        grids = [
            (laid_out(each.report, terms, each.differences, scope=title), query_of(each.published)) for each in group
        ]
        found.append((title, grids))
    return found


def with_query(grids: Iterable[Grid], years: range) -> list[tuple[Grid, Query]]:
    """Tables of fiscal years, each with how it is asked for."""
    return [(grid, query_of_years(years)) for grid in grids]


def titles(terms: Terms) -> list[tuple[str, str]]:
    """Every report and what the ward calls it."""
    return [(name, terms.say(terms.ward.titles[name])) for name in REPORTS]
