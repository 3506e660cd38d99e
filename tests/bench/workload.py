"""What the benchmarks send, to whom, and how they hear that it was accepted. All of it is synthetic (架空データ)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from events.messages import Receipt
from services.subjects import inbox_subject, receipt_subject
from services.ward import load
from tests.running import WARD, call

PROVIDER = "contractor"
WARD_ID = load(WARD).id
SUBJECT = inbox_subject(WARD_ID, PROVIDER, "intake", "call.report")
PATIENCE = 120.0

_serial = itertools.count(1)
_RECEIPTS = msgspec.json.Decoder(list[Receipt])


def calls(count: int) -> list[bytes]:
    """So many first contacts, each of a consultation of its own, never the same twice; about 350 bytes each."""
    return [msgspec.json.encode(call(next(_serial), personal=None)) for _ in range(count)]


def batches(count: int, size: int) -> list[bytes]:
    """The same, `size` in each CloudEvents batch."""
    return [b"[" + b",".join(calls(size)) + b"]" for _ in range(count)]


class Sender:
    """Publishes to INBOX, so many at a time under way, and counts the receipts."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.accepted = 0
        self.first = self.last = 0.0
        self._change = asyncio.Event()

    async def heard(self, message: Msg) -> None:
        """Count the receipts of one message."""
        self.last = perf_counter()
        self.first = self.first or self.last
        receipts = _RECEIPTS.decode(message.data)
        assert all(receipt.status == "accepted" for receipt in receipts), receipts[0]
        self.accepted += len(receipts)
        self._change.set()

    async def publish(self, bodies: list[bytes], under_way: int) -> float:
        """Publish all; returns the moment at which the first was sent."""
        js = self._client.jetstream(timeout=PATIENCE)
        room = asyncio.Semaphore(under_way)

        async def one(body: bytes) -> None:
            try:
                await js.publish(SUBJECT, body, stream="INBOX")
            finally:
                room.release()

        began = perf_counter()
        async with asyncio.TaskGroup() as sending:
            for body in bodies:
                await room.acquire()
                sending.create_task(one(body))
        return began

    async def until(self, accepted: int) -> float:
        """Wait for so many receipts; returns the moment of the last."""
        async with asyncio.timeout(PATIENCE):
            while self.accepted < accepted:
                self._change.clear()
                await self._change.wait()
        return self.last


@asynccontextmanager
async def sender(url: str) -> AsyncIterator[Sender]:
    """A connection that hears the receipts of the benchmarks' provider."""
    client = await nats.connect(url)
    found = Sender(client)
    await client.subscribe(receipt_subject(WARD_ID, PROVIDER), cb=found.heard)
    try:
        yield found
    finally:
        await client.close()
