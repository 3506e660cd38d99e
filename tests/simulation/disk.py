"""The disks of a simulated night: databases in memory that outlive the processes which write them.

A disk is a copy of a template, so that no seed makes a schema again. Engines are made once for each
process of ours and take whichever disk is in at the moment: what they have compiled serves all seeds.
"""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

Image = dict[str, bytes]
"""What stands on each disk, by the name of its database."""


class Kept(sqlite3.Connection):
    """A connection whose closing loses what is not committed, and nothing else."""

    def close(self) -> None:
        self.rollback()


class Disks:
    """One night's databases."""

    def __init__(self, image: Image | None = None) -> None:
        self._image = image or {}
        self._open: dict[str, Kept] = {}

    def connection(self, name: str) -> Kept:
        """The database of this name, as it stands."""
        if name not in self._open:
            made = sqlite3.connect(":memory:", factory=Kept, check_same_thread=False)
            if name in self._image:
                made.deserialize(self._image[name])
            self._open[name] = made
        return self._open[name]

    def image(self) -> Image:
        """Everything on these disks."""
        return {name: connection.serialize() for name, connection in self._open.items()}

    def scrap(self) -> None:
        """Let go of the memory."""
        for engine in _ENGINES.values():
            engine.dispose()
        for connection in self._open.values():
            sqlite3.Connection.close(connection)
        self._open.clear()


class Slot:
    """Where the present night's disks are put in."""

    disks: Disks | None = None

    def put(self, disks: Disks) -> None:
        """From now on these are written."""
        self.disks = disks


SLOT = Slot()
_ENGINES: dict[str, sa.Engine] = {}


def engine_of(name: str) -> sa.Engine:
    """The engine for the database of this name, whatever disk is in."""
    if name not in _ENGINES:

        def connect() -> sqlite3.Connection:
            assert SLOT.disks is not None, "disks are put in before anything is read"
            return SLOT.disks.connection(name)

        _ENGINES[name] = sa.create_engine("sqlite://", creator=connect, poolclass=sa.StaticPool)
    return _ENGINES[name]


def open_engine(url: str) -> sa.Engine:
    """As `services.database.open_engine`, for `disk:///NAME`."""
    return engine_of(url.rpartition("/")[2])
