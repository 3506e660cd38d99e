"""What a consultation counts as: its year, its band, its district and its one outcome (Rules 1 to 7). Pure.

`as_of` is always exclusive and on the first clock; None means everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

import msgspec

from services.reporting.facts import CaseFacts, ContactFacts, Entry, Facts, home_of, known_by, line_of
from services.reporting.outcomes import Outcome, outcome
from services.ward import Ward

UNKNOWN = "unknown"
ROW = "consultations"
COUNT = "count"


class Standing(NamedTuple):
    """Where a consultation stands. `ward` is what was in force at its first counted contact.

    `counted`: the contacts that count, by id, the first one first.
    """

    ward: Ward
    counted: tuple[tuple[str, ContactFacts], ...]
    outcome: Outcome


def standing(case_id: str, facts: Facts, as_of: datetime | None = None) -> Standing | None:
    """Where a consultation stands; None if it counts nowhere or is part of another."""
    case = _whole(case_id, facts)
    if case is None or not facts.wards:
        return None
    counted = _counted(case, facts, as_of)
    if not counted:
        return None
    ward = facts.ward_at(counted[0][1].at)
    return Standing(ward, counted, outcome(case, ward, as_of))


def entries(case_id: str, facts: Facts, as_of: datetime | None = None) -> tuple[Entry, ...]:
    """The cells of `calls` and `calls-by-district` to which a consultation contributes.

    Two more reports, `pending` and `both`, hold the consultations behind the footnote and behind
    the number that had a placement and a hand-over.
    """
    found = standing(case_id, facts, as_of)
    return () if found is None else tuple(_entries(case_id, facts, found))


def _entries(case_id: str, facts: Facts, found: Standing) -> Iterator[Entry]:
    for contact_id, contact in _units(found):
        ward = facts.ward_at(contact.at)
        year = ward.fiscal_year(contact.at)
        several = contact_id if found.ward.policy.unit == "contact" else ""
        yield Entry("calls", year, ward.band_of(contact.at), found.outcome.key, case_id, several)
        yield Entry("calls-by-district", year, ROW, contact.district or UNKNOWN, case_id, several)
        if found.outcome.pending:
            yield Entry("pending", year, ROW, COUNT, case_id, several)
        if found.outcome.both:
            yield Entry("both", year, ROW, COUNT, case_id, several)


def _units(found: Standing) -> tuple[tuple[str, ContactFacts], ...]:
    match found.ward.policy.unit:
        case "matter":
            return found.counted[:1]
        case "contact":
            return found.counted
        case _:
            assert_never(found.ward.policy.unit)


def pending(case_id: str, facts: Facts, as_of: datetime | None = None) -> bool:
    """Whether a consultation stands in the last column while a hand-over is asked for (うち対応中, Rule 7)."""
    found = standing(case_id, facts, as_of)
    return found is not None and found.outcome.pending


def has_both(case_id: str, facts: Facts, as_of: datetime | None = None) -> bool:
    """Whether a consultation stands under a placement and was handed over too (Rule 6)."""
    found = standing(case_id, facts, as_of)
    return found is not None and found.outcome.both


def is_open(case_id: str, facts: Facts, as_of: datetime | None = None) -> bool:
    """Whether somebody still has to do something: not closed since its last contact.

    A case of contacts that do not count is not open, but for one: silent calls from a registered
    number, and nothing else, stay open until somebody is reached (Rule 2, by policy).
    """
    root = facts.cases.get(case_id)
    if root is None or root.merged_into is not None or not facts.wards:
        return False
    parts = [part for _, part in _parts(case_id, root, facts)]
    contacts = [contact for part in parts for contact in part.contacts.values() if known_by(contact.at, as_of)]
    if not any(_unfinished(part, root, as_of) for part in parts):
        return False
    if any(_is_counted(contact, facts) for contact in contacts):
        return True
    only_silent = all(contact.not_counted == "silent" for contact in contacts)
    known = any(_is_registrants(part, as_of) for part in parts)
    last = max(contact.at for contact in contacts)
    return only_silent and known and facts.ward_at(last).policy.silent_registered == "open"


def _is_registrants(part: CaseFacts, as_of: datetime | None) -> bool:
    """Whether it is about a registrant: by its link, or else by what its contacts say."""
    if part.registered is not None:
        return part.registered
    return any(contact.registered for contact in part.contacts.values() if known_by(contact.at, as_of))


def _unfinished(part: CaseFacts, root: CaseFacts, as_of: datetime | None) -> bool:
    """Neither this part nor the whole was closed since the part's last contact."""
    last = max((contact.at for contact in part.contacts.values() if known_by(contact.at, as_of)), default=None)
    endings = part.closed + root.closed
    return last is not None and not any(known_by(end, as_of) and end >= last for end in endings)


def _counted(case: CaseFacts, facts: Facts, as_of: datetime | None) -> tuple[tuple[str, ContactFacts], ...]:
    """The contacts that count, the first one first; ties go by arrival."""
    contacts = _placed(case).items() if case.lends else case.contacts.items()
    found = [(id_, c) for id_, c in contacts if known_by(c.at, as_of) and _is_counted(c, facts)]
    return tuple(sorted(found, key=lambda named: (named[1].at, named[1].arrived, named[0])))


def _placed(case: CaseFacts) -> dict[str, ContactFacts]:
    """Its contacts, each without a district of its own in that of the registrant to whom it is linked."""
    return {
        id_: contact if contact.district or not case.lends else msgspec.structs.replace(contact, district=case.lends)
        for id_, contact in case.contacts.items()
    }


def _is_counted(contact: ContactFacts, facts: Facts) -> bool:
    if contact.not_counted == "mistaken":  # It was put there by mistake: no ward counts that.
        return False
    return contact.not_counted is None or contact.not_counted not in facts.ward_at(contact.at).policy.not_counted


def _whole(case_id: str, facts: Facts) -> CaseFacts | None:
    """The case with all that it absorbed; None where there is none, or where it is part of another."""
    case = facts.cases.get(case_id)
    if case is None or case.merged_into is not None:
        return None
    return case if not (case.absorbed or case.next or case.prior) else _gathered(case_id, case, facts)


def _gathered(case_id: str, root: CaseFacts, facts: Facts) -> CaseFacts:
    """The case with its parts; what happened since the next one began is the next one's, and so from the one before."""
    whole = CaseFacts()
    for part_id, part in _parts(case_id, root, facts):
        for contact_id, contact in _placed(part).items():
            told = whole.contacts.get(contact_id)
            if told is None or told.not_counted is not None:  # One contact about both counts if it did under either.
                whole.contacts[contact_id] = contact
        for told_id in line_of(part_id, facts) if part.next or part.prior else [part_id]:
            _take(whole, told_id, part_id, facts)
    return whole


def _take(whole: CaseFacts, told_id: str, home: str, facts: Facts) -> None:
    """Of what was told of one case, what belongs to another of its line, or to itself."""
    told = facts.cases.get(told_id) or CaseFacts()
    for placement, place in told.placements.items():
        if home_of(told_id, _first(place.arranged_at, place.cancelled_at), facts) == home:
            whole.placements[placement] = place
    for handover, passing in told.handovers.items():
        times = (passing.offered_at, passing.accepted_at, passing.declined_at, passing.withdrawn_at)
        if home_of(told_id, _first(*times, passing.expired_at, passing.returned_at), facts) == home:
            whole.handovers[handover] = passing


def _first(*moments: datetime | None) -> datetime:
    """When something was first told of; each thing has one such moment at least."""
    return next(moment for moment in moments if moment is not None)


def _parts(case_id: str, root: CaseFacts, facts: Facts) -> list[tuple[str, CaseFacts]]:
    """The case and all that was merged into it, and into those."""
    parts = [(case_id, root)]
    for _, part in parts:  # Grows while it is read.
        parts += [(absorbed, facts.cases[absorbed]) for absorbed in part.absorbed]
    return parts
