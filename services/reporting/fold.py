"""From the ledger to the facts, and from the facts to the entries of the tables. Pure.

Each service's own events come in their order, but the services interleave in any way: a placement
may be heard before its case's first contact. The facts come out the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never, cast

from events import Event, Occurred, Recorded, event_of
from events.epoch import EpochOpened
from events.handover import (
    HandedOver,
    HandoverAnsweredLate,
    HandoverDeclined,
    HandoverDelivered,
    HandoverEvent,
    HandoverExpired,
    HandoverNotedLate,
    HandoverOffered,
    HandoverRecalled,
    HandoverReturned,
    HandoverSeen,
    HandoverSent,
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
    ConsentGiven,
    ConsentWithdrawn,
    ContactMoved,
    FlagReopened,
    FlagResolved,
    IntakeEvent,
    NightClosed,
    PersonMerged,
    PersonRegistered,
    PersonSplit,
    RegistrationConfirmed,
    RegistrationCorrected,
    RegistrationReinstated,
    RegistrationWithdrawn,
    ShiftClosed,
    WardActivated,
)
from events.morning import CaseNoted, CasePassed, MorningEvent, OfContact, OfNight
from events.parked import ParkedClosed
from events.placement import PlacementArranged, PlacementCancelled, PlacementEvent
from services import ward
from services.reporting import cases, consultations, persons, registrations
from services.reporting.consultations import has_both, is_open, pending
from services.reporting.facts import Entry, Facts, Kind, Member
from services.reporting.registrations import current_registrants, on_register

__all__ = [
    "EVERYTHING",
    "Entry",
    "Facts",
    "Member",
    "all_entries",
    "apply",
    "current_registrants",
    "entries",
    "fold",
    "has_both",
    "is_open",
    "on_register",
    "pending",
]

LedgerEvent = IntakeEvent | PlacementEvent | HandoverEvent | MorningEvent | EpochOpened | ParkedClosed

EVERYTHING: Final[tuple[Member, ...]] = (("case", "*"), ("person", "*"))
"""What `apply` returns when any entry may have changed; compare with `is`."""


def fold(records: Iterable[Recorded | Occurred]) -> Facts:
    """The facts of a prefix of the ledger, from nothing.

    Raises:
        ContractError: an event that this release cannot read.
        WardError: a ward was activated with a content that this release cannot use.
    """
    facts = Facts()
    for record in records:
        apply(facts, record, event_of(record))
    return facts


def apply(facts: Facts, record: Recorded | Occurred, event: Event) -> tuple[Member, ...]:
    """Let the facts hear one event; returns the consultations and persons whose entries may have changed.

    Raises:
        WardError: a ward was activated with a content that this release cannot use.
    """
    if record.synthetic:
        facts.synthetic = True
    heard = cast("LedgerEvent", event)
    match heard:
        case CallReceived():
            return cases.received(facts, record, heard)
        case HandoverSent() | HandoverRecalled() | HandoverDelivered() | HandoverSeen():
            return ()  # Paper, and what became of it.
        case HandoverAnsweredLate() | HandoverNotedLate():
            return ()  # What stands is not moved by them.
        case PlacementArranged() | PlacementCancelled():
            return cases.placement(facts, record.time, heard)
        case HandoverOffered() | HandedOver() | HandoverReturned():
            return cases.handover(facts, record.time, heard)
        case HandoverDeclined() | HandoverWithdrawn() | HandoverExpired():
            return cases.handover(facts, record.time, heard)
        case CaseClosed():
            return cases.closed(facts, record.time, heard)
        case CallCorrected():
            return cases.corrected(facts, heard)
        case CallAdded():
            return cases.added(facts, heard)
        case CallLinked():
            return cases.linked(facts, heard)
        case CallUnlinked():
            return cases.unlinked(facts, heard)
        case FlagResolved() | FlagReopened():
            return ()  # No figure depends on who looked at what.
        case ContactMoved():
            return cases.moved(facts, record, heard)
        case CaseMerged():
            return cases.merged(facts, heard)
        case CaseSplit():
            return cases.split(facts, heard)
        case PersonRegistered():
            return persons.registered(facts, heard)
        case RegistrationCorrected():
            return persons.corrected(facts, heard)
        case RegistrationWithdrawn():
            return persons.moved(facts, heard.person, heard.withdrawn_on, registered=False)
        case RegistrationReinstated():
            return persons.moved(facts, heard.person, heard.reinstated_on, registered=True)
        case PersonMerged():
            return persons.merged(facts, heard)
        case PersonSplit():
            return persons.split(facts, heard)
        case RegistrationConfirmed() | ConsentGiven() | ConsentWithdrawn() | ShiftClosed() | NightClosed():
            return ()  # No table counts them.
        case WardActivated():
            return _activated(facts, heard)
        case EpochOpened():
            return ()  # It moves no figure; what may be missing is said under the tables (`Inquiry.gaps`).
        case ParkedClosed():
            return ()  # What was parked never counted.
        case OfNight() | OfContact() | CasePassed() | CaseNoted():
            return ()  # Neither a morning hand-over nor an escalation ever counts (Rule 7).
        case _:
            assert_never(heard)


def _activated(facts: Facts, event: WardActivated) -> tuple[Member, ...]:
    facts.wards.append((event.effective_from, ward.parse(event.content)))
    facts.wards.sort(key=lambda rules: rules[0])  # Stable: of two from the same moment the later word counts.
    return EVERYTHING


def entries(kind: Kind, member: str, facts: Facts, as_of: datetime | None = None) -> tuple[Entry, ...]:
    """What one consultation or person contributes to the tables, knowing only what happened before `as_of`.

    `as_of` is exclusive, such as `ward.end_of(day)`; None: everything.
    """
    match kind:
        case "case":
            return consultations.entries(member, facts, as_of)
        case "person":
            return registrations.entries(member, facts, as_of)
        case _:
            assert_never(kind)


def all_entries(facts: Facts, as_of: datetime | None = None) -> list[Entry]:
    """The entries of everybody; goes through all cases and persons, so only for a fold in memory."""
    found: list[Entry] = []
    for case in facts.cases:
        found += consultations.entries(case, facts, as_of)
    for person in facts.persons:
        found += registrations.entries(person, facts, as_of)
    return found
