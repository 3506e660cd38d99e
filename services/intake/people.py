"""Registrations (利用登録): gross counts persons by the day of registration (domain Rule 8)."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from events import intake as e
from events.intake import Change
from events.messages import (
    PersonMerge,
    PersonSplit,
    RegistrationCorrect,
    RegistrationReinstate,
    RegistrationWithdraw,
)
from services.book import Said, Unusable, Waits, one_of, told
from services.era import age_on, folded, legal_age_on, parse_date, school_age_on
from services.intake.domain import IntakeBook, Person
from services.intake.fields import Fields, words
from services.intake.identifiers import by_field
from services.ward import Keyed, Ward, words_of

REASONS = ("withdrawn", "moved-away", "died")
FORM_FIELDS = frozenset({"person", "district", "handbooks", "certificate", "age", "personal"})
MOST_YEARS = 125


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
        case "person.merge":
            _merge(said, told(said.data, PersonMerge), book)
        case "person.split":
            _split(said, told(said.data, PersonSplit), book)
        case _:
            raise Unusable("type", "unknown")


def _submit(said: Said, book: IntakeBook) -> None:
    ward, day = book.ward_at(said.at), said.at.date()
    book.flags += said.flags
    form = Fields(said.data, "data", FORM_FIELDS, book.flags, {})
    ref = form.text("person")
    ref = book.reference(ref) if ref else None
    person = _person_to_be(said, ref, form, book)
    ages = _ages(form, day, school_year=_by_school_year(day, ward, book))
    certificate = form.truth("certificate")
    event = e.PersonRegistered(
        person=person,
        provider=said.provider,
        ref=ref,
        registered_on=day,
        district=form.choice("district", ward.words["district"]),
        handbooks=form.choices("handbooks", ward.words["handbook"]),
        certificate=certificate,
        **ages,
        entered=said.entered,
    )
    if form.given("district") is None:
        form.flag("missing", "district", ", ".join(district.key for district in ward.district))
    if is_eligible(event.legal_age, certificate, ward) is False:
        form.flag("eligibility-age", "certificate", f"under {ward.eligibility.under}, or a recipient certificate")
    event = msgspec.structs.replace(event, flags=tuple(book.flags))
    book.index(person, by_field(form.personal()))
    book.persons.append(person)
    book.write(event, said.at, words(said, form.personal(), form.raw), person)


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
        if birth is not None and birth <= day and age_on(birth, day) <= MOST_YEARS:
            return _ages_of(birth, day, school_year=school_year)
        form.flag("birth-date-unusable", "personal.birth_date", "1985-04-30 or 昭和60年4月30日, a day that exists")
    age = form.whole("age", MOST_YEARS)
    if age is None and given is None and form.given("age") is None:
        form.flag("missing", "personal.birth_date", "1985-04-30 or 昭和60年4月30日")
    return {"age": age, "legal_age": age}


def _ages_of(birth: date, day: date, *, school_year: bool) -> dict[str, Any]:
    ages = {"age": age_on(birth, day), "legal_age": legal_age_on(birth, day)}
    return ages | {"school_age": school_age_on(birth, day)} if school_year else ages


def _known(said: Said, ref: str, book: IntakeBook) -> Person:
    key = f"registered/{said.provider}/{book.reference(ref)}"
    person = book.state(book.target(key))
    if not isinstance(person, Person):
        raise Waits(key)
    return person


def _correct(said: Said, message: RegistrationCorrect, book: IntakeBook) -> None:
    person, ward = _known(said, message.person, book), book.ward_at(said.at)
    before = person.registered
    after: dict[str, Any] = {}
    if message.district is not msgspec.UNSET:
        after["district"] = _one(ward.district, "data.district", message.district)
    if message.handbooks is not msgspec.UNSET:
        books = message.handbooks
        after["handbooks"] = None if books is None else [_one(ward.handbook, "data.handbooks", book) for book in books]
    if message.certificate is not msgspec.UNSET:
        after["certificate"] = message.certificate
    if message.registered_on is not msgspec.UNSET:
        if not ward.ward.registration_opens <= message.registered_on <= ward.local(said.arrived).date():
            raise Unusable("data.registered_on", "unusable", f"a day from {ward.ward.registration_opens} to today")
        after["registered_on"] = message.registered_on.isoformat()
    personal = message.personal if isinstance(message.personal, dict) else {}
    if "birth_date" in personal:
        day = date.fromisoformat(after["registered_on"]) if "registered_on" in after else before.registered_on
        school_year = _by_school_year(day, ward, book)
        after |= _ages_of(_birth_date(personal["birth_date"]), day, school_year=school_year)
    stands = msgspec.to_builtins(before)
    changes = tuple(
        Change(field=field, before=stands.get(field), after=value)
        for field, value in after.items()
        if stands.get(field) != value
    )
    if changes or personal:
        book.index(person.id, by_field(personal))
        book.write(e.RegistrationCorrected(person=person.id, changes=changes), said.at, personal, person.id)


def _birth_date(given: object) -> date:
    try:
        birth = parse_date(given) if isinstance(given, str) else None
    except ValueError:
        birth = None
    if birth is None:
        raise Unusable("data.personal.birth_date", "not a date that exists", "1985-04-30 or 昭和60年4月30日")
    return birth


def _one(entries: tuple[Keyed, ...], field: str, given: str | None) -> str | None:
    if given is None:
        return None
    found = words_of(entries).get(folded(given).casefold())
    if found is None:
        raise Unusable(field, "not known to the ward", ", ".join(entry.key for entry in entries))
    return found


def _withdraw(said: Said, message: RegistrationWithdraw, book: IntakeBook) -> None:
    reason = one_of("data.reason", message.reason, REASONS)
    person = _known(said, message.person, book)
    if person.withdrawn_on is None:
        book.write(e.RegistrationWithdrawn(person=person.id, withdrawn_on=said.at.date(), reason=reason), said.at)


def _reinstate(said: Said, message: RegistrationReinstate, book: IntakeBook) -> None:
    person = _known(said, message.person, book)
    if person.withdrawn_on is not None:
        book.write(e.RegistrationReinstated(person=person.id, reinstated_on=said.at.date()), said.at)


def _merge(said: Said, message: PersonMerge, book: IntakeBook) -> None:
    person, into = _known(said, message.person, book), _known(said, message.into, book)
    while into.merged_into:
        following = book.state(into.merged_into)
        assert isinstance(following, Person), "a person is merged into a person"
        into = following
    if person.id == into.id:
        raise Unusable("data.into", "the same person", "another person")
    if person.merged_into is None:
        book.write(e.PersonMerged(person=person.id, into=into.id), said.at)
    elif person.merged_into != into.id:
        raise Unusable("data.person", "merged into another person already", "person.split first")


def _split(said: Said, message: PersonSplit, book: IntakeBook) -> None:
    person = _known(said, message.person, book)
    if person.merged_into is not None:
        book.write(e.PersonSplit(person=person.id, from_person=person.merged_into), said.at)


def is_eligible(legal_age: int | None, certificate: bool | None, ward: Ward) -> bool | None:
    """Whether a person is 対象: under 65 by law, or holding a certificate; None if the age is not known."""
    if certificate:
        return True
    return None if legal_age is None else legal_age < ward.eligibility.under
