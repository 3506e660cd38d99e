"""Who stands behind a figure: one row for each consultation or person, as the table counted them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from services.pages.symbols import symbol
from services.pages.terms import Terms
from services.reporting import registrations
from services.reporting.consultations import standing
from services.reporting.facts import Facts
from services.reporting.registrations import NO_AGE, NOT_STATED


class Consultation(NamedTuple):
    """One consultation, in words; the outcome is that of the table's own day."""

    id: str
    number: str
    first_contact: str
    band: str
    district: str
    outcome: str


class Registrant(NamedTuple):
    """One person on the register, in words; nothing that says who it is."""

    id: str
    short: str
    registered_on: str
    district: str
    age_group: str
    handbooks: str


def consultations(ids: Iterable[str], facts: Facts, terms: Terms, before: datetime | None) -> list[Consultation]:
    """The consultations by their first contact; `before` is exclusive, None: everything."""
    found = []
    for case_id in ids:
        stands = standing(case_id, facts, before)
        if stands is not None:
            found.append((stands.counted[0][1].at, case_id, stands))
    rows = []
    for at, case_id, stands in sorted(found, key=lambda each: each[:2]):
        ward = facts.ward_at(at)
        then = Terms(ward, terms.language)  # A column may be gone by now.
        rows.append(
            Consultation(
                id=case_id,
                number=facts.cases[case_id].number or symbol(case_id),
                first_contact=terms.moment(at),
                band=then.word("band", ward.band_of(at)),
                district=then.district(stands.counted[0][1].district),
                outcome=then.word("outcome", stands.outcome.key),
            )
        )
    return rows


def registrants(ids: Iterable[str], facts: Facts, terms: Terms, before: datetime | None) -> list[Registrant]:
    """The persons by their day of registration; `before` is exclusive, None: everything."""
    dated = sorted((_registered_on(person, facts), person) for person in ids)
    return [_registrant(person, on, facts, terms, before) for on, person in dated]


def _registrant(person: str, on: date, facts: Facts, terms: Terms, before: datetime | None) -> Registrant:
    """From the person's own entries in the tables, so that the row says what the figure counted."""
    counted: dict[str, list[tuple[str, str]]] = {}
    for entry in registrations.entries(person, facts, before):
        counted.setdefault(entry.report, []).append((entry.row, entry.column))
    return Registrant(
        id=person,
        short=symbol(person),
        registered_on=terms.day(on, weekday=True),
        district=terms.listed(terms.district(column) for _, column in counted.get("registrations", ())),
        age_group=terms.listed(_age_group(row, terms) for row, _ in counted.get("ages", ())),
        handbooks=terms.listed(_handbook(row, terms) for row, _ in counted.get("handbooks", ()))
        or terms.screen("held_none"),
    )


def _registered_on(person: str, facts: Facts) -> date:
    """The day of the registration with which a person counts: their own, or the earliest merged into them."""
    known = facts.persons.get(person)
    if known is None:
        return date.max
    return known.registered_on or min((_registered_on(part, facts) for part in known.absorbed), default=date.max)


def _age_group(key: str, terms: Terms) -> str:
    return terms.say(terms.ward.labels["no_age"]) if key == NO_AGE else terms.word("age_group", key)


def _handbook(key: str, terms: Terms) -> str:
    return terms.say(terms.ward.labels["not_stated"]) if key == NOT_STATED else terms.word("handbook", key)
