"""Calls, as they are reported: one person's matter each, dated by its first contact (domain Rules 1 and 2).

A call is never refused. Which contact was the first follows from the contacts' own times, so that
the order of arrival does not matter.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from events import intake as e
from events.intake import Flag
from events.messages import CallCorrect, CallLink, CallUnlink, CaseClose, CaseMerge, CaseSplit, FlagResolve
from services.book import Name, Said, Unusable, told
from services.cases import NOBODY
from services.era import folded
from services.intake import additions, beside, consultations, corrections, flags, linking, mending
from services.intake.beside import MOST_MATTERS
from services.intake.card import CARD_FIELDS, card_of
from services.intake.consultations import next_number
from services.intake.contacts import (
    CHANNELS,
    NOT_COUNTED,
    is_on_register,
    least_age,
    reference,
    registrant,
    says_district,
)
from services.intake.domain import Case, IntakeBook, Person
from services.intake.eligibility import eligibility
from services.intake.fields import WITHIN_CONTRACT, Fields, words
from services.ward import Ward

MOST_RECEIPT_FLAGS = 200
CALL_FIELDS = beside.FIELDS | {"matters", "channel", "not_counted", "third_party", "personal"}
SAID_IN_BOTH = frozenset({"words"})
"""What is told of a contact and again of a person in it. Where and how the person is, their own part says alone."""

MATTER_FIELDS = CARD_FIELDS | {"case", "number", "person", "district", "reasons", "personal"}


def decide(said: Said, book: IntakeBook) -> None:
    """Let a message about a call or a consultation have its effect.

    Raises:
        Waits: it speaks of a call or a consultation not heard of yet (never a `call.report`).
        Unusable: it cannot be used as it is (never a `call.report`).
    """
    match said.type:
        case "call.report":
            _report(said, book)
        case "call.add":
            additions.add(said, book)
        case "call.correct":
            corrections.correct(said, told(said.data, CallCorrect), book)
        case "call.link":
            linking.link(said, told(said.data, CallLink), book)
        case "call.unlink":
            linking.unlink(said, told(said.data, CallUnlink), book)
        case "flag.resolve":
            flags.resolve(said, told(said.data, FlagResolve), book)
        case "case.close":
            consultations.close(said, told(said.data, CaseClose), book)
        case "case.merge":
            mending.merged(said, consultations.merge(said, told(said.data, CaseMerge), book), book)
        case "case.split":
            consultations.split(said, told(said.data, CaseSplit), book)
        case _:
            raise Unusable("type", "unknown")


def _report(said: Said, book: IntakeBook) -> None:
    ward = book.ward_at(said.at)
    call = Fields(said.data, "data", CALL_FIELDS, list(said.flags), {})
    not_counted = call.choice("not_counted", NOT_COUNTED)
    matters = _matters(call, not_counted)
    joined = beside.joined(said, call, len(matters), book)
    if joined is not None:
        said, ward = msgspec.structs.replace(said, at=joined.at), book.ward_at(joined.at)
    contact = joined.contact if joined else book.new_id()
    book.name(f"call/{said.provider}/{said.source}#{said.id}", contact, said.at, fresh=True)
    _flag_circumstances(said, call, ward)
    before = joined.before if joined else 0
    common = _Common(said, call, contact, not_counted, before, max(1, before + len(matters)))
    book.flags += call.flags
    if matters:
        for ordinal, matter in enumerate(matters, start=1):
            _matter(common, book, ward, ordinal, matter)
    else:
        _lone(common, book, ward)


class _Common:
    """What all matters of one contact share. `before`: how many of it were told by earlier messages."""

    def __init__(
        self, said: Said, call: Fields, contact: str, not_counted: str | None, before: int, matters: int
    ) -> None:
        self.said, self.call, self.contact, self.not_counted = said, call, contact, not_counted
        self.before, self.matters = before, matters
        self.channel = call.choice("channel", CHANNELS) or ("phone" if call.given("channel") is None else "other")
        self.third_party = call.truth("third_party")


def _matters(call: Fields, not_counted: str | None) -> list[Any]:
    """The matters of a contact; what counts is always about somebody, even if it does not say about whom."""
    given = call.given("matters")
    if isinstance(given, list) and given:
        if len(given) > MOST_MATTERS:
            call.flag("too-many-matters", "matters", f"up to {MOST_MATTERS} in one contact")
            call.raw["data.matters"] = given[MOST_MATTERS:]
        return given[:MOST_MATTERS]
    if not_counted is not None and given in (None, []):
        return []
    call.flag("matter-missing", "matters", "one entry for each person concerned")
    if given not in (None, []):
        call.raw["data.matters"] = given
    return [{}]


def _flag_circumstances(said: Said, call: Fields, ward: Ward) -> None:
    if not ward.on_duty(said.provider, said.at):
        if ward.is_under_contract(said.provider, said.at):
            call.flag_time("outside-hours", "a time within the provider's bands")
        else:
            call.flag_time("outside-contract", WITHIN_CONTRACT)
    if (said.entered or said.arrived) - said.at > timedelta(hours=ward.policy.late_entry_hours):
        call.flag("late-entry")


def _lone(common: _Common, book: IntakeBook, ward: Ward) -> None:
    """A contact about nobody: listed, never counted."""
    said, number = common.said, next_number(book, ward, common.said.at)
    personal = words(said, common.call.personal(), common.call.raw)
    book.name(f"number/{number}", NOBODY, said.at, fresh=True)
    book.name(f"lone/{number}", common.contact, said.at, fresh=True)
    _write_call(
        common,
        book,
        [],
        about=common.contact,
        number=number,
        personal=personal,
        subject=common.contact,
        card=card_of(common.third_party, None, said, ward),
    )


def _matter(common: _Common, book: IntakeBook, ward: Ward, ordinal: int, given: Any) -> None:
    """One person's matter: a new consultation, or a further contact of a known one."""
    said = common.said
    fields = Fields(given, f"data.matters[{ordinal - 1}]", MATTER_FIELDS, [], {})
    ref = reference(fields, "case", book)
    own = f"case/{said.provider}/{ref}" if ref else None
    known = book.targets(own) if own else []
    case = _known_case(said, fields, known, book, ward)
    before = case or _case_before(known, book)
    person, registered = _person(said, fields, before.person if before else None, book, ward)
    district = _district(fields, case, registered, ward)
    case_id = case.id if case else book.new_id()
    number = case.number if case else next_number(book, ward, said.at)
    if case is None:
        book.name(f"number/{number}", case_id, said.at, fresh=True)
    if own:
        book.name(own, case_id, said.at, fresh=not known)
    if registered is not None or fields.given("person") is not None:
        # So that whoever looks them up sees what is open (`services.intake.brief`), also where they register later.
        book.name(f"cases-of/{person}", case_id, said.at, fresh=case is None)
    reasons = fields.choices("reasons", ward.words["reason"]) or ()
    card = card_of(common.third_party, fields, said, ward)
    _flag_duplicates(common, fields, case, registered, book, ward)
    fields.birth_date()
    personal = words(said, _both(common.call.personal(), fields.personal()), {**common.call.raw, **fields.raw})
    _write_call(
        common,
        book,
        fields.flags,
        about=case_id,
        case=case_id,
        person=person,
        number=number,
        case_ref=ref,
        follows=before.id if before and case is None else None,
        district=district,
        registered=registered is not None,
        reasons=reasons,
        card=card,
        matter=common.before + ordinal,
        personal=personal,
        subject=person,
    )
    book.cases.append(case_id)
    room = max(0, MOST_RECEIPT_FLAGS - len(book.flags))
    book.flags += [flag for flag in fields.flags if flag not in book.flags][:room]


def _both(contact: dict[str, Any], matter: dict[str, Any]) -> dict[str, Any]:
    """What was told of a whole contact, and of one person in it: what is said in both is kept, the contact's first."""
    told = {**contact, **matter}
    for name in SAID_IN_BOTH & contact.keys() & matter.keys():
        first, then = contact[name], matter[name]
        if isinstance(first, str) and isinstance(then, str):
            told[name] = "\n".join(dict.fromkeys(text for text in (first, then) if text))
    return told


def _write_call(
    common: _Common,
    book: IntakeBook,
    flags: list[Flag],
    *,
    about: str,
    number: str,
    personal: dict[str, Any] | None,
    subject: str,
    **matter: Any,
) -> None:
    said = common.said
    event = e.CallReceived(
        contact=common.contact,
        number=number,
        provider=said.provider,
        not_counted=common.not_counted,
        channel=common.channel,
        matters=common.matters,
        entered=said.entered,
        flags=(*common.call.flags, *flags),
        **matter,
    )
    book.name(f"contact/{common.contact}/{event.matter}", about, said.arrived, fresh=True)
    book.numbers.append(number)
    book.write(event, said.at, personal, subject)


def _known_case(said: Said, fields: Fields, known: list[Name], book: IntakeBook, ward: Ward) -> Case | None:
    """The consultation that a contact belongs to, or None if it opens one; `known`: those under its reference."""
    number = fields.text("number")
    if number:
        names = book.targets(f"number/{book.reference(folded(number).upper())}")
        found = [name.target for name in names if name.target != NOBODY]
        if found:
            return _case_at(book, found, said.at, ward)
        fields.flag("unknown-number", "number", "a reference number of ours (受付番号), such as R7-0123")
    return _case_at(book, [name.target for name in known], said.at, ward) if known else None


def _case_before(known: list[Name], book: IntakeBook) -> Case | None:
    """The last consultation under a reference, after whose closing a new one is opened."""
    states = [book.state(name.target) for name in known]
    cases = sorted((case for case in states if isinstance(case, Case)), key=lambda case: case.began_at)
    return cases[-1] if cases else None


def _case_at(book: IntakeBook, ids: list[str], at: datetime, ward: Ward) -> Case | None:
    """Of the consultations under one reference, the one that was current at a moment; None: a new one begins."""
    cases = [case for case in map(book.state, ids) if isinstance(case, Case)]
    if not cases:
        return None
    cases.sort(key=lambda case: case.began_at)
    n = next((n for n in range(len(cases) - 1, 0, -1) if cases[n].began_at <= at), 0)
    current = cases[n]
    if current.closed_at is None or at <= current.closed_at or ward.policy.after_closing == "same":
        return current
    return cases[n + 1] if n + 1 < len(cases) else None  # The next one, which began earlier than was known.


def _person(said: Said, fields: Fields, before: str | None, book: IntakeBook, ward: Ward) -> tuple[str, Person | None]:
    """The person concerned, always one, and the registration if there is one in force."""
    ref = reference(fields, "person", book)
    key = f"person/{said.provider}/{ref}"
    known = book.targets(key) if ref else []
    person = known[-1].target if known else before or book.new_id()
    if ref and not known:
        book.name(key, person, said.at)
    state = registrant(person, book)
    if state is None:
        if before is None:
            fields.flag("not-registered" if ref is None else "unknown-person", "person")
        return person, None
    if not is_on_register(state, said.at):
        fields.flag("registration-withdrawn", "person")
        return state.id, None
    form, day = state.registered, said.at.date()
    found = eligibility(least_age(state, day), form.certificate, form.certificate_until, day, ward)
    if found.reason == "certificate-lapsed":
        fields.flag("certificate-lapsed", "person", "a certificate that holds on the day of the call")
    elif found.eligible is False:
        fields.flag("eligibility-age", "person", f"under {ward.eligibility.under}, or a recipient certificate")
    return state.id, state


def _flag_duplicates(
    common: _Common, fields: Fields, case: Case | None, registered: Person | None, book: IntakeBook, ward: Ward
) -> None:
    """The same consultation, or the same registrant, within so few minutes: perhaps one call, written down twice."""
    said, near = common.said, timedelta(minutes=ward.policy.duplicate_minutes)
    if not near:
        return
    others = [(contact.id, contact.at) for contact in case.contacts] if case else []
    if registered is not None:
        rang = f"rang/{registered.id}"
        others += [(name.target, name.since) for name in book.targets(rang)]
        book.name(rang, common.contact, said.at)
    if any(contact != common.contact and abs(at - said.at) < near for contact, at in others):
        fields.flag("possible-duplicate", "case" if case else "person", f"{near // timedelta(minutes=1)} minutes apart")


def _district(fields: Fields, case: Case | None, registered: Person | None, ward: Ward) -> str | None:
    """The district as told; a registrant's own where none was told, but for one who was linked, and may be unlinked."""
    if says_district(fields):
        return fields.choice("district", ward.words["district"])
    if case is not None and case.before is not None:
        return None
    if registered is not None and registered.registered.district is not None:
        return registered.registered.district
    if case is None:
        fields.flag("district-unknown", "district", ", ".join(district.key for district in ward.district))
    return None
