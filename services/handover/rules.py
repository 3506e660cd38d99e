"""Handover's rules, for the desk: what it is told, what it hears, and what falls due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from events import Event, Recorded
from services.book import Book, Due, Said
from services.handover import domain
from services.handover.listed import Listed
from services.handover.passing import Case
from services.passings import HANDOVERS


class Rules:
    """Handover's rules, for the desk."""

    tables = (HANDOVERS,)
    identifying = None

    def decide(self, said: Said, book: Book[Any]) -> None:
        """Let a message have its effect. Raises Waits or Unusable."""
        domain.decide(said, book)
        _list(book)

    def evolve(self, state: Case | None, event: Event, at: datetime) -> Case | None:
        """The state after an event."""
        return domain.evolve(state, event, at)

    def hear(self, record: Recorded, event: Event, book: Book[Any]) -> None:
        """Learn of cases from intake's calls, of consents, and of what is written too late."""
        domain.hear(record, event, book)
        _list(book)

    def asks(self, event: Event) -> Iterable[str]:
        """The names that a call gives, and what was said of its consultation."""
        return domain.asks(event)

    def begin(self, now: datetime, book: Book[Any]) -> None:
        """Nothing must always be planned here; the list is made where it is missing."""
        if isinstance(book.beside, Listed):
            book.beside.fill()

    def fall_due(self, due: Due, now: datetime, book: Book[Any]) -> None:
        """Let a deadline have its effect."""
        domain.fall_due(due, now, book)
        _list(book)

    def beside(self, connection: sa.Connection) -> Listed:
        """The list of hand-overs."""
        return Listed(connection)


def _list(book: Book[Any]) -> None:
    """The list hears of what was written. There is none where a file is only checked."""
    if isinstance(book.beside, Listed) and book.written:
        book.beside.touch(written.event for written in book.written)
