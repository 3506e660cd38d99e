"""The kit's way over NATS: into INBOX on the provider's own subject, receipts on a durable of its own.

Needs `nats-py` (the extra `nats`). Receipts are heard live, and, where the durable `receipts-<provider>`
of the stream RECEIPTS is there, those of the time offline as well; without it the messages are asked
about by sending them again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from events import BATCH_CONTENT_TYPE, CONTENT_TYPE
from events.courier import Answer, Heard, Unreachable, service_of
from events.ending import ended
from events.messages import Receipt
from events.outbox import Letter

DELIVERY = "Yoake-Delivery"
STREAM = "RECEIPTS"
TIMEOUT = 5.0
INBOX_FULL = (10047, 10077)
TOO_LARGE = 10054
ONE_ATTEMPT = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.1, "connect_timeout": 3}
"""The courier tries again itself. The client counts attempts to connect as well, and takes 0 for without end."""

WHOSE = "--ward or --provider may be wrong: both must be those that these credentials are for"

BROKEN_OFF = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, nats.errors.UnexpectedEOF)
"""How a refusal arrives where the server closes the connection before its reason was read."""

REMEMBERED = 10_000
"""Sendings whose receipts are matched exactly; an older one's are matched by name."""


class OverNats:
    """A transport of `events.courier` over one connection at a time."""

    def __init__(self, url: str, ward: str, provider: str, **options: Any) -> None:
        """`url` may hold user and password. `options` go to `nats.connect`, such as `user_credentials`, or `tls`."""
        self._url, self._ward, self._provider, self._options = url, ward, provider, options
        self._where = f"nats://{url.rpartition('://')[2].rpartition('@')[2]}"  # Without the password.
        self._sent: OrderedDict[str, Sequence[Letter]] = OrderedDict()
        self._told = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, heard: Heard) -> None:
        """Connect and listen for receipts.

        Raises:
            Unreachable: nobody answers at the address, or one is not let in.
        """
        self._heard, self._told, self._broken_off = heard, "", False
        self._nats = Client()
        try:
            await self._nats.connect(self._url, error_cb=self._on_error, **(ONE_ATTEMPT | self._options))
        except BaseException as error:
            await self._nats.close()  # Or a socket that was half connected is left open.
            if not isinstance(error, OSError | nats.errors.Error):
                raise
            raise self._not_signed_on(error) from error
        self._js = self._nats.jetstream(timeout=TIMEOUT)
        try:
            await self._nats.subscribe(f"receipts.{self._ward}.{self._provider}", cb=self._on_message)
            for _ in range(2):  # The client's first ping may overtake the subscription; the second cannot.
                await self._nats.flush()
            if self._forbidden:  # It is known by now.
                raise nats.errors.Error(self._told)
            if await self._has_durable():
                self._tasks = [asyncio.create_task(self._follow())]
        except BaseException as error:
            await self.close()
            if not isinstance(error, OSError | nats.errors.Error):
                raise
            raise self._unreachable(error) from error

    async def _on_error(self, error: Exception) -> None:
        self._told = _named(error)
        self._broken_off |= isinstance(error, BROKEN_OFF)

    def _not_signed_on(self, error: BaseException) -> Unreachable:
        told = self._told or _named(error)
        if "authorization" in told.lower():
            return Unreachable(f"{self._where} does not let us in: ask the ward for other credentials")
        if self._broken_off or isinstance(error, BROKEN_OFF):
            wrong = "user, password or credentials may be wrong, or the server is just ending"
            return Unreachable(f"{self._where} broke off while we signed on ({told}): {wrong}")
        return Unreachable(f"nobody answers at {self._where} ({told})")

    @property
    def _forbidden(self) -> bool:
        return "permissions" in self._told.lower()

    async def _has_durable(self) -> bool:
        try:
            await self._js.consumer_info(STREAM, self._durable, timeout=2)
        except (nats.js.errors.Error, nats.errors.Error, TimeoutError):
            return False
        return True

    @property
    def _durable(self) -> str:
        return f"receipts-{self._provider}"

    async def close(self) -> None:
        """Let go of the connection."""
        await ended(self._tasks)
        self._tasks = []
        await self._nats.close()

    def check(self) -> None:
        """Whether the connection still stands.

        Raises:
            Unreachable: it does not, or receipts can no longer be fetched.
        """
        if not self._nats.is_connected or any(task.done() for task in self._tasks):
            raise Unreachable(f"the connection to {self._where} broke ({self._told or 'closed'})")

    async def hand_over(self, letters: Sequence[Letter]) -> list[tuple[Letter, str]]:
        """Publish one message, or a batch of them, and wait until INBOX has it on disk.

        Raises:
            Unreachable: it does not take it now.
        """
        token = str(uuid4())
        self._sent[token] = letters
        while len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)
        one = letters[0]
        body = one.body if len(letters) == 1 else b"[" + b",".join(letter.body for letter in letters) + b"]"
        headers = {DELIVERY: token, "Content-Type": CONTENT_TYPE if len(letters) == 1 else BATCH_CONTENT_TYPE}
        subject = f"inbox.{self._ward}.{self._provider}.{service_of(one)}.{one.type.replace('.', '-')}"
        try:
            await self._js.publish(subject, body, stream="INBOX", headers=headers)
        except nats.js.errors.APIError as error:
            if error.err_code == TOO_LARGE:
                return [(letter, f"too large for the server: {len(body)} bytes") for letter in letters]
            if error.err_code in INBOX_FULL:
                raise Unreachable("the inbox is full: the ward's services do not keep up, or do not run") from error
            raise self._unreachable(error) from error
        except nats.errors.MaxPayloadError:
            return [(letter, f"too large for the server: {len(body)} bytes") for letter in letters]
        except (OSError, nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise self._unreachable(error) from error
        return []

    def _unreachable(self, error: Exception) -> Unreachable:
        advice = f"; {WHOSE}" if self._forbidden else ""
        return Unreachable(f"{self._where} does not take messages ({self._told or _named(error)}){advice}")

    async def _follow(self) -> None:
        """Fetch receipts from the durable; each is acknowledged when it is on disk here."""
        subscription = await self._js.pull_subscribe_bind(consumer=self._durable, stream=STREAM)
        while True:
            try:
                messages = await subscription.fetch(batch=50, timeout=TIMEOUT)
            except (nats.errors.TimeoutError, TimeoutError):
                continue
            for message in messages:
                await self._on_message(message)
                await message.ack()

    async def _on_message(self, message: Msg) -> None:
        try:
            receipts = msgspec.json.decode(message.data, type=list[Receipt])
        except (ValueError, RecursionError):
            return  # None of ours; what it was about is sent again.
        await self._heard([self._matched(receipt) for receipt in receipts])

    def _matched(self, receipt: Receipt) -> Answer:
        letters = self._sent.get(receipt.delivery or "", ())
        if len(letters) == 1:
            return receipt, letters[0]
        named = (letter for letter in letters if (letter.source, letter.id) == (receipt.source, receipt.id))
        return receipt, next(named, None)


def _named(error: BaseException) -> str:
    return str(error) or type(error).__name__
