"""An engine that only reads: what the front has of others' databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.database import DatabaseError, create, found, found_among, insert_rows, open_engine, open_reader
from services.journal import log_of
from services.reporting.inquiry import UNREADABLE, Inquiry
from services.tables import NAMES, SERIES, WRITER_TABLES
from tests.desk_examples import Centre, Databases, call


def test_a_reader_sees_what_is_committed_and_writes_nothing(centre: Centre) -> None:
    """While the services have it open, too; the database itself refuses."""
    reader = open_reader(centre.database_of("reporting"))
    inquiry = Inquiry(reader, log_of(reader))
    centre.say("day", call())
    centre.pump()

    assert inquiry.end() == centre.inquiry.end()
    for statement in ("CREATE TABLE own (n INTEGER)", "UPDATE meta SET value = 'x'", "DELETE FROM meta"):
        with pytest.raises(sa.exc.DBAPIError), reader.begin() as connection:
            connection.execute(sa.text(statement))
    assert inquiry.ward() is not None
    reader.dispose()


def test_a_database_that_is_not_there_yet_is_not_made_and_is_read_when_it_comes(database_url: str) -> None:
    """The front may start first; what it cannot read it says."""
    url = database_url.replace("{service}", "reporting")
    reader = open_reader(url)
    inquiry = Inquiry(reader, log_of(reader))
    for _ in range(2):
        with pytest.raises(UNREADABLE):
            inquiry.end()
    with Centre(database_url) as centre:
        centre.pump()
        assert inquiry.end()[0] == 1
    reader.dispose()


def test_a_file_that_is_missing_stays_missing(tmp_path: Path) -> None:
    """Also one whose name means something in an address."""
    reader = open_reader(f"sqlite:///{tmp_path}/a%3F b#?c.db")
    with pytest.raises(sa.exc.OperationalError):
        reader.connect()
    open_engine(f"sqlite:///{tmp_path}/there.db").dispose()

    assert {path.name for path in tmp_path.iterdir()} == {"there.db"}


def test_what_is_no_address_of_a_database_is_told() -> None:
    """As it is for those who write."""
    with pytest.raises(DatabaseError, match="is not a database URL such as"):
        open_reader("no database")


def test_one_table_or_index_that_is_missing_is_made(databases: Databases) -> None:
    """Whatever else there is; where nothing is missing nothing is touched, which on PostgreSQL would lock it."""
    ours, others = (open_engine(databases().replace("{service}", "intake")) for _ in range(2))
    table, index = next((table, index) for table in WRITER_TABLES for index in table.indexes)
    with others.begin() as connection:
        assert create(connection, WRITER_TABLES)
    for missing in (None, f"INDEX {index.name}", f"TABLE {table.name}"):
        with ours.begin() as connection:
            connection.execute(sa.text(f"DROP {missing}" if missing else "SELECT 1"))
            assert create(connection, WRITER_TABLES)
            inspector = sa.inspect(connection)
            assert {each.name for each in WRITER_TABLES} <= set(inspector.get_table_names())
            assert index.name in {found["name"] for found in inspector.get_indexes(table.name)}
            assert create(connection, WRITER_TABLES) == (connection.dialect.name == "sqlite")
    for engine in (ours, others):
        engine.dispose()


def test_what_is_asked_for_with_a_list_is_found_however_many_there_are(databases: Databases) -> None:
    """None, one or several; in the order of the query, which may have values of its own."""
    with _opened(databases) as connection:
        insert_rows(connection, NAMES, [(key, key.upper(), "1") for key in "abc"])
        since = sa.select(NAMES).where(NAMES.c.since == sa.bindparam("since")).order_by(NAMES.c.key.desc())
        first = since.where(NAMES.c.key != "c").limit(1)

        assert [row.key + row.target for row in found(connection, since, since="1")] == ["cC", "bB", "aA"]
        assert [row.key for row in found(connection, first, since="1")] == ["b"]
        assert not found(connection, since, since="2")
        for sought, there in ([], ""), (["a"], "a"), (["a", "c", "x"], "ca"):
            rows = found_among(connection, since, NAMES.c.key, sought, since="1")
            assert "".join(row.key for row in rows) == there


def test_rows_may_add_to_what_is_there(databases: Databases) -> None:
    """Each to its own; what is new begins with what is added."""
    with _opened(databases) as connection:
        for rows in ([("a", 1), ("b", 2)], [("b", 40), ("c", 3)], [("a", -1)]):
            insert_rows(connection, SERIES, rows, taken="adds")

        assert {row.key: row.last for row in found(connection, sa.select(SERIES))} == {"a": 0, "b": 42, "c": 3}


@contextmanager
def _opened(databases: Databases) -> Iterator[sa.Connection]:
    engine = open_engine(databases().replace("{service}", "intake"))
    with engine.begin() as connection:
        create(connection, WRITER_TABLES)
        yield connection
    engine.dispose()
