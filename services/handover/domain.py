"""Who offered a case to whom, and what came of it. Only an accepted one is handed over (domain Rule 7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from events import Event, Recorded
from events.handover import HandoverEvent
from events.intake import CallReceived
from events.messages import (
    HandoverAccept,
    HandoverComplete,
    HandoverDecline,
    HandoverDeliver,
    HandoverOffer,
    HandoverRecall,
    HandoverReturn,
    HandoverSee,
    HandoverSend,
    HandoverWithdraw,
)
from services.book import Book, Due, Said, Unusable, told, within_contract
from services.cases import learn, names_given
from services.handover import answers, basis, expiry, late, offers, passing, placed, sending, together
from services.handover.late import Writing
from services.handover.passing import Case


def decide(said: Said, book: Book[Any]) -> None:
    """Let a message have its effect.

    Raises:
        Waits: it speaks of a case or a hand-over not heard of yet.
        Unusable: it cannot be used as it is.
    """
    within_contract(said, book)
    match said.type:
        case "handover.offer":
            offers.offer(said, told(said.data, HandoverOffer), book)
        case "handover.complete":
            offers.complete(said, told(said.data, HandoverComplete), book)
        case "handover.send":
            sending.send(said, told(said.data, HandoverSend), book)
        case "handover.recall":
            sending.recall(said, told(said.data, HandoverRecall), book)
        case "handover.deliver":
            answers.deliver(said, told(said.data, HandoverDeliver), book)
        case "handover.see":
            answers.see(said, told(said.data, HandoverSee), book)
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
    """The hand-overs of a case after an event about one of them."""
    fact: HandoverEvent = event  # type: ignore[assignment]  # Nothing else is about a case.
    return passing.after(state, fact, at)


def hear(record: Recorded, event: Event, book: Book[Any]) -> None:
    """Learn of cases from intake's calls, of mergings and consents, and of what comes too late on a case: what is
    written on it, what placement arranges or cancels for it.
    """
    learn(event, record.time, book)
    together.hear(record, event, book)
    basis.hear(record, event, book)
    late.hear(record, event, book)
    placed.hear(record, event, book)


def asks(event: Event) -> Iterable[str]:
    """The names that a call gives; and what was said of its consultation, or of that for which a place was arranged."""
    if isinstance(event, CallReceived) and event.case:
        return (*names_given(event), together.course_key(event.case))
    if isinstance(event, Writing) and event.case:
        return (together.course_key(event.case),)
    if isinstance(event, placed.OfPlace):
        return placed.asks(event)
    return names_given(event)


def fall_due(due: Due, now: datetime, book: Book[Any]) -> None:
    """Let a deadline have its effect."""
    match due.kind:
        case expiry.KIND:
            expiry.fall_due(due, now, book)
        case _:
            raise AssertionError(f"a deadline of a kind that nothing plans: {due.kind}")
