"""A provider's adapter, simulated: it keeps a message until its receipt, and sends it as often as that takes.

It is offline for minutes or days, sends some things twice, and in another order than it wrote them down.
"""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg

from events.messages import MESSAGES, Receipt
from services.subjects import RECEIPTS, inbox_subject, receipt_durable
from services.writer import DELIVERY_HEADER
from tests.simulation.bus import Bus
from tests.simulation.connection import Connection
from tests.simulation.loop import OWNER

PERSONAL = "みほんたろう"
"""Stands in every message; nowhere else may it be found."""

QUIET, LONGEST = 5.0, 60.0
PULL = 60.0
DONE = ("accepted", "known")
_RECEIPTS = msgspec.json.Decoder(list[Receipt])


@dataclass
class Letter:
    """One message on its way, and what is to come of it."""

    n: int
    id: str
    type: str
    body: bytes
    expects: str = "accepted"
    """The status of its last receipt: accepted, parked, conflict or waiting; `either`, `any`, `settled`: it depends."""
    calls: int = 0
    """How many matters it tells of."""
    about: str = ""
    """What a reader of the story should know."""
    fields: dict[str, Any] = field(default_factory=dict)
    status: str = "pending"
    receipts: list[Receipt] = field(default_factory=list)
    tries: int = 0
    again_at: float = 0.0
    patience: float = QUIET
    is_asked: bool = False
    """It waits, and its sender asks whether it has gone on."""

    @property
    def is_answered(self) -> bool:
        """Whether it need not be sent again."""
        return not self.is_asked and self.status in (*DONE, "parked", "conflict", "waiting")


class Provider:
    """One provider: what it has written down, and whether it is online."""

    def __init__(self, name: str, bus: Bus, ward: str, random: Random) -> None:
        self.name, self._bus, self._ward, self._random = name, bus, ward, random
        self.letters: list[Letter] = []
        self._by_id: dict[str, list[Letter]] = {}
        self.is_dead = False
        self._life: _Life | None = None
        self._news = asyncio.Event()
        self.badly = 0.0
        """The chance that a message goes twice, or before its turn."""
        self.heard = 0

    def put(self, letter: Letter) -> None:
        """Write a message down; it goes when it can."""
        self.letters.append(letter)
        self._by_id.setdefault(letter.id, []).append(letter)
        self._news.set()

    @property
    def is_online(self) -> bool:
        return self._life is not None

    def online(self) -> None:
        """Connect, and send what is here."""
        if self._life is None:
            self._life = life = _Life(self, self._bus)
            for letter in self.letters:
                letter.again_at = 0.0
            self.ask()
            self._bus.story.tell(self.name, "is online")
            context = contextvars.copy_context()
            context.run(OWNER.set, life)
            self._bus.loop.create_task(life.send(), context=context)
            self._bus.loop.create_task(life.listen(), context=context)

    def offline(self) -> None:
        """The line is down; what is written down stays here."""
        if self._life is not None:
            self._life.is_dead = True
            self._life.connection.close()
            self._life = None
            self._bus.story.tell(self.name, "is offline")

    def ask(self) -> None:
        """Send once more what waits, as the kit does every ten minutes: the answer says whether it went on."""
        for letter in self.letters:
            if letter.status == "waiting":
                letter.is_asked, letter.again_at, letter.patience = True, 0.0, QUIET
        self._news.set()

    def unanswered(self) -> list[Letter]:
        """What has no receipt yet."""
        return [letter for letter in self.letters if not letter.is_answered]

    def settle(self, receipt: Receipt) -> None:
        """Take a receipt down."""
        self.heard += 1
        letter = self._of(receipt)
        if letter is None:
            return
        letter.receipts.append(receipt)
        letter.is_asked = False
        if letter.status in DONE and receipt.status == "waiting":
            return
        if letter.status != receipt.status and not {letter.status, receipt.status} <= set(DONE):
            self._bus.story.tell(self.name, f"hears that {letter.id} is {receipt.status}")
        letter.status = receipt.status

    def _of(self, receipt: Receipt) -> Letter | None:
        if receipt.delivery is not None:
            n = int(receipt.delivery.partition("/")[0])
            return next((letter for letter in self.letters if letter.n == n), None)
        named = self._by_id.get(receipt.id or "", [])
        return named[0] if named else None


class _Life:
    """A provider while it is online."""

    def __init__(self, provider: Provider, bus: Bus) -> None:
        self.provider, self.is_dead = provider, False
        provider._news.set()
        self.connection = Connection(bus, f"{provider.name}-{int(bus.random.random() * 1e9)}")
        self._bus, self._random = bus, provider._random
        self._inbox = self.connection.new_inbox()

    async def listen(self) -> None:
        """Pull receipts, for ever."""
        await self.connection.subscribe(self._inbox, cb=self._came)
        while True:
            with suppress(nats.errors.Error):
                await self._pull()
            await asyncio.sleep(PULL)

    async def _pull(self) -> None:
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{RECEIPTS}.{receipt_durable(self.provider.name)}"
        asked = msgspec.json.encode({"batch": 100, "expires": int(PULL * 1e9)})
        await self.connection.publish(subject, asked, reply=self._inbox)

    async def _came(self, message: Msg) -> None:
        if message.reply:
            for receipt in _RECEIPTS.decode(message.data):
                self.provider.settle(receipt)
            with suppress(nats.errors.Error):  # It comes again.
                await message.ack()

    async def send(self) -> None:
        """Send what has no receipt, for ever."""
        loop, provider, random = asyncio.get_running_loop(), self.provider, self._random
        while True:
            provider._news.clear()
            due = [letter for letter in provider.unanswered() if letter.again_at <= loop.time()]
            if random.random() < provider.badly:
                random.shuffle(due)
            for letter in due:
                try:
                    await self._say(letter)
                    if random.random() < provider.badly:
                        await self._say(letter)
                except nats.errors.Error:
                    pass
                letter.again_at = loop.time() + letter.patience
                letter.patience = min(2 * letter.patience, LONGEST)
            waits = [letter.again_at for letter in provider.unanswered()]
            seconds = max(0.05, min(waits) - loop.time()) if waits else LONGEST
            try:
                async with asyncio.timeout(seconds):
                    await provider._news.wait()
            except TimeoutError:
                pass

    async def _say(self, letter: Letter) -> None:
        letter.tries += 1
        kind = MESSAGES.get(letter.type)
        service = kind.service if kind else "intake"
        subject = inbox_subject(self.provider._ward, self.provider.name, service, letter.type or "unknown")
        named = {DELIVERY_HEADER: f"{letter.n}/{letter.tries}"}
        await self.connection.publish(subject, letter.body, reply=self.connection.new_inbox(), headers=named)
