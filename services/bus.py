"""NATS JetStream: the streams, the durables, and the one helper that makes a subscription.

The helper states what the library's defaults would get wrong: manual acknowledgement, no
declaration of streams by services, reconnecting for ever, and a pull loop that hands over what is
there at once, survives a deleted durable and gives back what it did not handle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import nats.errors
import nats.js.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from services.streams import BATCH, durables

IDLE = 5.0
RETRY = 0.5

log = logging.getLogger("yoake.bus")


class BusError(RuntimeError):
    """A stream or a durable is not as it must be; says which, and what to do."""


def make_broker(url: str, name: str) -> NatsBroker:
    """A broker for one service; it reconnects for ever and says loudly what the server refuses."""

    async def refused(error: Exception) -> None:
        log.warning("nats: %s", error)

    return NatsBroker(
        url,
        name=f"yoake-{name}",
        ack_policy=AckPolicy.MANUAL,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=refused,
        logger=None,
        graceful_timeout=5.0,
    )


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


def subscribe(broker: NatsBroker, ward: str, durable: str, handler: Handler) -> None:
    """Let `handler` have what a durable delivers, in batches; it acknowledges each message itself.

    A handler that raises leaves its messages unacknowledged; they are given back, and come again.
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

    @subscriber
    async def on_batch(batch: NatsMessage) -> None:
        messages: list[Msg] = batch.raw_message  # type: ignore[assignment]  # A batch holds a list of them.
        try:
            await handler(messages)
        except Exception:
            log.exception("%s: %s messages are given back", durable, len(messages))
            for message in messages:
                if not message.is_acked:
                    await message.nak(delay=RETRY)
            await asyncio.sleep(RETRY)


class PatientPull(BatchPullStreamSubscriber):
    """The library's batch subscriber with a pull loop that loses nothing and waits for nobody.

    It takes what is there at once (the library's waits until a batch is full), goes on after any
    fault of the connection or of the durable (the library's task ends), and never makes a durable.
    """

    async def _create_subscription(self) -> None:
        if self.subscription:
            return
        _read_any_subject(self.connection)
        self._replies = self.connection.new_inbox()
        replies = await self.connection.subscribe(self._replies, pending_msgs_limit=-1, pending_bytes_limit=-1)
        self._next, self.subscription = replies.next_msg, cast("JetStreamContext.PullSubscription", replies)
        self.add_task(self._consume_pull)

    async def _consume_pull(self) -> None:
        while self.running:
            try:
                messages = await self._there_now() or await self._first_to_come()
                if messages:
                    await self.consume(messages)
                    await self._give_back(messages)
            except (nats.errors.Error, BusError, OSError) as error:
                log.warning("%s: %s", self._durable, error)
                await asyncio.sleep(RETRY)

    async def _give_back(self, messages: list[Msg]) -> None:
        """What nobody has answered for comes again soon; the library keeps its own faults to itself."""
        for message in messages:
            if not message.is_acked:
                log.error("%s: a message was not handled; it is given back", self._durable)
                await message.nak(delay=RETRY)

    @property
    def _durable(self) -> str:
        return str(self.extra_options["durable"])

    async def _there_now(self) -> list[Msg]:
        return await self._pull({"batch": BATCH, "no_wait": True}, BATCH, RETRY)

    async def _first_to_come(self) -> list[Msg]:
        return await self._pull({"batch": 1, "expires": int(IDLE * 1e9)}, 1, IDLE + RETRY)

    async def _pull(self, request: dict[str, Any], most: int, patience: float) -> list[Msg]:
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream.name}.{self._durable}"
        await self.connection.publish(subject, msgspec.json.encode(request), reply=self._replies)
        messages: list[Msg] = []
        while len(messages) < most:
            try:
                message = await self._next(timeout=patience)
            except nats.errors.TimeoutError:
                break
            status = _status(message)
            if status is None:
                messages.append(message)
            elif status == NOBODY:
                raise BusError(f"the durable {self._durable} of {self.stream.name} is missing: run `yoake streams`")
            else:
                break  # The end of what was there, or of the waiting.
        return messages


async def _undecoded(message: Any) -> Any:
    """The bytes as they are: the library would read them as JSON, and drop the batch where one is not."""
    return message.body


NOBODY = "503"


def _status(message: Msg) -> str | None:
    """The status of a message that the server made itself; None for one that somebody sent, whatever it claims."""
    sent = message.reply.startswith("$JS.ACK.")
    return None if sent else (message.headers or {}).get("Status")


def _read_any_subject(client: Client) -> None:
    """Let a subject that is not UTF-8 be read all the same: it would end the client's read loop, again and again."""
    build: Callable[..., Msg] = client._build_message

    def build_any(sid: int, subject: bytes | bytearray, *rest: Any) -> Msg:
        return build(sid, subject.decode(errors="backslashreplace").encode(), *rest)

    client._build_message = build_any  # type: ignore[method-assign, assignment]
