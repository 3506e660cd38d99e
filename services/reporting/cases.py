"""How the facts about consultations change with each event. Pure.

Every function reads, changes and assigns back, because the mappings may live in a database.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from events import Occurred, Recorded
from events.handover import (
    HandedOver,
    HandoverDeclined,
    HandoverExpired,
    HandoverOffered,
    HandoverReturned,
    HandoverWithdrawn,
)
from events.intake import (
    CallAdded,
    CallCorrected,
    CallLinked,
    CallReceived,
    CallUnlinked,
    CaseClosed,
    CaseMerged,
    CaseSplit,
    Change,
    ContactMoved,
)
from events.placement import PlacementArranged, PlacementCancelled, PlacementEvent
from services.reporting.facts import (
    CaseFacts,
    ContactFacts,
    Facts,
    HandoverFacts,
    Member,
    PlacementFacts,
    line_of,
)


def received(facts: Facts, record: Recorded | Occurred, event: CallReceived) -> tuple[Member, ...]:
    """A contact, under its case; one about nobody's matter stands under its own id."""
    about = event.case or event.contact
    case = _case(facts, about)
    case.number = case.number or event.number
    case.person = event.person or case.person
    if event.registered:
        case.registered = case.registered or None  # A link that was undone says nothing of one who is named now.
    _name(case, event.provider, event.case_ref)
    if event.contact not in case.contacts:  # Two matters of one contact under one case are one contact.
        told = ContactFacts(record.time, record.position, event.district, event.not_counted, event.registered)
        case.contacts[event.contact] = told
    if not event.follows:
        return _keep(facts, about, case)
    facts.cases[about] = case
    return _follow(facts, event.follows, about) + _keep(facts, about, facts.cases[about])


def corrected(facts: Facts, event: CallCorrected) -> tuple[Member, ...]:
    """What the contact says now is what it always should have said."""
    case = _case(facts, event.about)
    if contact := case.contacts.get(event.contact):
        for change in event.changes:
            _correct(contact, change)
    return _keep(facts, event.about, case)


def added(facts: Facts, event: CallAdded) -> tuple[Member, ...]:
    """A card was filled in further; whom it is about may be known from then on."""
    case = _case(facts, event.about)
    if contact := case.contacts.get(event.contact):
        for change in event.changes:
            _correct(contact, change)
    if event.registered is not None:
        case.person, case.registered = event.person, event.registered
    return _keep(facts, event.about, case)


def linked(facts: Facts, event: CallLinked) -> tuple[Member, ...]:
    """The consultation is about a registrant, and was all along."""
    case = _case(facts, event.case)
    case.person, case.registered, case.lends = event.person, event.registered, event.district
    return _keep(facts, event.case, case)


def unlinked(facts: Facts, event: CallUnlinked) -> tuple[Member, ...]:
    """It never was about that registrant; what contacts said while it was linked, they said because of the link."""
    case = _case(facts, event.case)
    case.person, case.registered, case.lends = event.before, False, None
    return _keep(facts, event.case, case)


def _correct(contact: ContactFacts, change: Change) -> None:
    match change.field:
        case "time":
            contact.at = datetime.fromisoformat(change.after)
        case "district":
            contact.district = change.after
        case "not_counted":
            contact.not_counted = change.after
        case _:
            pass  # No table depends on anything else.


def moved(facts: Facts, record: Recorded | Occurred, event: ContactMoved) -> tuple[Member, ...]:
    """The contact goes to another case, with its place in the order of arrival."""
    source = _case(facts, event.case)
    contact = source.contacts.pop(event.contact, None)
    left = _keep(facts, event.case, source)

    target = _case(facts, event.to_case)
    target.number = target.number or event.to_number
    target.person = event.person or target.person
    _name(target, event.provider, event.case_ref)
    target.contacts[event.contact] = contact or ContactFacts(
        event.contact_at, record.position, event.district, event.not_counted
    )
    facts.cases[event.to_case] = target
    if event.because == "after-closing":
        left += _follow(facts, event.case, event.to_case)
    return left + _keep(facts, event.to_case, facts.cases[event.to_case])


def _follow(facts: Facts, earlier: str, later: str) -> tuple[Member, ...]:
    """`later` was opened after the closing of `earlier`; a circle is none."""
    if later in line_of(earlier, facts):
        return ()
    before, after = _case(facts, earlier), _case(facts, later)
    before.next, after.prior = later, earlier
    facts.cases[later] = after
    return _keep(facts, earlier, before)


def closed(facts: Facts, at: datetime, event: CaseClosed) -> tuple[Member, ...]:
    """The end of a consultation; no table depends on it."""
    case = _case(facts, event.case)
    case.closed += (at,)
    _keep(facts, event.case, case)
    return ()


def merged(facts: Facts, event: CaseMerged) -> tuple[Member, ...]:
    """Two consultations were one. A circle would make both vanish: then the first merging stands."""
    case = _case(facts, event.case)
    if event.case in _upwards(facts, event.into):
        return _keep(facts, event.case, case)
    before = _part(facts, event.case, case)
    case.merged_into = event.into
    facts.cases[event.case] = case

    into = _case(facts, event.into)
    into.absorbed += (event.case,)
    return (*before, ("case", event.case), *_keep(facts, event.into, into))


def split(facts: Facts, event: CaseSplit) -> tuple[Member, ...]:
    """A merging was undone."""
    case = _case(facts, event.case)
    before = _part(facts, event.case, case)
    return before + _keep(facts, event.case, case)


def _part(facts: Facts, case_id: str, case: CaseFacts) -> tuple[Member, ...]:
    """Take the case out of the one that it was merged into, if any."""
    if case.merged_into is None:
        return ()
    former_id, case.merged_into = case.merged_into, None
    former = _case(facts, former_id)
    former.absorbed = tuple(absorbed for absorbed in former.absorbed if absorbed != case_id)
    return _keep(facts, former_id, former)


def placement(facts: Facts, at: datetime, event: PlacementEvent) -> tuple[Member, ...]:
    """A place was arranged or given up."""
    case = _case(facts, event.case)
    place = case.placements.setdefault(event.placement, PlacementFacts())
    match event:
        case PlacementArranged():
            place.kind, place.by = event.kind, event.by
            place.arranged_at, place.begins_at = at, event.begins_at
        case PlacementCancelled():
            place.cancelled_at = at
        case _:
            assert_never(event)
    return _keep(facts, event.case, case)


Passing = HandoverOffered | HandedOver | HandoverDeclined | HandoverWithdrawn | HandoverExpired | HandoverReturned
"""What moves a hand-over in the tables; that it was delivered, seen, or answered too late does not."""


def handover(facts: Facts, at: datetime, event: Passing) -> tuple[Member, ...]:
    """A hand-over was offered, taken on, declined, taken back, returned, or nobody answered."""
    case = _case(facts, event.case)
    passing = case.handovers.setdefault(event.handover, HandoverFacts())
    match event:
        case HandoverOffered():
            passing.kind, passing.offered_at = event.kind, at
        case HandedOver():
            passing.kind, passing.accepted_at = event.kind, at
        case HandoverDeclined():
            passing.declined_at = at
        case HandoverWithdrawn():
            passing.withdrawn_at = at
        case HandoverExpired():
            passing.expired_at = at
        case HandoverReturned():
            passing.returned_at = at
        case _:
            assert_never(event)
    return _keep(facts, event.case, case)


def _case(facts: Facts, case_id: str) -> CaseFacts:
    case = facts.cases.get(case_id)
    if case is None:
        case = CaseFacts()
    return case


def _keep(facts: Facts, case_id: str, case: CaseFacts) -> tuple[Member, ...]:
    """Assign back; what changed in the tables is the case that this one is a part of, and those before and after it."""
    facts.cases[case_id] = case
    if case.next is None and case.prior is None:
        return (("case", case_id if case.merged_into is None else _root(facts, case.merged_into)),)
    return tuple(("case", _root(facts, own)) for own in line_of(case_id, facts))


def _root(facts: Facts, case_id: str) -> str:
    return _upwards(facts, case_id)[-1]


def _upwards(facts: Facts, case_id: str) -> list[str]:
    """The case, what it was merged into, and so on to the one that counts."""
    chain = [case_id]
    while (case := facts.cases.get(chain[-1])) is not None and case.merged_into is not None:
        chain.append(case.merged_into)
    return chain


def _name(case: CaseFacts, provider: str, case_ref: str | None) -> None:
    if case_ref is not None and (provider, case_ref) not in case.names:
        case.names += ((provider, case_ref),)
