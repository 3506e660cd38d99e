"""The tables that the ward printed, and how the computed ones compare with them, cell by cell.

The one module here that reads a file: a TOML of published figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

from services import toml_file
from services.reporting.report import NOT_YET, Report, Value
from services.reporting.tables import REPORTS, Name
from services.reporting.years import read_years
from services.toml_file import FileError
from services.ward import Label


class PublishedError(FileError):
    """Published figures that cannot be used; says which table and row, and what is accepted."""


class Published(NamedTuple):
    """One printed table: up to a day (`as_of`), or for fiscal years (`years`); one of the two."""

    report: Name
    title: Label
    as_of: date | None
    years: range | None
    columns: tuple[str, ...]
    rows: dict[str, tuple[Value, ...]]
    file: Path | None = None
    lines: Mapping[str, int] = MappingProxyType({})
    """Of each row, of `columns`, and of the table itself under an empty key."""


class Difference(NamedTuple):
    """One printed cell beside the computed one. `missing`: the computed table has no such cell."""

    row: str
    column: str
    published: Value
    computed: Value | Literal["missing"]

    @property
    def equal(self) -> bool:
        return self.published == self.computed


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    report: Name
    title: Label
    columns: tuple[str, ...]
    rows: dict[str, list[Any]]
    as_of: date | None = None
    fy: str | None = None


def load(path: Path) -> tuple[Published, ...]:
    """Read the tables in a file, in its order.

    Raises:
        PublishedError: unreadable, or not in the form that `deploy/wards/` shows; says on which line.
    """
    content, lines = toml_file.read(path, PublishedError, "a TOML file of published tables")
    try:
        tables = parse(content)
    except PublishedError as error:
        raise error.located(path, lines) from error
    return tuple(
        table._replace(file=path, lines=_lines_of(number, table, lines)) for number, table in enumerate(tables)
    )


def _lines_of(number: int, table: Published, lines: Mapping[toml_file.At, int]) -> dict[str, int]:
    at: toml_file.At = ("table", number)
    own = {"": at, "columns": (*at, "columns"), **{row: (*at, "rows", row) for row in table.rows}}
    return {key: lines[place] for key, place in own.items() if place in lines}


def parse(content: dict[str, Any]) -> tuple[Published, ...]:
    """The tables in a file's content.

    Raises:
        PublishedError: says which table, numbered from 1, and which row.
    """
    tables = content.get("table")
    if set(content) != {"table"} or not isinstance(tables, list):
        stray = next((key for key in content if key != "table"), "table")
        raise PublishedError("only [[table]] is accepted, one for each printed table", stray)
    return tuple(_published(number, table) for number, table in enumerate(tables))


def _published(number: int, content: Any) -> Published:
    place, at = f"table {number + 1}", ("table", number)
    try:
        table = toml_file.shaped(content, _Table, PublishedError, *at)
    except PublishedError as error:
        raise PublishedError(f"{place}: {error.reason}; reports: {', '.join(REPORTS)}", *error.at) from error
    if (table.as_of is None) == (table.fy is None):
        raise PublishedError(f"{place}: give as_of or fy, one of the two", *at)
    try:
        years = None if table.fy is None else read_years(table.fy)
    except ValueError as error:
        raise PublishedError(f"{place}, fy: {error}", *at, "fy") from error
    rows = {key: tuple(_row(f"{place}, row {key}", number, table, key)) for key in table.rows}
    return Published(table.report, table.title, table.as_of, years, table.columns, rows)


def _row(place: str, number: int, table: _Table, key: str) -> Iterator[Value]:
    values, at = table.rows[key], ("table", number, "rows", key)
    if len(values) != len(table.columns):
        needed = f"{len(table.columns)} are needed, one for each column"
        raise PublishedError(f"{place}: {len(values)} values; {needed}", *at)
    for column, value in zip(table.columns, values, strict=True):
        if value == NOT_YET:
            yield None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value
        else:
            reason = f"{place}, {column}: a whole number, one with a decimal point, or {NOT_YET!r}"
            raise PublishedError(reason, *at)


def compare(published: Published, report: Report) -> tuple[Difference, ...]:
    """Every printed cell beside the computed one, row by row; look at `equal`."""
    computed = {(cell.row, cell.column): cell.value for cell in report.cells}
    return tuple(
        Difference(row, column, value, computed.get((row, column), "missing"))
        for row, values in published.rows.items()
        for column, value in zip(published.columns, values, strict=True)
    )
