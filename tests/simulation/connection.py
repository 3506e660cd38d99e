"""One client's connection to the simulated bus: what our code uses of nats-py's client and of its JetStream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from tests.simulation.bus import Bus
from tests.simulation.streams import Stored, matches

T = TypeVar("T")
ANSWER = 5.0
"""Seconds until a question to JetStream counts as not answered, as in the library."""

Callback = Callable[[Msg], Awaitable[None]]
Point = Callable[[str, str], Awaitable[None]]
"""Told (before or after what, on which subject): the moments at which the power can go."""


async def _safely(moment: str, subject: str) -> None:
    """Nobody dies here."""


class Connection:
    """A client."""

    def __init__(self, bus: Bus, name: str, point: Point = _safely) -> None:
        self._bus, self.name, self._point = bus, name, point
        self.is_connected = bus.is_up
        self.stats = {"reconnects": 0}
        self._pending: list[bytes] = []
        self._pending_data_size = 0
        self._out: deque[tuple[Any, ...]] = deque()
        self._in: deque[tuple[str, Msg]] = deque()
        self._subscriptions: dict[str, _Subscription | _Noting] = {}
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._made = 0
        bus.connections[name] = self

    def _build_message(self, *_: Any) -> Msg:
        raise AssertionError("nothing is parsed here")

    def new_inbox(self) -> str:
        """A subject of our own."""
        self._made += 1
        return f"_INBOX.{self.name}.{self._made}"

    def listens_to(self, subject: str) -> bool:
        """Whether what is published on a subject is for us."""
        return self.is_connected and any(matches(pattern, subject) for pattern in self._subscriptions)

    async def subscribe(self, subject: str, *, cb: Callback, **_: Any) -> object:
        """Hear what comes on a subject, one message after the other."""
        if subject.startswith("_INBOX."):
            self._subscriptions[subject] = _Noting(cb)
        else:
            self._subscriptions[subject] = subscription = _Subscription(cb)
            asyncio.get_running_loop().create_task(subscription.run())
        return self._subscriptions[subject]

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send a message off; that it was sent says nothing about its coming.

        Raises:
            nats.errors.OutboundBufferLimitError: there is no connection.
        """
        await self._point("before", subject)
        if not self.is_connected:
            raise nats.errors.OutboundBufferLimitError
        self._send(self._bus.receive, self, subject, payload, reply, headers or {})
        await self._point("after", subject)

    async def request(self, subject: str, payload: bytes = b"", timeout: float = 0.5) -> Msg:  # noqa: ASYNC109  (the library's)
        """Ask, and wait for one answer. Raises nats.errors.NoRespondersError or TimeoutError."""
        reply = self.new_inbox()
        future = self._answers[reply] = asyncio.get_running_loop().create_future()
        try:
            await self.publish(subject, payload, reply)
            async with asyncio.timeout(timeout):
                answer: Msg = await future
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error
        finally:
            self._answers.pop(reply, None)
        if answer.headers and answer.headers.get("Status") == "503":
            raise nats.errors.NoRespondersError
        return answer

    def jetstream(self, **_: Any) -> JetStream:
        """What is asked of JetStream itself."""
        return JetStream(self)

    async def ask(self, question: Callable[[Bus], T]) -> T:
        """Let the server answer a question in its turn. Raises what the question raises, or a TimeoutError."""
        if not self.is_connected:
            raise nats.errors.OutboundBufferLimitError
        self._made += 1
        reply = f"_INBOX.{self.name}.{self._made}"
        future = self._answers[reply] = asyncio.get_running_loop().create_future()
        self._send(self._answer, question, reply)
        try:
            async with asyncio.timeout(ANSWER):
                answer = await future
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error
        finally:
            self._answers.pop(reply, None)
        result: Any = answer.data
        if isinstance(result, BaseException):
            raise result
        return result  # type: ignore[no-any-return]

    def _answer(self, question: Callable[[Bus], Any], reply: str) -> None:
        try:
            found = question(self._bus)
        except NotFoundError as error:
            found = error
        self.deliver(Msg(self, reply, "", found, None))  # type: ignore[arg-type]

    def _send(self, what: Callable[..., Any], *args: Any) -> None:
        self._out.append((what, *args))
        self._bus.soon(self._sent)

    def _sent(self) -> None:
        if self._out:
            what, *args = self._out.popleft()
            what(*args)

    def deliver(self, message: Msg, on: str | None = None) -> None:
        """Something is on its way to us. `on`: the subject on which it comes, if not its own."""
        if self.is_connected:
            self._in.append((on or message.subject, message))
            self._bus.soon(self._came)

    def _came(self) -> None:
        if self._in:
            on, message = self._in.popleft()
            self._take(on, message)

    def _take(self, on: str, message: Msg) -> None:
        future = self._answers.get(on)
        if future is not None:
            if not future.done():
                future.set_result(message)
            return
        for pattern, subscription in self._subscriptions.items():
            if matches(pattern, on):
                subscription.put(message)

    def broke(self) -> None:
        """The connection is gone, with everything under way."""
        self.is_connected = False
        self._out.clear()
        self._in.clear()

    def reconnect(self) -> None:
        """Connected anew, with the same subscriptions."""
        if not self.is_connected and self._bus.is_up and self.name in self._bus.connections:
            self.is_connected = True
            self.stats["reconnects"] += 1

    def close(self) -> None:
        """Nobody is there any more."""
        self.broke()
        self._bus.connections.pop(self.name, None)


class _Subscription:
    def __init__(self, callback: Callback) -> None:
        self._callback, self._come = callback, deque[Msg]()
        self._some: asyncio.Future[None] | None = None

    def put(self, message: Msg) -> None:
        self._come.append(message)
        if self._some is not None and not self._some.done():
            self._some.set_result(None)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while self._come:
                await self._callback(self._come.popleft())
            self._some = loop.create_future()
            await self._some


class _Noting:
    """Where answers come: whoever waits for them only notes what came, and never has to wait for that."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def put(self, message: Msg) -> None:
        noting = cast("Coroutine[Any, Any, None]", self._callback(message))
        with suppress(StopIteration):
            noting.send(None)
            raise AssertionError("who notes an answer waits for something")


class JetStream:
    """The questions that our code asks of JetStream."""

    def __init__(self, connection: Connection) -> None:
        self._ask = connection.ask

    async def get_last_msg(self, stream: str, subject: str) -> Any:
        """The last message on a subject. Raises NotFoundError."""
        return await self._ask(lambda bus: _found(bus.stream(stream).last_on(subject)))

    async def get_msg(self, stream: str, seq: int, subject: str | None = None, next: bool = False) -> Any:  # noqa: A002  (the library's)
        """The message under a number, or the next one from there on. Raises NotFoundError."""
        if next:
            return await self._ask(lambda bus: _found(bus.stream(stream).next_on(seq, subject or ">")))
        return await self._ask(lambda bus: _found(bus.stream(stream).messages.get(seq)))

    async def stream_info(self, stream: str) -> Any:
        """Whether a stream is there. Raises NotFoundError."""
        return await self._ask(lambda bus: bus.stream(stream))

    async def consumer_info(self, stream: str, durable: str) -> Any:
        """How far a durable is. Raises NotFoundError."""
        return await self._ask(lambda bus: _info(bus, stream, durable))


def _info(bus: Bus, stream: str, name: str) -> Any:
    durable = bus.durable(stream, name)
    return SimpleNamespace(
        config=durable.config,
        ack_floor=SimpleNamespace(stream_seq=durable.floor),
        delivered=SimpleNamespace(stream_seq=durable.delivered),
        num_pending=durable.lag(),
        num_ack_pending=len(durable.pending),
    )


def _found(message: Stored | None) -> Any:
    if message is None:
        raise NotFoundError(code=404, err_code=10037, description="no message found")
    return SimpleNamespace(seq=message.seq, subject=message.subject, data=message.data, headers=message.headers)
