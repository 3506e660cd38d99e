"""What the pages about hand-overs read besides the list: numbers of cases, consents of a person, the course."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa

from events import Recorded, decode, event_of
from events.intake import (
    CallAdded,
    CallLinked,
    CallReceived,
    CallUnlinked,
    CaseClosed,
    ConsentGiven,
    ConsentWithdrawn,
    ContactMoved,
    PersonMerged,
    PersonSplit,
)
from events.placement import PlacementArranged
from services.cases import NOBODY
from services.database import among
from services.journal import log_of, originator
from services.tables import NAMES


class Concerned(NamedTuple):
    """A case as intake has it: its number, the persons by whose keys its boxes may open, whether it was closed."""

    case: str
    number: str
    persons: tuple[str, ...] = ()
    closed: bool = False
    synthetic: bool = False

    @property
    def person(self) -> str | None:
        """Whom it is about now."""
        return self.persons[-1] if self.persons else None


class Consent(NamedTuple):
    """A consent in force: to whom, since when, by which edition of the text."""

    to: str
    given_on: date
    edition: str | None


def histories(engine: sa.Engine, abouts: Collection[str]) -> dict[str, list[Recorded]]:
    """Everything that a service recorded about each of these, in order."""
    log, wanted = log_of(engine), {originator(about): about for about in abouts}
    query = sa.select(log.c.originator_id, log.c.state).where(log.c.originator_id.in_(wanted)).order_by(log.c.id)
    found = defaultdict(list)
    with engine.connect() as connection:
        for row in connection.execute(query) if wanted else ():
            found[wanted[row.originator_id]].append(decode(bytes(row.state)))
    return found


def concerned(intake: sa.Engine, cases: Collection[str]) -> dict[str, Concerned]:
    """These cases as intake has them; what it does not know is left out."""
    found = {case: _concerned(case, records) for case, records in histories(intake, cases).items()}
    return {case: known for case, known in found.items() if known.number}


def _concerned(case: str, records: list[Recorded]) -> Concerned:
    number, persons, closed = "", dict[str, None](), False
    for record in records:
        event = event_of(record)
        match event:
            case CallReceived() | ContactMoved():
                number = number or (event.number if isinstance(event, CallReceived) else event.to_number)
                person, closed = event.person, False
            case CallLinked() | CallAdded():
                person = event.person
            case CallUnlinked():
                person = event.before
            case CaseClosed():
                person, closed = None, True
            case _:
                person = None
        if person is not None:
            persons.pop(person, None)  # The one told last stands last.
            persons[person] = None
    return Concerned(case, number, tuple(persons), closed, any(record.synthetic for record in records))


def facilities(placement: sa.Engine, placements: Collection[str]) -> dict[str, str]:
    """Which facility each place that was arranged is at, as far as it was said."""
    with placement.connect() as connection:
        keys = [f"case-of/{each}" for each in placements]
        query = sa.select(NAMES.c.target).where(among(connection, NAMES.c.key, keys))
        cases = set(connection.execute(query).scalars()) if keys else set()
    events = [event_of(record) for records in histories(placement, cases).values() for record in records]
    arranged = [event for event in events if isinstance(event, PlacementArranged)]
    return {event.placement: event.facility for event in arranged if event.placement in placements and event.facility}


def case_under(intake: sa.Engine, number: str) -> str | None:
    """The case with this 受付番号."""
    with intake.connect() as connection:
        own = sa.and_(NAMES.c.key == f"number/{number}", NAMES.c.target != NOBODY)
        query = sa.select(NAMES.c.target).where(own)
        return connection.execute(query).scalars().first()


def consents(intake: sa.Engine, person: str | None, day: date) -> list[Consent]:
    """What a person agreed to that holds on a day, under whatever record of theirs; the last first."""
    return sorted(_in_force(intake, person, day), key=lambda each: each.given_on, reverse=True) if person else []


def _in_force(intake: sa.Engine, person: str, day: date) -> Iterator[Consent]:
    stands: dict[tuple[str, str], Consent | None] = {}
    for record in _records(intake, person):
        event = event_of(record)
        if isinstance(event, ConsentGiven) and event.given_on <= day:
            stands[event.person, event.to] = Consent(event.to, event.given_on, event.edition)
        elif isinstance(event, ConsentWithdrawn) and event.ended_on <= day:
            stands[event.person, event.to] = None
    return (each for each in stands.values() if each is not None)


def _records(intake: sa.Engine, person: str) -> list[Recorded]:
    """What was recorded about a person, and about every record that was made one with theirs."""
    root, own = person, histories(intake, [person])[person]
    while (into := _into(own)) is not None:
        root, own = into, histories(intake, [into])[into]
    with intake.connect() as connection:
        query = sa.select(NAMES.c.target).where(among(connection, NAMES.c.key, [f"parts-of/{root}"]))
        parts = [part for part in connection.execute(query).scalars() if part != root]
    others = histories(intake, parts)
    return own + [record for part in parts if _into(others[part]) == root for record in others[part]]


def _into(records: list[Recorded]) -> str | None:
    into = None
    for record in records:
        event = event_of(record)
        into = event.into if isinstance(event, PersonMerged) else None if isinstance(event, PersonSplit) else into
    return into
