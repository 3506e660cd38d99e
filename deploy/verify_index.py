"""Whether persons are found by what the sealed fields of intake's log say of them, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from deploy.opened import Opened
from deploy.setback import key_engine
from events import decode
from services.blind import FORMAT_ROW, TOLD, Tokens, box_of, every, opened, read_tokens, tokens_of, usable
from services.book import Identifier
from services.database import snapshot
from services.intake.identifiers import by_field
from services.journal import LogReader, originator
from services.seal import KeyStore, Secrets, WrongKey
from services.tables import BLIND, INDEXED

T = TypeVar("T")

PAGE = 500
"""Registrants whose forms are opened together."""


class NoKeys(RuntimeError):
    """The keys that open what personal is are not at hand; says why and what to do."""


class Compared(msgspec.Struct, frozen=True):
    """`differences`: each of them, with persons by their ids. `unchecked`: what was not compared, and why."""

    differences: list[str] = []
    unchecked: list[str] = []


class _Row(NamedTuple):
    """What the index holds under one number: of whom (None: of nobody), noted by field, and looked up by."""

    n: int
    person: str | None
    noted: Tokens
    held: set[int]


@contextmanager
def key_store(books: Opened) -> Iterator[tuple[Secrets, KeyStore]]:
    """The keys of a data directory.

    Raises:
        NoKeys: the master key is not there, or it is another.
    """
    directory = books.settings.keys
    if not (directory / "master.key").exists():
        raise NoKeys(f"there is no {directory / 'master.key'}: put the keys there, or do this where they are")
    with key_engine(books.settings) as engine:
        secrets = Secrets.at(directory)
        try:
            store = KeyStore(engine, secrets)
        except WrongKey as error:
            raise NoKeys(str(error)) from error
        yield secrets, store


def compare_index(books: Opened) -> Compared:
    """Compare the index of a data directory with its log, where the keys are at hand."""
    try:
        with key_store(books) as (secrets, keys):
            return compare(books.writers["intake"], secrets, keys)
    except NoKeys as error:
        return Compared(unchecked=[f"sealed fields and index of persons: {error}"])


def compare(journal: LogReader, secrets: Secrets, keys: KeyStore) -> Compared:
    """Compare the index with the log, as both are at one moment, and with whose keys were destroyed."""
    with snapshot(journal.engine) as connection:
        if not usable(connection):
            return Compared(unchecked=["index of persons: intake makes it from its log when it starts"])
        return _compared(_Told(journal, connection, secrets, keys), connection)


class _Told:
    """What the log says by which tokens persons are found."""

    def __init__(self, journal: LogReader, connection: sa.Connection, secrets: Secrets, keys: KeyStore) -> None:
        self._log, self._connection, self._secrets, self._keys = journal.log, connection, secrets, keys
        subjects = sa.select(self._log.c.state).where(self._log.c.topic == "person.registered").order_by(self._log.c.id)
        self.registrants = [decode(bytes(state)).subject for state in _streamed(connection, subjects).scalars()]

    def gone(self) -> frozenset[str]:
        """Whose keys were destroyed."""
        return self._keys.destroyed()

    def tokens(self, persons: Sequence[str]) -> dict[str, Tokens | None]:
        """The tokens of each person by field; None where a box of theirs does not open."""
        log = self._log.c
        about = log.originator_id.in_([originator(person) for person in persons])
        query = sa.select(log.state).where(about, log.topic.in_(TOLD)).order_by(log.id)
        records = [decode(bytes(state)) for state in self._connection.execute(query).scalars()]
        fields: dict[str, dict[str, frozenset[Identifier]]] = {person: {} for person in persons}
        shut: set[str] = set()
        for record, personal in zip(records, opened(self._keys, records), strict=True):
            if personal is not None:
                fields[record.subject] |= by_field(personal)
            elif box_of(record):
                shut.add(record.subject)
        return {p: None if p in shut else tokens_of(self._secrets, found_by) for p, found_by in fields.items()}


def _compared(told: _Told, connection: sa.Connection) -> Compared:
    left = dict.fromkeys(told.registrants)
    gone, unreadable = told.gone(), 0
    found: list[str] = []
    for page in _pages(_rows(connection)):
        wanted = told.tokens([row.person for row in page if row.person in left and row.person not in gone])
        for row in page:
            expected = wanted.get(row.person or "", {})
            if expected is None:
                unreadable += 1
            else:
                found += _faults(row, expected, known=row.person in left, gone=row.person in gone)
        for row in page:
            left.pop(row.person or "", None)
    for some in _pages(person for person in left if person not in gone):
        for person, expected in told.tokens(some).items():
            unreadable += expected is None
            if expected and every(expected):
                found.append(f"{person} is not in it, and cannot be found")
    unchecked = f"index of persons: {unreadable} registrants, since no key opens what they are found by"
    return Compared([f"index of persons: {fault}" for fault in found], [unchecked] if unreadable else [])


def _faults(row: _Row, expected: Tokens, *, known: bool, gone: bool) -> Iterator[str]:
    wanted, noted = every(expected), {field: tokens for field, tokens in expected.items() if tokens}
    if row.person is None:
        yield f"{len(row.held)} tokens lead to number {row.n}, which nobody has"
    elif gone and (row.held or row.noted):
        yield f"{row.person} is in it with {len(row.held) or len(every(row.noted))} tokens, and their key was destroyed"
    elif not known:
        yield f"{row.person} is in it, and was never registered"
    elif missing := wanted - row.held:
        wrong = f", and has {len(row.held - wanted)} that are not theirs" if row.held - wanted else ""
        yield f"{row.person} lacks {len(missing)} of {len(wanted)} tokens{wrong}"
    elif row.held != wanted:
        yield f"{row.person} has tokens too many: {len(row.held - wanted)}"
    elif row.noted != noted:
        yield f"{row.person} has the right tokens, noted under the wrong fields: a correction would leave some behind"


def _rows(connection: sa.Connection) -> Iterator[_Row]:
    """The index, number by number; both tables are read in step, so that only one person's tokens are in memory."""
    persons = sa.select(INDEXED).where(INDEXED.c.n != FORMAT_ROW).order_by(INDEXED.c.n)
    tokens = sa.select(BLIND.c.n, BLIND.c.token).order_by(BLIND.c.n)
    both = merge(_streamed(connection, persons), _streamed(connection, tokens), key=itemgetter(0))
    for n, rows in groupby(both, key=itemgetter(0)):
        person, noted, held = None, {}, set()
        for row in rows:
            if len(row) == 2:
                held.add(row.token)
            else:
                person, noted = row.person, read_tokens(row.tokens)
        yield _Row(n, person, noted, held)


def _streamed(connection: sa.Connection, query: sa.Select[Any]) -> sa.CursorResult[Any]:
    return connection.execute(query, execution_options={"yield_per": 2_000})


def _pages(rows: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(rows)
    while page := list(islice(rest, PAGE)):
        yield page
