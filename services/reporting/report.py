"""A finished table: what a page, a print, a sheet and an auditor read. It encodes to JSON as it stands."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from services.ward import Label

NOT_YET = "－"
"""How a value of None is printed: not yet in operation. 0 is a fact."""

Value = int | float | None
"""A number of consultations or persons; a percentage with one decimal; None: not yet in operation."""


class KnownAt(msgspec.Struct, frozen=True):
    """The cut-off on the second clock: the ledger's prefix up to a position, and its Merkle root in hex."""

    position: int
    ledgered_at: datetime
    root: str


class Gap(msgspec.Struct, frozen=True):
    """From a backup to its restore, UTC: what was received in between may be missing."""

    missing_from: datetime
    missing_until: datetime


class Group(msgspec.Struct, frozen=True):
    """A heading over several columns."""

    key: str
    label: Label


class Heading(msgspec.Struct, frozen=True, omit_defaults=True):
    """The heading of a row or a column. `year` stands before the label, in a cell of its own."""

    key: str
    label: Label
    group: str | None = None
    year: Label | None = None


class Cell(msgspec.Struct, frozen=True):
    """One figure, and the ids of the consultations or persons behind it, sorted."""

    row: str
    column: str
    value: Value
    cases: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `years`: the fiscal years shown; None: all up to `as_of`. `cells` go row by row.

    `counts` says whose ids the cells hold. `also`: further numbers that are no column.
    """

    report: str
    title: Label
    ward: str
    years: tuple[int, ...] | None
    as_of: date | None
    known_at: KnownAt | None
    counts: Literal["person", "case"]
    rows: tuple[Heading, ...]
    columns: tuple[Heading, ...]
    groups: tuple[Group, ...]
    cells: tuple[Cell, ...]
    footnotes: tuple[Label, ...]
    also: dict[str, int]
    synthetic: bool

    def cell(self, row: str, column: str) -> Cell | None:
        """The cell under two keys, if the table has it."""
        return next((cell for cell in self.cells if cell.row == row and cell.column == column), None)


def shown(value: Value) -> str:
    """A value as it is printed: 49, 25.9 or －."""
    if value is None:
        return NOT_YET
    return f"{value:.1f}" if isinstance(value, float) else str(value)
