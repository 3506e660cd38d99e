"""The calls of a night as they stand now, for its statement: read from intake's log, whether or not intake runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from events import Recorded, event_of
from events.intake import (
    CallAdded,
    CallCorrected,
    CallLinked,
    CallReceived,
    CallUnlinked,
    Card,
    ContactMoved,
    PersonRegistered,
    RegistrationCorrected,
)
from events.morning import Item
from services.book import UNREADABLE
from services.contact import Contact, attempts_of
from services.database import among
from services.intake.domain import Case, State, evolve
from services.intake.standing import Opens, lent_district, opened_card, texts_of_card
from services.journal import LogReader
from services.pages.night_call import Call
from services.pages.nights import Key
from services.tables import FLAGS

LATE = "late-entry"
MOST_MOVES = 5
"""How often a contact is followed to another consultation."""


class NightCalls:
    """Looks calls up; a `services.pages.night_call.Calls`."""

    def __init__(self, log: LogReader, opens: Opens) -> None:
        self._log, self._opens = log, opens

    def __call__(self, items: Sequence[Item], *, personal: bool) -> Mapping[Key, Call]:
        """The calls of these items, by contact and matter; with what is personal only where it is asked for."""
        with self._log.engine.connect() as connection:
            histories = self._histories(connection, {item.case or item.contact for item in items})
            flags = _flags(connection, [item.contact for item in items])
            found = {}
            for item in items:
                if call := self._call(histories, item, personal=personal):
                    key = item.contact, item.matter
                    name = self._registrant(connection, call.person) if personal and call.registered else None
                    found[key] = msgspec.structs.replace(call, flags=flags.get(key, 0), registrant=name)
        return found

    def numbers(self, cases: Sequence[str]) -> Mapping[str, str]:
        """The 受付番号 of consultations."""
        with self._log.engine.connect() as connection:
            states = {case: _state(history) for case, history in self._log.histories(connection, cases).items()}
        return {case: state.number for case, state in states.items() if isinstance(state, Case)}

    def _histories(self, connection: sa.Connection, abouts: Collection[str]) -> dict[str, list[Recorded]]:
        """What was recorded about these, and about where their contacts were moved."""
        found: dict[str, list[Recorded]] = {}
        for _ in range(MOST_MOVES):
            found |= self._log.histories(connection, set(abouts) - found.keys())
            abouts = {to for history in found.values() for to in _left_for(history)} - found.keys()
            if not abouts:
                break
        return found

    def _call(self, histories: Mapping[str, list[Recorded]], item: Item, *, personal: bool) -> Call | None:
        first, now = item.case or item.contact, _where_now(histories, item)
        state = _state(histories[now])
        history = histories[first] + (histories[now] if now != first else [])
        contact, received = _contact(state, item), _received(history, item)
        if contact is None:
            return None
        boxed = any(_is_boxed(record, item.contact) for record in history)
        opened = opened_card(history, state, contact.id, self._opens) if personal and boxed else {}
        texts = texts_of_card(opened)
        case = state if isinstance(state, Case) else None
        is_late = received is not None and any(flag.code == LATE for flag in _event(received).flags)
        return Call(
            number=case.number if case else item.number,
            case=case.id if case else None,
            at=contact.at,
            written=received.recordedat if received and is_late else None,
            not_counted=contact.not_counted,
            district=contact.district or lent_district(histories[now]),  # As in the tables.
            registered=_is_registered(history),
            person=case.person if case else None,
            persons=_persons(history),
            card=contact.card or Card(),
            attempts=tuple(attempts_of(contact.card or Card())),
            personal={name: text for name, text in texts.items() if text},
            shut=boxed and not texts,
            lost=personal and boxed and opened.keys() <= {UNREADABLE},
            closed_at=case.closed_at if case else None,
            first=case is not None and _is_first(contact, case),
        )

    def _registrant(self, connection: sa.Connection, person: str | None) -> str | None:
        """The name on the register."""
        history = self._log.histories(connection, [person])[person] if person else []
        name = None
        for record in history:
            event = event_of(record)
            if isinstance(event, PersonRegistered | RegistrationCorrected) and event.sealed:
                told = self._opens([event.person], f"{record.type}/{record.id}", event.sealed) or {}
                name = told.get("name", name)
        return name if isinstance(name, str) else None


def _is_boxed(record: Recorded, contact: str) -> bool:
    match event_of(record):
        case CallReceived(contact=of) | CallAdded(contact=of) | CallCorrected(contact=of) as event:
            return of == contact and event.sealed is not None
    return False


def _left_for(history: list[Recorded]) -> set[str]:
    """The consultations to which contacts were moved from the one with this history."""
    events = [event_of(record) for record in history if record.type == ContactMoved.name]
    return {event.to_case for event in events if isinstance(event, ContactMoved)}


def _where_now(histories: Mapping[str, list[Recorded]], item: Item) -> str:
    """The consultation to which a contact belongs now, or the contact itself."""
    first = item.case or item.contact
    holding = [about for about, history in histories.items() if _contact(_state(history), item)]
    return first if first in holding or not holding else holding[-1]


def _state(history: list[Recorded]) -> State | None:
    state: State | None = None
    for record in history:
        state = evolve(state, event_of(record), record.time)
    return state


def _contact(state: State | None, item: Item) -> Contact | None:
    match state:
        case Contact(id=item.contact):
            return state
        case Case():
            same = [each for each in state.contacts if each.id == item.contact]
            return next((each for each in same if each.matter == item.matter), same[0] if same else None)
        case _:
            return None


def _is_first(contact: Contact, case: Case) -> bool:
    """Whether nothing that counts came before it in a consultation that stands for itself."""
    own = (contact.at, contact.id, contact.matter)
    counted = (each for each in case.contacts if each.not_counted is None)
    return case.merged_into is None and not any((each.at, each.id, each.matter) < own for each in counted)


def _received(history: list[Recorded], item: Item) -> Recorded | None:
    for record in history:
        event = event_of(record)
        if isinstance(event, CallReceived) and (event.contact, event.matter) == (item.contact, item.matter):
            return record
    return None


def _event(record: Recorded) -> CallReceived:
    event = event_of(record)
    assert isinstance(event, CallReceived), "only such a record is asked about"
    return event


def _persons(history: list[Recorded]) -> tuple[str, ...]:
    """Whom a consultation was ever about."""
    events = [event_of(record) for record in history]
    told = (getattr(event, name, None) for event in events for name in ("person", "before"))
    return tuple(dict.fromkeys(person for person in told if isinstance(person, str)))


def _is_registered(history: list[Recorded]) -> bool:
    """Whether it is about a registrant, as the last word has it."""
    registered = False
    for record in history:
        match event_of(record):
            case CallReceived(registered=told) if told:
                registered = True
            case CallAdded(registered=bool(told)) | CallLinked(registered=told):
                registered = told
            case CallUnlinked():
                registered = False
            case _:
                pass
    return registered


def _flags(connection: sa.Connection, contacts: list[str]) -> dict[Key, int]:
    """How many flags are open, by contact and matter."""
    query = sa.select(FLAGS.c.holder, FLAGS.c.matter, sa.func.count()).group_by(FLAGS.c.holder, FLAGS.c.matter)
    wanted = sa.and_(FLAGS.c.resolved_at.is_(None), among(connection, FLAGS.c.holder, contacts))
    return {(row[0], row[1]): row[2] for row in connection.execute(query.where(wanted))}
