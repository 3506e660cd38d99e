"""Calls and consultations: one person's matter each, dated by its first contact (domain Rules 1 and 2).

A call is never refused. Which contact was the first follows from the contacts' own times, so that
the order of arrival does not matter.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from events import intake as e
from events.intake import Change, Flag
from events.messages import CallCorrect, CaseClose, CaseMerge, CaseSplit
from services.book import Said, Unusable, Waits, one_of, told
from services.cases import reason_of
from services.era import fiscal_year_letter, folded
from services.intake.domain import Case, Contact, IntakeBook, Person
from services.intake.fields import Fields, words
from services.ward import Ward

NOT_COUNTED = {
    word: kind
    for kind, spoken in (
        ("silent", "無言"),
        ("wrong-number", "間違い"),
        ("enquiry", "問合せ"),
        ("exercise", "訓練"),
    )
    for word in (kind, spoken)
}
CHANNELS = {
    word: kind
    for kind, spoken in (
        ("phone", "電話"),
        ("fax", "ファクス"),
        ("mail", "メール"),
        ("relay", "電話リレー"),
        ("visit", "来所"),
    )
    for word in (kind, spoken)
}
MOST_RECEIPT_FLAGS = 200
MOST_MATTERS = 50
"""Persons in one contact; what goes beyond is kept, sealed, and flagged."""

CALL_FIELDS = frozenset({"matters", "channel", "not_counted", "personal"})
MATTER_FIELDS = frozenset({"case", "number", "person", "district", "reasons", "personal"})


def decide(said: Said, book: IntakeBook) -> None:
    """Let a message about a call or a consultation have its effect.

    Raises:
        Waits: it speaks of a call or a consultation not heard of yet (never a `call.report`).
        Unusable: it cannot be used as it is (never a `call.report`).
    """
    match said.type:
        case "call.report":
            _report(said, book)
        case "call.correct":
            _correct(said, told(said.data, CallCorrect), book)
        case "case.close":
            _close(said, told(said.data, CaseClose), book)
        case "case.merge":
            _merge(said, told(said.data, CaseMerge), book)
        case "case.split":
            _split(said, told(said.data, CaseSplit), book)
        case _:
            raise Unusable("type", "unknown")


def _report(said: Said, book: IntakeBook) -> None:
    ward = book.ward_at(said.at)
    call = Fields(said.data, "data", CALL_FIELDS, list(said.flags), {})
    not_counted = call.choice("not_counted", NOT_COUNTED)
    contact = book.new_id()
    book.name(f"call/{said.provider}/{said.source}#{said.id}", contact, said.at, fresh=True)
    _flag_circumstances(said, call, ward)
    matters = _matters(call, not_counted)
    common = _Common(said, call, contact, not_counted, max(1, len(matters)))
    book.flags += call.flags
    if matters:
        for number, matter in enumerate(matters, start=1):
            _matter(common, book, ward, number, matter)
    else:
        _lone(common, book, ward)


class _Common:
    """What all matters of one contact share."""

    def __init__(self, said: Said, call: Fields, contact: str, not_counted: str | None, matters: int) -> None:
        self.said, self.call, self.contact, self.not_counted, self.matters = said, call, contact, not_counted, matters
        self.channel = call.choice("channel", CHANNELS) or ("phone" if call.given("channel") is None else "other")


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
        call.flag("outside-hours", None, "a call within the provider's contract and bands")
    if (said.entered or said.arrived) - said.at > timedelta(hours=ward.policy.late_entry_hours):
        call.flag("late-entry")


def _lone(common: _Common, book: IntakeBook, ward: Ward) -> None:
    """A contact about nobody: listed, never counted."""
    said, number = common.said, _number(book, ward, common.said.at)
    personal = words(said, common.call.personal(), common.call.raw)
    _write_call(common, book, [], about=common.contact, number=number, personal=personal, subject=common.contact)


def _matter(common: _Common, book: IntakeBook, ward: Ward, ordinal: int, given: Any) -> None:
    """One person's matter: a new consultation, or a further contact of a known one."""
    said = common.said
    fields = Fields(given, f"data.matters[{ordinal - 1}]", MATTER_FIELDS, [], {})
    ref = _reference(fields, "case", book)
    case = _known_case(said, fields, ref, book, ward)
    before = case or _case_before(said, ref, book)
    person, registered = _person(said, fields, before.person if before else None, book)
    district = _district(fields, case, registered, ward)
    case_id = case.id if case else book.new_id()
    number = case.number if case else _number(book, ward, said.at)
    if case is None:
        book.name(f"number/{number}", case_id, said.at, fresh=True)
    if ref:
        book.name(f"case/{said.provider}/{ref}", case_id, said.at)
    if registered is not None:  # So that whoever looks a registrant up sees what is open (`services.intake.brief`).
        book.name(f"cases-of/{registered.id}", case_id, said.at)
    reasons = fields.choices("reasons", ward.words["reason"]) or ()
    personal = words(said, {**common.call.personal(), **fields.personal()}, {**common.call.raw, **fields.raw})
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
        matter=ordinal,
        personal=personal,
        subject=person,
    )
    book.cases.append(case_id)
    room = max(0, MOST_RECEIPT_FLAGS - len(book.flags))
    book.flags += [flag for flag in fields.flags if flag not in book.flags][:room]


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


def _reference(fields: Fields, name: str, book: IntakeBook) -> str | None:
    given = fields.text(name)
    return book.reference(given) if given else None


def _known_case(said: Said, fields: Fields, ref: str | None, book: IntakeBook, ward: Ward) -> Case | None:
    """The consultation that a contact belongs to, or None if it opens one."""
    number = fields.text("number")
    if number:
        found = book.targets(f"number/{book.reference(folded(number).upper())}")
        if found:
            return _case_at(book, [name.target for name in found], said.at, ward)
        fields.flag("unknown-number", "number", "a reference number of ours (受付番号), such as R7-0123")
    if ref:
        return _case_at(book, [name.target for name in book.targets(f"case/{said.provider}/{ref}")], said.at, ward)
    return None


def _case_before(said: Said, ref: str | None, book: IntakeBook) -> Case | None:
    """The last consultation under a reference, after whose closing a new one is opened."""
    states = [book.state(name.target) for name in book.targets(f"case/{said.provider}/{ref}")] if ref else []
    cases = sorted((case for case in states if isinstance(case, Case)), key=lambda case: case.began_at)
    return cases[-1] if cases else None


def _case_at(book: IntakeBook, ids: list[str], at: datetime, ward: Ward) -> Case | None:
    """Of the consultations under one reference, the one that was current at a moment; None: a new one begins."""
    cases = sorted((case for case in map(book.state, ids) if isinstance(case, Case)), key=lambda case: case.began_at)
    if not cases:
        return None
    n = next((n for n in reversed(range(len(cases))) if cases[n].began_at <= at), 0)
    current = cases[n]
    if current.closed_at is None or at <= current.closed_at or ward.policy.after_closing == "same":
        return current
    return cases[n + 1] if n + 1 < len(cases) else None  # The next one, which began earlier than was known.


def _person(said: Said, fields: Fields, before: str | None, book: IntakeBook) -> tuple[str, Person | None]:
    """The person concerned, always one, and the registration if there is one in force."""
    ref = _reference(fields, "person", book)
    key = f"person/{said.provider}/{ref}"
    known = book.targets(key) if ref else []
    person = known[-1].target if known else before or book.new_id()
    if ref and not known:
        book.name(key, person, said.at)
    state = book.state(person)
    while isinstance(state, Person) and state.merged_into:
        state = book.state(state.merged_into)
    if not isinstance(state, Person):
        if before is None:
            fields.flag("not-registered" if ref is None else "unknown-person", "person")
        return person, None
    if state.withdrawn_on is not None and state.withdrawn_on <= said.at.date():
        fields.flag("registration-withdrawn", "person")
        return state.id, None
    return state.id, state


def _district(fields: Fields, case: Case | None, registered: Person | None, ward: Ward) -> str | None:
    """The district as told; a registrant's own where none was told."""
    told_district = fields.given("district")
    if isinstance(told_district, str) and folded(told_district) in ("", "不明", "unknown"):
        told_district = None
    elif told_district is not None:
        return fields.choice("district", ward.words["district"])
    if registered is not None and registered.registered.district is not None:
        return registered.registered.district
    if case is None:
        fields.flag("district-unknown", "district", ", ".join(district.key for district in ward.district))
    return None


def _number(book: IntakeBook, ward: Ward, at: datetime) -> str:
    """The next reference number (受付番号) of the call's fiscal year: R7-0123."""
    year = ward.fiscal_year(at)
    return f"{fiscal_year_letter(year)}-{book.next_number(f'number/{year}'):04}"


def _correct(said: Said, message: CallCorrect, book: IntakeBook) -> None:
    source = book.reference(message.source) if message.source else said.source
    contact_id = book.target(f"call/{said.provider}/{source}#{book.reference(message.call)}")
    places = book.targets(f"contact/{contact_id}/{message.matter}")
    if not places:
        raise Unusable("data.matter", "this contact has no such matter", "1, or which of its matters")
    about = places[-1].target
    state = book.state(about)
    contact = state if isinstance(state, Contact) else _contact_of(state, contact_id)
    changes = tuple(_changes(said, message, contact, book.ward_at(said.at)))
    if not changes:
        return  # It says what stands there already.
    case = state.id if isinstance(state, Case) else None
    subject = state.person if isinstance(state, Case) and state.person else about
    event = e.CallCorrected(contact=contact_id, case=case, changes=changes)
    book.write(event, said.at, _personal(message.personal), subject)
    if isinstance(state, Case):
        _mention(book, state)


def _contact_of(state: object, contact: str) -> Contact:
    assert isinstance(state, Case), "a contact is its own or a case's"
    found = next((c for c in state.contacts if c.id == contact), None)
    if found is None:
        raise Unusable("data.call", "this contact was moved to another consultation", "the id of a call.report")
    return found


def _changes(said: Said, message: CallCorrect, contact: Contact, ward: Ward) -> list[Change]:
    changes = []
    if message.district is not msgspec.UNSET:
        after = _told_district("data.district", message.district, ward)
        changes.append(Change(field="district", before=contact.district, after=after))
    if message.not_counted is not msgspec.UNSET:
        kind = message.not_counted
        after = kind if kind is None else NOT_COUNTED[one_of("data.not_counted", kind, NOT_COUNTED)]
        changes.append(Change(field="not_counted", before=contact.not_counted, after=after))
    if message.occurred_at is not msgspec.UNSET:
        at = _moment(message.occurred_at, said, ward)
        changes.append(Change(field="time", before=contact.at.isoformat(), after=at.isoformat()))
    return [change for change in changes if change.before != change.after]


def _told_district(field: str, given: str | None, ward: Ward) -> str | None:
    if given is None or folded(given) in ("", "不明", "unknown"):
        return None
    found = ward.district_of(given)
    if found is None:
        raise Unusable(field, "not one of the ward's districts", ", ".join(d.key for d in ward.district))
    return found


def _moment(given: datetime, said: Said, ward: Ward) -> datetime:
    if given.tzinfo is None or not ward.start_of(ward.ward.registration_opens) <= given <= said.arrived:
        raise Unusable("data.occurred_at", "unusable", "a past time with its offset, such as 2025-04-01T02:10:00+09:00")
    return ward.local(given)


def _personal(given: dict[str, Any] | str | None) -> dict[str, Any] | None:
    return given if isinstance(given, dict) else None


def _close(said: Said, message: CaseClose, book: IntakeBook) -> None:
    ward = book.ward_at(said.at)
    case = named_case(said, message.case, message.number, book, ward)
    if case.closed_at is not None and case.closed_at <= said.at:
        _mention(book, case)
        return  # Closed already.
    later = [contact for contact in case.contacts if contact.at > said.at and ward.policy.after_closing == "new"]
    reason, sealed = reason_of(message.reason, ())
    moved = tuple(contact.id for contact in later)
    event = e.CaseClosed(case=case.id, reason=reason or "settled", moved=moved)
    book.write(event, said.at, sealed, case.person or case.id)
    if later:
        _move(said, message, case, later, book, ward)
    _mention(book, case)


def _move(said: Said, message: CaseClose, case: Case, later: list[Contact], book: IntakeBook, ward: Ward) -> None:
    """Contacts after the closing, heard before it: they were a new consultation all along (Rule 1)."""
    to_case, number = book.new_id(), _number(book, ward, min(contact.at for contact in later))
    ref = book.reference(message.case) if message.case else None
    since = min(contact.at for contact in later)
    book.name(f"number/{number}", to_case, since)
    if ref:
        book.name(f"case/{said.provider}/{ref}", to_case, since)
    for contact in later:
        # Where it stands now comes after where it stood, also when both are told at once.
        stood = book.targets(f"contact/{contact.id}/{contact.matter}")[-1].since
        since_now = max(said.arrived, stood + timedelta.resolution)
        book.name(f"contact/{contact.id}/{contact.matter}", to_case, since_now)
        event = e.ContactMoved(
            contact=contact.id,
            case=case.id,
            to_case=to_case,
            to_number=number,
            provider=said.provider,
            case_ref=ref,
            person=case.person,
            contact_at=contact.at,
            matter=contact.matter,
            district=contact.district,
            not_counted=contact.not_counted,
            because="after-closing",
        )
        book.write(event, said.at)


def _merge(said: Said, message: CaseMerge, book: IntakeBook) -> None:
    ward = book.ward_at(said.at)
    case = named_case(said, message.case, message.number, book, ward)
    into = named_case(said, message.into, message.into_number, book, ward, field="into")
    while into.merged_into:
        following = book.state(into.merged_into)
        assert isinstance(following, Case)
        into = following
    if case.id == into.id:
        raise Unusable("data.into", "the same consultation", "another consultation")
    if case.merged_into is None:
        book.write(e.CaseMerged(case=case.id, into=into.id), said.at)
    elif case.merged_into != into.id:
        raise Unusable("data.case", "merged into another consultation already", "case.split first")
    _mention(book, into)


def _split(said: Said, message: CaseSplit, book: IntakeBook) -> None:
    case = named_case(said, message.case, message.number, book, book.ward_at(said.at))
    if case.merged_into is not None:
        book.write(e.CaseSplit(case=case.id, from_case=case.merged_into), said.at)
    _mention(book, case)


def named_case(
    said: Said, case: str | None, number: str | None, book: IntakeBook, ward: Ward, field: str = "case"
) -> Case:
    """The consultation that a message names, by the sender's own reference or by our number.

    Raises:
        Waits: nothing has this name yet.
        Unusable: neither is given.
    """
    if case:
        key = f"case/{said.provider}/{book.reference(case)}"
    elif number:
        key = f"number/{book.reference(folded(number).upper())}"
    else:
        raise Unusable(f"data.{field}", "missing", f"`{field}` (your own reference) or `{field}_number` (受付番号)")
    names = book.targets(key)
    cases = [state for state in (book.state(name.target) for name in names) if isinstance(state, Case)]
    if not cases:
        raise Waits(key)
    cases.sort(key=lambda found: found.began_at)
    return next((found for found in reversed(cases) if found.began_at <= said.at), cases[0])


def _mention(book: IntakeBook, case: Case) -> None:
    book.cases.append(case.id)
    book.numbers.append(case.number)
