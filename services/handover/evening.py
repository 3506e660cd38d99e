"""今夜の申し送り: what the night must know of a case, and what stood of it before the night began. Pure.

A note is about a case. A later one, by the first clock, takes the place of an earlier one; both stay in the history.
Some minutes before each night begins, `evening.issued` says which cases were open, and which of them had a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from events.intake import night_id
from events.messages import CaseNote
from events.morning import NOTED_PARTS, CaseNoted, EveningIssued
from services.book import UNREADABLE, Book, Due, Said, Unusable
from services.cases import named, person_of
from services.evenings import Evening, evening_of, has_come, is_over, next_evening, span_of, tonight

KIND = "evening"
"""Of the deadline: `evening/2025-12-31`."""

MOST_CASES = 5_000
"""Cases that an `evening.issued` names; of more, those that began last."""


class Note(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The note that stands about a case. Its words are sealed, and no rule reads them."""

    at: datetime
    until: date | None = None

    def holds(self, night: date) -> bool:
        """Whether the night is to know it."""
        return self.until is None or night <= self.until


def note(said: Said, message: CaseNote, book: Book[Any]) -> None:
    """Keep what the night must know of a case, be it closed or not.

    Raises:
        Waits: nobody has heard of the case yet.
        Unusable: it names no case, or says nothing; or its sender's contract did not cover the time.
    """
    case = named(said, message.case, message.number, book)
    if not book.ward_at(said.at).is_under_contract(said.provider, said.at):
        raise Unusable("time", "outside the sender's contract", "a time while the contract was in force")
    personal = _words(message.personal)
    book.cases.append(case)
    event = CaseNoted(case=case, provider=said.provider, until=message.until)
    book.write(event, said.at, personal, person_of(case, book))


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


def noted(before: Note | None, fact: CaseNoted, at: datetime) -> Note:
    """The note that stands after another was said: the later one, whichever came first."""
    return before if before and at < before.at else Note(at=at, until=fact.until)


def begin(now: datetime, book: Book[Any]) -> None:
    """Plan the next evening, as the service starts and as a ward's file comes."""
    if evening := next_evening(book.ward_at(now), now):
        _plan(evening, book)


def fall_due(due: Due, now: datetime, book: Book[Any], opened: Sequence[tuple[str, Note | None]]) -> None:
    """Say what stands before a night, and plan the next.

    A night that is over by now is told nothing any more; the one that it is now, or that is about to begin, still is.
    `opened`: the open cases in the order in which they began, each with the note that stands about it.
    """
    ward = book.ward_at(now)
    night = date.fromisoformat(due.about)
    span = span_of(ward, night)
    if span and not is_over(span, now):
        _issue(night, due.due, now, opened, book)
    elif (evening := evening_of(ward, tonight(ward, now))) and has_come(evening, now):
        _plan(evening, book)  # It falls due at once.
    begin(now, book)


def _plan(evening: Evening, book: Book[Any]) -> None:
    if not book.targets(_mark(evening.night)):
        night = evening.night.isoformat()
        book.plan(f"{KIND}/{night}", evening.due, KIND, night)


def _issue(night: date, due: datetime, now: datetime, opened: Sequence[tuple[str, Note | None]], book: Book[Any]) -> None:
    if book.targets(_mark(night)):
        return  # Issued already, before a ward's file moved the time.
    cases = tuple(case for case, _ in opened[-MOST_CASES:])
    noted = tuple(case for case, note in opened if note and note.holds(night))
    book.name(_mark(night), night_id(night), now)
    book.note(EveningIssued(night=night, due_at=due, cases=cases, noted=noted[-MOST_CASES:]), now)


def _mark(night: date) -> str:
    return f"{KIND}/{night.isoformat()}"
