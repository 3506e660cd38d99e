"""Handover's rules, for the desk: what it is told, what it hears, and what falls due, each by what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from events import Event, Recorded
from events.intake import CaseClosed
from events.messages import CaseNote
from events.morning import CaseNoted, CasePassed, OfContact, OfNight
from services.book import Book, Due, Said, told
from services.handover import contracts, domain, evening, heard, items, ladder, night, opening, statement, urgent, whole
from services.handover.listed import Listed
from services.handover.night import Night
from services.handover.owners import owner_after
from services.handover.passing import Case
from services.handover.register import Register
from services.handover.tables import TABLES
from services.handover.urgent import Alarms

State = Case | Night | Alarms
"""What a stream of events is about: a case, a night, or a contact that could not wait."""


class Rules:
    """Handover's rules, for the desk."""

    identifying = None
    tables = TABLES

    def decide(self, said: Said, book: Book[Any]) -> None:
        """Let a message have its effect. Raises Waits or Unusable."""
        if said.type.startswith(("item.", "exchange.")):
            items.decide(said, book)
        elif said.type == CaseNote.name:
            evening.note(said, told(said.data, CaseNote), book)
        else:
            domain.decide(said, book)
            self._pass_on(said, book)
            _list(book)

    def _pass_on(self, said: Said, book: Book[Any]) -> None:
        """A hand-over to an agency that was accepted, or came back, changes in whose charge the case is."""
        register = book.beside
        if not isinstance(register, Register):
            return  # A file is only checked.
        for written in list(book.written):  # What passes on by it is written as well.
            if written.event.case_id is None or (own := register.case(written.event.case_id)) is None:
                continue
            case = register.standing(own.case)
            assert case is not None, "a part is of something that is known"
            if own is not case:  # Told of a part: when it is taken apart again, it passes from there.
                own.owner = owner_after(own.owner, written.event) or own.owner
                register.keep_case(own)
            owner = whole.held_by(case.case, book) or owner_after(case.owner, written.event)
            if owner is not None and owner != case.owner:
                case.owner = owner
                register.keep_case(case)
                contracts.heard_late(case, said.at, said.arrived, book)
                opening.take_over(case, said.at, said.arrived, book)

    def evolve(self, state: State | None, event: Event, at: datetime) -> State | None:
        """The state of what an event is about, after it."""
        match event:
            case OfNight():
                assert state is None or isinstance(state, Night), "nothing else is about a night"
                return night.after(state, event, at)
            case OfContact():
                assert state is None or isinstance(state, Alarms), "nothing else is about a contact"
                return urgent.after(state, event, at)
            case CaseNoted():
                assert state is None or isinstance(state, Case), "a note is about a case"
                return evening.after(state, event, at)
            case CasePassed(night=date()):
                assert state is None or isinstance(state, Night), "nothing else is about a night"
                return night.after(state, event, at)
            case CasePassed():
                return state  # In whose charge a case is stands beside the log.
            case _:
                assert state is None or isinstance(state, Case), "nothing else is about a case"
                return domain.evolve(state, event, at)

    def hear(self, record: Recorded, event: Event, book: Book[Any]) -> None:
        """Keep the register of calls and consultations, then learn under which names they are known."""
        heard.hear(record, event, book)
        domain.hear(record, event, book)
        whole.hear(record, event, book)
        _list(book)

    def expect(self, events: Sequence[tuple[Recorded, Event]], book: Book[Any]) -> None:
        """Read together what hearing these will ask of the register."""
        heard.expect(events, book)

    def asks(self, event: Event) -> Iterable[str]:
        """The names that a call gives, and what of a consultation that closes could not wait."""
        if isinstance(event, CaseClosed):
            return (urgent.asks(event.case), *domain.asks(event))
        return domain.asks(event)

    def begin(self, now: datetime, book: Book[Any]) -> None:
        """Plan the next statement, the next evening, and the changes of contracts."""
        contracts.begin(now, book)
        night.begin(now, book)
        evening.begin(now, book)
        if isinstance(book.beside, Kept):
            book.beside.listed.fill()

    def fall_due(self, due: Due, now: datetime, book: Book[Any]) -> None:
        """Let a deadline have its effect."""
        match due.kind:
            case night.STATEMENT | night.SUPPLEMENT:
                statement.fall_due(due, now, book)
            case ladder.KIND:
                ladder.fall_due(due, now, book)
            case urgent.KIND:
                urgent.fall_due(due, now, book)
            case evening.KIND:
                evening.fall_due(due, now, book)
            case contracts.KIND:
                contracts.fall_due(due, now, book)
            case _:
                domain.fall_due(due, now, book)
                _list(book)

    def beside(self, connection: sa.Connection) -> Kept:
        """The register of calls and consultations, and the list of hand-overs."""
        return Kept(connection)


class Kept(Register):
    """The register, and beside it the list of hand-overs to agencies."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        self.listed = Listed(connection)

    def write(self, connection: sa.Connection) -> None:
        """Write what changed of both."""
        super().write(connection)
        self.listed.write(connection)


def _list(book: Book[Any]) -> None:
    """The list hears of what was written. There is none where a file is only checked."""
    if isinstance(book.beside, Kept) and book.written:
        book.beside.listed.touch(written.event for written in book.written)
