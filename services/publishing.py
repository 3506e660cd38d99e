"""Putting events and receipts into streams: in order, many at once, and certain only when the server has said so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg

from events import CONTENT_TYPE, decode
from services.subjects import EVENTS, event_subject

PATIENCE = 10.0
STREAM = "Nats-Expected-Stream"

Published = tuple[str, bytes, dict[str, str]]
"""Subject, body and headers of one message."""


def as_published(text: bytes, again: int = 0) -> Published:
    """An event as it goes into EVENTS. `again` not 0: it was asked for again, past the duplicate window."""
    record = decode(text)
    subject = event_subject(record.ward, record.service, record.type, record.case)
    own_id = f"{record.id}+{again}" if again else record.id
    return subject, text, {STREAM: EVENTS, "Nats-Msg-Id": own_id, "Content-Type": CONTENT_TYPE}


class NotStored(RuntimeError):
    """The server did not store what was published; says why."""


class Publisher:
    """Puts many messages into streams, in order, and waits once until the server has said of each that it is stored.

    The library makes a future for each message; counting the answers costs less than half.
    """

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._inbox = ""
        self._run = 0
        self._left = 0
        self._refused: bytes | None = None
        self._done = asyncio.Event()

    async def publish(self, messages: Sequence[Published]) -> None:
        """Publish these and wait for the answers; nothing is known of those after the first that failed.

        Raises:
            NotStored: the server refused one.
            TimeoutError: it did not answer in time.
            nats.errors.Error: there is no connection.
        """
        if not messages:
            return
        if not self._inbox:
            self._inbox = self._connection.new_inbox()
            await self._connection.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._run, self._left, self._refused = self._run + 1, len(messages), None
        self._done.clear()
        reply = f"{self._inbox}.{self._run}"
        for subject, body, headers in messages:
            await self._connection.publish(subject, body, reply=reply, headers=headers)
        async with asyncio.timeout(PATIENCE):
            await self._done.wait()
        if self._refused is not None:
            raise NotStored(self._refused.decode(errors="replace"))

    async def _answered(self, message: Msg) -> None:
        if message.subject.rpartition(".")[2] != str(self._run):
            return  # Of an earlier run that was given up.
        self._left -= 1
        if b'"error"' in message.data or not message.data:  # No data: nobody listens on that subject.
            self._refused = message.data or b"no stream takes it"
        if self._left == 0 or self._refused is not None:
            self._done.set()
