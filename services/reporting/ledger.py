"""The ledger (記録原簿): every event of every service, in one order, hashed from its first row.

The order across services is the order of arrival; it cannot be derived again, so the ledger is a
journal of its own and is never rebuilt, only verified. Each row is one JSON text, an `Entry`, and
the leaf of an RFC 6962 tree is the hash of exactly that text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache

import msgspec
import sqlalchemy as sa

from events import Occurred, Recorded, decode, event_of
from events.intake import CaseMerged, CaseSplit, ContactMoved
from services.database import found, found_among, insert_rows
from services.hearing import CURSORS, Cursors, LogChanged
from services.journal import Journal
from services.reporting.deliveries import DELIVERY_TABLES
from services.reporting.merkle import Frontier, leaf_hash, root
from services.reporting.tallies import TALLY_TABLES, Tallies

_METADATA = sa.MetaData()
TREE = sa.Table(
    "tree",
    _METADATA,
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
)
"""The right edge of the tree over all rows: enough to hash on, and to state the root."""

CASE_ROWS = sa.Table(
    "case_rows",
    _METADATA,
    sa.Column("case_id", sa.String(36), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)
"""Which rows of the ledger concern a case or a person, moves and merges included."""

LEDGER_TABLES = (TREE, CASE_ROWS, CURSORS, *TALLY_TABLES, *DELIVERY_TABLES)


class Entry(msgspec.Struct, frozen=True):
    """One row: its position, when the ledger learned it (UTC, never going back), and the event as it came."""

    position: int
    ledgered_at: datetime
    event: msgspec.Raw


class Row(msgspec.Struct, frozen=True):
    """One row, read: with the event's envelope."""

    position: int
    ledgered_at: datetime
    event: Recorded


class BeforeTheLedger(LookupError):
    """A time before the ledger's first row: nothing was known then."""


class _Told(msgspec.Struct, frozen=True, gc=False):
    event: Occurred


_TEXTS = sa.text("SELECT state FROM stored_events WHERE id > :after AND id <= :upto ORDER BY id")
"""Positions have no gaps. As text it is read without a look at each value's type."""

_ENCODE = msgspec.json.Encoder().encode
_ENTRY = msgspec.json.Decoder(Entry)
_ROW = msgspec.json.Decoder(Row)
_TOLD = msgspec.json.Decoder(_Told)
_FRONTIER = sa.select(TREE.c.frontier)


@cache
def _rows_of(log: sa.Table) -> sa.Select[tuple[bytes]]:
    """The rows of histories, in order; `CASE_ROWS.case_id` says of which."""
    return sa.select(log.c.state).join(CASE_ROWS, CASE_ROWS.c.position == log.c.id).order_by(log.c.id)


class Ledger:
    """Hears every service and keeps the tallies, in one transaction. Call it in the journal's writer thread."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.cursors = Cursors(journal.engine)
        self.tallies = Tallies(journal.engine)
        self._frontier = self._read_frontier()
        self._is_stale = False

    def hear(self, texts: Sequence[bytes]) -> set[str]:
        """Enter events, each once and in the order of its service; move the tallies with them.

        Returns:
            The services whose logs have a gap before one of these, to be asked again.

        Raises:
            services.hearing.LogChanged: a known position came with another event.
            services.journal.SecondWriter: another process writes the ledger.
        """
        gaps: set[str] = set()
        if self._is_stale:
            self._refresh()
        try:
            with self.journal.transaction() as connection:
                fresh = list(self._fresh(connection, texts, gaps))
                if fresh:
                    self._enter(connection, fresh)
                    self.cursors.write(connection)
        except BaseException:
            self._is_stale = True
            self.cursors.undo()
            with suppress(sa.exc.SQLAlchemyError):  # The database is away: before anything else is heard, then.
                self._refresh()
            raise
        self.cursors.settle()
        return gaps

    def _refresh(self) -> None:
        """Know again what is on disk: a transaction that failed may have been committed all the same."""
        self.cursors.reload()
        self.tallies.forget()
        self._frontier = self._read_frontier()
        self._is_stale = False

    def _fresh(
        self, connection: sa.Connection, texts: Sequence[bytes], gaps: set[str]
    ) -> Iterator[tuple[Recorded, bytes]]:
        repeated: list[Recorded] = []
        fresh: set[bytes] = set()
        for text in texts:
            record = decode(text)
            if self.cursors.is_next(record):
                self.cursors.advance(record)
                fresh.add(text)
                yield record, text
            elif record.position > self.cursors.position(record.service):
                gaps.add(record.service)
            elif text not in fresh:
                repeated.append(record)
        self._check_repeated(connection, repeated)

    def _check_repeated(self, connection: sa.Connection, records: Sequence[Recorded]) -> None:
        """What comes again must be what the ledger holds: a log that was set back would give its positions anew."""
        if not records:
            return
        about = sorted({record.subject for record in records})
        rows = found_among(connection, _rows_of(self.journal.log), CASE_ROWS.c.case_id, about)
        events = (_ROW.decode(bytes(row.state)).event for row in rows)
        held = {(event.service, event.position, event.id) for event in events}
        for record in records:
            if (record.service, record.position, record.id) not in held:
                raise LogChanged(
                    f"{record.service} {record.position} came as {record.id}, and the ledger holds another event: "
                    "its journal was set back. Restore it as it was, or all services together"
                )

    def _enter(self, connection: sa.Connection, fresh: Sequence[tuple[Recorded, bytes]]) -> None:
        now, first = self.journal.now(), self.journal.head + 1
        rows, index = [], []
        for position, (record, text) in enumerate(fresh, start=first):
            entry = _ENCODE(Entry(position, now, msgspec.Raw(text)))
            self._frontier.append(leaf_hash(entry))
            rows.append((record.subject, record.type, entry))
            index += [(case, position) for case in concerned(record)]
        self.journal.store(connection, rows, now)
        insert_rows(connection, CASE_ROWS, index)
        self._write_frontier(connection)
        self.tallies.move(connection, [record for record, _ in fresh])

    def _read_frontier(self) -> Frontier:
        with self.journal.engine.connect() as connection:
            rows = found(connection, _FRONTIER)
        return Frontier.decode(bytes(rows[0].frontier)) if rows else Frontier()

    def _write_frontier(self, connection: sa.Connection) -> None:
        insert_rows(connection, TREE, [(1, self._frontier.encode())], taken="replaces")


def concerned(record: Recorded) -> list[str]:
    """The ids under which a history finds an event: what it is about, its case, and cases it moves between."""
    ids = {record.subject, record.correlation}
    if record.case:
        ids.add(record.case)
    if record.type in ("contact.moved", "case.merged", "case.split"):
        match event_of(record):
            case ContactMoved(to_case=other) | CaseMerged(into=other) | CaseSplit(from_case=other):
                ids.add(other)
            case _:
                pass
    return sorted(ids)


class LedgerReader:
    """Reads a ledger, in any process, whether or not the service runs."""

    def __init__(self, engine: sa.Engine, log: sa.Table) -> None:
        self.engine, self._log = engine, log

    def head(self) -> int:
        """The newest position; 0 for an empty ledger."""
        with self.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(self._log.c.id))).scalar() or 0

    def rows(self, upto: int | None = None) -> Iterator[Row]:
        """The rows up to a position, in order."""
        for text in self.texts(upto):
            yield _ROW.decode(text)

    def occurred(self, upto: int | None = None) -> Iterator[Occurred]:
        """What a fold reads of the rows up to a position, in order."""
        told = _TOLD.decode
        for text in self.texts(upto):
            yield told(text).event

    def texts(self, upto: int | None = None, page: int = 5_000) -> Iterator[bytes]:
        """The rows' own texts up to a position, in order: what the tree hashes."""
        end = self.head() if upto is None else upto
        for after in range(0, end, page):
            with self.engine.connect() as connection:
                rows = connection.execute(_TEXTS, {"after": after, "upto": min(after + page, end)})
                found: list[bytes] = list(rows.scalars())
            yield from found

    def row(self, position: int) -> Row:
        """One row. Raises LookupError where there is none."""
        query = sa.select(self._log.c.state).where(self._log.c.id == position)
        with self.engine.connect() as connection:
            state = connection.execute(query).scalar()
        if state is None:
            raise LookupError(f"the ledger has no position {position}; it ends at {self.head()}")
        return _ROW.decode(bytes(state))

    def history(self, about: str) -> list[Row]:
        """Every row that concerns a case or a person, in order."""
        with self.engine.connect() as connection:
            rows = found_among(connection, _rows_of(self._log), CASE_ROWS.c.case_id, [about])
        return [_ROW.decode(bytes(row.state)) for row in rows]

    def position_at(self, moment: datetime) -> int:
        """The last position that the ledger held at a moment.

        Raises:
            BeforeTheLedger: it held nothing yet, and says when its first row came.
        """
        low, high = 0, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.row(middle).ledgered_at <= moment else (low, middle - 1)
        if low == 0:
            begins = f"its first row is of {self.row(1).ledgered_at.isoformat()}" if self.head() else "it is empty"
            raise BeforeTheLedger(f"{moment.isoformat()} lies before the ledger began: {begins}")
        return low

    def root(self, upto: int | None = None) -> str:
        """The RFC 6962 root over the rows up to a position, in hex."""
        if upto is None or upto == self.head():
            with self.engine.connect() as connection:
                stored = connection.execute(sa.select(TREE.c.frontier)).scalar()
            frontier = Frontier.decode(bytes(stored)) if stored else Frontier()
            if upto in (None, frontier.size):
                return frontier.root().hex()
        return root([leaf_hash(text) for text in self.texts(upto)]).hex()
