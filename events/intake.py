"""What intake records: the ward's rules, registrations, contacts and consultations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import msgspec

from events import Event, vocabulary


def night_id(night: date) -> str:
    """Under this everything of a night is kept: `night-2025-11-14`, by the day on which it began."""
    return f"night-{night.isoformat()}"


def shifts_id(provider: str) -> str:
    """Under this every closing of a provider's nights is kept."""
    return f"shifts-{provider}"


class Flag(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something for a person to look at. Never a reason to refuse a call.

    `code` is stable; `field` names the place in the message; `accepted` says what would have been
    taken. A flag carries no personal value: the raw value, if any, is in the event's sealed box.
    """

    code: str
    field: str | None = None
    accepted: str | None = None


class CallBack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A promised call-back (折り返しの約束): by when, and which provider. To whom and which number is personal."""

    by: datetime | None = None
    who: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing done at once because of a danger, such as advising 119; what nobody answered is one of its own.

    `what`: `119`, `110`, `ward`, `abuse-report` or `other`. `answered` None: not told. `to`: a short code.
    `mistaken`: not an attempt, but the word that the one with these same values was noted by mistake.
    """

    what: str
    at: datetime
    answered: bool | None = None
    to: str | None = None
    mistaken: bool | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Of a call card (相談受付票), what lists and deadlines need in clear; everything else on it is personal.

    None: not told. `third_party`: the caller is neither the person nor of the family. `safe_until`: how
    long it can wait. `danger` only ever grows, but for a correction, which says what stood there.
    """

    third_party: bool | None = None
    safe_until: datetime | None = None
    medication_at: datetime | None = None
    call_back: CallBack | None = None
    abuse_suspected: bool | None = None
    danger: tuple[Attempt, ...] = ()


class WardActivated(Event, frozen=True, kw_only=True):
    """The ward's whole file came into force (design: configuration is history)."""

    name: ClassVar[str] = "ward.activated"
    ward: str
    effective_from: datetime
    content: dict[str, Any]

    @property
    def about(self) -> str:
        return self.ward


class PersonRegistered(Event, frozen=True, kw_only=True):
    """A person was registered in advance (利用登録).

    `handbooks`: None is 未記入, left blank on the form; an empty list is "has none". `age` rises on
    the birthday, `legal_age` on the day before it; both are at registration, in whole years.
    `school_age` is that on 1 April of the fiscal year, where the ward's file groups by school years.
    `district` None: as told, it is none of the ward's districts.
    `registered_on` (登録日) is the day that is counted; `received_on`: when the form came in; `takes_effect_on` None:
    on `registered_on`. `came_by`: paper, fax or web. `certificate_until`: the last day on which it holds.
    `like`: persons who look like the same one, to be looked at; `person.merge` makes them one.
    """

    name: ClassVar[str] = "person.registered"
    person: str
    provider: str
    ref: str | None = None
    registered_on: date
    district: str | None = None
    handbooks: tuple[str, ...] | None = None
    certificate: bool | None = None
    age: int | None = None
    legal_age: int | None = None
    school_age: int | None = None
    received_on: date | None = None
    takes_effect_on: date | None = None
    came_by: str | None = None
    certificate_until: date | None = None
    like: tuple[str, ...] = ()
    entered: datetime | None = None
    flags: tuple[Flag, ...] = ()
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.person


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One corrected field: what stood there and what stands there now."""

    field: str
    before: Any
    after: Any


class RegistrationCorrected(Event, frozen=True, kw_only=True):
    """The form had been typed in wrongly; what it says now is what it always should have said.

    `completed`: which personal fields, named by the flag `form-incomplete`, it told; the names alone.
    """

    name: ClassVar[str] = "registration.corrected"
    person: str
    changes: tuple[Change, ...]
    completed: tuple[str, ...] = ()
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.person


class RegistrationWithdrawn(Event, frozen=True, kw_only=True):
    """The person left the register: `withdrawn`, `moved-away` or `died`."""

    name: ClassVar[str] = "registration.withdrawn"
    person: str
    withdrawn_on: date
    reason: str

    @property
    def about(self) -> str:
        return self.person


class RegistrationReinstated(Event, frozen=True, kw_only=True):
    """A person who had left is on the register again; no new registration."""

    name: ClassVar[str] = "registration.reinstated"
    person: str
    reinstated_on: date

    @property
    def about(self) -> str:
        return self.person


class RegistrationConfirmed(Event, frozen=True, kw_only=True):
    """The person, or somebody for them, said that what stands on the register still holds (the yearly check)."""

    name: ClassVar[str] = "registration.confirmed"
    person: str
    confirmed_on: date
    channel: str | None = None

    @property
    def about(self) -> str:
        return self.person


class ConsentGiven(Event, frozen=True, kw_only=True):
    """The person agreed that what is on the register may go to an organisation. `edition`: 版 of what was signed."""

    name: ClassVar[str] = "consent.given"
    person: str
    to: str
    edition: str | None = None
    given_on: date
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.person


class ConsentWithdrawn(Event, frozen=True, kw_only=True):
    """From this day on nothing of the person may go to `to`."""

    name: ClassVar[str] = "consent.withdrawn"
    person: str
    to: str
    ended_on: date
    flags: tuple[Flag, ...] = ()

    @property
    def about(self) -> str:
        return self.person


class PersonMerged(Event, frozen=True, kw_only=True):
    """Two records were one person: `person` is from now on a part of `into`."""

    name: ClassVar[str] = "person.merged"
    person: str
    into: str

    @property
    def about(self) -> str:
        return self.person


class PersonSplit(Event, frozen=True, kw_only=True):
    """A merging was undone."""

    name: ClassVar[str] = "person.split"
    person: str
    from_person: str

    @property
    def about(self) -> str:
        return self.person


class CallReceived(Event, frozen=True, kw_only=True):
    """One contact with the line, about one person's matter; or about none (a silent call).

    A contact about two people gives two of these with the same `contact`, the second perhaps told later
    (`call.report` with `beside`); `matters` is how many there were by then. Whether it was the first
    contact or a further one is not said: it follows from the case's contacts in the order of their
    times, whatever order they arrived in. `number` is the reference number (受付番号) of the case,
    or of the contact where there is no case. `district` None: not known. `not_counted`: silent,
    wrong-number, enquiry or exercise. `follows`: the closed consultation under the same reference after
    which this one was opened. `entered`: when it was written down, where the sender says so.
    """

    name: ClassVar[str] = "call.received"
    contact: str
    case: str | None = None
    person: str | None = None
    number: str
    provider: str
    case_ref: str | None = None
    follows: str | None = None
    district: str | None = None
    registered: bool = False
    not_counted: str | None = None
    channel: str = "phone"
    reasons: tuple[str, ...] = ()
    card: Card | None = None
    matter: int = 1
    matters: int = 1
    entered: datetime | None = None
    flags: tuple[Flag, ...] = ()
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case or self.contact

    @property
    def case_id(self) -> str | None:
        return self.case


class CallAdded(Event, frozen=True, kw_only=True):
    """A half-filled card was filled in further (追記). `danger` holds the attempts that are new.

    `changes` are those of the fields that stand once on a card. `person`: whom the consultation concerns
    from then on; where that is among the changes, `registered` says whether they were on the register.
    """

    name: ClassVar[str] = "call.added"
    contact: str
    case: str | None = None
    number: str | None = None
    person: str | None = None
    matter: int = 1
    changes: tuple[Change, ...] = ()
    danger: tuple[Attempt, ...] = ()
    registered: bool | None = None
    flags: tuple[Flag, ...] = ()
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case or self.contact

    @property
    def case_id(self) -> str | None:
        return self.case


class CallCorrected(Event, frozen=True, kw_only=True):
    """A contact had been written down wrongly: its `time`, anything on its card, or to which `case` it belongs.

    Where `case` changed, a `contact.moved` follows, and says with what the contact came there.
    """

    name: ClassVar[str] = "call.corrected"
    contact: str
    case: str | None = None
    changes: tuple[Change, ...]
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case or self.contact

    @property
    def case_id(self) -> str | None:
        return self.case


class ContactMoved(Event, frozen=True, kw_only=True):
    """A contact belongs to another consultation, `to_case`, than the `case` it was put under at first.

    The contact's own facts are repeated, as they stood then. `because`: `after-closing` or `corrected`.
    """

    name: ClassVar[str] = "contact.moved"
    contact: str
    case: str
    to_case: str
    to_number: str
    provider: str
    case_ref: str | None = None
    person: str | None = None
    contact_at: datetime
    matter: int = 1
    district: str | None = None
    not_counted: str | None = None
    channel: str = "phone"
    reasons: tuple[str, ...] = ()
    card: Card | None = None
    because: str

    @property
    def about(self) -> str:
        return self.to_case

    @property
    def case_id(self) -> str | None:
        return self.case


class CallLinked(Event, frozen=True, kw_only=True):
    """A consultation was found to be about a registrant: `person`, where `before` stood for somebody unknown.

    `matched`: which identifiers agreed; with fewer than two there is a `stated_reason`, sealed. `registered`:
    whether they were on the register on the day of the contact. `district`: the registrant's own; it
    serves the contacts for which none was told.
    """

    name: ClassVar[str] = "call.linked"
    case: str
    contact: str
    person: str
    before: str
    matched: tuple[str, ...] = ()
    stated_reason: bool = False
    registered: bool = False
    district: str | None = None
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class CallUnlinked(Event, frozen=True, kw_only=True):
    """A link was wrong: the consultation is about `before` again, as if it had never been about `person`."""

    name: ClassVar[str] = "call.unlinked"
    case: str
    contact: str
    person: str
    before: str
    stated_reason: bool = False
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class FlagResolved(Event, frozen=True, kw_only=True):
    """A flag needs nobody any more: somebody looked at it, or a correction mended what it told of.

    `code` and `field` are the flag's. `resolution`: `confirmed`, `corrected`, `not-needed` or `duplicate`.
    Either `contact` and `matter` say whose flag it is, or `person` does, for one of a registration.
    `because`: the name of the event that mended it; None where somebody resolved it.
    """

    name: ClassVar[str] = "flag.resolved"
    contact: str | None = None
    case: str | None = None
    person: str | None = None
    matter: int = 1
    code: str
    field: str | None = None
    resolution: str
    provider: str
    because: str | None = None
    sealed: str | None = None

    @property
    def about(self) -> str:
        found = self.case or self.contact or self.person
        assert found is not None, "a flag is a contact's or a registration's"
        return found

    @property
    def case_id(self) -> str | None:
        return self.case


class FlagReopened(Event, frozen=True, kw_only=True):
    """What had mended a flag of a contact was undone; it stands open again, since when it first did.

    `because`: the name of the event that undid it.
    """

    name: ClassVar[str] = "flag.reopened"
    contact: str
    case: str
    matter: int = 1
    code: str
    field: str | None = None
    because: str

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class CaseClosed(Event, frozen=True, kw_only=True):
    """The consultation ended (終結). A later contact of the same person is a new one.

    `moved`: contacts after the closing that had been heard before it; each is moved by its own event.
    """

    name: ClassVar[str] = "case.closed"
    case: str
    reason: str
    moved: tuple[str, ...] = ()
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class CaseMerged(Event, frozen=True, kw_only=True):
    """Two callers about one matter: `case` is from now on a part of `into`."""

    name: ClassVar[str] = "case.merged"
    case: str
    into: str

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class CaseSplit(Event, frozen=True, kw_only=True):
    """A merging of consultations was undone."""

    name: ClassVar[str] = "case.split"
    case: str
    from_case: str

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class ShiftClosed(Event, frozen=True, kw_only=True):
    """A provider closed its night: `last` is the last number that it gave under `source`. A later word takes its place.

    `calls`: how many calls the provider itself counts. `elsewhere`: ranges of numbers that it sent to other services
    than intake since the closing before. None: it does not say.
    """

    name: ClassVar[str] = "shift.closed"
    night: date
    provider: str
    source: str
    last: int | None = None
    calls: int | None = None
    elsewhere: tuple[tuple[int, int], ...] = ()

    @property
    def about(self) -> str:
        return shifts_id(self.provider)


class Feed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a provider sent of a night, by its own numbers, and what intake has of it.

    `closed`: the provider closed its night with its last number; without that nothing is proved (未確認). `first` to
    `last`: the numbers since the closing before, both included; `first` None: no number of the night is known. How
    many were `received`; which are `missing` (ranges), `parked` or `waiting` (numbers); how many went `elsewhere`, to
    other services. `calls`: what the provider itself counts.
    """

    provider: str
    source: str | None = None
    closed: bool = False
    first: int | None = None
    last: int | None = None
    received: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    parked: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    elsewhere: int = 0
    calls: int | None = None


class NightClosed(Event, frozen=True, kw_only=True):
    """Intake closed a night: so many contacts are of it, up to a position of this log. Zero is proved, and not guessed.

    `edition` 1 at its end, the next as something changes: a late call, a number that came, a shift closed later.
    `due_at`: the end of the night, or when that came; the event's own time is when it was done. `digest`: SHA-256 over
    the ids of the contacts, sorted, each with a line break. `contacts`: these ids; left out where they are very many.
    """

    name: ClassVar[str] = "night.closed"
    night: date
    edition: int
    began_at: datetime
    ended_at: datetime
    due_at: datetime
    count: int
    digest: str
    position: int
    contacts: tuple[str, ...] = ()
    feeds: tuple[Feed, ...] = ()

    @property
    def about(self) -> str:
        return night_id(self.night)


IntakeEvent = (
    WardActivated
    | PersonRegistered
    | RegistrationCorrected
    | RegistrationWithdrawn
    | RegistrationReinstated
    | RegistrationConfirmed
    | ConsentGiven
    | ConsentWithdrawn
    | PersonMerged
    | PersonSplit
    | CallReceived
    | CallAdded
    | CallCorrected
    | CallLinked
    | CallUnlinked
    | ContactMoved
    | FlagResolved
    | FlagReopened
    | CaseClosed
    | CaseMerged
    | CaseSplit
    | ShiftClosed
    | NightClosed
)

vocabulary(
    WardActivated,
    PersonRegistered,
    RegistrationCorrected,
    RegistrationWithdrawn,
    RegistrationReinstated,
    RegistrationConfirmed,
    ConsentGiven,
    ConsentWithdrawn,
    PersonMerged,
    PersonSplit,
    CallReceived,
    CallAdded,
    CallCorrected,
    CallLinked,
    CallUnlinked,
    ContactMoved,
    FlagResolved,
    FlagReopened,
    CaseClosed,
    CaseMerged,
    CaseSplit,
    ShiftClosed,
    NightClosed,
)
