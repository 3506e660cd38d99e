"""Sends what an outbox holds, for as long as it takes, and takes the receipts down.

Order is kept. What has no receipt is sent again, after a while, after a crash, after a week offline:
heard twice is heard once. Only a receipt takes a message off the list; that a server has it, does not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from events.messages import MAX_MESSAGE_BYTES, MESSAGES, Receipt
from events.outbox import DONE, Letter, Outbox

ROOM = 512
"""Messages under way at once; the rest stays here, where nothing is lost."""

TOGETHER = 100
TOGETHER_BYTES = 500_000
"""The most that travels as one batch."""

QUIET = 5.0
"""Seconds after which what has no receipt is sent again; twice as long each time, up to `LONGEST`."""

LONGEST = 60.0
FIRST_PAUSE = 0.5
"""Seconds before the next attempt where nobody answers; twice as long each time, up to `LONGEST`."""

LOOK = 0.5
"""Seconds between looks for what another process has put."""

ASK = 600.0
"""Seconds after which what waits is asked about."""

Answer = tuple[Receipt, Letter | None]
"""A receipt, and the sending that it answers where that is known."""

Heard = Callable[[Sequence[Answer]], Awaitable[None]]
"""Told receipts; they are on disk when it returns."""


class Unreachable(RuntimeError):
    """Nothing can be handed over now; says why and what to do. Everything is kept, and tried again."""


class Transport(Protocol):
    """A way to the ward: `events.over_nats`, `events.over_http`."""

    async def open(self, heard: Heard) -> None:
        """Begin; receipts go to `heard`. Raises Unreachable."""

    async def hand_over(self, letters: Sequence[Letter]) -> list[tuple[Letter, str]]:
        """Hand a batch over; returns what the other side would not read, and why. Raises Unreachable."""

    def check(self) -> None:
        """Raises Unreachable if the way is no longer there."""

    async def close(self) -> None:
        """End; what is under way comes later or not at all."""


class Courier:
    """Sends from one outbox over one transport. One at a time for each outbox."""

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        *,
        on_answer: Callable[[Receipt], None] = lambda receipt: None,
        on_trouble: Callable[[str], None] = lambda reason: None,
        quiet: float = QUIET,
    ) -> None:
        """`on_answer` is told every receipt, `on_trouble` why nothing can be sent now."""
        self._outbox, self._transport, self._quiet = outbox, transport, quiet
        self._on_answer, self._on_trouble = on_answer, on_trouble
        self._under_way: dict[int, tuple[Letter, float]] = {}
        self._news = asyncio.Event()
        self._pause, self._patience = FIRST_PAUSE, quiet

    async def run(self, *, stay: bool = False) -> None:
        """Send until everything has a receipt; with `stay`, for ever. Nobody there: tries again, for ever.

        Raises:
            events.outbox.Busy: another process sends from this outbox.
            events.outbox.OutboxError: the disk does not take a receipt.
        """
        with self._outbox.sending():
            await asyncio.to_thread(self._outbox.try_again)
            await asyncio.to_thread(self._outbox.prune)
            while True:
                try:
                    await self._visit(stay)
                    return
                except Unreachable as reason:
                    self._on_trouble(str(reason))
                    await asyncio.sleep(self._pause)
                    self._pause = min(2 * self._pause, LONGEST)

    async def _visit(self, stay: bool) -> None:
        """As long as the transport carries."""
        self._under_way.clear()
        await self._transport.open(self._heard)
        try:
            await self._ask()
            asked = time.monotonic()
            while True:
                self._transport.check()
                self._news.clear()
                moved = await self._send()
                if stay and time.monotonic() - asked > ASK:
                    asked = time.monotonic()
                    await self._ask()
                    await asyncio.to_thread(self._outbox.prune)
                if moved or self._under_way or stay:
                    await self._wait(moved)
                elif not await asyncio.to_thread(self._outbox.pending, limit=1):
                    await self._last_question()
                    return
        finally:
            await self._transport.close()

    async def _wait(self, moved: bool) -> None:
        """Until there is news, or it is time to look again."""
        if moved:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(LOOK):
                await self._news.wait()
        except TimeoutError:
            self._give_up_on_the_silent()

    def _give_up_on_the_silent(self) -> None:
        """What got no receipt for so long is no longer under way, and so is sent again."""
        before = time.monotonic() - self._patience
        silent = [n for n, (_, since) in self._under_way.items() if since < before]
        for n in silent:
            del self._under_way[n]
        if silent:
            self._patience = min(2 * self._patience, LONGEST)

    async def _send(self) -> bool:
        """Hand over what is pending and not under way; whether there was any."""
        room = ROOM - len(self._under_way)
        if room <= 0:
            return False
        pending = await asyncio.to_thread(self._outbox.pending, limit=ROOM)
        letters = [letter for letter in pending if not self._is_under_way(letter)][:room]
        await self._hand_over(letters)
        return bool(letters)

    async def _hand_over(self, letters: Sequence[Letter]) -> None:
        if not letters:
            return
        await asyncio.to_thread(self._outbox.handing_over, letters)
        for batch in batches(letters):
            now = time.monotonic()
            self._under_way.update((letter.n, (letter, now)) for letter in batch)
            for letter, reason in await self._transport.hand_over(batch):
                self._under_way.pop(letter.n, None)
                await asyncio.to_thread(self._outbox.problem, letter, reason)
                self._on_trouble(f"{letter.source} {letter.id}: {reason}")

    async def _ask(self) -> None:
        """Send once more what was heard and waits: the answer says whether it went on."""
        waiting = await asyncio.to_thread(self._outbox.pending, limit=ROOM, status="waiting")
        await self._hand_over([letter for letter in waiting if not self._is_under_way(letter)])

    async def _last_question(self) -> None:
        """What went on in the meantime is known before this ends."""
        await self._ask()
        until = time.monotonic() + self._quiet
        while self._under_way and time.monotonic() < until:
            self._news.clear()
            await self._wait(moved=False)

    def _is_under_way(self, letter: Letter) -> bool:
        there = self._under_way.get(letter.n)
        return there is not None and there[0].edition == letter.edition

    async def _heard(self, answers: Sequence[Answer]) -> None:
        await asyncio.to_thread(self._outbox.settle, answers)
        for receipt, letter in answers:
            if letter is None:
                self._forget_by_name(receipt)
            elif self._is_under_way(letter):
                del self._under_way[letter.n]
            self._on_answer(receipt)
        self._pause, self._patience = FIRST_PAUSE, self._quiet
        self._news.set()

    def _forget_by_name(self, receipt: Receipt) -> None:
        if receipt.status not in DONE:
            return
        for n, (letter, _) in list(self._under_way.items()):
            if (letter.source, letter.id) == (receipt.source, receipt.id):
                del self._under_way[n]


def service_of(letter: Letter) -> str:
    """Which service hears it; what is unknown goes to intake, which puts it aside for a person."""
    kind = MESSAGES.get(letter.type)
    return kind.service if kind else "intake"


def batches(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """The letters in their order, together where they go to one service; a large one alone, no name twice."""
    batch: list[Letter] = []
    for letter in letters:
        if batch and not _joins(letter, batch):
            yield batch
            batch = []
        batch.append(letter)
    if batch:
        yield batch


def _joins(letter: Letter, batch: Sequence[Letter]) -> bool:
    if max(len(letter.body), len(batch[0].body)) > MAX_MESSAGE_BYTES // 2 or len(batch) >= TOGETHER:
        return False
    names = {(other.source, other.id) for other in batch}
    small = sum(len(other.body) + 1 for other in batch) + len(letter.body) < TOGETHER_BYTES
    return small and (letter.source, letter.id) not in names and service_of(letter) == service_of(batch[0])
