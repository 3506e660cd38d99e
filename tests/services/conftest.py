"""What tests of the bus and tests in a browser share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nats
import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client

from deploy.natsd import NatsServer, declare
from services.bus import make_broker

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def bus_ward() -> str:
    """For whose ward the durables are declared; a module may have another."""
    return "w"


@pytest.fixture
async def server(tmp_path: Path, bus_ward: str) -> AsyncIterator[NatsServer]:
    """A real server with our streams."""
    running = NatsServer(tmp_path / "nats", 0)
    await asyncio.to_thread(running.start)
    await declare(running.url, bus_ward)
    yield running
    await asyncio.to_thread(running.stop)


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    """Somebody who is connected to it."""
    connection = await nats.connect(server.url)
    yield connection
    await connection.close()


@pytest.fixture
async def broker(server: NatsServer) -> AsyncIterator[NatsBroker]:
    """A broker as the services have it; the test starts it."""
    made = make_broker(server.url, "test")
    yield made
    await made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module's tests. Not longer: its loop would be in the way of other tests' loops."""
    from tests.browser_examples import launched  # Only where it is asked for: the driver takes a while to import.

    with launched() as browser:
        yield browser
