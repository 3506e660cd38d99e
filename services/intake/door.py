"""The door: messages that come otherwise than over NATS, by HTTP or from a page, put into INBOX and answered.

What was authenticated says who a message is from. Everything goes the way of all messages, through
INBOX and the services, so that nothing is decided here: a message sent twice is heard once, and one
that cannot be used is parked. Personal parts in clear are sealed to the ward before they leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Literal
from uuid import uuid4

import msgspec
import nats.errors
import nats.js.errors
from joserfc.jwk import ECKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from events import BATCH_CONTENT_TYPE, CONTENT_TYPE
from events.adapter import DELIVERY, INBOX_FULL
from events.messages import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES, MAX_NESTING, MESSAGES, Receipt, addressed
from services.book import Unusable
from services.inbox import Item, parsed
from services.intake.sealing import sealed_text
from services.subjects import INBOX, inbox_subject, receipt_subject

STORING = 5.0
"""Seconds given to JetStream to say that a message is stored."""

PATIENCE = 3.0
"""Seconds given to the services to answer with a receipt."""

TOO_LARGE, TOO_MANY = "too large", "too many messages"

log = logging.getLogger("yoake.door")

Identity = tuple[str, str]
"""A message's (source, id)."""


class Unread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that cannot be parsed at all, by its place in what was sent, from 1; nothing of it was kept."""

    n: int
    field: str
    fault: str
    accepted: str | None = None

    @property
    def is_too_large(self) -> bool:
        """Whether only its size is in the way."""
        return self.fault in (TOO_LARGE, TOO_MANY)


class Queued(msgspec.Struct, frozen=True):
    """A message that is safe in INBOX and has no receipt yet."""

    source: str
    id: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of what was submitted.

    `receipts`: everything readable is committed, and here are the receipts, in the order of the messages.
    `queued`: everything readable is in INBOX, and what has no receipt yet is in `queued`.
    `unavailable`: INBOX could not store it; the sender keeps it, and sends all of it again.
    `unreadable`: nothing in it can be read. With the first two, `unread` names what could not be read beside the rest.
    """

    state: Literal["receipts", "queued", "unavailable", "unreadable"]
    receipts: list[Receipt] = []
    queued: list[Queued] = []
    unread: list[Unread] = []


class _Ready(msgspec.Struct, frozen=True):
    """One message as it will stand in INBOX; `n` is its place in what was sent."""

    n: int
    identity: Identity
    service: str
    name: str
    body: bytes


class Door:
    """Puts messages into INBOX and waits for their receipts. Use it as an asynchronous context."""

    def __init__(self, connection: Client, ward: str, key: ECKey) -> None:
        """`connection` must reconnect by itself, for ever; `key` is the public half of the ward's inbox key."""
        self._nats, self._ward, self._key = connection, ward, key
        self._js = connection.jetstream(timeout=STORING)
        self._waiting: dict[str, _Answers] = {}

    async def __aenter__(self) -> Door:
        """Listen for receipts.

        Raises:
            nats.errors.Error: the connection is closed.
        """
        self._receipts = await self._nats.subscribe(receipt_subject(self._ward, "*"), cb=self._on_receipts)
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._nats.is_closed:
            await self._receipts.unsubscribe()

    async def submit(self, provider: str, body: bytes, *, patience: float = PATIENCE) -> Outcome:
        """Submit a CloudEvent in JSON, or a list of them, as a provider.

        `patience`: for how many seconds to wait for receipts. Cancelled, it leaves in INBOX what is there.
        """
        ready, unread = _read(body, self._key)
        if not ready:
            return Outcome(state="unreadable", unread=unread)
        answers: list[_Answers] = []
        try:
            for letter in _letters(ready):
                answers.append(self._expect(letter))
                await self._store(provider, letter, answers[-1].delivery)
            await _at_most(patience, answers)
        except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
            log.warning("INBOX does not take what came through the door: %s", error or type(error).__name__)
            return Outcome(state="unavailable", unread=unread)
        finally:
            for answer in answers:
                del self._waiting[answer.delivery]
        return _outcome(answers, unread)

    def _expect(self, letter: Sequence[_Ready]) -> _Answers:
        answers = _Answers(letter)
        self._waiting[answers.delivery] = answers
        return answers

    async def _store(self, provider: str, letter: Sequence[_Ready], delivery: str) -> None:
        """Put messages for one service into INBOX as one.

        Raises:
            nats.errors.Error, nats.js.errors.Error, OSError: it is not stored, or nobody says that it is.
        """
        if not self._nats.is_connected:
            raise nats.errors.ConnectionClosedError  # What is buffered would be answered for too late.
        first = letter[0]
        if len(letter) == 1:
            name, kind, body = first.name, CONTENT_TYPE, first.body
        else:
            name, kind, body = "batch", BATCH_CONTENT_TYPE, b"[" + b",".join(each.body for each in letter) + b"]"
        subject = inbox_subject(self._ward, provider, first.service, name)
        try:
            await self._js.publish(subject, body, stream=INBOX, headers={DELIVERY: delivery, "Content-Type": kind})
        except nats.js.errors.APIError as error:
            if error.err_code in INBOX_FULL:
                log.error("INBOX is full: the services do not keep up, or do not run (`yoake status`)")
            raise

    async def _on_receipts(self, message: Msg) -> None:
        if not any(delivery.encode() in message.data for delivery in self._waiting):
            return  # Most are for those who send over NATS, and need not be read here.
        try:
            receipts = msgspec.json.decode(message.data, type=list[Receipt])
        except (ValueError, RecursionError):
            return  # Not receipts of ours.
        for receipt in receipts:
            if receipt.delivery in self._waiting:
                self._waiting[receipt.delivery].take(receipt)


class _Answers:
    """The receipts of one message of INBOX, as they come: one for each CloudEvent in it."""

    def __init__(self, letter: Sequence[_Ready]) -> None:
        self.delivery = str(uuid4())
        self.letter = letter
        self.receipts: dict[int, Receipt] = {}
        self.complete = asyncio.Event()

    def take(self, receipt: Receipt) -> None:
        """Put a receipt in its place. One that comes twice changes nothing."""
        own = (receipt.source, receipt.id)
        for message in self.letter:
            if message.n not in self.receipts and message.identity == own:
                self.receipts[message.n] = receipt
                break
        if len(self.receipts) == len(self.letter):
            self.complete.set()


def _read(body: bytes, key: ECKey) -> tuple[list[_Ready], list[Unread]]:
    ready, unread = [], []
    for n, item in enumerate(parsed(body), start=1):
        try:
            ready.append(_ready(n, item, key))
        except Unusable as garbled:
            unread.append(Unread(n=n, field=garbled.field, fault=garbled.reason, accepted=garbled.accepted))
    return ready, unread


def _ready(n: int, item: Item, key: ECKey) -> _Ready:
    """Raises Unusable where the message cannot be read at all, or would be too large."""
    if item.identity is None:
        raise item.garbled or Unusable("id", "missing")
    try:
        said = sealed_text(item, key)
    except RecursionError:
        raise Unusable("data", "nested too deeply", f"up to {MAX_NESTING} levels") from None
    if len(said) > MAX_MESSAGE_BYTES:
        raise Unusable("message", TOO_LARGE, f"up to {MAX_MESSAGE_BYTES} bytes, what is personal sealed")
    return _Ready(n, item.identity, *_address(item.fields), said)


def _address(fields: dict[str, Any]) -> tuple[str, str]:
    """(service, message); what no service knows goes to intake, which parks it; a closing, to where it was parked."""
    type_ = fields.get("type")
    kind = MESSAGES.get(type_) if isinstance(type_, str) else None
    return (addressed(fields), kind.name) if kind else ("intake", "unknown")


def _letters(ready: Sequence[_Ready]) -> Iterator[list[_Ready]]:
    """What goes into INBOX together: for one service, in order, and no larger than a batch may be."""
    for service in dict.fromkeys(message.service for message in ready):
        letter: list[_Ready] = []
        size = 2
        for message in (each for each in ready if each.service == service):
            if letter and size + len(message.body) + 1 > MAX_BATCH_BYTES:
                yield letter
                letter, size = [], 2
            letter.append(message)
            size += len(message.body) + 1
        yield letter


async def _at_most(seconds: float, answers: Sequence[_Answers]) -> None:
    """Wait until all is answered, or until the time is up."""
    try:
        async with asyncio.timeout(seconds):
            for answer in answers:
                await answer.complete.wait()
    except TimeoutError:
        pass  # What has no receipt by now is queued.


def _outcome(answers: Sequence[_Answers], unread: list[Unread]) -> Outcome:
    receipts = {n: receipt for answer in answers for n, receipt in answer.receipts.items()}
    messages = {message.n: message for answer in answers for message in answer.letter}
    queued = [Queued(*messages[n].identity) for n in sorted(messages) if n not in receipts]
    return Outcome(
        state="queued" if queued else "receipts",
        receipts=[receipts[n] for n in sorted(receipts)],
        queued=queued,
        unread=unread,
    )
