"""What a service is told from outside. Read once, where a process starts; see docs/operations.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from services.ward import Ward, load

SERVICES = ("intake", "placement", "handover", "reporting")
FRONT = "front"
"""The process that shows the pages (窓口): it has no database of its own, and takes nothing from the bus."""

LEVELS = ("info", "debug")
"""With debug, every accepted message has a line of its own."""

FORMAT = 1
"""The version of what a data directory and a journal hold; a newer one is refused."""


class SettingsError(ValueError):
    """A setting that is missing or cannot be used; names it and says what is accepted."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a service needs to know to start.

    `database` is an SQLAlchemy URL in which `{service}` stands for the service's name, so that
    each has a database of its own. `keys` is the directory of the master key and the inbox key.
    `health` is where this service alone answers how it is; None: nowhere. `log` is a level of LEVELS.
    """

    ward_file: Path
    nats: str
    database: str
    keys: Path
    pages: tuple[str, int] = ("127.0.0.1", 18222)
    published: Path | None = None
    health: tuple[str, int] | None = None
    log: str = "info"

    def database_of(self, service: str) -> str:
        """The URL of one service's own database, or of the key store (`keys`)."""
        return self.database.replace("{service}", service)

    def ward(self) -> Ward:
        """The ward's file, read and checked.

        Raises:
            services.ward.WardError: the file cannot be used.
        """
        return load(self.ward_file)

    def environment(self) -> dict[str, str]:
        """These settings as the variables that `from_environment` reads."""
        host, port = self.pages
        given = {
            "YOAKE_WARD": str(self.ward_file),
            "YOAKE_NATS": self.nats,
            "YOAKE_DATABASE": self.database,
            "YOAKE_KEYS": str(self.keys),
            "YOAKE_PAGES": f"{host}:{port}",
        }
        if self.published:
            given["YOAKE_PUBLISHED"] = str(self.published)
        if self.health:
            given["YOAKE_HEALTH"] = f"{self.health[0]}:{self.health[1]}"
        return given | {"YOAKE_LOG": self.log}


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a service that runs on its own, as with `faststream run`.

    Raises:
        SettingsError: one is missing or does not fit.
    """
    missing = [n for n in ("YOAKE_WARD", "YOAKE_NATS", "YOAKE_DATABASE", "YOAKE_KEYS") if not environment.get(n)]
    if missing:
        raise SettingsError(f"{', '.join(missing)} not set; docs/operations.md lists every setting")
    if "{service}" not in environment["YOAKE_DATABASE"]:
        raise SettingsError("YOAKE_DATABASE must hold {service}, such as postgresql+psycopg://host/yoake_{service}")
    published, health = environment.get("YOAKE_PUBLISHED"), environment.get("YOAKE_HEALTH")
    return Settings(
        ward_file=Path(environment["YOAKE_WARD"]),
        nats=environment["YOAKE_NATS"],
        database=environment["YOAKE_DATABASE"],
        keys=Path(environment["YOAKE_KEYS"]),
        pages=_address("YOAKE_PAGES", environment.get("YOAKE_PAGES", "127.0.0.1:18222")),
        published=Path(published) if published else None,
        health=_address("YOAKE_HEALTH", health) if health else None,
        log=log_level(environment),
    )


def log_level(environment: Mapping[str, str] = os.environ) -> str:
    """The level of the log.

    Raises:
        SettingsError: it is none of LEVELS.
    """
    level = environment.get("YOAKE_LOG", "info")
    if level not in LEVELS:
        raise SettingsError(f"YOAKE_LOG: {level!r} is not one of {', '.join(LEVELS)}")
    return level


def _address(name: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"{name}: {text!r} is not HOST:PORT, such as 127.0.0.1:18222")
    return host, int(port)
