"""What the tables need to know of each consultation and each person: the state of the fold.

Times are on the first clock (when it happened), with their offset. Everything here is mutable and
belongs to one fold; it encodes to the same JSON for the same history, whatever order the services'
logs arrived in. A case holds tuples rather than lists, which the garbage collector would visit: a
fold takes a third less time so.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

import msgspec

from services.ward import Ward

Kind = Literal["case", "person"]
Member = tuple[Kind, str]
"""A consultation or a person, by id. A contact about nobody's matter goes by its contact's id."""


class Entry(NamedTuple):
    """One count in one cell of one report, by the fiscal year to which it belongs.

    `contact` is empty unless the ward counts every contact; then a member can count several times.
    """

    report: str
    year: int
    row: str
    column: str
    member: str
    contact: str = ""


class ContactFacts(msgspec.Struct, omit_defaults=True, gc=False):
    """One contact with the line. `arrived` is its position in intake's journal: it settles ties of `at`."""

    at: datetime
    arrived: int
    district: str | None = None
    not_counted: str | None = None
    registered: bool = False


class PlacementFacts(msgspec.Struct, omit_defaults=True, gc=False):
    """One placement. `by` is `centre` or `agency`; `begins_at` None: at once, when it was arranged."""

    kind: str | None = None
    by: str | None = None
    arranged_at: datetime | None = None
    begins_at: datetime | None = None
    cancelled_at: datetime | None = None


class HandoverFacts(msgspec.Struct, omit_defaults=True, gc=False):
    """One hand-over, and when each thing happened to it."""

    kind: str | None = None
    offered_at: datetime | None = None
    accepted_at: datetime | None = None
    declined_at: datetime | None = None
    withdrawn_at: datetime | None = None
    expired_at: datetime | None = None
    returned_at: datetime | None = None


class CaseFacts(msgspec.Struct, omit_defaults=True, gc=False):
    """One consultation, as far as it was heard of.

    The mappings are by id, in the order of arrival. `names` are the senders' own: (provider, case_ref).
    `next`: the consultation that was opened after this one was closed, whose `prior` this one is.
    `registered`: whether it is about a registrant, as its last link, or the undoing of it, has it; None: as
    its contacts say. `lends`: while it is linked, the registrant's district, for contacts without one.
    """

    number: str | None = None
    person: str | None = None
    names: tuple[tuple[str, str], ...] = ()
    contacts: dict[str, ContactFacts] = {}
    closed: tuple[datetime, ...] = ()
    placements: dict[str, PlacementFacts] = {}
    handovers: dict[str, HandoverFacts] = {}
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    next: str | None = None
    prior: str | None = None
    registered: bool | None = None
    lends: str | None = None


class Movement(msgspec.Struct, frozen=True, gc=False):
    """From this day on somebody was, or was no longer, on the register."""

    on: date
    registered: bool


class PersonFacts(msgspec.Struct, omit_defaults=True, gc=False):
    """One person. `registered_on` None: heard of, not registered.

    `handbooks` None: left blank; empty: has none. Ages are at registration, in whole years.
    """

    registered_on: date | None = None
    district: str | None = None
    handbooks: tuple[str, ...] | None = None
    certificate: bool | None = None
    age: int | None = None
    legal_age: int | None = None
    school_age: int | None = None
    movements: tuple[Movement, ...] = ()
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()


@dataclass(slots=True)
class Facts:
    """All that a prefix of the ledger says. `wards`: each with the moment from which it is in force, in that order."""

    wards: list[tuple[datetime, Ward]] = field(default_factory=list)
    cases: MutableMapping[str, CaseFacts] = field(default_factory=dict)
    persons: MutableMapping[str, PersonFacts] = field(default_factory=dict)
    synthetic: bool = False

    def ward_at(self, moment: datetime) -> Ward:
        """The ward's rules in force at a moment; before the first activation, the first.

        Raises:
            LookupError: no ward was ever activated.
        """
        for since, ward in reversed(self.wards):
            if since <= moment:
                return ward
        return self._first()

    def ward_on(self, day: date) -> Ward:
        """The ward's rules in force when a day began on the ward's clock.

        Raises:
            LookupError: no ward was ever activated.
        """
        for since, ward in reversed(self.wards):
            if since <= ward.start_of(day):
                return ward
        return self._first()

    def _first(self) -> Ward:
        if not self.wards:
            raise LookupError("no ward was activated; nothing can be counted")
        return self.wards[0][1]


def known_by(moment: datetime | None, as_of: datetime | None) -> bool:
    """Whether something happened, and before `as_of`; None: whenever."""
    return moment is not None and (as_of is None or moment < as_of)


def line_of(case_id: str, facts: Facts) -> list[str]:
    """A consultation with those before and after it under the same reference, the first one first."""
    line = [case_id]
    while (case := facts.cases.get(line[0])) is not None and case.prior and case.prior not in line:
        line.insert(0, case.prior)
    while (case := facts.cases.get(line[-1])) is not None and case.next and case.next not in line:
        line.append(case.next)
    return line


def home_of(case_id: str, at: datetime, facts: Facts) -> str:
    """The consultation of a line to which something belongs that was told of `case_id` and happened then."""
    home = case_id
    for later in line_of(case_id, facts):
        case = facts.cases.get(later)
        if case is not None and case.contacts and min(c.at for c in case.contacts.values()) <= at:
            home = later
    line = line_of(case_id, facts)
    return home if line.index(home) > line.index(case_id) else case_id
