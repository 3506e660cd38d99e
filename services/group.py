"""What one transaction of a desk is going to write: events, receipts, names, what waits, what is parked."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from events import Event
from events.intake import WardActivated
from events.messages import Receipt
from services import deadlines, flagged
from services.blind import BlindIndex
from services.book import Book, Due, Identifier, Name, Shelf, Unusable
from services.database import change, found_among, insert_rows
from services.inbox import Delivery, Item, sequence_of
from services.journal import Draft, Journal
from services.reading import Message, public
from services.seal import KeyStore, Secrets
from services.tables import HEARD, NAMES, PARKED, RECEIPTS, SERIES, WAITING, WARDS

Key = tuple[str, str, str]
"""(provider, source, id)"""

MOST_RECEIPTS = 200
"""Receipts in one message; one is about 300 bytes, and a few kilobytes where there are many flags."""

_HEARD = sa.select(HEARD).where(HEARD.c.provider == sa.bindparam("provider"), HEARD.c.source == sa.bindparam("source"))
_ITS = {f"its_{column.name}": column for column in HEARD.columns}
_HEARD_AGAIN = (
    sa.update(HEARD)
    .where(*(column == sa.bindparam(its) for its, column in _ITS.items() if column.primary_key))
    .values({column: sa.bindparam(its) for its, column in _ITS.items() if not column.primary_key})
)
_WAITING = sa.select(WAITING).order_by(WAITING.c.n)
_NO_LONGER = sa.delete(WAITING).where(WAITING.c.n == sa.bindparam("waited"))

_ENCODE = msgspec.json.Encoder().encode

log = logging.getLogger("yoake.desk")


class Group:
    """Filled while messages and events are taken in, written once at the end."""

    def __init__(
        self,
        journal: Journal,
        secrets: Secrets,
        keys: KeyStore,
        connection: sa.Connection,
        index: BlindIndex | None = None,
    ) -> None:
        self.connection = connection
        self.shelf: Shelf[Any]
        """What the books of this transaction have in common; set by the desk."""
        self.alike: dict[Identifier, list[str]] = {}
        self._index = index
        self._indexed: dict[str, dict[str, frozenset[Identifier]]] = {}
        self._forgotten: frozenset[str] = frozenset()
        self.known: dict[Key, tuple[str, Receipt]] = {}
        self.states: dict[str, Any] = {}
        self.names: dict[str, list[Name]] = {}
        self.counts: dict[str, int] = {}
        self.deadlines: dict[str, Due | None] = {}
        self._journal, self._secrets, self._keys = journal, secrets, keys
        self._drafts: list[Draft] = []
        self._heard: dict[Key, dict[str, Any]] = {}
        self._heard_again: dict[Key, dict[str, Any]] = {}
        self._receipts: dict[str, list[bytes]] = {}
        self._waiting: list[dict[str, Any]] = []
        self._parked: list[dict[str, Any]] = []
        self._woken: list[str] = []
        self._resumed: set[Key] = set()

    def keep(self, book: Book[Any], causation: str, *, synthetic: bool) -> None:
        """Take over what a rule wrote into its book."""
        self._drafts += [
            Draft(
                event=written.event,
                occurred_at=written.at,
                causation=causation,
                synthetic=synthetic,
                personal=written.personal,
                subject=written.subject,
            )
            for written in book.written
        ]
        for key, names in book.named.items():
            self.names.setdefault(key, []).extend(names)
            self._woken.append(key)
        for person, found_by in book.indexed.items():
            self._indexed.setdefault(person, {}).update(found_by)
            for identifier in frozenset().union(*found_by.values()) & self.alike.keys():
                self.alike[identifier].append(person)
        self.states.update(book.states)
        self.counts.update(book.counts)
        self.deadlines.update(book.deadlines)

    def planned(self, key: str) -> Due | None:
        """The deadline of this key, what this transaction plans and gives up included."""
        if key in self.deadlines:
            return self.deadlines[key]
        return deadlines.planned(self.connection, key)

    def look_up(self, identifiers: Iterable[Identifier]) -> None:
        """Read together who has these, before rules ask for it (`alike`)."""
        if self._index is not None and (unknown := set(identifiers) - self.alike.keys()):
            self.alike.update(self._index.lookup(self.connection, unknown))

    def same(self, identifier: Identifier) -> list[str]:
        """Who has an identifier, whoever got it in this transaction included."""
        if identifier not in self.alike:
            self.look_up([identifier])
            for person, found_by in self._indexed.items():
                if any(identifier in entries for entries in found_by.values()):
                    self.alike[identifier].append(person)
        return self.alike.get(identifier, [])

    def events(self) -> Iterator[Event]:
        """What this transaction records, so far."""
        return (draft.event for draft in self._drafts)

    def accept(self, message: Message, book: Book[Any]) -> None:
        """Answer that a message was accepted, and remember it for ever."""
        flags = [{"code": flag.code, "field": flag.field, "accepted": flag.accepted} for flag in book.flags]
        if log.isEnabledFor(logging.DEBUG):
            log.debug("accepted", extra={**self.named(*message.key), "case": book.cases})
        self._answer(message, "accepted", case=book.cases, number=book.numbers, person=book.persons, flags=flags)

    def answer_again(self, message: Message, receipt: Receipt) -> None:
        """Answer a message that was heard before; nothing is added."""
        status = "known" if receipt.status == "accepted" else receipt.status
        again = msgspec.structs.replace(
            receipt, status=status, delivery=message.delivery.delivery, at=self._journal.now()
        )
        self._send(again)

    def wait(self, message: Message, key: str) -> None:
        """Keep a message until something gets this name."""
        provider, source, own_id = message.key
        self._answer(message, "waiting", reason=f"waits for {key}")
        self._waiting.append(
            {
                "key": key,
                "provider": provider,
                "source": source,
                "id": own_id,
                "arrived": message.delivery.arrived.isoformat(),
                "body": self._secrets.seal_local(message.item.body),
            }
        )

    def park(self, delivery: Delivery, item: Item, why: Unusable, *, kind: str = "parked", digest: str = "") -> None:
        """Keep, sealed, what a person must look at; the same thing twice is kept once."""
        digest = digest or self._secrets.digest(item.body)
        source, own_id = item.identity or ("", delivery.delivery or digest)
        key = (delivery.provider, source, own_id)
        row = {
            "provider": delivery.provider,
            "source": source,
            "id": own_id,
            "digest": digest,
            "kind": kind,
            "field": why.field,
            "reason": str(why),
            "arrived": delivery.arrived.isoformat(),
            "body": self._secrets.seal_local(item.body),
            "sequence": sequence_of(item.fields),
        }
        self._parked.append(row)
        log.warning("%s: a person must look at it", kind, extra=self.named(*key))
        status = "conflict" if kind == "conflict" else "parked"
        receipt = Receipt(
            provider=delivery.provider,
            source=source or None,
            id=own_id if item.identity else None,
            delivery=delivery.delivery,
            status=status,
            service=self._journal.service,
            at=self._journal.now(),
            reason=str(why),
            field=why.field,
        )
        self._send(receipt)
        if key in self._resumed:  # It had waited; from now on it is parked, and may come again mended.
            self.connection.execute(sa.delete(HEARD).where(_is(HEARD, key)))

    def named(self, *key: str) -> dict[str, str]:
        """A message's key as a log line may say it; what may be a name is a keyed digest."""
        return dict(zip(("provider", "source", "id"), (public(part, self._secrets) for part in key), strict=True))

    def settle(self, key: Key) -> None:
        """A message that was parked has come again and could be used."""
        closed = self._journal.now().isoformat()
        self.connection.execute(
            sa.update(PARKED).where(_is(PARKED, key), PARKED.c.closed.is_(None)).values(closed=closed)
        )

    def parked_row(self, n: int) -> sa.Row[Any] | None:
        """What is parked under this number, open or closed."""
        return self.connection.execute(sa.select(PARKED).where(PARKED.c.n == n)).one_or_none()

    def close(self, n: int) -> None:
        """A person has decided that what is parked under this number stays as it is."""
        closed = self._journal.now().isoformat()
        self.connection.execute(
            sa.update(PARKED).where(PARKED.c.n == n, PARKED.c.closed.is_(None)).values(closed=closed)
        )

    def activate(self, event: WardActivated) -> None:
        """Keep the ward's rules beside the log, and wake what waited for them."""
        self._woken.append("ward")
        since = event.effective_from.isoformat()
        count = self.connection.execute(sa.select(sa.func.count()).select_from(WARDS)).scalar_one()
        content = _ENCODE(event.content)
        self.connection.execute(sa.insert(WARDS).values(effective_from=since, position=count + 1, content=content))

    def take_woken(self) -> list[str]:
        """The names that came since the last call."""
        woken, self._woken = sorted(set(self._woken)), []
        return woken

    @property
    def waiting(self) -> set[str]:
        """The names for which something of this transaction waits."""
        return {row["key"] for row in self._waiting}

    def take_waiting(self, keys: Sequence[str]) -> list[Delivery]:
        """What waited for these names, the first to wait first; it no longer waits."""
        found = found_among(self.connection, _WAITING, WAITING.c.key, keys)
        rows: list[dict[str, Any]] = [dict(row._mapping) for row in found]
        change(self.connection, _NO_LONGER, [{"waited": row["n"]} for row in rows])
        fresh = [row for row in self._waiting if row["key"] in keys]
        self._waiting = [row for row in self._waiting if row["key"] not in keys]
        self._resumed |= {_key(row) for row in rows}
        for row in fresh:  # It has had no effect yet, so it is not heard yet.
            self._heard.pop(_key(row), None)  # Not there if it had waited before, for something else.
            self.known.pop(_key(row))
        return [
            Delivery(
                provider=row["provider"],
                service=self._journal.service,
                body=self._secrets.open_local(bytes(row["body"])),
                arrived=datetime.fromisoformat(row["arrived"]),
            )
            for row in [*rows, *fresh]
        ]

    def write(self) -> None:
        """Write it all. Keys of persons come first, in their own store, so that no box is without one."""
        records = self._journal.append(self.connection, self._sealable(self._drafts), self._keys.seal)
        connection = self.connection
        told = zip(records, self.events(), strict=True)
        flagged.write(connection, [(record, event) for record, event in told if flagged.concerns(event)])
        if self._index is not None and self._indexed:
            self._index.forget(connection, self._forgotten)
            living = {person: found for person, found in self._indexed.items() if person not in self._forgotten}
            self._index.write(connection, living)
        insert_rows(connection, HEARD, _heard_rows(self._heard))
        letters = list(self._letters())
        insert_rows(connection, RECEIPTS, letters)
        self._journal.letters += len(letters)
        insert_rows(connection, NAMES, self._name_rows())
        insert_rows(connection, WAITING, [_columns(WAITING, row) for row in self._waiting])
        again = _heard_rows(self._heard_again)
        change(connection, _HEARD_AGAIN, [dict(zip(_ITS, row, strict=True)) for row in again])
        insert_rows(connection, PARKED, [_columns(PARKED, row) for row in self._parked], taken="stays")
        insert_rows(connection, SERIES, list(self.counts.items()), taken="replaces")
        if self.deadlines:
            deadlines.write(connection, self.deadlines)
        if self.shelf.beside is not None:
            self.shelf.beside.write(connection)

    def _sealable(self, drafts: list[Draft]) -> list[Draft]:
        """Each with somebody whose key can be had: of a forgotten person, what the event is about; or else nobody."""
        subjects = {draft.subject for draft in drafts if draft.personal and draft.subject}
        gone = self._keys.ensure(subjects)
        if not gone:
            return drafts
        self._forgotten = gone
        others = {draft.event.about for draft in drafts if draft.subject in gone}
        gone |= self._keys.ensure(subjects | others)
        drafts = [msgspec.structs.replace(d, subject=d.event.about) if d.subject in gone else d for d in drafts]
        return [msgspec.structs.replace(d, personal=None) if d.subject in gone else d for d in drafts]

    @property
    def parked(self) -> set[Key]:
        """What was parked in this transaction."""
        return {_key(row) for row in self._parked}

    def _answer(self, message: Message, status: str, **fields: Any) -> None:
        provider, source, own_id = message.key
        receipt = Receipt(
            provider=provider,
            source=source,
            id=own_id,
            delivery=message.delivery.delivery,
            status=status,
            service=self._journal.service,
            at=self._journal.now(),
            **fields,
        )
        row = {"digest": message.digest, "receipt": self._send(receipt), "sequence": message.sequence}
        (self._heard_again if message.key in self._resumed else self._heard)[message.key] = row
        self.known[message.key] = (message.digest, receipt)

    def _send(self, receipt: Receipt) -> bytes:
        """Let a receipt go out with this transaction; returns its text."""
        text = _ENCODE(receipt)
        self._receipts.setdefault(receipt.provider, []).append(text)
        return text

    def _letters(self) -> Iterator[tuple[str, bytes]]:
        """The receipts of each provider, together: a JSON list in each message on its way out."""
        for provider, receipts in self._receipts.items():
            for start in range(0, len(receipts), MOST_RECEIPTS):
                part = receipts[start : start + MOST_RECEIPTS]
                yield provider, b"[" + b",".join(part) + b"]"

    def _name_rows(self) -> list[tuple[str, str, str]]:
        """The names that came; one message gives several, all of them since the same moment."""
        rows: list[tuple[str, str, str]] = []
        since, text = None, ""
        for key, names in self.names.items():
            for name in names:
                if name.since is not since:
                    since, text = name.since, name.since.isoformat()
                rows.append((key, name.target, text))
        return rows


def heard_before(connection: sa.Connection, keys: Iterable[Key]) -> dict[Key, tuple[str, Receipt]]:
    """Which of these messages were heard before: their digest, and the receipt they got."""
    wanted: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for provider, source, own_id in sorted(set(keys)):
        wanted[provider, source].append(own_id)
    found = {}
    for (provider, source), ids in wanted.items():
        for row in found_among(connection, _HEARD, HEARD.c.id, ids, provider=provider, source=source):
            receipt = msgspec.json.decode(bytes(row.receipt), type=Receipt)
            found[row.provider, row.source, row.id] = (row.digest, receipt)
    return found


def _key(row: Any) -> Key:
    return (row["provider"], row["source"], row["id"])


def _heard_rows(heard: Mapping[Key, Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [(*key, row["digest"], row["receipt"], row["sequence"]) for key, row in heard.items()]


def _columns(table: sa.Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row in the order of its table; its own number, which comes first, is given by the database."""
    return tuple(row.get(column.name) for column in list(table.columns)[1:])


def _is(table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
    provider, source, own_id = key
    return sa.and_(table.c.provider == provider, table.c.source == source, table.c.id == own_id)
