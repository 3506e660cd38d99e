"""What a person counts as: a registration, its handbooks and its age group (Rules 8 and 9). Pure.

`as_of` is always exclusive and on the first clock; None means everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import assert_never

from services.reporting.facts import Entry, Facts, PersonFacts
from services.ward import Ward, fiscal_year

UNKNOWN = "unknown"
NOT_STATED = "not-stated"
NO_AGE = "no-age"
ROW = "registrants"
COUNT = "count"


def entries(person_id: str, facts: Facts, as_of: datetime | None = None) -> tuple[Entry, ...]:
    """The cells of `registrations`, `handbooks` and `ages` to which a person contributes (gross)."""
    person = _registration(person_id, facts)
    if person is None or person.registered_on is None or not facts.wards:
        return ()
    ward = facts.ward_on(person.registered_on)
    if as_of is not None and ward.start_of(person.registered_on) >= as_of:
        return ()
    return tuple(_entries(person_id, person, ward, fiscal_year(person.registered_on)))


def _entries(person_id: str, person: PersonFacts, ward: Ward, year: int) -> Iterator[Entry]:
    yield Entry("registrations", year, ROW, person.district or UNKNOWN, person_id)
    yield Entry("ages", year, _age_group(person, ward), COUNT, person_id)
    held = (NOT_STATED,) if person.handbooks is None else tuple(dict.fromkeys(person.handbooks))
    for handbook in held:
        yield Entry("handbooks", year, handbook, COUNT, person_id)


def _age_group(person: PersonFacts, ward: Ward) -> str:
    match ward.policy.age:
        case "birthday":
            age = person.age
        case "legal":
            age = person.legal_age
        case "school-year":
            age = person.school_age
        case _:
            assert_never(ward.policy.age)
    return NO_AGE if age is None else ward.age_group_of(age)


def current_registrants(facts: Facts, persons: Iterable[str], as_of: datetime | None = None) -> tuple[str, ...]:
    """Those of these persons who are on the register (現在登録者数, net), sorted."""
    return tuple(sorted(person for person in persons if on_register(person, facts, as_of)))


def on_register(person_id: str, facts: Facts, as_of: datetime | None = None) -> bool:
    """Whether a person was registered and had not left, or had come back."""
    person = _registration(person_id, facts)
    if person is None or person.registered_on is None or not facts.wards:
        return False
    if not _began(person.registered_on, facts, as_of):
        return False
    so_far = [movement for movement in person.movements if _began(movement.on, facts, as_of)]
    so_far.sort(key=lambda movement: movement.on)  # Stable: of two on one day the later word counts.
    return not so_far or so_far[-1].registered


def _began(day: date, facts: Facts, as_of: datetime | None) -> bool:
    return as_of is None or facts.ward_on(day).start_of(day) < as_of


def _registration(person_id: str, facts: Facts) -> PersonFacts | None:
    """The registration with which a person counts: their own, or else the earliest that was merged into them."""
    person = facts.persons.get(person_id)
    if person is None or person.merged_into is not None:
        return None
    if person.registered_on is not None or not person.absorbed:
        return person
    return min(_absorbed(person, facts), key=lambda named: (named[1].registered_on or date.max, named[0]))[1]


def _absorbed(root: PersonFacts, facts: Facts) -> Iterator[tuple[str, PersonFacts]]:
    waiting = list(root.absorbed)
    while waiting:
        person_id = waiting.pop()
        person = facts.persons[person_id]
        yield person_id, person
        waiting += person.absorbed
