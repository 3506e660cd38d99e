"""What stands on a call card: of the last contact of a consultation, for whoever goes on with it. Reading only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from events import event_of
from events.intake import CallAdded, CallBack, CallCorrected, CallReceived, Card
from services.database import among
from services.intake.domain import Case, State, evolve
from services.intake.from_page import CALLER, PERSONAL, WORDS
from services.journal import LogReader
from services.tables import NAMES
from services.ward import Ward

Opens = Callable[[Iterable[str], str, str], dict[str, Any] | None]
"""(of whom it may be, the event's identity, a box) → what is in it; None where no key opens it."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A card: the values of its fields by their names on the page, and what only grows or is looked up.

    `person`: the registrant to whom it is linked; `began_at`: the contact's own time.
    """

    number: str
    case: str
    began_at: datetime
    values: dict[str, Any]
    card: Card
    linked: bool


def standing(log: LogReader, number: str, ward: Ward, opens: Opens | None) -> Standing | None:
    """The card of the last contact under a reference number; None where there is none.

    `opens` None: what is personal stays shut.
    """
    with Session(log.engine) as session:
        connection = session.connection()
        query = sa.select(NAMES.c.target).where(among(connection, NAMES.c.key, [f"number/{number}"]))
        cases = list(dict.fromkeys(connection.execute(query).scalars()))
        histories = log.histories(session, cases)
    found: Standing | None = None
    for records in histories.values():
        state: State | None = None
        for record in records:
            state = evolve(state, event_of(record), record.time)
        if not isinstance(state, Case) or not state.contacts:
            continue
        contact = max(state.contacts, key=lambda each: each.at)
        if found is not None and found.began_at >= contact.at:
            continue
        personal: dict[str, Any] = {}
        for record in records:
            event = event_of(record)
            is_its_own = isinstance(event, CallReceived | CallAdded | CallCorrected) and event.contact == contact.id
            if opens is not None and is_its_own and event.sealed:  # type: ignore[attr-defined]  # As just seen.
                owners = [o for o in (getattr(event, "person", None), state.person, state.before) if o]
                owners += [state.id, contact.id]
                personal |= opens(owners, f"{record.type}/{record.id}", event.sealed) or {}  # type: ignore[attr-defined]
        card = contact.card or Card()
        values = {
            "district": contact.district,
            "channel": contact.channel,
            "not_counted": contact.not_counted,
            "reasons": list(contact.reasons),
            **_clear(card, ward),
            **_texts(personal),
        }
        values = {name: value for name, value in values.items() if value not in (None, "", [])}
        found = Standing(
            number=state.number,
            case=state.id,
            began_at=contact.at,
            values=values,
            card=card,
            linked=state.before is not None,
        )
    return found


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


def _texts(personal: dict[str, Any]) -> dict[str, Any]:
    caller = personal.get("caller")
    texts = {name: personal.get(name) for name in (*PERSONAL, WORDS)}
    if isinstance(caller, dict):
        texts |= {name: caller.get(place) for name, place in CALLER.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _typed(at: datetime | None, ward: Ward) -> str | None:
    """A time as the page's fields have it: on the ward's clock, to the minute."""
    return None if at is None else ward.local(at).strftime("%Y-%m-%dT%H:%M")
