"""How far a service has come, noted outside its databases: so that one restored from an older copy is noticed.

A mark is a small file beside the keys. It names the last row of the service's log by its hash, how many
receipts it had written, and how many keys of persons there were: none of these ever falls. It is noted
every few seconds and at the end, never in the way of a commit; a copy older than that is noticed even
where EVENTS is gone and nobody else remembers.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from pathlib import Path

import msgspec
import sqlalchemy as sa

from services.journal import Journal
from services.seal import KEY_TABLES
from services.tables import RECEIPTS

EVERY = 5.0
"""Seconds between notes."""

log = logging.getLogger("yoake.mark")


class SetBack(RuntimeError):
    """A database is older than it was before: it was restored from an older copy, alone. Nothing goes on."""


class Noted(msgspec.Struct, frozen=True):
    """What a mark says: the log's last position and the SHA-256 of that row; receipts written; keys there were."""

    epoch: int
    position: int
    row: str
    receipts: int = 0
    keys: int = 0


class Mark:
    """The mark of one service. `keys` is the key store's engine, for the services that seal."""

    def __init__(self, directory: Path, journal: Journal, keys: sa.Engine | None = None) -> None:
        self.file = directory / f"{journal.service}.mark"
        self._journal, self._keys = journal, keys
        self._noted: Noted | None = None

    def faults(self) -> list[str]:
        """What is older than the mark says; empty where all is well, or nothing was noted yet."""
        noted = self._read()
        if noted is None:
            return []
        found, service, now = [], self._journal.service, self._now()
        rows = self._journal.read(noted.position - 1, 1) if noted.position else []
        if noted.position and (not rows or rows[0][0] != noted.position or _hash(rows[0][1]) != noted.row):
            found.append(
                f"the {service} log ends at {now.position}, and at {noted.position} it does not hold what it held"
            )
        elif now.receipts < noted.receipts:
            found.append(f"{service} had answered {noted.receipts} messages, and its database knows of {now.receipts}")
        if now.keys < noted.keys:
            found.append(f"the key store held {noted.keys} keys, and holds {now.keys}: some boxes have no key")
        return found

    def check(self) -> None:
        """Refuse a database that is older than it was.

        Raises:
            SetBack: it is; says what to do.
        """
        if found := self.faults():
            raise SetBack(
                f"{'; '.join(found)}: it was restored from an older copy. Put back a newer copy, or restore everything "
                "together with `yoake restore`; until then nothing is taken or published here. `yoake verify` names "
                f"what differs (noted in {self.file.name}; see docs/operations.md, One database set back)"
            )

    def note(self) -> None:
        """Note how far the service is now. A directory that cannot be written only weakens the check."""
        now = self._now()
        if now == self._noted:
            return
        try:
            _replace(self.file, msgspec.json.encode(now))
            self._noted = now
        except OSError as error:
            log.warning("%s cannot be written: %s; an older copy may go unnoticed", self.file.name, error.strerror)

    async def keep(self) -> None:
        """Note it again and again, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._journal.run(self.note)
            except sa.exc.SQLAlchemyError as error:
                log.warning("%s not noted now: %s", self.file.name, type(error).__name__)

    def _read(self) -> Noted | None:
        try:
            return msgspec.json.decode(self.file.read_bytes(), type=Noted)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return None  # None yet, or torn: the other checks remain.

    def _now(self) -> Noted:
        last = self._journal.last_position()
        rows = self._journal.read(last - 1, 1) if last else []
        with self._journal.engine.connect() as connection:
            receipts = _receipts(connection)
        keys = 0
        if self._keys is not None:
            with self._keys.connect() as connection:
                keys = connection.execute(sa.select(sa.func.count()).select_from(KEY_TABLES[0])).scalar_one()
        return Noted(self._journal.epoch, last, _hash(rows[0][1]) if rows else "", receipts, keys)


def _receipts(connection: sa.Connection) -> int:
    """How many receipts were ever written; sent ones are deleted, so the database's own counter is asked."""
    if connection.dialect.name == "postgresql":
        query = "SELECT last_value FROM pg_sequences WHERE schemaname = current_schema() AND sequencename = :name"
        return connection.execute(sa.text(query), {"name": f"{RECEIPTS.name}_n_seq"}).scalar() or 0
    if not sa.inspect(connection).has_table("sqlite_sequence"):
        return 0
    query = "SELECT seq FROM sqlite_sequence WHERE name = :name"
    return connection.execute(sa.text(query), {"name": RECEIPTS.name}).scalar() or 0


def _hash(row: bytes) -> str:
    return hashlib.sha256(row).hexdigest()


def _replace(file: Path, content: bytes) -> None:
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    fresh.replace(file)  # Not synced: after a power cut the mark may be older than the database, never newer.
