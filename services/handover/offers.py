"""A case is offered to somebody, or handed over at once: to whom, in the directory's words. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from events.handover import AGENCY_KINDS, KINDS, HandedOver, HandoverOffered
from events.messages import HandoverComplete, HandoverOffer
from services.book import Said, Unusable, one_of
from services.cases import named, organisation, person_of
from services.directory import entry_of
from services.handover.passing import HandoverBook


class Receiver(NamedTuple):
    """Who is asked: in the directory's word with its key, or by a name of one's own without."""

    to: str
    agency: str | None = None


def offer(said: Said, message: HandoverOffer, book: HandoverBook) -> None:
    """Somebody is asked to take a case on. Raises Waits or Unusable."""
    kind = one_of("data.kind", message.kind, KINDS)
    to, agency = receiver(message.to, kind, said.at, book)
    case, handover, ref = _opened(said, message.case, message.number, message.handover, book)
    event = HandoverOffered(
        handover=handover, case=case, provider=said.provider, ref=ref, kind=kind, to=to, agency=agency
    )
    book.write(event, said.at, personal_of(message.personal), person_of(case, book))


def complete(said: Said, message: HandoverComplete, book: HandoverBook) -> None:
    """Offered and taken on at once. Raises Waits or Unusable."""
    kind = one_of("data.kind", message.kind, KINDS)
    to, agency = receiver(message.to, kind, said.at, book)
    case, handover, ref = _opened(said, message.case, message.number, message.handover, book)
    event = HandedOver(
        handover=handover,
        case=case,
        provider=said.provider,
        ref=ref,
        kind=kind,
        giver=said.provider,
        to=to,
        agency=agency,
    )
    book.write(event, said.at, with_purpose(message.personal, message.purpose), person_of(case, book))


def receiver(told: str, kind: str, at: datetime, book: HandoverBook) -> Receiver:
    """Who is meant by `data.to` on that day. What the directory does not name is taken as it is told.

    Raises:
        Unusable: no name; or an entry of the directory, and not on that day, or not for this kind of hand-over.
    """
    name, ward = organisation("data.to", told), book.ward_at(at)
    if kind not in AGENCY_KINDS:
        return Receiver(name)
    entry = entry_of(name, ward.agency, day := ward.local(at).date())
    if entry is None:
        return Receiver(name)
    if not entry.is_there_on(day):
        there = [agency.key for agency in ward.agency if agency.kind == entry.kind and agency.is_there_on(day)]
        raise Unusable("data.to", "not in the directory on that day", ", ".join(there) or "another name")
    if kind != "information" and kind != entry.kind:
        raise Unusable("data.kind", "not what the directory says of this receiver", entry.kind)
    return Receiver(entry.label.ja, entry.key)


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


def personal_of(given: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """What is personal of a message, to be sealed."""
    return given if isinstance(given, dict) else None


def with_purpose(given: dict[str, Any] | str | None, purpose: str | None) -> dict[str, Any] | None:
    """The same, with what it is for: free words, so that they are sealed as well."""
    return (personal_of(given) or {}) | ({"purpose": purpose} if purpose else {}) or None
