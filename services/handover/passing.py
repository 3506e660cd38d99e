"""The hand-overs of a case as they stand, how an event moves them, and in whose charge the case is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple, assert_never

import msgspec

from events.handover import (
    PASSING_KINDS,
    HandedOver,
    HandoverAnsweredLate,
    HandoverDeclined,
    HandoverDelivered,
    HandoverEvent,
    HandoverExpired,
    HandoverNotedLate,
    HandoverOffered,
    HandoverRecalled,
    HandoverReturned,
    HandoverSeen,
    HandoverSent,
    HandoverWithdrawn,
)
from services.book import Book
from services.handover.owners import owner_after
from services.handover.together import all_of

Status = Literal["offered", "accepted", "declined", "withdrawn", "expired", "returned"]


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over as it stands. `offered_at` None: it was handed over at once, with no offer before."""

    kind: str
    to: str
    agency: str | None = None
    giver: str
    status: Status
    since: datetime
    ref: str | None = None
    basis: str | None = None
    offered_at: datetime | None = None
    answer_by: datetime | None = None
    delivered_at: datetime | None = None
    seen_at: datetime | None = None
    sent: int = 0
    """How many sheets went out."""

    @property
    def passes(self) -> bool:
        """Whether the case is the other side's once that has accepted."""
        return self.kind in PASSING_KINDS


class Note(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The note that stands about a case (今夜の申し送り). Its words are sealed, and no rule reads them."""

    at: datetime
    until: date | None = None

    def holds(self, night: date) -> bool:
        """Whether the night is to know it."""
        return self.until is None or night <= self.until


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The hand-overs of one consultation, by id, and the note about it for the night.

    `owner`: as far as the hand-overs say it; see `services.handover.owners`.
    """

    handovers: dict[str, Handover] = {}
    owner: str | None = None
    note: Note | None = None


HandoverBook = Book[Case]


class Known(NamedTuple):
    """A hand-over, the case under which it was opened, and how it stands."""

    id: str
    case: str
    handover: Handover


def known_of(case: str, book: HandoverBook) -> Iterator[Known]:
    """The hand-overs of a case and of all that were merged with it."""
    for one in all_of(case, book):
        state = book.state(one)
        for handover, standing in state.handovers.items() if state else ():
            yield Known(handover, one, standing)


def holder_of(case: str, book: HandoverBook) -> Known | None:
    """The hand-over by which an agency has the case now; None: it is a provider's. Of two the later one holds."""
    held = [known for known in known_of(case, book) if known.handover.passes and known.handover.status == "accepted"]
    return max(held, key=lambda known: (known.handover.since, known.id), default=None)


def after(state: Case | None, fact: HandoverEvent, at: datetime) -> Case:
    """The hand-overs of a case after an event."""
    handovers = dict(state.handovers) if state else {}
    handovers[fact.handover] = moved = _moved(handovers.get(fact.handover), fact, at)
    if isinstance(fact, HandoverReturned) and fact.giver is None:  # As releases before this one wrote it.
        fact = msgspec.structs.replace(fact, giver=moved.giver)
    owner = owner_after(state.owner if state else None, fact)
    return msgspec.structs.replace(state or Case(), handovers=handovers, owner=owner)


def _moved(known: Handover | None, fact: HandoverEvent, at: datetime) -> Handover:
    match fact:
        case HandoverOffered():
            return Handover(
                kind=fact.kind,
                to=fact.to,
                agency=fact.agency,
                giver=fact.provider,
                status="offered",
                since=at,
                ref=fact.ref,
                basis=fact.basis,
                offered_at=at,
                answer_by=fact.answer_by,
            )
        case HandedOver():
            if known is not None:
                return _now(known, "accepted", at)
            return Handover(
                kind=fact.kind,
                to=fact.to,
                agency=fact.agency,
                giver=fact.giver,
                status="accepted",
                since=at,
                ref=fact.ref,
                basis=fact.basis,
            )
        case _:
            assert known is not None, "a hand-over begins with an offer or an acceptance"
            return _went_on(known, fact, at)


Later = (
    HandoverSent
    | HandoverRecalled
    | HandoverDelivered
    | HandoverSeen
    | HandoverDeclined
    | HandoverWithdrawn
    | HandoverExpired
    | HandoverAnsweredLate
    | HandoverNotedLate
    | HandoverReturned
)


def _went_on(known: Handover, fact: Later, at: datetime) -> Handover:
    match fact:
        case HandoverSent():
            return msgspec.structs.replace(known, sent=fact.sending)
        case HandoverRecalled():
            return known
        case HandoverDelivered():
            return msgspec.structs.replace(known, delivered_at=max(at, known.delivered_at or at))
        case HandoverSeen():
            return msgspec.structs.replace(known, seen_at=at)
        case HandoverDeclined():
            return _now(known, "declined", at)
        case HandoverWithdrawn():
            return _now(known, "withdrawn", at)
        case HandoverExpired():
            return _now(known, "expired", at)
        case HandoverReturned():
            return _now(known, "returned", at)
        case HandoverNotedLate() | HandoverAnsweredLate():  # See `services.late_notes`.
            return known
        case _:
            assert_never(fact)


def _now(handover: Handover, status: Status, at: datetime) -> Handover:
    return msgspec.structs.replace(handover, status=status, since=at)
