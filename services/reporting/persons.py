"""How the facts about persons change with each event. Pure.

Every function reads, changes and assigns back, because the mappings may live in a database.
"""

from __future__ import annotations

from datetime import date

from events.intake import Change, PersonMerged, PersonRegistered, PersonSplit, RegistrationCorrected
from services.reporting.facts import Facts, Member, Movement, PersonFacts


def registered(facts: Facts, event: PersonRegistered) -> tuple[Member, ...]:
    """A person was registered in advance."""
    person = _person(facts, event.person)
    person.registered_on, person.district = event.registered_on, event.district
    person.handbooks, person.certificate = event.handbooks, event.certificate
    person.age, person.legal_age, person.school_age = event.age, event.legal_age, event.school_age
    return _keep(facts, event.person, person)


def corrected(facts: Facts, event: RegistrationCorrected) -> tuple[Member, ...]:
    """What the form says now is what it always should have said."""
    person = _person(facts, event.person)
    for change in event.changes:
        _correct(person, change)
    return _keep(facts, event.person, person)


def _correct(person: PersonFacts, change: Change) -> None:
    match change.field:
        case "district":
            person.district = change.after
        case "handbooks":
            person.handbooks = None if change.after is None else tuple(change.after)
        case "certificate":
            person.certificate = change.after
        case "registered_on":
            person.registered_on = date.fromisoformat(change.after)
        case "age":
            person.age = change.after
        case "legal_age":
            person.legal_age = change.after
        case "school_age":
            person.school_age = change.after
        case _:
            pass  # No table depends on anything else.


def moved(facts: Facts, person_id: str, on: date, *, registered: bool) -> tuple[Member, ...]:
    """Somebody left the register or came back; the published tables are gross and do not change."""
    person = _person(facts, person_id)
    person.movements += (Movement(on, registered),)
    _keep(facts, person_id, person)
    return ()


def merged(facts: Facts, event: PersonMerged) -> tuple[Member, ...]:
    """Two records were one person. A circle would make both vanish: then the first merging stands."""
    person = _person(facts, event.person)
    if event.person in _upwards(facts, event.into):
        return _keep(facts, event.person, person)
    before = _part(facts, event.person, person)
    person.merged_into = event.into
    facts.persons[event.person] = person

    into = _person(facts, event.into)
    into.absorbed += (event.person,)
    return (*before, ("person", event.person), *_keep(facts, event.into, into))


def split(facts: Facts, event: PersonSplit) -> tuple[Member, ...]:
    """A merging was undone."""
    person = _person(facts, event.person)
    before = _part(facts, event.person, person)
    return before + _keep(facts, event.person, person)


def _part(facts: Facts, person_id: str, person: PersonFacts) -> tuple[Member, ...]:
    """Take the person out of the one that it was merged into, if any."""
    if person.merged_into is None:
        return ()
    former_id, person.merged_into = person.merged_into, None
    former = _person(facts, former_id)
    former.absorbed = tuple(absorbed for absorbed in former.absorbed if absorbed != person_id)
    return _keep(facts, former_id, former)


def _person(facts: Facts, person_id: str) -> PersonFacts:
    person = facts.persons.get(person_id)
    if person is None:
        person = PersonFacts()
    return person


def _keep(facts: Facts, person_id: str, person: PersonFacts) -> tuple[Member, ...]:
    """Assign back; what changed in the tables is the person that this one is a part of."""
    facts.persons[person_id] = person
    return (("person", person_id if person.merged_into is None else _root(facts, person.merged_into)),)


def _root(facts: Facts, person_id: str) -> str:
    return _upwards(facts, person_id)[-1]


def _upwards(facts: Facts, person_id: str) -> list[str]:
    """The person, what it was merged into, and so on to the one that counts."""
    chain = [person_id]
    while (person := facts.persons.get(chain[-1])) is not None and person.merged_into is not None:
        chain.append(person.merged_into)
    return chain
