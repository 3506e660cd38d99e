"""`yoake feed`: a JSON Lines file of messages, sent as an adapter would, with its receipts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.output import out
from events.adapter import Adapter
from events.messages import Receipt
from events.seal import public_key

Line = dict[str, Any] | bytes


class FeedError(ValueError):
    """A file that cannot be fed; says which and why."""


def read_lines(paths: Sequence[Path]) -> list[tuple[str, Line]]:
    """(where it stands, the message) of every line; a line that is no JSON object is kept as it is.

    Raises:
        FeedError: a file that is not there, cannot be read, or in which no line is a JSON object.
    """
    return [line for path in paths for line in _read(path)]


def _read(path: Path) -> list[tuple[str, Line]]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise FeedError(f"{path}: no such file; give the path of a JSON Lines file") from error
    except OSError as error:
        raise FeedError(f"{path}: {error.strerror}; give a file that you may read") from error
    lines = [
        (f"{path}:{number}", message)
        for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1)
        if line.strip()
        for message in _messages(line)
    ]
    if lines and all(isinstance(line, bytes) for _, line in lines):
        raise FeedError(
            f"{path}: not JSON Lines: no line is a JSON object. One CloudEvent a line is accepted; see events/README.md"
        )
    return lines


def _messages(line: bytes) -> list[Line]:
    """The messages of a line: one, or those of a JSON list; a line that is neither stays as it is."""
    try:
        found = msgspec.json.decode(line)
    except (ValueError, RecursionError):  # A DecodeError is one; so is a number of 5,000 digits.
        return [line]
    several = found if isinstance(found, list) and found else [found]
    return several if all(isinstance(message, dict) for message in several) else [line]


class Summary(msgspec.Struct):
    """What became of a feed, for people and for programs."""

    messages: int = 0
    accepted: int = 0
    known: int = 0
    waiting: int = 0
    conflict: int = 0
    parked: int = 0
    flagged: int = 0
    flags: dict[str, int] = {}
    receipts: list[dict[str, Any]] = []

    @property
    def clean(self) -> bool:
        """Whether nothing needs a person."""
        return self.conflict == self.parked == 0


def feed(url: str, ward: str, provider: str, key: bytes, lines: Sequence[tuple[str, Line]], *, quiet: bool) -> Summary:
    """Send lines as a provider and gather their receipts, with a progress bar unless quiet.

    Raises:
        events.adapter.NotSent: see there.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("Sent and answered / 送信・受付", total=len(lines))
        answered: set[int] = set()

        def on_receipt(n: int, _: Receipt) -> None:
            if n not in answered:
                answered.add(n)
                progress.advance(task)

        receipts = asyncio.run(_send(url, ward, provider, key, lines, on_receipt))
    return _summary(lines, receipts)


async def _send(
    url: str, ward: str, provider: str, key: bytes, lines: Sequence[tuple[str, Line]], on_receipt: Any
) -> dict[int, Receipt]:
    async with Adapter(url, ward, provider, public_key(key)) as adapter:
        return await adapter.send([line for _, line in lines], on_receipt)


def _summary(lines: Sequence[tuple[str, Line]], receipts: dict[int, Receipt]) -> Summary:
    counts = Counter(receipt.status for receipt in receipts.values())
    flags = Counter(str(flag["code"]) for receipt in receipts.values() for flag in receipt.flags)
    return Summary(
        messages=len(lines),
        accepted=counts["accepted"],
        known=counts["known"],
        waiting=counts["waiting"],
        conflict=counts["conflict"],
        parked=counts["parked"],
        flagged=sum(bool(receipt.flags) and receipt.status == "accepted" for receipt in receipts.values()),
        flags=dict(sorted(flags.items())),
        receipts=[{"line": lines[n][0], **msgspec.to_builtins(receipt)} for n, receipt in sorted(receipts.items())],
    )


def print_summary(summary: Summary) -> None:
    """What became of a feed, and everything that a person should look at."""
    counts = (
        f"{summary.accepted} accepted ({summary.flagged} flagged), {summary.known} already known",
        f"{summary.waiting} waiting, {summary.conflict} in conflict, {summary.parked} parked",
    )
    out.print(f"{summary.messages} messages: {', '.join(counts)}", soft_wrap=True)
    for code, count in summary.flags.items():
        out.print(f"  flagged {code}: {count}", markup=False)
    for receipt in summary.receipts:
        if receipt["status"] in ("waiting", "conflict", "parked"):
            out.print(
                f"  {receipt['line']}: {receipt['status']}: {receipt.get('reason')}", markup=False, soft_wrap=True
            )
    if not summary.clean:
        out.print("Parked and conflicting messages are kept; mend them and feed them again.", style="bold")
