"""On what something about a person may go to somebody: their consent, or the law. Checked before it goes. Pure.

Consents are intake's; what it says of them is kept as names, for each person and organisation.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from events import Event, Recorded
from events.handover import AGENCY_KINDS
from events.intake import ConsentGiven, ConsentWithdrawn
from services.book import Book, Said, Unusable, one_of
from services.directory import CONSENT, folded, words_naming
from services.handover.together import persons_of, said_of


def hear(record: Recorded, event: Event, book: Book[Any]) -> None:
    """Take notice of a consent, and of its end."""
    match event:
        case ConsentGiven(given_on=day):
            what = f"given/{day.isoformat()}"
        case ConsentWithdrawn(ended_on=day):
            what = f"ended/{day.isoformat()}"
        case _:
            return
    book.name(_key(event.person, event.to), f"{record.position:012}/{what}", record.time, fresh=True)


def _key(person: str, to: str) -> str:
    return f"consent/{person}/{folded(to)}"


def checked(
    said: Said, basis: str | None, personal: object, kind: str, case: str, to: str, book: Book[Any]
) -> str | None:
    """The basis of a hand-over, as its event keeps it. A ward whose file lists none asks for none.

    Raises:
        Unusable: none is told, or it does not hold on that day.
    """
    ward = book.ward_at(said.at)
    if basis is None and (kind not in AGENCY_KINDS or not ward.basis):
        return None
    known = (CONSENT, *(entry.key for entry in ward.basis))
    if basis is None:
        raise Unusable("data.basis", "missing: nothing about a person goes out without one", ", ".join(known))
    one_of("data.basis", basis, known)
    if basis != CONSENT:
        if not (isinstance(personal, dict) and str(personal.get("reason") or "").strip()):
            raise Unusable("data.personal.reason", "missing: why the law allows it here", "a few words")
    elif not consents(case, words_naming(to, ward.agency), ward.local(said.at).date(), book):
        others = ", ".join(known[1:]) or "none"
        raise Unusable(
            "data.basis", "no consent to this receiver is in force on that day", f"consent.give first; or {others}"
        )
    return basis


def consents(case: str, words: Iterable[str], day: date, book: Book[Any]) -> bool:
    """Whether the person of a case agreed to one of these names, and that holds on the day."""
    names, persons = sorted(words), persons_of(case, book)
    return any(_holds(f"consent/{person}/{name}", day, book) for person in persons for name in names)


def _holds(key: str, day: date, book: Book[Any]) -> bool:
    """The last word by that day, of two of one day the one said later."""
    told = [(on, what) for what, on in said_of(key, book) if date.fromisoformat(on) <= day]
    return bool(told) and max(enumerate(told), key=lambda each: (each[1][0], each[0]))[1][1] == "given"
