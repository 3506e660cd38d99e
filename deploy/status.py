"""`yoake status`: how far everything is, what is held back, and what is degraded; also while things are broken."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import sqlalchemy as sa

from deploy.datadir import DataDirectory, is_alive
from deploy.looking import StreamStatus, look_at_bus, what_is_degraded
from deploy.opened import open_journal
from deploy.setback import older_than_marks
from services.database import DatabaseError
from services.degraded import Degraded
from services.hearing import Cursors
from services.journal import Journal, JournalError
from services.reporting.inquiry import Inquiry
from services.reporting.report import Gap
from services.settings import FRONT, SERVICES, Settings
from services.subjects import WRITERS
from services.tables import PARKED, WAITING

MOST_HELD = 100


class ServiceStatus(msgspec.Struct, frozen=True):
    """One service. Lags are in messages; None: NATS does not run, so that nobody can say."""

    service: str
    running: bool
    position: int
    published: int | None
    relay_lag: int | None
    inbox_lag: int | None
    events_lag: int | None
    waiting: int
    parked: int
    conflicts: int
    ledger_has: int


class FrontStatus(msgspec.Struct, frozen=True):
    """The front process (窓口), and where it shows the pages; None: nowhere, since Yoake does not run here."""

    running: bool
    pages: str | None


class LedgerStatus(msgspec.Struct, frozen=True):
    """The ledger: whether it holds every event of every service."""

    position: int
    root: str
    complete: bool
    synthetic: bool


class Held(msgspec.Struct, frozen=True):
    """A message that waits, is parked or conflicts: whose it is, since when, and why. Never what it says."""

    service: str
    kind: str
    provider: str
    source: str
    id: str
    arrived: str
    why: str


class Status(msgspec.Struct, frozen=True):
    """Everything `yoake status` says. A service whose database cannot be read has no line; the ledger is None then.

    `streams` is empty while NATS does not answer; `held` names at most 100; `degraded` has the worst first;
    `troubles` is what the runner found wrong and is mending; `set_back` names each database that is older than it was;
    `front` is the process that shows the pages; `missing` is what restores may have left out.
    """

    running: bool
    services: list[ServiceStatus]
    ledger: LedgerStatus | None
    front: FrontStatus = FrontStatus(running=False, pages=None)
    streams: list[StreamStatus] = []
    held: list[Held] = []
    degraded: list[Degraded] = []
    troubles: dict[str, str] = {}
    set_back: list[str] = []
    missing: list[Gap] = []


def status(data: DataDirectory) -> Status:
    """How far everything of a data directory is, and what is degraded.

    Raises:
        deploy.datadir.DataError: the directory cannot be used.
    """
    settings, ward, running = data.settings(), data.kept().ward, data.running()
    journals = _readable_journals(settings, ward)
    bus = asyncio.run(look_at_bus(running.nats, ward)) if running else None
    try:
        alive = [name for name, pid in running.services.items() if is_alive(pid)] if running else []
        ledger = journals.get("reporting")
        cursors = Cursors(ledger.engine) if ledger else None
        writers = {name: journal for name, journal in journals.items() if name in WRITERS}
        lags = bus.lags if bus else {}
        services = [_service(name, journal, cursors, lags, name in alive) for name, journal in writers.items()]
        if ledger:
            services.append(_reporting(ledger, lags, "reporting" in alive))
        held = [one for name, journal in writers.items() for one in _held(name, journal)]
        return Status(
            running=bool(bus and bus.facts.connected),
            services=services,
            ledger=_ledger(ledger, services) if ledger else None,
            front=FrontStatus(FRONT in alive, running.pages if running else None),
            streams=bus.streams if bus else [],
            held=held[:MOST_HELD],
            degraded=what_is_degraded(data, running, journals, bus),
            troubles=running.troubles if running else {},
            set_back=list(older_than_marks(settings, writers, ledger)) if ledger else [],
            missing=Inquiry(ledger.engine, ledger.log).gaps() if ledger else [],
        )
    finally:
        for journal in journals.values():
            journal.close()


def _readable_journals(settings: Settings, ward: str) -> dict[str, Journal]:
    found = {}
    for service in SERVICES:
        url = sa.make_url(settings.database_of(service))
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            continue  # To look must not make one.
        with suppress(DatabaseError, JournalError, sa.exc.DatabaseError):
            found[service] = open_journal(settings, ward, service)
    return found


def _ledger(journal: Journal, services: list[ServiceStatus]) -> LedgerStatus:
    inquiry = Inquiry(journal.engine, journal.log)
    complete = len(services) == len(SERVICES) and all(one.ledger_has == one.position for one in services)
    return LedgerStatus(journal.last_position(), inquiry.ledger.root(), complete, inquiry.synthetic())


def _reporting(journal: Journal, lags: dict[str, int], running: bool) -> ServiceStatus:
    head = journal.last_position()
    return ServiceStatus(
        service="reporting",
        running=running,
        position=head,
        published=None,
        relay_lag=None,
        inbox_lag=None,
        events_lag=lags.get("reporting-events"),
        waiting=0,
        parked=0,
        conflicts=0,
        ledger_has=head,
    )


def _held(name: str, journal: Journal) -> Iterator[Held]:
    with journal.engine.connect() as connection:
        parked = connection.execute(sa.select(PARKED).where(PARKED.c.closed.is_(None)).order_by(PARKED.c.n)).all()
        waiting = connection.execute(sa.select(WAITING).order_by(WAITING.c.n)).all()
    for row in parked:
        yield Held(name, row.kind, row.provider, row.source, row.id, row.arrived, row.reason)
    for row in waiting:
        yield Held(name, "waiting", row.provider, row.source, row.id, row.arrived, f"waits for {row.key}")


def _service(
    name: str, journal: Journal, cursors: Cursors | None, lags: dict[str, int], running: bool
) -> ServiceStatus:
    position = journal.last_position()
    published = lags.get(f"published/{name}")
    with journal.engine.connect() as connection:
        waiting = connection.execute(sa.select(sa.func.count()).select_from(WAITING)).scalar_one()
        query = sa.select(PARKED.c.kind, sa.func.count()).where(PARKED.c.closed.is_(None)).group_by(PARKED.c.kind)
        kinds = {row[0]: row[1] for row in connection.execute(query)}
    return ServiceStatus(
        service=name,
        running=running,
        position=position,
        published=published,
        relay_lag=None if published is None else position - published,
        inbox_lag=lags.get(name),
        events_lag=lags.get(f"{name}-events"),
        waiting=waiting,
        parked=kinds.get("parked", 0),
        conflicts=kinds.get("conflict", 0),
        ledger_has=cursors.position(name) if cursors else 0,
    )
