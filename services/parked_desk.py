"""The desk for parked messages (要確認データ) as it is read, and what a person's decision becomes as messages.

Nothing is written here: what changes goes through INBOX, as the provider whose message it was, so that it works while
Yoake runs and is history. Knows neither a terminal nor a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag

from events import Recorded, decode, event_of
from events.messages import Receipt
from events.parked import ParkedClosed
from services.book import Unusable
from services.clock import system_clock
from services.inbox import BYTE_ORDER_MARK, Delivery, items
from services.journal import log_of, originator
from services.parked import A_NUMBER, number_of, read_number
from services.parked_content import Content, read_content
from services.reading import is_plain
from services.reading import opened as unsealed
from services.seal import KeyReader, Secrets
from services.tables import HEARD, NAMES, PARKED

SOURCE = "/yoake/desk"
WITHHELD = "＊"
DONE = ("accepted", "known", "waiting")
OF_THE_NAME = ("id", "source")
"""Faults for which a mended copy must have another name than the parked one."""

Why = Literal["no-such", "keys", "garbled", "other-name", "conflict", "not-utf-8", "settled", "other"]
_HEAD = [column for column in PARKED.c if column is not PARKED.c.body]


class ParkedError(RuntimeError):
    """Something that cannot be done at the desk; says why and what to do, in English and in Japanese.

    `fault`: what is wrong with a mended copy.
    """

    def __init__(self, text: str, japanese: str, why: Why = "other", fault: Unusable | None = None) -> None:
        super().__init__(text)
        self.japanese, self.why, self.fault = japanese, why, fault


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


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are meant, by what they have in common; None: any. `kind`: parked or conflict."""

    kind: str | None = None
    provider: str | None = None
    source: str | None = None
    field: str | None = None


class ParkedDesk:
    """The parked rows of the writing services. `secrets` gives the ward's keys, or raises ParkedError."""

    def __init__(self, engines: Mapping[str, sa.Engine], secrets: Callable[[], Secrets]) -> None:
        self._engines, self._secrets = engines, secrets

    def count(self) -> int:
        """How many are open."""
        query = sa.select(sa.func.count()).select_from(PARKED).where(PARKED.c.closed.is_(None))
        found = 0
        for engine in self._engines.values():
            with engine.connect() as connection:
                found += connection.execute(query).scalar_one()
        return found

    def rows(
        self, wanted: Wanted | None = None, *, closed: bool = False, most: int | None = None, skip: int = 0
    ) -> list[Parked]:
        """What is open and wanted, the first to arrive first; with `closed` also what is open no more."""
        found = []
        for service, engine in self._engines.items():
            query = sa.select(PARKED.c.arrived, PARKED.c.n)
            query = query if closed else query.where(PARKED.c.closed.is_(None))
            for name, value in msgspec.structs.asdict(wanted or Wanted()).items():
                query = query if value is None else query.where(PARKED.c[name] == value)
            with engine.connect() as connection:
                found += [
                    (datetime.fromisoformat(arrived), service, n) for arrived, n in connection.execute(query).all()
                ]
        some = sorted(found)[skip : None if most is None else skip + most]
        return [self.one(number_of(service, n)) for _, service, n in some]

    def one(self, number: str) -> Parked:
        """One row.

        Raises:
            ParkedError: there is none.
        """
        service, row = self._row(number)
        with self._engines[service].connect() as connection:
            return _shown(service, connection, row, number)

    def content(self, number: str) -> Content:
        """What was parked, with its personal parts unsealed: to be shown to nobody but whoever mends it.

        Raises:
            ParkedError: there is none, or the keys are not here.
        """
        return read_content(self._body(number), self._secrets())

    def closing_words(self, number: str, keys: sa.Engine) -> dict[str, Any]:
        """What was sealed as it was closed, `reason` and `by` as far as they were given; `keys` is the key store.

        Raises:
            ParkedError: there is none, or the keys are not here.
        """
        service, _ = self._row(number)
        with self._engines[service].connect() as connection:
            record = _closing(connection, number)
        event = _closed(record) if record else None
        if record is None or event is None or event.sealed is None:
            return {}
        box = ([event.closing], f"{record.type}/{record.id}", event.sealed)
        return KeyReader(keys, self._secrets()).opened(*box) or {}

    def decoded(self, number: str, encoding: str) -> str:
        """What was parked, read in this encoding; personal parts as they came.

        Raises:
            UnicodeDecodeError, LookupError: it is not written in it; there is no such encoding.
            ParkedError: there is none, or the keys are not here.
        """
        return self._body(number).removeprefix(BYTE_ORDER_MARK).decode(encoding)

    def mended(self, number: str, text: str) -> list[dict[str, Any]]:
        """The messages of a mended copy, to be sent as the same provider, under the same id.

        Raises:
            ParkedError: it is not JSON, or another message, or it cannot mend what is wrong.
        """
        service, row = self._row(number)
        messages = _messages(text, service)
        _check_names(messages, number, row)
        return messages

    def resent(self, number: str) -> list[dict[str, Any]]:
        """What was parked, to be sent again as it is, for example after the ward's file has changed.

        Raises:
            ParkedError: it cannot be read, or is a conflict: sent again it would only be parked again.
        """
        service, row = self._row(number)
        if row.kind == "conflict":
            raise _conflict(number)
        try:
            text = self._body(number).removeprefix(BYTE_ORDER_MARK).decode()
        except UnicodeDecodeError as error:
            told = f"{number}: not UTF-8; mend it: `yoake parked mend {number} --encoding cp932`"
            japanese = (
                f"{number}：UTF-8ではありません。`yoake parked mend {number} --encoding cp932` で読み直して送れます"
            )
            raise ParkedError(told, japanese, "not-utf-8") from error
        return _messages(text, service)

    def closing(self, number: str, reason: str, at: datetime, by: str | None = None) -> dict[str, Any]:
        """The message that lets it stay as it is; `reason` and `by` are sealed unless `reason` is a short code.

        Raises:
            ParkedError: there is none.
        """
        service, _ = self._row(number)
        body = self._body(number)
        closing: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": SOURCE,
            "type": "parked.close",
            "time": at.isoformat(),
            "data": {"parked": number, "reason": reason} | ({"personal": {"by": by}} if by else {}),
        }
        if next(items(_delivery(service, body))).fields.get("synthetic") is True:
            closing["synthetic"] = True
        return closing

    def is_left(self, number: str, receipts: Sequence[Receipt]) -> bool:
        """Whether it stays open though these were taken: under another name, or elsewhere, the service cannot know."""
        service, row = self._row(number)
        names = {(receipt.source, receipt.id, receipt.service) for receipt in receipts}
        by_itself = row.kind == "parked" and (row.source, row.id, service) in names
        return row.closed is None and not by_itself

    def later(self, number: str) -> list[str]:
        """What the same provider sent later about the same, and is parked as well: now it may be taken.

        Raises:
            ParkedError: there is none of this number, or the keys are not here.
        """
        service, row = self._row(number)
        about = self._names(service, row)
        return [
            number_of(name, other.n)
            for name, other in self._open_of(row.provider)
            if (name, other.n) != (service, row.n) and other.arrived >= row.arrived and about & self._names(name, other)
        ]

    def _row(self, number: str) -> tuple[str, sa.Row[Any]]:
        try:
            service, n = read_number(number)
        except ValueError as error:
            raise ParkedError(
                str(error), f"{number}：要確認データの番号ではありません（例：intake-3）", "no-such"
            ) from error
        row = None
        if service in self._engines:
            with self._engines[service].connect() as connection:
                row = connection.execute(sa.select(*_HEAD).where(PARKED.c.n == n)).one_or_none()
        if row is None:
            told = f"{number}: nothing is parked under this number; accepted: {A_NUMBER}"
            raise ParkedError(told, f"{number}：この番号の要確認データはありません（番号の例：intake-3）", "no-such")
        return service, row

    def _body(self, number: str) -> bytes:
        service, row = self._row(number)
        return self._opened(service, row.n)

    def _opened(self, service: str, n: int) -> bytes:
        with self._engines[service].connect() as connection:
            body = connection.execute(sa.select(PARKED.c.body).where(PARKED.c.n == n)).scalar_one()
        try:
            return self._secrets().open_local(bytes(body))
        except InvalidTag as error:
            number = number_of(service, n)
            told = f"{number}: sealed with another master.key than this one"
            raise ParkedError(
                told, f"{number}：ここにある master.key とは別の鍵で暗号にされています", "keys"
            ) from error

    def _open_of(self, provider: str) -> Iterator[tuple[str, sa.Row[Any]]]:
        wanted = sa.and_(PARKED.c.closed.is_(None), PARKED.c.provider == provider, PARKED.c.kind == "parked")
        for service, engine in self._engines.items():
            with engine.connect() as connection:
                rows = connection.execute(sa.select(*_HEAD).where(wanted).order_by(PARKED.c.n)).all()
            yield from ((service, row) for row in rows)

    def _names(self, service: str, row: sa.Row[Any]) -> set[str]:
        secrets = self._secrets()
        delivery = _delivery(service, self._opened(service, row.n), row.provider)
        readable = [item for item in items(delivery) if isinstance(item.fields.get("data"), dict)]
        return {name for item in readable for name in unsealed(delivery, item, secrets).names}


def _shown(service: str, connection: sa.Connection, row: sa.Row[Any], number: str) -> Parked:
    told, _, accepted = row.reason.partition("; accepted: ")
    record = _closing(connection, number) if row.closed else None
    closing = _closed(record) if record else None
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
        state="open" if row.closed is None else "closed" if closing else "mended",
        closed=datetime.fromisoformat(row.closed) if row.closed else None,
        because=closing.reason if closing else None,
        first=_first(connection, row) if row.kind == "conflict" else [],
    )


def _messages(text: str, service: str) -> list[dict[str, Any]]:
    """The messages of a mended copy, each of which has at least a name and a type.

    Raises:
        ParkedError: one has not; says which field is wrong and what would be accepted.
    """
    found = list(items(_delivery(service, text.encode())))
    for item in found:
        if item.garbled is not None:
            raise ParkedError(f"nothing was sent: {item.garbled}", "何も送っていません", "garbled", item.garbled)
    return [item.fields for item in found]


def _check_names(messages: Sequence[dict[str, Any]], number: str, row: sa.Row[Any]) -> None:
    names = {(message["source"], message["id"]) for message in messages}
    same = names == {(row.source, row.id)}
    if row.kind == "conflict" and same:
        raise _conflict(number)
    if row.kind == "parked" and row.source and not same and row.field not in OF_THE_NAME:
        told = f"nothing was sent: another `source` or `id` than {number} has; keep both as they are"
        japanese = f"何も送っていません。`source` か `id` が {number} と違います。どちらも元のままにしてください"
        raise ParkedError(told, japanese, "other-name")


def _conflict(number: str) -> ParkedError:
    return ParkedError(
        f"{number}: the first message under this id stands, and this one would be in conflict again. To change what "
        f"stands, send a correcting message under a new id (`yoake parked mend {number}` with one); to leave it, "
        f"`yoake parked close {number} --reason …`",
        f"{number}：同じ番号で先に受け付けた記録が有効です。そのまま送っても、また同じことになります。変えるときは、訂正の記録を新しい番号で"
        f"送ってください（`yoake parked mend {number}`）。変えないときは、"
        f"`yoake parked close {number} --reason …` で閉じてください",
        "conflict",
    )


def _closing(connection: sa.Connection, number: str) -> Recorded | None:
    target = connection.execute(sa.select(NAMES.c.target).where(NAMES.c.key == f"parked/{number}")).scalar()
    if target is None:
        return None
    log = log_of(connection.engine)
    text = connection.execute(sa.select(log.c.state).where(log.c.originator_id == originator(target))).scalar_one()
    return decode(bytes(text))


def _closed(record: Recorded) -> ParkedClosed:
    event = event_of(record)
    assert isinstance(event, ParkedClosed), "nothing else has this name"
    return event


def _first(connection: sa.Connection, row: sa.Row[Any]) -> list[str]:
    """The 受付番号 of what stands, where the first one has any."""
    same = sa.and_(HEARD.c.provider == row.provider, HEARD.c.source == row.source, HEARD.c.id == row.id)
    receipt = connection.execute(sa.select(HEARD.c.receipt).where(same)).scalar()
    return msgspec.json.decode(bytes(receipt), type=Receipt).number if receipt else []


def _delivery(service: str, body: bytes, provider: str = "") -> Delivery:
    return Delivery(provider=provider, service=service, body=body, arrived=system_clock())


def _name(own: str) -> str:
    return own if is_plain(own) else WITHHELD
