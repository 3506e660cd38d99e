"""The blind index: persons found by keyed tokens of what is personal about them, so that nothing of it is in clear.

A token is a keyed digest of one folded identifier (`services.book.Identifier`). The rows are written in the
transaction of the events that they go with, and can be made again from the log (`BlindIndex.fill`): where a service
starts with none, or with rows that an earlier release folded in another way.

Everything here that writes runs in the journal's writer thread, or before it has begun.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from events import Recorded, decode
from services.book import ByField, Identifier
from services.database import among, create, found, found_among, insert_rows
from services.journal import Journal
from services.seal import KeyReader, Secrets
from services.tables import BLIND, INDEX_TABLES, INDEXED

FOLDING = 1
"""How identifiers are folded and which there are; whoever changes either adds one, and every index is made again."""

PAGE = 2_000
"""Events in one step of filling; a second's work, so that the service shows that it lives."""

FORMAT_ROW = 0

_KEPT = sa.select(INDEXED).where(INDEXED.c.n != FORMAT_ROW)
_KEPT_PROGRESS = sa.select(INDEXED.c.tokens).where(INDEXED.c.n == FORMAT_ROW)
_LAST = sa.select(sa.func.max(INDEXED.c.n))
_PERSONS = (
    sa.select(BLIND.c.token, INDEXED.c.person)
    .join_from(BLIND, INDEXED, BLIND.c.n == INDEXED.c.n)
    .order_by(BLIND.c.token, BLIND.c.n)
)

TOLD = ("person.registered", "registration.corrected")
"""The events that say by what a person is found."""

Tokens = dict[str, list[int]]
"""A person's tokens, by the field that gave them."""

_TOKENS = msgspec.json.Decoder(dict[str, list[int]])
_ENCODE = msgspec.json.Encoder().encode

log = logging.getLogger("yoake.blind")


class Identifying(Protocol):
    """What a service knows of how persons are found; pure."""

    def by_field(self, personal: Mapping[str, Any], /) -> ByField:
        """The identifiers in personal fields."""

    def sought(self, kind: str, data: Mapping[str, Any], /) -> Iterable[Identifier]:
        """What deciding on a message will ask for; read together, for a whole batch."""


class BlindIndex:
    """One journal's index: looked up and written within the caller's transaction."""

    def __init__(self, journal: Journal, secrets: Secrets, keys: KeyReader, identifying: Identifying) -> None:
        """Open the index, without whoever was forgotten meanwhile. What was there before it must be filled in."""
        self.identifying, self._secrets = identifying, secrets
        self._journal, self._keys = journal, keys
        with journal.engine.begin() as connection:
            create(connection, INDEX_TABLES)
            if _progress(connection).folding != FOLDING:
                self.throw_away(connection)
            self.forget(connection, keys.destroyed())

    def lookup(self, connection: sa.Connection, identifiers: Iterable[Identifier]) -> dict[Identifier, list[str]]:
        """Who has each of these, the first to be registered first."""
        asked = {self._secrets.blind(*identifier): identifier for identifier in identifiers}
        have: dict[Identifier, list[str]] = {identifier: [] for identifier in asked.values()}
        if asked:
            for token, person in found_among(connection, _PERSONS, BLIND.c.token, sorted(asked)):
                have[asked[token]].append(person)
        return have

    def write(self, connection: sa.Connection, found_by: Mapping[str, ByField]) -> None:
        """Let these persons be found by this; a field that is not given stays as it was."""
        if not found_by:
            return
        kept = _kept(connection, sorted(found_by))
        following = found(connection, _LAST)[0][0] or FORMAT_ROW
        persons: list[tuple[int, str, bytes]] = []
        rows: list[tuple[int, int]] = []
        for person, fields in found_by.items():
            n, before = kept.get(person) or (following := following + 1, {})
            after = before | tokens_of(self._secrets, fields)
            old, new = every(before), every(after)
            _take_away(connection, n, old - new)
            rows += [(token, n) for token in new - old]
            persons.append((n, person, _ENCODE({field: tokens for field, tokens in after.items() if tokens})))
        insert_rows(connection, INDEXED, persons, taken="replaces")
        insert_rows(connection, BLIND, sorted(rows))  # In the order in which they are kept, which costs least.

    def forget(self, connection: sa.Connection, persons: Iterable[str]) -> None:
        """Let nobody of these be found any more."""
        for n, tokens in _kept(connection, sorted(set(persons))).values():
            _take_away(connection, n, every(tokens))
            connection.execute(sa.delete(INDEXED).where(INDEXED.c.n == n))

    def throw_away(self, connection: sa.Connection) -> None:
        """Let nothing be left of it, so that it is made again from the log (`fill`)."""
        for table in INDEX_TABLES:
            connection.execute(sa.delete(table))
        _note(connection, _Progress(folding=FOLDING, whole=not self._journal.head))

    def fill(self) -> bool:
        """Make one page more of the index from the log; False if nothing was missing.

        A page is a transaction, so that whoever is stopped in between goes on from there.
        """
        with self._journal.engine.begin() as connection:
            progress = _progress(connection)
            if progress.whole:
                return False
            page = _registrations(self._journal, connection, progress.upto)
            found_by: defaultdict[str, dict[str, frozenset[Identifier]]] = defaultdict(dict)
            for record, personal in zip(page, opened(self._keys, page), strict=True):
                if personal is not None:
                    found_by[record.subject].update(self.identifying.by_field(personal))
            self.write(connection, found_by)
            upto = page[-1].position if page else progress.upto
            _note(connection, _Progress(folding=FOLDING, upto=upto, whole=len(page) < PAGE))
        log.info("the index of persons was made from the log up to %s", upto)
        return True


def tokens_of(secrets: Secrets, found_by: ByField) -> Tokens:
    """The tokens that each of these fields gives."""
    return {field: sorted(secrets.blind(*entry) for entry in entries) for field, entries in found_by.items()}


def every(tokens: Tokens) -> set[int]:
    """All of a person's tokens, whichever field gave them."""
    return {token for each in tokens.values() for token in each}


def read_tokens(noted: bytes) -> Tokens:
    """A person's tokens, as a row of `INDEXED` notes them."""
    return _TOKENS.decode(bytes(noted))


class _Progress(msgspec.Struct, kw_only=True):
    """How identifiers were folded, up to which position of the log, and whether that was all."""

    folding: int | None = None
    upto: int = 0
    whole: bool = False


def _progress(connection: sa.Connection) -> _Progress:
    rows = found(connection, _KEPT_PROGRESS)
    return msgspec.json.decode(bytes(rows[0].tokens), type=_Progress) if rows else _Progress()


def _note(connection: sa.Connection, progress: _Progress) -> None:
    insert_rows(connection, INDEXED, [(FORMAT_ROW, "-", _ENCODE(progress))], taken="replaces")


def usable(connection: sa.Connection) -> bool:
    """Whether there is an index, whole, and folded as this release folds."""
    if not sa.inspect(connection).has_table(INDEXED.name):
        return False
    progress = _progress(connection)
    return progress.whole and progress.folding == FOLDING


def opened(keys: KeyReader, records: Sequence[Recorded]) -> list[dict[str, Any] | None]:
    """What is personal in each of these events; None where there is nothing, or where nobody can read it any more."""
    boxes = []
    for record in records:
        sealed = box_of(record)
        boxes.append((record.subject, f"{record.type}/{record.id}", sealed) if sealed else None)
    return keys.unseal_all(boxes)


def box_of(record: Recorded) -> str | None:
    """What is sealed in an event; None where nothing is."""
    return msgspec.json.decode(record.data, type=_Sealed).sealed


class _Sealed(msgspec.Struct):
    sealed: str | None = None


def _registrations(journal: Journal, connection: sa.Connection, after: int) -> list[Recorded]:
    """A page of what was said of persons on forms and in corrections, in order."""
    query = sa.select(journal.log.c.state)
    query = query.where(journal.log.c.topic.in_(TOLD), journal.log.c.id > after).order_by(journal.log.c.id).limit(PAGE)
    return [decode(bytes(state)) for state in connection.execute(query).scalars()]


def _kept(connection: sa.Connection, persons: Sequence[str]) -> dict[str, tuple[int, Tokens]]:
    if not persons:
        return {}
    rows = found_among(connection, _KEPT, INDEXED.c.person, persons)
    return {row.person: (row.n, read_tokens(row.tokens)) for row in rows}


def _take_away(connection: sa.Connection, n: int, tokens: set[int]) -> None:
    if tokens:
        connection.execute(sa.delete(BLIND).where(BLIND.c.n == n, among(connection, BLIND.c.token, sorted(tokens))))
