"""Streams and durables of a simulated night, as JetStream keeps them where our code relies on it.

Configurations are the real ones (`services.streams`): retention, duplicate window, acknowledgement
policy and wait, filters and `max_deliver` are read from them, so that a mistake in them shows here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig

MSG_ID = "Nats-Msg-Id"


class Stored(NamedTuple):
    """One message in a stream."""

    seq: int
    subject: str
    data: bytes
    headers: dict[str, str]
    at: float


class Stream:
    """Messages under ascending numbers; what was stored under an id is not stored again within the window."""

    def __init__(self, config: StreamConfig, made: float) -> None:
        self.name, self.config = str(config.name), config
        self.created = datetime.fromtimestamp(made, UTC)
        self.is_queue = config.retention == RetentionPolicy.WORK_QUEUE
        self.messages: dict[int, Stored] = {}
        self.last = 0
        self._ids: dict[str, tuple[int, float]] = {}
        self._last_on: dict[str, int] = {}

    def takes(self, subject: str) -> bool:
        """Whether a message on this subject belongs here."""
        return any(matches(pattern, subject) for pattern in self.config.subjects or ())

    def store(self, subject: str, data: bytes, headers: dict[str, str], now: float) -> tuple[int, bool]:
        """Keep a message; its number, and whether it was there already."""
        own_id = headers.get(MSG_ID)
        if own_id is not None:
            known = self._ids.get(own_id)
            if known and now - known[1] < (self.config.duplicate_window or 120):
                return known[0], True
        self.last += 1
        self.messages[self.last] = Stored(self.last, subject, data, headers, now)
        if own_id is not None:
            self._ids[own_id] = (self.last, now)
        return self.last, False

    def next_on(self, first: int, pattern: str) -> Stored | None:
        """The first message from a number on whose subject fits."""
        for seq in range(max(first, 1), self.last + 1):
            found = self.messages.get(seq)
            if found and matches(pattern, found.subject):
                return found
        return None

    def last_on(self, pattern: str) -> Stored | None:
        """The last message whose subject fits."""
        for seq in range(self.last, 0, -1):
            found = self.messages.get(seq)
            if found and matches(pattern, found.subject):
                return found
        return None

    def lose_tail(self, since: float) -> list[Stored]:
        """Forget what was stored since then: it had not reached the disk."""
        lost = [message for message in self.messages.values() if message.at >= since]
        for message in lost:
            del self.messages[message.seq]
        self.last = max(self.messages, default=0)
        self._ids = {own: (seq, at) for own, (seq, at) in self._ids.items() if seq <= self.last}
        return lost


@dataclass
class Pull:
    """Somebody waits for so many messages of a durable, until then."""

    connection: Any
    reply: str
    until: float
    left: int


class Durable:
    """How far a consumer is: what was delivered, and what of it is not acknowledged."""

    def __init__(self, stream: Stream, config: ConsumerConfig) -> None:
        self.stream, self.config, self.name = stream, config, str(config.durable_name)
        self.filters = tuple(config.filter_subjects or ())
        self.acks_all = config.ack_policy == AckPolicy.ALL
        self.wait = float(config.ack_wait or 30)
        self.next, self.floor = 1, 0
        self.pending: dict[int, float] = {}
        """Delivered and not acknowledged: the number, and when it is delivered again."""
        self.counts: dict[int, int] = {}
        self.waiting: deque[Pull] = deque()
        self.delivered = 0
        """The furthest that was delivered."""

    def take(self, now: float) -> Stored | None:
        """The message that is delivered next: one that comes again, or else the next new one."""
        for seq in sorted(seq for seq, until in self.pending.items() if until <= now):
            message = self.stream.messages.get(seq)
            limit = self.config.max_deliver or -1
            if message is None or 0 < limit <= self.counts[seq]:
                del self.pending[seq]
                continue
            return self._given(message, now)
        if len(self.pending) >= (self.config.max_ack_pending or 1_000):
            return None
        while self.next <= self.stream.last:
            message = self.stream.messages.get(self.next)
            self.next += 1
            if message is not None and self.hears(message.subject):
                return self._given(message, now)
        return None

    def _given(self, message: Stored, now: float) -> Stored:
        self.pending[message.seq] = now + self.wait
        self.counts[message.seq] = self.counts.get(message.seq, 0) + 1
        self.delivered = max(self.delivered, message.seq)
        return message

    def hears(self, subject: str) -> bool:
        """Whether it delivers what comes on this subject."""
        return any(matches(pattern, subject) for pattern in self.filters)

    def acknowledged(self, seq: int) -> list[Stored]:
        """It is done with, and with it everything before, where that is the policy; all that is done with now."""
        if seq >= self.next:
            return []  # Of another stream of this name, which was deleted meanwhile.
        if self.acks_all:
            done = [pending for pending in self.pending if pending <= seq]
            self.floor = max(self.floor, seq)
        else:
            done = [seq] if seq in self.pending else []
        held = self.stream.messages
        found = [held[each] for each in done if each in held]
        for each in done:
            del self.pending[each]
            if self.stream.is_queue:
                held.pop(each, None)
        if not self.acks_all:
            self.floor = min(self.pending) - 1 if self.pending else self.next - 1
        return found

    def given_back(self, seq: int, until: float) -> None:
        """It comes again, then."""
        if seq in self.pending:
            self.pending[seq] = until

    def set_back(self, by: int) -> None:
        """The server lost the end of what it knew of this consumer."""
        self.floor = max(0, min(self.floor, self.stream.last) - by)
        self.next = min(self.next, self.floor + 1) if self.acks_all else min(self.next, self.stream.last + 1)
        if self.acks_all:
            self.pending.clear()
            self.delivered = self.floor

    def lag(self) -> int:
        """How many messages it has not delivered yet."""
        held = self.stream.messages
        return sum(seq in held and self.hears(held[seq].subject) for seq in range(self.next, self.stream.last + 1))


@lru_cache(100_000)
def matches(pattern: str, subject: str) -> bool:
    """Whether a subject fits a pattern with `*` and `>`."""
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(given) <= len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(want in ("*", token) for want, token in zip(wanted, given, strict=True))
