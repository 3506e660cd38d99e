"""An outbox's file: SQLite in WAL with `synchronous=FULL`, opened by any number of processes at once."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (
    n INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, id TEXT NOT NULL, sequence INTEGER NOT NULL,
    type TEXT NOT NULL, digest BLOB NOT NULL, edition INTEGER NOT NULL DEFAULT 1, body BLOB, put TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT 'pending', settled TEXT, note TEXT, reason TEXT,
    receipt BLOB, UNIQUE (source, sequence));
CREATE INDEX IF NOT EXISTS outbox_names ON outbox (source, id);
CREATE INDEX IF NOT EXISTS outbox_open ON outbox (status, n) WHERE status NOT IN ('accepted', 'known');
CREATE INDEX IF NOT EXISTS outbox_kept ON outbox (settled) WHERE body IS NOT NULL AND status IN ('accepted', 'known');
CREATE TABLE IF NOT EXISTS series (source TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL);
"""

Write = Callable[..., sqlite3.Cursor]


class OutboxError(RuntimeError):
    """An outbox that cannot be used; says why and what to do. What was put before is still in it."""


class Busy(OutboxError):
    """Another process sends from this outbox now."""


class File:
    """The tables of one outbox. What `writing` has left is on disk, or else nothing of it."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it, for its owner alone.

        Raises:
            OutboxError: it cannot be written, is no outbox, or is one of a later release.
        """
        self.path, self._guard = path, threading.RLock()
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise OutboxError(f"{path}: {error.strerror}; give a file that you may write") from error
        with self._told():
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._database.row_factory = sqlite3.Row
            for setting in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._database.execute(f"PRAGMA {setting}")
        self.secret = self._begin()

    def _begin(self) -> bytes:
        """Make the tables where there are none; returns the secret of this file's digests."""
        with self.writing() as write:
            (found,) = write("PRAGMA user_version").fetchone()
            if found > FORMAT:
                raise OutboxError(
                    f"{self.path} was written by a later release (format {found}): use that one, or another file"
                )
            if found < FORMAT:
                for statement in filter(str.strip, _TABLES.split(";")):
                    write(statement)
                write("INSERT INTO secret VALUES (1, ?)", (secrets.token_bytes(32),))
                write(f"PRAGMA user_version={FORMAT}")
            return bytes(write("SELECT value FROM secret").fetchone()[0])

    def close(self) -> None:
        """Let go of it."""
        self._database.close()

    def read(self, asked: str, *values: object) -> list[sqlite3.Row]:
        """The rows of a query.

        Raises:
            OutboxError: the file cannot be read.
        """
        with self._guard, self._told():
            return self._database.execute(asked, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """One transaction: on disk when the block has ended, or nothing at all.

        Raises:
            OutboxError: the disk does not take it.
        """
        with self._guard, self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database.execute
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be the only one that sends from it, until the block or the process ends.

        Raises:
            Busy: another process, or another part of this one, sends from it.
        """
        guard = sqlite3.connect(self.path.with_name(self.path.name + ".sending"), timeout=0, isolation_level=None)
        try:
            guard.execute("BEGIN EXCLUSIVE")  # The system lets go of it however a process ends, whatever the system.
        except sqlite3.OperationalError as error:
            guard.close()
            raise Busy(f"{self.path}: another process sends from it now, and one is enough") from error
        try:
            yield
        finally:
            guard.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutboxError(
                f"{self.path}: {error}; give a file that you may write, on a disk with room, that is an outbox"
            ) from error
