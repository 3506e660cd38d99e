"""What `yoake backup` and `yoake restore` show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.backup import Advance, back_up
from deploy.manifest import Manifest
from deploy.output import err, out
from deploy.restore import Restored, check, restore

__all__ = ["back_up", "check", "print_backup", "print_check", "print_restored", "progress", "restore"]


@contextmanager
def progress(words: str, *, quiet: bool) -> Iterator[Callable[[int], Advance]]:
    """A bar on standard error, in rows, unless quiet."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as shown:

        def begin(total: int) -> Advance:
            task = shown.add_task(words, total=total)
            return lambda more: shown.advance(task, more)

        yield begin


def print_backup(directory: Path, made: Manifest) -> None:
    """What is in the backup, and what to do with it."""
    logs = ", ".join(f"{name} {log.position}" for name, log in made.logs.items())
    out.print(f"{directory}: {logs}; {made.inbox} messages in INBOX. Root {made.root}", markup=False, soft_wrap=True)
    for name in made.left_out:
        err.print(f"NOT in the backup: the table {name}, which this release does not know", markup=False)
    if made.keys:
        err.print(
            "The KEYS are in it: whoever has this directory can read everything personal. Keep it as you keep "
            "the data itself, or use --without-keys. / 鍵も入っています。個人情報と同じく厳重に保管してください。",
            markup=False,
        )
    else:
        err.print(
            "The keys are NOT in it: without a copy of the keys directory nothing personal can be read again. / "
            "鍵は入っていません。鍵のディレクトリーを別に保管してください。",
            markup=False,
        )
    out.print(f"Check it with `yoake backup --check {directory}`.", markup=False, soft_wrap=True)


def print_check(checked: dict[str, Any]) -> None:
    """Each fault, or that there is none."""
    for fault in checked["faults"]:
        out.print(fault, markup=False, soft_wrap=True)
    count = len(checked["faults"])
    verdict = f"{count} faults: take another backup" if count else "whole, and everything in it agrees"
    out.print(f"{checked['directory']}: {verdict}.", markup=False, soft_wrap=True)


def print_restored(data: Path, done: Restored) -> None:
    """What was restored, what may be missing, and what to do next."""
    epochs = ", ".join(f"{name} {epoch}" for name, epoch in done.epochs.items())
    out.print(f"Restored into {data}: ledger 1 to {done.position}, root {done.root}", markup=False, soft_wrap=True)
    out.print(f"A new epoch begins: {epochs}. {done.inbox} messages are in INBOX again.", markup=False, soft_wrap=True)
    since, until = _utc(done.missing_from), _utc(done.missing_until)
    out.print(
        f"{since}から{until}までに届いた記録は、復元したデータに含まれていない可能性があります。送信元に再送を依頼してください。",
        soft_wrap=True,
    )
    out.print(
        f"Records received from {since} to {until} may be missing. Ask the senders to send them again: "
        "what is there already counts once.",
        soft_wrap=True,
    )
    out.print(f"Start it with `yoake up --data {data}`, then `yoake verify --data {data}`.", markup=False)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
