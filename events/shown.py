"""What `yoake-adapter` prints: Japanese, or English; and it ends quietly where nobody reads on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

from events.japanese import in_japanese
from events.messages import Receipt
from events.outbox import Entry

STATUSES = {
    "pending": ("未送信", "not sent, or without a receipt yet"),
    "waiting": ("受付済み（関係する記録の到着待ち）", "heard; waits for something not heard of yet"),
    "parked": ("要確認データ", "parked: mend it and put it again under the same id"),
    "conflict": ("同じ番号で内容の違う記録", "in conflict: the same id came with other content"),
    "problem": ("読み取れません", "not read by the other side"),
    "accepted": ("受け付けました", "accepted"),
    "known": ("受信済み（件数は増えません）", "already known"),
}
VERDICTS = {
    "complete": ("すべて届いています", "complete"),
    "gaps": ("未着があります", "gaps"),
    "not-proved": ("未確認", "not proved"),
}


class Shown:
    """Prints each line in the language that was asked for."""

    def __init__(self, lang: str) -> None:
        self._english = lang == "en"

    def __call__(self, japanese: str, english: str) -> None:
        """A line of what was asked for."""
        write((english if self._english else japanese) + "\n")

    def warn(self, japanese: str, english: str) -> None:
        """A line beside it, on standard error."""
        write((english if self._english else japanese) + "\n", sys.stderr)

    def fault(self, text: str, before: str = "") -> None:
        """What is wrong, on standard error, behind what it is about."""
        self.warn(before + in_japanese(text), before + text)

    def word(self, words: tuple[str, str]) -> str:
        """One of the two."""
        return words[self._english]

    def receipt(self, receipt: Receipt) -> None:
        """What became of a message, and under it what somebody should look at."""
        said = self._status(receipt.status)
        numbers, reason = ", ".join(receipt.number), f": {receipt.reason}" if receipt.reason else ""
        self(
            f"{receipt.source} {receipt.id}: {said}"
            + (f"（受付番号 {numbers}）" if numbers else "")
            + in_japanese(reason),
            f"{receipt.source} {receipt.id}: {said}" + (f" (reference number {numbers})" if numbers else "") + reason,
        )
        self._flags(receipt.flags, indent="  ")

    def entry(self, entry: Entry) -> None:
        """A message of the outbox, with what is to be said of it."""
        why = "; ".join(filter(None, (entry.reason, entry.note)))
        said, why = self._status(entry.status), f": {why}" if why else ""
        self(
            f"  {entry.source} {entry.sequence}番 {entry.id} {entry.type}: {said}{in_japanese(why)}",
            f"  {entry.source} {entry.sequence} {entry.id} {entry.type}: {said}{why}",
        )
        self._flags(entry.flags, indent="    ")

    def _status(self, status: str) -> str:
        return self.word(STATUSES.get(status, (status, status)))

    def _flags(self, flags: Iterable[Mapping[str, str | None]], indent: str) -> None:
        for flag in flags:
            code, field, accepted = (flag.get(name) for name in ("code", "field", "accepted"))
            place = f": {field}" if field else ""
            self(
                f"{indent}確認事項 {code}{place}" + (f"（使えるもの：{in_japanese(accepted)}）" if accepted else ""),
                f"{indent}flag {code}{place}" + (f"; accepted: {accepted}" if accepted else ""),
            )


def write(text: str, stream: TextIO | None = None) -> None:
    """Write to standard output, or to this stream; where nobody reads any more, what follows goes nowhere."""
    stream = stream or sys.stdout
    try:
        stream.write(text)
    except BrokenPipeError:
        _nowhere(stream)


def finish() -> None:
    """Hand over what is still to be written, before Python does and complains."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _nowhere(sys.stdout)


def _nowhere(stream: TextIO) -> None:
    """What was begun is done all the same: a `send` whose reader has left still sends, and keeps its status."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
