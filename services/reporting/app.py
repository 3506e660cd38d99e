"""The reporting service, wired: it hears everybody, keeps the ledger and the tallies, and shows the pages."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import uvicorn
from faststream import FastStream
from faststream.nats.annotations import NatsMessage
from nats.aio.msg import Msg

from services.bus import check_durables, make_broker, subscribe
from services.clock import Clock, system_clock
from services.hearing import sifted
from services.journal import Journal
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.reporting.web import pages
from services.settings import Settings
from services.streams import HEARS, again_subject, ledger_subject
from services.writer import Halt, halt, stopping

SERVICE = "reporting"

log = logging.getLogger("yoake.reporting")


def build(settings: Settings, *, clock: Clock = system_clock, stop: Halt = halt) -> FastStream:
    """Wire the ledger and the pages; connects when it starts.

    Raises:
        services.ward.WardError, services.database.DatabaseError, services.journal.JournalError: it cannot start.
    """
    ward = settings.ward()
    journal = Journal(settings.database_of(SERVICE), SERVICE, ward.id, tables=LEDGER_TABLES, clock=clock)
    ledger = Ledger(journal)
    broker = make_broker(settings.nats, SERVICE)

    async def on_events(messages: list[Msg]) -> None:
        ours, strange = sifted(messages, ward.id, HEARS[SERVICE])
        for message in strange:
            await message.ack()
        gaps = await stopping(stop, journal.run(ledger.hear, [message.data for message, _ in ours]))
        for message, record in ours:
            heard = record.position <= ledger.cursors.position(record.service)
            await (message.ack() if heard else message.nak(delay=1))
        for source in gaps:
            first = ledger.cursors.position(source) + 1
            await broker.publish(str(first).encode(), again_subject(ward.id, source))

    subscribe(broker, ward.id, f"{SERVICE}-events", on_events)

    @broker.subscriber(ledger_subject(ward.id, "*"))
    async def how_far(asked: NatsMessage) -> bytes:
        service = asked.raw_message.subject.rpartition(".")[2]
        return msgspec.json.encode(ledger.cursors.heard(service))

    app = FastStream(broker, logger=None)
    server = _Server(uvicorn.Config(pages(settings, journal), log_level="warning", lifespan="off"))
    serving: list[asyncio.Task[None]] = []

    @app.after_startup
    async def start() -> None:
        await check_durables(broker, ward.id, SERVICE)
        serving.append(asyncio.create_task(server.serve([_listen(settings.pages)])))

    @app.on_shutdown
    async def finish() -> None:
        server.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)

    app.after_shutdown(journal.close)
    return app


class _Server(uvicorn.Server):
    """A web server that leaves the signals to the service it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(address: tuple[str, int]) -> socket.socket:
    try:
        return socket.create_server(address)
    except OSError as error:
        raise SystemExit(f"the pages cannot be served at {address[0]}:{address[1]}: {error.strerror}") from error
