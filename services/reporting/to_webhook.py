"""Deliveries to a webhook: tried again for days, those of one case in their order, until the receiver has them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from events import CONTENT_TYPE
from services.journal import Journal
from services.reporting.deliveries import Deliveries, Sendable
from services.reporting.posting import Jitter, Post, signed
from services.subscribers import Subscriber

PAUSES = (5, 30, 120, 600, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600)
"""Seconds after each attempt that failed; after the last of them the same again."""

GIVEN_UP = 5 * 24 * 3_600
"""For so many seconds a delivery is tried. Then somebody must say what is to become of it."""

SPREAD = 0.2
AT_ONCE = 4
"""So many messages are under way to one receiver at a time, each about another case."""

GONE = 410

log = logging.getLogger("yoake.deliveries")


class ToWebhook:
    """One subscriber that is sent webhooks."""

    def __init__(
        self,
        subscriber: Subscriber,
        journal: Journal,
        deliveries: Deliveries,
        post: Post,
        secrets: Callable[[str], list[bytes]],
        jitter: Jitter,
        wake: Callable[[], None],
    ) -> None:
        """`secrets`: what signs a message to a subscriber now. `wake`: something may have become due."""
        self.subscriber, self._journal, self._deliveries = subscriber, journal, deliveries
        self._post, self._secrets, self._jitter, self._wake = post, secrets, jitter, wake
        self.turn = asyncio.Lock()
        self._flying: dict[str, asyncio.Task[None]] = {}

    async def step(self) -> None:
        """Begin to send what is due, as far as not enough is under way already."""
        async with self.turn:
            for each in await self._journal.run(self._due):
                task = asyncio.create_task(self._send(each))
                self._flying[each.of.about] = task
                task.add_done_callback(partial(self._landed, each.of.about))

    async def forget(self) -> None:
        """Nothing is under way any more, in our turn."""
        await asyncio.gather(*self._flying.values(), return_exceptions=True)

    async def end(self) -> None:
        """Leave off, wherever that is."""
        for task in self._flying.values():
            task.cancel()
        await self.forget()

    def _due(self) -> list[Sendable]:
        key, free = self.subscriber.key, AT_ONCE - len(self._flying)
        if free <= 0 or not self._secrets(key):
            return []
        tests_alone = self._deliveries.is_disabled(key)
        return self._deliveries.ready(key, tuple(self._flying), free, tests_alone=tests_alone)

    def _landed(self, about: str, task: asyncio.Task[None]) -> None:
        self._flying.pop(about)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an attempt was not noted; it is made again", exc_info=error)
        self._wake()

    async def _send(self, what: Sendable) -> None:
        of, subscriber = what.of, self.subscriber
        headers = signed(of.id, self._deliveries.now(), what.body, self._secrets(subscriber.key))
        headers["Content-Type"] = CONTENT_TYPE
        answer = await self._post(subscriber.url or "", subscriber.private_hosts, headers, what.body)
        if answer.is_taken:
            await self._journal.run(self._deliveries.answered, subscriber.key, of.position, answer.said)
            return
        if answer.status == GONE:
            log.warning("%s says that it is gone; nothing is sent to it any more", subscriber.key)
            await self._journal.run(self._deliveries.disable, subscriber.key, str(GONE))
        await self._journal.run(self._deliveries.failed, of, answer.said, self._following(what, answer.pause))

    def _following(self, what: Sendable, asked: float) -> float | None:
        """When it is tried again; None: it was tried for long enough."""
        of, now = what.of, self._deliveries.now()
        if of.began is not None and now - of.began >= GIVEN_UP:
            return None
        pause = PAUSES[min(of.attempts, len(PAUSES) - 1)]
        return now + max(pause * (1 - SPREAD / 2 + SPREAD * self._jitter()), asked)
