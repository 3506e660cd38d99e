"""How placement and handover know consultations: by name, from the calls that intake recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from events import Event
from events.intake import CallReceived, ContactMoved
from services.book import Book, Said, Unusable, Waits
from services.era import folded
from services.ward import Keyed, words_of

NOBODY = "nobody"
"""What a 受付番号 stands for that was given to a contact about nobody: it is no consultation, and never becomes one."""

ABOUT_NOBODY = "this contact is about nobody"
SAY_WHOM = "a call.report with a matter about the registrant, with `beside_number`: this number"
"""Who turns out to have been on the line is one more person of that contact, with a number of their own."""

_NUMBER = re.compile(r"[A-Z]\d{1,3}-\d{4,9}")


def learn(event: Event, at: datetime, book: Book[Any]) -> None:
    """Take notice of a call: which case it belongs to, under which names, and whom it concerns; or that it has none."""
    since = event.contact_at if isinstance(event, ContactMoved) else at
    for name, target in _given(event):
        book.name(name, target, since)


def names_given(event: Event) -> Iterator[str]:
    """The names that an event gives to a consultation and its person."""
    return (name for name, _ in _given(event))


def _given(event: Event) -> Iterator[tuple[str, str]]:
    match event:
        case CallReceived(case=None, number=number):
            yield f"number/{number}", NOBODY
            return
        case CallReceived(case=str() as case, number=number):
            pass
        case ContactMoved(to_case=case, to_number=number):
            pass
        case _:
            return  # Nothing else gives a case a name.
    yield f"number/{number}", case
    if event.case_ref:
        yield f"case/{event.provider}/{event.case_ref}", case
    if event.person:
        yield f"person-of/{case}", event.person


def number_key(book: Book[Any], number: str, field: str) -> str:
    """The name under which a 受付番号 is known, however it is written.

    Raises:
        Unusable: no consultation will ever have it.
    """
    own = folded(number).upper()
    if not _NUMBER.fullmatch(own):
        raise Unusable(f"data.{field}", "not a reference number of ours (受付番号)", "such as R7-0123")
    return f"number/{book.reference(own)}"


def named(said: Said, case: str | None, number: str | None, book: Book[Any]) -> str:
    """The case id of the consultation that a message names.

    Raises:
        Waits: nothing has this name yet.
        Unusable: no name is given, or a number that is none of ours, or one of a contact about nobody.
    """
    if case:
        key = f"case/{said.provider}/{book.reference(case)}"
    elif number:
        key = number_key(book, number, "number")
    else:
        raise Unusable("data.case", "missing", "`case` (your own reference) or `number` (our 受付番号)")
    names = book.targets(key)
    if not names:
        raise Waits(key)
    if names[-1].target == NOBODY:
        raise Unusable("data.number", ABOUT_NOBODY, SAY_WHOM)
    return next((name.target for name in reversed(names) if name.since <= said.at), names[0].target)


def person_of(case: str, book: Book[Any]) -> str:
    """Whose key seals what is personal about a case; the case's own, until a person is known."""
    known = book.targets(f"person-of/{case}")
    return known[0].target if known else case


def organisation(field: str, given: str) -> str:
    """The name of a facility or an agency: one short line.

    Raises:
        Unusable: empty, too long, or more than a line.
    """
    text = folded(given)
    if not 0 < len(text) <= 100 or not text.isprintable():
        raise Unusable(field, "not a name", "one line of up to 100 characters")
    return text


def reason_of(given: str | None, listed: tuple[Keyed, ...]) -> tuple[str | None, dict[str, Any] | None]:
    """(a code that everybody may read, what is sealed): words outside the ward's list may be about a person."""
    if given is None:
        return None, None
    known = words_of(listed).get(folded(given).casefold())
    if known is not None:
        return known, None
    if given.isascii() and given.replace("-", "").isalnum() and given.islower() and len(given) <= 40:
        return given, None
    return "other", {"reason": given}
