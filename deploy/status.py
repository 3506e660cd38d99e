"""`yoake status`: how far everything is, and what is held back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator

import msgspec
import nats.js.errors
import sqlalchemy as sa
from nats.js import JetStreamContext

from deploy.natsd import NatsError, connect
from deploy.opened import Opened
from events import ContractError, decode
from services.hearing import Cursors
from services.journal import Journal
from services.streams import EVENTS, WRITERS, durables
from services.tables import PARKED, WAITING

ALARM = 0.5
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


class LedgerStatus(msgspec.Struct, frozen=True):
    """The ledger: whether it holds every event of every service."""

    position: int
    root: str
    complete: bool
    synthetic: bool


class StreamStatus(msgspec.Struct, frozen=True):
    """How full a stream is. `alarm`: over half; a full INBOX takes no more, and a full EVENTS stops the relays."""

    stream: str
    messages: int
    bytes: int
    limit: int
    alarm: bool


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
    """Everything `yoake status` says. `streams` is empty while NATS does not run; `held` names at most 100."""

    running: bool
    services: list[ServiceStatus]
    ledger: LedgerStatus
    streams: list[StreamStatus] = []
    held: list[Held] = []


def status(opened: Opened, url: str | None, alive: Collection[str] = ()) -> Status:
    """How far everything is; `alive` are the services that run here."""
    lags = asyncio.run(_lags(url, opened)) if url else {}
    cursors = Cursors(opened.ledger.engine)
    services = [_service(name, journal, cursors, lags, name in alive) for name, journal in opened.writers.items()]
    head = opened.inquiry.ledger.head()
    ledger = LedgerStatus(
        position=head,
        root=opened.inquiry.ledger.root(),
        complete=not any(opened.behind().values()),
        synthetic=opened.inquiry.synthetic(),
    )
    reporting = ServiceStatus(
        service="reporting",
        running="reporting" in alive,
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
    filled = asyncio.run(_filled(url)) if url and lags else []
    held = [one for name, journal in opened.writers.items() for one in _held(name, journal)]
    return Status(bool(lags), [*services, reporting], ledger, filled, held[:MOST_HELD])


def _held(name: str, journal: Journal) -> Iterator[Held]:
    with journal.engine.connect() as connection:
        parked = connection.execute(sa.select(PARKED).where(PARKED.c.closed.is_(None)).order_by(PARKED.c.n)).all()
        waiting = connection.execute(sa.select(WAITING).order_by(WAITING.c.n)).all()
    for row in parked:
        yield Held(name, row.kind, row.provider, row.source, row.id, row.arrived, row.reason)
    for row in waiting:
        yield Held(name, "waiting", row.provider, row.source, row.id, row.arrived, f"waits for {row.key}")


async def _filled(url: str) -> list[StreamStatus]:
    connection = await connect(url)
    try:
        found = []
        for info in await connection.jetstream().streams_info():
            used, limit = info.state.bytes, info.config.max_bytes or 0
            name, messages = str(info.config.name), info.state.messages
            found.append(StreamStatus(name, messages, used, limit, alarm=used > limit * ALARM))
        return sorted(found, key=lambda stream: stream.stream)
    finally:
        await connection.close()


def _service(name: str, journal: Journal, cursors: Cursors, lags: dict[str, int], running: bool) -> ServiceStatus:
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
        ledger_has=cursors.position(name),
    )


async def _lags(url: str, opened: Opened) -> dict[str, int]:
    """What each durable has not acknowledged yet, and how far each relay is; empty where NATS does not answer."""
    try:
        connection = await connect(url)
    except NatsError:
        return {}
    try:
        js = connection.jetstream()
        found: dict[str, int] = {}
        for stream, durable in durables(opened.ward):
            try:
                info = await js.consumer_info(stream, str(durable.durable_name))
                found[str(durable.durable_name)] = (info.num_pending or 0) + (info.num_ack_pending or 0)
            except nats.js.errors.NotFoundError:
                continue
        for service in WRITERS:
            found[f"published/{service}"] = await _published(js, opened.ward, service)
        return found
    finally:
        await connection.close()


async def _published(js: JetStreamContext, ward: str, service: str) -> int:
    try:
        return decode((await js.get_last_msg(EVENTS, f"events.{ward}.{service}.>")).data or b"").position
    except (nats.js.errors.NotFoundError, ContractError):
        return 0
