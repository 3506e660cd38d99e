"""The reporting service, wired: it hears everybody, and keeps the ledger and the tallies."""

from __future__ import annotations

import asyncio

import msgspec
from faststream import FastStream
from faststream.nats.annotations import NatsMessage
from nats.js import JetStreamContext

from events import Recorded
from services.bus import make_broker
from services.journal import Journal
from services.listening import listen
from services.mark import Mark, SetBack
from services.missed import missed
from services.process import halting, living
from services.reporting.inquiry import Inquiry, further_facts
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.settings import Settings
from services.streams import ledger_subject
from services.vitals import Vitals

SERVICE = "reporting"


def build(settings: Settings) -> FastStream:
    """Wire the ledger; connects when it starts.

    Raises:
        services.ward.WardError, services.database.DatabaseError, services.journal.JournalError: it cannot start.
    """
    ward = settings.ward()
    journal = Journal(settings.database_of(SERVICE), SERVICE, ward.id, tables=LEDGER_TABLES)
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
        return await halting(journal.run(ledger.hear, texts))

    listen(broker, ward.id, SERVICE, hear, ledger.cursors, vitals)

    @broker.subscriber(ledger_subject(ward.id, "*"))
    async def how_far(asked: NatsMessage) -> bytes:
        service = asked.raw_message.subject.rpartition(".")[2]
        return msgspec.json.encode(ledger.cursors.heard(service))

    async def begin() -> None:
        """Nothing is entered before this ledger was found to be no older than it was."""
        await journal.run(mark.check)
        await _refuse_older(broker.connection.jetstream(), ward.id, ledger)
        compared.set()
        await mark.keep()

    return living(broker, vitals, mark, begin, compared, settings.health)


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
