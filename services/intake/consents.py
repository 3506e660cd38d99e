"""Consents to share (情報提供の同意): to whom, since when, by which text; what is not agreed to is not sent."""

from __future__ import annotations

from typing import Any

from events import intake as e
from events.messages import ConsentGive, ConsentWithdraw
from services.book import Said, Unusable, is_after_contract, told
from services.cases import organisation
from services.directory import folded, words_naming
from services.intake.domain import IntakeBook, Person
from services.intake.fields import WITHIN_CONTRACT
from services.intake.identity import named


def decide(said: Said, book: IntakeBook) -> None:
    """Let a message about a consent have its effect.

    Raises:
        Waits: it speaks of a person not heard of yet.
        Unusable: it cannot be used as it is.
    """
    match said.type:
        case "consent.give":
            _give(said, told(said.data, ConsentGive), book)
        case "consent.withdraw":
            _withdraw(said, told(said.data, ConsentWithdraw), book)
        case _:
            raise Unusable("type", "unknown")


def _give(said: Said, message: ConsentGive, book: IntakeBook) -> None:
    person = named(said, "person", message.person, message.person_id, book)
    to = _receiver(said, message.to, person, book)
    edition = None if message.edition is None else organisation("data.edition", message.edition)
    personal: dict[str, Any] | None = message.personal if isinstance(message.personal, dict) else None
    stands = person.consent(to)
    if not stands.in_force or stands.edition != edition or personal:
        given = e.ConsentGiven(person=person.id, to=to, edition=edition, given_on=said.at.date())
        book.write(given, said.at, personal, person.id)


def _withdraw(said: Said, message: ConsentWithdraw, book: IntakeBook) -> None:
    """A word against sharing is kept also where no consent was heard of: it may still be on its way.

    It holds whoever passes it on: from one whose contract was over by then it is flagged, for somebody to look.
    """
    person = named(said, "person", message.person, message.person_id, book)
    to = _receiver(said, message.to, person, book)
    stands = person.consent(to)
    if stands.in_force or stands.withdrawn_at is None:
        if is_after_contract(said, book):
            book.flags.append(e.Flag(code="outside-contract", field="time", accepted=WITHIN_CONTRACT))
        event = e.ConsentWithdrawn(person=person.id, to=to, ended_on=said.at.date(), flags=tuple(book.flags))
        book.write(event, said.at)


def _receiver(said: Said, given: str, person: Person, book: IntakeBook) -> str:
    """The name of a receiver: that under which this person's consent to it is known, by whichever word of the directory
    it is named now; otherwise as it is told.
    """
    name = organisation("data.to", given)
    words = words_naming(name, book.ward_at(said.at).agency)
    known = sorted((each for each in person.consents if folded(each.to) in words), key=lambda each: not each.in_force)
    return known[0].to if known else name
