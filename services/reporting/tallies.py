"""The tallies: every table's cells, kept up with the ledger in the transaction of its rows.

They are a fold of the ledger and may be thrown away: `yoake rebuild` folds them again, and
`yoake verify` compares. Each cell knows which consultations or persons it counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from events import Recorded, event_of
from events.intake import WardActivated
from services.database import change, found, found_among, insert_rows
from services.reporting.facts import CaseFacts, Entry, Facts, Member, PersonFacts
from services.reporting.fold import EVERYTHING, apply, entries
from services.ward import parsed

_METADATA = sa.MetaData()
_CELL = ("report", "year", "row", "column")

FACTS = sa.Table(
    "facts",
    _METADATA,
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""What is known of each case and each person (`services.reporting.facts`), and of the whole."""

ENTRIES = sa.Table(
    "entries",
    _METADATA,
    sa.Column("member", sa.String(36), primary_key=True),
    sa.Column("report", sa.String(20), primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("row", sa.String(40), primary_key=True),
    sa.Column("column", sa.String(40), primary_key=True),
    sa.Column("contact", sa.String(36), primary_key=True),
    sa.Index("entries_by_cell", "report", "year", "row", "column"),
    sqlite_with_rowid=False,
)
"""Which case or person counts in which cell."""

CELLS = sa.Table(
    "cells",
    _METADATA,
    sa.Column("report", sa.String(20), primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("row", sa.String(40), primary_key=True),
    sa.Column("column", sa.String(40), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
"""How many entries each cell has."""

TALLY_TABLES = (FACTS, ENTRIES, CELLS)

CACHE = 50_000
OF_PERSONS = ("person.", "registration.", "consent.")
"""How the names of events about a person begin; all others are about a case, a contact or the ward."""

_ENCODE = msgspec.json.Encoder().encode

_FACTS = sa.select(FACTS.c.id, FACTS.c.body).where(FACTS.c.kind == sa.bindparam("kind"))
_WHOLE = sa.select(FACTS.c.body).where(FACTS.c.kind == "whole")
_DROP = sa.delete(ENTRIES).where(*(ENTRIES.c[name] == sa.bindparam(name) for name in Entry._fields))
_ENTRIES = sa.select(*(ENTRIES.c[name] for name in Entry._fields))
_CELLS = sa.select(*(CELLS.c[name] for name in _CELL), CELLS.c.value)

T = TypeVar("T", CaseFacts, PersonFacts)


class Whole(msgspec.Struct):
    """What the fold knows beside cases and persons."""

    position: int = 0
    synthetic: bool = False
    wards: list[tuple[datetime, msgspec.Raw]] = []
    """Each file, from when it is in force; written with every batch, so it is not taken apart for that."""


class Stored(MutableMapping[str, T]):
    """Facts by id, read from the table as they are asked for.

    `dirty` are those that changed; `absent` those that the table was found not to have.
    """

    def __init__(self, kind: str, shape: type[T]) -> None:
        self._kind = kind
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(shape)
        self._known: dict[str, T | None] = {}
        self.connection: sa.Connection | None = None
        self.dirty: set[str] = set()
        self.absent: set[str] = set()

    def __getitem__(self, key: str) -> T:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: T) -> None:
        self._known[key] = value
        self.dirty.add(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def read(self, keys: Iterable[str]) -> None:
        """Read these together, where they are not known yet."""
        missing = sorted({key for key in keys if key not in self._known})
        if not missing:
            return
        assert self.connection is not None, "facts are read within a transaction"
        connection = self.connection
        rows = found_among(connection, _FACTS, FACTS.c.id, missing, kind=self._kind)
        bodies: dict[str, Any] = {row.id: row.body for row in rows}
        for key in missing:
            self._known[key] = self._decoder.decode(bytes(bodies[key])) if key in bodies else None
        self.absent.update(key for key in missing if key not in bodies)

    def _find(self, key: str) -> T | None:
        if key not in self._known:
            self.read([key])
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        assert self.connection is not None, "facts are read within a transaction"
        query = sa.select(FACTS.c.id).where(FACTS.c.kind == self._kind)
        ids: set[str] = set(self.connection.execute(query).scalars())
        return iter(sorted(ids | {key for key, value in self._known.items() if value is not None}))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __delitem__(self, key: str) -> None:
        raise TypeError("facts are never deleted")

    def written(self) -> list[tuple[str, str, bytes]]:
        """The rows that changed, to be written; the memory is kept small."""
        rows = [(self._kind, key, _ENCODE(self[key])) for key in sorted(self.dirty)]
        self.absent -= self.dirty
        self.dirty.clear()
        if len(self._known) > CACHE:
            self._known.clear()
            self.absent.clear()
        return rows


class Tallies:
    """Moves the tallies with the ledger. Call it within the ledger's transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.forget()

    def forget(self) -> None:
        """Back to what is on disk, after a transaction that failed."""
        self._fresh()
        with self._engine.connect() as connection:
            self._whole = stored_whole(connection)
        wards = [(since, parsed(bytes(content))) for since, content in self._whole.wards]
        self.facts = Facts(wards=wards, cases=self._cases, persons=self._persons, synthetic=self._whole.synthetic)

    def _fresh(self) -> None:
        self._cases, self._persons = Stored("case", CaseFacts), Stored("person", PersonFacts)
        self._entries: dict[Member, frozenset[Entry]] = {}

    def move(self, connection: sa.Connection, records: Sequence[Recorded]) -> None:
        """Let the tallies hear what the ledger enters."""
        self._cases.connection = self._persons.connection = connection
        for stored, is_of in ((self._persons, True), (self._cases, False)):
            stored.read(record.subject for record in records if record.type.startswith(OF_PERSONS) is is_of)
        changed: set[Member] = set()
        everything = False
        for record in records:
            event = event_of(record)
            members = apply(self.facts, record, event)
            if isinstance(event, WardActivated):  # As it was told: a later release may read more into it.
                self._whole.wards.append((event.effective_from, msgspec.Raw(_ENCODE(event.content))))
                self._whole.wards.sort(key=lambda rules: rules[0])
            everything = everything or members is EVERYTHING
            changed.update(members if members is not EVERYTHING else ())
        if everything:
            changed = {("case", case) for case in self._cases} | {("person", person) for person in self._persons}
        self._retally(connection, sorted(changed))
        self._whole.position += len(records)
        self._write_facts(connection)

    def rebuild(self, connection: sa.Connection, records: Iterable[Recorded]) -> None:
        """Throw everything away and fold the ledger again, within one transaction."""
        for table in TALLY_TABLES:
            connection.execute(sa.delete(table))
        self._fresh()
        self._whole = Whole()
        self.facts = Facts(cases=self._cases, persons=self._persons)
        page: list[Recorded] = []
        for record in records:
            page.append(record)
            if len(page) == 1_000:
                self.move(connection, page)
                page = []
        self.move(connection, page)

    def _retally(self, connection: sa.Connection, members: Sequence[Member]) -> None:
        """Replace the entries of these, and move the cells by the difference."""
        moved: Counter[tuple[Any, ...]] = Counter()
        gone: list[Entry] = []
        fresh: list[Entry] = []
        self._read_entries(connection, members)
        for kind, member in members:
            before = self._entries[kind, member]
            after = frozenset(entries(kind, member, self.facts))
            if before == after:
                continue
            gone += before - after
            fresh += after - before
            self._entries[kind, member] = after
        moved.subtract(map(_cell, gone))
        moved.update(map(_cell, fresh))
        change(connection, _DROP, [entry._asdict() for entry in sorted(gone)])
        insert_rows(connection, ENTRIES, [_as_row(entry) for entry in sorted(fresh)])
        _move_cells(connection, moved)
        if len(self._entries) > CACHE:
            self._entries.clear()

    def _read_entries(self, connection: sa.Connection, members: Sequence[Member]) -> None:
        """What the members count as until now: known from the last time, nothing if they are new, or read."""
        unknown = [member for member in members if member not in self._entries]
        absent = {"case": self._cases.absent, "person": self._persons.absent}
        self._entries.update((member, frozenset()) for member in unknown)
        kept = [member for member in unknown if member[1] not in absent[member[0]]]
        own: dict[str, list[Entry]] = {id_: [] for _, id_ in kept}
        for entry in stored_entries(connection, list(own)) if own else ():
            own[entry.member].append(entry)
        self._entries.update((member, frozenset(own[member[1]])) for member in kept)

    def _write_facts(self, connection: sa.Connection) -> None:
        self._whole.synthetic = self.facts.synthetic
        rows = self._cases.written() + self._persons.written()
        rows.append(("whole", "", _ENCODE(self._whole)))
        insert_rows(connection, FACTS, rows, taken="replaces")


def _as_row(entry: Entry) -> tuple[Any, ...]:
    return entry.member, entry.report, entry.year, entry.row, entry.column, entry.contact


def _cell(entry: Entry) -> tuple[str, int, str, str]:
    return entry.report, entry.year, entry.row, entry.column


def _move_cells(connection: sa.Connection, moved: Mapping[tuple[Any, ...], int]) -> None:
    insert_rows(connection, CELLS, [(*cell, by) for cell, by in sorted(moved.items()) if by], taken="adds")


def stored_entries(connection: sa.Connection, members: Sequence[str] | None = None) -> list[Entry]:
    """The entries on disk, of some members or of all."""
    if members is None:
        return [Entry(*row) for row in found(connection, _ENTRIES)]
    return [Entry(*row) for row in found_among(connection, _ENTRIES, ENTRIES.c.member, members)]


def stored_cells(connection: sa.Connection) -> dict[tuple[str, int, str, str], int]:
    """The cells on disk; a cell that fell back to nothing is left out."""
    return {(row[0], row[1], row[2], row[3]): row[4] for row in found(connection, _CELLS) if row[4]}


def stored_whole(connection: sa.Connection) -> Whole:
    """What the tallies know beside cases and persons, and up to which position of the ledger they go."""
    rows = found(connection, _WHOLE)
    return msgspec.json.decode(bytes(rows[0].body), type=Whole) if rows else Whole()
