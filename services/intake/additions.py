"""A card is half-filled while somebody talks, and filled in further as it is typed: `call.add` (追記).

Nothing told here is ever refused for what it says: what does not fit becomes a flag. Nothing that
stood there is blanked, no attempt is replaced, and the time stays: those are corrections.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from events import intake as e
from events.intake import Attempt, CallBack, Card, Change
from services.book import Said, Unusable, is_after_contract
from services.intake import card as cards
from services.intake.consultations import mention
from services.intake.contacts import (
    CHANNELS,
    NOT_COUNTED,
    Place,
    is_on_register,
    named_contact,
    reference,
    registrant,
    says_district,
)
from services.intake.domain import IntakeBook, Person
from services.intake.fields import WITHIN_CONTRACT, Fields, words
from services.intake.mending import REGISTERED, mend, told
from services.ward import Ward

WHICH = ("call", "source", "number", "matter")
ADD_FIELDS = cards.CARD_FIELDS | {
    *WHICH,
    *("person", "district", "channel", "not_counted", "third_party", "reasons", "personal"),
}


class _Which(msgspec.Struct, frozen=True):
    """Which contact is meant; this part alone is read strictly, or something would be added to the wrong one."""

    call: str | None = None
    source: str | None = None
    number: str | None = None
    matter: int = 1


def add(said: Said, book: IntakeBook) -> None:
    """Add to a contact what was not told before, or is told anew.

    Raises:
        Waits: the call did not come yet.
        Unusable: it does not say which call, or that has no such matter.
    """
    place, ward = named_contact(said, _which(said), book), book.ward_at(said.at)
    fields = Fields(said.data, "data", ADD_FIELDS, list(said.flags), {})
    if is_after_contract(said, book):
        fields.flag_time("outside-contract", WITHIN_CONTRACT)
    changes = list(_changes(fields, place, said, ward))
    person = _person(fields, place, said, book)
    if person is not None:
        assert place.case is not None, "a person is a consultation's"
        changes.append(Change(field="person", before=place.case.person, after=person.id))
    danger = _new_attempts(cards.attempts(fields, said, ward), place.contact.card or Card())
    fields.birth_date()
    personal = words(said, fields.personal(), fields.raw)
    book.flags += fields.flags
    if changes or danger or personal or len(fields.flags) > len(said.flags):
        event = e.CallAdded(
            contact=place.contact.id,
            case=place.case_id,
            number=place.case.number if place.case else None,
            person=(person.id if person else place.case.person) if place.case else None,
            changes=tuple(changes),
            danger=danger,
            registered=is_on_register(person, place.contact.at) if person else None,
            matter=place.contact.matter,
            flags=tuple(fields.flags),
        )
        book.write(event, said.at, personal, event.person or place.subject)
        facts = told(changes, fields.personal()) | ({REGISTERED} if event.registered else set())
        mend(said, book, place, facts, event.name)
    if place.case is not None:
        mention(book, place.case)


def _which(said: Said) -> _Which:
    given = {name: said.data[name] for name in WHICH if said.data.get(name) is not None}
    try:
        return msgspec.convert(given, _Which)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise Unusable(f"data.{path.rstrip('`')}", reason, "the id of a call.report; matter: 1, 2, …") from error


def _changes(fields: Fields, place: Place, said: Said, ward: Ward) -> list[Change]:
    contact, card = place.contact, place.contact.card or Card()
    told: dict[str, tuple[Any, Any]] = {
        "district": (contact.district, _district(fields, ward)),
        "channel": (contact.channel, fields.choice("channel", CHANNELS)),
        "not_counted": (contact.not_counted, fields.choice("not_counted", NOT_COUNTED)),
        "reasons": (contact.reasons, fields.choices("reasons", ward.words["reason"])),
        "third_party": (card.third_party, fields.truth("third_party")),
        "safe_until": (card.safe_until, fields.moment("safe_until", ward, said.arrived, promised=True)),
        "medication_at": (card.medication_at, fields.moment("medication_at", ward, said.arrived, promised=True)),
        "call_back": (card.call_back, _call_back(card.call_back, cards.call_back(fields, said, ward))),
        "abuse_suspected": (card.abuse_suspected, fields.truth("abuse_suspected")),
    }
    return [changed(field, *values) for field, values in told.items() if values[1] not in (None, values[0])]


def _district(fields: Fields, ward: Ward) -> str | None:
    return fields.choice("district", ward.words["district"]) if says_district(fields) else None


def changed(field: str, before: Any, after: Any) -> Change:
    """A change with plain values, as they are read again from the log."""
    return Change(field=field, before=msgspec.to_builtins(before), after=msgspec.to_builtins(after))


def _call_back(stands: CallBack | None, told: CallBack | None) -> CallBack | None:
    """The hour may be told first, and later who it is that rings."""
    if stands is None or told is None:
        return told
    return CallBack(by=told.by or stands.by, who=told.who or stands.who)


def _new_attempts(told: tuple[Attempt, ...], card: Card) -> tuple[Attempt, ...]:
    """Those that do not stand there yet; of equal ones, as many as are told more often than they stand there."""
    stands = Counter(card.danger)
    new = []
    for attempt in told:
        if stands[attempt] > 0:
            stands[attempt] -= 1
        else:
            new.append(attempt)
    return tuple(new)


def _person(fields: Fields, place: Place, said: Said, book: IntakeBook) -> Person | None:
    """The registrant whom the call is found to be about, by the sender's own reference; None: nothing changes.

    As in a call, a reference that nobody has yet stands for this person from now on. It never takes a
    call from one registrant to another: that is a link, which has to be undone first.
    """
    ref = reference(fields, "person", book)
    if ref is None:
        return None
    if place.case is None or place.case.person is None:
        fields.flag("matter-missing", "person", "a call.report with a matter about this person")
        return None
    key = f"person/{said.provider}/{ref}"
    known = book.targets(key)
    if not known:
        book.name(key, place.case.person, said.at)
        book.name(f"cases-of/{place.case.person}", place.case.id, said.at)  # They may be registered later.
        if registrant(place.case.person, book) is None:
            fields.flag("unknown-person", "person")
        return None
    found, stands = registrant(known[-1].target, book), registrant(place.case.person, book)
    if known[-1].target == place.case.person or (found and stands and found.id == stands.id):
        return None
    if stands is not None:
        fields.flag("other-person", "person", "call.link, after call.unlink where it was linked")
        return None
    if found is None:
        fields.flag("unknown-person", "person")
    else:
        book.name(f"cases-of/{found.id}", place.case.id, said.at)
    return found
