"""The journal is the outbox: the relay publishes its events, in order, and sends its receipts.

How far it has come stands in EVENTS itself (the last event of this service there), so that a lost
tail or a recreated stream refills by itself. Nothing else publishes events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import nats.errors
import nats.js.errors
import sqlalchemy as sa
from faststream.nats.annotations import NatsMessage
from nats.js import JetStreamContext

from events import CONTENT_TYPE, ContractError, decode
from services.hearing import Heard
from services.journal import Journal
from services.streams import EVENTS, RECEIPTS, again_subject, event_subject, ledger_subject, receipt_subject
from services.tables import RECEIPTS as OUTBOX

PAGE = 500
RETRY = 0.5
CHECK = 5.0
"""Seconds between looks at whether the stream still holds what was published."""

PATIENCE = 10.0
LEDGER_PATIENCE = 2.0

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

log = logging.getLogger("yoake.relay")


class EventsAhead(RuntimeError):
    """EVENTS or the ledger holds events of this service that its journal does not: the journal was set back."""


class Relay:
    """Publishes one journal. `position` is the last one known to be in EVENTS."""

    def __init__(self, journal: Journal, broker: NatsBroker) -> None:
        self._journal, self._broker = journal, broker
        self.position: int | None = None
        self.compared = asyncio.Event()
        """Set once the journal was found to be no older than what others hold; nothing is taken before."""
        self._again = 0
        self._js: JetStreamContext | None = None
        broker.subscriber(again_subject(journal.ward, journal.service))(self._asked_again)

    async def run(self) -> None:
        """Publish what is committed, for ever; woken by a commit, and looking by itself as well.

        Raises:
            EventsAhead: the journal is older than what was published from it.
        """
        while True:
            try:
                await self._publish_all()
            except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
                log.warning("%s: not published yet: %s", self._journal.service, error or type(error).__name__)
                self.position = None
                await asyncio.sleep(RETRY)

    async def _publish_all(self) -> None:
        js = self._js = self._js or self._broker.connection.jetstream()
        if self.position is None:
            await self._compare_with_ledger()
        self.position = await self._published(js)
        self.compared.set()
        looked = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < looked + CHECK:
            self._journal.committed.clear()
            moved = await self._events(js) + await self._receipts(js)
            if not moved:
                await _at_most(CHECK, self._journal.committed.wait())

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
        await self._journal.run(self._check, "EVENTS", last.position, last.id)
        return last.position

    def _check(self, holder: str, position: int, event: str) -> None:
        rows = self._journal.read(after=position - 1, limit=1)
        if not rows or rows[0][0] != position or decode(rows[0][1]).id != event:
            raise EventsAhead(
                f"{holder} holds {self._journal.service} {position} as {event}, and this journal does not "
                f"(it ends at {self._journal.last_position()}): it was restored from an older copy. "
                "Restore a newer one, or all services together and then without the old EVENTS; nothing is published "
                "until then"
            )

    async def _events(self, js: JetStreamContext) -> int:
        assert self.position is not None
        rows = await self._journal.run(self._journal.read, self.position, PAGE)
        await publish(js, [text for _, text in rows], self._again)
        if rows:
            self.position = rows[-1][0]
        if len(rows) < PAGE:
            self._again = 0
        return len(rows)

    async def _receipts(self, js: JetStreamContext) -> int:
        rows = await self._journal.run(self._waiting_receipts)
        sent = [
            await js.publish_async(receipt_subject(self._journal.ward, provider), body, stream=RECEIPTS)
            for _, provider, body in rows
        ]
        await _all(sent)
        if rows:
            await self._journal.run(self._forget_receipts, rows[-1][0])
        return len(rows)

    def _waiting_receipts(self) -> list[tuple[int, str, bytes]]:
        query = sa.select(OUTBOX).order_by(OUTBOX.c.n).limit(PAGE)
        with self._journal.engine.connect() as connection:
            return [(row.n, row.provider, bytes(row.body)) for row in connection.execute(query)]

    def _forget_receipts(self, upto: int) -> None:
        with self._journal.engine.begin() as connection:
            connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.n <= upto))

    async def _asked_again(self, asked: NatsMessage) -> None:
        """Somebody misses events from this position on: go back, and publish them again."""
        first = asked.raw_message.data  # As an argument the library would read it as JSON, and drop it in silence.
        if self.position is None or not first.isdigit() or not 0 < int(first) <= self.position:
            return
        log.warning("%s: asked for %s again", self._journal.service, first.decode())
        self.position = int(first) - 1
        self._again = int(asyncio.get_running_loop().time() * 1000)
        self._journal.committed.set()


async def publish(js: JetStreamContext, texts: Iterable[bytes], again: int = 0) -> None:
    """Put events into EVENTS, in this order. `again` not 0: they were asked for again, past the duplicate window."""
    sent = []
    for text in texts:
        record = decode(text)
        subject = event_subject(record.ward, record.service, record.type, record.case)
        headers = {"Nats-Msg-Id": f"{record.id}+{again}" if again else record.id, "Content-Type": CONTENT_TYPE}
        sent.append(await js.publish_async(subject, text, stream=EVENTS, headers=headers))
    await _all(sent)


async def _all(sent: list[Any]) -> None:
    """Wait until the server has each of these; raises what it said of the first that it has not."""
    if sent:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*sent)


async def _at_most(seconds: float, what: Awaitable[Any]) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(what, seconds)
