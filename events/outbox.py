"""The outbox of an adapter: a file on its own disk that keeps every message until its receipt.

What `put` returned for is on disk, whatever happens next. Each message gets the next number of its
source, 1, 2, 3 …, which goes with it, so that a gap shows on the other side. Any number of processes
may put into one outbox; one at a time sends from it (`events.courier`). With the ward's key, personal
parts are sealed before they touch the disk.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from joserfc.jwk import ECKey

from events import SPECVERSION
from events.checking import NEVER_REFUSED, Unfit, as_name, told, too_large, usable_name, writable
from events.manifest import Range, merged
from events.messages import MESSAGES, MOST_CALLS, ParkedClose, Receipt, ShiftClose, addressed
from events.outbox_file import Busy, File, OutboxError, Write
from events.seal import sealed

__all__ = ["DONE", "Busy", "Entry", "Letter", "Outbox", "OutboxError", "Unfit"]

KEEP = timedelta(days=30)
"""How long what was answered keeps its content. Its name and number stay for ever."""

FURTHEST, MOST_RANGES = 10_000, 1_000
"""How many numbers a closing looks back, and how many ranges it may name."""

DONE = ("accepted", "known")
"""What a receipt says of a message that needs nothing more."""

_ENCODE = msgspec.json.Encoder().encode
_RECEIPT = msgspec.json.Decoder(Receipt).decode
_SORTED = msgspec.json.Encoder(order="sorted").encode


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the outbox as it is sent. `edition` counts how often it was mended, from 1."""

    n: int
    edition: int
    source: str
    id: str
    sequence: int
    type: str
    body: bytes


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that somebody may want to know about; never its content.

    `status`: `pending`, `problem` (the other side would not read it: `reason`), or what its receipt said.
    `note`: what was odd as it was put. `flags`: those of its receipt, for as long as that is kept.
    """

    source: str
    id: str
    sequence: int
    type: str
    status: str
    put: str
    tries: int = 0
    reason: str | None = None
    note: str | None = None
    flags: list[dict[str, str | None]] = []


class Outbox:
    """One adapter's outbox. Open it once for each process; safe from several threads."""

    def __init__(
        self,
        path: Path | str,
        *,
        source: str = "/adapter",
        key: ECKey | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        """Open the file, or begin it.

        `source`: for messages that name none. `key`: the ward's public inbox key; without it personal
        parts are kept and sent in clear, and get flagged.

        Raises:
            OutboxError: the file cannot be written, is no outbox, or is one of a later release.
        """
        self._source, self._key, self._clock = source, key, clock
        self._file = File(Path(path))
        self.sending = self._file.sending

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, message: dict[str, Any]) -> int:
        """Keep a message until its receipt; returns its number in its source's sequence. It is on disk then.

        Left out, `specversion`, `id`, `source` and `entered` (now) are filled in. The same message put
        again is there once. A parked one, or one with a problem, put again with other content under its
        own id, is mended and keeps its number. A call or a registration is kept whatever it looks like.

        Raises:
            events.checking.Unfit: any other message that could only be put aside; nothing is kept.
            OutboxError: the disk does not take it; nothing is kept.
        """
        return self.put_all([message])[0]

    def put_all(self, messages: Iterable[dict[str, Any]]) -> list[int]:
        """Keep messages, all of them or none, with one write to disk; as `put`."""
        ready = [self._ready(message) for message in messages]
        with self._file.writing() as write:
            return [self._keep(write, *one) for one in ready]

    def _ready(self, message: dict[str, Any]) -> tuple[dict[str, Any], bytes, list[str]]:
        """What will be sent, but for its number; the digest of what was put; what is odd about it."""
        given, odd = writable(message)
        given = {name: value for name, value in given.items() if value is not None and name != "sequence"}
        digest = hmac.digest(self._file.secret, _SORTED(given), "sha256")[:16]
        filled = {"specversion": SPECVERSION, "id": str(uuid4()), "source": self._source} | given
        filled.setdefault("entered", self._now())
        odd += told(filled)
        if odd and filled.get("type") not in NEVER_REFUSED:
            raise Unfit("; ".join(odd))
        filled |= {name: as_name(filled[name]) for name in ("id", "source") if not usable_name(filled[name])}
        return sealed(filled, self._key), digest, odd

    def _keep(self, write: Write, message: dict[str, Any], digest: bytes, odd: list[str]) -> int:
        source, name, kind = message["source"], message["id"], message["type"]
        same = write("SELECT * FROM outbox WHERE source = ? AND id = ? ORDER BY n", (source, name)).fetchall()
        if there := next((row for row in same if row["digest"] == digest), None):
            return int(there["sequence"])
        mended = same[-1] if same and same[-1]["status"] in ("parked", "problem") else None
        sequence = int(mended["sequence"]) if mended else _next(write, source)
        body = _ENCODE({**message, "sequence": sequence})
        large = too_large(body)
        if large and kind not in NEVER_REFUSED:
            raise Unfit("; ".join(large))
        values = {"type": kind, "digest": digest, "body": body, "note": "; ".join([*odd, *large]) or None}
        if mended:
            put = (
                "UPDATE outbox SET type = :type, digest = :digest, body = :body, note = :note, edition = edition + 1,"
                " tries = 0, status = 'pending', settled = NULL, reason = NULL, receipt = NULL WHERE n = :n"
            )
            write(put, values | {"n": mended["n"]})
        else:
            put = (
                "INSERT INTO outbox (source, id, sequence, type, digest, body, put, note)"
                " VALUES (:source, :id, :sequence, :type, :digest, :body, :put, :note)"
            )
            write(put, values | {"source": source, "id": name, "sequence": sequence, "put": self._now()})
        return sequence

    def close_night(self, night: date | None = None, *, calls: int | None = None) -> int:
        """Keep a `shift.close` with the last number that was given under this outbox's own source; returns that number.

        `night`: the day on which it began; left out, the one that it is now, or that ended last. `calls`: how many you
        count yourself. Which numbers went to other services than intake is filled in.

        Raises:
            events.checking.Unfit: the night has not begun yet by this machine's day, or so many calls cannot have been;
                nothing is kept.
            OutboxError: the disk does not take it; nothing is kept.
        """
        today = self._clock().date()
        if night is not None and night > today:
            raise Unfit(f"night: {night} has not begun yet; accepted: the day on which a night began, up to {today}")
        if calls is not None and not 0 <= calls <= MOST_CALLS:
            raise Unfit(
                f"calls: {calls} is no count of a night's calls; accepted: a whole number from 0 to {MOST_CALLS}"
            )
        with self._file.writing() as write:
            row = write("SELECT last FROM series WHERE source = ?", (self._source,)).fetchone()
            last = int(row["last"]) if row else 0
            said = {"night": night, "last": last, "calls": calls, "elsewhere": _elsewhere(write, self._source, last)}
            data = {name: value for name, value in said.items() if value not in (None, [])}
            self._keep(write, *self._ready({"type": ShiftClose.name, "time": self._now(), "data": data}))
        return last

    def begin_after(self, source: str, last: int) -> None:
        """Let a source's numbers go on after `last`: for an outbox that was lost and is begun anew.

        Raises:
            OutboxError: this outbox has already given a number beyond it.
        """
        with self._file.writing() as write:
            row = write("SELECT last FROM series WHERE source = ?", (source,)).fetchone()
            if row and row["last"] > last:
                raise OutboxError(f"{source} has come to {row['last']} here, beyond {last}: leave it as it is")
            write("INSERT OR REPLACE INTO series VALUES (?, ?)", (source, last))

    def pending(self, after: int = 0, limit: int = -1, *, status: str = "pending") -> list[Letter]:
        """What has no receipt yet, or this status, in the order of putting; behind the message `after`."""
        asked = "SELECT * FROM outbox WHERE status = ? AND n > ? AND body IS NOT NULL ORDER BY n LIMIT ?"
        names = Letter.__struct_fields__
        return [Letter(**{name: row[name] for name in names}) for row in self._file.read(asked, status, after, limit)]

    @property
    def waiting(self) -> list[Entry]:
        """What is heard, and waits for something that the ward has not heard of yet."""
        return self.entries("waiting")

    @property
    def parked(self) -> list[Entry]:
        """What a person must look at: parked, in conflict, or not readable for the other side."""
        return self.entries("parked", "conflict", "problem")

    def entries(self, *statuses: str) -> list[Entry]:
        """Messages with one of these statuses, in their order, without their content."""
        marks = ", ".join("?" for _ in statuses)
        asked = f"SELECT * FROM outbox WHERE status IN ({marks}) ORDER BY n"  # noqa: S608  (question marks)
        return [_entry(row) for row in self._file.read(asked, *statuses)]

    @property
    def flagged(self) -> list[Entry]:
        """What was accepted, and has flags that somebody should look at; for as long as its receipt is kept."""
        asked = "SELECT * FROM outbox WHERE body IS NOT NULL AND status IN ('accepted', 'known') ORDER BY n"
        return [entry for entry in map(_entry, self._file.read(asked)) if entry.flags]

    def counts(self) -> dict[str, int]:
        """How many messages have each status."""
        asked = "SELECT status, count(*) AS many FROM outbox GROUP BY status ORDER BY status"
        return {row["status"]: row["many"] for row in self._file.read(asked)}

    def sources(self) -> dict[str, int]:
        """The last number that each source has given."""
        return {row["source"]: row["last"] for row in self._file.read("SELECT * FROM series ORDER BY source")}

    def handing_over(self, letters: Sequence[Letter]) -> None:
        """Note, before they leave, that these are sent once more."""
        with self._file.writing() as write:
            for letter in letters:
                write("UPDATE outbox SET tries = tries + 1 WHERE n = ?", (letter.n,))

    def settled(self, receipt: Receipt, letter: Letter | None = None) -> bool:
        """Take a receipt down; whether it was news. `letter`: the sending that it answers, where that is known."""
        return self.settle([(receipt, letter)]) > 0

    def settle(self, receipts: Iterable[tuple[Receipt, Letter | None]]) -> int:
        """Take receipts down with one write to disk; how many were news."""
        news = 0
        with self._file.writing() as write:
            for receipt, letter in receipts:
                row = _answered(write, receipt, letter)
                if row is None or row["status"] == receipt.status or {row["status"], receipt.status} <= set(DONE):
                    continue
                news += 1
                write(
                    "UPDATE outbox SET status = ?, settled = ?, reason = ?, receipt = ? WHERE n = ?",
                    (receipt.status, self._utc(), receipt.reason, _ENCODE(receipt), row["n"]),
                )
        return news

    def problem(self, letter: Letter, reason: str) -> None:
        """The other side would not even read it: it is kept, and tried again when sending begins anew."""
        noted = "UPDATE outbox SET status = 'problem', reason = ? WHERE n = ? AND edition = ? AND status = 'pending'"
        with self._file.writing() as write:
            write(noted, (reason, letter.n, letter.edition))

    def try_again(self) -> None:
        """Let messages with a problem be sent again."""
        with self._file.writing() as write:
            write("UPDATE outbox SET status = 'pending' WHERE status = 'problem'")

    def send_again(self, source: str, numbers: Iterable[int]) -> list[int]:
        """Let these numbers of a source be sent again; returns those whose content is still here."""
        again = "UPDATE outbox SET status = 'pending' WHERE source = ? AND sequence = ? AND body IS NOT NULL"
        with self._file.writing() as write:
            return [number for number in numbers if write(again, (source, number)).rowcount]

    def prune(self, keep: timedelta = KEEP) -> int:
        """Let go of the content of what was answered so long ago; of how many. Names and numbers stay."""
        gone = (
            "UPDATE outbox SET body = NULL, receipt = NULL, note = NULL"
            " WHERE body IS NOT NULL AND status IN ('accepted', 'known') AND settled < ?"
        )
        with self._file.writing() as write:
            return write(gone, (self._utc(keep),)).rowcount

    def _now(self) -> str:
        return self._clock().isoformat(timespec="seconds")

    def _utc(self, ago: timedelta = timedelta()) -> str:
        return (self._clock() - ago).astimezone(UTC).isoformat(timespec="seconds")


def _entry(row: sqlite3.Row) -> Entry:
    names = (name for name in Entry.__struct_fields__ if name != "flags")
    flags = _RECEIPT(row["receipt"]).flags if row["receipt"] else []
    return Entry(**{name: row[name] for name in names}, flags=flags)


def _elsewhere(write: Write, source: str, last: int) -> list[Range]:
    """Ranges of numbers that other services than intake got; the newest, as far back as a night can be."""
    asked = "SELECT sequence, type, body FROM outbox WHERE source = ? AND sequence > ? AND sequence <= ?"
    rows = write(asked, (source, last - FURTHEST, last)).fetchall()
    return merged((row["sequence"],) * 2 for row in rows if _service_of(row) != ShiftClose.service)[-MOST_RANGES:]


def _service_of(row: sqlite3.Row) -> str:
    kind = MESSAGES.get(row["type"])
    if kind is ParkedClose and row["body"]:
        return addressed(msgspec.json.decode(row["body"]))
    return kind.service if kind else ShiftClose.service  # What is unknown goes to intake.


def _next(write: Write, source: str) -> int:
    counted = "INSERT INTO series VALUES (?, 1) ON CONFLICT (source) DO UPDATE SET last = last + 1 RETURNING last"
    return int(write(counted, (source,)).fetchone()[0])


def _answered(write: Write, receipt: Receipt, letter: Letter | None) -> sqlite3.Row | None:
    """The message that a receipt is about, as it is now.

    A receipt for a sending of ours is about that edition of that message. One without, such as of a
    message that had waited, goes by (source, id), if that is one message only, which was sent; what was
    mended since is not parked by an old receipt.
    """
    if letter is not None:
        exact = "SELECT * FROM outbox WHERE n = ? AND edition = ?"
        row: sqlite3.Row | None = write(exact, (letter.n, letter.edition)).fetchone()
        return None if row is None or (row["status"] in DONE and receipt.status == "waiting") else row
    named = "SELECT * FROM outbox WHERE source = ? AND id = ? AND tries > 0"
    rows = write(named, (receipt.source, receipt.id)).fetchall()
    if len(rows) != 1 or rows[0]["status"] in DONE:
        return None
    good = receipt.status in (*DONE, "waiting")
    return rows[0] if good or (rows[0]["edition"] == 1 and rows[0]["status"] != "parked") else None
