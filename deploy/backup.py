"""`yoake backup`: everything that Yoake keeps, consistently, while it runs or while it does not.

One portable SQLite file for each database, whatever the databases are, so that a backup can be
restored on either kind. The order makes it consistent without stopping anybody: what INBOX holds
first, then the ledger, then handover, placement and intake, the keys last. So nothing in it
speaks of something that it does not hold: what is both in INBOX and in a journal is heard twice and
counts once, the ledger holds no event that no journal has, and no box is without its key.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import sqlalchemy as sa
from nats.errors import Error as NatsLibraryError

from deploy.datadir import DataDirectory
from deploy.held import INBOX_FILE, copy_inbox
from deploy.manifest import MANIFEST, BackupError, Log, Manifest, digest, sync, write
from deploy.tables import tables_of
from services.credentials import FILE as CREDENTIALS
from services.credentials import SUBSCRIBERS
from services.database import create, open_engine, snapshot
from services.journal import META, Journal
from services.reporting.ledger import LedgerReader
from services.seal import DESTROYED, KEY_TABLES, Secrets
from services.settings import Settings
from services.subjects import WRITERS
from services.tables import INDEX_TABLES
from services.webhook_secrets import FILE as WEBHOOKS

LEDGER = "reporting"
KEYS = "keys"
SECRET_FILES = ("master.key", "inbox.jwk")
PUBLIC_KEY = "inbox.pub.jwk"
OPEN_FILES = (PUBLIC_KEY, DESTROYED, CREDENTIALS, SUBSCRIBERS, WEBHOOKS)
PAGE = 2_000

Advance = Callable[[int], None]
"""Told how many more rows were copied."""


class Database(msgspec.Struct, frozen=True):
    """One database of Yoake: its name in the URL, and every table in it."""

    name: str
    engine: sa.Engine
    tables: Sequence[sa.Table]


COPIED = (LEDGER, *reversed(WRITERS))
"""The journals as they are copied: who hears another before that one, which then holds what was heard of it."""


@contextmanager
def open_databases(settings: Settings, ward: str) -> Iterator[list[Database]]:
    """Every database, in the order in which they must be copied."""
    with _journals(settings, ward) as journals:
        engine = open_engine(settings.database_of(KEYS))
        try:
            with engine.begin() as connection:
                create(connection, KEY_TABLES)
            found = [Database(j.service, j.engine, (META, j.log, *tables_of(j.service))) for j in journals]
            yield [*found, Database(KEYS, engine, KEY_TABLES)]
        finally:
            engine.dispose()


@contextmanager
def _journals(settings: Settings, ward: str) -> Iterator[list[Journal]]:
    journals: list[Journal] = []
    try:
        for service in COPIED:
            url = settings.database_of(service)
            journals.append(Journal(url, service, ward, tables=tables_of(service)))
        yield journals
    finally:
        for journal in journals:
            journal.close()


def back_up(
    data: DataDirectory, to: Path, *, keys: bool = True, nats: str | None = None, progress: Callable[[int], Advance]
) -> Manifest:
    """Copy everything into the directory `to`, which is made.

    `nats`: where NATS runs, if this directory's runner did not start it. `progress` is told how many
    rows there are and gives the function that is told how many were copied. Files are 0600, and on disk
    when this returns.

    Raises:
        BackupError: `to` is in use, or cannot be written.
        deploy.datadir.DataError: the data directory holds nothing.
    """
    kept, settings = data.kept(), data.settings()
    _make(to)
    try:
        started = datetime.now(UTC)
        secrets = Secrets.at(settings.keys)
        held = asyncio.run(copy_inbox(data, nats, to / INBOX_FILE, secrets))
        logs: dict[str, Log] = {}
        rows: dict[str, dict[str, int]] = {}
        left_out: list[str] = []
        with open_databases(settings, kept.ward) as databases:
            advance = progress(sum(_count(database) for database in databases))
            for database in databases:
                file = to / f"{database.name}.db"
                rows[database.name], strange = _copy_database(database, file, advance)
                left_out += strange
                if database.name != KEYS:
                    logs[database.name] = _log_in(file, database.tables[1])
            root = _root_in(to / f"{LEDGER}.db", databases[0].tables[1])
        _copy_files(settings, to, keys)
        manifest = Manifest(
            release=version("yoake"),
            ward=kept.ward,
            demo=kept.demo,
            keys=keys,
            started=started,
            finished=datetime.now(UTC),
            inbox=held,
            logs=logs,
            root=root,
            rows=rows,
            left_out=left_out,
            files={str(path.relative_to(to)): digest(path) for path in sorted(to.rglob("*")) if path.is_file()},
        )
        write(to / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    except BaseException as error:
        shutil.rmtree(to, ignore_errors=True)
        if isinstance(error, NatsLibraryError | TimeoutError):
            raise BackupError("NATS did not answer while INBOX was copied: nothing was backed up; try again") from error
        if isinstance(error, OSError):
            raise BackupError(f"{to}: {error.strerror}: nothing was backed up; make room, or give another") from error
        raise
    return manifest


def copy_rows(
    source: sa.Connection, target: sa.Connection, tables: Sequence[sa.Table], advance: Advance
) -> dict[str, int]:
    """Copy every row of these tables, column by column as they are declared; how many of each."""
    copied = {}
    for table in tables:
        count = 0
        query = sa.select(table).order_by(*table.primary_key.columns)
        for page in source.execute(query, execution_options={"yield_per": PAGE}).mappings().partitions():
            target.execute(sa.insert(table), [dict(row) for row in page])
            count += len(page)
            advance(len(page))
        copied[table.name] = count
    return copied


def _make(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(to.iterdir()):
            raise BackupError(f"{to} is not empty: give a directory that does not exist yet, such as one named by day")
        to.chmod(0o700)
    except OSError as error:
        raise BackupError(f"{to}: {error.strerror}; give a directory that you may make") from error


def _count(database: Database) -> int:
    with database.engine.connect() as connection:
        counts = (sa.select(sa.func.count()).select_from(table) for table in database.tables)
        return sum(connection.execute(count).scalar_one() for count in counts)


def _copy_database(database: Database, file: Path, advance: Advance) -> tuple[dict[str, int], list[str]]:
    """Copy a database as it is at one moment; (rows by table, tables that are not ours)."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    portable = sa.create_engine(f"sqlite:///{file}")
    try:
        with snapshot(database.engine) as source, portable.begin() as target:
            create(target, database.tables)
            rows = copy_rows(source, target, database.tables, advance)
            there = sa.inspect(source).get_table_names()
    finally:
        portable.dispose()
    sync(file)
    strange = sorted(set(there) - {table.name for table in (*database.tables, *INDEX_TABLES)})
    return rows, [f"{database.name}: {name}" for name in strange]


def _log_in(file: Path, log: sa.Table) -> Log:
    engine = sa.create_engine(f"sqlite:///{file}")
    try:
        with engine.connect() as connection:
            position = connection.execute(sa.select(sa.func.max(log.c.id))).scalar() or 0
            epoch = connection.execute(sa.select(META.c.value).where(META.c.key == "epoch")).scalar_one()
            return Log(int(epoch), position)
    finally:
        engine.dispose()


def _root_in(file: Path, log: sa.Table) -> str:
    engine = sa.create_engine(f"sqlite:///{file}")
    try:
        return LedgerReader(engine, log).root()
    finally:
        engine.dispose()


def _copy_files(settings: Settings, to: Path, keys: bool) -> None:
    write(to / "ward.toml", settings.ward_file.read_bytes())
    (to / KEYS).mkdir(mode=0o700)
    for name in (*(SECRET_FILES if keys else ()), *OPEN_FILES):
        if (settings.keys / name).exists():
            write(to / KEYS / name, (settings.keys / name).read_bytes())
