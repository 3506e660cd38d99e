"""The reporting service, wired: it hears everybody, and keeps the ledger and the tallies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
from faststream import FastStream
from faststream.nats.annotations import NatsMessage
from nats.js import JetStreamContext

from events import Recorded
from services.bus import make_broker
from services.clock import system_clock
from services.database import open_reader
from services.journal import Journal
from services.listening import listen
from services.mark import Mark, SetBack
from services.missed import missed
from services.process import halting, living
from services.reporting.delivering import Delivering
from services.reporting.doing import Doing
from services.reporting.inquiry import Inquiry, further_facts
from services.reporting.known import Known
from services.reporting.ledger import LEDGER_TABLES, Ledger
from services.seal import KeyReader, Secrets
from services.settings import Settings
from services.subjects import ledger_subject, subscribers_subject
from services.vitals import Vitals
from services.webhook_secrets import WebhookSecrets

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
    delivering = Delivering(
        ward, journal, _known(settings, inquiry), lambda: broker.connection, secrets=_secrets(settings)
    )
    doing = Doing(journal, delivering)
    vitals = Vitals(
        journal,
        client=lambda: broker.connection,
        cursors=ledger.cursors,
        further=lambda: further_facts(inquiry),
        receivers=delivering.receivers,
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

    @broker.subscriber(subscribers_subject(ward.id))
    async def asked(errand: NatsMessage) -> bytes:
        await compared.wait()
        return await doing.answer(errand.raw_message.data)

    async def begin() -> None:
        """Nothing is entered before this ledger was found to be no older than it was."""
        await journal.run(mark.check)
        await _refuse_older(broker.connection.jetstream(), ward.id, ledger)
        compared.set()
        await asyncio.gather(mark.keep(), delivering.run())

    return living(broker, vitals, mark, begin, compared, settings.health)


def _known(settings: Settings, inquiry: Inquiry) -> Known:
    """What may be told of persons. The key store is opened when a subscriber of the ward first may read anything."""

    @cache
    def store() -> KeyReader:
        return KeyReader(open_reader(settings.database_of("keys")), Secrets.at(settings.keys))

    def opens(owners: Iterable[str], identity: str, box: str) -> dict[str, Any] | None:
        return store().opened(owners, identity, box)

    return Known(inquiry.ledger, opens, settings.ward().agency)


def _secrets(settings: Settings) -> Callable[[str], list[bytes]]:
    """What signs webhooks; the master key is read when the first is to be sent."""

    @cache
    def kept() -> WebhookSecrets:
        return WebhookSecrets(settings.keys, Secrets.at(settings.keys))

    return lambda subscriber: kept().of(subscriber, system_clock())


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
