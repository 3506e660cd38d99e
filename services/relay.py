"""The journal is the outbox: the relay publishes its events, in order, and sends its receipts.

How far it has come stands in EVENTS itself (the last event of this service there), so that a lost
tail or a recreated stream refills by itself. Nothing else publishes events.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import nats.errors
import nats.js.errors
import sqlalchemy as sa
from faststream.nats.annotations import NatsMessage
from nats.js import JetStreamContext

from events import ContractError, decode
from services.hearing import Heard
from services.journal import Journal
from services.publishing import STREAM, NotStored, Publisher, as_published
from services.subjects import EVENTS, RECEIPTS, again_subject, event_subject, ledger_subject, receipt_subject
from services.tables import RECEIPTS as OUTBOX

PAGE = 500
RECEIPTS_PAGE = 100
RETRY = 0.5
CHECK = 5.0
"""Seconds between looks at whether the stream still holds what was published.

As often receipts that went out are deleted; after a crash meanwhile they go out again.
"""

LEDGER_PATIENCE = 2.0

_RECEIPTS = sa.select(OUTBOX).where(OUTBOX.c.n > sa.bindparam("answered")).order_by(OUTBOX.c.n).limit(RECEIPTS_PAGE)
"""Asked after every commit, so it is made once."""

_FORGET = sa.delete(OUTBOX).where(OUTBOX.c.n <= sa.bindparam("upto"))

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

log = logging.getLogger("yoake.relay")


class EventsAhead(RuntimeError):
    """EVENTS or the ledger holds events of this service that its journal does not: the journal was set back."""


class Reconnected(nats.errors.Error):
    """The server may have lost the end of what it had acknowledged: look where EVENTS ends before going on."""


class Relay:
    """Publishes one journal. `position` is the last one known to be in EVENTS."""

    def __init__(self, journal: Journal, broker: NatsBroker) -> None:
        self._journal, self._broker = journal, broker
        self.position: int | None = None
        self.compared = asyncio.Event()
        """Set once the journal was found to be no older than what others hold; nothing is taken before."""
        self._again = 0
        self._first: bytes | None = None
        """The first event of the log; it never changes, and EVENTS is asked for it again and again."""
        self._js: JetStreamContext | None = None
        self._publisher: Publisher | None = None
        self._answered = self._forgotten = 0
        self._letters: int | None = None
        """How many the journal had been given when all of them had gone out; None: not known."""
        self._seen: tuple[int, str] | None = None
        """The last event of ours in EVENTS that was found to stand in the journal; what is written never changes."""
        broker.subscriber(again_subject(journal.ward, journal.service))(self._asked_again)

    async def run(self) -> None:
        """Publish what is committed, for ever; woken by a commit, and looking by itself as well.

        Raises:
            EventsAhead: the journal is older than what was published from it.
        """
        while True:
            try:
                await self._publish_all()
            except (
                nats.errors.Error,
                nats.js.errors.Error,
                NotStored,
                sa.exc.OperationalError,
                OSError,
                TimeoutError,
            ) as error:
                log.warning("%s: not published yet: %s", self._journal.service, error or type(error).__name__)
                self.position = None
                await asyncio.sleep(RETRY)

    async def _publish_all(self) -> None:
        js = self._js = self._js or self._broker.connection.jetstream()
        self._publisher = self._publisher or Publisher(self._broker.connection)
        self._connection = self._reconnects()
        if self.position is None:
            await self._compare_with_ledger()
        self.position = await self._published(js)
        self.compared.set()
        if self._forgotten < self._answered:
            await self._journal.run(self._forget_receipts, self._answered)
        again = _now() + CHECK
        while _now() < again:
            self._journal.committed.clear()
            letters = self._journal.letters
            # Nobody else writes this database: what we have not written is not there, and need not be asked for.
            is_new = self._letters != letters or self.position < self._journal.head
            receipts, events = await self._journal.run(self._unpublished) if is_new else ([], [])
            await self._send(receipts, events)
            self._letters = letters if len(receipts) < RECEIPTS_PAGE else None
            if len(receipts) < RECEIPTS_PAGE and len(events) < PAGE:  # That was all; a commit since has been noted.
                await _at_most(again - _now(), self._journal.committed.wait())

    async def _compare_with_ledger(self) -> None:
        """What the ledger heard from us must stand in our journal; where it does not answer, it compares itself."""
        subject = ledger_subject(self._journal.ward, self._journal.service)
        try:
            answer = await self._broker.connection.request(subject, b"", timeout=LEDGER_PATIENCE)
        except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
            return
        heard = msgspec.json.decode(answer.data, type=Heard | None)
        if heard is not None:
            await self._journal.run(self._check, "the ledger", heard.position, heard.event)

    async def _published(self, js: JetStreamContext) -> int:
        """The last position of ours that EVENTS holds, checked against the journal."""
        subject = f"events.{self._journal.ward}.{self._journal.service}.>"
        try:
            message = await js.get_last_msg(EVENTS, subject)
        except nats.js.errors.NotFoundError:
            self.compared.set()
            await js.stream_info(EVENTS)  # Raises where the stream is missing, rather than empty.
            return 0
        try:
            last = decode(message.data or b"")
        except ContractError:
            log.warning("%s: EVENTS holds what is no event; publishing from the start", self._journal.service)
            return 0
        if self._seen != (last.position, last.id):
            await self._journal.run(self._check, "EVENTS", last.position, last.id)
            self._seen = last.position, last.id
        if not await self._holds_the_first(js):
            log.warning(
                "%s: EVENTS was made anew and misses the beginning; publishing from there", self._journal.service
            )
            self._publish_again()
            return 0
        return last.position

    async def _holds_the_first(self, js: JetStreamContext) -> bool:
        """Whether EVENTS holds our first event. One made anew may have got later ones before we noticed."""
        text = self._first = self._first or (await self._journal.run(self._journal.read, 0, 1))[0][1]
        first, sequence = decode(text), 0
        subject = event_subject(first.ward, first.service, first.type, first.case)
        while True:
            try:
                message = await js.get_msg(EVENTS, seq=sequence + 1, subject=subject, next=True)
            except nats.js.errors.NotFoundError:
                return False
            if message.data == text:
                return True
            sequence = message.seq or sequence + 1

    def _publish_again(self) -> None:
        """From now on until all is published: under ids of their own, past the duplicate window."""
        self._again = int(_now() * 1000)

    def _reconnects(self) -> int:
        """How often the connection was made again. Nothing is kept to be sent on the next one; see `make_broker`."""
        return int(self._broker.connection.stats["reconnects"])

    def _check(self, holder: str, position: int, event: str) -> None:
        rows = self._journal.read(after=position - 1, limit=1)
        if not rows or rows[0][0] != position or decode(rows[0][1]).id != event:
            raise EventsAhead(
                f"{holder} holds {self._journal.service} {position} as {event}, and this journal does not "
                f"(it ends at {self._journal.last_position()}): it was restored from an older copy. "
                "Restore a newer one, or all services together and then without the old EVENTS; nothing is published "
                "until then"
            )

    def _unpublished(self) -> tuple[list[tuple[int, str, bytes]], list[tuple[int, bytes]]]:
        """Receipts and events that are still to go out, a page of each."""
        assert self.position is not None, "known before anything is published"
        events = self._journal.read(self.position, PAGE) if self.position < self._journal.head else []
        if self._letters == self._journal.letters:
            return [], events
        with self._journal.engine.connect() as connection:
            rows = connection.execute(_RECEIPTS, {"answered": self._answered})
            return [(row.n, row.provider, bytes(row.body)) for row in rows], events

    async def _send(self, receipts: list[tuple[int, str, bytes]], events: list[tuple[int, bytes]]) -> None:
        assert self._publisher is not None, "made when the relay began"
        ward = self._journal.ward
        await self._publisher.publish(
            [(receipt_subject(ward, provider), body, {STREAM: RECEIPTS}) for _, provider, body in receipts]
        )
        if receipts:
            self._answered = receipts[-1][0]
        if self._reconnects() != self._connection:  # Nothing may come between this look and the publishing.
            raise Reconnected("connected anew")
        await self._publisher.publish([as_published(text, self._again) for _, text in events])
        if events:
            self.position = events[-1][0]
        if len(events) < PAGE:
            self._again = 0

    def _forget_receipts(self, upto: int) -> None:
        """Receipts that went out are deleted together, now and then: each deletion is a durable write of its own."""
        with self._journal.engine.begin() as connection:
            connection.execute(_FORGET, {"upto": upto})
        self._forgotten = upto

    async def _asked_again(self, asked: NatsMessage) -> bytes:
        """Somebody misses events from this position on: go back, and publish them again. Returns where the log ends."""
        first = asked.raw_message.data  # The library would read the digits as JSON, and fail where bytes are wanted.
        if self.position is None or not first.isdigit() or not 0 < int(first) <= self.position:
            return b"%d" % self._journal.head
        log.warning("asked to publish again from here", extra={"position": int(first)})
        self.position = int(first) - 1
        self._publish_again()
        self._journal.committed.set()
        return b"%d" % self._journal.head


def _now() -> float:
    return time.monotonic()


async def _at_most(seconds: float, what: Awaitable[Any]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await what
