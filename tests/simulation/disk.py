"""The disks of a simulated night: databases in memory that outlive the processes which write them.

A night is one transaction, and what our code commits is a savepoint in it: when the night is over,
the disk is as it was before the next one, and everything that SQLite has prepared is still there.
SQLAlchemy makes the statements here and reads the rows, as everywhere; but each statement that is
kept is compiled once for all nights, and nothing is asked of pools and events, which take as long
as all the rest of a night's SQL together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler

DIALECT = sqlite.dialect(paramstyle="qmark")
Parameters = Mapping[str, Any]
Writers = dict[str, Callable[[Any], Any]]


class Image:
    """What stands on each disk before a night, by the name of its database."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents
        self._open: dict[str, sqlite3.Connection] = {}

    def connection(self, name: str) -> sqlite3.Connection:
        """The disk of this name; nobody but the present night has it."""
        if name not in self._open:
            self._open[name] = made = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            if name in self.contents:  # Copied: of what was read in as it is, SQLite shows only what is committed.
                read = sqlite3.connect(":memory:")
                read.deserialize(self.contents[name])
                read.backup(made)
                read.close()
        return self._open[name]


class Disks:
    """One night's databases."""

    def __init__(self, image: Image | None = None) -> None:
        self._image = image or Image({})
        self._used: dict[str, sqlite3.Connection] = {}

    def connection(self, name: str) -> sqlite3.Connection:
        """The database of this name, as it stands."""
        if name not in self._used:
            self._used[name] = self._image.connection(name)
            self._used[name].execute("BEGIN")
        return self._used[name]

    def contents(self) -> dict[str, bytes]:
        """Everything on these disks, as it stands."""
        return {name: connection.serialize() for name, connection in self._used.items()}

    def scrap(self) -> None:
        """Nothing of this night was ever written."""
        for connection in self._used.values():
            connection.execute("ROLLBACK")
        self._used.clear()


class Slot:
    """Where the present night's disks are put in."""

    disks: Disks | None = None

    def put(self, disks: Disks) -> None:
        """From now on these are written."""
        self.disks = disks


SLOT = Slot()


class _Compiled:
    """What SQLAlchemy made of statements that are alike."""

    def __init__(self, compiled: SQLCompiler) -> None:
        assert not compiled.insert_prefetch, "no column has a default made in Python"
        columns = compiled._result_columns
        read = [column.type._cached_result_processor(DIALECT, None) for column in columns]
        self.compiled, self.text = compiled, compiled.string
        self.write = cast(Writers, compiled._bind_processors)
        self.names: Sequence[str] = compiled.positiontup or ()
        self.expands = bool(compiled.post_compile_params)
        self.rows = SimpleResultMetaData([c.keyname for c in columns], _processors=read if any(read) else None)


class _Statement:
    """One statement, with the values that it came with."""

    def __init__(self, made: _Compiled, extracted: Any) -> None:
        own = made.compiled.construct_params({}, extracted_parameters=extracted, _check=False, escape_names=False)
        required = {name for bind, name in made.compiled.bind_names.items() if bind.required}
        self.made, self.own = made, {name: value for name, value in own.items() if name not in required}

    def asks(self, given: Parameters) -> tuple[str, list[Any]]:
        """What is asked of SQLite."""
        made, own = self.made, self.own
        if made.expands:
            return self._expanded({**own, **given})
        write, values = made.write, [given[name] if name in given else own[name] for name in made.names]
        if write:
            values = [
                write[name](value) if name in write else value for name, value in zip(made.names, values, strict=True)
            ]
        return made.text, values

    def _expanded(self, values: dict[str, Any]) -> tuple[str, list[Any]]:
        """With as many marks as there are values in a list."""
        state = self.made.compiled._process_parameters_for_postcompile(values)
        write = self.made.write | cast(Writers, state.processors)
        names = state.positiontup or ()
        return state.statement, [write[name](values[name]) if name in write else values[name] for name in names]


_ALIKE: dict[Any, Any] = {}


def _statement(statement: Any, keys: tuple[str, ...]) -> _Statement:
    """Noted on the statement itself: whoever asks often keeps it.

    What SQLAlchemy derives from a statement takes over what was noted on that, and is another one.
    """
    noted: tuple[Any, tuple[str, ...], _Statement] | None = statement.__dict__.get("_of_nights")
    if noted is None or noted[0] is not statement or noted[1] != keys:
        compiled, extracted, _ = statement._compile_w_cache(DIALECT, compiled_cache=_ALIKE, column_keys=sorted(keys))
        if not hasattr(compiled, "_of_nights"):
            compiled._of_nights = _Compiled(compiled)
        noted = statement.__dict__["_of_nights"] = (statement, keys, _Statement(compiled._of_nights, extracted))
    return noted[2]


class Result(IteratorResult[Any]):
    """SQLAlchemy's, of rows that are all there."""

    def __init__(self, rows: SimpleResultMetaData, cursor: sqlite3.Cursor) -> None:
        super().__init__(rows, iter(cursor.fetchall()))
        self.rowcount = cursor.rowcount


class Connection:
    """What our code uses of SQLAlchemy's connection, on one of these disks."""

    dialect = DIALECT

    def __init__(self, engine: Engine, disk: sqlite3.Connection, *, writes: bool) -> None:
        self.engine, self.connection, self._writes = engine, disk, writes

    def execute(self, statement: Any, given: Parameters | Sequence[Parameters] | None = None) -> Result:
        """Rows, or how many were changed. Raises sqlalchemy.exc.DBAPIError."""
        assert self._writes or statement.is_select or statement.is_text, "nobody would commit this"
        many = given if isinstance(given, Sequence) else [given or {}]
        prepared = _statement(statement, tuple(many[0]))
        try:
            for each in many:
                cursor = self.connection.execute(*prepared.asks(each))
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(prepared.made.text, None, error, sqlite3.Error, dialect=DIALECT) from error
        return Result(prepared.made.rows, cursor)

    def exec_driver_sql(self, text: str) -> None:
        """Make a table or an index."""
        self.connection.execute(text)


class Engine:
    """What our code uses of SQLAlchemy's engine: the database of this name, whatever disk is in."""

    dialect = DIALECT

    def __init__(self, name: str) -> None:
        self._name = name

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """To read."""
        yield Connection(self, self._disk(), writes=False)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction; where it fails, and where the power goes, nothing of it is left."""
        disk = self._disk()
        disk.execute("SAVEPOINT written")
        try:
            yield Connection(self, disk, writes=True)
        except BaseException:
            disk.execute("ROLLBACK TO written")
            disk.execute("RELEASE written")
            raise
        disk.execute("RELEASE written")

    def dispose(self) -> None:
        """A disk outlives whoever writes it."""

    def _disk(self) -> sqlite3.Connection:
        assert SLOT.disks is not None, "disks are put in before anything is read"
        return SLOT.disks.connection(self._name)


_ENGINES: dict[str, Any] = {}


def engine_of(name: str) -> Any:
    """The engine for the database of this name, whatever disk is in."""
    return _ENGINES.setdefault(name, Engine(name))


def open_engine(url: str) -> Any:
    """As `services.database.open_engine`, for `disk:///NAME`."""
    return engine_of(url.rpartition("/")[2])
