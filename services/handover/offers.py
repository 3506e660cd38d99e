"""A case is offered to somebody, or handed over at once: to whom, on what basis, until when they may answer. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from events.handover import AGENCY_KINDS, HOW, KINDS, MORNING, PASSING_KINDS, HandedOver, HandoverOffered
from events.messages import HandoverComplete, HandoverOffer
from services.book import Said, Unusable, one_of
from services.cases import named, organisation, person_of
from services.directory import entry_of, folded
from services.handover import basis, expiry, late, placed
from services.handover.passing import HandoverBook, holder_of, known_of
from services.handover.together import course_key
from services.inbox import PROMISED
from services.ward import Provider


class Receiver(NamedTuple):
    """Who is asked: in the directory's word with its key, or by a name of one's own without."""

    to: str
    agency: str | None = None


class Opened(NamedTuple):
    """A hand-over in the making."""

    case: str
    id: str
    ref: str
    kind: str
    receiver: Receiver
    basis: str | None


def offer(said: Said, message: HandoverOffer, book: HandoverBook) -> None:
    """Somebody is asked to take a case on. Raises Waits or Unusable."""
    answer_by = _answer_by(said, message, book)
    opened = _opened(said, message, book)
    event = HandoverOffered(
        handover=opened.id,
        case=opened.case,
        provider=said.provider,
        ref=opened.ref,
        kind=opened.kind,
        to=opened.receiver.to,
        agency=opened.receiver.agency,
        basis=opened.basis,
        answer_by=answer_by,
    )
    book.write(event, said.at, personal_of(message.personal), person_of(opened.case, book))
    if answer_by is not None:
        expiry.plan(opened.id, answer_by, said, book)


def complete(said: Said, message: HandoverComplete, book: HandoverBook) -> None:
    """Offered and taken on at once. Raises Waits or Unusable."""
    how = how_of(message.how)
    opened = _opened(said, message, book)
    event = HandedOver(
        handover=opened.id,
        case=opened.case,
        provider=said.provider,
        ref=opened.ref,
        kind=opened.kind,
        giver=said.provider,
        to=opened.receiver.to,
        agency=opened.receiver.agency,
        basis=opened.basis,
        how=how,
    )
    take_on(event, said.at, with_purpose(message.personal, message.purpose), said.provider, book)


def take_on(
    event: HandedOver, at: datetime, personal: dict[str, Any] | None, provider: str, book: HandoverBook
) -> None:
    """Let a case have been taken on. Whoever else was asked is asked no longer: a case has one owner."""
    book.write(event, at, personal, person_of(event.case, book))
    expiry.give_up(event.handover, book)
    if event.kind in PASSING_KINDS:
        for other in known_of(event.case, book):
            if other.handover.passes and other.handover.status == "offered":
                late.accepted_elsewhere(other, max(at, other.handover.since), provider, book)
        late.told_before(event, at, book)
        placed.tell(event.case, book)


def receiver(told: str, kind: str, at: datetime, book: HandoverBook) -> Receiver:
    """Who is meant by `data.to` on that day. What the directory does not name is taken as it is told.

    Raises:
        Unusable: no name; or an entry of the directory, and not on that day, or not for this kind of hand-over.
    """
    name, ward = organisation("data.to", told), book.ward_at(at)
    if kind not in AGENCY_KINDS:
        named = entry_of(name, ward.agency, ward.local(at).date()) if kind == MORNING else None
        if named is not None:
            raise Unusable("data.kind", "not what the directory says of this receiver", named.kind)
        return Receiver(next((each.id for each in ward.provider if folded(name) in _words_of(each)), name))
    entry = entry_of(name, ward.agency, day := ward.local(at).date())
    if entry is None:
        return Receiver(name)
    if not entry.is_there_on(day):
        wanted = kind if kind in PASSING_KINDS else entry.kind
        there = [agency.key for agency in ward.agency if agency.kind == wanted and agency.is_there_on(day)]
        raise Unusable("data.to", "not in the directory on that day", ", ".join(there) or "another name")
    if kind != "information" and kind != entry.kind:
        raise Unusable("data.kind", "not what the directory says of this receiver", entry.kind)
    return Receiver(entry.label.ja, entry.key)


def _words_of(provider: Provider) -> frozenset[str]:
    return frozenset(folded(word) for word in (provider.id, provider.label.ja, provider.label.en))


def _opened(said: Said, message: HandoverOffer | HandoverComplete, book: HandoverBook) -> Opened:
    """A new hand-over, with its names. Raises Waits or Unusable."""
    kind = one_of("data.kind", message.kind, KINDS)
    to = receiver(message.to, kind, said.at, book)
    case = named(said, message.case, message.number, book)
    ref = book.reference(message.handover)
    key = f"handover/{said.provider}/{ref}"
    if book.targets(key):
        raise Unusable("data.handover", "there is one under this reference already", "a new reference")
    if kind in PASSING_KINDS:
        _check_free(case, to, book)
    ground = basis.checked(said, message.basis, message.personal, kind, case, to.to, book)
    handover = book.new_id()
    book.name(key, handover, said.at)
    book.name(f"case-of/{handover}", case, said.at, fresh=True)
    book.name(course_key(case), f"passing/{handover}", said.at, fresh=True)
    book.cases.append(case)
    return Opened(case, handover, ref, kind, to, ground)


def _check_free(case: str, to: Receiver, book: HandoverBook) -> None:
    """A case that an agency has is given away by nobody else, and nobody is asked twice at once."""
    if holder_of(case, book) is not None:
        raise Unusable("data.case", "an agency has taken this case on already", "handover.return of that hand-over")
    for known in known_of(case, book):
        if known.handover.passes and known.handover.status == "offered" and _is_same(to, known.handover):
            ways = "handover.accept, handover.decline or handover.withdraw of that offer"
            raise Unusable("data.to", "they are asked already, and have not answered", ways)


def _is_same(to: Receiver, other: Any) -> bool:
    return to.agency == other.agency if to.agency or other.agency else folded(to.to) == folded(other.to)


def _answer_by(said: Said, message: HandoverOffer, book: HandoverBook) -> datetime | None:
    """Until when an offer stands: as it says itself, or else as the ward's file does. Raises Unusable."""
    if message.answer_by is None:
        answering = book.ward_at(said.at).handover
        if answering is None or message.kind not in AGENCY_KINDS:
            return None
        return said.at + timedelta(hours=answering.answer_hours)
    if message.answer_by.tzinfo is None:
        raise Unusable("data.answer_by", "without an offset", "a time such as 2025-04-01T13:00:00+09:00")
    if message.answer_by <= said.at:
        raise Unusable("data.answer_by", "not after it was offered", "a later time")
    if message.answer_by > said.at + PROMISED:
        raise Unusable("data.answer_by", "more than a year ahead", "a time within a year")
    return message.answer_by


def how_of(told: str | None) -> str | None:
    """By which way something came. Raises Unusable."""
    return None if told is None else one_of("data.how", told, HOW)


def personal_of(given: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """What is personal of a message, to be sealed."""
    return given if isinstance(given, dict) else None


def with_purpose(given: dict[str, Any] | str | None, purpose: str | None) -> dict[str, Any] | None:
    """The same, with what it is for: free words, so that they are sealed as well."""
    return (personal_of(given) or {}) | ({"purpose": purpose} if purpose else {}) or None
