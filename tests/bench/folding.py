"""How fast one core folds a ledger from its stored rows, from nothing to the facts behind every table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from uuid import UUID

import msgspec

from events import SPECVERSION, Event, Recorded, encode, encode_data
from events.handover import HandedOver, HandoverOffered
from events.intake import CallReceived, PersonRegistered, WardActivated
from events.placement import PlacementArranged
from services.journal import Journal
from services.reporting.inquiry import Inquiry
from services.reporting.ledger import LEDGER_TABLES, Entry
from services.ward import load
from tests.running import WARD

TOPOLOGY = "one process, one core; SQLite; six calls, two hand-over events, a placement and a registration in each ten"
PAGE = 10_000
AGENCY = "架空相談支援事業所"
WARD_NOW = load(WARD)


def ledger_of(directory: Path, count: int, seed: int = 1) -> Journal:
    """A ledger of so many synthetic events, the ward's file first."""
    journal = Journal(f"sqlite:///{directory}/reporting.db", "reporting", WARD_NOW.id, tables=LEDGER_TABLES)
    events = islice(_events(Random(seed)), count)
    while page := list(islice(events, PAGE)):
        now = journal.now()
        entries = [Entry(n, now, msgspec.Raw(encode(event))) for n, event in enumerate(page, journal.head + 1)]
        rows = [(e.subject, e.type, msgspec.json.encode(entry)) for e, entry in zip(page, entries, strict=True)]
        with journal.transaction() as connection:
            journal.store(connection, rows, now)
    return journal


def _events(random: Random) -> Iterator[Recorded]:
    opens = WARD_NOW.start_of(WARD_NOW.ward.registration_opens)
    positions = {"intake": 0, "placement": 0, "handover": 0}

    def recorded(service: str, event: Event, at: datetime) -> Recorded:
        positions[service] += 1
        return Recorded(
            specversion=SPECVERSION,
            id=own_id(),
            source=f"/yoake/{WARD_NOW.id}/{service}",
            type=event.name,
            version=event.version,
            subject=event.about,
            time=at,
            recordedat=datetime.now(UTC),
            ward=WARD_NOW.id,
            service=service,
            epoch=1,
            position=positions[service],
            case=event.case_id,
            causation=f"message:contractor//test/desk#{positions[service]}",
            correlation=event.about,
            synthetic=True,
            data=encode_data(event),
        )

    def own_id() -> str:
        return str(UUID(int=random.getrandbits(128), version=4))

    yield recorded("intake", WardActivated(ward=WARD_NOW.id, effective_from=opens, content=WARD_NOW.content()), opens)
    districts = [district.key for district in WARD_NOW.district]
    reasons = [reason.key for reason in WARD_NOW.reason]
    kinds = [placement.key for placement in WARD_NOW.placement]
    number = 0
    while True:
        number += 1
        at = WARD_NOW.local(opens + timedelta(days=random.randrange(40, 900), minutes=random.randrange(1440)))
        case, person = own_id(), own_id()
        registered = PersonRegistered(
            person=person,
            provider="contractor",
            ref=f"P-{number}",
            registered_on=at.date(),
            district=random.choice(districts),
            handbooks=("intellectual",),
            certificate=True,
            age=random.randrange(70),
            legal_age=30,
        )
        yield recorded("intake", registered, at)
        for contact in range(6):
            call = CallReceived(
                contact=own_id(),
                case=case if contact < 2 else own_id(),
                person=person,
                number=f"R5-{number}",
                provider="contractor",
                case_ref=f"C-{number}-{max(0, contact - 1)}",
                district=random.choice(districts),
                registered=True,
                reasons=(random.choice(reasons),),
            )
            yield recorded("intake", call, at + timedelta(minutes=contact))
        placement = PlacementArranged(
            placement=own_id(),
            case=case,
            provider="contractor",
            ref=f"S-{number}",
            kind=random.choice(kinds),
            by="centre",
        )
        yield recorded("placement", placement, at + timedelta(hours=1))
        passing = own_id()
        offered = HandoverOffered(
            handover=passing,
            case=case,
            provider="contractor",
            ref=f"H-{number}",
            kind="agency",
            to=AGENCY,
        )
        yield recorded("handover", offered, at + timedelta(hours=2))
        accepted = HandedOver(
            handover=passing,
            case=case,
            provider="contractor",
            ref=f"H-{number}",
            kind="agency",
            giver="contractor",
            to=AGENCY,
        )
        yield recorded("handover", accepted, at + timedelta(hours=3))


def rate(journal: Journal) -> float:
    """Events a second."""
    began = perf_counter()
    facts = Inquiry(journal.engine, journal.log).facts()
    took = perf_counter() - began
    assert facts.cases
    return journal.head / took


def rates(count: int, rounds: int) -> list[float]:
    """One ledger, folded as often as there are rounds."""
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory:
        journal = ledger_of(Path(directory), count)
        try:
            return [rate(journal) for _ in range(rounds)]
        finally:
            journal.close()
