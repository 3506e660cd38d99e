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
from nats.js import JetStreamContext

from events import decode
from services.bus import check_durables, make_broker, subscribe
from services.clock import Clock, system_clock
from services.journal import Journal
from services.mark import Mark, SetBack
from services.missed import missed
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.reporting.web import pages
from services.settings import Settings
from services.streams import again_subject, ledger_subject
from services.writer import Halt, halt, running, stopping

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
    mark, compared = Mark(settings.keys, journal), asyncio.Event()

    async def on_events(messages: list[Msg]) -> None:
        await compared.wait()
        texts = [message.data for message in messages]
        gaps = await stopping(stop, journal.run(ledger.hear, texts))
        for message, record in zip(messages, map(decode, texts), strict=True):
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
    marking: list[asyncio.Task[None]] = []

    async def begin() -> None:
        """Nothing is entered before this ledger was found to be no older than it was."""
        await journal.run(mark.check)
        await _refuse_older(broker.connection.jetstream(), ward.id, ledger)
        compared.set()
        await mark.keep()

    @app.after_startup
    async def start() -> None:
        await check_durables(broker, ward.id, SERVICE)
        marking.append(asyncio.create_task(running(stop, begin())))
        serving.append(asyncio.create_task(server.serve([_listen(settings.pages)])))

    @app.on_shutdown
    async def finish() -> None:
        server.should_exit = True
        for task in marking:
            task.cancel()
        await asyncio.gather(*serving, *marking, return_exceptions=True)
        if compared.is_set():
            await journal.run(mark.note)

    app.after_shutdown(journal.close)
    return app


async def _refuse_older(js: JetStreamContext, ward: str, ledger: Ledger) -> None:
    """A ledger that was set back would hear again in another order, and what was published would not hold.

    Raises:
        SetBack: events were acknowledged that it does not hold.
    """
    for source, first in (await missed(js, ward, SERVICE, ledger.cursors)).items():
        raise SetBack(
            f"the ledger acknowledged {source} {first}, and does not hold it: it was restored from an older copy. Put "
            "back a newer copy, or restore everything together with `yoake restore`; nothing is entered until then"
        )


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
