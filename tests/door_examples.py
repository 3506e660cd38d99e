"""A real NATS, the services that take messages in this process, and a door: what the tests of the door share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import nats
from faststream import FastStream

from deploy.access import Access
from deploy.natsd import NatsServer, declare
from services.handover import app as handover
from services.intake import app as intake
from services.intake.door import Door
from services.placement import app as placement
from services.seal import Secrets
from services.settings import Settings
from services.ward import load
from tests.running import WARD

BUILDS = {"intake": intake.build, "placement": placement.build, "handover": handover.build}


class Doorway:
    """A door with the services behind it, which can be stopped and started."""

    def __init__(self, settings: Settings, door: Door, server: NatsServer) -> None:
        self.settings, self.door, self.server = settings, door, server
        self.apps: list[FastStream] = []

    async def open_services(self) -> None:
        """Start those that take messages."""
        self.apps = [build(self._for(service)) for service, build in BUILDS.items()]
        for app in self.apps:
            await app.start()

    def _for(self, service: str) -> Settings:
        return msgspec.structs.replace(self.settings, nats=self.server.url_of(service))

    async def close_services(self) -> None:
        """Stop whoever runs."""
        for app in self.apps:
            await app.stop()
        self.apps = []


@asynccontextmanager
async def doorway(directory: Path) -> AsyncIterator[Doorway]:
    """Everything started, each as its own user of NATS; stopped at the end. Nobody tried what it may not."""
    server = NatsServer(directory / "nats", 0, Access(directory / "nats", load(WARD)))
    await asyncio.to_thread(server.start)
    settings = Settings(
        ward_file=WARD,
        nats=server.url_of("front"),
        database=f"sqlite:///{directory}/{{service}}.db",
        keys=directory / "keys",
        pages=("127.0.0.1", 0),
    )
    try:
        await declare(server.url, settings.ward().id)
        connection = await nats.connect(settings.nats, max_reconnect_attempts=-1, reconnect_time_wait=1)
        try:
            async with Door(connection, settings.ward().id, Secrets.at(settings.keys).inbox) as door:
                running = Doorway(settings, door, server)
                await running.open_services()
                yield running
                await running.close_services()
        finally:
            await connection.close()
    finally:
        await asyncio.to_thread(server.stop)
    assert "Violation" not in (directory / "nats" / "server.log").read_text()
