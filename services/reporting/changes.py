"""The difference of a table between two states of the ledger: 公表時／現在, and the records that brought it about."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from services.reporting.inquiry import Inquiry, NotKnown, Step
from services.reporting.report import Cell, KnownAt, Report, Value

MOST_NAMED = 500
"""Consultations or persons whose records are named; of a whole year's import more are of no use to anybody."""


class ChangedCell(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is another one now, and who came into it or left it, by id. None: it was not there."""

    row: str
    column: str
    then: Value
    now: Value
    came: tuple[str, ...]
    left: tuple[str, ...]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was learned between the two and changed what counts of a consultation or person."""

    about: str
    number: str | None
    step: Step


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is different, row by row, and why, in the ledger's order. `unnamed`: how many more moved than are named."""

    then: KnownAt
    now: KnownAt
    cells: tuple[ChangedCell, ...]
    causes: tuple[Cause, ...]
    unnamed: int


def changes(inquiry: Inquiry, then: Report, now: Report) -> Changes:
    """What differs between a table as it was known then and the same table as it is known now.

    Both with a cut-off of their own, as `Inquiry.report` gives them for a `known_at`.

    Raises:
        LookupError: `then` is the later one.
    """
    assert then.known_at is not None, "a state of the ledger"
    assert now.known_at is not None, "a state of the ledger"
    if then.known_at.position > now.known_at.position:
        raise LookupError(f"record {then.known_at.position} is later than record {now.known_at.position}")
    cells = tuple(_changed(then, now))
    moved = sorted({name for cell in cells for name in (*cell.came, *cell.left)})
    window = range(then.known_at.position + 1, now.known_at.position + 1)
    causes = [cause for about in moved[:MOST_NAMED] for cause in _causes(inquiry, about, window)]
    if {cause.about for cause in causes} != set(moved[:MOST_NAMED]):  # Then the rules changed, and nothing about them.
        causes += _causes(inquiry, inquiry.ledger.row(1).event.ward, window)
    return Changes(
        then=then.known_at,
        now=now.known_at,
        cells=cells,
        causes=tuple(sorted(causes, key=lambda cause: (cause.step.position, cause.about))),
        unnamed=max(0, len(moved) - MOST_NAMED),
    )


def _changed(then: Report, now: Report) -> Iterator[ChangedCell]:
    """Those of now in their order, then those that are no longer there."""
    before, after = ({(cell.row, cell.column): cell for cell in report.cells} for report in (then, now))
    for row, column in dict.fromkeys([*after, *before]):
        old, new = (cells.get((row, column), Cell(row, column, None, ())) for cells in (before, after))
        if old.value != new.value or old.cases != new.cases:
            came, left = set(new.cases) - set(old.cases), set(old.cases) - set(new.cases)
            yield ChangedCell(
                row=row,
                column=column,
                then=old.value,
                now=new.value,
                came=tuple(sorted(came)),
                left=tuple(sorted(left)),
            )


def _causes(inquiry: Inquiry, about: str, window: range) -> Iterator[Cause]:
    try:
        history = inquiry.history(about, by="ledger")
    except NotKnown:
        return
    for step in history.steps:
        if step.position in window and (step.changes or step.event == "ward.activated"):
            yield Cause(about=about, number=history.number, step=step)
