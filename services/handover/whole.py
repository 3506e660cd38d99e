"""In whose charge a consultation is that was merged with another, or taken apart again: one owner, everywhere.

What stands for the whole says it; the row of a part says nothing while it is one (domain Rules 1 and 10).
"""

from __future__ import annotations

from typing import Any

from events import Event, Recorded
from events.intake import CaseMerged, CaseSplit
from services.book import Book
from services.handover import contracts, late, opening
from services.handover.owners import agency_owner, is_agency
from services.handover.passing import Known, holder_of, known_of
from services.handover.register import CaseRow, Register

MERGED, SPLIT = "merged", "split"


def hear(record: Recorded, event: Event, book: Book[Any]) -> None:
    """Let a whole have one owner, and so each half. After the merging itself was heard, and its names learned."""
    register: Register = book.beside
    match event:
        case CaseMerged(case=part, into=into):
            one, whole = register.case(part), register.standing(into)
            if one is not None and whole is not None:
                _pass(whole, _joined(whole, one, record, book), MERGED, record, book)
                _tell_others(whole.case, record, book)
                _settle(whole, record, book)
        case CaseSplit(case=part, from_case=into):
            one, whole = register.case(part), register.standing(into)
            if one is not None and whole is not None:
                own, left = _apart(one, whole, whole.owner, book), _apart(whole, one, whole.owner, book)
                _pass(one, own, SPLIT, record, book)
                _pass(whole, left, SPLIT, record, book)
                for half in (one, whole):
                    _settle(half, record, book)
        case _:
            pass


def held_by(case: str, book: Book[Any]) -> str | None:
    """The agency in whose charge a consultation is by what it took on of it; None: none is."""
    holder = holder_of(case, book)
    return _agency(holder) if holder else None


def _agency(holder: Known) -> str:
    return agency_owner(holder.handover.agency, holder.handover.to)


def _joined(whole: CaseRow, part: CaseRow, record: Recorded, book: Book[Any]) -> str:
    """An agency's that took any of it on; else the day's, that took any of it over; else whose the whole was."""
    held = held_by(whole.case, book)
    if held is not None:
        return held
    ward = book.ward_at(record.recordedat)
    is_nights = contracts.is_of_night(whole.owner, ward) is True
    is_days = part.open and is_nights and contracts.is_of_night(part.owner, ward) is False
    return part.owner if is_days and ward.is_under_contract(part.owner, record.recordedat) else whole.owner


def _tell_others(whole: str, record: Recorded, book: Book[Any]) -> None:
    """Of several agencies that took a part of it on the last keeps it: each other one must be told whose it is."""
    holder = holder_of(whole, book)
    if holder is None:
        return
    register: Register = book.beside
    for known in known_of(whole, book):
        is_on = known.handover.passes and known.handover.status == "accepted"
        if is_on and _agency(known) != _agency(holder) and known.handover.since < record.time:
            row = register.case(known.case)
            contacts = register.contacts_of(known.case) if row else []
            first = min(contacts, key=lambda contact: (contact.at, contact.contact), default=None)
            if first is not None:
                late.note(known, first.contact, late.sender(record), record.type, record.time, book, _agency(holder))


def _apart(half: CaseRow, other: CaseRow, shared: str, book: Book[Any]) -> str:
    """What an agency took on is its own still; the rest is whose the whole was, or the provider's that gave it away."""
    held = held_by(half.case, book)
    if held is not None or not is_agency(shared):
        return held or shared
    holder = holder_of(other.case, book)
    return holder.handover.giver if holder else half.owner


def _settle(case: CaseRow, record: Recorded, book: Book[Any]) -> None:
    """What a contract that is over, or an acknowledgement from before, makes of it."""
    contracts.heard_late(case, record.time, record.recordedat, book)
    opening.take_over(case, record.time, record.recordedat, book)


def _pass(case: CaseRow, to: str, because: str, record: Recorded, book: Book[Any]) -> None:
    if to != case.owner:
        contracts.pass_unless_history(case, to, record.time, record.time, book, because)
