"""What that night's worker must know about a registrant, first things first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import msgspec
import sqlalchemy as sa

from services.desk import wards_of
from services.era import age_of
from services.intake.contacts import MISTAKEN
from services.intake.domain import Case
from services.intake.eligibility import Eligibility
from services.intake.finding import Finder
from services.intake.records import CARE, Caller, Record, contacts_of, text_of, texts_of


class OpenCase(msgspec.Struct, frozen=True, kw_only=True):
    """A consultation that is not closed, by its 受付番号 and its first contact."""

    case: str
    number: str
    began_at: datetime


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """To whom something may go, by which text, since when."""

    to: str
    edition: str | None
    since: date


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What one form says. The order is that in which it is needed; `care` and the others are texts by name."""

    person: str
    name: str | None
    kana: str | None
    tell_first: str | None
    care: dict[str, str]
    in_an_emergency: str | None
    contacts: tuple[Caller, ...]
    phone: str | None
    address: str | None
    support_level: str | None
    usual_services: str | None
    consultation_office: str | None
    handbook_grades: dict[str, str]


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A registrant on a day. `also`: what the forms say that were merged into this one, which may say more.

    `left_on`: since when they are not registered; `status` says why. `confirmed_on`: the last yearly check.
    """

    details: Details
    also: tuple[Details, ...]
    status: str
    left_on: date | None
    birth_date: date | None
    age: int | None
    district: str | None
    handbooks: tuple[str, ...] | None
    eligibility: Eligibility
    open_cases: tuple[OpenCase, ...]
    consents: tuple[Agreed, ...]
    registered_on: date
    takes_effect_on: date
    confirmed_on: date | None


def brief(finder: Finder, person: str, on: date) -> Brief | None:
    """What must be known of a registrant on a day; None where nobody is registered under this id, or was forgotten.

    Of a record that was merged into another, that other's.
    """
    with finder.journal.engine.connect() as connection:
        record = finder.record(connection, person)
        while record is not None and record.state.merged_into:
            record = finder.record(connection, record.state.merged_into)
        if record is None:
            return None
        parts = parts_of(finder, connection, record)
        persons = [record.state.id, *(part.state.id for part in parts)]
        names = [f"cases-of/{one}" for one in persons]
        named = finder.cases(connection, finder.targets(connection, names))
        cases = [case for case in named if case.person in persons]  # A link that was undone leaves its name.
    ward, state, birth = wards_of(finder.journal.engine)[-1][1], record.state, record.birth_date
    return Brief(
        details=details_of(record),
        also=tuple(map(details_of, parts)),
        status=record.status,
        left_on=state.withdrawn_on,
        birth_date=birth,
        age=age_of(birth, on),
        district=state.registered.district,
        handbooks=state.registered.handbooks,
        eligibility=record.eligibility(on, ward),
        open_cases=tuple(_open(cases)),
        consents=tuple(
            Agreed(to=c.to, edition=c.edition, since=c.given_at.date())
            for c in state.consents
            if c.in_force and c.given_at
        ),
        registered_on=state.registered.registered_on,
        takes_effect_on=state.registered.takes_effect_on or state.registered.registered_on,
        confirmed_on=state.confirmed_on,
    )


def parts_of(finder: Finder, connection: sa.Connection, record: Record) -> list[Record]:
    """The records that were merged into this one, and into those."""
    waiting, found = [record.state.id], []
    while waiting:
        into = waiting.pop()
        parts = finder.records(connection, finder.targets(connection, [f"parts-of/{into}"])).values()
        merged = [part for part in parts if part.state.merged_into == into]
        found += merged
        waiting += [part.state.id for part in merged]
    return found


def details_of(record: Record) -> Details:
    """What a form says, in the order in which it is needed."""
    own = record.personal
    return Details(
        person=record.state.id,
        name=text_of(own, "name"),
        kana=text_of(own, "kana"),
        tell_first=text_of(own, "tell_first"),
        care=texts_of(own, "care", CARE),
        in_an_emergency=text_of(own, "in_an_emergency"),
        contacts=contacts_of(own),
        phone=text_of(own, "phone"),
        address=text_of(own, "address"),
        support_level=text_of(own, "support_level"),
        usual_services=text_of(own, "usual_services"),
        consultation_office=text_of(own, "consultation_office"),
        handbook_grades=texts_of(own, "handbook_grades"),
    )


def _open(cases: list[Case]) -> Iterator[OpenCase]:
    for case in sorted(cases, key=lambda case: (case.began_at, case.id)):
        meant = any(contact.not_counted != MISTAKEN for contact in case.contacts)
        if case.closed_at is None and case.merged_into is None and meant:
            yield OpenCase(case=case.id, number=case.number, began_at=case.began_at)
