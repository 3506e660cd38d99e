"""The desk for parked messages (要確認データ): what a person must look at, mended, sent again, or closed with a reason.

Nothing is written here into a service's database: what changes goes through INBOX, as the provider whose message it
was, so that it works while Yoake runs and is history. Knows nothing of a terminal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from deploy.datadir import DataDirectory
from deploy.opened import Opened
from deploy.parked_content import Content, read_content
from events import event_of
from events.adapter import Adapter
from events.messages import Receipt
from events.parked import ParkedClosed
from events.seal import public_key
from services.clock import system_clock
from services.inbox import BYTE_ORDER_MARK, Delivery, items
from services.journal import Journal
from services.parked import A_NUMBER, number_of, read_number
from services.reading import is_plain
from services.reading import opened as unsealed
from services.seal import Secrets
from services.tables import HEARD, NAMES, PARKED

SOURCE = "/yoake/desk"
WITHHELD = "＊"
DONE = ("accepted", "known", "waiting")
OF_THE_NAME = ("id", "source")
"""Faults for which a mended copy must have another name than the parked one."""


class ParkedError(RuntimeError):
    """Something that cannot be done at the desk; says why and what to do."""


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the desk. `state`: open; mended (it came again and was taken); closed (by a person, `because`).

    `id` and `source` are withheld (＊) where they may be somebody's name. `first` are the 受付番号 of what stands,
    of a conflict.
    """

    number: str
    service: str
    provider: str
    source: str
    id: str
    kind: str
    field: str
    reason: str
    accepted: str | None
    arrived: datetime
    state: str = "open"
    closed: datetime | None = None
    because: str | None = None
    first: list[str] = []


class Outcome(msgspec.Struct, frozen=True):
    """What became of a mended or resent message. `next`: numbers parked later, about the same, to be sent again now."""

    receipts: list[Receipt]
    closed: bool
    next: list[str] = []

    @property
    def done(self) -> bool:
        """Whether nothing of it needs a person any more."""
        return self.closed and all(receipt.status in DONE for receipt in self.receipts)


class ParkedDesk:
    """The parked rows of the three services. `books` are for looking alone."""

    def __init__(self, data: DataDirectory, books: Opened) -> None:
        self._data, self._books = data, books

    def rows(self, *, closed: bool = False) -> list[Parked]:
        """What is open, the first to arrive first; with `closed` everything that ever was parked."""
        found = []
        for service, journal in self._books.writers.items():
            query = sa.select(PARKED) if closed else sa.select(PARKED).where(PARKED.c.closed.is_(None))
            with journal.engine.connect() as connection:
                rows = connection.execute(query.order_by(PARKED.c.n)).all()
                found += [self._shown(service, journal, connection, row) for row in rows]
        return sorted(found, key=lambda row: (row.arrived, row.number))

    def one(self, number: str) -> Parked:
        """One row.

        Raises:
            ParkedError: there is none.
        """
        service, row = self._row(number)
        with self._books.writers[service].engine.connect() as connection:
            return self._shown(service, self._books.writers[service], connection, row)

    def _row(self, number: str) -> tuple[str, sa.Row[Any]]:
        try:
            service, n = read_number(number)
        except ValueError as error:
            raise ParkedError(str(error)) from error
        row = None
        if service in self._books.writers:
            with self._books.writers[service].engine.connect() as connection:
                row = connection.execute(sa.select(PARKED).where(PARKED.c.n == n)).one_or_none()
        if row is None:
            raise ParkedError(f"{number}: nothing is parked under this number; accepted: {A_NUMBER}")
        return service, row

    def _shown(self, service: str, journal: Journal, connection: sa.Connection, row: sa.Row[Any]) -> Parked:
        told, _, accepted = row.reason.partition("; accepted: ")
        number = number_of(service, row.n)
        closing = _closing(journal, connection, number) if row.closed else None
        state = "open" if row.closed is None else "closed" if closing else "mended"
        return Parked(
            number=number,
            service=service,
            provider=row.provider,
            source=_name(row.source),
            id=_name(row.id),
            kind=row.kind,
            field=row.field,
            reason=told.removeprefix(f"{row.field}: "),
            accepted=accepted or None,
            arrived=datetime.fromisoformat(row.arrived),
            state=state,
            closed=datetime.fromisoformat(row.closed) if row.closed else None,
            because=closing.reason if closing else None,
            first=_first(connection, row) if row.kind == "conflict" else [],
        )

    def secrets(self) -> Secrets:
        """The keys, where this machine has them.

        Raises:
            ParkedError: it has not.
        """
        if not (self._data / "keys" / "master.key").exists():
            raise ParkedError(
                f"{self._data / 'keys'} holds no master.key: only the machine with the keys can open this"
            )
        return Secrets.at(self._data / "keys")

    def content(self, number: str) -> Content:
        """What was parked, with its personal parts unsealed: to be shown to nobody but whoever mends it.

        Raises:
            ParkedError: there is none, or the keys are not here.
        """
        return read_content(self._body(number), self.secrets())

    def decoded(self, number: str, encoding: str) -> str:
        """What was parked, read in this encoding; personal parts as they came.

        Raises:
            UnicodeDecodeError, LookupError: it is not written in it; there is no such encoding.
            ParkedError: there is none, or the keys are not here.
        """
        return self._body(number).removeprefix(BYTE_ORDER_MARK).decode(encoding)

    def _body(self, number: str) -> bytes:
        _, row = self._row(number)
        return self.secrets().open_local(bytes(row.body))

    def mend(self, number: str, text: str) -> Outcome:
        """Send a mended copy, as the same provider, under the same id.

        Raises:
            ParkedError: it is not JSON, or another message, or it cannot mend what is wrong.
            events.adapter.NotSent: it could not be handed over.
        """
        service, row = self._row(number)
        messages = _messages(text, service)
        _check_names(messages, number, row)
        return self._sent(number, messages)

    def resend(self, number: str) -> Outcome:
        """Send what was parked again as it is, for example after the ward's file has changed.

        Raises:
            ParkedError: it cannot be read, or is a conflict: sent again it would only be parked again.
            events.adapter.NotSent: it could not be handed over.
        """
        service, row = self._row(number)
        if row.kind == "conflict":
            raise ParkedError(_conflict(number))
        try:
            text = self._body(number).removeprefix(BYTE_ORDER_MARK).decode()
        except UnicodeDecodeError as error:
            raise ParkedError(f"{number}: not UTF-8; mend it: `yoake parked mend {number} --encoding cp932`") from error
        return self._sent(number, _messages(text, service))

    def close(self, number: str, reason: str, by: str | None = None) -> Receipt:
        """Let what was parked stay as it is; `reason` and `by` are sealed unless `reason` is a short code.

        Raises:
            ParkedError: there is none, or it is closed already.
            events.adapter.NotSent: it could not be handed over.
        """
        _, row = self._row(number)
        if row.closed is not None:
            raise ParkedError(f"{number}: {self.one(number).state} already")
        return self._close(number, row, reason, by)

    def _sent(self, number: str, messages: Sequence[dict[str, Any]]) -> Outcome:
        service, row = self._row(number)
        later = self._later(service, row)
        receipts = self._deliver(row.provider, messages)
        if not all(receipt.status in DONE for receipt in receipts):
            return Outcome(receipts, closed=False)
        names = {(receipt.source, receipt.id, receipt.service) for receipt in receipts}
        _, now = self._row(number)
        by_itself = row.kind == "parked" and (row.source, row.id, service) in names
        if now.closed is None and not by_itself:  # Taken under another name or elsewhere, so the service cannot know.
            self._close(number, row, "mended", None)
        return Outcome(receipts, closed=True, next=later)

    def _close(self, number: str, row: sa.Row[Any], reason: str, by: str | None) -> Receipt:
        known = self._ward().provider_of(row.provider) is not None
        sender = row.provider if known else self._ward().provider[0].id
        closing: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": SOURCE,
            "type": "parked.close",
            "time": system_clock().isoformat(),
            "data": {"parked": number, "reason": reason} | ({"personal": {"by": by}} if by else {}),
        }
        if self._synthetic(row):
            closing["synthetic"] = True
        return self._deliver(sender, [closing])[0]

    def _deliver(self, provider: str, messages: Sequence[dict[str, Any]]) -> list[Receipt]:
        """The one place that sends."""
        running = self._data.running()
        if running is None:
            raise ParkedError(f"Yoake does not run on {self._data.path}: start it with `yoake up`, or give --data")
        key = public_key((self._data / "keys" / "inbox.pub.jwk").read_bytes())

        async def send() -> dict[int, Receipt]:
            async with Adapter(running.nats, self._books.ward, provider, key) as adapter:
                return await adapter.send(list(messages), lambda _, __: None)

        receipts = asyncio.run(send())
        return [receipts[n] for n in sorted(receipts)]

    def _ward(self) -> Any:
        ward = self._books.inquiry.ward()
        if ward is None:
            raise ParkedError("no ward's file is in force yet")
        return ward

    def _synthetic(self, row: sa.Row[Any]) -> bool:
        item = next(items(_delivery(row, self.secrets().open_local(bytes(row.body)))))
        return item.fields.get("synthetic") is True

    def _later(self, service: str, row: sa.Row[Any]) -> list[str]:
        """What the same provider sent later about the same, and is parked as well: now it may be taken."""
        about = self._names(service, row)
        return [
            number_of(name, other.n)
            for name, other in self._open_rows()
            if other.provider == row.provider
            and other.kind == "parked"
            and (name, other.n) != (service, row.n)
            and other.arrived >= row.arrived
            and about & self._names(name, other)
        ]

    def _open_rows(self) -> Iterator[tuple[str, sa.Row[Any]]]:
        for service, journal in self._books.writers.items():
            with journal.engine.connect() as connection:
                query = sa.select(PARKED).where(PARKED.c.closed.is_(None)).order_by(PARKED.c.n)
                rows = connection.execute(query).all()
            yield from ((service, row) for row in rows)

    def _names(self, service: str, row: sa.Row[Any]) -> set[str]:
        secrets = self.secrets()
        delivery = _delivery(row, secrets.open_local(bytes(row.body)), service)
        readable = [item for item in items(delivery) if isinstance(item.fields.get("data"), dict)]
        return {name for item in readable for name in unsealed(delivery, item, secrets).names(secrets)}


def _messages(text: str, service: str) -> list[dict[str, Any]]:
    """The messages of a mended copy, each of which has at least a name and a type.

    Raises:
        ParkedError: one has not; says which field is wrong and what would be accepted.
    """
    delivery = Delivery(provider="", service=service, body=text.encode(), arrived=system_clock())
    found = list(items(delivery))
    for item in found:
        if item.garbled is not None:
            raise ParkedError(f"nothing was sent: {item.garbled}")
    return [item.fields for item in found]


def _check_names(messages: Sequence[dict[str, Any]], number: str, row: sa.Row[Any]) -> None:
    names = {(message["source"], message["id"]) for message in messages}
    same = names == {(row.source, row.id)}
    if row.kind == "conflict" and same:
        raise ParkedError(_conflict(number))
    if row.kind == "parked" and row.source and not same and row.field not in OF_THE_NAME:
        raise ParkedError(f"nothing was sent: another `source` or `id` than {number} has; keep both as they are")


def _conflict(number: str) -> str:
    return (
        f"{number}: the first message under this id stands, and this one would be in conflict again. To change what "
        f"stands, send a correcting message under a new id (`yoake parked mend {number}` with one); to leave it, "
        f"`yoake parked close {number} --reason …`"
    )


def _closing(journal: Journal, connection: sa.Connection, number: str) -> ParkedClosed | None:
    target = connection.execute(sa.select(NAMES.c.target).where(NAMES.c.key == f"parked/{number}")).scalar()
    if target is None:
        return None
    with Session(journal.engine) as session:
        (record,) = journal.histories(session, [target])[target]
    event = event_of(record)
    assert isinstance(event, ParkedClosed), "nothing else has this name"
    return event


def _first(connection: sa.Connection, row: sa.Row[Any]) -> list[str]:
    """The 受付番号 of what stands, where the first one has any."""
    same = sa.and_(HEARD.c.provider == row.provider, HEARD.c.source == row.source, HEARD.c.id == row.id)
    receipt = connection.execute(sa.select(HEARD.c.receipt).where(same)).scalar()
    return msgspec.json.decode(bytes(receipt), type=Receipt).number if receipt else []


def _delivery(row: sa.Row[Any], body: bytes, service: str = "") -> Delivery:
    arrived = datetime.fromisoformat(row.arrived)
    return Delivery(provider=row.provider, service=service, body=body, arrived=arrived)


def _name(own: str) -> str:
    return own if is_plain(own) else WITHHELD
