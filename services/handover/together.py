"""What belongs together: consultations that were merged into one, and records of one person, as intake says. Pure.

Kept as names. Each begins with the position in intake's log, so that the last word is the last in the order of
the texts, and nothing told twice is told twice here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from events import Event, Recorded
from events.intake import CallAdded, CallLinked, CallUnlinked, CaseMerged, CaseSplit, PersonMerged, PersonSplit
from services.book import Book

Kept = Book[Any]


def course_key(one: str) -> str:
    """Under this name stands what happened to a case or a person: what it became a part of, and what of it."""
    return f"course/{one}"


def hear(record: Recorded, event: Event, book: Kept) -> None:
    """Take notice of a merging, of its undoing, and of whom a case is about."""
    match event:
        case CaseMerged(case=part, into=whole) | PersonMerged(person=part, into=whole):
            _keep(book, record, course_key(part), f"into/{whole}")
            _keep(book, record, course_key(whole), f"part/{part}")
        case CaseSplit(case=part, from_case=whole) | PersonSplit(person=part, from_person=whole):
            _keep(book, record, course_key(part), "apart/")
            _keep(book, record, course_key(whole), f"less/{part}")
        case CallLinked(case=case, person=person) | CallUnlinked(case=case, before=person):
            _keep(book, record, f"whom/{case}", person)
        case CallAdded(case=str() as case, person=str() as person):
            _keep(book, record, f"whom/{case}", person)
        case _:
            pass


def _keep(book: Kept, record: Recorded, key: str, what: str) -> None:
    book.name(key, f"{record.position:012}/{what}", record.time, fresh=True)


def said_of(key: str, book: Kept) -> Iterator[tuple[str, str]]:
    """(what, of whom), in the order in which intake said it."""
    for target in sorted(name.target for name in book.targets(key)):
        what, _, whom = target.partition("/")[2].partition("/")
        yield what, whom


def root_of(one: str, book: Kept) -> str:
    """The case or person that stands for this one: itself, or that into which it was merged."""
    seen = [one]
    while (whole := _whole(seen[-1], book)) is not None and whole not in seen:
        seen.append(whole)
    return seen[-1]


def _whole(one: str, book: Kept) -> str | None:
    into = None
    for what, whom in said_of(course_key(one), book):
        into = whom if what == "into" else None if what == "apart" else into
    return into


def all_of(one: str, book: Kept) -> list[str]:
    """All that are one with this, the one that stands for them first."""
    found = [root_of(one, book)]
    for whole in found:  # Grows while it is read.
        parts: dict[str, bool] = {}
        for what, whom in said_of(course_key(whole), book):
            if what in ("part", "less"):
                parts[whom] = what == "part"
        found += [part for part, is_one in parts.items() if is_one and part not in found]
    return found


def persons_of(case: str, book: Kept) -> list[str]:
    """Whom a case is about, under every record of that person; empty where nobody is known."""
    whom = [person for one in all_of(case, book) if (person := _whom(one, book))]
    return list(dict.fromkeys(record for person in whom for record in all_of(person, book)))


def _whom(case: str, book: Kept) -> str | None:
    linked = sorted(name.target for name in book.targets(f"whom/{case}"))
    if linked:
        return linked[-1].partition("/")[2]
    named = book.targets(f"person-of/{case}")
    return named[-1].target if named else None
