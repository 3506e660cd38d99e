"""The desk for parked messages (要確認データ) of a data directory: what is decided there, sent with the adapter kit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from deploy.datadir import DataDirectory
from deploy.opened import Opened
from events.adapter import Adapter
from events.messages import Receipt
from events.seal import public_key
from services import parked_desk
from services.clock import system_clock
from services.database import open_engine
from services.parked_content import Content
from services.parked_desk import DONE, ParkedError
from services.seal import Secrets

TOGETHER = 100
"""Messages that travel as one batch."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a mended or resent message. `next`: numbers parked later, about the same, to be sent again now."""

    receipts: list[Receipt]
    closed: bool
    next: list[str] = []

    @property
    def done(self) -> bool:
        """Whether nothing of it needs a person any more."""
        return self.closed and all(receipt.status in DONE for receipt in self.receipts)


class ParkedDesk(parked_desk.ParkedDesk):
    """The parked rows of the three services. `books` are for looking alone."""

    def __init__(self, data: DataDirectory, books: Opened) -> None:
        super().__init__({name: journal.engine for name, journal in books.writers.items()}, self._keys)
        self._data, self._books = data, books

    def _keys(self) -> Secrets:
        if not (self._data / "keys" / "master.key").exists():
            place = self._data / "keys"
            raise ParkedError(
                f"{place} holds no master.key: only the machine with the keys can open this",
                f"{place} に master.key がありません。鍵のある機械でだけ開けます",
                "keys",
            )
        return Secrets.at(self._data / "keys")

    def mend(self, number: str, text: str) -> Outcome:
        """Send a mended copy, as the same provider, under the same id.

        Raises:
            ParkedError: it was settled already; it is not JSON, or another message, or cannot mend what is wrong.
            events.adapter.NotSent: it could not be handed over.
        """
        self.check_open(number)
        return self._sent(number, self.mended(number, text))

    def resend(self, number: str) -> Outcome:
        """Send what was parked again as it is.

        Raises:
            ParkedError: it was settled already; it cannot be read, or is a conflict: it would only be parked again.
            events.adapter.NotSent: it could not be handed over.
        """
        self.check_open(number)
        return self._sent(number, self.resent(number))

    def close(self, number: str, reason: str, by: str | None = None) -> Receipt:
        """Let what was parked stay as it is; `reason` and `by` are sealed unless `reason` is a short code.

        Raises:
            ParkedError: there is none, or it is closed already.
            events.adapter.NotSent: it could not be handed over.
        """
        self.check_open(number)
        return self._close(number, reason, by)

    def close_all(
        self, numbers: Sequence[str], reason: str, by: str | None, progress: Callable[[int], None]
    ) -> dict[str, Receipt]:
        """Let all of these stay as they are, for one reason; `progress` is told how many more are done.

        Raises:
            ParkedError: the keys are not here, or Yoake does not run.
            events.adapter.NotSent: it could not be handed over; what was closed stays so.
        """
        done: dict[str, Receipt] = {}
        senders: dict[str, list[str]] = {}
        for number in numbers:
            senders.setdefault(self._closer(number), []).append(number)
        for sender, own in senders.items():
            for start in range(0, len(own), TOGETHER):
                some, now = own[start : start + TOGETHER], system_clock()
                receipts = self._deliver(sender, [self.closing(number, reason, now, by) for number in some])
                done.update(zip(some, receipts, strict=True))
                progress(len(some))
        return done

    def in_clear(self, number: str) -> tuple[Content, dict[str, Any]]:
        """What was parked, unsealed, and the words with which it was closed: `reason` and `by`, as far as given.

        Raises:
            ParkedError: there is none, or the keys are not here.
        """
        content = self.content(number)
        keys = open_engine(self._books.settings.database_of("keys"))
        try:
            return content, self.closing_words(number, keys)
        finally:
            keys.dispose()

    def check_open(self, number: str) -> None:
        """Raise ParkedError where nothing is left to be done about it, or there is none."""
        state = self.one(number).state
        if state != "open":
            done = "直して再送済みです" if state == "mended" else "閉じてあります"
            raise ParkedError(
                f"{number}: {state} already; `yoake parked show {number}` says when and why",
                f"{number}：すでに{done}。いつ、なぜかは `yoake parked show {number}` で分かります",
                "settled",
            )

    def _sent(self, number: str, messages: Sequence[dict[str, Any]]) -> Outcome:
        later = self.later(number)
        receipts = self._deliver(self.one(number).provider, messages)
        if not all(receipt.status in DONE for receipt in receipts):
            return Outcome(receipts, closed=False)
        if self.is_left(number, receipts):
            self._close(number, "mended", None)
        return Outcome(receipts, closed=True, next=later)

    def _close(self, number: str, reason: str, by: str | None) -> Receipt:
        return self._deliver(self._closer(number), [self.closing(number, reason, system_clock(), by)])[0]

    def _closer(self, number: str) -> str:
        """Who closes it: whoever sent it, or for somebody whom the ward does not know its first provider."""
        provider, ward = self.one(number).provider, self._ward()
        return provider if ward.provider_of(provider) is not None else str(ward.provider[0].id)

    def _deliver(self, provider: str, messages: Sequence[dict[str, Any]]) -> list[Receipt]:
        """The one place that sends."""
        running = self._data.running()
        if running is None:
            raise ParkedError(
                f"Yoake does not run on {self._data.path}: start it with `yoake up`, or give --data",
                f"{self._data.path} のYoakeが動いていません。`yoake up` で始めるか、--data を指定してください",
            )
        key = public_key((self._data / "keys" / "inbox.pub.jwk").read_bytes())

        async def send() -> dict[int, Receipt]:
            async with Adapter(running.nats, self._books.ward, provider, key) as adapter:
                return await adapter.send(list(messages), lambda _, __: None, together=TOGETHER)

        receipts = asyncio.run(send())
        return [receipts[n] for n in sorted(receipts)]

    def _ward(self) -> Any:
        ward = self._books.inquiry.ward()
        if ward is None:
            raise ParkedError("no ward's file is in force yet", "区の設定がまだ適用されていません")
        return ward
