"""In whose charge (担当) each case is, kept beside the log: one owner at any instant, also of what was merged. Pure.

The owner of a consultation that was merged is that of the one which stands for it. An agency that took a part on has
the whole; where that is undone, the other part is again with whoever had given it.
"""

from __future__ import annotations

from typing import Any

from events import Event
from events.intake import CaseMerged, CaseSplit
from services.book import Book
from services.handover.owners import agency_owner, is_agency, owner_after
from services.handover.passing import Known, holder_of, known_of
from services.handover.register import CaseRow, Register
from services.handover.together import root_of


def pass_on(book: Book[Any]) -> None:
    """A hand-over to an agency that was accepted, or came back, changes in whose charge the case is."""
    register = book.beside
    if not isinstance(register, Register):
        return  # A file is only checked.
    for written in book.written:
        own = written.event.case_id
        for case in dict.fromkeys((own, root_of(own, book))) if own else ():
            row = register.case(case)
            if row is not None:
                _keep(row, _holding(case, book) or owner_after(row.owner, written.event), register)


def hear(event: Event, book: Book[Any]) -> None:
    """A merging, or its undoing, can put a case into an agency's charge, or take it out of that."""
    register = book.beside
    if not isinstance(event, CaseMerged | CaseSplit) or not isinstance(register, Register):
        return
    other = event.into if isinstance(event, CaseMerged) else event.from_case
    whole = root_of(other, book)
    for case in (whole, event.case):
        row = register.case(case)
        if row is not None:
            _keep(row, _holding(case, book) or _given_back(row, (whole, event.case), book), register)


def _holding(case: str, book: Book[Any]) -> str | None:
    holder = holder_of(case, book)
    return None if holder is None else _agency(holder)


def _agency(known: Known) -> str:
    return agency_owner(known.handover.agency, known.handover.to)


def _given_back(row: CaseRow, parts: tuple[str, str], book: Book[Any]) -> str:
    """Whose it is where no agency has it by itself: of whoever gave it to the one that has the other part."""
    if not is_agency(row.owner):
        return row.owner
    held = [known for part in parts for known in known_of(part, book) if _agency(known) == row.owner]
    return max(held, key=lambda known: known.handover.since).handover.giver if held else row.owner


def _keep(row: CaseRow, owner: str | None, register: Register) -> None:
    if owner is not None and owner != row.owner:
        row.owner = owner
        register.keep_case(row)
