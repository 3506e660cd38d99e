"""NATS JetStream: the streams, the durables, and the one helper that makes a subscription.

The helper states what the library's defaults would get wrong: manual acknowledgement, no
declaration of streams by services, reconnecting for ever, and a pull loop that hands over what is
there at once, survives a deleted durable and gives back what it did not handle.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec
import nats.errors
import nats.js.errors
from faststream import AckPolicy
from faststream.exceptions import IncorrectState
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from services.streams import BATCH, MIB, durables
from services.subjects import EVENTS, INBOX

if TYPE_CHECKING:
    from services.vitals import Vitals

IDLE = 5.0
RETRY = 0.5
PACE = 0.005
MOST_BYTES = {INBOX: 2 * MIB, EVENTS: 16 * MIB}
"""What is pulled at once, by stream: more than the largest message, and no more than is handled within `ACK_WAIT`."""

log = logging.getLogger("yoake.bus")


class BusError(RuntimeError):
    """A stream or a durable is not as it must be; says which, and what to do."""


def make_broker(url: str, name: str) -> NatsBroker:
    """A broker for one service; it reconnects for ever and says loudly what the server refuses.

    What could not be sent on a connection is not sent on the next one: the server may have lost what
    came before it, and the relay would leave a hole. Whoever waits for an answer tries again.
    """

    async def refused(error: Exception) -> None:
        log.warning("nats: %s", error or type(error).__name__)

    async def disconnected() -> None:
        with suppress(IncorrectState):  # It broke before anybody could use it.
            connection = broker.connection
            connection._pending, connection._pending_data_size = [], 0  # No setting drops what is half sent.

    broker = NatsBroker(
        url,
        name=f"yoake-{name}",
        ack_policy=AckPolicy.MANUAL,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        pending_size=-1,
        error_cb=refused,
        disconnected_cb=disconnected,
        logger=None,
        graceful_timeout=5.0,
    )
    return broker


async def check_durables(broker: NatsBroker, ward: str, service: str) -> None:
    """Compare this service's durables with what they must be; a missing one is waited for, an odd one refused.

    Raises:
        BusError: a durable keeps an old configuration; says what to do.
    """
    js = broker.connection.jetstream()
    for stream, wanted in durables(ward):
        if wanted.durable_name not in (service, f"{service}-events"):
            continue
        try:
            have = (await js.consumer_info(stream, wanted.durable_name)).config
        except nats.js.errors.NotFoundError:
            log.warning("%s of %s is missing: `yoake streams` declares it", wanted.durable_name, stream)
            continue
        for field in ("filter_subjects", "ack_policy", "ack_wait", "max_deliver", "max_ack_pending"):
            if _as_list(getattr(have, field)) != _as_list(getattr(wanted, field)):
                raise BusError(
                    f"the durable {wanted.durable_name} of {stream} has another {field}; run `yoake streams`"
                )


def _as_list(value: object) -> object:
    return sorted(value) if isinstance(value, list) else value


Handler = Callable[[list[Msg]], Awaitable[None]]


def subscribe(
    broker: NatsBroker,
    ward: str,
    durable: str,
    handler: Handler,
    vitals: Vitals | None = None,
    *,
    pace: float = PACE,
) -> PatientPull:
    """Let `handler` have what a durable delivers, in batches; it acknowledges each message itself.

    A handler that raises leaves its messages unacknowledged; they are given back, and come again. `pace`: the least
    seconds from one pull to the next, so that under load more goes into one commit.
    """
    stream, config = next((stream, config) for stream, config in durables(ward) if config.durable_name == durable)
    subscriber = broker.subscriber(
        config=config,
        durable=durable,
        stream=JStream(stream, declare=False),
        pull_sub=PullSub(batch_size=BATCH, timeout=IDLE, batch=True),
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        decoder=_undecoded,
    )
    assert isinstance(subscriber, BatchPullStreamSubscriber), "a batch pull subscription was asked for"
    subscriber.__class__ = PatientPull  # The library has no setting for the loop; see PatientPull.
    pulling = cast("PatientPull", subscriber)
    pulling.pace, pulling.vitals = pace, vitals

    @subscriber
    async def on_batch(batch: NatsMessage) -> None:
        messages: list[Msg] = batch.raw_message  # type: ignore[assignment]  # A batch holds a list of them.
        try:
            await handler(messages)
            pulling.handled = True
        except Exception:
            log.exception("%s messages are given back", len(messages), extra={"durable": durable})
            for message in messages:
                if not message.is_acked:
                    await message.nak(delay=RETRY)
            await asyncio.sleep(RETRY)

    return pulling


class PatientPull(BatchPullStreamSubscriber):
    """The library's batch subscriber with a pull loop that loses nothing and waits for nobody.

    It takes what is there at once (the library's waits until a batch is full), goes on after any
    fault of the connection or of the durable (the library's task ends), and never makes a durable.
    """

    vitals: Vitals | None = None
    pace = 0.0
    """Seconds from one pull to the next: under load what comes meanwhile is one batch, and one commit."""

    handled = False
    """Whether the handler has answered for everything in the present batch."""

    given_back = 0
    """How many batches were not handled: what they held comes again, behind what is delivered meanwhile."""

    async def _create_subscription(self) -> None:
        if self.subscription:
            return
        _read_any_subject(self.connection)
        self._replies, self._come, self._some = self.connection.new_inbox(), deque[Msg](), asyncio.Event()
        replies = await self.connection.subscribe(
            self._replies, cb=self._came, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        self.subscription = cast("JetStreamContext.PullSubscription", replies)
        self.add_task(self._consume_pull)

    async def _came(self, message: Msg) -> None:
        """Waiting for one message after another costs more than all the rest of receiving it."""
        self._come.append(message)
        self._some.set()

    async def _consume_pull(self) -> None:
        began, is_idle = 0.0, False
        while self.running:
            if (ahead := began + self.pace - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            began = time.monotonic()
            try:
                # Where nothing came all the while, or one alone, nothing is there: only the waiting goes on.
                messages = [] if is_idle else await self._there_now()
                messages = messages or await self._first_to_come()
                is_idle = not messages or (len(messages) == 1 and _is_last(messages[0]))
                if messages:
                    self.handled = False
                    try:
                        await self.consume(messages)
                    finally:
                        self.given_back += not self.handled
                    await self._give_back(messages)
            except (nats.errors.Error, BusError, OSError) as error:
                is_idle = False
                log.warning("%s", error, extra={"durable": self._durable})
                await asyncio.sleep(RETRY)

    async def _give_back(self, messages: list[Msg]) -> None:
        """What nobody has handled comes again soon; the library keeps its own faults to itself."""
        for message in messages:
            if not (self.handled or message.is_acked):
                log.error("a message was not handled; it is given back", extra={"durable": self._durable})
                await message.nak(delay=RETRY)

    @property
    def _durable(self) -> str:
        return str(self.extra_options["durable"])

    async def _there_now(self) -> list[Msg]:
        return await self._pull(
            {"batch": BATCH, "no_wait": True, "max_bytes": MOST_BYTES[self.stream.name]}, BATCH, RETRY
        )

    async def _first_to_come(self) -> list[Msg]:
        return await self._pull({"batch": 1, "expires": int(IDLE * 1e9)}, 1, IDLE + RETRY)

    async def _pull(self, request: dict[str, Any], most: int, patience: float) -> list[Msg]:
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream.name}.{self._durable}"
        await self.connection.publish(subject, msgspec.json.encode(request), reply=self._replies)
        messages: list[Msg] = []
        while len(messages) < most and await self._any(patience):
            if self.vitals and not messages:
                self.vitals.asked(self._durable)
            message = self._come.popleft()
            status = _status(message)
            if status is None:
                messages.append(message)
            elif status == NOBODY:
                raise BusError(f"the durable {self._durable} of {self.stream.name} is missing: run `yoake streams`")
            else:
                break  # The end of what was there, or of the waiting.
        return messages

    async def _any(self, patience: float) -> bool:
        """Wait for a message; False if none came in time."""
        if not self._come:
            self._some.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):  # `wait_for` makes a task, which costs as much as all the rest.
                    await self._some.wait()
        return bool(self._come)


async def _undecoded(message: Any) -> Any:
    """The bytes as they are: the library would read them as JSON, and drop the batch where one is not."""
    return message.body


NOBODY = "503"
ACK = "$JS.ACK."
"""So begins what a message of a durable is acknowledged on."""


def _status(message: Msg) -> str | None:
    """The status of a message that the server made itself; None for one that somebody sent, whatever it claims."""
    sent = message.reply.startswith(ACK)
    return None if sent else (message.headers or {}).get("Status")


def _is_last(message: Msg) -> bool:
    """Whether the durable had nothing behind this as it delivered it."""
    return message.reply.startswith(ACK) and not message.metadata.num_pending


def _read_any_subject(client: Client) -> None:
    """Let a subject that is not UTF-8 be read all the same: it would end the client's read loop, again and again."""
    build: Callable[..., Msg] = client._build_message

    def build_any(sid: int, subject: bytes | bytearray, *rest: Any) -> Msg:
        return build(sid, subject.decode(errors="backslashreplace").encode(), *rest)

    client._build_message = build_any  # type: ignore[method-assign, assignment]
