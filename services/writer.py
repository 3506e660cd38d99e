"""The three services that take messages from outside are wired the same way; only their rules differ."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

from faststream import FastStream
from nats.aio.msg import Msg

from events import Recorded
from services.bus import check_durables, listen, make_broker, subscribe
from services.clock import Clock, system_clock
from services.database import open_engine
from services.desk import Desk, Rules
from services.health import attach
from services.hearing import CURSORS, LogChanged
from services.inbox import Delivery, delivered
from services.journal import Journal, SecondWriter
from services.relay import EventsAhead, Relay
from services.seal import KeyStore, Secrets
from services.settings import Settings
from services.streams import HEARS, MIB
from services.tables import WRITER_TABLES
from services.vitals import Vitals

DELIVERY_HEADER = "Yoake-Delivery"
UNHURRIED = 0.025
"""Seconds between pulls of others' events: what is decided by them can wait so long."""

MOST_BYTES = MIB
"""How many bytes of messages go into one transaction, unless a single one is larger."""

log = logging.getLogger("yoake")

Halt = Callable[[BaseException], None]


def halt(error: BaseException) -> None:
    """Stop this process at once, and say why: going on would write what must not be written."""
    log.critical("stopped: %s", error)
    logging.shutdown()
    os._exit(os.EX_SOFTWARE)


def collect_rarely() -> None:
    """What is there when a service starts stays; what a batch makes is gone after it, and hardly ever is circular."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def build(
    service: str, rules: Rules[Any], settings: Settings, *, clock: Clock = system_clock, stop: Halt = halt
) -> FastStream:
    """Wire one service: its journal, what it hears, and its relay. Opens the journal; connects when it starts.

    Raises:
        services.ward.WardError, services.database.DatabaseError, services.journal.JournalError: it cannot start.
    """
    ward = settings.ward()
    secrets = Secrets.at(settings.keys)
    keys = KeyStore(open_engine(settings.database_of("keys")), secrets)
    journal = Journal(settings.database_of(service), service, ward.id, tables=[*WRITER_TABLES, CURSORS], clock=clock)
    desk = Desk(journal, rules, secrets, keys)
    broker = make_broker(settings.nats, service)
    relay = Relay(journal, broker)
    vitals = Vitals(journal, client=lambda: broker.connection, published=lambda: relay.position, cursors=desk.cursors)

    async def on_messages(messages: list[Msg]) -> None:
        for part in _parts(messages):
            deliveries = [_delivery(message, clock) for message in part]
            await stopping(stop, journal.run(desk.take, deliveries))
            for message in part:  # Only now that everything is committed.
                await message.ack()

    async def hear(_: list[bytes], records: list[Recorded]) -> set[str]:
        found: set[str] = await stopping(stop, journal.run(desk.hear, records))
        return found

    subscribe(broker, ward.id, service, on_messages, vitals)
    if service in HEARS:
        listen(broker, ward.id, service, hear, desk.cursors, vitals, pace=UNHURRIED)

    app = FastStream(broker, logger=None)
    attach(app, broker, vitals, settings.health)
    tasks: list[asyncio.Task[None]] = []

    @app.after_startup
    async def start() -> None:
        await check_durables(broker, ward.id, service)
        collect_rarely()
        if service == "intake":
            await journal.run(_activate, desk, settings)
        tasks.append(asyncio.create_task(_for_ever(stop, relay.run())))

    @app.on_shutdown
    async def finish() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app.after_shutdown(journal.close)
    return app


def _parts(messages: list[Msg]) -> Iterator[list[Msg]]:
    """What goes into one transaction each: a batch of many can be large, and the first should not wait for all."""
    part: list[Msg] = []
    size = 0
    for message in messages:
        if part and size + len(message.data) > MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(message)
        size += len(message.data)
    yield part


def _delivery(message: Msg, clock: Clock) -> Delivery:
    return delivered(message.subject, message.data, clock(), named=(message.headers or {}).get(DELIVERY_HEADER))


async def stopping(stop: Halt, work: Any) -> Any:
    try:
        return await work
    except (SecondWriter, LogChanged, EventsAhead) as error:
        stop(error)
        raise


async def _for_ever(stop: Halt, work: Any) -> None:
    """What must not end while the service runs: it would be missed by nobody, and the service goes on half."""
    try:
        await work
    except Exception as error:
        log.exception("ended")
        stop(error)
        raise


def _activate(desk: Desk[Any], settings: Settings) -> None:
    """The first start lets the ward's file be in force from before anything happened; a changed file from now on."""
    ward = settings.ward()
    if not desk.wards:
        desk.activate(ward, ward.start_of(ward.ward.registration_opens))
    elif desk.wards[-1][1] != ward:
        desk.activate(ward, desk.journal.clock())  # Not the log's own, which a clock that was ahead has left behind.
