"""The nouns of the reporting tests: what happened, told in one line each. Times are the ward's own clock.

Everything has a default, so that a test names only what it is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from events import Event, Recorded, encode_data
from events.handover import HandedOver, HandoverDeclined, HandoverOffered, HandoverReturned, HandoverWithdrawn
from events.intake import (
    CallCorrected,
    CallReceived,
    CaseClosed,
    CaseMerged,
    CaseSplit,
    Change,
    ContactMoved,
    PersonMerged,
    PersonRegistered,
    PersonSplit,
    RegistrationCorrected,
    RegistrationReinstated,
    RegistrationWithdrawn,
    WardActivated,
)
from events.placement import PlacementArranged, PlacementCancelled
from services.reporting.facts import Facts
from services.reporting.fold import all_entries, fold
from services.reporting.report import Report, Value
from services.reporting.rules import always
from services.reporting.tables import Name, build
from services.ward import Ward, load

WARD = load(Path(__file__).parents[1] / "deploy" / "wards" / "setagaya.toml")
NOON = "2025-05-12 12:00"
"""A Monday, in the day band."""
NIGHT = "2025-05-12 22:10"
NEXT_DAY = "2025-05-13 10:00"
LATER = "2025-05-14 10:00"


class Happened(NamedTuple):
    """An event, the service that tells it, and when it happened."""

    service: str
    at: datetime
    event: Event


def at(text: str) -> datetime:
    """2025-05-12 12:00 on the ward's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=WARD.zone)


def with_policy(ward: Ward = WARD, **choices: Any) -> Ward:
    """The ward, but with other choices where the published papers leave some."""
    return msgspec.structs.replace(ward, policy=msgspec.structs.replace(ward.policy, **choices))


def activated(ward: Ward, since: str = "2022-08-26 00:00") -> Happened:
    return Happened("intake", at(since), WardActivated(ward=ward.id, effective_from=at(since), content=ward.content()))


def contact(
    case: str | None = "A",
    on: str = NOON,
    *,
    id: str | None = None,  # noqa: A002  (the word of the field)
    district: str | None = "kitazawa",
    not_counted: str | None = None,
    person: str | None = None,
    registered: bool = False,
    entered: str | None = None,
) -> Happened:
    """A contact with the line, by default the only one of case A."""
    event = CallReceived(
        contact=id or f"{case}@{on}",
        case=case,
        person=person,
        number="R7-0001",
        provider="day",
        case_ref=case and f"ref-{case}",
        district=district,
        registered=registered,
        not_counted=not_counted,
        entered=at(entered) if entered else None,
    )
    return Happened("intake", at(on), event)


def contact_corrected(contact_id: str, case: str | None = "A", **changes: Any) -> Happened:
    """Each change is field=what it says now."""
    told = tuple(Change(field=field, before=None, after=after) for field, after in changes.items())
    return Happened("intake", at(LATER), CallCorrected(contact=contact_id, case=case, changes=told))


def contact_moved(contact_id: str, case: str, to: str, on: str = NOON) -> Happened:
    """`on` is when the contact was, which the event repeats."""
    event = ContactMoved(
        contact=contact_id,
        case=case,
        to_case=to,
        to_number="R7-0002",
        provider="day",
        case_ref=f"ref-{to}",
        person="P",
        contact_at=at(on),
        because="after-closing",
    )
    return Happened("intake", at(LATER), event)


def closed(case: str = "A", on: str = LATER) -> Happened:
    return Happened("intake", at(on), CaseClosed(case=case, reason="settled"))


def merged(case: str, into: str) -> Happened:
    return Happened("intake", at(LATER), CaseMerged(case=case, into=into))


def split(case: str, of: str) -> Happened:
    return Happened("intake", at(LATER), CaseSplit(case=case, from_case=of))


def arranged(
    kind: str = "short-stay",
    on: str = NEXT_DAY,
    *,
    case: str = "A",
    id: str | None = None,  # noqa: A002  (the word of the field)
    begins: str | None = None,
    by: str = "centre",
) -> Happened:
    event = PlacementArranged(
        placement=id or f"{case}-{kind}",
        case=case,
        provider="day",
        kind=kind,
        by=by,
        begins_at=at(begins) if begins else None,
    )
    return Happened("placement", at(on), event)


def cancelled(kind: str = "short-stay", on: str = LATER, *, case: str = "A") -> Happened:
    return Happened("placement", at(on), PlacementCancelled(placement=f"{case}-{kind}", case=case))


def offered(kind: str = "agency", on: str = NEXT_DAY, *, case: str = "A") -> Happened:
    event = HandoverOffered(handover=f"{case}-{kind}", case=case, provider="day", kind=kind, to="port")
    return Happened("handover", at(on), event)


def handed_over(kind: str = "agency", on: str = NEXT_DAY, *, case: str = "A") -> Happened:
    event = HandedOver(handover=f"{case}-{kind}", case=case, provider="day", kind=kind, giver="day", to="port")
    return Happened("handover", at(on), event)


def declined(kind: str = "agency", on: str = LATER, *, case: str = "A") -> Happened:
    return Happened("handover", at(on), HandoverDeclined(handover=f"{case}-{kind}", case=case))


def withdrawn(kind: str = "agency", on: str = LATER, *, case: str = "A") -> Happened:
    return Happened("handover", at(on), HandoverWithdrawn(handover=f"{case}-{kind}", case=case))


def returned(kind: str = "agency", on: str = LATER, *, case: str = "A") -> Happened:
    return Happened("handover", at(on), HandoverReturned(handover=f"{case}-{kind}", case=case))


def registered(
    person: str = "P",
    on: str = "2023-01-10",
    *,
    district: str | None = "kitazawa",
    handbooks: Sequence[str] | None = ("intellectual",),
    age: int | None = 30,
    legal_age: int | None = None,
) -> Happened:
    event = PersonRegistered(
        person=person,
        provider="contractor",
        registered_on=date.fromisoformat(on),
        district=district,
        handbooks=None if handbooks is None else tuple(handbooks),
        age=age,
        legal_age=age if legal_age is None else legal_age,
    )
    return Happened("intake", at(f"{on} 09:00"), event)


def registration_corrected(person: str = "P", **changes: Any) -> Happened:
    told = tuple(Change(field=field, before=None, after=after) for field, after in changes.items())
    return Happened("intake", at(LATER), RegistrationCorrected(person=person, changes=told))


def left(person: str = "P", on: str = "2023-06-01") -> Happened:
    event = RegistrationWithdrawn(person=person, withdrawn_on=date.fromisoformat(on), reason="moved-away")
    return Happened("intake", at(f"{on} 09:00"), event)


def came_back(person: str = "P", on: str = "2023-09-01") -> Happened:
    event = RegistrationReinstated(person=person, reinstated_on=date.fromisoformat(on))
    return Happened("intake", at(f"{on} 09:00"), event)


def same_person(person: str, into: str) -> Happened:
    return Happened("intake", at(LATER), PersonMerged(person=person, into=into))


def not_the_same_person(person: str, of: str) -> Happened:
    return Happened("intake", at(LATER), PersonSplit(person=person, from_person=of))


def recorded(*history: Happened, synthetic: bool = False) -> list[Recorded]:
    """The ledger of a history: each service counts its own positions, in the order given."""
    positions: Counter[str] = Counter()
    return [_record(happened, positions, synthetic) for happened in history]


def _record(happened: Happened, positions: Counter[str], synthetic: bool) -> Recorded:
    positions[happened.service] += 1
    position = positions[happened.service]
    return Recorded(
        specversion="1.0",
        id=f"{happened.service}-{position}",
        source=f"yoake/{happened.service}",
        type=happened.event.name,
        version=happened.event.version,
        subject=happened.event.about,
        time=happened.at,
        recordedat=datetime(2025, 6, 1, tzinfo=UTC) + timedelta(seconds=position),
        ward=WARD.id,
        service=happened.service,
        epoch=1,
        position=position,
        case=happened.event.case_id,
        causation="message:day/adapter#1",
        correlation=happened.event.about,
        synthetic=synthetic,
        data=encode_data(happened.event),
    )


def given(*history: Happened, ward: Ward = WARD) -> Facts:
    """The facts after a history, under a ward's rules."""
    return fold(recorded(activated(ward), *history))


def figures(facts: Facts, report: str = "calls", before: str | None = None) -> dict[tuple[str, str], int]:
    """The cells of a report that are not zero, by row and column; `before`: as of that moment."""
    entries = all_entries(facts, at(before) if before else None)
    return dict(Counter((entry.row, entry.column) for entry in entries if entry.report == report))


def years(facts: Facts, report: str = "calls") -> list[int]:
    """The fiscal years under which the counts of a report fall."""
    return sorted(entry.year for entry in all_entries(facts) if entry.report == report)


def table(name: str, *history: Happened, ward: Ward = WARD, **asked: Any) -> Report:
    """A report on a history, by one of the names in REPORTS; `asked` are the options of `build`."""
    as_of = asked.get("as_of")
    entries = all_entries(given(*history, ward=ward), ward.end_of(as_of) if as_of else None)
    return build(cast("Name", name), always(ward), entries, **asked)


def row(report: Report, key: str) -> list[Value]:
    """The values of one row, from left to right."""
    return [cell.value for cell in report.cells if cell.row == key]


def column(report: Report, key: str) -> list[Value]:
    """The values of one column, from top to bottom."""
    return [cell.value for cell in report.cells if cell.column == key]


def keys(headings: Iterable[Any]) -> list[str]:
    """The keys of headings, in their order."""
    return [heading.key for heading in headings]
