"""The adapter kit: messages in, receipts out, as one provider, over NATS.

Personal parts are sealed before they leave. A message whose receipt does not come is sent again:
the same (source, id) is heard once, however often it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast
from uuid import uuid4

import msgspec
import nats
import nats.errors
import nats.js.errors
from joserfc.jwk import ECKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from events import BATCH_CONTENT_TYPE, CONTENT_TYPE
from events.messages import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_MESSAGE_BYTES, MESSAGES, Receipt, addressed
from events.seal import sealed as sealed

DELIVERY = "Yoake-Delivery"
WINDOW = 256
STORING = 5.0
"""Seconds given to the server to say that a message is stored."""

QUIET = 5.0
"""Seconds without any receipt after which what has none is sent again."""

TRIES = 6
SETTLING = 3.0
"""Seconds given to messages that wait for something, after everything else has its receipt."""

CONNECTING = 5.0
"""Seconds after which nobody answers at an address."""

INBOX_FULL = (10047, 10077)

OnReceipt = Callable[[int, Receipt], None]
"""(which of the messages, its receipt); called again where a waiting message went on."""


class NotSent(RuntimeError):
    """Messages could not be handed over; nothing that has a receipt is lost. Says why and what to do."""


class _Ready(NamedTuple):
    """A message as it travels: its place in the list, its address, its bytes, and its (source, id) if it has both."""

    n: int
    service: str
    name: str
    body: bytes
    own: tuple[str, str] | None


class Adapter:
    """Sends as one provider. Use it as an asynchronous context."""

    def __init__(self, url: str, ward: str, provider: str, key: ECKey | None = None) -> None:
        """`key` is the ward's public inbox key; without it personal parts go as they are, and get flagged."""
        self._url, self._ward, self._provider, self._key = url, ward, provider, key
        self._where = f"nats://{url.rpartition('://')[2].rpartition('@')[2]}"
        self._refused = ""

    async def __aenter__(self) -> Adapter:
        """Connect and listen for receipts.

        Raises:
            NotSent: nobody answers at the address.
        """

        async def note(error: Exception) -> None:
            """What fails is seen where it is awaited; but what is not allowed looks there like no answer."""
            if "violation" in str(error).lower():
                self._refused = str(error)

        once = Client()
        try:  # Once only at first: a client that reconnects for ever never says that it cannot.
            await once.connect(
                self._url,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=note,
                connect_timeout=3,
            )
            self._nats: Client = await nats.connect(
                self._url, max_reconnect_attempts=-1, error_cb=note, connect_timeout=3
            )
        except (OSError, nats.errors.Error) as error:
            if self._refused or "authorization" in str(error).lower():
                raise NotSent(
                    f"these credentials are not in force at {self._where}: ask the ward for others"
                ) from error
            raise NotSent(f"nobody answers at {self._where}: start Yoake with `yoake up`") from error
        finally:
            await once.close()
        self._waiting: dict[str, dict[tuple[str, str] | None, int]] = {}
        self._receipts: dict[int, Receipt] = {}
        self._heard = asyncio.Event()
        await self._nats.subscribe(f"receipts.{self._ward}.{self._provider}", cb=self._on_receipt)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._nats.close()

    async def send(
        self, messages: Sequence[dict[str, Any] | bytes], on_receipt: OnReceipt, *, together: int = 1
    ) -> dict[int, Receipt]:
        """Send messages and gather their receipts, by their place in the list.

        `together`: how many, up to 1,000, may travel as one CloudEvents batch, which INBOX syncs once.

        A `bytes` message goes as it is: what cannot be read is parked on the other side, not lost here.
        Returns when each has a receipt and what waits has had a while to go on.

        Raises:
            NotSent: INBOX is full, or receipts did not come however often we asked; the receipts that
                came are with `on_receipt`.
        """
        self._on, self._messages, self._together = on_receipt, messages, together
        await self._hand_over(range(len(messages)))
        for _ in range(TRIES):
            await self._until(lambda: len(self._receipts) == len(messages), QUIET)
            missing = [n for n in range(len(messages)) if n not in self._receipts]
            if not missing:
                break
            await self._hand_over(missing)
        else:
            raise NotSent(
                f"{len(missing)} of {len(messages)} messages have no receipt yet. They are safe where they are queued; "
                "look at `yoake status`, and send the same file again: nothing is counted twice"
            )
        await self._until(lambda: not self._unsettled(), SETTLING)
        return dict(self._receipts)

    def _unsettled(self) -> bool:
        return any(receipt.status == "waiting" for receipt in self._receipts.values())

    async def _until(self, done: Callable[[], bool], quiet: float) -> None:
        """Wait until it is done, or until nothing was heard for a while."""
        while not done():
            self._heard.clear()
            try:
                async with asyncio.timeout(quiet):
                    await self._heard.wait()
            except TimeoutError:
                return

    async def _hand_over(self, which: Sequence[int]) -> None:
        js, letters = self._nats.jetstream(timeout=STORING), self._letters(which)
        while window := list(islice(letters, WINDOW)):
            sent = [asyncio.ensure_future(self._publish(js, letter)) for letter in window]
            try:
                await asyncio.gather(*sent)
            finally:
                for future in sent:
                    future.cancel()

    def _letters(self, which: Sequence[int]) -> Iterator[list[_Ready]]:
        """What travels together, in order: to one service, no name twice, and no larger than a batch may be."""
        letter: list[_Ready] = []
        size = 0
        names: set[tuple[str, str] | None] = set()
        for n in which:
            ready = self._ready(n)
            if letter and (
                len(letter) >= self._together
                or ready.service != letter[0].service
                or None in (ready.own, letter[0].own)
                or ready.own in names
                or size + len(ready.body) > MAX_BATCH_BYTES - MAX_BATCH_ITEMS
            ):
                yield letter
                letter, size, names = [], 0, set()
            letter.append(ready)
            size += len(ready.body)
            names.add(ready.own)
        if letter:
            yield letter

    def _ready(self, n: int) -> _Ready:
        message = self._messages[n]
        service, name = _address(message)
        body = message if isinstance(message, bytes) else msgspec.json.encode(sealed(message, self._key))
        if len(body) > MAX_MESSAGE_BYTES:
            raise NotSent(f"message {n + 1} has {len(body)} bytes; up to {MAX_MESSAGE_BYTES} are accepted")
        own = () if isinstance(message, bytes) else (message.get("source"), message.get("id"))
        named = bool(own) and all(isinstance(part, str) for part in own)
        return _Ready(n, service, name, body, cast("tuple[str, str]", own) if named else None)

    async def _publish(self, js: Any, letter: Sequence[_Ready]) -> None:
        first = letter[0]
        one = len(letter) == 1
        body = first.body if one else b"[" + b",".join(ready.body for ready in letter) + b"]"
        delivery = str(uuid4())
        self._waiting[delivery] = {ready.own: ready.n for ready in letter}
        subject = f"inbox.{self._ward}.{self._provider}.{first.service}.{first.name}"
        headers = {DELIVERY: delivery, "Content-Type": CONTENT_TYPE if one else BATCH_CONTENT_TYPE}
        last = ""
        for attempt in range(4):
            try:
                await js.publish(subject, body, stream="INBOX", headers=headers)
                return
            except nats.js.errors.APIError as error:
                if error.err_code in INBOX_FULL:
                    raise NotSent(
                        "the inbox is full: the services do not keep up, or do not run (`yoake status`). "
                        "What has a receipt is safe; send the same file again later"
                    ) from error
                raise NotSent(f"the server refuses: {error.description}") from error
            except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
                if self._refused:
                    raise NotSent(f"the server refuses: {self._refused}; send as the provider signed on as") from error
                last = str(error) or type(error).__name__
                await asyncio.sleep(0.5 * 2**attempt)
        why = f"nobody takes messages at {self._where} ({last})"
        raise NotSent(f"{why}: is Yoake running, and is there room on its disk? (`yoake status`)")

    async def _on_receipt(self, message: Msg) -> None:
        try:
            receipts = msgspec.json.decode(message.data, type=list[Receipt])
        except (ValueError, RecursionError):
            return  # Not receipts of ours; the messages are sent again if they were.
        for receipt in receipts:
            self._take(receipt)

    def _take(self, receipt: Receipt) -> None:
        sent = self._waiting.get(receipt.delivery or "", {})
        own = (receipt.source, receipt.id)
        n = next(iter(sent.values())) if len(sent) == 1 else sent.get(own)  # type: ignore[arg-type]  # None is no name.
        if n is None:
            n = self._by_name(receipt)
        if n is None:
            return
        before = self._receipts.get(n)
        if before is None or (before.status == "waiting" and receipt.status != "waiting"):
            self._receipts[n] = receipt
            self._heard.set()
            self._on(n, receipt)

    def _by_name(self, receipt: Receipt) -> int | None:
        """Which message a receipt is about that was given for another delivery: one that waited, and went on."""
        for n, before in self._receipts.items():
            if before.status == "waiting" and (before.source, before.id) == (receipt.source, receipt.id):
                return n
        return None


def _address(message: dict[str, Any] | bytes) -> tuple[str, str]:
    """(service, name as a subject token); what is unknown goes to intake, which parks it."""
    kind = MESSAGES.get(message["type"]) if isinstance(message, dict) and isinstance(message.get("type"), str) else None
    if kind is None or not isinstance(message, dict):
        return "intake", "unknown"
    return addressed(message), kind.name.replace(".", "-")
