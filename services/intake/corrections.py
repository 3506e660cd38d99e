"""A contact had been written down wrongly: `call.correct` says what it always should have said.

Strict, and it can blank a field: nobody waits on the line. A time, and to which consultation a
contact belongs, change here alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from events import intake as e
from events.intake import Card, Change
from events.messages import CallCorrect
from services.book import Said, Unusable, one_of
from services.cases import ABOUT_NOBODY
from services.contact import Contact
from services.era import folded
from services.intake import card as cards
from services.intake.additions import changed
from services.intake.consultations import mention, move, named_case
from services.intake.contacts import CHANNELS, MISTAKEN, NOT_COUNTED, NOT_KNOWN, Place, named_contact
from services.intake.domain import Case, IntakeBook, evolve
from services.intake.mending import MERGED, NEVER_MEANT, ON_DUTY, mend, told
from services.ward import Ward


def correct(said: Said, message: CallCorrect, book: IntakeBook) -> None:
    """Replace what is told of a contact, with what stood there before.

    Raises:
        Waits: the call, or the consultation to which it is moved, did not come yet.
        Unusable: a word that the ward does not know, an impossible time, a move of what has no consultation.
    """
    place, ward = named_contact(said, message, book), book.ward_at(said.at)
    to = _target(said, message, place, book, ward)
    changes = tuple(
        changed(field, before, after) for field, before, after in _values(said, message, place, ward) if before != after
    )
    if to is not None and place.case is not None:
        changes += (Change(field="case", before=place.case.id, after=to.id),)
    personal = message.personal if isinstance(message.personal, dict) else None
    if changes or personal:
        event = e.CallCorrected(contact=place.contact.id, case=place.case_id, changes=changes)
        contact = _corrected(place, event, said.at)
        book.write(event, said.at, personal, place.subject)
        facts = told(changes, personal) | _circumstances(changes, contact, said, ward, own=message.call is not None)
        mend(said, book, place, facts, event.name)
        if to is not None and place.case is not None:
            move(said, contact, place.case, to, book, because="corrected")
    if to or place.case:
        mention(book, to or place.case)  # type: ignore[arg-type]  # One of them is there.


def _circumstances(changes: tuple[Change, ...], contact: Contact, said: Said, ward: Ward, *, own: bool) -> set[str]:
    """What follows of another time, and of another consultation. `own`: it is a call that the corrector reported."""
    fields = {change.field for change in changes}
    on_duty = {ON_DUTY} if own and "time" in fields and ward.on_duty(said.provider, contact.at) else set()
    mistaken = {NEVER_MEANT} if contact.not_counted == MISTAKEN else set()
    return on_duty | mistaken | ({MERGED} if "case" in fields else set())


def _corrected(place: Place, event: e.CallCorrected, at: datetime) -> Contact:
    """The contact as it stands after the correction, wherever it is put then."""
    itself = msgspec.structs.replace(event, changes=tuple(c for c in event.changes if c.field != "case"))
    after = evolve(place.contact, itself, at)
    assert isinstance(after, Contact), "a contact stays one"
    return after


def _target(said: Said, message: CallCorrect, place: Place, book: IntakeBook, ward: Ward) -> Case | None:
    """The consultation to which the contact is moved; None where it stays."""
    if message.to is None and message.to_number is None:
        return None
    if place.case is None:
        raise Unusable("data.to", ABOUT_NOBODY, "a call.report with a matter, under this consultation")
    to = named_case(said, message.to, message.to_number, book, ward, field="to")
    return None if to.id == place.case.id else to


def _values(said: Said, message: CallCorrect, place: Place, ward: Ward) -> Iterator[tuple[str, Any, Any]]:
    """Each field that the message gives: its name, what stands there, and what shall stand there."""
    contact, card = place.contact, place.contact.card or Card()
    given = {name: value for name, value in msgspec.structs.asdict(message).items() if value is not msgspec.UNSET}
    if "occurred_at" in given:
        yield "time", contact.at, _moment(given["occurred_at"], said, ward)
    if "district" in given:
        yield "district", contact.district, _district("data.district", given["district"], ward)
    if "not_counted" in given:
        kind = given["not_counted"]
        after = NOT_COUNTED.get(kind) if kind else None
        if kind is not None and after is None:
            raise Unusable("data.not_counted", "not one of the known values", ", ".join([*NOT_COUNTED, "null"]))
        if after is None and place.case is None:
            raise Unusable("data.not_counted", ABOUT_NOBODY, "a call.report with a matter")
        yield "not_counted", contact.not_counted, after
    if "channel" in given:
        yield "channel", contact.channel, CHANNELS[one_of("data.channel", given["channel"], CHANNELS)]
    if "reasons" in given:
        yield "reasons", contact.reasons, tuple(dict.fromkeys(_reason(reason, ward) for reason in given["reasons"]))
    for field in ("third_party", "abuse_suspected"):
        if field in given:
            yield field, getattr(card, field), given[field]
    for field in ("safe_until", "medication_at"):
        if field in given:
            at = given[field]
            yield field, getattr(card, field), at and cards.promised_time(f"data.{field}", at, said.arrived, ward)
    if "call_back" in given:
        told = given["call_back"]
        yield "call_back", card.call_back, told and cards.corrected_call_back(told, said, ward)
    if "danger" in given:
        yield "danger", card.danger, cards.corrected_attempts(given["danger"], said, ward)


def _district(field: str, given: str | None, ward: Ward) -> str | None:
    if given is None or folded(given) in NOT_KNOWN:
        return None
    found = ward.district_of(given)
    if found is None:
        accepted = ", ".join([*(district.key for district in ward.district), *NOT_KNOWN[1:], "null"])
        raise Unusable(field, "not one of the ward's districts", accepted)
    return found


def _reason(given: str, ward: Ward) -> str:
    found = ward.words["reason"].get(folded(given).casefold())
    if found is None:
        raise Unusable("data.reasons", "not one of the ward's reasons", ", ".join(r.key for r in ward.reason))
    return found


def _moment(given: datetime, said: Said, ward: Ward) -> datetime:
    if given.tzinfo is None or not ward.opens_at <= given <= said.arrived:
        raise Unusable("data.occurred_at", "unusable", "a past time with its offset, such as 2025-04-01T02:10:00+09:00")
    return ward.local(given)
