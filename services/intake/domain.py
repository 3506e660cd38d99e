"""What intake knows and how it changes: `evolve`. What it decides is in the files beside, by what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import assert_never

import msgspec

from events import Event
from events import intake as e
from events.epoch import EpochOpened
from events.intake import IntakeEvent
from services.book import Book, Said, Waits
from services.contact import Contact, arrived, filled, told_of
from services.intake import closings
from services.intake.closings import Night, Shifts

FOREVER = datetime.max.replace(tzinfo=UTC)


class Case(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A consultation: one person's matter, with its contacts in the order of their arrival.

    `before`: while it is linked to a registrant, for whom it stood before; `by_link`: the flags that this link mended.
    """

    id: str
    number: str
    person: str | None = None
    before: str | None = None
    contacts: tuple[Contact, ...] = ()
    closed_at: datetime | None = None
    merged_into: str | None = None
    by_link: tuple[e.FlagResolved, ...] = ()

    @property
    def began_at(self) -> datetime:
        """By its first contact; a case whose every contact was moved away began, for us, as it was closed."""
        return min((contact.at for contact in self.contacts), default=self.closed_at or FOREVER)


class Consent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was said of sharing with one organisation: the last word each way, whatever order they arrived in."""

    to: str
    edition: str | None = None
    given_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def in_force(self) -> bool:
        """Whether something may go there."""
        return self.given_at is not None and (self.withdrawn_at is None or self.withdrawn_at < self.given_at)


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A registrant, as last corrected. `left_because`: withdrawn, moved-away or died, while they are not registered.

    `completed`: what the form lacked, and was told since.
    """

    id: str
    registered: e.PersonRegistered
    withdrawn_on: date | None = None
    left_because: str | None = None
    confirmed_on: date | None = None
    consents: tuple[Consent, ...] = ()
    merged_into: str | None = None
    completed: frozenset[str] = frozenset()

    def consent(self, to: str) -> Consent:
        """What was said of an organisation."""
        return next((consent for consent in self.consents if consent.to == to), Consent(to=to))


State = Case | Person | Contact | Night | Shifts
"""What a stream of events is about; a contact only where it has no case."""

IntakeBook = Book[State]


def evolve(state: State | None, event: Event, at: datetime) -> State | None:
    """The state of a case, a person or a lone contact after an event."""
    fact: IntakeEvent | EpochOpened = event  # type: ignore[assignment]  # Intake's journal holds nothing else.
    match fact:
        case e.WardActivated() | EpochOpened():
            return state
        case e.PersonRegistered():
            return Person(id=fact.person, registered=fact)
        case e.CallReceived():
            return _called(state, fact, at)
        case e.ContactMoved():
            return _moved_here(state, fact)
        case e.CallAdded() | e.CallCorrected():
            return _filled_in(state, fact)
        case e.CallLinked() | e.CallUnlinked():
            assert isinstance(state, Case), "only a consultation is linked"
            is_link = isinstance(fact, e.CallLinked)
            person, before = (fact.person, fact.before) if is_link else (fact.before, None)
            return msgspec.structs.replace(state, person=person, before=before, by_link=())
        case e.NightClosed():
            return closings.closed(fact, at)
        case e.ShiftClosed():
            assert state is None or isinstance(state, Shifts), "a provider's closings are nothing else"
            return closings.after_closing(state, fact)
        case e.FlagResolved() | e.FlagReopened():
            return _flag_changed(state, fact)
        case e.CaseClosed() | e.CaseMerged() | e.CaseSplit():
            assert isinstance(state, Case), "only a case that was opened closes or merges"
            return _case_changed(state, fact, at)
        case (
            e.RegistrationCorrected()
            | e.RegistrationWithdrawn()
            | e.RegistrationReinstated()
            | e.RegistrationConfirmed()
            | e.ConsentGiven()
            | e.ConsentWithdrawn()
            | e.PersonMerged()
            | e.PersonSplit()
        ):
            assert isinstance(state, Person), "only a registered person changes"
            return _person_changed(state, fact, at)
        case _:
            assert_never(fact)


def _flag_changed(state: State | None, fact: e.FlagResolved | e.FlagReopened) -> State | None:
    """Which flags are open stands in a table of its own; a case remembers those that come back with an unlinking."""
    if isinstance(state, Case) and isinstance(fact, e.FlagResolved) and fact.because == e.CallLinked.name:
        return msgspec.structs.replace(state, by_link=(*state.by_link, fact))
    return state


def _called(state: State | None, fact: e.CallReceived, at: datetime) -> State:
    contact = arrived(fact, at)
    if fact.case is None:
        return contact
    if isinstance(state, Case):
        return msgspec.structs.replace(state, contacts=(*state.contacts, contact))
    return Case(id=fact.case, number=fact.number, person=fact.person, contacts=(contact,))


def _moved_here(state: State | None, fact: e.ContactMoved) -> State:
    moved = arrived(fact, fact.contact_at)
    if isinstance(state, Case):
        return msgspec.structs.replace(state, contacts=(*state.contacts, moved))
    return Case(id=fact.to_case, number=fact.to_number, person=fact.person, contacts=(moved,))


def _filled_in(state: State | None, fact: e.CallAdded | e.CallCorrected) -> State:
    """What an adding or a correction makes of a contact, and of its consultation."""
    values = told_of(fact)
    added = fact.danger if isinstance(fact, e.CallAdded) else ()
    if isinstance(state, Contact):
        return filled(state, values, added)
    assert isinstance(state, Case), "only a contact that was recorded is filled in or corrected"
    person = values.pop("person", state.person)
    if "case" in values:
        stayed = tuple(contact for contact in state.contacts if contact.id != fact.contact)
        return msgspec.structs.replace(state, contacts=stayed)
    contacts = tuple(filled(c, values, added) if c.id == fact.contact else c for c in state.contacts)
    return msgspec.structs.replace(state, person=person, contacts=contacts)


def _case_changed(state: Case, fact: e.CaseClosed | e.CaseMerged | e.CaseSplit, at: datetime) -> Case:
    match fact:
        case e.CaseClosed():
            stayed = tuple(contact for contact in state.contacts if contact.id not in fact.moved)
            return msgspec.structs.replace(state, closed_at=at, contacts=stayed)
        case e.CaseMerged():
            return msgspec.structs.replace(state, merged_into=fact.into)
        case e.CaseSplit():
            return msgspec.structs.replace(state, merged_into=None)
        case _:
            assert_never(fact)


PersonChange = (
    e.RegistrationCorrected
    | e.RegistrationWithdrawn
    | e.RegistrationReinstated
    | e.RegistrationConfirmed
    | e.ConsentGiven
    | e.ConsentWithdrawn
    | e.PersonMerged
    | e.PersonSplit
)


def _person_changed(state: Person, fact: PersonChange, at: datetime) -> Person:
    match fact:
        case e.RegistrationCorrected():
            plain = msgspec.to_builtins(state.registered)
            plain.update({change.field: change.after for change in fact.changes})
            registered, completed = msgspec.convert(plain, e.PersonRegistered), state.completed.union(fact.completed)
            return msgspec.structs.replace(state, registered=registered, completed=completed)
        case e.RegistrationWithdrawn():
            return msgspec.structs.replace(state, withdrawn_on=fact.withdrawn_on, left_because=fact.reason)
        case e.RegistrationReinstated():
            return msgspec.structs.replace(state, withdrawn_on=None, left_because=None)
        case e.RegistrationConfirmed():
            latest = max(fact.confirmed_on, state.confirmed_on or fact.confirmed_on)
            return msgspec.structs.replace(state, confirmed_on=latest)
        case e.ConsentGiven() | e.ConsentWithdrawn():
            others = tuple(consent for consent in state.consents if consent.to != fact.to)
            return msgspec.structs.replace(state, consents=(*others, _said_of(state.consent(fact.to), fact, at)))
        case e.PersonMerged():
            return msgspec.structs.replace(state, merged_into=fact.into)
        case e.PersonSplit():
            return msgspec.structs.replace(state, merged_into=None)
        case _:
            assert_never(fact)


def _said_of(consent: Consent, fact: e.ConsentGiven | e.ConsentWithdrawn, at: datetime) -> Consent:
    if isinstance(fact, e.ConsentWithdrawn):
        return msgspec.structs.replace(consent, withdrawn_at=max(at, consent.withdrawn_at or at))
    if consent.given_at is not None and at < consent.given_at:
        return consent
    return msgspec.structs.replace(consent, edition=fact.edition, given_at=at)


def registrant(said: Said, ref: str, book: IntakeBook) -> Person:
    """Whom a sender names by its own reference.

    Raises:
        Waits: nobody was registered under it yet.
    """
    key = f"registered/{said.provider}/{book.reference(ref)}"
    person = book.state(book.target(key))
    if not isinstance(person, Person):
        raise Waits(key)
    return person
