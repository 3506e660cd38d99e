"""An adapter that sends steadily while everything around it breaks, and forgets nothing.

What it sends is synthetic. Every second case is sent carefully: each message again and again until
its receipt is here. The other cases trust INBOX: what it has acknowledged is never sent again, so
that nothing hides it if INBOX or a service loses one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import nats
import nats.errors
import nats.js.errors
from joserfc.jwk import ECKey
from nats.aio.msg import Msg

from events.ending import ended
from events.messages import MESSAGES, Receipt
from events.seal import sealed
from services.subjects import inbox_subject, receipt_subject
from tests.running import GROUND, call, message, placed

PROVIDER = "contractor"
RATE = 40.0
"""Messages a second."""

AGAIN = 4.0
"""Seconds after which a careful message without a receipt is sent again."""


def case(number: int) -> list[dict[str, Any]]:
    """What is said about one case: the bed comes before its call, as from two desks; it is offered and accepted."""
    day = f"2023-06-{1 + number % 28:02}"
    told = {"case": f"C-{number}", "handover": f"H-{number}", "kind": "agency", "to": "架空相談支援事業所", **GROUND}
    offer = message(f"offer-{number}", "handover.offer", f"{day}T13:00:00+09:00", told)
    accept = message(f"accept-{number}", "handover.accept", f"{day}T15:00:00+09:00", {"handover": f"H-{number}"})
    return [placed(number), call(number), offer, accept]


class Sender:
    """A sender in a thread of its own. Everything it knows may be read while it is `quiet` or stopped."""

    def __init__(self, url: str, ward: str, key: ECKey, rate: float = RATE) -> None:
        self.sent: dict[str, dict[str, Any]] = {}
        self.promised: set[str] = set()
        """Ids that INBOX has acknowledged."""
        self.answered: dict[str, str] = {}
        """The last status that a receipt gave an id."""
        self.cases = 0
        self._url, self._ward, self._key, self._rate = url, ward, key, rate
        self._open = 0
        self._sending, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sender")

    def __enter__(self) -> Sender:
        self._thread.start()
        self._sending.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def rest(self) -> None:
        """Begin no new case."""
        self._sending.clear()

    def go_on(self) -> None:
        """Begin new cases again."""
        self._sending.set()

    @property
    def quiet(self) -> bool:
        """Whether it rests, and everything that it sent is where it may stop thinking of it."""
        return not self._sending.is_set() and self._open == 0

    async def _run(self) -> None:
        async def silent(_: Exception) -> None:
            """What fails is tried again."""

        self._nats = await nats.connect(
            self._url, max_reconnect_attempts=-1, reconnect_time_wait=0.2, connect_timeout=2, error_cb=silent
        )
        await self._nats.subscribe(receipt_subject(self._ward, PROVIDER), cb=self._on_receipt)
        self._js, tasks = self._nats.jetstream(timeout=3), set()
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due + 4 / self._rate, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._sending.is_set():
                tasks |= {asyncio.create_task(self._deliver(m, c)) for m, c in self._next()}
            tasks = {task for task in tasks if not (task.done() and task.result() is None)}
        await ended(tasks)
        await self._nats.close()

    def _next(self) -> Iterator[tuple[dict[str, Any], bool]]:
        self.cases += 1
        for said in case(self.cases):
            self.sent[said["id"]] = said
            self._open += 1
            yield said, self.cases % 2 == 0

    async def _deliver(self, said: dict[str, Any], careful: bool) -> None:
        subject = inbox_subject(self._ward, PROVIDER, MESSAGES[said["type"]].service, said["type"])
        body = msgspec.json.encode(sealed(said, self._key))
        while True:
            await _until(lambda: self._nats.is_connected)
            with suppress(nats.errors.Error, nats.js.errors.Error, OSError):
                await self._js.publish(subject, body, stream="INBOX")
                self.promised.add(said["id"])
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if careful else 0.3):
                    await _until(lambda: said["id"] in (self.answered if careful else self.promised))
                    self._open -= 1
                    return

    async def _on_receipt(self, heard: Msg) -> None:
        for receipt in msgspec.json.decode(heard.data, type=list[Receipt]):
            if receipt.id is not None and self.answered.get(receipt.id) not in ("accepted", "known"):
                self.answered[receipt.id] = receipt.status


async def _until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  (what is waited for has no event)
        await asyncio.sleep(0.1)
