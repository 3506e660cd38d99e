"""The bus of a simulated night: a server that speaks as NATS does with our code, and can be torn from it.

Between a client and the server order is kept, in both directions, as on one connection; between
connections nothing is. What is under way when the server stops is lost.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError

from tests.simulation.loop import Loop
from tests.simulation.story import Story
from tests.simulation.streams import Durable, Pull, Stored, Stream

if TYPE_CHECKING:
    from tests.simulation.connection import Connection

LOST = 1.0
"""Seconds of EVENTS and RECEIPTS that are not on the server's disk yet."""

EVER = -2e9
"""When the streams were made that are there as the night begins, by the loop's clock."""

LONG_AGO = -1e9
"""When that was stored which they hold then."""


class Bus:
    """The server: streams, durables, and who is connected."""

    def __init__(self, loop: Loop, random: Random, story: Story) -> None:
        self.loop, self.random, self.story = loop, random, story
        self.context = contextvars.Context()
        self.streams: dict[str, Stream] = {}
        self.durables: dict[tuple[str, str], Durable] = {}
        self.connections: dict[str, Connection] = {}
        self.is_up = True
        self.on_done: Callable[[Durable, list[Stored]], None] = lambda durable, done: None
        """Told what a consumer has just said that it is done with."""
        self.ever: dict[str, list[bytes]] = {}
        """What each stream ever held, and may have lost since."""
        self.mistaken: list[str] = []
        """What INBOX took for something else that it held."""
        self.has_lost = False
        """Whether a stream ever lost something."""
        self.made_anew = False
        """Whether EVENTS was ever deleted."""
        self.slow = 0.0
        """Seconds that a message is under way, at most."""

    def declare(self, streams: Iterable[StreamConfig], durables: Iterable[tuple[str, ConsumerConfig]]) -> None:
        """Make what is missing, as `yoake streams` does."""
        for config in streams:
            self.streams.setdefault(str(config.name), Stream(config, self.loop.time() or EVER))
        for name, durable in durables:
            key = (name, str(durable.durable_name))
            if key not in self.durables:
                self.durables[key] = Durable(self.streams[name], durable)

    def hold(self, held: dict[str, list[Stored]]) -> None:
        """Begin with this in the streams, heard by everybody long ago."""
        for name, messages in held.items():
            stream = self.streams[name]
            for message in messages:
                stream.store(message.subject, message.data, {}, LONG_AGO)
        for durable in self.durables.values():
            durable.floor = durable.delivered = durable.stream.last
            durable.next = durable.stream.last + 1

    def delete(self, name: str) -> None:
        """A stream is gone, and every durable on it."""
        self.streams.pop(name, None)
        self.made_anew = self.has_lost = True
        for key in [key for key in self.durables if key[0] == name]:
            del self.durables[key]
        self.story.tell("bus", f"{name} is deleted")

    def stop(self, *, power: bool) -> None:
        """The server stops. `power`: at once, and what was not on its disk is gone."""
        self.is_up = False
        for connection in self.connections.values():
            connection.broke()
        for durable in self.durables.values():
            durable.waiting.clear()
        if power:
            since = self.loop.time() - self.random.random() * LOST
            for stream in self.streams.values():
                if not stream.is_queue:
                    lost = stream.lose_tail(since)
                    if lost:
                        self.has_lost = True
                        self.story.tell("bus", f"{stream.name} loses its last {len(lost)}")
            for durable in self.durables.values():
                durable.set_back(int(self.random.random() * 3))
        self.story.tell("bus", "the power goes" if power else "stops")

    def start(self) -> None:
        """The server is back; clients come again by and by."""
        self.is_up = True
        self.story.tell("bus", "is back")
        for connection in list(self.connections.values()):
            self.later(self.random.random() * 2, connection.reconnect)

    def later(self, seconds: float, what: Callable[..., Any], *args: Any) -> None:
        """Do something on the server's side."""
        self.loop.call_later(seconds, what, *args, context=self.context)

    def soon(self, what: Callable[..., Any], *args: Any) -> None:
        """Let a message travel."""
        if self.slow and self.random.random() < 0.3:
            self.later(self.random.random() * self.slow, what, *args)
        else:
            self.loop.call_soon(what, *args, context=self.context)

    def receive(self, sender: Connection, subject: str, data: bytes, reply: str, headers: dict[str, str]) -> None:
        """A message has come in."""
        if subject.startswith("$JS.ACK."):
            self._acknowledge(subject, data)
        elif subject.startswith("$JS.API.CONSUMER.MSG.NEXT."):
            self._pull(sender, subject, data, reply)
        else:
            stream = next((stream for stream in self.streams.values() if stream.takes(subject)), None)
            if stream is not None:
                self._store(sender, stream, subject, data, reply, headers)
            elif not self._route(subject, data, reply) and reply:
                sender.deliver(Msg(sender, reply, "", b"", {"Status": "503"}))  # type: ignore[arg-type]

    def _route(self, subject: str, data: bytes, reply: str) -> bool:
        if subject.startswith("_INBOX."):
            owner = self.connections.get(subject.split(".")[1])
            takers = [owner] if owner else []
        else:
            takers = [one for one in self.connections.values() if one.listens_to(subject)]
        for taker in takers:
            taker.deliver(Msg(taker, subject, reply, data, None))  # type: ignore[arg-type]
        return bool(takers)

    def _store(
        self, sender: Connection, stream: Stream, subject: str, data: bytes, reply: str, headers: dict[str, str]
    ) -> None:
        seq, twice = stream.store(subject, data, headers, self.loop.time())
        self.ever.setdefault(stream.name, []).append(data)
        if twice and stream.is_queue and stream.messages.get(seq, Stored(0, "", data, {}, 0.0)).data != data:
            self.mistaken.append(subject)
        self.story.note("stored", stream.name, seq, subject, twice)
        if reply:
            answer = {"stream": stream.name, "seq": seq} | ({"duplicate": True} if twice else {})
            sender.deliver(Msg(sender, reply, "", msgspec.json.encode(answer), None))  # type: ignore[arg-type]
        if not twice:
            for durable in [one for one in self.durables.values() if one.stream is stream]:
                self.serve(durable)

    def _acknowledge(self, subject: str, data: bytes) -> None:
        _, _, stream, name, _, seq, *_ = subject.split(".")
        durable = self.durables.get((stream, name))
        if durable is None:
            return
        verb, _, rest = data.partition(b" ")
        self.story.note("ack", name, int(seq), verb.decode())
        if verb == b"-NAK":
            delay = msgspec.json.decode(rest)["delay"] / 1e9 if rest else 0.0
            durable.given_back(int(seq), self.loop.time() + delay)
        else:
            done = durable.acknowledged(int(seq))
            if done:
                self.on_done(durable, done)
        self.serve(durable)

    def _pull(self, sender: Connection, subject: str, data: bytes, reply: str) -> None:
        stream, name = subject.split(".")[-2:]
        durable = self.durables.get((stream, name))
        if durable is None:
            sender.deliver(Msg(sender, reply, "", b"", {"Status": "503"}))  # type: ignore[arg-type]
            return
        asked = msgspec.json.decode(data)
        now, expires = self.loop.time(), asked.get("expires", 0) / 1e9
        left = asked["batch"]
        while left and (message := durable.take(now)):
            self._deliver(durable, sender, reply, message)
            left -= 1
        if expires and left:
            pull = Pull(sender, reply, now + expires, left)
            durable.waiting.append(pull)
            self.later(expires, self._expire, durable, pull)
            self._look_again(durable)
        elif left:
            sender.deliver(Msg(sender, reply, "", b"", {"Status": "404"}))  # type: ignore[arg-type]

    def _expire(self, durable: Durable, pull: Pull) -> None:
        if any(one is pull for one in durable.waiting):
            durable.waiting = deque(one for one in durable.waiting if one is not pull)
            pull.connection.deliver(Msg(pull.connection, pull.reply, "", b"", {"Status": "408"}))

    def serve(self, durable: Durable) -> None:
        """Give whoever waits what there is."""
        now = self.loop.time()
        while durable.waiting:
            pull = durable.waiting[0]
            if pull.until < now or not pull.connection.is_connected:
                durable.waiting.popleft()
                continue
            message = durable.take(now)
            if message is None:
                self._look_again(durable)
                return
            pull.left -= 1
            if not pull.left:
                durable.waiting.popleft()
            self._deliver(durable, pull.connection, pull.reply, message)

    def _look_again(self, durable: Durable) -> None:
        if durable.pending and durable.waiting:
            seconds = max(0.0, min(durable.pending.values()) - self.loop.time())
            self.later(seconds + 0.001, self.serve, durable)

    def _deliver(self, durable: Durable, to: Connection, reply: str, message: Stored) -> None:
        times, behind = durable.counts[message.seq], durable.lag()
        ack = f"$JS.ACK.{durable.stream.name}.{durable.name}.{times}.{message.seq}.0.{message.at * 1e9:.0f}.{behind}"
        self.story.note("delivered", durable.name, message.seq, times)
        to.deliver(Msg(to, message.subject, ack, message.data, dict(message.headers)), on=reply)  # type: ignore[arg-type]

    def stream(self, name: str) -> Stream:
        """A stream. Raises NotFoundError where it is missing."""
        if name not in self.streams:
            raise NotFoundError(code=404, err_code=10059, description="stream not found")
        return self.streams[name]

    def durable(self, stream: str, name: str) -> Durable:
        """A durable. Raises NotFoundError where it is missing."""
        self.stream(stream)
        if (stream, name) not in self.durables:
            raise NotFoundError(code=404, err_code=10014, description="consumer not found")
        return self.durables[stream, name]
