"""How a service hears the others' events: in order, nothing acknowledged that is not heard, gaps asked for again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import nats.errors
import nats.js.errors
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from events import Recorded
from services.bus import PACE, PatientPull, subscribe
from services.hearing import Cursors, sifted
from services.subjects import EVENTS, HEARS, again_subject

if TYPE_CHECKING:
    from services.vitals import Vitals

ASK_AGAIN = 1
"""Seconds until events that cannot be heard yet come again."""

CERTAIN = 1.0
"""Seconds for which it is taken as known that the stream is the one that it was, and that nothing went astray."""

Hear = Callable[[list[bytes], list[Recorded]], Awaitable[Collection[str]]]
"""Take in events, as texts and read; returns the services whose logs have a gap before one of them."""


def listen(
    broker: NatsBroker,
    ward: str,
    service: str,
    hear: Hear,
    cursors: Cursors,
    vitals: Vitals | None = None,
    *,
    pace: float = PACE,
) -> None:
    """Let a service hear the others' events: whatever is missing is asked for again, and until it has come nothing is
    acknowledged.

    The durable acknowledges everything up to a message at once; what comes twice for that is known by its position.
    """
    early: dict[str, int] = {}
    beyond: set[str] = set()

    async def on_events(messages: list[Msg]) -> None:
        ours, _ = sifted(messages, ward, HEARS[service])
        records = [record for _, record in ours]
        if await hear([message.data for message, _ in ours], records):
            for record in (record for record in records if record.id not in beyond):
                early[record.service] = max(record.position, early.get(record.service, 0))
        missing = [source for source, position in early.items() if cursors.position(source) < position]
        if not missing:
            early.clear()
            await acknowledging.upto(messages)
            return
        for message in messages:
            await message.nak(delay=ASK_AGAIN)
        for source in missing:
            head = await _ask_again(broker, again_subject(ward, source), cursors.position(source) + 1)
            if head is not None:  # What lies beyond its end is none of its own, and holds up nobody.
                early[source] = min(early[source], head)
                beyond.update(record.id for record in records if record.service == source and record.position > head)

    durable = f"{service}-events"
    acknowledging = _Acknowledging(broker, subscribe(broker, ward, durable, on_events, vitals, pace=pace), durable)


class _Acknowledging:
    """Acknowledges everything up to a message only where all of that was handled here.

    What was delivered to a process that died, on a connection that broke, or in a batch that failed comes again
    after `ACK_WAIT`, behind what is delivered meanwhile. Until it has come nothing may be acknowledged: it would
    be acknowledged as well, and never be delivered again.

    What is left of a stream that was deleted has numbers that the new one gives again. It is acknowledged to nobody.
    """

    def __init__(self, broker: NatsBroker, pulling: PatientPull, durable: str) -> None:
        self._broker, self._pulling, self._durable = broker, pulling, durable
        self._since: tuple[int, int] | None = None
        self._certain = False
        self._looked = 0.0
        self._made = datetime.max.replace(tzinfo=UTC)
        """When the stream was made, as it was last looked at."""
        self._handled: set[int] = set()

    async def upto(self, messages: list[Msg]) -> None:
        """These were handled: acknowledge them, or let them come again until what went astray has come."""
        since = int(self._broker.connection.stats["reconnects"]), self._pulling.given_back
        if since != self._since or (self._certain and _now() > self._looked + CERTAIN):
            self._since, self._certain = since, False
            self._handled.clear()
        if not self._certain and not await self._knows_the_stream():
            return
        ours = [message for message in messages if message.metadata.timestamp >= self._made]
        if not ours:
            return
        last = ours[-1]
        if not self._certain:
            self._handled.update(_sequence(message) for message in ours)
            if await self._something_is_astray():
                return
            self._certain, self._looked = True, _now()
            self._handled.clear()
            last = max(ours, key=_sequence)
        await last.ack()

    async def _knows_the_stream(self) -> bool:
        """Whether it is known since when the stream is there."""
        try:
            made = (await self._broker.connection.jetstream().stream_info(EVENTS)).created
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return False
        if made is not None and made != self._made:
            self._made = made
            self._handled.clear()
        return made is not None

    async def _something_is_astray(self) -> bool:
        """Whether anything was delivered and neither acknowledged nor handled here."""
        try:
            found = await self._broker.connection.jetstream().consumer_info(EVENTS, self._durable)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return True  # Not known; what was handled comes again, and is known by its position.
        if found.ack_floor is None or found.delivered is None:
            return True
        delivered = range(found.ack_floor.stream_seq + 1, found.delivered.stream_seq + 1)
        return (found.num_ack_pending or 0) > sum(sequence in delivered for sequence in self._handled)


def _sequence(message: Msg) -> int:
    """Its place in EVENTS."""
    return message.metadata.sequence.stream


def _now() -> float:
    return time.monotonic()


async def _ask_again(broker: NatsBroker, subject: str, first: int) -> int | None:
    """Ask a relay to publish again from a position on; where its log ends, or None if it does not answer."""
    with suppress(nats.errors.Error, ValueError):
        return int((await broker.connection.request(subject, str(first).encode(), timeout=ASK_AGAIN)).data)
    return None
