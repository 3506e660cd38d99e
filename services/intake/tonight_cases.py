"""The consultations of tonight's notes as they stand now: read from intake's log, whether or not intake runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime

import msgspec
import sqlalchemy as sa

from events import Recorded, decode, event_of
from events.intake import (
    CallAdded,
    CallCorrected,
    CallReceived,
    CaseClosed,
    ContactMoved,
)
from services.contact import Contact
from services.era import age_on
from services.intake.brief import Details, details_of, parts_of
from services.intake.contacts import MISTAKEN
from services.intake.domain import Case, Person, State, evolve
from services.intake.finding import Finder, NotIndexed
from services.intake.records import Record
from services.intake.standing import Opens, lent_district, opened_card, texts_of_card
from services.intake.web import Lookup
from services.pages.tonight_case import Known, Promise, TonightCase
from services.tables import NAMES

MOST_MERGES = 5
"""How often a consultation is followed to that of which it became a part."""

_TEXTS = {"call-back": "call_back_phone", "medication": "next_medication"}
_FIELDS = {"call-back": "call_back", "medication": "medication_at", "safe-until": "safe_until"}


class TonightCases:
    """Looks consultations up; a `services.pages.tonight_case.Cases`."""

    def __init__(self, lookup: Lookup, opens: Opens) -> None:
        self._lookup, self._opens = lookup, opens

    def __call__(self, cases: Collection[str], on: date, *, personal: bool) -> Mapping[str, TonightCase]:
        """These, each under the id asked for; what was merged into another is that other."""
        with self._lookup.log.engine.connect() as connection:
            histories, states = self._read(connection, cases)
            roots = {case: root for case in cases if (root := _root(case, states))}
            whose = self._registrants(connection, (states[root].person for root in roots.values()))
            known = self._known(connection, (states[root] for root in roots.values()), on) if personal else {}
            found = {
                root: self._case(states[root], root, roots, histories, whose, known, personal)
                for root in set(roots.values())
            }
        return {case: found[root] for case, root in roots.items()}

    def numbered(self, number: str) -> TonightCase | None:
        """The one with this 受付番号, without what is personal; what was merged into another is that other."""
        names = sa.select(NAMES.c.target).where(NAMES.c.key == f"number/{number}").order_by(NAMES.c.since)
        with self._lookup.log.engine.connect() as connection:
            named = list(connection.execute(names).scalars())
        found = self(named, date.min, personal=False)
        return found.get(named[-1]) if named else None

    def since(self, position: int) -> list[str]:
        """Those of which a call was recorded after a position of intake's log."""
        table = self._lookup.log.log
        told = sa.and_(table.c.id > position, table.c.topic.in_([CallReceived.name, ContactMoved.name]))
        with self._lookup.log.engine.connect() as connection:
            records = [decode(bytes(row.state)) for row in connection.execute(sa.select(table.c.state).where(told))]
        return list(dict.fromkeys(record.case for record in records if record.case))

    def _read(
        self, connection: sa.Connection, cases: Collection[str]
    ) -> tuple[dict[str, list[Recorded]], dict[str, Case]]:
        """What was recorded about these and about those of which they became parts, and how they stand."""
        histories: dict[str, list[Recorded]] = {}
        states: dict[str, Case] = {}
        wanted = set(cases)
        for _ in range(MOST_MERGES):
            fresh = self._lookup.log.histories(connection, wanted - histories.keys())
            histories |= fresh
            states |= {case: state for case, history in fresh.items() if isinstance(state := _state(history), Case)}
            wanted = {state.merged_into for state in states.values() if state.merged_into} - histories.keys()
            if not wanted:
                break
        return histories, states

    def _case(
        self,
        state: Case,
        root: str,
        roots: Mapping[str, str],
        histories: Mapping[str, list[Recorded]],
        whose: Mapping[str, str],
        known: Mapping[str, Known],
        personal: bool,
    ) -> TonightCase:
        own, history = [case for case, of in roots.items() if of == root], histories[root]
        calls = [record for record in history if record.type in (CallReceived.name, ContactMoved.name)]
        closing = next((record for record in reversed(history) if record.type == CaseClosed.name), None)
        texts = self._texts(history, state) if personal else {}
        named = [text["name"] for text in texts.values() if text.get("name")]
        last = max(state.contacts, key=lambda contact: contact.at, default=None)
        return TonightCase(
            case=root,
            number=state.number,
            began_at=state.began_at,
            began_recorded=history[0].recordedat,
            called_at=last.at if last else state.began_at,
            called_recorded=calls[-1].recordedat if calls else history[0].recordedat,
            closed_at=state.closed_at,
            closed_recorded=closing.recordedat if closing and state.closed_at else None,
            is_meant=any(contact.not_counted != MISTAKEN for contact in state.contacts),
            district=_district(state, history),
            reasons=next((contact.reasons for contact in reversed(state.contacts) if contact.reasons), ()),
            name=named[-1] if named else None,
            registrant=whose.get(state.person or ""),
            known=known.get(state.person or ""),
            promises=tuple(_promises(state, history, texts, self._opens if personal else None)),
            attempts=tuple(_attempts(history)),
            subjects=tuple(dict.fromkeys(s for case in (root, *own) for s in _subjects(case, histories[case]))),
            synthetic=any(record.synthetic for record in history),
            parts=tuple(case for case in own if case != root),
        )

    def _texts(self, history: list[Recorded], state: Case) -> dict[str, dict[str, str]]:
        """The words of each contact's card, in the order in which they came."""
        contacts = dict.fromkeys(contact.id for contact in state.contacts)
        return {contact: texts_of_card(opened_card(history, state, contact, self._opens)) for contact in contacts}

    def _registrants(self, connection: sa.Connection, persons: Iterable[str | None]) -> dict[str, str]:
        """Of these persons those who are on the register, each with the record that stands for it."""
        found: dict[str, str | None] = {}
        wanted = {person for person in persons if person}
        for _ in range(MOST_MERGES):
            for person, history in self._lookup.log.histories(connection, wanted - found.keys()).items():
                state = _state(history)
                found[person] = (state.merged_into or person) if isinstance(state, Person) else None
            wanted = {into for into in found.values() if into} - found.keys()
            if not wanted:
                break
        return {person: _last(person, found) for person, into in found.items() if into}

    def _known(self, connection: sa.Connection, cases: Iterable[Case], on: date) -> dict[str, Known]:
        """Of the registrants among those whom these are about; a record that was merged stands under the other."""
        try:
            finder = self._lookup.finder
        except NotIndexed:
            return {}
        persons = list(dict.fromkeys(case.person for case in cases if case.person))
        found = {}
        for person, record in finder.records(connection, persons).items():
            standing = _standing(finder, connection, record)
            forms = [details_of(each) for each in (standing, *parts_of(finder, connection, standing))]
            found[person] = _in_brief(standing, forms, on)
        return found


def _standing(finder: Finder, connection: sa.Connection, record: Record) -> Record:
    while record.state.merged_into and (into := finder.record(connection, record.state.merged_into)):
        record = into
    return record


def _in_brief(record: Record, forms: list[Details], on: date) -> Known:
    first, birth = forms[0], record.birth_date
    return Known(
        person=record.state.id,
        name=first.name,
        kana=first.kana,
        age=age_on(birth, on) if birth else None,
        status=record.status,
        facts=tuple(dict.fromkeys(fact for form in forms for fact in _facts(form))),
        contacts=tuple(
            dict.fromkeys(
                tuple(filter(None, (contact.relation, contact.name, contact.phone, contact.note)))
                for form in forms
                for contact in form.contacts
            )
        ),
    )


def _facts(form: Details) -> Iterator[tuple[str, str]]:
    """In the order in which the brief has them."""
    if form.tell_first:
        yield "tell_first", form.tell_first
    yield from form.care.items()
    if form.in_an_emergency:
        yield "in_an_emergency", form.in_an_emergency


def _last(person: str, into: Mapping[str, str | None]) -> str:
    """The record that stands for a person in the end."""
    while (following := into.get(person)) and following != person:
        person = following
    return person


def _state(history: list[Recorded]) -> State | None:
    state: State | None = None
    for record in history:
        state = evolve(state, event_of(record), record.time)
    return state


def _root(case: str, states: Mapping[str, Case]) -> str | None:
    """The consultation that this one is, or of which it became a part; None: there is none."""
    while (state := states.get(case)) and state.merged_into in states:
        case = state.merged_into or case
    return case if case in states else None


def _district(case: Case, history: list[Recorded]) -> str | None:
    """As in the tables: that of its first contact, of those that count, or else of the registrant it is linked to."""
    in_order = sorted(case.contacts, key=lambda contact: contact.at)
    first = next((contact for contact in in_order if contact.not_counted is None), next(iter(in_order), None))
    return (first.district if first else None) or lent_district(history)


def _subjects(case: str, history: list[Recorded]) -> Iterator[str]:
    """Whose keys may have sealed something about it: everybody for whom it ever stood, and itself."""
    for record in history:
        event = event_of(record)
        yield from (name for field in ("person", "before") if isinstance(name := getattr(event, field, None), str))
    yield case


def _promises(
    state: Case, history: list[Recorded], texts: Mapping[str, dict[str, str]], opens: Opens | None
) -> Iterator[Promise]:
    for contact in state.contacts:
        for what, at, who in _due(contact):
            name = _TEXTS.get(what, "")
            says = [record for record in history if _says(record, contact.id, what, name, state, opens)]
            yield Promise(
                what=what,
                at=at,
                who=who,
                text=texts.get(contact.id, {}).get(name),
                recorded=(says or history)[-1 if says else 0].recordedat,
            )


def _attempts(history: list[Recorded]) -> Iterator[tuple[str, datetime]]:
    """What was done because of a danger, as it was added to a card, and when it was recorded; no press by mistake."""
    told = [(event, record.recordedat) for record in history if isinstance(event := event_of(record), CallAdded)]
    mistaken = Counter(
        msgspec.structs.replace(attempt, mistaken=None)
        for event, _ in told
        for attempt in event.danger
        if attempt.mistaken
    )
    for event, recorded in told:
        for attempt in event.danger:
            if mistaken[attempt] > 0:
                mistaken[attempt] -= 1
            elif not attempt.mistaken:
                yield attempt.what, recorded


def _due(contact: Contact) -> Iterator[tuple[str, datetime, str | None]]:
    card = contact.card
    if card is None:
        return
    if card.call_back and card.call_back.by:
        yield "call-back", card.call_back.by, card.call_back.who
    if card.medication_at:
        yield "medication", card.medication_at, None
    if card.safe_until:
        yield "safe-until", card.safe_until, None


def _says(record: Recorded, contact: str, what: str, text: str, state: Case, opens: Opens | None) -> bool:
    """Whether this told, or told anew, what of a contact is due; where `opens` is there, also the `text` beside it."""
    event = event_of(record)
    match event:
        case CallReceived() | ContactMoved():
            return event.contact == contact
        case CallAdded() | CallCorrected() if event.contact == contact:
            if any(change.field == _FIELDS[what] for change in event.changes):
                return True
            return (
                opens is not None and bool(text) and text in texts_of_card(opened_card([record], state, contact, opens))
            )
        case _:
            return False
