"""A consultation as it stands now, as its card shows it: each contact as added to, corrected and moved, with the parts.

Read from the ledger alone, and folded by the same rules as intake's own (`services.contact`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from events import Recorded, event_of
from events.intake import CallAdded, CallCorrected, CallReceived, CaseClosed, ContactMoved
from services.contact import Contact, arrived, filled, told_of
from services.reporting.facts import CaseFacts
from services.reporting.ledger import LedgerReader, Row

MISTAKEN = "mistaken"
"""Somebody was put on a card by mistake: nothing of that was ever about them."""

MOST_PARTS = 100
"""How many consultations are read that were merged, or between which contacts were moved."""

OF_A_CALL = (CallReceived.name, CallAdded.name, CallCorrected.name, ContactMoved.name)

Finds = Callable[[str], CaseFacts | None]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A contact, and what was recorded of it, in the ledger's order."""

    contact: Contact
    records: tuple[Recorded, ...]


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A consultation with its parts. `held`: the contacts in the order of their times, without what was a mistake.

    `lends`: while it is linked, the registrant's district. `records`: everything about it and its parts.
    """

    cases: tuple[str, ...]
    number: str | None
    lends: str | None
    held: tuple[Held, ...]
    records: tuple[Recorded, ...]

    @property
    def contacts(self) -> list[Contact]:
        """The contacts alone."""
        return [each.contact for each in self.held]

    @property
    def first(self) -> Contact | None:
        """The contact by which it counts, or its first one where none counts."""
        return next((each for each in self.contacts if each.not_counted is None), next(iter(self.contacts), None))

    @property
    def district(self) -> str | None:
        """That of its first contact; or the registrant's to whom it is linked, or what another contact told."""
        first = self.first.district if self.first else None
        return first or self.lends or next((each.district for each in self.contacts if each.district), None)


def whole(case: str, ledger: LedgerReader, finds: Finds) -> Whole:
    """A consultation as it stands in the ledger; what was merged into another is told with that other."""
    cases = _together(case, finds)
    own = {each: ledger.history(each) for each in cases}
    rows = {row.position: row for history in own.values() for row in history}
    held = [found for each in cases for found in _held(each, own[each], ledger)]
    facts = {each: finds(each) for each in cases}
    known = [each for each in (facts[case], *facts.values()) if each]
    return Whole(
        cases=tuple(cases),
        number=next((each.number for each in known if each.number), None),
        lends=next((each.lends for each in known if each.lends), None),
        held=tuple(sorted(held, key=lambda each: each.contact.at)),
        records=tuple(rows[position].event for position in sorted(rows)),
    )


def _together(case: str, finds: Finds) -> list[str]:
    """A consultation, that of which it is a part, and everything that is a part of the same."""
    root, seen = case, {case}
    while (facts := finds(root)) and facts.merged_into and facts.merged_into not in seen:
        root = facts.merged_into
        seen.add(root)
    found = [root]
    for each in found:
        facts = finds(each)
        found += [part for part in (facts.absorbed if facts else ()) if part not in found][: MOST_PARTS - len(found)]
    return found if case in found else [case, *found]


def _held(case: str, rows: Sequence[Row], ledger: LedgerReader) -> list[Held]:
    """The contacts that belong to a consultation now, wherever they were put at first."""
    records = [row.event for row in rows]
    contacts = _folded(case, records)
    told = [record for record in _with_earlier(case, rows, ledger) if record.type in OF_A_CALL]
    return [
        Held(contact=contact, records=tuple(record for record in told if _contact_of(record) == contact.id))
        for contact in contacts
        if contact.not_counted != MISTAKEN
    ]


def _folded(case: str, records: Iterable[Recorded]) -> list[Contact]:
    found: list[Contact] = []
    for record in records:
        match event_of(record):
            case CallReceived(about=about) as fact if about == case:
                found.append(arrived(fact, record.time))
            case ContactMoved(to_case=to) as fact if to == case:
                found.append(arrived(fact, fact.contact_at))
            case ContactMoved(case=left, contact=contact) if left == case:
                found = [each for each in found if each.id != contact]
            case CaseClosed(case=about, moved=moved) if about == case:
                found = [each for each in found if each.id not in moved]
            case CallAdded(about=about) | CallCorrected(about=about) as fact if about == case:
                found = _changed(found, fact)
            case _:
                pass  # Nothing else changes a contact.
    return found


def _changed(contacts: list[Contact], fact: CallAdded | CallCorrected) -> list[Contact]:
    values = told_of(fact)
    values.pop("person", None)
    if "case" in values:
        return [each for each in contacts if each.id != fact.contact]
    added = fact.danger if isinstance(fact, CallAdded) else ()
    return [filled(each, values, added) if each.id == fact.contact else each for each in contacts]


def _with_earlier(case: str, rows: Iterable[Row], ledger: LedgerReader) -> list[Recorded]:
    """What was recorded of a consultation's contacts, also while they stood under others."""
    found = {row.position: row.event for row in rows}
    wanted, seen = _came_from(case, found.values()), {case}
    while wanted and len(seen) < MOST_PARTS:
        earlier = wanted.pop()
        seen.add(earlier)
        found |= {row.position: row.event for row in ledger.history(earlier)}
        wanted |= _came_from(earlier, found.values()) - seen
    return [found[position] for position in sorted(found)]


def _came_from(case: str, records: Iterable[Recorded]) -> set[str]:
    moves = [event_of(record) for record in records if record.type == ContactMoved.name]
    return {each.case for each in moves if isinstance(each, ContactMoved) and each.to_case == case}


def _contact_of(record: Recorded) -> str | None:
    contact = msgspec.json.decode(record.data).get("contact")
    return contact if isinstance(contact, str) else None
