"""Flags (確認事項) that somebody has looked at: `flag.resolve`. No flag ever stopped anything; it only stood open."""

from __future__ import annotations

from events import intake as e
from events.messages import RESOLUTIONS, FlagResolve
from services.book import Said, Unusable, one_of
from services.intake.consultations import mention, named_case
from services.intake.contacts import Place, named_contact
from services.intake.domain import IntakeBook
from services.intake.identity import named


def resolve(said: Said, message: FlagResolve, book: IntakeBook) -> None:
    """Resolve the flags of one code, of one call, of a consultation's every contact, or of a registration.

    Raises:
        Waits: the call or the registration did not come yet.
        Unusable: it has no such flag, or it is not said whose.
    """
    one_of("data.resolution", message.resolution, RESOLUTIONS)
    holders: list[tuple[Place | None, str, int]]
    if (message.person or message.person_id) and not (message.call or message.number):
        holders = [(None, named(said, "person", message.person, message.person_id, book).id, 1)]
    else:
        places = _places(said, message, book)
        holders = [(place, place.contact.id, place.contact.matter) for place in places]
        if places[0].case is not None:
            mention(book, places[0].case)
    stands = [(*holder, book.flags_of(*holder[1:])) for holder in holders]
    if not any(_is_meant(message, *key) for *_, flags in stands for key in flags):
        known = ", ".join(sorted({code for *_, flags in stands for code, _ in flags})) or "nothing: it has no flag"
        raise Unusable("data.code", "no such flag on this record", known)
    for place, holder, matter, flags in stands:
        for (code, field), is_open in flags.items():
            if is_open and _is_meant(message, code, field):
                _resolve(said, message, book, place, holder, matter, code, field)


def _is_meant(message: FlagResolve, code: str, field: str | None) -> bool:
    return code == message.code and message.field in (None, field)


def _resolve(
    said: Said,
    message: FlagResolve,
    book: IntakeBook,
    place: Place | None,
    holder: str,
    matter: int,
    code: str,
    field: str | None,
) -> None:
    event = e.FlagResolved(
        contact=holder if place else None,
        case=place.case_id if place else None,
        person=None if place else holder,
        matter=matter,
        code=code,
        field=field,
        resolution=message.resolution,
        provider=said.provider,
    )
    personal = message.personal if isinstance(message.personal, dict) else None
    book.write(event, said.at, personal, place.subject if place else holder)


def _places(said: Said, message: FlagResolve, book: IntakeBook) -> list[Place]:
    """One contact, or by 受付番号 every contact of the consultation."""
    if message.call or not message.number:
        return [named_contact(said, message, book)]
    case = named_case(said, None, message.number, book, book.ward_at(said.at))
    if not case.contacts:
        raise Unusable("data.number", "every contact of it was moved away", "the number to which they were moved")
    return [Place(contact=contact, case=case) for contact in case.contacts]
