"""Which flags (確認事項) a later fact mends, so that nobody has to resolve them by hand. Pure.

Whoever corrects what a flag told of has looked at it. The flag is resolved in the transaction of that correction, by
an event of its own that names the one which mended it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from events import intake as e
from events.intake import Change
from services.book import UNREADABLE, Said
from services.era import is_no_day
from services.intake.contacts import Place
from services.intake.domain import Case, IntakeBook, Person
from services.intake.eligibility import Eligibility

OWN: Final = "what the flag is about"
"""The very field that the flag names has a value that can be used."""

REGISTERED: Final = "registered"
"""The consultation is about somebody on the register."""

ELIGIBLE: Final = "eligible"
"""By what is on the register now, the person was 対象 on that day, or nobody can say that they were not."""

ON_DUTY: Final = "on duty"
"""At the time as it stands now the provider's band and contract held."""

MERGED: Final = "merged"
"""What looked like another one of the same was made one with it, or moved there."""

COMPLETE: Final = "complete"
"""Everything that the form lacked was told since."""

NEVER_MEANT: Final = "never meant to be there"
"""It was put there by mistake: nothing about it needs anybody."""

NOT_COUNTED: Final = "not_counted"
DISTRICT: Final = "district"
WHOSE: Final = ("personal.name", "personal.kana")

_MENDED_BY: dict[str, tuple[str, ...]] = {
    "time-unusable": (OWN,),
    "time-without-offset": (OWN,),
    "time-ahead": (OWN,),
    "outside-hours": (ON_DUTY,),
    "outside-contract": (ON_DUTY,),
    "district-unknown": (DISTRICT,),
    "unknown-district": (DISTRICT,),
    "unknown-handbooks": (OWN,),
    "unknown-reasons": (OWN,),
    "unknown-channel": (OWN,),
    "unknown-not-counted": (OWN,),
    "unknown-came-by": (OWN,),
    "unknown-who": (OWN,),
    "unknown-what": (OWN,),
    "not-a-code": (OWN,),
    "not-a-text": (OWN,),
    "not-a-list": (OWN,),
    "not-a-number": (OWN,),
    "not-true-or-false": (OWN,),
    "not-a-day": (OWN,),
    "missing": (OWN,),
    "birth-date-unusable": (OWN,),
    "personal-unreadable": (OWN,),
    "form-incomplete": (COMPLETE,),
    "matter-missing": (REGISTERED, NOT_COUNTED, *WHOSE),
    "not-registered": (REGISTERED,),
    "unknown-person": (REGISTERED,),
    "registration-withdrawn": (REGISTERED,),
    "other-person": (REGISTERED,),
    "eligibility-age": (ELIGIBLE,),
    "certificate-lapsed": (ELIGIBLE,),
    "unknown-number": (MERGED,),
    "possible-duplicate": (MERGED, NOT_COUNTED),
    # About how it was sent, or how late: no correction of the record changes that, so somebody looks.
    **dict.fromkeys(("sequence-unusable", "unknown-version", "value-unreadable", "unknown-field"), ()),
    **dict.fromkeys(("personal-in-clear", "data-unusable", "not-an-object", "late-entry"), ()),
    **dict.fromkeys(("too-many-matters", "too-many-entries", "more-flags", "unknown-call", "not-beside"), ()),
}
MENDED_BY: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {code: frozenset(facts) for code, facts in _MENDED_BY.items()}
)
"""Every code of a flag, and the facts of which any one mends it; none: only a person resolves it, or `NEVER_MEANT`."""


def mends(facts: frozenset[str], code: str, field: str | None) -> bool:
    """Whether these facts mend a flag of this code about this field."""
    needed = MENDED_BY.get(code, frozenset())
    return NEVER_MEANT in facts or bool(needed & facts) or (OWN in needed and about(field) in facts)


def about(field: str | None) -> str:
    """`district` of `data.matters[0].district`, `danger` of `data.danger[1].what`; a personal part keeps its place."""
    inner = re.sub(r"^data\.(matters\[\d+\]\.)?", "", field or "")
    return inner if inner.startswith("personal") else re.split(r"[.\[]", inner)[0]


def told(changes: Iterable[Change], personal: Mapping[str, object] | None) -> frozenset[str]:
    """What a correction or an adding says: the fields that have a value now, and the personal parts that it told."""
    fields = {change.field for change in changes if change.after is not None}
    parts = {f"personal.{name}" for name, value in (personal or {}).items() if value not in (None, "")}
    parts.discard(f"personal.{UNREADABLE}")
    birth = (personal or {}).get("birth_date")
    if isinstance(birth, str) and is_no_day(birth):
        parts.discard("personal.birth_date")  # It is told again, and is no date this time either.
    return frozenset(fields | parts | ({"personal"} if parts else set()))


def of_eligibility(found: Eligibility) -> frozenset[str]:
    """Whether what a flag says of age or certificate holds no more."""
    holds = found.eligible is False or found.reason == "certificate-lapsed"
    return frozenset() if holds else frozenset({ELIGIBLE})


def of_form(person: Person) -> frozenset[str]:
    """Whether a form that was incomplete has everything by now."""
    return frozenset() if lacking(person) else frozenset({COMPLETE})


def lacking(person: Person) -> list[str]:
    """The personal fields that a form lacked when it came, and was not told since."""
    told_of = [flag.accepted or "" for flag in person.registered.flags if flag.code == "form-incomplete"]
    return [name for text in told_of for name in text.split(", ") if name not in person.completed]


def mend(said: Said, book: IntakeBook, place: Place, facts: frozenset[str], because: str) -> None:
    """Resolve the open flags of a contact that these facts mend. `because`: the event that brought them."""
    contact, matter = place.contact.id, place.contact.matter
    for code, field in _mended(book, contact, matter, facts):
        event = e.FlagResolved(
            contact=contact,
            case=place.case_id,
            matter=matter,
            code=code,
            field=field,
            resolution="corrected",
            provider=said.provider,
            because=because,
        )
        book.write(event, said.at)


def mend_case(said: Said, book: IntakeBook, case: Case, facts: frozenset[str], because: str) -> None:
    """The same for every contact of a consultation."""
    for contact in case.contacts:
        mend(said, book, Place(contact=contact, case=case), facts, because)


def merged(said: Said, case: Case, book: IntakeBook) -> None:
    """A consultation was found to be another one's, as its flags supposed."""
    mend_case(said, book, case, frozenset({MERGED}), e.CaseMerged.name)


def mend_form(said: Said, book: IntakeBook, person: str, facts: frozenset[str], because: str) -> None:
    """The same for a registration."""
    for code, field in _mended(book, person, 1, facts):
        event = e.FlagResolved(
            person=person,
            code=code,
            field=field,
            resolution="corrected",
            provider=said.provider,
            because=because,
        )
        book.write(event, said.at)


def cases_of(person: str, book: IntakeBook) -> list[Case]:
    """The consultations about a person, as far as they were named."""
    states = (book.state(name.target) for name in book.targets(f"cases-of/{person}"))
    return [case for case in states if isinstance(case, Case) and case.person == person]


def reopen(said: Said, book: IntakeBook, case: Case, because: str) -> None:
    """Open again what the link had mended, of the contacts that are still there. `case`: as it stood while linked."""
    here = {(contact.id, contact.matter) for contact in case.contacts}
    for fact in case.by_link:
        if fact.contact is not None and (fact.contact, fact.matter) in here:
            event = e.FlagReopened(
                contact=fact.contact,
                case=case.id,
                matter=fact.matter,
                code=fact.code,
                field=fact.field,
                because=because,
            )
            book.write(event, said.at)


def _mended(book: IntakeBook, holder: str, matter: int, facts: frozenset[str]) -> list[tuple[str, str | None]]:
    if not facts:  # Most of what is added to a card; the table is not read for that.
        return []
    stands = book.flags_of(holder, matter)
    return [key for key, is_open in stands.items() if is_open and mends(facts, *key)]
