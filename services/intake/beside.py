"""One contact about several persons, told one after the other: a `call.report` with `beside`. Never refused.

Whoever is on the telephone speaks of a sister after the call was saved. Her matter is one of its own, counted
and banded by the contact's own moment (domain Rule 1); the contact stays one.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.book import Said, Unusable, Waits
from services.intake.contacts import named_contact
from services.intake.domain import IntakeBook
from services.intake.fields import Fields

FIELDS = frozenset({"beside", "beside_number"})
MOST_MATTERS = 50
"""Persons in one contact; what goes beyond is kept, sealed, and flagged."""


class Joined(NamedTuple):
    """The contact to which a report belongs, when it was, and how many matters of it stand already."""

    contact: str
    at: datetime
    before: int


class _Named(NamedTuple):
    """A contact by either of its names; see `contacts.SaysWhich`."""

    call: str | None
    number: str | None
    source: str | None = None
    matter: int = 1


def joined(said: Said, call: Fields, matters: int, book: IntakeBook) -> Joined | None:
    """The contact that a report was a part of; None: it is one of its own, flagged where that was not meant."""
    named = _Named(call.text("beside"), call.text("beside_number"))
    field = "beside" if named.call else "beside_number"
    if not (named.call or named.number):
        return None
    try:
        place = named_contact(said, named, book)
    except (Waits, Unusable):
        call.flag("unknown-call", field, "an earlier call.report of the same contact, or its 受付番号")
        return None
    before = next(n for n in range(MOST_MATTERS + 1) if not book.targets(f"contact/{place.contact.id}/{n + 1}"))
    if not 0 < matters <= MOST_MATTERS - before:
        call.flag("not-beside", field, f"1 to {MOST_MATTERS} matters in one contact")
        return None
    book.name(f"beside/{said.provider}/{said.source}#{said.id}", str(before), said.at, fresh=True)
    return Joined(place.contact.id, place.contact.at, before)
