"""A data directory: everything that one embedded Yoake keeps, and who runs on it now."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

import msgspec

from deploy.manifest import LEDGER_FILE, MANIFEST
from services.settings import FORMAT, Settings, log_level

DEFAULT = Path(".yoake")
ORPHANS = 20.0
"""Seconds given to the services of a runner that was killed."""


PAGE = 4096
"""Bytes that `running.json` takes at least, so that it can be overwritten where it stands."""


class DataError(RuntimeError):
    """A data directory that cannot be used; says why and what to do."""


class Kept(msgspec.Struct, frozen=True):
    """What the directory says of itself, in `yoake.json`."""

    format: int
    ward: str
    database: str | None = None
    demo: bool = False


class Running(msgspec.Struct, frozen=True):
    """Where the Yoake that runs on the directory can be reached, in `running.json`, readable by its owner alone.

    `nats` is an address with the credentials of somebody who may do everything.
    `services` are process numbers; `health` is where each answers /healthz, /readyz and /metrics.
    """

    pid: int
    nats: str
    pages: str
    services: dict[str, int] = {}
    health: dict[str, str] = {}
    troubles: dict[str, str] = {}
    """What the runner found wrong and is mending: a service, `nats` or a stream, and in what way."""


class DataDirectory:
    """Paths and facts of one data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def sqlite(self) -> str:
        """The default database URL: one SQLite file for each service."""
        return f"sqlite:///{self.path}/{{service}}.db"

    def kept(self) -> Kept:
        """What is kept here.

        Raises:
            DataError: nothing yet, unreadable, or of a newer release.
        """
        try:
            raw = (self / "yoake.json").read_bytes()
        except FileNotFoundError as error:
            self._refuse_a_backup()
            raise DataError(
                f"{self.path} holds no Yoake data; start with `yoake up` or `yoake demo`, or give --data"
            ) from error
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror}; give --data a directory that you may read") from error
        try:
            written = msgspec.json.decode(raw, type=dict[str, object])
            found = written.get("format")
            if isinstance(found, int) and found > FORMAT:
                raise DataError(
                    f"{self.path} was written by a newer release (format {found}; this one reads up to {FORMAT}): "
                    "use that release, or give --data another directory"
                )
            return msgspec.convert(written, Kept)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise DataError(f"{self.path}/yoake.json is damaged: {error}") from error

    def keep(self, kept: Kept) -> None:
        """Note what is kept here; makes the directory.

        Raises:
            DataError: it cannot be written, is a backup, or holds another ward's data.
        """
        if not (self / "yoake.json").exists():
            self._refuse_a_backup()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if (self / "yoake.json").exists():
                before = self.kept()
                if before.ward != kept.ward:
                    raise DataError(
                        f"{self.path} holds the ward {before.ward!r}, not {kept.ward!r}: give --data another directory"
                    )
            write_whole(self / "yoake.json", msgspec.json.encode(kept))
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror}; give --data a directory that you may write") from error

    def _refuse_a_backup(self) -> None:
        """Run as it is, it would be changed, and would go on in an epoch that others have gone on in."""
        if (self / MANIFEST).exists() and (self / LEDGER_FILE).exists():
            raise DataError(
                f"{self.path} is a backup, which stays as it is: `yoake restore {self.path} --data NEW` puts it "
                "into a directory that does not exist yet; then give --data NEW"
            )

    def lock(self) -> None:
        """Be the only one that runs here, until `unlock` or the end of this process.

        Where the one that ran here was killed, its services hold the lock until they have noticed and
        ended; that is waited for, so that a service manager can start the next at once.

        Raises:
            DataError: somebody else runs here; says where.
        """
        self._lock = (self / "lock").open("w")
        until = time.monotonic() + ORPHANS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if self.running() is not None or time.monotonic() > until:
                    raise self._taken() from error
                time.sleep(0.1)

    def _taken(self) -> DataError:
        running = self.running()
        where = f"; its pages are at {running.pages}" if running else ""
        return DataError(f"Yoake runs on {self.path} already{where}. Stop it first, or give --data another directory")

    def unlock(self) -> None:
        """Let others run here again."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def running(self) -> Running | None:
        """Who runs here, if anybody does."""
        try:
            running = msgspec.json.decode((self / "running.json").read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return running if is_alive(running.pid) else None

    def set_running(self, running: Running | None) -> None:
        """Say where the Yoake that runs here can be reached; None: it no longer runs."""
        if running is None:
            (self / "running.json").unlink(missing_ok=True)
            return
        content = msgspec.json.encode(running).ljust(PAGE)
        try:
            write_whole(self / "running.json", content)
        except OSError:  # The disk is full, which is just what is to be said: the page that is there needs no room.
            with (self / "running.json").open("r+b") as file:
                file.write(content)

    def settings(
        self, nats: str = "", pages: tuple[str, int] = ("127.0.0.1", 0), published: Path | None = None
    ) -> Settings:
        """The settings of the services on this directory.

        Raises:
            DataError: see `kept`.
        """
        kept = self.kept()
        return Settings(
            ward_file=self / "ward.toml",
            nats=nats,
            database=kept.database or self.sqlite,
            keys=self / "keys",
            pages=pages,
            published=published,
            log=log_level(),
        )


def running_on(directory: DataDirectory) -> Running:
    """The Yoake that runs on the directory.

    Raises:
        DataError: nothing runs on it.
    """
    directory.kept()
    running = directory.running()
    if running is None:
        raise DataError(f"Yoake does not run on {directory.path}: start it with `yoake up`, or give --data")
    return running


def without_password(url: str) -> str:
    """An address as it may be shown."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme or 'nats'}://{rest.rpartition('@')[2]}"


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # It lives, and belongs to somebody else.
        return True
    return True


def write_whole(path: Path, content: bytes) -> None:
    """Whole or not at all, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
