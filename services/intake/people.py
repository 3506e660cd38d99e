"""Registrations (利用登録): gross counts persons by the day of registration (domain Rule 8)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from events import intake as e
from events.intake import Change
from events.messages import (
    RegistrationConfirm,
    RegistrationCorrect,
    RegistrationReinstate,
    RegistrationWithdraw,
)
from services.book import Said, Unusable, is_after_contract, one_of, told
from services.era import MOST_YEARS, age_of, age_on, folded, legal_age_on, parse_date, school_age_on
from services.intake import mending
from services.intake.contacts import Place, least_age
from services.intake.domain import IntakeBook, Person
from services.intake.eligibility import eligibility
from services.intake.fields import A_DAY, WITHIN_CONTRACT, Fields, words
from services.intake.identifiers import by_field
from services.intake.identity import alike, named
from services.ward import Keyed, Ward, words_of

REASONS = ("withdrawn", "moved-away", "died")
FORM_FIELDS = frozenset(
    {
        "person",
        "district",
        "handbooks",
        "certificate",
        "certificate_until",
        "age",
        "received_on",
        "takes_effect_on",
        "came_by",
        "personal",
    }
)
IMPORTANT = ("name", "kana", "address", "phone", "contacts")
"""What a form is incomplete without, beside reference, district and date of birth, which have flags of their own."""

CAME_BY = {
    word: kind
    for kind, spoken in (("paper", "書面"), ("fax", "ファクス"), ("web", "ウェブ"))
    for word in (kind, spoken)
}
ASKED_BY = ("post", "phone", "fax", "mail", "web", "visit")


def decide(said: Said, book: IntakeBook) -> None:
    """Let a message about a registration have its effect.

    Raises:
        Waits: it speaks of a person not heard of yet.
        Unusable: it cannot be used as it is.
    """
    match said.type:
        case "registration.submit":
            _submit(said, book)
        case "registration.correct":
            _correct(said, told(said.data, RegistrationCorrect), book)
        case "registration.withdraw":
            _withdraw(said, told(said.data, RegistrationWithdraw), book)
        case "registration.reinstate":
            _reinstate(said, told(said.data, RegistrationReinstate), book)
        case "registration.confirm":
            _confirm(said, told(said.data, RegistrationConfirm), book)
        case _:
            raise Unusable("type", "unknown")


def _submit(said: Said, book: IntakeBook) -> None:
    ward, day = book.ward_at(said.at), said.at.date()
    book.flags += said.flags
    form = Fields(said.data, "data", FORM_FIELDS, book.flags, {})
    if is_after_contract(said, book):
        form.flag_time("outside-contract", WITHIN_CONTRACT)
    ref = form.text("person")
    ref = book.reference(ref) if ref else None
    person = _person_to_be(said, ref, form, book)
    ages = _ages(form, day, school_year=_by_school_year(day, ward, book))
    found_by = by_field(form.personal())
    like = alike(person, found_by, book)
    event = e.PersonRegistered(
        person=person,
        provider=said.provider,
        ref=ref,
        registered_on=day,
        district=form.choice("district", ward.words["district"]),
        handbooks=form.choices("handbooks", ward.words["handbook"]),
        certificate=form.truth("certificate"),
        **ages,
        received_on=form.day("received_on"),
        takes_effect_on=form.day("takes_effect_on"),
        came_by=form.choice("came_by", CAME_BY),
        certificate_until=_certificate_until(form),
        like=like,
        entered=said.entered,
    )
    _flag(form, event, ward)
    event = msgspec.structs.replace(event, flags=tuple(book.flags))
    book.index(person, found_by)
    book.persons.append(person)
    book.write(event, said.at, words(said, form.personal(), form.raw), person)
    for case in mending.cases_of(person, book):
        mending.mend_case(said, book, case, frozenset({mending.REGISTERED}), event.name)


def _certificate_until(form: Fields) -> date | None:
    """The last day of the certificate: in clear, or among what is personal, as a sender finds it easier."""
    name = "certificate_until"
    own = {name: form.personal().get(name)}
    return form.day(name) or Fields(own, "data.personal", frozenset({name}), [], {}).day(name)


def _flag(form: Fields, event: e.PersonRegistered, ward: Ward) -> None:
    """What somebody should look at; nothing of it keeps anybody from being registered."""
    if form.given("district") is None:
        form.flag("missing", "district", ", ".join(district.key for district in ward.district))
    if lacking := [field for field in IMPORTANT if not form.personal().get(field)]:
        form.flag("form-incomplete", "personal", ", ".join(lacking))
    found = eligibility(event.legal_age, event.certificate, event.certificate_until, event.registered_on, ward)
    if found.reason == "certificate-lapsed":
        form.flag("certificate-lapsed", "certificate_until", "a certificate that holds on the day of registration")
    elif found.eligible is False:
        form.flag("eligibility-age", "certificate", f"under {ward.eligibility.under}, or a recipient certificate")
    if event.like:
        form.flag("possible-duplicate", "person", "person.merge, if it is one person")


def _person_to_be(said: Said, ref: str | None, form: Fields, book: IntakeBook) -> str:
    """The person's id: the one that an earlier call under this reference got, or a new one."""
    if ref is None:
        form.flag("missing", "person", "your own reference for the person")
        return book.new_id()
    key = f"person/{said.provider}/{ref}"
    known = book.targets(key)
    person = known[-1].target if known else book.new_id()
    if isinstance(book.state(person), Person):
        raise Unusable("data.person", "registered already", "registration.correct, or registration.reinstate")
    # Naming a person who rang before they registered again wakes what waits for the registration.
    book.name(key, person, said.at)
    book.name(f"registered/{said.provider}/{ref}", person, said.at)
    return person


def _by_school_year(day: date, ward: Ward, book: IntakeBook) -> bool:
    """Whether a registration of this day is grouped by school years: only then is that age needed, and kept."""
    return book.ward_at(ward.start_of(day)).policy.age == "school-year"


def _ages(form: Fields, day: date, *, school_year: bool) -> dict[str, Any]:
    """The ages at registration; somebody's stage at school needs the date of birth."""
    given = form.personal().get("birth_date")
    if given is not None:
        try:
            birth = parse_date(given) if isinstance(given, str) else None
        except ValueError:
            birth = None
        if birth is not None and age_of(birth, day) is not None:
            return _ages_of(birth, day, school_year=school_year)
        form.flag("birth-date-unusable", "personal.birth_date", A_DAY)
    age = form.whole("age", MOST_YEARS)
    if age is None and given is None and form.given("age") is None:
        form.flag("missing", "personal.birth_date", "1985-04-30 or 昭和60年4月30日")
    return {"age": age, "legal_age": age}


def _ages_of(birth: date, day: date, *, school_year: bool) -> dict[str, Any]:
    ages = {"age": age_on(birth, day), "legal_age": legal_age_on(birth, day)}
    return ages | {"school_age": school_age_on(birth, day)} if school_year else ages


def _correct(said: Said, message: RegistrationCorrect, book: IntakeBook) -> None:
    person, ward = named(said, "person", message.person, message.person_id, book), book.ward_at(said.at)
    before = person.registered
    after = _corrected(said, message, ward)
    personal = message.personal if isinstance(message.personal, dict) else {}
    if "birth_date" in personal:
        day = date.fromisoformat(after["registered_on"]) if "registered_on" in after else before.registered_on
        school_year = _by_school_year(day, ward, book)
        birth = birth_day("data.personal.birth_date", personal["birth_date"], day)
        after |= _ages_of(birth, day, school_year=school_year)
    if "certificate_until" in personal and message.certificate_until is msgspec.UNSET:
        until = personal["certificate_until"]
        last_day = None if until is None else day_read("data.personal.certificate_until", until)
        after["certificate_until"] = last_day and last_day.isoformat()
    stands = msgspec.to_builtins(before)
    changes = tuple(
        Change(field=field, before=stands.get(field), after=value)
        for field, value in after.items()
        if stands.get(field) != value
    )
    if changes or personal:
        book.index(person.id, by_field(personal))
        completed = tuple(name for name in mending.lacking(person) if personal.get(name))
        event = e.RegistrationCorrected(person=person.id, changes=changes, completed=completed)
        book.write(event, said.at, personal, person.id)
        _mend(said, event, personal, book)


def _mend(said: Said, event: e.RegistrationCorrected, personal: dict[str, Any], book: IntakeBook) -> None:
    """What the correction makes good, on the form and on the calls about this person."""
    person = book.state(event.person)
    assert isinstance(person, Person), "it was corrected"
    ward, day = book.ward_at(said.at), person.registered.registered_on
    facts = mending.told(event.changes, personal) | mending.of_form(person) | _eligible(person, day, ward)
    if ward.is_under_contract(person.registered.provider, ward.start_of(day)) and _says_day(event):
        facts |= {mending.ON_DUTY}
    mending.mend_form(said, book, person.id, facts, event.name)
    for case in mending.cases_of(person.id, book):
        for contact in case.contacts:
            facts = _eligible(person, contact.at.date(), book.ward_at(contact.at))
            mending.mend(said, book, Place(contact=contact, case=case), facts, event.name)


def _says_day(event: e.RegistrationCorrected) -> bool:
    return any(change.field == "registered_on" for change in event.changes)


def _eligible(person: Person, day: date, ward: Ward) -> frozenset[str]:
    form = person.registered
    found = eligibility(least_age(person, day), form.certificate, form.certificate_until, day, ward)
    return mending.of_eligibility(found)


def _corrected(said: Said, message: RegistrationCorrect, ward: Ward) -> dict[str, Any]:
    """The fields given, as they are to stand."""
    after: dict[str, Any] = {}
    if message.district is not msgspec.UNSET:
        after["district"] = _one(ward.district, "data.district", message.district)
    if message.handbooks is not msgspec.UNSET:
        books = message.handbooks
        after["handbooks"] = None if books is None else [_one(ward.handbook, "data.handbooks", book) for book in books]
    if message.certificate is not msgspec.UNSET:
        after["certificate"] = message.certificate
    if message.registered_on is not msgspec.UNSET:
        after["registered_on"] = registration_day(message.registered_on, ward, said.arrived).isoformat()
    for field in ("certificate_until", "received_on", "takes_effect_on"):
        day = getattr(message, field)
        if day is not msgspec.UNSET:
            after[field] = None if day is None else day.isoformat()
    if message.came_by is not msgspec.UNSET:
        way = message.came_by
        after["came_by"] = None if way is None else CAME_BY[one_of("data.came_by", way, CAME_BY)]
    return after


def birth_day(field: str, given: object, registered_on: date) -> date:
    """A date of birth that somebody may have who registered on a day, as on the form. Raises Unusable."""
    birth = day_read(field, given)
    if age_of(birth, registered_on) is None:
        raise Unusable(field, "no date of birth of somebody who registered then", A_DAY)
    return birth


def registration_day(day: date, ward: Ward, arrived: datetime) -> date:
    """A day on which somebody may have registered. Raises Unusable."""
    if not ward.ward.registration_opens <= day <= ward.local(arrived).date():
        raise Unusable("data.registered_on", "unusable", f"a day from {ward.ward.registration_opens} to today")
    return day


def day_read(field: str, given: object) -> date:
    """A day as people type it. Raises Unusable."""
    try:
        day = parse_date(given) if isinstance(given, str) else None
    except ValueError:
        day = None
    if day is None:
        raise Unusable(field, "not a date that exists", A_DAY)
    return day


def _one(entries: tuple[Keyed, ...], field: str, given: str | None) -> str | None:
    if given is None:
        return None
    found = words_of(entries).get(folded(given).casefold())
    if found is None:
        raise Unusable(field, "not known to the ward", ", ".join(entry.key for entry in entries))
    return found


def _withdraw(said: Said, message: RegistrationWithdraw, book: IntakeBook) -> None:
    reason = one_of("data.reason", message.reason, REASONS)
    person = named(said, "person", message.person, message.person_id, book)
    if person.withdrawn_on is None:
        book.write(e.RegistrationWithdrawn(person=person.id, withdrawn_on=said.at.date(), reason=reason), said.at)


def _reinstate(said: Said, message: RegistrationReinstate, book: IntakeBook) -> None:
    person = named(said, "person", message.person, message.person_id, book)
    if person.withdrawn_on is not None:
        book.write(e.RegistrationReinstated(person=person.id, reinstated_on=said.at.date()), said.at)


def _confirm(said: Said, message: RegistrationConfirm, book: IntakeBook) -> None:
    channel = None if message.channel is None else one_of("data.channel", message.channel, ASKED_BY)
    person, day = named(said, "person", message.person, message.person_id, book), said.at.date()
    if person.confirmed_on is None or person.confirmed_on < day:
        book.write(e.RegistrationConfirmed(person=person.id, confirmed_on=day, channel=channel), said.at)
