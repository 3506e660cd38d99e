"""A table as the page lays it out: heading runs, row spans, and the published figure beside each cell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from services.pages.terms import Terms
from services.reporting.published import Difference, Published
from services.reporting.report import Cell, Heading, KnownAt, Report, shown


class Column(NamedTuple):
    """A column's heading; `group` where it stands under a heading of several."""

    label: str
    group: str | None


class Run(NamedTuple):
    """The upper line of the headings: a group over `span` columns, or one column that goes through both lines."""

    label: str
    span: int
    grouped: bool


class Figure(NamedTuple):
    """One cell. `opens`: there is something behind it. `published` is None where nothing was printed."""

    row: str
    column: str
    text: str
    opens: bool
    published: str | None = None
    equal: bool = True


class Line(NamedTuple):
    """One row. `year` stands on the first row of its year and spans `rows` of them."""

    label: str
    year: str | None
    rows: int
    is_total: bool
    figures: tuple[Figure, ...]


class Grid(NamedTuple):
    """One table, ready to be printed. `missing`: what was printed and the computed table does not have."""

    report: str
    title: str
    scope: str
    stubs: int
    runs: tuple[Run, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    footnotes: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def has_groups(self) -> bool:
        """Whether the headings take two lines."""
        return any(run.grouped for run in self.runs)


def laid_out(report: Report, terms: Terms, differences: Iterable[Difference] = (), scope: str = "") -> Grid:
    """The table with what was published beside it; `scope` replaces the words made from years and day."""
    printed = {(each.row, each.column): each for each in differences}
    groups = {group.key: terms.say(group.label) for group in report.groups}
    columns = tuple(Column(terms.say(h.label), groups.get(h.group or "")) for h in report.columns)
    return Grid(
        report=report.report,
        title=terms.say(report.title),
        scope=scope or scope_of(report, terms),
        stubs=2 if any(row.year for row in report.rows) else 1,
        runs=tuple(_runs(columns)),
        columns=columns,
        lines=tuple(_lines(report, terms, printed)),
        footnotes=tuple(terms.say(note) for note in report.footnotes),
        missing=tuple(_missing(printed.values(), terms)),
    )


def scope_of(report: Report, terms: Terms) -> str:
    """令和4年度～令和5年度, 令和5年1月26日現在, both, or 全期間."""
    parts = []
    if report.years:
        parts.append(terms.years(range(report.years[0], report.years[-1] + 1)))
    if report.as_of:
        parts.append(terms.screen("as_of_day", day=terms.day(report.as_of)))
    return terms.listed(parts) or terms.screen("whole_period")


def place_of(report: Report, cell: Cell, terms: Terms) -> list[str]:
    """Where a figure stands: the headings of its row and its column, the widest first."""
    row = next(heading for heading in report.rows if heading.key == cell.row)
    column = next(heading for heading in report.columns if heading.key == cell.column)
    groups = [terms.say(group.label) for group in report.groups if group.key == column.group]
    years = [terms.say(row.year)] if row.year else []
    return [*years, terms.say(row.label), *groups, terms.say(column.label)]


def notes_under(report: Report, terms: Terms) -> list[str]:
    """What stands under a table on a page of its own, beside its footnotes."""
    notes = []
    if (known := report.known_at) is not None:
        notes.append(known_of(known, terms))
    if (both := report.also.get("placement_and_handover")) is not None:
        notes.append(terms.screen("both", n=both))
    if (current := report.also.get("current_registrants")) is not None:
        notes.append(terms.screen("current_registrants", n=current))
    return notes


def known_of(known: KnownAt, terms: Terms) -> str:
    """把握時点：令和7年4月1日（火） 12:00（記録原簿 123件目まで）."""
    return terms.screen("known_upto", moment=terms.moment(known.ledgered_at), n=known.position)


def query_of(published: Published) -> dict[str, str]:
    """How the page of one table is asked for what was published."""
    if published.as_of is not None:
        return {"as_of": published.as_of.isoformat()}
    return query_of_years(published.years) if published.years else {}


def query_of_years(years: range) -> dict[str, str]:
    """How the page of one table is asked for fiscal years."""
    return {"fy": str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"}


def _runs(columns: Iterable[Column]) -> Iterator[Run]:
    for group, run in groupby(columns, key=lambda column: column.group):
        several = list(run)
        if group is None:
            yield from (Run(column.label, 1, grouped=False) for column in several)
        else:
            yield Run(group, len(several), grouped=True)


def _lines(report: Report, terms: Terms, printed: dict[tuple[str, str], Difference]) -> Iterator[Line]:
    by_row = {key: tuple(cells) for key, cells in groupby(report.cells, key=lambda cell: cell.row)}
    for _, rows in groupby(report.rows, key=lambda row: row.year):
        block = list(rows)
        for place, row in enumerate(block):
            figures = tuple(_figure(cell, printed.get((cell.row, cell.column))) for cell in by_row.get(row.key, ()))
            year = terms.say(row.year) if row.year and place == 0 else None
            yield Line(terms.say(row.label), year, len(block), _is_total(row), figures)


def _is_total(row: Heading) -> bool:
    return row.key.rpartition("/")[2] == "total"


def _figure(cell: Cell, difference: Difference | None) -> Figure:
    figure = Figure(cell.row, cell.column, shown(cell.value), bool(cell.value) and bool(cell.cases))
    if difference is None:
        return figure
    return figure._replace(published=shown(difference.published), equal=difference.equal)


def _missing(differences: Iterable[Difference], terms: Terms) -> Iterator[str]:
    for each in differences:
        if each.computed == "missing":
            yield f"{each.row} / {each.column}: {terms.screen('no_cell', value=shown(each.published))}"
