"""Which contact a message is about, whom it concerns, and the words that are the same in every ward."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

import msgspec

from services.book import Said, Unusable
from services.contact import Contact
from services.era import folded
from services.intake.consultations import named_case
from services.intake.domain import Case, IntakeBook, Person
from services.intake.fields import Fields

MISTAKEN = "mistaken"
"""Not counted in any ward: it was put there by mistake, as somebody on a card whom the call was not about."""

NOT_COUNTED = {
    word: kind
    for kind, spoken in (
        ("silent", "無言"),
        ("wrong-number", "間違い"),
        ("enquiry", "問合せ"),
        ("exercise", "訓練"),
        (MISTAKEN, "誤記入"),
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
NOT_KNOWN = ("", "不明", "unknown")
"""How a sender says that a district is not known."""


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A contact, and the consultation to which it belongs now; None for one about nobody."""

    contact: Contact
    case: Case | None

    @property
    def case_id(self) -> str | None:
        return self.case.id if self.case else None

    @property
    def subject(self) -> str:
        """Whose key seals what is personal."""
        return (self.case.person or self.case.id) if self.case else self.contact.id


class SaysWhich(Protocol):
    """A message that names a contact; see `events.messages.CallAdd`."""

    @property
    def call(self) -> str | None: ...
    @property
    def source(self) -> str | None: ...
    @property
    def number(self) -> str | None: ...
    @property
    def matter(self) -> int: ...


def named_contact(said: Said, message: SaysWhich, book: IntakeBook) -> Place:
    """The contact that a message names: by its `call.report`, or by a 受付番号: the last one of a consultation, or one
    about nobody.

    Raises:
        Waits: nothing has this name yet.
        Unusable: no name is given, or the contact has no such matter.
    """
    if message.call:
        return reported(said, message.call, message.source, message.matter, book)
    if not message.number:
        raise Unusable("data.call", "missing", "`call` (the id of its call.report) or `number` (our 受付番号)")
    if (lone := _lone(message.number, book)) is not None:
        return Place(contact=lone, case=None)
    case = named_case(said, None, message.number, book, book.ward_at(said.at))
    if not case.contacts:
        raise Unusable("data.number", "every contact of it was moved away", "the number to which they were moved")
    return Place(contact=max(case.contacts, key=lambda contact: contact.at), case=case)


def _lone(number: str, book: IntakeBook) -> Contact | None:
    """The contact about nobody to which a 受付番号 was given; None: it is a consultation's, or nobody's yet."""
    names = book.targets(f"lone/{book.reference(folded(number).upper())}")
    state = book.state(names[-1].target) if names else None
    return state if isinstance(state, Contact) else None


def reported(said: Said, call: str, source: str | None, matter: int, book: IntakeBook) -> Place:
    """The contact that one of the sender's own `call.report` was about, where it stands now.

    Where that report was about further persons of a contact, its first matter is the first of those.

    Raises:
        Waits: that message did not come yet.
        Unusable: the contact has no such matter.
    """
    from_ = book.reference(source) if source else said.source
    own = f"{said.provider}/{from_}#{book.reference(call)}"
    contact_id = book.target(f"call/{own}")
    for name in book.targets(f"beside/{own}"):
        matter += int(name.target)
    for name in reversed(book.targets(f"contact/{contact_id}/{matter}")):
        state = book.state(name.target)
        if isinstance(state, Contact):
            return Place(contact=state, case=None)
        assert isinstance(state, Case), "a contact is its own or a case's"
        for contact in state.contacts:
            if contact.id == contact_id:
                return Place(contact=contact, case=state)
    raise Unusable("data.matter", "this contact has no such matter", "1, or which of its matters")


def registrant(person: str | None, book: IntakeBook) -> Person | None:
    """The registration under a person's id, or that into which it was merged; None for somebody unregistered."""
    state = book.state(person) if person else None
    while isinstance(state, Person) and state.merged_into:
        state = book.state(state.merged_into)
    return state if isinstance(state, Person) else None


def is_on_register(person: Person, at: datetime) -> bool:
    """Whether a registrant had not left the register on the day of a moment, as far as was heard."""
    return person.withdrawn_on is None or person.withdrawn_on > at.date()


def least_age(person: Person, day: date) -> int | None:
    """The legal age that somebody has at least: the birth date is sealed, so the next birthday is not known."""
    at, age = person.registered.registered_on, person.registered.legal_age
    if age is None or day < at:
        return age
    return age + day.year - at.year - ((day.month, day.day) < (at.month, at.day))


def reference(fields: Fields, name: str, book: IntakeBook) -> str | None:
    """A sender's own reference, as it may stand in clear."""
    given = fields.text(name)
    return book.reference(given) if given else None


def says_district(fields: Fields) -> bool:
    """Whether a district was told, rather than nothing, or that it is not known (不明)."""
    given = fields.given("district")
    return given is not None and not (isinstance(given, str) and folded(given) in NOT_KNOWN)
