"""The library's broker as far as our services ask something of it, on the simulated bus.

The pull loop is the real one (`services.bus.PatientPull`); only what FastStream does beneath it is
done here, its acknowledgement policy included, so that a subscription left on a default is noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from faststream import AckPolicy
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.msg import Msg

from services.bus import PatientPull
from tests.simulation.connection import Connection

Handler = Callable[[Any], Awaitable[Any]]


class Pulling(PatientPull):
    """The services' pull loop without the library's machinery around it."""

    def __init__(self) -> None:
        raise AssertionError("made by a broker")

    @property
    def running(self) -> bool:  # type: ignore[override]
        return True

    @property
    def connection(self) -> Any:
        return self.__dict__["broker"].connection

    def add_task(self, work: Any, *_: Any, **__: Any) -> None:  # type: ignore[override]
        asyncio.get_running_loop().create_task(work())

    def __call__(self, handler: Handler) -> Handler:  # type: ignore[override]
        self.__dict__["handler"] = handler
        return handler

    async def consume(self, messages: list[Msg]) -> None:
        """What the library does around a handler."""
        policy = self.__dict__["policy"]
        try:
            await self.__dict__["handler"](SimpleNamespace(raw_message=messages))
        except Exception:
            if policy is not AckPolicy.MANUAL:
                await _each(messages, "term" if policy is AckPolicy.REJECT_ON_ERROR else "nak")
        else:
            if policy is not AckPolicy.MANUAL:
                await _each(messages, "ack")


class _Made(BatchPullStreamSubscriber):
    def __init__(self) -> None:
        pass


async def _each(messages: list[Msg], verb: str) -> None:
    for message in messages:
        if not message.is_acked:
            await getattr(message, verb)()


class Broker(NatsBroker):
    """Makes subscriptions, and has the connection once it has started."""

    def __init__(self) -> None:
        self.__dict__["made"] = []
        self.__dict__["there"] = None

    @property
    def connection(self) -> Any:
        return self.__dict__["there"]

    def subscriber(self, subject: str = "", **options: Any) -> Any:  # type: ignore[override]
        """A subscription: pulled from a durable, or to a plain subject."""
        if not options:
            return lambda handler: self.__dict__["made"].append((subject, handler))
        made = _Made()
        made.__dict__.update(
            broker=self,
            policy=options["ack_policy"],
            subscription=None,
            stream=options["stream"],
            extra_options={"durable": options["durable"]},
        )
        self.__dict__["made"].append(made)
        return made

    async def publish(self, message: bytes, subject: str, **_: Any) -> None:  # type: ignore[override]
        """Send a message to a plain subject."""
        await self.connection.publish(subject, message)

    async def begin(self, connection: Connection) -> None:
        """Start every subscription."""
        self.__dict__["there"] = connection
        for made in self.__dict__["made"]:
            if isinstance(made, tuple):
                await connection.subscribe(made[0], cb=self._answering(made[1]))
            else:
                await made._create_subscription()

    def _answering(self, handler: Handler) -> Callable[[Msg], Awaitable[None]]:
        async def answer(message: Msg) -> None:
            result = await handler(SimpleNamespace(raw_message=message))
            if message.reply and result is not None:
                await self.connection.publish(message.reply, result)

        return answer
