"""`yoake restore`: a backup back into an empty directory and empty databases, as the beginning of a new epoch.

Positions that were given out after the backup are given out again; so every journal goes on in a new
epoch, whose first event says where it continues and from when to when something may be missing.
Also `yoake backup --check`: a backup restored for a look, compared with itself, and thrown away.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from deploy.backup import (
    KEYS,
    LEDGER,
    OPEN_FILES,
    PAGE,
    PUBLIC_KEY,
    SECRET_FILES,
    Advance,
    Database,
    copy_rows,
    open_databases,
)
from deploy.datadir import DataDirectory, Kept
from deploy.held import INBOX_FILE, put_inbox
from deploy.manifest import BackupError, Manifest, damage, read_manifest, sync, write
from deploy.opened import Opened
from deploy.tables import tables_of
from deploy.verify import verify
from events.epoch import EpochOpened
from services.database import create, open_engine
from services.hearing import Cursors
from services.journal import META, Draft, Journal
from services.reporting.ledger import Ledger, LedgerReader
from services.seal import DESTROYED, KeyStore, Secrets, WrongKey, add_tombstones, read_tombstones
from services.settings import FORMAT, Settings
from services.subjects import WRITERS
from services.tables import SERIES

NUMBERS = 1_000
"""Reference numbers go on at the next multiple of this: those given out since the backup never stand for others."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored. Times are UTC; `epochs` are the new ones; `inbox` counts messages put back into INBOX."""

    ward: str
    epochs: dict[str, int]
    position: int
    root: str
    inbox: int
    missing_from: datetime
    missing_until: datetime


def restore(
    source: Path,
    data: DataDirectory,
    *,
    database: str | None = None,
    keys: Path | None = None,
    nats: str | None = None,
    progress: Callable[[int], Advance],
) -> Restored:
    """Put a backup into `data`, which must not exist or be empty, and into empty databases.

    `database` is a URL with {service} in it, for PostgreSQL. `keys` is a directory of keys that was kept
    elsewhere: its keys are taken where the backup has none, and its list of destroyed keys in any case.
    `nats` takes the messages of INBOX, if not the server of the directory itself. All or nothing: the
    directory appears when everything is in it.

    Raises:
        BackupError: the backup, the target or the keys cannot be used; says what to do.
    """
    manifest = _usable(source)
    _refuse_what_is_in_use(data, database)
    stage = DataDirectory(data.path.with_name(f".{data.path.name}.restoring"))
    shutil.rmtree(stage.path, ignore_errors=True)  # What a restore that was killed has left.
    try:
        stage.path.mkdir(parents=True, mode=0o700)
        _put_files(source, stage, manifest, keys)
        stage.keep(Kept(format=FORMAT, ward=manifest.ward, database=database, demo=manifest.demo))
        settings = stage.settings()
        secrets = Secrets.at(settings.keys)
        _put_databases(source, settings, manifest, progress(sum(sum(rows.values()) for rows in manifest.rows.values())))
        _open_key_store(settings, secrets)
        restored = _open_epochs(settings, manifest)
        if manifest.inbox:
            asyncio.run(put_inbox(source / INBOX_FILE, stage, nats, manifest.ward, secrets))
        for path in (*stage.path.rglob("*"), stage.path):
            sync(path)
        stage.path.replace(data.path)
        sync(data.path.parent)
    except OSError as error:
        raise BackupError(f"{data.path}: {error.strerror}: nothing was restored there") from error
    finally:
        shutil.rmtree(stage.path, ignore_errors=True)
    return restored


def check(source: Path) -> list[str]:
    """Restore a backup's databases for a look, and compare everything in it; names every fault.

    What the ledger had not heard yet when it was copied is no fault: it hears that after a restore.

    Raises:
        BackupError: it is no backup, or half a one.
    """
    manifest = read_manifest(source)
    if found := damage(source, manifest):
        return found
    with tempfile.TemporaryDirectory(prefix="yoake-check-") as directory:
        look = DataDirectory(Path(directory))
        look.keep(Kept(format=FORMAT, ward=manifest.ward))
        for name in manifest.rows:
            shutil.copyfile(source / f"{name}.db", look / f"{name}.db")
        if manifest.keys:
            shutil.copytree(source / KEYS, look / KEYS)
        with closing(Opened(look.settings(), manifest.ward)) as books:
            cursors = Cursors(books.ledger.engine)
            unheard = {
                f"ledger: {name} {position} is missing"
                for name, journal in books.writers.items()
                for position in range(cursors.position(name) + 1, journal.last_position() + 1)
            }
            found = [fault for fault in verify(books, None).differences if fault not in unheard]
            if (root := books.inquiry.ledger.root()) != manifest.root:
                found.append(f"ledger: its root is {root}, and the manifest says {manifest.root}")
    return found


def _usable(source: Path) -> Manifest:
    manifest = read_manifest(source)
    if found := damage(source, manifest):
        raise BackupError(f"{source} is damaged: {'; '.join(found)}. Take another backup")
    return manifest


def _refuse_what_is_in_use(data: DataDirectory, database: str | None) -> None:
    try:
        if data.path.exists() and any(data.path.iterdir()):
            raise BackupError(f"{data.path} is not empty: give --data a directory that does not exist yet")
        data.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"{data.path}: {error.strerror}; give --data a directory that you may write") from error
    if database is None:
        return
    if "{service}" not in database:
        raise BackupError("--database must hold {service}, such as postgresql+psycopg://HOST/yoake_{service}")
    for name in (*WRITERS, LEDGER, KEYS):
        engine = open_engine(database.replace("{service}", name))
        try:
            if tables := sa.inspect(engine).get_table_names():
                raise BackupError(
                    f"the database of {name} is not empty (it has {', '.join(sorted(tables)[:3])} …): "
                    "make new ones, and give their URL"
                )
        finally:
            engine.dispose()


def _put_files(source: Path, stage: DataDirectory, manifest: Manifest, keys: Path | None) -> None:
    write(stage / "ward.toml", (source / "ward.toml").read_bytes())
    own = stage / KEYS
    own.mkdir(mode=0o700)
    secret = source / KEYS if manifest.keys else keys
    if secret is None:
        raise BackupError("this backup was made without keys: give the directory in which they were kept with --keys")
    for name in SECRET_FILES:
        if not (secret / name).exists():
            raise BackupError(f"{secret}/{name} is missing: give the directory of the ward's keys with --keys")
        write(own / name, (secret / name).read_bytes())
    for name in OPEN_FILES:
        if (source / KEYS / name).exists():
            write(own / name, (source / KEYS / name).read_bytes())
    if (own / PUBLIC_KEY).exists():
        (own / PUBLIC_KEY).chmod(0o644)  # Adapters read it.
    if keys is not None and (destroyed := read_tombstones(keys / DESTROYED)):
        add_tombstones(own / DESTROYED, destroyed)


def _put_databases(source: Path, settings: Settings, manifest: Manifest, advance: Advance) -> None:
    if settings.database.startswith("sqlite"):
        for name, rows in manifest.rows.items():
            file = Path(sa.make_url(settings.database_of(name)).database or "")
            shutil.copyfile(source / f"{name}.db", file)
            file.chmod(0o600)
            advance(sum(rows.values()))
        return
    with tempfile.TemporaryDirectory(prefix="yoake-restore-") as directory:
        # Opened as this release opens them, so that what an older release wrote has today's tables.
        files = f"sqlite:///{directory}/{{service}}.db"
        look = Settings(ward_file=settings.ward_file, nats="", database=files, keys=settings.keys)
        for name in manifest.rows:
            shutil.copyfile(source / f"{name}.db", Path(directory) / f"{name}.db")
        with open_databases(look, manifest.ward) as databases:
            for database in databases:
                _fill(open_engine(settings.database_of(database.name)), database, advance)


def _fill(target: sa.Engine, database: Database, advance: Advance) -> None:
    try:
        with database.engine.connect() as source, target.begin() as into:
            create(into, database.tables)
            copy_rows(source, into, database.tables, advance)
            _move_sequences(into, database.tables)
    finally:
        target.dispose()


def _move_sequences(connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """Let PostgreSQL number on where the copied rows end."""
    for table in tables:
        column = table.autoincrement_column
        if column is None:
            continue
        last = connection.execute(sa.select(sa.func.max(column))).scalar()
        if last is not None:
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(sa.select(sa.func.setval(sequence, last)))


def _open_key_store(settings: Settings, secrets: Secrets) -> None:
    """Opened once, so that wrong keys are noticed and destroyed ones forgotten before anything runs."""
    engine = open_engine(settings.database_of(KEYS))
    try:
        KeyStore(engine, secrets)
    except WrongKey as error:
        raise BackupError(f"these are not the keys of this backup: {error}") from error
    finally:
        engine.dispose()


def _open_epochs(settings: Settings, manifest: Manifest) -> Restored:
    """Every journal goes on in a new epoch; its first event says so, and the ledger hears of it."""
    until = max(datetime.now(UTC), manifest.finished)
    epochs = {}
    for service in WRITERS:
        with _journal(settings, service, manifest.ward) as journal, journal.transaction() as connection:
            _next_epoch(journal, connection)
            event = EpochOpened(
                ward=manifest.ward,
                service=service,
                epoch=journal.epoch,
                continues_after=journal.head,
                missing_from=manifest.started,
                missing_until=until,
            )
            cause = f"restore:{manifest.started.isoformat()}"
            journal.append(connection, [Draft(event=event, occurred_at=until, causation=cause)])
            epochs[service] = journal.epoch
            for row in connection.execute(sa.select(SERIES)).all():
                on = (row.last // NUMBERS + 1) * NUMBERS
                connection.execute(sa.update(SERIES).where(SERIES.c.key == row.key).values(last=on))
    with _journal(settings, LEDGER, manifest.ward) as log:
        with log.transaction() as connection:
            _next_epoch(log, connection)
        epochs[LEDGER] = log.epoch
        _tell(Ledger(log), settings, manifest.ward)
        position, root = log.head, LedgerReader(log.engine, log.log).root()
    return Restored(
        ward=manifest.ward,
        epochs=epochs,
        position=position,
        root=root,
        inbox=manifest.inbox,
        missing_from=manifest.started,
        missing_until=until,
    )


def _tell(ledger: Ledger, settings: Settings, ward: str) -> None:
    """Let the ledger hear now what it had not heard when it was copied; its tree goes on over what it had."""
    for service in WRITERS:
        with _journal(settings, service, ward) as journal:
            while page := journal.read(ledger.cursors.position(service), PAGE):
                ledger.hear([text for _, text in page])


@contextmanager
def _journal(settings: Settings, service: str, ward: str) -> Iterator[Journal]:
    with closing(Journal(settings.database_of(service), service, ward, tables=tables_of(service))) as journal:
        yield journal


def _next_epoch(journal: Journal, connection: sa.Connection) -> None:
    journal.epoch += 1
    connection.execute(sa.update(META).where(META.c.key == "epoch").values(value=str(journal.epoch)))
