"""What stands on a call card: of the last contact of a consultation, for whoever goes on with it. Reading only.

A contact may be about several persons; each has a consultation of their own, and all are on the card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from events import Recorded, event_of
from events.intake import (
    Attempt,
    CallAdded,
    CallBack,
    CallCorrected,
    CallLinked,
    CallReceived,
    CallUnlinked,
    Card,
)
from services.cases import NOBODY
from services.contact import Contact, attempts_of
from services.database import among
from services.intake.beside import MOST_MATTERS
from services.intake.contacts import MISTAKEN
from services.intake.domain import Case, State, evolve
from services.intake.from_page import CALLER, PERSONAL, WORDS
from services.journal import LogReader
from services.tables import NAMES
from services.ward import Ward

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A card, of one person: the values of its fields by their names on the page, and what only grows or is looked up.

    `contact`, `matter`, `began_at`: the contact and its own time. `person`: the registrant to whom it is linked.
    `is_last`: whether no other contact of the consultation came after; only then its number means this contact.
    """

    number: str
    case: str
    contact: str
    matter: int
    began_at: datetime
    values: dict[str, Any]
    card: Card
    person: str | None
    is_last: bool

    @property
    def is_mistaken(self) -> bool:
        """Whether this person was put on the card by mistake."""
        return self.values.get("not_counted") == MISTAKEN

    @property
    def attempts(self) -> list[tuple[Attempt, bool]]:
        """What was done because of danger, and of each whether it was noted by mistake."""
        return attempts_of(self.card)


class Lone(msgspec.Struct, frozen=True, kw_only=True):
    """A contact about nobody: what stands of it, by the names of the card's fields; and who was found to be concerned.

    `since`: the 受付番号 of the consultations that were told to have been in this same contact.
    """

    number: str
    contact: str
    began_at: datetime
    values: dict[str, Any]
    card: Card
    since: list[str]

    @property
    def attempts(self) -> list[tuple[Attempt, bool]]:
        """As of `Standing`."""
        return attempts_of(self.card)


def lone(log: LogReader, number: str, ward: Ward, opens: Opens | None) -> Lone | None:
    """The contact about nobody to which a reference number was given; None where it is a consultation's, or nobody's.

    `opens` None: what is personal stays shut.
    """
    with log.engine.connect() as connection:
        found = list(_named(log, connection, [f"lone/{number}"]).items())
        if not found:
            return None
        contact, history = found[0]
        others = _named(log, connection, [f"contact/{contact}/{matter}" for matter in range(2, MOST_MATTERS + 1)])
    state: State | None = None
    for record in history:
        state = evolve(state, event_of(record), record.time)
    assert isinstance(state, Contact), "nothing else has such a name"
    beside = [card for told in others.values() if (card := _card(told, contact, ward, None))]
    return Lone(
        number=number,
        contact=contact,
        began_at=state.at,
        values=_values(state, opened_card(history, None, contact, opens) if opens else {}, ward),
        card=state.card or Card(),
        since=[each.number for each in sorted(beside, key=lambda each: each.matter)],
    )


def standing(log: LogReader, number: str, ward: Ward, opens: Opens | None) -> list[Standing]:
    """The cards of the last contact under a reference number, of all persons in it, in the order of their telling.

    Empty where there is none. `opens` None: what is personal stays shut.
    """
    with log.engine.connect() as connection:
        histories = _named(log, connection, [f"number/{number}"])
        cards = [card for history in histories.values() if (card := _card(history, None, ward, opens))]
        if not cards:
            return []
        asked = max(cards, key=lambda each: each.began_at)
        places = [f"contact/{asked.contact}/{matter}" for matter in range(1, MOST_MATTERS + 1)]
        others = _named(log, connection, places)
    others.pop(asked.case, None)
    beside = [card for history in others.values() if (card := _card(history, asked.contact, ward, opens))]
    return sorted([asked, *beside], key=lambda each: each.matter)


def is_number(log: LogReader, number: str) -> bool:
    """Whether a reference number was ever given to a consultation."""
    with log.engine.connect() as connection:
        own = sa.and_(NAMES.c.key == f"number/{number}", NAMES.c.target != NOBODY)
        return connection.execute(sa.select(NAMES.c.target).where(own).limit(1)).first() is not None


def moved_to(log: LogReader, number: str) -> str | None:
    """The number to which the last contact went that had stood under this one; None: none was moved away."""
    with log.engine.connect() as connection:
        told = [event_of(record) for one in _named(log, connection, [f"number/{number}"]).values() for record in one]
        corrected = [change for event in told if isinstance(event, CallCorrected) for change in event.changes]
        moves = [change.after for change in corrected if change.field == "case"]
        state: State | None = None
        for record in log.histories(connection, moves[-1:]).get(moves[-1], []) if moves else []:
            state = evolve(state, event_of(record), record.time)
    return state.number if isinstance(state, Case) else None


def lent_district(history: Iterable[Recorded]) -> str | None:
    """The district of the registrant to whom a consultation is linked: what its calls count in that say none."""
    links = [record for record in history if record.type in (CallLinked.name, CallUnlinked.name)]
    link = event_of(links[-1]) if links else None
    return link.district if isinstance(link, CallLinked) else None


def _named(log: LogReader, connection: sa.Connection, keys: list[str]) -> dict[str, list[Recorded]]:
    """Everything written about what these names stand for."""
    query = sa.select(NAMES.c.target).where(among(connection, NAMES.c.key, keys))
    return log.histories(connection, dict.fromkeys(connection.execute(query).scalars()))


def _card(history: list[Recorded], contact_id: str | None, ward: Ward, opens: Opens | None) -> Standing | None:
    """The card of a consultation's last contact, or of this one; None where it has none."""
    state: State | None = None
    for record in history:
        state = evolve(state, event_of(record), record.time)
    if not isinstance(state, Case) or not state.contacts:
        return None
    last = max(state.contacts, key=lambda each: each.at)
    contact = next((each for each in state.contacts if each.id == contact_id), None) if contact_id else last
    if contact is None:
        return None
    return Standing(
        number=state.number,
        case=state.id,
        contact=contact.id,
        matter=contact.matter,
        began_at=contact.at,
        values=_values(contact, opened_card(history, state, contact.id, opens) if opens else {}, ward),
        card=contact.card or Card(),
        person=state.person if state.before is not None else None,
        is_last=contact.id == last.id,
    )


def _values(contact: Contact, personal: dict[str, Any], ward: Ward) -> dict[str, Any]:
    """What stands in the fields of a contact's card."""
    values = {
        "district": contact.district,
        "channel": contact.channel,
        "not_counted": contact.not_counted,
        "reasons": list(contact.reasons),
        **_clear(contact.card or Card(), ward),
        **texts_of_card(personal),
    }
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def opened_card(history: list[Recorded], case: State | None, contact: str, opens: Opens) -> dict[str, Any]:
    """What is personal on a card, of a consultation or of a contact about nobody; the last word counts."""
    of_case = (case.person, case.before, case.id) if isinstance(case, Case) else ()
    personal: dict[str, Any] = {}
    for record in history:
        event = event_of(record)
        if isinstance(event, CallReceived | CallAdded | CallCorrected) and event.contact == contact and event.sealed:
            owners = [o for o in (getattr(event, "person", None), *of_case) if o]
            personal |= opens([*owners, contact], f"{record.type}/{record.id}", event.sealed) or {}
    return personal


def _clear(card: Card, ward: Ward) -> dict[str, Any]:
    back = card.call_back or CallBack()
    return {
        "third_party": card.third_party,
        "abuse_suspected": card.abuse_suspected,
        "safe_until": _typed(card.safe_until, ward),
        "medication_at": _typed(card.medication_at, ward),
        "call_back_by": _typed(back.by, ward),
        "call_back_who": back.who,
    }


def texts_of_card(personal: dict[str, Any]) -> dict[str, str]:
    """The texts of a card's fields, by their names on the page."""
    caller = personal.get("caller")
    texts = {name: personal.get(name) for name in (*PERSONAL, WORDS)}
    if isinstance(caller, dict):
        texts |= {name: caller.get(place) for name, place in CALLER.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _typed(at: datetime | None, ward: Ward) -> str | None:
    """A time as the page's fields have it: on the ward's clock, to the minute."""
    return None if at is None else ward.local(at).strftime("%Y-%m-%dT%H:%M")
