"""Deliveries to a subscriber on NATS: put into the stream DELIVERIES, and delivered when they were acknowledged.

DELIVERIES is a work queue: what was acknowledged is gone from it. It can be lost whole; what nobody had acknowledged
is then put there again, from the ledger's database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from events import CONTENT_TYPE
from services.journal import Journal
from services.reporting.deliveries import Deliveries, Delivery, Sendable
from services.subjects import DELIVERIES, delivery_subject
from services.subscribers import Subscriber, user_prefix

PATIENCE = 2.0
LOOKED_AT = 50
MESSAGE_ID = "Nats-Msg-Id"

log = logging.getLogger("yoake.deliveries")


class ToNats:
    """One subscriber on NATS."""

    def __init__(
        self, subscriber: Subscriber, journal: Journal, deliveries: Deliveries, client: Callable[[], Client]
    ) -> None:
        self.subscriber, self._journal, self._deliveries, self._client = subscriber, journal, deliveries, client
        self.turn = asyncio.Lock()
        """Held while something is sent; whoever takes back what was sent holds it until all of that is done."""

    async def step(self) -> None:
        """Put what waits into the stream, and see what was acknowledged.

        Raises:
            nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError: NATS cannot be used now.
        """
        async with self.turn:
            js = self._client().jetstream(timeout=PATIENCE)
            stream = await self._same_stream(js)
            while page := await self._journal.run(self._deliveries.unsent, self.subscriber.key):
                places: list[tuple[int, int]] = []
                try:
                    for each in page:
                        sequence = await self._publish(js, each)
                        places.append((each.of.position, sequence))
                finally:
                    await self._journal.run(self._deliveries.sent, self.subscriber.key, places, stream)
            await self._see_what_came_of_it(js)

    async def forget(self) -> None:
        """Take away what is in the stream for it, in our turn: everything from some point on is sent once more."""
        js = self._client().jetstream(timeout=PATIENCE)
        await js.purge_stream(DELIVERIES, subject=delivery_subject(self._journal.ward, self.subscriber.key, "*", "*"))
        await self._journal.run(self._deliveries.again, self.subscriber.key)

    async def end(self) -> None:
        """What is in the stream stays there."""

    async def _same_stream(self, js: JetStreamContext) -> str:
        """Which stream it is, by when it was made. In another one nothing is left of what was sent."""
        made = (await js.stream_info(DELIVERIES)).created
        now = made.isoformat() if made else "?"
        before = await self._journal.run(self._deliveries.stream, self.subscriber.key)
        if before is not None and before != now:
            count = await self._journal.run(self._deliveries.again, self.subscriber.key)
            log.warning("DELIVERIES was made anew; %s deliveries to %s go there again", count, self.subscriber.key)
        return now

    async def _publish(self, js: JetStreamContext, what: Sendable) -> int:
        of = what.of
        subject = delivery_subject(self._journal.ward, self.subscriber.key, of.event, of.case_id)
        headers = {MESSAGE_ID: _message_id(of), "Content-Type": CONTENT_TYPE}
        ack = await js.publish(subject, what.body, stream=DELIVERIES, headers=headers, timeout=PATIENCE)
        return ack.seq

    async def _see_what_came_of_it(self, js: JetStreamContext) -> None:
        key = self.subscriber.key
        count, _ = await self._journal.run(self._deliveries.outstanding, key, 1)
        if not count:
            return
        info = await js.consumer_info(DELIVERIES, user_prefix(key))
        if info.ack_floor is not None:
            await self._journal.run(self._deliveries.acknowledged, key, info.ack_floor.stream_seq)
        count, first = await self._journal.run(self._deliveries.outstanding, key, LOOKED_AT)
        if (info.num_pending or 0) + (info.num_ack_pending or 0) < count:
            for delivery in first:
                await self._look_at(js, delivery, info)

    async def _look_at(self, js: JetStreamContext, delivery: Delivery, info: ConsumerInfo) -> None:
        """What is no longer in the stream was acknowledged out of turn, if it was ever given out; else it was lost."""
        assert delivery.sequence is not None, "what was sent has its place"
        try:
            held = await js.get_msg(DELIVERIES, delivery.sequence)
        except nats.js.errors.NotFoundError:
            held = None
        if held is not None and (held.headers or {}).get(MESSAGE_ID) == _message_id(delivery):
            return
        given_out = info.delivered.stream_seq if info.delivered else 0
        if held is None and delivery.sequence <= given_out:
            await self._journal.run(self._deliveries.answered, delivery.subscriber, delivery.position, "acknowledged")
        else:
            log.warning("a delivery is gone from DELIVERIES; it is sent again", extra={"id": delivery.id})
            await self._journal.run(self._deliveries.again, delivery.subscriber, delivery.position)


def _message_id(of: Delivery) -> str:
    return f"{of.subscriber}/{of.id}/{of.round}"


FAULTS = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError, msgspec.DecodeError)
"""What NATS does, or does not do, while it cannot be used: tried again."""
