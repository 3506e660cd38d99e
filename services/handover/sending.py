"""A sheet goes out by fax, by post or by hand, to whom the directory names; or is asked back. Pure.

Nobody types a number: it is the directory's of that day. Two people look at content and receiver before it goes.
"""

from __future__ import annotations

from typing import Any

from events.handover import AGENCY_KINDS, BY_PAPER, MOST_PAGES, RECALLED, HandoverRecalled, HandoverSent
from events.messages import HandoverRecall, HandoverSend
from services.book import Said, Unusable, one_of
from services.cases import person_of
from services.directory import Agency, same_name
from services.handover.answers import check_time, meant
from services.handover.offers import how_of, personal_of
from services.handover.passing import HandoverBook, Known


def send(said: Said, message: HandoverSend, book: HandoverBook) -> None:
    """A sheet went out. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how = one_of("data.how", message.how, BY_PAPER)
    check_time(said, known)
    handover = known.handover
    if handover.kind not in AGENCY_KINDS:
        raise Unusable(
            "data.handover", "within the centre: no sheet goes out for it", "a hand-over to an agency or a section"
        )
    if not 1 <= message.pages <= MOST_PAGES:
        raise Unusable("data.pages", "not a number of pages", f"1 to {MOST_PAGES} pages, with the cover")
    entry = _entry(said, known, book)
    if how == "fax" and (entry is None or entry.fax is None):
        raise Unusable("data.how", "the directory has no fax number for this receiver on that day", "post or by-hand")
    event = HandoverSent(
        handover=known.id,
        case=known.case,
        provider=said.provider,
        sending=handover.sent + 1,
        how=how,
        to=entry.label.ja if entry else handover.to,
        agency=entry.key if entry else None,
        fax=entry.fax if entry and how == "fax" else None,
        pages=message.pages,
    )
    book.write(event, said.at, _two_people(message.personal), person_of(known.case, book))


def recall(said: Said, message: HandoverRecall, book: HandoverBook) -> None:
    """A sheet is asked back. Raises Waits or Unusable."""
    known = meant(said, message, book)
    reason, how = one_of("data.reason", message.reason, RECALLED), how_of(message.how)
    check_time(said, known)
    last = known.handover.sent
    sending = last if message.sending is None else message.sending
    if not 1 <= sending <= last:
        ways = f"1 to {last} of its sheets" if last else "handover.send first"
        raise Unusable("data.sending", "no such sheet went out for this hand-over", ways)
    event = HandoverRecalled(
        handover=known.id,
        case=known.case,
        provider=said.provider,
        sending=sending,
        reason=reason,
        how=how,
        collected=message.collected,
    )
    book.write(event, said.at, personal_of(message.personal), person_of(known.case, book))


def _entry(said: Said, known: Known, book: HandoverBook) -> Agency | None:
    """The receiver's entry of the directory, as it is on that day."""
    ward, key = book.ward_at(said.at), known.handover.agency
    day = ward.local(said.at).date()
    return next((entry for entry in ward.agency if entry.key == key and entry.is_there_on(day)), None)


def _two_people(personal: dict[str, Any] | str | None) -> dict[str, Any]:
    """Who sent it and who looked at it as well. Raises Unusable."""
    told = personal_of(personal) or {}
    names = [str(told.get(field) or "").strip() for field in ("by", "checked_by")]
    if not names[0]:
        raise Unusable("data.personal.by", "missing: who sent it", "a name")
    if not names[1] or same_name(*names):
        missing = "missing, or the same person: two people look at content and receiver"
        raise Unusable("data.personal.checked_by", missing, "another person's name")
    return told
