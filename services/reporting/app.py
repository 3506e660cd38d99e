"""The reporting service, wired: it hears everybody, and keeps the ledger and the tallies."""

from __future__ import annotations

import asyncio

import msgspec
from faststream import FastStream
from faststream.nats.annotations import NatsMessage
from nats.js import JetStreamContext

from events import Recorded
from services.bus import check_durables, make_broker
from services.clock import Clock, system_clock
from services.health import attach
from services.journal import Journal
from services.listening import listen
from services.mark import Mark, SetBack
from services.missed import missed
from services.reporting.inquiry import Inquiry, further_facts
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.settings import Settings
from services.streams import ledger_subject
from services.vitals import Vitals
from services.writer import Halt, collect_rarely, halt, running, stopping

SERVICE = "reporting"


def build(settings: Settings, *, clock: Clock = system_clock, stop: Halt = halt) -> FastStream:
    """Wire the ledger; connects when it starts.

    Raises:
        services.ward.WardError, services.database.DatabaseError, services.journal.JournalError: it cannot start.
    """
    ward = settings.ward()
    journal = Journal(settings.database_of(SERVICE), SERVICE, ward.id, tables=LEDGER_TABLES, clock=clock)
    ledger = Ledger(journal)
    broker = make_broker(settings.nats, SERVICE)
    inquiry = Inquiry(journal.engine, journal.log)
    vitals = Vitals(
        journal,
        client=lambda: broker.connection,
        cursors=ledger.cursors,
        further=lambda: further_facts(inquiry),
    )
    mark, compared = Mark(settings.keys, journal), asyncio.Event()

    async def hear(texts: list[bytes], _: list[Recorded]) -> set[str]:
        await compared.wait()
        found: set[str] = await stopping(stop, journal.run(ledger.hear, texts))
        return found

    listen(broker, ward.id, SERVICE, hear, ledger.cursors, vitals)

    @broker.subscriber(ledger_subject(ward.id, "*"))
    async def how_far(asked: NatsMessage) -> bytes:
        service = asked.raw_message.subject.rpartition(".")[2]
        return msgspec.json.encode(ledger.cursors.heard(service))

    app = FastStream(broker, logger=None)
    attach(app, broker, vitals, settings.health)
    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        """Nothing is entered before this ledger was found to be no older than it was."""
        await journal.run(mark.check)
        await _refuse_older(broker.connection.jetstream(), ward.id, ledger)
        compared.set()
        await mark.keep()

    @app.after_startup
    async def start() -> None:
        await check_durables(broker, ward.id, SERVICE)
        collect_rarely()
        tasks.append(asyncio.create_task(running(stop, begin())))

    @app.on_shutdown
    async def finish() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
