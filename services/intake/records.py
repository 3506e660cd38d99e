"""A registrant's record as it is read: the state that the events give, and what is personal, opened. Pure.

What a form says is what somebody typed: every field may be missing, or be something else than was meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from services.era import age_of, legal_age_on
from services.intake.domain import Person
from services.intake.eligibility import Eligibility, eligibility
from services.intake.identifiers import date_in
from services.ward import Ward

CARE = ("medical", "medication", "allergy", "seizures", "behaviour", "communication")


class Caller(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contact of a person."""

    name: str | None = None
    relation: str | None = None
    phone: str | None = None
    note: str | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One registration. `personal`: the form's fields, each as last corrected."""

    state: Person
    personal: dict[str, Any]

    @property
    def birth_date(self) -> date | None:
        """None where it is not known, or no date."""
        text = text_of(self.personal, "birth_date")
        return date_in(text) if text else None

    @property
    def status(self) -> str:
        """registered, or why not: withdrawn, moved-away, died."""
        return self.state.left_because or "registered"

    def eligibility(self, on: date, ward: Ward) -> Eligibility:
        """Whether the person is 対象 on a day. Without a date of birth, by the age told when they were registered."""
        form, birth = self.state.registered, self.birth_date
        is_known = birth is not None and age_of(birth, on) is not None
        age = legal_age_on(birth, on) if birth and is_known else form.legal_age
        if not is_known and age is not None:
            age += max(0, on.year - form.registered_on.year - ((on.month, on.day) < _month_day(form.registered_on)))
        return eligibility(age, form.certificate, form.certificate_until, on, ward)


def _month_day(day: date) -> tuple[int, int]:
    return day.month, day.day


def text_of(personal: Mapping[str, Any], field: str) -> str | None:
    """A field that is a text; a list of texts is written in one. None where there is nothing to read."""
    value = personal.get(field)
    if isinstance(value, list):
        return "、".join(entry for entry in value if isinstance(entry, str)) or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value or None if isinstance(value, str) else None


def texts_of(personal: Mapping[str, Any], field: str, known: tuple[str, ...] = ()) -> dict[str, str]:
    """The texts of a field that holds several by name, the known ones first."""
    value = personal.get(field)
    if not isinstance(value, dict):
        return {}
    names = [*(name for name in known if name in value), *sorted(value.keys() - set(known))]
    return {name: text for name in names if (text := text_of(value, name))}


def contacts_of(personal: Mapping[str, Any]) -> tuple[Caller, ...]:
    """Whom to ring, in order."""
    value = personal.get("contacts")
    fields = Caller.__struct_fields__
    return tuple(
        Caller(**{field: text_of(contact, field) for field in fields})
        for contact in (value if isinstance(value, list) else ())
        if isinstance(contact, dict)
    )
