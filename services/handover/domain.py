"""Who offered a case to whom, and what came of it. Only an accepted one is handed over (domain Rule 7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, assert_never

import msgspec

from events import Event, Recorded
from events.handover import (
    KINDS,
    HandedOver,
    HandoverDeclined,
    HandoverEvent,
    HandoverOffered,
    HandoverReturned,
    HandoverWithdrawn,
)
from events.messages import (
    HandoverAccept,
    HandoverComplete,
    HandoverDecline,
    HandoverOffer,
    HandoverReturn,
    HandoverWithdraw,
)
from services.book import Book, Due, Said, Unusable, one_of, told
from services.cases import learn, named, names_given, organisation, person_of, reason_of

Status = Literal["offered", "accepted", "declined", "withdrawn", "returned"]


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over as it stands."""

    kind: str
    to: str
    status: Status
    since: datetime
    ref: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The hand-overs of one consultation, by id."""

    handovers: dict[str, Handover] = {}


HandoverBook = Book[Case]


def decide(said: Said, book: HandoverBook) -> None:
    """Let a message about a hand-over have its effect.

    Raises:
        Waits: it speaks of a case or a hand-over not heard of yet.
        Unusable: it cannot be used as it is.
    """
    match said.type:
        case "handover.offer":
            _offer(said, told(said.data, HandoverOffer), book)
        case "handover.complete":
            _complete(said, told(said.data, HandoverComplete), book)
        case "handover.accept":
            _accept(said, told(said.data, HandoverAccept), book)
        case "handover.decline":
            message = told(said.data, HandoverDecline)
            _end(said, message.handover, message.reason, book, HandoverDeclined, "offered", "declined")
        case "handover.withdraw":
            withdrawal = told(said.data, HandoverWithdraw)
            _end(said, withdrawal.handover, withdrawal.reason, book, HandoverWithdrawn, "offered", "withdrawn")
        case "handover.return":
            returned = told(said.data, HandoverReturn)
            _end(said, returned.handover, returned.reason, book, HandoverReturned, "accepted", "returned")
        case _:
            raise Unusable("type", "unknown")


def _offer(said: Said, message: HandoverOffer, book: HandoverBook) -> None:
    kind = one_of("data.kind", message.kind, KINDS)
    case, handover, ref = _opened(said, message.case, message.number, message.handover, book)
    to = organisation("data.to", message.to)
    event = HandoverOffered(handover=handover, case=case, provider=said.provider, ref=ref, kind=kind, to=to)
    book.write(event, said.at, _personal(message.personal), person_of(case, book))


def _complete(said: Said, message: HandoverComplete, book: HandoverBook) -> None:
    kind = one_of("data.kind", message.kind, KINDS)
    case, handover, ref = _opened(said, message.case, message.number, message.handover, book)
    to = organisation("data.to", message.to)
    _hand_over(said, case, handover, ref, kind, to, message.purpose, message.personal, book)


def _accept(said: Said, message: HandoverAccept, book: HandoverBook) -> None:
    handover, case, known = _known(said, message.handover, book)
    if known.status == "accepted":
        return  # Accepted already.
    if known.status != "offered":
        raise Unusable("data.handover", f"{known.status} before it was accepted", "a new handover.offer")
    if said.at < known.since:
        raise Unusable("time", "before it was offered", "the time at which it was accepted")
    _hand_over(said, case, handover, known.ref, known.kind, known.to, message.purpose, message.personal, book)


def _hand_over(
    said: Said,
    case: str,
    handover: str,
    ref: str | None,
    kind: str,
    to: str,
    purpose: str | None,
    personal: dict[str, Any] | str | None,
    book: HandoverBook,
) -> None:
    event = HandedOver(
        handover=handover, case=case, provider=said.provider, ref=ref, kind=kind, giver=said.provider, to=to
    )
    sealed = (_personal(personal) or {}) | ({"purpose": purpose} if purpose else {})
    book.write(event, said.at, sealed or None, person_of(case, book))


def _opened(said: Said, case_ref: str | None, number: str | None, own: str, book: HandoverBook) -> tuple[str, str, str]:
    """(case, a new hand-over's id, its reference)."""
    case = named(said, case_ref, number, book)
    ref = book.reference(own)
    key = f"handover/{said.provider}/{ref}"
    if book.targets(key):
        raise Unusable("data.handover", "there is one under this reference already", "a new reference")
    handover = book.new_id()
    book.name(key, handover, said.at)
    book.name(f"case-of/{handover}", case, said.at, fresh=True)
    book.cases.append(case)
    return case, handover, ref


def _known(said: Said, own: str, book: HandoverBook) -> tuple[str, str, Handover]:
    handover = book.target(f"handover/{said.provider}/{book.reference(own)}")
    case = book.target(f"case-of/{handover}")
    state = book.state(case)
    assert state is not None, "a hand-over that has a name was offered"
    book.cases.append(case)
    return handover, case, state.handovers[handover]


Ending = type[HandoverDeclined] | type[HandoverWithdrawn] | type[HandoverReturned]


def _end(
    said: Said, own: str, reason: str | None, book: HandoverBook, ending: Ending, from_: Status, to: Status
) -> None:
    """Decline, withdraw or return: only from the one standing in which it makes sense, and once."""
    handover, case, known = _known(said, own, book)
    if known.status == to:
        return  # Said twice.
    if known.status != from_:
        raise Unusable("data.handover", f"{known.status}, so it cannot be {to}", f"a hand-over that is {from_}")
    if said.at < known.since:
        raise Unusable("time", f"before it was {from_}", "the time at which it happened")
    code, sealed = reason_of(reason, book.ward_at(said.at).refusal)
    book.write(ending(handover=handover, case=case, reason=code), said.at, sealed, person_of(case, book))


def _personal(given: dict[str, Any] | str | None) -> dict[str, Any] | None:
    return given if isinstance(given, dict) else None


def evolve(state: Case | None, event: Event, at: datetime) -> Case:
    """The hand-overs of a case after an event."""
    fact: HandoverEvent = event  # type: ignore[assignment]  # Handover's journal holds nothing else.
    handovers = dict(state.handovers) if state else {}
    match fact:
        case HandoverOffered():
            handovers[fact.handover] = Handover(kind=fact.kind, to=fact.to, status="offered", since=at, ref=fact.ref)
        case HandedOver():
            handovers[fact.handover] = Handover(kind=fact.kind, to=fact.to, status="accepted", since=at, ref=fact.ref)
        case HandoverDeclined():
            handovers[fact.handover] = _now(handovers[fact.handover], "declined", at)
        case HandoverWithdrawn():
            handovers[fact.handover] = _now(handovers[fact.handover], "withdrawn", at)
        case HandoverReturned():
            handovers[fact.handover] = _now(handovers[fact.handover], "returned", at)
        case _:
            assert_never(fact)
    return Case(handovers=handovers)


def _now(handover: Handover, status: Status, at: datetime) -> Handover:
    return msgspec.structs.replace(handover, status=status, since=at)


class Rules:
    """Handover's rules, for the desk."""

    identifying = None
    tables = ()

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
