"""What else a team would use to accept one event durably, and a bare loop that does nothing but that.

Each is used as its own documentation shows it. Where a caller can put several into one transaction
by hand, that is a way of its own, marked "by hand".
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import msgspec
import psycopg
import sqlalchemy as sa
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from tests.bench.accepting import GROUP, Messages, Run, at_once, in_turn
from tests.bench.durable_postgresql import Server

NPM = Path(__file__).with_name("npm")
MODULES = NPM / "node_modules"
EMMETT = MODULES / "@event-driven-io" / "emmett-postgresql"
MESSAGE_DB = MODULES / "@eventide" / "message-db" / "database"


class Bare:
    """A loop over psycopg: a row, a commit. The floor of this disk and this PostgreSQL."""

    def __init__(self, server: Server, messages: Messages, group: int) -> None:
        self.name = "bare, one row to a commit" if group == 1 else f"bare, {group} rows to a commit"
        self._messages, self._group = messages, group
        self._connection = psycopg.connect(server.new_database(f"bare_{group}"), autocommit=True)
        self._connection.execute(
            "CREATE TABLE accepted (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)"
        )

    def _accept(self) -> None:
        rows = [[self._messages.body()] for _ in range(self._group)]
        _commit(self._connection, "INSERT INTO accepted (body) VALUES (%s)", rows)

    def run(self, warm: float, seconds: float) -> Run:
        return in_turn(self._accept, self._group, warm, seconds)

    def stored(self) -> int:
        return _count(self._connection, "accepted")

    def close(self) -> None:
        self._connection.close()


class Call(Aggregate):
    """A consultation as the library's tutorial would have it."""

    class Received(Aggregate.Created):
        """A call came in."""

        body: dict[str, Any]

    @event(Received)
    def __init__(self, body: dict[str, Any]) -> None:
        """`body` is the message as its fields."""
        self.body = body


class Library:
    """The `eventsourcing` library with its own PostgreSQL module and defaults: `Application.save`."""

    def __init__(self, server: Server, messages: Messages, group: int) -> None:
        self.name = "eventsourcing, a save each" if group == 1 else f"eventsourcing, {group} to a save, by hand"
        self._messages, self._group = messages, group
        where = sa.make_url(server.new_database(f"library_{group}"))
        self._connection = psycopg.connect(where.render_as_string(hide_password=False), autocommit=True)
        self._application = Application[UUID](
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": where.database or "",
                "POSTGRES_HOST": str(where.query.get("host") or where.host),
                "POSTGRES_PORT": str(where.port or 5432),
                "POSTGRES_USER": where.username or "",
                "POSTGRES_PASSWORD": where.password or "unused",
            }
        )

    def _accept(self) -> None:
        self._application.save(*[Call(self._messages.one()) for _ in range(self._group)])

    def run(self, warm: float, seconds: float) -> Run:
        return in_turn(self._accept, self._group, warm, seconds)

    def stored(self) -> int:
        return _count(self._connection, "application_events")

    def close(self) -> None:
        self._application.close()
        self._connection.close()


class MessageDb:
    """Message DB: its function `write_message`, in a transaction each, over one connection or several.

    Its lock is by category. `spread`: a category for each connection, which is as good as it gets;
    otherwise all are calls.
    """

    def __init__(
        self, server: Server, messages: Messages, *, connections: int = 1, spread: bool = False, group: int = 1
    ) -> None:
        self.name = "Message DB" + _connections(connections) + (", a category each" if spread else "")
        self.name += f", {group} to a transaction, by hand" if group > 1 else ""
        self._messages, self._group, self._spread = messages, group, spread
        uri = server.new_database(f"message_db_{connections}_{group}_{int(spread)}")
        _install_message_db(uri)
        self._connections = [psycopg.connect(uri, autocommit=True) for _ in range(connections)]
        for connection in self._connections:
            connection.execute("SET search_path = message_store, public")

    def _write(self, n: int) -> None:
        category = f"call{n}" if self._spread else "call"
        rows = [
            [uuid4(), f"{category}-{uuid4()}", "CallReceived", self._messages.body().decode()]
            for _ in range(self._group)
        ]
        _commit(self._connections[n], "SELECT write_message(%s::varchar, %s, %s, %s::jsonb, NULL, -1)", rows)

    def run(self, warm: float, seconds: float) -> Run:
        if len(self._connections) == 1:
            return in_turn(lambda: self._write(0), self._group, warm, seconds)
        return at_once([lambda n=n: self._write(n) for n in range(len(self._connections))], warm, seconds)  # type: ignore[misc]

    def stored(self) -> int:
        return _count(self._connections[0], "message_store.messages")

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class Emmett:
    """Emmett on Node: `appendToStream` to a new stream, one after another or several at once over its pool."""

    def __init__(self, server: Server, messages: Messages, *, connections: int = 1, group: int = 1) -> None:
        self.name = "Emmett" + _connections(connections) + (f", {group} to a stream, by hand" if group > 1 else "")
        self._uri = server.new_database(f"emmett_{connections}_{group}")
        self._given = {
            "url": self._uri,
            "bodies": [messages.one() for _ in range(GROUP)],
            "connections": connections,
            "group": group,
        }

    def run(self, warm: float, seconds: float) -> Run:
        given = json.dumps(self._given | {"warm": warm, "seconds": seconds})
        done = subprocess.run(
            ["node", "emmett.mjs"], cwd=NPM, input=given, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise RuntimeError(f"node emmett.mjs ended with {done.returncode}: {done.stderr[-2000:]}")
        return msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Run)

    def stored(self) -> int:
        with psycopg.connect(self._uri) as connection:
            return _count(connection, "emt_messages")

    def close(self) -> None:
        """Node has ended with each run."""


def _connections(connections: int) -> str:
    return f", {connections} connections" if connections > 1 else ""


def _commit(connection: psycopg.Connection[Any], query: LiteralString, rows: Sequence[Sequence[Any]]) -> None:
    """Run a query for each row and commit; one row needs one round trip, as the connection commits by itself."""
    if len(rows) == 1:
        connection.execute(query, rows[0])
        return
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(query, rows)


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  (our own names)
    assert row is not None
    return int(row[0])


def _install_message_db(uri: str) -> None:
    """What the package's install.sh does with psql, in its order, as far as writing needs it.

    The extension pgcrypto is left out: it brought `gen_random_uuid`, which PostgreSQL now has itself.
    """
    functions = (
        "message-store-version hash-64 acquire-lock category is-category id cardinal-id stream-version write-message "
        "get-stream-messages get-category-messages get-last-stream-message"
    )
    files = [
        *("roles/message-store", "schema/message-store", "tables/messages", "types/message"),
        *(f"functions/{name}" for name in functions.split()),
        *(f"indexes/messages-{name}" for name in ("id", "stream", "category")),
    ]
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("SET search_path = message_store, public")
        for file in files:
            connection.execute((MESSAGE_DB / f"{file}.sql").read_bytes())
