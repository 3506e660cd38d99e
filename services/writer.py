"""The three services that take messages from outside are wired the same way; only their rules differ."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any

from faststream import FastStream
from nats.aio.msg import Msg

from events import decode
from services.bus import check_durables, make_broker, subscribe
from services.clock import Clock, system_clock
from services.database import open_engine
from services.desk import Desk, Rules
from services.hearing import CURSORS, LogChanged
from services.inbox import Delivery
from services.journal import Journal, SecondWriter
from services.mark import Mark, SetBack
from services.missed import missed
from services.relay import EventsAhead, Relay
from services.seal import KeyStore, Secrets
from services.settings import Settings
from services.streams import HEARS, again_subject
from services.tables import WRITER_TABLES

DELIVERY_HEADER = "Yoake-Delivery"
CATCH_UP = 2.0
"""Seconds between asking for events that were acknowledged and are not here."""

log = logging.getLogger("yoake")

Halt = Callable[[BaseException], None]


def halt(error: BaseException) -> None:
    """Stop this process at once, and say why: going on would write what must not be written."""
    log.critical("stopped: %s", error)
    logging.shutdown()
    os._exit(os.EX_SOFTWARE)


def build(
    service: str, rules: Rules[Any], settings: Settings, *, clock: Clock = system_clock, stop: Halt = halt
) -> FastStream:
    """Wire one service: its journal, what it hears, and its relay. Opens the journal; connects when it starts.

    Raises:
        services.ward.WardError, services.database.DatabaseError, services.journal.JournalError: it cannot start.
    """
    ward = settings.ward()
    secrets = Secrets.at(settings.keys)
    key_engine = open_engine(settings.database_of("keys"))
    keys = KeyStore(key_engine, secrets)
    journal = Journal(settings.database_of(service), service, ward.id, tables=[*WRITER_TABLES, CURSORS], clock=clock)
    desk = Desk(journal, rules, secrets, keys)
    broker = make_broker(settings.nats, service)
    relay = Relay(journal, broker)
    mark = Mark(settings.keys, journal, key_engine)

    async def on_messages(messages: list[Msg]) -> None:
        await relay.compared.wait()
        deliveries = [_delivery(message, service, clock) for message in messages]
        await stopping(stop, journal.run(desk.take, deliveries))
        for message in messages:  # Only now that everything is committed.
            await message.ack()

    async def on_events(messages: list[Msg]) -> None:
        await relay.compared.wait()
        records = [decode(message.data) for message in messages]
        gaps = await stopping(stop, journal.run(desk.hear, records))
        for message, record in zip(messages, records, strict=True):
            heard = record.position <= desk.cursors.position(record.service)
            await (message.ack() if heard else message.nak(delay=1))
        await ask_again({source: desk.cursors.position(source) + 1 for source in gaps})

    async def ask_again(firsts: dict[str, int]) -> None:
        for source, first in firsts.items():
            await broker.publish(str(first).encode(), again_subject(ward.id, source))

    subscribe(broker, ward.id, service, on_messages)
    if service in HEARS:
        subscribe(broker, ward.id, f"{service}-events", on_events)

    app = FastStream(broker, logger=None)
    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        """Nothing is taken or published before this database was found to be no older than it was."""
        await journal.run(mark.check)
        if service == "intake":
            await journal.run(_activate, desk, settings)
        tasks.append(asyncio.create_task(mark.keep()))
        if service in HEARS:
            tasks.append(asyncio.create_task(running(stop, catch_up())))
        await relay.run()

    async def catch_up() -> None:
        """An older copy that has published nothing since only has to hear again; the others may still be starting."""
        while firsts := await missed(broker.connection.jetstream(), ward.id, service, desk.cursors):
            await ask_again(firsts)
            await asyncio.sleep(CATCH_UP)

    @app.after_startup
    async def start() -> None:
        await check_durables(broker, ward.id, service)
        tasks.append(asyncio.create_task(running(stop, begin())))

    @app.on_shutdown
    async def finish() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if relay.compared.is_set():
            await journal.run(mark.note)

    app.after_shutdown(journal.close)
    return app


def _delivery(message: Msg, service: str, clock: Clock) -> Delivery:
    """A message as it came. Who it is from is what the subject says, which the server has authorised."""
    provider = message.subject.split(".")[2]
    named = (message.headers or {}).get(DELIVERY_HEADER)
    return Delivery(provider=provider, service=service, body=message.data, arrived=clock(), delivery=named)


async def stopping(stop: Halt, work: Any) -> Any:
    try:
        return await work
    except (SecondWriter, LogChanged, EventsAhead, SetBack) as error:
        stop(error)
        raise


async def running(stop: Halt, work: Any) -> None:
    """What must go on for as long as the process does: if it ends by a fault, the process ends, and starts anew."""
    try:
        await work
    except Exception as error:
        log.exception("this service cannot go on")
        stop(error)
        raise


def _activate(desk: Desk[Any], settings: Settings) -> None:
    """The first start lets the ward's file be in force from before anything happened; a changed file from now on."""
    ward = settings.ward()
    if not desk.wards:
        desk.activate(ward, ward.start_of(ward.ward.registration_opens))
    elif desk.wards[-1][1] != ward:
        desk.activate(ward, desk.journal.now())
