"""The worker that serves the subscribers of a ward's file: it follows the ledger, and nothing waits for it.

One task makes deliveries of what is entered, and each subscriber has one of its own that sends, so that none waits
for another. A subscriber that cannot be reached holds up nobody, and is named.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import sqlalchemy as sa
from nats.aio.client import Client

from events.ending import ended
from services.credentials import CredentialsError
from services.degraded import Receiver
from services.journal import Journal
from services.reporting.deliveries import Deliveries, Standing, standings
from services.reporting.known import Known
from services.reporting.ledger import LedgerReader
from services.reporting.posting import Jitter, Post, Poster
from services.reporting.telling import Telling
from services.reporting.to_nats import FAULTS, ToNats
from services.reporting.to_webhook import ToWebhook
from services.subscribers import Subscriber
from services.ward import Ward

UNHURRIED = 0.1
"""Seconds between looks at the ledger: under load one look takes in what many commits brought."""

LOOK = 1.0
RETRY = 2.0

log = logging.getLogger("yoake.deliveries")


class Way(Protocol):
    """How one subscriber is reached."""

    subscriber: Subscriber
    turn: asyncio.Lock

    async def step(self) -> None: ...

    async def forget(self) -> None: ...

    async def end(self) -> None: ...


class Delivering:
    """Serves every subscriber of a ward."""

    def __init__(
        self,
        ward: Ward,
        journal: Journal,
        known: Known,
        client: Callable[[], Client],
        *,
        secrets: Callable[[str], list[bytes]] = lambda _: [],
        post: Post | None = None,
        jitter: Jitter = random.random,
        look: float = LOOK,
    ) -> None:
        """`secrets`: what signs a webhook to a subscriber now; none: nothing can be sent to it yet."""
        self.deliveries = Deliveries(journal)
        self._journal, self._look, self._secrets = journal, look, secrets
        history = LedgerReader(journal.engine, journal.log).history
        self._telling = {
            each.key: Telling(each, lambda about: [row.event for row in history(about)], known.about, ward)
            for each in ward.subscriber
        }
        self._woken = {each.key: asyncio.Event() for each in ward.subscriber}
        self._receivers: tuple[Receiver, ...] = ()
        sending = post or Poster()

        def way(each: Subscriber) -> Way:
            if each.way == "nats":
                return ToNats(each, journal, self.deliveries, client)
            wake = self._woken[each.key].set
            return ToWebhook(each, journal, self.deliveries, sending, self._signing, jitter, wake)

        self.ways = {each.key: way(each) for each in ward.subscriber}

    async def run(self) -> None:
        """Serve them, for ever; where the file names none there is nothing to do."""
        if not self._telling:
            return
        await self._journal.run(self.deliveries.prepare, list(self._telling))
        working = [self._follow(), self._watch(), *(self._serve(way) for way in self.ways.values())]
        tasks = [asyncio.create_task(each) for each in working]
        try:
            await asyncio.gather(*tasks)
        finally:
            await ended(tasks)  # One that went on beside its successor would send everything twice.
            for way in self.ways.values():
                await way.end()

    async def replay(self, key: str, first: int) -> int:
        """Send a subscriber everything from a position of the ledger on once more, and nothing between."""
        way = self.ways[key]
        async with way.turn:
            await way.forget()
            count = await self._journal.run(self.deliveries.replay, key, first)
            await self._fill(key, self._telling[key])
        return count

    def wake(self, key: str) -> None:
        """There is something to be sent to a subscriber."""
        self._woken[key].set()

    def receivers(self) -> tuple[Receiver, ...]:
        """How far each subscriber is, as last seen."""
        return self._receivers

    def _signing(self, key: str) -> list[bytes]:
        try:
            return self._secrets(key)
        except CredentialsError as error:
            log.error("%s", error)
            return []

    async def _follow(self) -> None:
        while True:
            self._journal.committed.clear()
            try:
                for key, telling in self._telling.items():
                    await self._fill(key, telling)
            except sa.exc.DBAPIError:
                log.exception("no deliveries could be made; it is tried again")
                await asyncio.sleep(RETRY)
                continue
            await asyncio.sleep(UNHURRIED)
            await _at_most(self._look, self._journal.committed)

    async def _fill(self, key: str, telling: Telling) -> None:
        more = True
        while more:
            made, more = await self._journal.run(self.deliveries.fill, key, telling.subscriber.events, telling.tell)
            if made:
                self.wake(key)

    async def _serve(self, way: Way) -> None:
        woken = self._woken[way.subscriber.key]
        while True:
            woken.clear()
            try:
                await way.step()
                await _at_most(self._look, woken)
            except (*FAULTS, sa.exc.DBAPIError) as error:
                log.warning("%s: not sent yet: %s", way.subscriber.key, type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _watch(self) -> None:
        while True:
            try:
                self._receivers = await self._journal.run(self._seen)
            except sa.exc.DBAPIError:
                log.exception("nobody could look how far the subscribers are")
            await asyncio.sleep(self._look)

    def _seen(self) -> tuple[Receiver, ...]:
        found, now = standings(self._journal.engine), self.deliveries.now()
        return tuple(self._receiver(found[key], now) for key in self._telling if key in found)

    def _receiver(self, standing: Standing, now: float) -> Receiver:
        subscriber = self._telling[standing.key].subscriber
        return Receiver(
            key=subscriber.key,
            name=subscriber.label,
            open=standing.open,
            seconds=0.0 if standing.oldest is None else max(0.0, now - standing.oldest),
            patience=subscriber.behind * 60.0,
            disabled=standing.because or "",
            given_up=standing.given_up,
            unready=subscriber.way == "webhook" and not self._signing(subscriber.key),
        )


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
