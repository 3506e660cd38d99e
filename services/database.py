"""Engines for the two databases: SQLite (embedded) and PostgreSQL (production)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.schema import CreateIndex, CreateTable

BUSY_SECONDS = 10.0
"""How long SQLite waits for another process's lock before it gives up."""


class DatabaseError(RuntimeError):
    """A database that cannot be used; says which and what to do."""


def open_engine(url: str) -> sa.Engine:
    """An engine whose commits are durable: fsync before "accepted".

    Raises:
        DatabaseError: the URL is none of ours, or the database does not answer.
    """
    try:
        engine = sa.create_engine(url, connect_args=_arguments(url))
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _durable)
        with engine.connect():
            return engine
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise DatabaseError(
            f"{url!r} is not a database URL such as sqlite:///FILE or postgresql+psycopg://HOST/NAME"
        ) from error
    except sa.exc.DatabaseError as error:  # It does not answer, or it is no database.
        raise DatabaseError(f"{sa.make_url(url).render_as_string()}: {error.orig}") from error


def _arguments(url: str) -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {}


def _durable(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def insert_new(engine: sa.Engine | sa.Connection, table: sa.Table) -> Any:
    """An insert that leaves a row alone that is there already."""
    if engine.dialect.name == "postgresql":
        return postgresql_insert(table).on_conflict_do_nothing()
    return sa.insert(table).prefix_with("OR IGNORE")


def create(connection: sa.Connection, tables: Sequence[sa.Table]) -> bool:
    """Make tables and their indexes where any is missing; several processes may do so at once.

    On PostgreSQL "if not exists" locks what exists all the same, and would end up in a deadlock with
    whoever is writing; so nothing is touched there if everything is there.

    Returns:
        Whether anything may have been made.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7220)"))
        visible = connection.execute(sa.text("SELECT relname FROM pg_class WHERE pg_table_is_visible(oid)"))
        if {t.name for t in tables} | {i.name for t in tables for i in t.indexes} <= set(visible.scalars()):
            return False
    for table in tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
    return True
