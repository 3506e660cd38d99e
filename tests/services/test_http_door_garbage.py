"""What the OpenAPI document allows, and what it does not, asked of a served door: no 5xx, and answers as described."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from services.credentials import FILE, Credentials
from services.intake.http import door_app
from tests.door_examples import doorway

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    ignored_auth,
]
EXAMPLES = 25


class Served(threading.Thread):
    """A door with the services behind it, on an event loop of its own, at an address."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.ready, self.token = threading.Event(), ""

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async with doorway(self._directory) as here:
            _, self.token = Credentials(here.settings.keys / FILE).new("day", datetime.now(UTC))
            config = uvicorn.Config(door_app(here.settings, here.door), log_config=None, lifespan="off")
            self.server = uvicorn.Server(config)
            self.ready.set()
            await self.server.serve([self._socket])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The door, for as long as these tests take."""
    door = Served(tmp_path_factory.mktemp("served"))
    door.start()
    assert door.ready.wait(30)
    yield door
    door.server.should_exit = True
    door.join(30)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_no_request_brings_the_door_down(mode: schemathesis.GenerationMode, served: Served) -> None:
    """Good requests and bad ones; every answer is one that the door's own document describes."""
    schema = schemathesis.openapi.from_url(f"{served.address}/v1/openapi.json")
    asked = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=found.ok().as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            asked.append(case.method)
            case.call_and_validate(headers={"Authorization": f"Bearer {served.token}"}, checks=CHECKS)

        ask()
    assert len(asked) > EXAMPLES
