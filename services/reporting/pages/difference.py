"""What is different from an earlier state of the ledger, and why, in words: 公表時／現在. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.pages.symbols import symbol
from services.pages.terms import Terms
from services.reporting.changes import Cause, ChangedCell, Changes
from services.reporting.pages.course import Changed, changes_of, name_of
from services.reporting.pages.grid import known_of, place_of
from services.reporting.pages.values import text_of
from services.reporting.report import Cell, Report, Value, shown


class Line(NamedTuple):
    """One figure: where it stands, what it was and is, and by how much it moved (empty where no sum can be taken)."""

    place: str
    then: str
    now: str
    moved: str


class Because(NamedTuple):
    """One record that moved something. `about`: whose history it stands in; `name`: what happened, with its flags."""

    about: str
    number: str
    name: str
    occurred: str
    ledgered: str
    position: int
    changes: tuple[Changed, ...]


class Difference(NamedTuple):
    """The whole difference. `unnamed`: how many more consultations moved than are named."""

    then: str
    now: str
    lines: tuple[Line, ...]
    because: tuple[Because, ...]
    unnamed: int


def in_words(changes: Changes, then: Report, now: Report, terms: Terms) -> Difference:
    """The changes from one table to the other, as a page and the command line say them."""
    return Difference(
        then=known_of(changes.then, terms),
        now=known_of(changes.now, terms),
        lines=tuple(_line(cell, then, now, terms) for cell in changes.cells),
        because=tuple(_because(cause, terms) for cause in changes.causes),
        unnamed=changes.unnamed,
    )


def _line(cell: ChangedCell, then: Report, now: Report, terms: Terms) -> Line:
    where = now if now.cell(cell.row, cell.column) else then
    place = place_of(where, Cell(cell.row, cell.column, None, ()), terms)
    return Line("　›　".join(place), shown(cell.then), shown(cell.now), _moved(cell.then, cell.now))


def _moved(then: Value, now: Value) -> str:
    if then is None or now is None:
        return ""
    return f"{now - then:+.1f}" if isinstance(now, float) or isinstance(then, float) else f"{now - then:+d}"


def _because(cause: Cause, terms: Terms) -> Because:
    step = cause.step
    return Because(
        about=cause.about,
        number=cause.number or symbol(cause.about),
        name=terms.listed(_names(cause, terms)),
        occurred=terms.moment(step.occurred_at),
        ledgered=terms.moment(step.ledgered_at),
        position=step.position,
        changes=tuple(changes_of(step, terms, {})),
    )


def _names(cause: Cause, terms: Terms) -> Iterator[str]:
    yield name_of(cause.step, {}, terms)
    if flags := cause.step.data.get("flags"):
        yield text_of("flags", flags, terms)
