"""Who offered a case to whom, and what came of it. Only an accepted one is handed over (domain Rule 7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from events import Event, Recorded
from events.handover import HandoverEvent
from events.messages import (
    HandoverAccept,
    HandoverComplete,
    HandoverDecline,
    HandoverOffer,
    HandoverReturn,
    HandoverWithdraw,
)
from services.book import Book, Due, Said, Unusable, told
from services.cases import learn, names_given
from services.handover import answers, offers, passing
from services.handover.passing import Case


def decide(said: Said, book: Book[Any]) -> None:
    """Let a message have its effect.

    Raises:
        Waits: it speaks of a case or a hand-over not heard of yet.
        Unusable: it cannot be used as it is.
    """
    match said.type:
        case "handover.offer":
            offers.offer(said, told(said.data, HandoverOffer), book)
        case "handover.complete":
            offers.complete(said, told(said.data, HandoverComplete), book)
        case "handover.accept":
            answers.accept(said, told(said.data, HandoverAccept), book)
        case "handover.decline":
            answers.decline(said, told(said.data, HandoverDecline), book)
        case "handover.withdraw":
            answers.withdraw(said, told(said.data, HandoverWithdraw), book)
        case "handover.return":
            answers.give_back(said, told(said.data, HandoverReturn), book)
        case _:
            raise Unusable("type", "unknown")


def evolve(state: Case | None, event: Event, at: datetime) -> Case:
    """The state of what an event is about, after it."""
    fact: HandoverEvent = event  # type: ignore[assignment]  # Handover's journal holds nothing else.
    return passing.after(state, fact, at)


class Rules:
    """Handover's rules, for the desk."""

    tables = ()
    identifying = None

    def decide(self, said: Said, book: Book[Any]) -> None:
        """Let a message have its effect. Raises Waits or Unusable."""
        decide(said, book)

    def evolve(self, state: Case | None, event: Event, at: datetime) -> Case | None:
        """The state after an event."""
        return evolve(state, event, at)

    def hear(self, record: Recorded, event: Event, book: Book[Any]) -> None:
        """Learn of cases from intake's calls."""
        learn(event, record.time, book)

    def asks(self, event: Event) -> Iterable[str]:
        """The names that a call gives."""
        return names_given(event)

    def begin(self, now: datetime, book: Book[Any]) -> None:
        """Nothing must always be planned here."""

    def fall_due(self, due: Due, now: datetime, book: Book[Any]) -> None:
        """Nothing is planned here."""

    def beside(self, connection: object) -> None:
        """There are no tables of its own."""
