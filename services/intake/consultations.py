"""Consultations: named by reference or number, closed, merged, split; and a contact that moves to another."""

from __future__ import annotations

from datetime import datetime, timedelta

from events import intake as e
from events.messages import CaseClose, CaseMerge, CaseSplit
from services.book import Said, Unusable, Waits
from services.cases import ABOUT_NOBODY, NOBODY, SAY_WHOM, number_key, reason_of
from services.contact import Contact
from services.era import fiscal_year_letter
from services.intake.domain import Case, IntakeBook
from services.ward import Ward


def next_number(book: IntakeBook, ward: Ward, at: datetime) -> str:
    """The next reference number (受付番号) of the call's fiscal year: R7-0123."""
    year = ward.fiscal_year(at)
    return f"{fiscal_year_letter(year)}-{book.next_number(f'number/{year}'):04}"


def close(said: Said, message: CaseClose, book: IntakeBook) -> None:
    """The consultation ended (終結). Raises Waits or Unusable."""
    ward = book.ward_at(said.at)
    case = named_case(said, message.case, message.number, book, ward)
    if case.closed_at is not None and case.closed_at <= said.at:
        mention(book, case)
        return  # Closed already.
    later = [contact for contact in case.contacts if contact.at > said.at and ward.policy.after_closing == "new"]
    reason, sealed = reason_of(message.reason, ward.closing)
    moved = tuple(contact.id for contact in later)
    event = e.CaseClosed(case=case.id, reason=reason or "settled", moved=moved)
    book.write(event, said.at, sealed, case.person or case.id)
    if later:
        _move(said, message, case, later, book, ward)
    mention(book, case)


def _move(said: Said, message: CaseClose, case: Case, later: list[Contact], book: IntakeBook, ward: Ward) -> None:
    """Contacts after the closing, heard before it: they were a new consultation all along (Rule 1)."""
    since = min(contact.at for contact in later)
    to_case, number = book.new_id(), next_number(book, ward, since)
    ref = book.reference(message.case) if message.case else None
    book.name(f"number/{number}", to_case, since)
    if ref:
        book.name(f"case/{said.provider}/{ref}", to_case, since)
    target = Case(id=to_case, number=number, person=case.person)
    for contact in later:
        move(said, contact, case, target, book, because="after-closing", ref=ref)


def move(
    said: Said, contact: Contact, case: Case, to: Case, book: IntakeBook, *, because: str, ref: str | None = None
) -> None:
    """Let a contact belong to another consultation from now on, with all that stands on its card."""
    place = f"contact/{contact.id}/{contact.matter}"
    # Where it stands now comes after where it stood, also when both are told at once.
    since_now = max(said.arrived, book.targets(place)[-1].since + timedelta.resolution)
    book.name(place, to.id, since_now)
    event = e.ContactMoved(
        contact=contact.id,
        case=case.id,
        to_case=to.id,
        to_number=to.number,
        provider=said.provider,
        case_ref=ref,
        person=to.person,
        contact_at=contact.at,
        matter=contact.matter,
        district=contact.district,
        not_counted=contact.not_counted,
        channel=contact.channel,
        reasons=contact.reasons,
        card=contact.card,
        because=because,
    )
    book.write(event, said.at)


def merge(said: Said, message: CaseMerge, book: IntakeBook) -> Case:
    """Two callers about one matter; returns that which is a part of another now. Raises Waits or Unusable."""
    ward = book.ward_at(said.at)
    case = named_case(said, message.case, message.number, book, ward)
    into = named_case(said, message.into, message.into_number, book, ward, field="into")
    while into.merged_into:
        following = book.state(into.merged_into)
        assert isinstance(following, Case)
        into = following
    if case.id == into.id:
        raise Unusable("data.into", "the same consultation", "another consultation")
    if case.merged_into is None:
        book.write(e.CaseMerged(case=case.id, into=into.id), said.at)
    elif case.merged_into != into.id:
        raise Unusable("data.case", "merged into another consultation already", "case.split first")
    mention(book, into)
    return case


def split(said: Said, message: CaseSplit, book: IntakeBook) -> None:
    """A merging was a mistake. Raises Waits or Unusable."""
    case = named_case(said, message.case, message.number, book, book.ward_at(said.at))
    if case.merged_into is not None:
        book.write(e.CaseSplit(case=case.id, from_case=case.merged_into), said.at)
    mention(book, case)


def named_case(
    said: Said, case: str | None, number: str | None, book: IntakeBook, ward: Ward, field: str = "case"
) -> Case:
    """The consultation that a message names, by the sender's own reference or by our number.

    Raises:
        Waits: nothing has this name yet.
        Unusable: neither is given, or a number that is none of ours, or one of a contact about nobody.
    """
    of_number = "number" if field == "case" else f"{field}_number"
    if case:
        key = f"case/{said.provider}/{book.reference(case)}"
    elif number:
        key = number_key(book, number, of_number)
    else:
        raise Unusable(f"data.{field}", "missing", f"`{field}` (your own reference) or `{of_number}` (受付番号)")
    names = book.targets(key)
    cases = [state for state in (book.state(name.target) for name in names) if isinstance(state, Case)]
    if any(name.target == NOBODY for name in names):
        raise Unusable(f"data.{of_number}", ABOUT_NOBODY, SAY_WHOM)
    if not cases:
        raise Waits(key)
    cases.sort(key=lambda found: found.began_at)
    return next((found for found in reversed(cases) if found.began_at <= said.at), cases[0])


def mention(book: IntakeBook, case: Case) -> None:
    """Let the receipt name a consultation."""
    book.cases.append(case.id)
    book.numbers.append(case.number)
