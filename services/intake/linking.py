"""A call is found to be about a registrant: `call.link` takes two matching identifiers, or a stated reason."""

from __future__ import annotations

from typing import Any

from events import intake as e
from events.messages import CallLink, CallUnlink
from services.book import Said, Unusable, Waits
from services.cases import ABOUT_NOBODY, SAY_WHOM
from services.intake.consultations import mention
from services.intake.contacts import Place, is_on_register, named_contact, registrant
from services.intake.domain import Case, IntakeBook, Person
from services.intake.mending import DISTRICT, REGISTERED, mend_case, reopen

IDENTIFIERS = ("name", "kana", "birth-date", "phone", "address", "certificate-number", "voice-known")
ENOUGH = 2
"""How many identifiers have to agree where no reason is stated."""


def link(said: Said, message: CallLink, book: IntakeBook) -> None:
    """Let a consultation be about a registrant from now on, and from its beginning.

    Raises:
        Waits: the call or the registration did not come yet.
        Unusable: too little agrees and no reason is stated, or it is linked to somebody else.
    """
    place = named_contact(said, message, book)
    case, person = _case(place, message), _registrant(said, message, book)
    matched, reason = _matched(message), _reason(message.personal)
    if len(matched) < ENOUGH and reason is None:
        raise Unusable(
            "data.matched",
            f"{len(matched)} matching, and no reason stated",
            f"{ENOUGH} or more of {', '.join(IDENTIFIERS)}; or the reason, in personal.reason",
        )
    mention(book, case)
    stands = _stands(case, book)
    if stands is not None and stands.id == person.id:
        return  # It is about this registrant already.
    if stands is not None and case.before:
        raise Unusable("data.person", "the call is about another registrant already", "call.unlink first")
    if stands is not None:
        raise Unusable(
            "data.person",
            "the call is about another registrant already",
            "call.correct with `to`: another consultation",
        )
    event = e.CallLinked(
        case=case.id,
        contact=place.contact.id,
        person=person.id,
        before=case.person or case.id,
        matched=matched,
        stated_reason=reason is not None,
        registered=is_on_register(person, place.contact.at),
        district=person.registered.district,
    )
    book.name(_name(place), person.id, said.at)
    book.name(f"cases-of/{person.id}", case.id, said.at)
    book.write(event, said.at, message.personal if isinstance(message.personal, dict) else None, person.id)
    told = {REGISTERED: event.registered, DISTRICT: event.district is not None}
    mend_case(said, book, case, frozenset(fact for fact, holds in told.items() if holds), event.name)


def unlink(said: Said, message: CallUnlink, book: IntakeBook) -> None:
    """Undo a link: what stood before it stands again.

    Raises:
        Waits: the call, or its link, did not come yet.
        Unusable: it does not say which call.
    """
    place = named_contact(said, message, book)
    case = _case(place, message)
    mention(book, case)
    if case.before is None:
        book.target(_name(place))  # Waits, where it was never linked; undone already, where it was.
        return
    assert case.person is not None, "a linked consultation is about somebody"
    event = e.CallUnlinked(
        case=case.id,
        contact=place.contact.id,
        person=case.person,
        before=case.before,
        stated_reason=_reason(message.personal) is not None,
    )
    book.write(event, said.at, message.personal if isinstance(message.personal, dict) else None, case.before)
    reopen(said, book, case, event.name)


def _stands(case: Case, book: IntakeBook) -> Person | None:
    """The registrant whom a consultation is about already."""
    return registrant(case.person, book)


def _case(place: Place, message: CallLink | CallUnlink) -> Case:
    if place.case is None:
        by_call = "a call.report with a matter about the registrant, with `beside`: this call"
        field, accepted = ("call", by_call) if message.call else ("number", SAY_WHOM)
        raise Unusable(f"data.{field}", ABOUT_NOBODY, accepted)
    return place.case


def _name(place: Place) -> str:
    return f"linked/{place.case_id}"


def _registrant(said: Said, message: CallLink, book: IntakeBook) -> Person:
    if message.person:
        key = f"registered/{said.provider}/{book.reference(message.person)}"
        found = registrant(book.target(key), book)
        if found is None:
            raise Waits(key)
        return found
    if not message.person_id:
        raise Unusable("data.person", "missing", "`person` (your own reference) or `person_id` (our id)")
    found = registrant(message.person_id, book)
    if found is None:
        raise Unusable("data.person_id", "nobody is registered under this id", "the id of a registrant")
    return found


def _matched(message: CallLink) -> tuple[str, ...]:
    for given in message.matched:
        if given not in IDENTIFIERS:
            raise Unusable("data.matched", "not one of the known identifiers", ", ".join(IDENTIFIERS))
    return tuple(word for word in IDENTIFIERS if word in message.matched)


def _reason(personal: dict[str, Any] | str | None) -> str | None:
    given = personal.get("reason") if isinstance(personal, dict) else None
    return given if isinstance(given, str) and given.strip() else None
