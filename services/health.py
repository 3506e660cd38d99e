"""`/healthz`, `/readyz` and `/metrics` of each process, and the server that serves them.

Healthy: the process turns and its writer thread gets on; otherwise restart it. Ready: it does its
work in time; otherwise the answer names each reason, with what to do, in both languages.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import msgspec
import uvicorn
from faststream import FastStream
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from events.ending import ended
from services.degraded import Degraded, Ready, is_ready
from services.logs import STARTED
from services.subjects import health_subject
from services.vitals import Vitals

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

log = logging.getLogger("yoake.health")


class Checked(Protocol):
    """A process that says how it is. `head`: how far its journal, or the ledger, goes."""

    service: str
    registry: CollectorRegistry

    @property
    def head(self) -> int: ...

    def is_healthy(self) -> bool: ...

    def degraded(self) -> list[Degraded]: ...


def routes(vitals: Checked) -> list[Route]:
    """The three addresses of one process. `is_healthy` is asked on the event loop, the rest in a thread."""

    async def healthy(_: Request) -> Response:
        if vitals.is_healthy():
            return PlainTextResponse("ok")
        return PlainTextResponse("the writer thread is stuck; restart the service", status_code=503)

    def ready(_: Request) -> Response:
        found = vitals.degraded()
        answer = Ready(is_ready(found), vitals.service, vitals.head, found)
        status = 200 if answer.ready else 503
        return Response(msgspec.json.encode(answer), status_code=status, media_type="application/json")

    def metrics(_: Request) -> Response:
        return Response(generate_latest(vitals.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/healthz", healthy), Route("/readyz", ready), Route("/metrics", metrics)]


def attach(app: FastStream, broker: NatsBroker, vitals: Vitals, address: tuple[str, int] | None) -> None:
    """Let a service look at itself as long as it runs, and answer how it is: at `address`, and on the bus."""

    @broker.subscriber(health_subject(vitals.journal.ward, vitals.service))
    async def how_is_it(_: bytes) -> bytes:
        return vitals.encoded()

    if address:
        serve(app, Starlette(routes=routes(vitals)), address)
    running: list[asyncio.Task[None]] = []

    @app.on_startup
    async def start() -> None:
        running.append(asyncio.create_task(vitals.watch()))

    @app.after_startup
    async def started() -> None:
        log.info(STARTED, extra={"position": vitals.journal.head})

    @app.on_shutdown
    async def finish() -> None:
        await ended(running)


def serve(app: FastStream, pages: ASGIApp, address: tuple[str, int]) -> None:
    """Serve an application at an address as long as a service runs, NATS or no NATS."""
    server = Server(uvicorn.Config(pages, log_config=None, access_log=False, lifespan="off"))
    serving: list[asyncio.Task[None]] = []

    @app.on_startup
    async def start() -> None:
        serving.append(asyncio.create_task(server.serve([open_socket(address)])))

    @app.on_shutdown
    async def finish() -> None:
        server.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)


class Server(uvicorn.Server):
    """A web server that leaves the signals to the service it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def open_socket(address: tuple[str, int]) -> socket.socket:
    """A socket that listens there; nothing else can be done without it, so the process ends where it cannot be had."""
    try:
        return socket.create_server(address)
    except OSError as error:
        raise SystemExit(f"nothing can be served at {address[0]}:{address[1]}: {error.strerror}") from error
