"""Engines for the two databases: SQLite (embedded) and PostgreSQL (production)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

BUSY_SECONDS = 10.0
"""How long SQLite waits for another process's lock before it gives up."""


CACHE_KIB = 16_384
"""What SQLite may keep of a database in memory; with less, looking names up in a large log reads from disk."""


CHECKPOINT_PAGES = 4_000
"""SQLite's write-ahead log is folded into the database when it has so many pages of 4 KiB; rarely is cheaper."""


READERS = 2
"""Connections that a reader keeps; each has a cache of its own."""

Taken = Literal["fails", "stays", "replaces", "adds"]

_DIALECTS: dict[str, sa.Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}

R = TypeVar("R", bound=tuple[Any, ...])


class DatabaseError(RuntimeError):
    """A database that cannot be used; says which and what to do."""


def open_engine(url: str) -> sa.Engine:
    """An engine whose commits are durable: fsync before "accepted".

    Raises:
        DatabaseError: the URL is none of ours, or the database does not answer.
    """
    try:
        engine = sa.create_engine(url, connect_args=_arguments(url), hide_parameters=True)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _durable)
        elif engine.dialect.name == "postgresql":
            sa.event.listen(engine, "connect", _by_key)
        with engine.connect():
            return engine
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise _no_url(url) from error
    except sa.exc.DatabaseError as error:  # It does not answer, or it is no database.
        raise DatabaseError(f"{sa.make_url(url).render_as_string()}: {error.orig}") from error


def open_reader(url: str) -> sa.Engine:
    """An engine that only reads, whatever is asked of it. It opens nothing now: the database may come later.

    Raises:
        DatabaseError: the URL is none of ours.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":  # A missing file is not made, and no writer is kept waiting.
            parsed = parsed.set(database=f"file:{quote(parsed.database or '')}", query={"mode": "ro", "uri": "true"})
        engine = sa.create_engine(parsed, connect_args=_arguments(url), hide_parameters=True, pool_size=READERS)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise _no_url(url) from error
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _only_reads)
    return engine


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that sees everything as it is at one moment, and holds up no writer."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            connection.exec_driver_sql("BEGIN")  # The driver begins none by itself before it only reads.
        yield connection
        connection.rollback()


def _only_reads(connection: Any, _record: Any) -> None:
    connection.read_only = True


def _no_url(url: str) -> DatabaseError:
    return DatabaseError(f"{url!r} is not a database URL such as sqlite:///FILE or postgresql+psycopg://HOST/NAME")


def _arguments(url: str) -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {}


def _durable(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    cursor.close()


def _by_key(connection: Any, _record: Any) -> None:
    """Everything is looked up by a key. A plan that was made while a table was small would read all of it for ever."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    connection.commit()


def _write_ahead(cursor: Any) -> None:
    """Waits for another process that opens the same new file: here alone SQLite does not wait by itself."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def insert_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]], *, taken: Taken = "fails"
) -> None:
    """Insert many rows, each in the order of the table's columns; a row one short leaves the first to the database.

    `taken`: what becomes of a row whose key is there already, whose values it may also add to what is there; with
    `replaces` and `adds` no key twice in `rows`.
    The statement is made once for each table, and the rows go to the driver as they are: with thousands of rows a
    second, looking at each parameter again costs more than the insert.

    Raises:
        sqlalchemy.exc.DBAPIError: as for any other statement; its `IntegrityError` where a key is taken.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql" and taken == "fails":
        _copy(connection, table, rows)
        return
    statement = _insert_of(table, connection.dialect.name, len(rows[0]), taken)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
        return
    try:
        connection.connection.executemany(statement, rows)
    except sqlite3.Error as error:
        raise _as_ours(error, sqlite3.Error, statement, connection) from error


def _copy(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY costs the server and the driver half of what an INSERT of the same rows does; it knows no ON CONFLICT."""
    statement, kinds = _copy_of(table, len(rows[0]))
    driver = connection.connection.driver_connection
    import psycopg  # Only where PostgreSQL is: otherwise each process would hold it for nothing.

    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(kinds)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise _as_ours(error, psycopg.Error, statement, connection) from error


def _as_ours(error: Exception, kind: type[Exception], statement: str, connection: sa.Connection) -> BaseException:
    """SQLAlchemy does not see what goes past it, to the driver; callers know its errors only."""
    dialect = connection.dialect
    return sa.exc.DBAPIError.instance(statement, None, error, kind, hide_parameters=True, dialect=dialect)


@cache
def _copy_of(table: sa.Table, width: int) -> tuple[str, list[str]]:
    columns = list(table.columns)[-width:]
    names = ", ".join(f'"{column.name}"' for column in columns)
    return f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)', [_kind(column) for column in columns]


def _kind(column: sa.Column[Any]) -> str:
    """A column's type in PostgreSQL, without its length."""
    kind = column.type.compile(_DIALECTS["postgresql"])
    return kind.partition("(")[0].lower()


@cache
def _insert_of(table: sa.Table, dialect: str, width: int, taken: Taken) -> str:
    columns = list(table.columns)[-width:]
    over = _over(table, taken)
    names = ", ".join(f'"{column.name}"' for column in columns)
    if dialect == "postgresql":
        arrays = ", ".join(f"%s::{_kind(column)}[]" for column in columns)
        return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM unnest({arrays}){over}'  # noqa: S608  (our own table)
    marks = ", ".join("?" for _ in columns)
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks}){over}'  # noqa: S608  (our own table)


def _over(table: sa.Table, taken: Taken) -> str:
    """What an insert says of keys that are there already."""
    if taken in ("fails", "stays"):
        return " ON CONFLICT DO NOTHING" if taken == "stays" else ""
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    there = f'"{table.name}".' if taken == "adds" else ""
    others = [f'"{column.name}"' for column in table.columns if not column.primary_key]
    moved = ", ".join(f"{name} = {f'{there}{name} + ' if there else ''}excluded.{name}" for name in others)
    return f" ON CONFLICT ({keys}) DO UPDATE SET {moved}"


def among(
    engine: sa.Engine | sa.Connection, column: sa.Column[Any], values: Sequence[str] | Sequence[int]
) -> sa.ColumnElement[bool]:
    """Whether a column holds one of these; one parameter, however many, so that the statement is reused."""
    return _among(engine.dialect.name, column, sa.bindparam(None, _given(engine.dialect.name, values)))


def found(connection: sa.Connection, query: sa.Select[R], **parameters: object) -> Sequence[sa.Row[R]]:
    """What a query finds that is kept: what is asked often is made once, since making it costs more than asking it."""
    return connection.execute(query, parameters).all()


def change(connection: sa.Connection, statement: sa.Update | sa.Delete, rows: Sequence[Mapping[str, object]]) -> None:
    """Change or delete by a statement that is kept, once with each of these parameters."""
    if rows:
        connection.execute(statement, rows)


def found_among(
    connection: sa.Connection,
    query: sa.Select[R],
    column: sa.Column[Any],
    values: Sequence[str] | Sequence[int],
    **parameters: object,
) -> Sequence[sa.Row[R]]:
    """What a query finds, as `found` does, where a column holds one of these.

    `parameters`: those of the query itself.
    """
    if len(values) == 1:  # At night there is mostly one, and then nothing need be unpacked.
        return found(connection, _query_of_one(query, column), this=values[0], **parameters)
    dialect = connection.dialect.name
    return found(connection, _query_among(dialect, query, column), these=_given(dialect, values), **parameters)


@lru_cache(maxsize=100)
def _query_of_one(query: sa.Select[R], column: sa.Column[Any]) -> sa.Select[R]:
    return query.where(column == sa.bindparam("this"))


@lru_cache(maxsize=100)
def _query_among(dialect: str, query: sa.Select[R], column: sa.Column[Any]) -> sa.Select[R]:
    return query.where(_among(dialect, column, sa.bindparam("these")))


def _among(dialect: str, column: sa.Column[Any], these: sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    if dialect == "postgresql":
        kind: sa.types.TypeEngine[Any] = sa.BigInteger() if isinstance(column.type, sa.Integer) else sa.Text()
        return column == sa.any_(sa.type_coerce(these, postgresql.ARRAY(kind)))
    return column.in_(sa.select(sa.func.json_each(these).table_valued("value").c.value))


def _given(dialect: str, values: Sequence[str] | Sequence[int]) -> list[Any] | str:
    return list(values) if dialect == "postgresql" else msgspec.json.encode(values).decode()


_ALL_THERE = sa.text(
    "SELECT bool_and(to_regclass(quote_ident(name)) IS NOT NULL) FROM unnest(CAST(:names AS text[])) AS name"
)
"""Each is looked up by its name: a database may be shared, and hold very many tables that are not ours."""


def create(connection: sa.Connection, tables: Sequence[sa.Table]) -> bool:
    """Make tables and their indexes where any is missing; several processes may do so at once.

    On PostgreSQL "if not exists" locks what exists all the same, and would end up in a deadlock with
    whoever is writing; so nothing is touched there if everything is there.

    Returns:
        Whether anything may have been made.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7220)"))
        names = [t.name for t in tables] + [i.name for t in tables for i in t.indexes]
        if connection.execute(_ALL_THERE, {"names": names}).scalar():
            return False
    for table in tables:
        for statement in _definition(table, connection.dialect.name):
            connection.exec_driver_sql(statement)
    return True


@cache
def _definition(table: sa.Table, dialect: str) -> list[str]:
    """What makes a table and its indexes; SQLAlchemy itself would write it anew for each database."""
    made: list[sa.ExecutableDDLElement] = [CreateTable(table, if_not_exists=True)]
    made += [CreateIndex(each, if_not_exists=True) for each in table.indexes]
    return [str(each.compile(dialect=_DIALECTS[dialect])) for each in made]
