"""Whom a consultation is about, where that is somebody on the register: for a page of another service. Reading only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from events import event_of
from services.intake.domain import Case, Person, State, evolve
from services.intake.finding import NotIndexed
from services.intake.records import text_of
from services.intake.web import Lookup


class Registrant(NamedTuple):
    """A registrant; `name` None: it is not for whoever asks, or no key opens it. `status`: registered, or why not."""

    person: str
    name: str | None
    status: str


def registrant_of(lookup: Lookup, case: str, *, personal: bool) -> Registrant | None:
    """The registrant whom a consultation is about, under the record that stands for them; None: nobody registered."""
    with lookup.log.engine.connect() as connection:
        about = _state(lookup, connection, case)
        person = about.person if isinstance(about, Case) else None
        state = _state(lookup, connection, person) if person else None
        while isinstance(state, Person) and state.merged_into:
            state = _state(lookup, connection, state.merged_into)
        if not isinstance(state, Person):
            return None
        name = _name(lookup, connection, state.id) if personal else None
    return Registrant(state.id, name, state.left_because or "registered")


def _state(lookup: Lookup, connection: sa.Connection, about: str) -> State | None:
    state: State | None = None
    for record in lookup.log.histories(connection, [about])[about]:
        state = evolve(state, event_of(record), record.time)
    return state


def _name(lookup: Lookup, connection: sa.Connection, person: str) -> str | None:
    try:
        record = lookup.finder.record(connection, person)
    except NotIndexed:
        return None
    return text_of(record.personal, "name") if record else None
