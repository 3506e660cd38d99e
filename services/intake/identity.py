"""Who is whom: records that look like one person are pointed out, made one by a person's word, and parted again."""

from __future__ import annotations

from collections import defaultdict

from events import intake as e
from events.messages import PersonMerge, PersonSplit
from services.book import ByField, Said, Unusable, told
from services.intake.domain import IntakeBook, Person, registrant
from services.intake.identifiers import likeness
from services.intake.mending import MERGED, mend_form

SIGNS = 2
"""Of name or reading, date of birth and own number, so many must be alike."""

MOST_ALIKE = 10


def decide(said: Said, book: IntakeBook) -> None:
    """Let a message about two records of a person have its effect.

    Raises:
        Waits: it speaks of a person not heard of yet.
        Unusable: it cannot be used as it is.
    """
    match said.type:
        case "person.merge":
            _merge(said, told(said.data, PersonMerge), book)
        case "person.split":
            _split(said, told(said.data, PersonSplit), book)
        case _:
            raise Unusable("type", "unknown")


def alike(person: str, found_by: ByField, book: IntakeBook) -> tuple[str, ...]:
    """Who else on the register is likely to be this person, the first to be registered first."""
    signs: defaultdict[str, set[str]] = defaultdict(set)
    for sign, identifier in likeness(found_by):
        for other in book.same(identifier):
            signs[other].add(sign)
    others = (root_of(other, book) for other, found in signs.items() if len(found) >= SIGNS)
    return tuple(dict.fromkeys(other.id for other in others if other and other.id != person))[:MOST_ALIKE]


def root_of(person: str, book: IntakeBook) -> Person | None:
    """The record that stands for a person: the one itself, or that into which it was merged."""
    state = book.state(person)
    while isinstance(state, Person) and state.merged_into:
        state = book.state(state.merged_into)
    return state if isinstance(state, Person) else None


def named(said: Said, field: str, ref: str | None, own_id: str | None, book: IntakeBook) -> Person:
    """Somebody by the sender's own reference, or by the register's id. Raises Waits or Unusable."""
    _check_named(field, ref, own_id)
    if ref:
        return registrant(said, ref, book)
    found = book.state(own_id or "")
    if not isinstance(found, Person):
        known = "an id of the register, as a receipt or `yoake find` shows it"
        raise Unusable(f"data.{field}_id", "nobody is registered under this id", known)
    return found


def _check_named(field: str, ref: str | None, own_id: str | None) -> None:
    if not (ref or own_id):
        ways = f"`{field}` (your own reference) or `{field}_id` (the register's id)"
        raise Unusable(f"data.{field}", "missing", ways)


def _merge(said: Said, message: PersonMerge, book: IntakeBook) -> None:
    _check_named("into", message.into, message.into_id)  # Before anybody is waited for.
    person = named(said, "person", message.person, message.person_id, book)
    into = root_of(named(said, "into", message.into, message.into_id, book).id, book)
    assert into is not None, "a person is merged into a person"
    if person.id == into.id:
        raise Unusable("data.into", "the same person", "another person")
    if person.merged_into is None:
        book.write(e.PersonMerged(person=person.id, into=into.id), said.at)
        book.name(f"parts-of/{into.id}", person.id, said.at)
        for one in (person, into):
            alike = (root_of(other, book) for other in one.registered.like)
            if all(other is not None and other.id == into.id for other in alike):
                mend_form(said, book, one.id, frozenset({MERGED}), e.PersonMerged.name)
    elif person.merged_into != into.id:
        raise Unusable("data.person", "merged into another person already", "person.split first")


def _split(said: Said, message: PersonSplit, book: IntakeBook) -> None:
    person = named(said, "person", message.person, message.person_id, book)
    if person.merged_into is not None:
        book.write(e.PersonSplit(person=person.id, from_person=person.merged_into), said.at)
