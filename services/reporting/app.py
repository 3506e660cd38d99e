"""The reporting service, wired: it hears everybody, keeps the ledger and the tallies, and shows the pages."""

from __future__ import annotations

import asyncio

import msgspec
import nats.errors
from faststream import FastStream
from faststream.nats import NatsBroker
from faststream.nats.annotations import NatsMessage
from nats.js import JetStreamContext

from events import Recorded
from services.bus import check_durables, make_broker
from services.clock import Clock, system_clock
from services.degraded import Degraded, Facts, degraded
from services.health import attach, serve
from services.journal import Journal
from services.listening import listen
from services.mark import Mark, SetBack
from services.missed import missed
from services.reporting.inquiry import Inquiry
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.reporting.web import further_facts, pages
from services.settings import Settings
from services.streams import WRITERS, health_subject, ledger_subject
from services.vitals import Vitals
from services.writer import Halt, collect_rarely, halt, running, stopping

SERVICE = "reporting"
ASK = 3.0
"""Seconds between questions to the others how they are, and at most until they answer."""


def build(settings: Settings, *, clock: Clock = system_clock, stop: Halt = halt) -> FastStream:
    """Wire the ledger and the pages; connects when it starts.

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
    serve(app, pages(settings, journal, vitals), settings.pages)
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
        tasks.append(asyncio.create_task(_ask_the_others(broker, ward.id, vitals)))

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


async def _ask_the_others(broker: NatsBroker, ward: str, vitals: Vitals) -> None:
    """Keep what the other services say of themselves, for the pages; for ever."""
    while True:
        said = await asyncio.gather(*(_how_is(broker, ward, service) for service in WRITERS))
        vitals.others = [one for found in said for one in found]
        await asyncio.sleep(ASK)


async def _how_is(broker: NatsBroker, ward: str, service: str) -> list[Degraded]:
    try:
        answer = await broker.connection.request(health_subject(ward, service), b"", timeout=ASK)
    except nats.errors.NoRespondersError:
        return degraded(Facts(service=service, running=False))
    except nats.errors.TimeoutError:
        # Without NATS nobody answers, and that is said already.
        return degraded(Facts(service=service, answers=False)) if broker.connection.is_connected else []
    except (nats.errors.Error, OSError):
        return []
    return msgspec.json.decode(answer.data, type=list[Degraded])
