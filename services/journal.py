"""A service's journal: its append-only event log, and the tables written in the same transaction.

"Accepted" means committed here. Positions are 1, 2, 3 … given by the one writer as last + 1, so
that a gap always means loss and the primary key fences a second writer. The event log is kept with
the `eventsourcing` library's SQLAlchemy recorder, whose inserts are replaced by one bulk insert.
SQL never runs on the event loop: one writer thread, `Journal.run`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
import sqlalchemy as sa
from eventsourcing.persistence import StoredEvent
from eventsourcing_sqlalchemy.datastore import SQLAlchemyDatastore
from eventsourcing_sqlalchemy.recorders import SQLAlchemyApplicationRecorder
from sqlalchemy.orm import sessionmaker

from events import SPECVERSION, Event, Recorded, decode, encode, encode_data, event_of
from services.clock import Clock, NewId, random_id, system_clock
from services.database import create, insert_rows, open_engine
from services.settings import FORMAT

if TYPE_CHECKING:
    from services.vitals import Vitals

P = ParamSpec("P")
T = TypeVar("T")

MOST = 2**63 - 1
"""No position is higher, and no page longer."""

META = sa.Table("meta", sa.MetaData(), sa.Column("key", sa.String(40), primary_key=True), sa.Column("value", sa.Text))
"""What this journal is: its format, service, ward and epoch."""

_META = sa.select(META)


class JournalError(RuntimeError):
    """A journal that cannot be used as it is; says what to do."""


class SecondWriter(JournalError):
    """Another process writes this journal; this one must stop."""


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on its way into the journal. `personal` is sealed for `subject` as it is written."""

    event: Event
    occurred_at: datetime
    causation: str
    synthetic: bool = False
    personal: dict[str, Any] | None = None
    subject: str | None = None


Sealer = Callable[[str, str, dict[str, Any]], str]
"""(whose key, the event's identity, personal fields) → a box."""


class _Recorder(SQLAlchemyApplicationRecorder):
    """The library's recorder with positions given by us and one bulk insert."""

    def insert(self, connection: sa.Connection, stored_events: Sequence[StoredEvent], first: int) -> None:
        """Write these, from the first position on, within the caller's transaction."""
        is_native = connection.dialect.name == "postgresql"  # SQLite keeps a UUID as its 16 bytes.
        rows = [
            (
                first + offset,
                event.originator_id if is_native else cast("UUID", event.originator_id).bytes,
                event.originator_version,
                event.topic,
                event.state,
            )
            for offset, event in enumerate(stored_events)
        ]
        insert_rows(connection, self.events_record_cls.__table__, rows)


@lru_cache(maxsize=20)
def log_of(engine: sa.Engine) -> sa.Table:
    """The table of a log, for whoever only reads it; nothing is made, and nothing is asked of the database."""
    table: sa.Table = _recorder(engine).events_record_cls.__table__
    return table


@cache
def _page(log: sa.Table) -> sa.Select[tuple[int, bytes]]:
    """A page of a log. The relay asks for one after every commit, so the query is made once."""
    within = sa.and_(log.c.id > sa.bindparam("after"), log.c.id <= sa.bindparam("upto"))
    return sa.select(log.c.id, log.c.state).where(within).order_by(log.c.id).limit(sa.bindparam("most"))


@cache
def _histories(log: sa.Table) -> sa.Select[tuple[UUID, bytes]]:
    """Everything written about some, in order; asked in nearly every transaction."""
    wanted = log.c.originator_id.in_(sa.bindparam("wanted", expanding=True))
    return sa.select(log.c.originator_id, log.c.state).where(wanted).order_by(log.c.id)


@cache
def _newest(log: sa.Table) -> sa.Select[tuple[int, bytes]]:
    return sa.select(log.c.id, log.c.state).order_by(log.c.id.desc()).limit(1)


def _recorder(engine: sa.Engine) -> _Recorder:
    return _Recorder(SQLAlchemyDatastore(session_maker=sessionmaker(engine)), events_table_name="stored_events")


class LogReader:
    """A log and its database, for whoever only reads; nothing is made, and nothing is asked of the database yet."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.log = engine, log_of(engine)

    def histories(self, connection: sa.Connection, abouts: Iterable[str]) -> dict[str, list[Recorded]]:
        """Everything written about each of these, in order."""
        wanted = {originator(about): about for about in abouts}
        found: dict[str, list[Recorded]] = {about: [] for about in wanted.values()}
        if not wanted:
            return found
        for row in connection.execute(_histories(self.log), {"wanted": list(wanted)}):
            found[wanted[row.originator_id]].append(decode(bytes(row.state)))
        return found


class Journal(LogReader):
    """One service's log and its tables, in one database.

    `committed` is set after each commit, so that the relay wakes. Times are UTC.
    """

    def __init__(
        self,
        url: str,
        service: str,
        ward: str,
        *,
        tables: Sequence[sa.Table] = (),
        clock: Clock = system_clock,
        new_id: NewId = random_id,
        executor: Executor | None = None,
    ) -> None:
        """Open a journal, made on the first call.

        Raises:
            services.database.DatabaseError: the database does not answer.
            JournalError: it belongs to another service or ward, or to a newer release.
        """
        self.service, self.ward = service, ward
        self.clock, self.new_id = clock, new_id
        self.engine = open_engine(url)
        self.committed = asyncio.Event()
        self.vitals: Vitals | None = None
        self._commits = 0
        self.letters = 0
        """How many receipts were put beside the log by this process, at least."""
        self._recorder = _recorder(self.engine)
        self.log: sa.Table = self._recorder.events_record_cls.__table__
        self._page = _page(self.log)
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix=f"journal-{service}")
        try:
            self._create([META, self.log, *tables])
            self.epoch = self._identify()
            self.head, self._last_recorded = self._end()
        except BaseException:
            self.engine.dispose()
            raise

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do SQL work in the writer thread, one piece after another."""
        loop = asyncio.get_running_loop()
        before = self._commits
        result = await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))
        if self._commits != before:
            self.committed.set()
        return result

    def close(self) -> None:
        """Let go of the database; the writer thread finishes what it has begun."""
        self._executor.shutdown()
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction; what fails leaves nothing behind, the head included.

        Raises:
            SecondWriter: the positions we meant to write are taken.
        """
        head, last = self.head, self._last_recorded
        try:
            with self.engine.begin() as connection:
                yield connection
                began = time.perf_counter()
        except BaseException as error:
            self.head, self._last_recorded = head, last
            if self.vitals:
                self.vitals.not_committed(error)
            raise
        self._commits += 1
        if self.vitals:
            self.vitals.committed(self.head - head, time.perf_counter() - began)

    def append(self, connection: sa.Connection, drafts: Sequence[Draft], seal: Sealer | None = None) -> list[Recorded]:
        """Write events at the end of the log, within the caller's transaction.

        Raises:
            SecondWriter: another process wrote at this position.
        """
        if not drafts:
            return []
        recorded_at = self.now()
        records = [self._record(draft, recorded_at, offset + 1, seal) for offset, draft in enumerate(drafts)]
        self.store(connection, [(record.subject, record.type, encode(record)) for record in records], recorded_at)
        return records

    def store(self, connection: sa.Connection, entries: Sequence[tuple[str, str, bytes]], written_at: datetime) -> None:
        """Write (about, name, text) rows at the end of the log, as they are.

        Raises:
            SecondWriter: another process wrote at this position.
        """
        first, self._last_recorded = self.head + 1, written_at
        stored = [
            StoredEvent(originator_id=originator(about), originator_version=first + n, topic=name, state=text)
            for n, (about, name, text) in enumerate(entries)
        ]
        try:
            self._recorder.insert(connection, stored, first)
        except sa.exc.IntegrityError as error:
            raise SecondWriter(f"another process writes the {self.service} journal; this one stops") from error
        self.head += len(stored)

    def now(self) -> datetime:
        """The present moment, never before the last one written (the second clock is monotone)."""
        return max(self.clock(), self._last_recorded)

    def clock_behind(self) -> float:
        """Seconds by which the clock is behind the last time written; 0 while it is not."""
        return max(0.0, (self._last_recorded - self.clock()).total_seconds())

    def read(self, after: int = 0, limit: int | None = None, upto: int | None = None) -> list[tuple[int, bytes]]:
        """(position, text) of the events after a position, in order."""
        page = {"after": after, "upto": MOST if upto is None else upto, "most": MOST if limit is None else limit}
        with self.engine.connect() as connection:
            return [(position, bytes(text)) for position, text in connection.execute(self._page, page)]

    def records(self, after: int = 0, upto: int | None = None) -> Iterator[Recorded]:
        """The events after a position, in order, a page at a time."""
        while page := self.read(after, 2_000, upto):
            for _, text in page:
                yield decode(text)
            after = page[-1][0]

    def last_position(self) -> int:
        """The newest position on disk, whoever wrote it."""
        with self.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(self.log.c.id))).scalar() or 0

    def _record(self, draft: Draft, recorded_at: datetime, offset: int, seal: Sealer | None) -> Recorded:
        event, event_id = draft.event, self.new_id()
        if draft.personal and draft.subject and seal:
            event = msgspec.structs.replace(
                event, sealed=seal(draft.subject, f"{event.name}/{event_id}", draft.personal)
            )
        return Recorded(
            specversion=SPECVERSION,
            id=event_id,
            source=f"/yoake/{self.ward}/{self.service}",
            type=event.name,
            version=event.version,
            subject=event.about,
            time=draft.occurred_at,
            recordedat=recorded_at,
            ward=self.ward,
            service=self.service,
            epoch=self.epoch,
            position=self.head + offset,
            case=event.case_id,
            causation=draft.causation,
            correlation=event.case_id or event.about,
            synthetic=draft.synthetic,
            data=encode_data(event),
        )

    def _create(self, tables: Sequence[sa.Table]) -> None:
        with self.engine.begin() as connection:
            if create(connection, tables):
                _append_only(connection)

    def _identify(self) -> int:
        mine = {"format": str(FORMAT), "service": self.service, "ward": self.ward, "epoch": "1"}
        with self.engine.begin() as connection:
            have = {row.key: row.value for row in connection.execute(_META)}
            if not have:
                connection.execute(sa.insert(META), [{"key": k, "value": v} for k, v in mine.items()])
                have = mine
        if int(have["format"]) > FORMAT:
            raise JournalError(
                f"the {self.service} journal is of format {have['format']}, and this release reads up to {FORMAT}: "
                "use the release that wrote it, or a newer one"
            )
        for key in ("service", "ward"):
            if have[key] != mine[key]:
                raise JournalError(
                    f"this journal is of the {key} {have[key]!r}, not {mine[key]!r}: point to the right database"
                )
        return int(have["epoch"])

    def _end(self) -> tuple[int, datetime]:
        with self.engine.connect() as connection:
            row = connection.execute(_newest(self.log)).first()
        if row is None:
            return 0, datetime.min.replace(tzinfo=UTC)
        return row.id, _written_at(bytes(row.state))


class _Written(msgspec.Struct):
    recordedat: datetime | None = None
    ledgered_at: datetime | None = None


def _written_at(text: bytes) -> datetime:
    written = msgspec.json.decode(text, type=_Written)
    moment = written.ledgered_at or written.recordedat
    assert moment is not None, "every row says when it was written"
    return moment


def events_of(records: Iterable[Recorded]) -> list[Event]:
    """The events inside records."""
    return [event_of(record) for record in records]


def originator(about: str) -> UUID:
    """The UUID under which the recorder files what an event is about."""
    try:
        return UUID(about)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"yoake:{about}")


def _append_only(connection: sa.Connection) -> None:
    """Nothing in a log is ever updated or deleted; the database itself refuses."""
    if connection.dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER IF NOT EXISTS no_{verb.lower()} BEFORE {verb} ON stored_events "
                    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
                )
            )
        return
    connection.execute(
        sa.text(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$"
        )
    )
    connection.execute(
        sa.text(
            "CREATE OR REPLACE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON stored_events "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    )
    connection.execute(sa.text("REVOKE UPDATE, DELETE, TRUNCATE ON stored_events FROM CURRENT_USER"))
