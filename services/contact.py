"""A contact with the line as it stands: as it was received, filled in further, corrected and moved. Pure.

Intake decides by it, and reporting tells it to an agency; so both say the same.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from events.intake import Attempt, CallAdded, CallCorrected, CallReceived, Card, ContactMoved


class Contact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One contact as last corrected."""

    id: str
    at: datetime
    district: str | None = None
    not_counted: str | None = None
    channel: str = "phone"
    reasons: tuple[str, ...] = ()
    card: Card | None = None
    matter: int = 1


def arrived(fact: CallReceived | ContactMoved, at: datetime) -> Contact:
    """A contact as it came to a consultation. `at`: when it was."""
    return Contact(
        id=fact.contact,
        at=at,
        district=fact.district,
        not_counted=fact.not_counted,
        channel=fact.channel,
        reasons=fact.reasons,
        card=fact.card,
        matter=fact.matter,
    )


def told_of(fact: CallAdded | CallCorrected) -> dict[str, Any]:
    """What an adding or a correction says of a contact, or of its consultation: `person`, `case`."""
    return {change.field: change.after for change in fact.changes}


def filled(contact: Contact, values: dict[str, Any], added: tuple[Attempt, ...]) -> Contact:
    """A contact with other values; they are plain, as they stand in an event that was read again."""
    on_card = {field: value for field, value in values.items() if field in Card.__struct_fields__}
    others = {"at" if field == "time" else field: value for field, value in values.items() if field not in on_card}
    card = contact.card or Card()
    if on_card or added:
        plain: dict[str, Any] = msgspec.to_builtins(card) | on_card
        card = msgspec.convert({field: value for field, value in plain.items() if value is not None}, Card)
        card = msgspec.structs.replace(card, danger=(*card.danger, *added))
    plain = msgspec.to_builtins(msgspec.structs.replace(contact, card=None)) | others
    return msgspec.structs.replace(msgspec.convert(plain, Contact), card=None if card == Card() else card)


def attempts_of(card: Card) -> list[tuple[Attempt, bool]]:
    """What was done because of danger, and of each whether it was noted by mistake."""
    words = Counter(msgspec.structs.replace(each, mistaken=None) for each in card.danger if each.mistaken)
    found = []
    for each in (each for each in card.danger if not each.mistaken):
        found.append((each, words[each] > 0))
        words[each] -= 1
    return found
