"""Who offered a case to whom, and what came of it. Only an accepted one is handed over (domain Rule 7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from events import Event
from events.handover import HandoverEvent
from events.messages import (
    HandoverAccept,
    HandoverComplete,
    HandoverDecline,
    HandoverOffer,
    HandoverReturn,
    HandoverWithdraw,
)
from services.book import Book, Said, Unusable, told
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
