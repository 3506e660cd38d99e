"""What comes too late is kept: an answer to what was settled, a note on a case that an agency has. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from events import Event, Recorded
from events.handover import HandedOver, HandoverAnsweredLate, HandoverNotedLate, HandoverWithdrawn
from events.intake import CallAdded, CallCorrected, CallReceived
from services.book import Said
from services.cases import person_of
from services.handover.expiry import give_up
from services.handover.owners import agency_owner
from services.handover.passing import HandoverBook, Known, holder_of, known_of
from services.handover.together import all_of, course_key
from services.late_notes import ELSEWHERE


def answered(
    said: Said,
    known: Known,
    what: str,
    because: str,
    book: HandoverBook,
    *,
    reason: str | None = None,
    how: str | None = None,
    personal: dict[str, Any] | None = None,
) -> None:
    """Keep an answer that changes nothing any more."""
    event = HandoverAnsweredLate(
        handover=known.id,
        case=known.case,
        provider=said.provider,
        said=what,
        because=because,
        reason=reason,
        how=how,
    )
    book.write(event, said.at, personal, person_of(known.case, book))


def overtaken(known: Known, what: str, because: str, at: datetime, provider: str, book: HandoverBook) -> None:
    """An answer that had been taken turns out to have come after another one; that it was given stays."""
    event = HandoverAnsweredLate(handover=known.id, case=known.case, provider=provider, said=what, because=because)
    book.write(event, at)


def accepted_elsewhere(known: Known, at: datetime, provider: str, book: HandoverBook) -> None:
    """Somebody else took the case on: this offer is taken back."""
    book.write(HandoverWithdrawn(handover=known.id, case=known.case, provider=provider, reason=ELSEWHERE), at)
    give_up(known.id, book)


Writing = CallReceived | CallAdded | CallCorrected


def hear(record: Recorded, event: Event, book: HandoverBook) -> None:
    """What is written on a case after an agency took it on is a late note to that agency."""
    if not isinstance(event, Writing) or event.case is None or not book.targets(course_key(event.case)):
        return  # Most calls: nothing of the kind was ever said of their case.
    at = (event.entered if isinstance(event, CallReceived) else None) or record.time
    provider = event.provider if isinstance(event, CallReceived) else sender(record)
    holder = holder_of(event.case, book)
    if holder is not None and at > holder.handover.since:
        note(holder, event.contact, provider, record.type, at, book)
    elif any(known.handover.status == "offered" for known in known_of(event.case, book)):
        key = f"written/{event.case}"  # An acceptance before this may be told only later.
        book.name(key, f"{record.position:012}/{event.contact}", at, fresh=True)
        book.name(f"{key}/{record.position:012}", f"{provider}/{record.type}", at, fresh=True)


def sender(record: Recorded) -> str:
    """Which provider's message an event came of."""
    return record.causation.removeprefix("message:").partition("/")[0]


def told_before(event: HandedOver, accepted_at: datetime, book: HandoverBook) -> None:
    """An acceptance is told: what was written on the case since it was given, and heard of already, is a late note."""
    holder = holder_of(event.case, book)
    if holder is None or holder.id != event.handover:
        return
    for case in all_of(event.case, book):
        for name in book.targets(f"written/{case}"):
            if name.since > accepted_at:
                position, _, contact = name.target.partition("/")
                provider, _, what = book.target(f"written/{case}/{position}").partition("/")
                note(holder, contact, provider, what, name.since, book)


def note(
    holder: Known,
    contact: str,
    provider: str,
    what: str,
    at: datetime,
    book: HandoverBook,
    owner: str | None = None,
) -> None:
    """They must be told. `owner`: whose case it is; None: theirs."""
    owner = owner or agency_owner(holder.handover.agency, holder.handover.to)
    event = HandoverNotedLate(
        handover=holder.id, case=holder.case, contact=contact, provider=provider, what=what, owner=owner
    )
    book.write(event, at)
