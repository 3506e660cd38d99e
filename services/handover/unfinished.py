"""Whether somebody still has to do something about a consultation: as the ledger says it of its own (domain Rule 1).

It is open while it or a part of it has a contact after which neither that part nor the whole was closed.
"""

from __future__ import annotations

from typing import Any

from services.book import Book
from services.handover.firsts import counts, parts_of
from services.handover.register import CaseRow, ItemRow, Register

SILENT = "silent"


def settle(case: str, book: Book[Any]) -> CaseRow | None:
    """Let the whole of this consultation be open or not, by all its contacts and closings; returns the whole."""
    register: Register = book.beside
    whole = register.standing(case)
    if whole is None:
        return None
    parts = [(part, register.contacts_of(part.case)) for part in parts_of([whole.case], register)[whole.case]]
    is_open = any(_is_left(part, whole, contacts) for part, contacts in parts) and _matters(parts, book)
    if is_open != whole.open:
        whole.open = whole.opened = is_open
        register.keep_case(whole)
    return whole


def _is_left(part: CaseRow, whole: CaseRow, contacts: list[ItemRow]) -> bool:
    """Whether it has a contact after which neither it nor the whole was closed."""
    ends = [end for end in (part.closed, whole.closed) if end is not None]
    return any(not ends or contact.at > max(ends) for contact in contacts)


def _matters(parts: list[tuple[CaseRow, list[ItemRow]]], book: Book[Any]) -> bool:
    """Whether a contact of it counts, or all were silent calls, and it is about a registrant (domain Rule 2)."""
    contacts = [contact for _, own in parts for contact in own]
    if any(counts(contact, book.ward_at(contact.at)) for contact in contacts):
        return True
    if not all(contact.not_counted == SILENT for contact in contacts) or not any(_is_registrants(*p) for p in parts):
        return False
    return book.ward_at(max(contact.at for contact in contacts)).policy.silent_registered == "open"


def _is_registrants(part: CaseRow, contacts: list[ItemRow]) -> bool:
    """By its link, or else by what its contacts say."""
    return part.registered if part.registered is not None else any(contact.registered for contact in contacts)
