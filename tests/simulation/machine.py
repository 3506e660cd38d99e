"""The machine on which services run: real wiring (`services.writer.build`) with the night's clock, disks, bus and loop.

What a process is made of is patched in where the wiring looks for it; its rules, its desk, its
journal, its relay and its pull loop are the product's own. Left out are the marks, the pages and what
looks at health: they change nothing in a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec
import sqlalchemy as sa

from events.seal import new_key
from services import blind, bus, database, desk, journal, listening, process, relay, seal, ward, writer
from services.reporting import app as reporting
from services.seal import Secrets
from services.ward import Ward
from tests.simulation import disk
from tests.simulation.broker import Broker, Pulling
from tests.simulation.loop import OWNER, PowerCut

SECRETS = Secrets(b"m" * 32, new_key())


def _own() -> Any:
    """The process in which this runs."""
    owner = OWNER.get()
    assert owner is not None, "services run within a process"
    return owner


class Inline:
    """Runs work on the loop, in the order in which it is given."""

    def shutdown(self) -> None:
        """Nothing is left to do."""


class Journal(journal.Journal):
    """The product's journal on a simulated disk; the power can go before and after each commit."""

    makes_schema = False

    def __init__(self, url: str, service: str, ward: str, *, tables: Any = (), **_: Any) -> None:
        own = _own()
        super().__init__(
            url,
            service,
            ward,
            tables=tables,
            clock=own.clock,
            new_id=own.new_id,
            executor=Inline(),  # type: ignore[arg-type]
        )

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with super().transaction() as connection:
            yield connection
            _own().commits("before")
        own = _own()
        own.commits("after")


def _create(connection: sa.Connection, tables: Any) -> bool:
    """Once; after that they stand on the disk already."""
    return Journal.makes_schema and database.create(connection, tables)


class Vitals:
    """Nobody looks."""

    def __init__(self, journal: Any, *, published: Any = None, **_: Any) -> None:
        self.journal, self.published = journal, published

    def asked(self, durable: str) -> None:
        """A pull loop got an answer."""

    def committed(self, rows: int, seconds: float) -> None:
        """A transaction was committed."""

    def not_committed(self, error: BaseException) -> None:
        """A transaction failed."""


class Mark:
    """No copy of a database is ever put back here."""

    def __init__(self, *_: Any) -> None:
        pass

    def check(self) -> None:
        """All is well."""

    async def keep(self) -> None:
        """For ever."""
        await asyncio.get_running_loop().create_future()


class Settings:
    """What a service is told as it starts."""

    keys = published = health = None
    nats = ""
    pages = ("", 0)

    def __init__(self, ward: Ward) -> None:
        self._ward = ward

    def ward(self) -> Ward:
        """The ward's file."""
        return self._ward

    def database_of(self, service: str) -> str:
        """A disk."""
        return f"disk:///{service}"


def _broker(*_: Any) -> Broker:
    return Broker()


def _living(
    broker: Broker, vitals: Any, mark: Any, begin: Any, compared: asyncio.Event, _: Any
) -> tuple[Broker, Any, Any]:
    return broker, vitals, begin


def _halt(error: BaseException) -> None:
    _own().halts(error)
    raise PowerCut


_read = ward.parse


@cache
def _parsed(content: bytes) -> Ward:
    return _read(msgspec.json.decode(content))


def _parse(content: dict[str, Any]) -> Ward:
    """Each file is read once; a night begins with the same one."""
    return _parsed(msgspec.json.encode(content))


_RECORDERS: dict[sa.Engine, Any] = {}
_make_recorder = journal._recorder


def _recorder(engine: sa.Engine) -> Any:
    """The library makes a class for each recorder, which is slow; one for each disk serves all seeds."""
    if engine not in _RECORDERS:
        _RECORDERS[engine] = _make_recorder(engine)
    return _RECORDERS[engine]


def _now() -> float:
    return asyncio.get_running_loop().time()


@contextmanager
def machine() -> Iterator[None]:
    """Everything that is built within runs here instead of on the real thing."""
    monotonic = SimpleNamespace(monotonic=_now)
    secrets = SimpleNamespace(at=lambda _: SECRETS)
    with ExitStack() as stack:

        def put(where: Any, **what: Any) -> None:
            for name, value in what.items():
                stack.enter_context(patch.object(where, name, value))

        put(writer, make_broker=_broker, open_engine=disk.open_engine, Secrets=secrets, Journal=Journal)
        put(writer, Vitals=Vitals, Mark=Mark, living=_living, ThreadPoolExecutor=lambda *_, **__: Inline())
        put(writer, system_clock=lambda: _own().clock())
        put(reporting, make_broker=_broker, Journal=Journal, Vitals=Vitals, Mark=Mark, living=_living)
        put(journal, open_engine=disk.open_engine, _recorder=_recorder)
        for maker in (journal, seal, blind):
            put(maker, create=_create)
        put(bus, PatientPull=Pulling, time=monotonic)
        for asking in (relay, listening):
            put(asking, _now=_now)
        put(process, halt=_halt)
        for reader in (ward, desk):
            put(reader, parse=_parse)
        yield
