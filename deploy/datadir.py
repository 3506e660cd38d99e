"""A data directory: everything that one embedded Yoake keeps, and who runs on it now."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

import msgspec

from services.settings import FORMAT, Settings

DEFAULT = Path(".yoake")


class DataError(RuntimeError):
    """A data directory that cannot be used; says why and what to do."""


class Kept(msgspec.Struct, frozen=True):
    """What the directory says of itself, in `yoake.json`."""

    format: int
    ward: str
    database: str | None = None
    demo: bool = False


class Running(msgspec.Struct, frozen=True):
    """Where the Yoake that runs on the directory can be reached, in `running.json`."""

    pid: int
    nats: str
    pages: str
    services: dict[str, int] = {}


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
            DataError: it cannot be written, or holds another ward's data.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if (self / "yoake.json").exists():
                before = self.kept()
                if before.ward != kept.ward:
                    raise DataError(
                        f"{self.path} holds the ward {before.ward!r}, not {kept.ward!r}: give --data another directory"
                    )
            _write(self / "yoake.json", msgspec.json.encode(kept))
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror}; give --data a directory that you may write") from error

    def lock(self) -> None:
        """Be the only one that runs here, until `unlock` or the end of this process.

        Raises:
            DataError: somebody else runs here; says where.
        """
        self._lock = (self / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            running = self.running()
            where = f"; its pages are at {running.pages}" if running else ""
            raise DataError(
                f"Yoake runs on {self.path} already{where}. Stop it first, or give --data another directory"
            ) from error

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
        else:
            _write(self / "running.json", msgspec.json.encode(running))

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
        )


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # It lives, and belongs to somebody else.
        return True
    return True


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
