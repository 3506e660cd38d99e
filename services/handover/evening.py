"""今夜の申し送り: what the night must know of a case, and what stood of it before the night began. Pure.

A note is about a case. A later one, by the first clock, takes the place of an earlier one; both stay in the history.
Some minutes before each night begins, `evening.issued` says which cases were open, and which of them had a note.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from events.intake import night_id
from events.messages import CaseNote
from events.morning import NOTED_PARTS, CaseNoted, EveningIssued
from services.book import OUTSIDE_CONTRACT, UNREADABLE, Book, Due, Said, Unusable, within_contract
from services.cases import named, person_of
from services.evenings import Evening, evenings, has_come, is_over, span_of
from services.handover.passing import Case, Note
from services.handover.register import Register

KIND = "evening"
"""Of the deadline: `evening/2025-12-31`."""

MOST_CASES = 5_000
"""Cases that an `evening.issued` names; of more, those that began last."""


def note(said: Said, message: CaseNote, book: Book[Any]) -> None:
    """Keep what the night must know of a case, be it closed or not.

    Raises:
        Waits: nobody has heard of the case yet.
        Unusable: it names no case, or says nothing, or holds up to a night that is past but for the one before, which
            takes a note off; or its sender's contract did not cover the time.
    """
    within_contract(said, book)
    case = named(said, message.case, message.number, book)
    if not book.ward_at(said.at).is_under_contract(said.provider, said.at):
        raise Unusable("time", OUTSIDE_CONTRACT, "a time while the contract was in force")
    personal = _words(message.personal)
    _check_until(said, message, book)
    book.cases.append(case)
    event = CaseNoted(case=case, provider=said.provider, until=message.until)
    book.write(event, said.at, personal, person_of(case, book))


def _check_until(said: Said, message: CaseNote, book: Book[Any]) -> None:
    """By its own time alone, so that it does not matter what of the case was heard before."""
    night = book.ward_at(said.at).night_ending_after(said.at)
    if night is None or message.until is None:
        return
    before = night - timedelta(days=1)
    if message.until < before:
        raise Unusable("data.until", "a night that is past", f"{night} or later; {before} takes a note off")


def _words(personal: dict[str, Any] | str | None) -> dict[str, Any]:
    accepted = ", ".join(NOTED_PARTS)
    if not isinstance(personal, dict) or UNREADABLE in personal:
        raise Unusable("data.personal", "missing" if personal is None else "unusable", accepted)
    for part in NOTED_PARTS:
        if not isinstance(personal.get(part, ""), str | None):
            raise Unusable(f"data.personal.{part}", "not a text", "a text")
    if not any((personal.get(part) or "").strip() for part in NOTED_PARTS):
        raise Unusable("data.personal", "empty", accepted)
    return personal


def after(state: Case | None, fact: CaseNoted, at: datetime) -> Case:
    """A case after a note: the later one stands, whichever was heard first."""
    known = state or Case()
    if known.note and at < known.note.at:
        return known
    return msgspec.structs.replace(known, note=Note(at=at, until=fact.until))


def begin(now: datetime, book: Book[Any]) -> None:
    """Plan the next evening that is still to come, as the service starts and as a ward's file comes."""
    coming = (each for each in evenings(book.ward_at(now), now) if not has_come(each, now) and not _is_done(each, book))
    if evening := next(coming, None):
        _plan(evening, book)


def fall_due(due: Due, now: datetime, book: Book[Any]) -> None:
    """Say what stands before a night, and plan the next.

    A night that is over by now is told nothing any more; the one that it is now, or that is about to begin, still is.
    """
    ward, night = book.ward_at(now), date.fromisoformat(due.about)
    span = span_of(ward, night)
    if ward.evening is None or span is None:
        return  # The ward's file of today wants none.
    if not is_over(span, now):
        _issue(night, due.due, now, book)
    else:
        for evening in evenings(ward, now):
            if has_come(evening, now) and not _is_done(evening, book):
                _plan(evening, book)  # It falls due at once.
    begin(now, book)


def _plan(evening: Evening, book: Book[Any]) -> None:
    night = evening.night.isoformat()
    book.plan(f"{KIND}/{night}", evening.due, KIND, night)


def _is_done(evening: Evening, book: Book[Any]) -> bool:
    return bool(book.targets(_mark(evening.night)))


def _issue(night: date, due: datetime, now: datetime, book: Book[Any]) -> None:
    register: Register = book.beside
    cases = [row.case for row in register.in_hand()[-MOST_CASES:]]
    parts: dict[str, list[str]] = {}
    for row in register.merged_into(cases):
        parts.setdefault(row.merged_into or "", []).append(row.case)
    noted = [case for case in cases if _has_note([case, *parts.get(case, ())], night, book)]
    book.name(_mark(night), night_id(night), now)
    book.write(EveningIssued(night=night, due_at=due, cases=tuple(cases), noted=tuple(noted)), now)


def _has_note(cases: Iterable[str], night: date, book: Book[Any]) -> bool:
    """Whether the last note about a case, and about what was merged into it, holds in a night."""
    states = (book.state(case) for case in cases)
    notes = [state.note for state in states if isinstance(state, Case) and state.note]
    return max(notes, key=lambda note: note.at).holds(night) if notes else False


def _mark(night: date) -> str:
    return f"{KIND}/{night.isoformat()}"
