"""The tables that the ward printed, and how the computed ones compare with them, cell by cell.

The one module here that reads a file: a TOML of published figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from services.reporting.report import NOT_YET, Report, Value
from services.reporting.tables import REPORTS, Name
from services.reporting.years import read_years
from services.ward import Label


class PublishedError(ValueError):
    """Published figures that cannot be used; says which table and row, and what is accepted."""


class Published(NamedTuple):
    """One printed table: up to a day (`as_of`), or for fiscal years (`years`); one of the two."""

    report: Name
    title: Label
    as_of: date | None
    years: range | None
    columns: tuple[str, ...]
    rows: dict[str, tuple[Value, ...]]


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
        PublishedError: unreadable, or not in the form that `deploy/wards/` shows.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PublishedError(f"{path}: cannot be read as TOML: {error}") from error
    try:
        return parse(content)
    except PublishedError as error:
        raise PublishedError(f"{path}: {error}") from error


def parse(content: dict[str, Any]) -> tuple[Published, ...]:
    """The tables in a file's content.

    Raises:
        PublishedError: says which table, numbered from 1, and which row.
    """
    tables = content.get("table")
    if set(content) != {"table"} or not isinstance(tables, list):
        raise PublishedError("only [[table]] is accepted, one for each printed table")
    return tuple(_published(f"table {number}", table) for number, table in enumerate(tables, start=1))


def _published(place: str, content: dict[str, Any]) -> Published:
    try:
        table = msgspec.convert(content, _Table)
    except msgspec.ValidationError as error:
        raise PublishedError(f"{place}: {error}; reports: {', '.join(REPORTS)}") from error
    if (table.as_of is None) == (table.fy is None):
        raise PublishedError(f"{place}: give as_of or fy, one of the two")
    try:
        years = None if table.fy is None else read_years(table.fy)
    except ValueError as error:
        raise PublishedError(f"{place}, fy: {error}") from error
    rows = {key: tuple(_row(f"{place}, row {key}", table, values)) for key, values in table.rows.items()}
    return Published(table.report, table.title, table.as_of, years, table.columns, rows)


def _row(place: str, table: _Table, values: list[Any]) -> Iterator[Value]:
    if len(values) != len(table.columns):
        raise PublishedError(f"{place}: {len(values)} values; {len(table.columns)} are needed, one for each column")
    for column, value in zip(table.columns, values, strict=True):
        if value == NOT_YET:
            yield None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value
        else:
            raise PublishedError(f"{place}, {column}: a whole number, one with a decimal point, or {NOT_YET!r}")


def compare(published: Published, report: Report) -> tuple[Difference, ...]:
    """Every printed cell beside the computed one, row by row; look at `equal`."""
    computed = {(cell.row, cell.column): cell.value for cell in report.cells}
    return tuple(
        Difference(row, column, value, computed.get((row, column), "missing"))
        for row, values in published.rows.items()
        for column, value in zip(published.columns, values, strict=True)
    )
