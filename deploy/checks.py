"""`yoake status`, `verify`, `rebuild` and `streams`: whether everything is where it must be."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import nats.errors
import nats.js.errors
import sqlalchemy as sa
from nats.js import JetStreamContext

from deploy.natsd import NatsError, connect, declare
from deploy.setback import older_than_marks, set_back
from events import ContractError, Recorded, decode
from events.messages import Receipt
from services.hearing import CURSORS, Cursors
from services.journal import Journal, originator
from services.relay import publish
from services.reporting.fold import all_entries
from services.reporting.inquiry import Inquiry
from services.reporting.ledger import CASE_ROWS, LEDGER_TABLES, TREE, concerned
from services.reporting.merkle import Frontier, leaf_hash
from services.reporting.report import Gap
from services.reporting.tallies import CELLS, ENTRIES, FACTS, Tallies, stored_cells, stored_entries, stored_whole
from services.settings import Settings
from services.streams import EVENTS, WRITERS, durables
from services.tables import HEARD, PARKED, SERIES, WAITING, WRITER_TABLES

SETTLE_SECONDS = 10.0
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
    """Everything `yoake status` says. `streams` is empty while NATS does not run; `held` names at most 100.

    `set_back` names each database that is older than it was; `missing` is what restores may have left out.
    """

    running: bool
    services: list[ServiceStatus]
    ledger: LedgerStatus
    streams: list[StreamStatus] = []
    held: list[Held] = []
    set_back: list[str] = []
    missing: list[Gap] = []


class Opened:
    """The journals of a data directory, opened for looking."""

    def __init__(self, settings: Settings, ward: str) -> None:
        self.settings, self.ward = settings, ward
        self.writers = {
            service: Journal(settings.database_of(service), service, ward, tables=[*WRITER_TABLES, CURSORS])
            for service in WRITERS
        }
        self.ledger = Journal(settings.database_of("reporting"), "reporting", ward, tables=LEDGER_TABLES)
        self.inquiry = Inquiry(self.ledger.engine, self.ledger.log)

    def close(self) -> None:
        """Let go of the databases."""
        for journal in (*self.writers.values(), self.ledger):
            journal.close()

    def behind(self) -> dict[str, int]:
        """How many events of each service the ledger does not hold yet."""
        cursors = Cursors(self.ledger.engine)
        return {name: journal.last_position() - cursors.position(name) for name, journal in self.writers.items()}

    def settle(self) -> None:
        """Give a running system a while to come to rest."""
        until = time.monotonic() + SETTLE_SECONDS
        while any(self.behind().values()) and time.monotonic() < until:
            time.sleep(0.1)


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
    older = list(older_than_marks(opened.settings, opened.writers, opened.ledger))
    missing = opened.inquiry.gaps()
    return Status(bool(lags), [*services, reporting], ledger, filled, held[:MOST_HELD], older, missing)


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


def verify(opened: Opened, url: str | None) -> list[str]:
    """Compare everything with everything that should equal it; names every difference."""
    if url:
        opened.settle()
    found = [
        *set_back(opened.settings, opened.writers, opened.ledger),
        *_journals(opened),
        *_ledger(opened),
        *_tallies(opened),
    ]
    return found + (asyncio.run(_streams(url, opened)) if url else [])


def _journals(opened: Opened) -> Iterator[str]:
    for name, journal in opened.writers.items():
        expected = 1
        for position, text in _pages(journal):
            for missing in range(expected, position):
                yield f"journal {name}: position {missing} is missing"
            expected = position + 1
            try:
                record = decode(text)
            except ContractError as error:
                yield f"journal {name} {position}: {error}"
                continue
            if (record.service, record.position) != (name, position):
                yield f"journal {name} {position}: its event says {record.service} {record.position}"
        yield from _filed(name, journal)
        yield from _heard(name, journal)


def _filed(name: str, journal: Journal) -> Iterator[str]:
    """Whether each event is filed under what it is about, by its own name."""
    columns = (journal.log.c.id, journal.log.c.originator_id, journal.log.c.topic, journal.log.c.state)
    with journal.engine.connect() as connection:
        for row in connection.execute(sa.select(*columns).order_by(journal.log.c.id)):
            record = _readable(bytes(row.state))
            if record is not None and (row.originator_id, row.topic) != (originator(record.subject), record.type):
                yield f"journal {name} {row.id}: filed as {row.topic} {row.originator_id}, and it is {record.type}"


def _heard(name: str, journal: Journal) -> Iterator[str]:
    """Whether every message that caused an event is remembered as heard, and every number counted."""
    causes = {record.causation for record in journal.records() if record.causation.startswith("message:")}
    with journal.engine.connect() as connection:
        heard = connection.execute(sa.select(HEARD.c.provider, HEARD.c.receipt)).all()
        series = {row.key: row.last for row in connection.execute(sa.select(SERIES))}
    receipts = [msgspec.json.decode(bytes(row.receipt), type=Receipt) for row in heard]
    known = {f"message:{receipt.provider}/{receipt.source}#{receipt.id}" for receipt in receipts}
    for cause in sorted(causes - known):
        if "/h-" not in cause and "#h-" not in cause:  # An id that may be a name stands in events as a digest.
            yield f"heard {name}: {cause.removeprefix('message:')} led to an event and is not remembered"
    numbers = {number for receipt in receipts for number in receipt.number}
    if name == "intake" and len(numbers) > sum(series.values()):
        yield f"series intake: {len(numbers)} numbers were given, and {sum(series.values())} are counted"


def _pages(journal: Journal) -> Iterator[tuple[int, bytes]]:
    after = 0
    while page := journal.read(after, 2_000):
        yield from page
        after = page[-1][0]


def _ledger(opened: Opened) -> Iterator[str]:
    held: dict[str, dict[int, bytes]] = defaultdict(dict)
    frontier, expected = Frontier(), 1
    for text in opened.inquiry.ledger.texts():
        frontier.append(leaf_hash(text))
        entry = msgspec.json.decode(text, type=_Row)
        if entry.position != expected:
            yield f"ledger: position {expected} is missing; {entry.position} stands there"
        expected = entry.position + 1
        record = decode(entry.event)
        if record.position in held[record.service]:
            yield f"ledger {entry.position}: {record.service} {record.position} stands here a second time"
        held[record.service][record.position] = bytes(entry.event)
    with opened.ledger.engine.connect() as connection:
        stored = connection.execute(sa.select(TREE.c.frontier)).scalar()
    kept = Frontier.decode(bytes(stored)) if stored else Frontier()
    if kept.root() != frontier.root():
        yield f"ledger: its rows hash to {frontier.root().hex()}, and the tree says {kept.root().hex()}"
    yield from _against_journals(opened, held)


class _Row(msgspec.Struct):
    position: int
    event: msgspec.Raw


def _against_journals(opened: Opened, held: dict[str, dict[int, bytes]]) -> Iterator[str]:
    for name, journal in opened.writers.items():
        own = held.pop(name, {})
        for position, text in _pages(journal):
            if position not in own:
                yield f"ledger: {name} {position} is missing"
            elif own.pop(position) != text:
                yield f"ledger: {name} {position} differs from the journal's"
        for position in sorted(own):
            yield f"ledger: {name} {position} is not in the journal"
    for name in sorted(held):
        yield f"ledger: holds events of {name!r}, which is no service of ours"


def _tallies(opened: Opened) -> Iterator[str]:
    folded = all_entries(opened.inquiry.facts())
    with opened.ledger.engine.connect() as connection:
        entries, cells = stored_entries(connection), stored_cells(connection)
        position = stored_whole(connection).position
    yield from _facts(opened)
    yield from _case_rows(opened)
    if position != opened.inquiry.ledger.head():
        yield f"tallies: they go up to {position}, and the ledger to {opened.inquiry.ledger.head()}"
    for entry in sorted(set(folded) - set(entries)):
        yield f"tallies: {_named(entry)} counts {entry.member} by the fold, and does not on disk"
    for entry in sorted(set(entries) - set(folded)):
        yield f"tallies: {_named(entry)} counts {entry.member} on disk, and does not by the fold"
    counted = Counter((entry.report, entry.year, entry.row, entry.column) for entry in folded)
    for cell in sorted(counted.keys() | cells.keys()):
        if counted[cell] != cells.get(cell, 0):
            yield f"tallies: the cell {cell} is {cells.get(cell, 0)} on disk and {counted[cell]} by the fold"


def _facts(opened: Opened) -> Iterator[str]:
    """Whether what is known of each case and person is what the ledger says."""
    folded = opened.inquiry.facts()
    wanted = {("case", key): msgspec.json.encode(value) for key, value in folded.cases.items()}
    wanted |= {("person", key): msgspec.json.encode(value) for key, value in folded.persons.items()}
    with opened.ledger.engine.connect() as connection:
        rows = connection.execute(sa.select(FACTS).where(FACTS.c.kind != "whole")).all()
    have = {(row.kind, row.id): bytes(row.body) for row in rows}
    for kind, member in sorted(wanted.keys() | have.keys()):
        if wanted.get((kind, member)) != have.get((kind, member)):
            yield f"tallies: what is known of the {kind} {member} differs from the fold"


def _case_rows(opened: Opened) -> Iterator[str]:
    """Whether every history finds its rows, and every cursor stands where the ledger's rows end."""
    wanted: set[tuple[str, int]] = set()
    last: dict[str, int] = {}
    for row in opened.inquiry.ledger.rows():
        wanted |= {(about, row.position) for about in concerned(row.event)}
        last[row.event.service] = max(last.get(row.event.service, 0), row.event.position)
    with opened.ledger.engine.connect() as connection:
        have = {(row.case_id, row.position) for row in connection.execute(sa.select(CASE_ROWS))}
    for about, position in sorted(wanted ^ have):
        fault = "lacks" if (about, position) in wanted else "invents"
        yield f"ledger {position}: the index of histories {fault} {about}"
    cursors = Cursors(opened.ledger.engine)
    for name, position in sorted(last.items()):
        if cursors.position(name) != position:
            yield f"ledger: it holds {name} up to {position}, and its cursor says {cursors.position(name)}"


def _named(entry: Any) -> str:
    return f"{entry.report} {entry.year} {entry.row}/{entry.column}"


async def _streams(url: str, opened: Opened) -> list[str]:
    connection = await connect(url)
    try:
        js = connection.jetstream()
        found = await _durables(js, opened.ward)
        try:
            held, strange = await held_by_events(js, opened.ward)
        except nats.js.errors.NotFoundError:
            return [*found, "stream EVENTS is missing: `yoake streams --refill` makes it again"]
        found += strange
        for name, journal in opened.writers.items():
            own = held.get(name, {})
            for position, text in _pages(journal):
                if position not in own:
                    found.append(f"stream EVENTS: {name} {position} is missing")
                elif own.pop(position) != text:
                    found.append(f"stream EVENTS: {name} {position} differs from the journal's")
            found += [f"stream EVENTS: {name} {position} is not in the journal" for position in sorted(own)]
        return found
    finally:
        await connection.close()


async def _durables(js: JetStreamContext, ward: str) -> list[str]:
    missing = []
    for stream, durable in durables(ward):
        try:
            await js.consumer_info(stream, str(durable.durable_name))
        except nats.js.errors.NotFoundError:
            missing.append(f"durable {durable.durable_name} of {stream} is missing: `yoake streams` makes it again")
    return missing


async def held_by_events(js: JetStreamContext, ward: str) -> tuple[dict[str, dict[int, bytes]], list[str]]:
    """(the events in EVENTS by service and position, what is in it that should not be)."""
    held: dict[str, dict[int, bytes]] = defaultdict(dict)
    strange: list[str] = []
    left = (await js.stream_info(EVENTS)).state.messages
    reading = await js.pull_subscribe(f"events.{ward}.>", stream=EVENTS)
    while left > 0:
        try:
            messages = await reading.fetch(min(left, 500), timeout=2)
        except nats.errors.TimeoutError:
            break
        for message in messages:
            left -= 1
            await message.ack()
            record = _readable(message.data)
            if record is None:
                strange.append(f"stream EVENTS: {message.subject} holds what is no event of ours")
            elif held[record.service].setdefault(record.position, message.data) != message.data:
                strange.append(f"stream EVENTS: {record.service} {record.position} is there twice, and differs")
    await reading.unsubscribe()
    return held, strange


def _readable(text: bytes) -> Recorded | None:
    try:
        return decode(text)
    except ContractError:
        return None


async def refill(url: str, opened: Opened) -> dict[str, int]:
    """Publish again what EVENTS lacks, from the first gap on; how many of each service."""
    await declare(url, opened.ward)
    connection = await connect(url)
    try:
        js = connection.jetstream(timeout=30)
        held, _ = await held_by_events(js, opened.ward)
        again, done = time.time_ns(), {}
        for name, journal in opened.writers.items():
            own = held.get(name, {})
            first = next((n for n in range(1, journal.last_position() + 1) if n not in own), None)
            done[name] = 0
            while first is not None and (page := journal.read(first - 1 + done[name], 500)):
                await publish(js, [text for _, text in page], again)
                done[name] += len(page)
        return done
    finally:
        await connection.close()


def rebuild(opened: Opened) -> bool:
    """Fold the tallies again from the ledger; whether they are as they were before."""
    journal = opened.ledger
    tallies = Tallies(journal.engine)
    with journal.transaction() as session:
        if journal.engine.dialect.name == "postgresql":
            session.execute(sa.text("LOCK TABLE facts, entries, cells IN ACCESS EXCLUSIVE MODE"))
        before = _all_rows(session)
        tallies.rebuild(session, (row.event for row in opened.inquiry.ledger.rows()))
        return before == _all_rows(session)


def _all_rows(session: Any) -> list[Any]:
    rows: list[Any] = []
    for table in (FACTS, ENTRIES, CELLS):
        found = session.execute(sa.select(table)).all()
        rows.append(sorted(tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found))
    rows[-1] = [row for row in rows[-1] if row[-1]]  # A cell that fell back to nothing is no cell.
    return rows
