"""The three services that take messages from outside are wired the same way; only their rules differ."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from faststream import FastStream
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from events import Recorded
from services.bus import make_broker, subscribe
from services.clock import system_clock
from services.database import open_engine
from services.desk import Arrived, Desk, Rules
from services.hearing import CURSORS, Cursors
from services.inbox import Delivery, delivered
from services.journal import Journal
from services.listening import listen
from services.mark import Mark
from services.missed import missed
from services.process import halting, living
from services.relay import Relay
from services.seal import KeyStore, Secrets
from services.settings import Settings
from services.streams import MIB
from services.subjects import HEARS, again_subject
from services.tables import WRITER_TABLES
from services.vitals import Vitals

DELIVERY_HEADER = "Yoake-Delivery"
CATCH_UP = 2.0
"""Seconds between asking for events that were acknowledged and are not here."""

UNHURRIED = 0.05
"""Seconds between pulls of others' events: what is decided by them can wait so long."""

LOOK = 1.0
"""Seconds between looks at what falls due, at most; the clock may have been set."""

MOST_BYTES = MIB
"""How many bytes of messages go into one transaction, unless a single one is larger."""

log = logging.getLogger("yoake.writer")


def build(service: str, rules: Rules[Any], settings: Settings) -> FastStream:
    """Wire one service: its journal, what it hears, and its relay. Opens the journal; connects when it starts.

    Raises:
        services.ward.WardError, services.database.DatabaseError, services.journal.JournalError: it cannot start.
    """
    ward = settings.ward()
    secrets = Secrets.at(settings.keys)
    key_engine = open_engine(settings.database_of("keys"))
    keys = KeyStore(key_engine, secrets)
    journal = Journal(settings.database_of(service), service, ward.id, tables=[*WRITER_TABLES, CURSORS, *rules.tables])
    desk = Desk(journal, rules, secrets, keys)
    broker = make_broker(settings.nats, service)
    relay = Relay(journal, broker)
    vitals = Vitals(journal, client=lambda: broker.connection, published=lambda: relay.position, cursors=desk.cursors)
    mark = Mark(settings.keys, journal, key_engine)
    sooner = asyncio.Event()
    reader = ThreadPoolExecutor(1, thread_name_prefix=f"reading-{service}")

    async def on_messages(messages: list[Msg]) -> None:
        await relay.compared.wait()
        parts = [(part, [_delivery(message) for message in part]) for part in _parts(messages)]
        ahead = [asyncio.create_task(read(deliveries)) for _, deliveries in parts[1:]]
        for n, (part, deliveries) in enumerate(parts):
            await halting(journal.run(desk.take, deliveries, await ahead[n - 1] if n else None))
            if desk.has_planned:
                sooner.set()
            for message in part:  # Only now that everything is committed.
                await message.ack()

    async def read(deliveries: list[Delivery]) -> list[Arrived] | None:
        """Read the next ones while the writer waits for its database."""
        try:
            return await asyncio.get_running_loop().run_in_executor(reader, desk.read, deliveries)
        except Exception:
            return None  # It fails again as it is taken, where what fails can be parked.

    async def hear(_: list[bytes], records: list[Recorded]) -> set[str]:
        await relay.compared.wait()
        gaps = await halting(journal.run(desk.hear, records))
        if desk.has_planned:
            sooner.set()
        return gaps

    async def begin() -> None:
        """Nothing is taken or published before this database was found to be no older than it was."""
        await journal.run(mark.check)
        while await journal.run(desk.prepare):
            pass  # A page at a time, so that the service shows that it lives.
        if service == "intake":
            await journal.run(_activate, desk, settings)
        hearing = [_catch_up(broker, ward.id, service, desk.cursors)] if service in HEARS else []
        await journal.run(desk.begin)
        await asyncio.gather(mark.keep(), relay.run(), halting(keep_time(desk, relay.compared, sooner)), *hearing)

    subscribe(broker, ward.id, service, on_messages, vitals)
    if service in HEARS:
        listen(broker, ward.id, service, hear, desk.cursors, vitals, pace=UNHURRIED)

    return living(broker, vitals, mark, begin, relay.compared, settings.health)


async def keep_time(desk: Desk[Any], compared: asyncio.Event, sooner: asyncio.Event) -> None:
    """Let what is planned fall due, for ever. `sooner` is set when something was planned meanwhile."""
    await compared.wait()
    while True:
        sooner.clear()
        desk.has_planned = False
        try:
            due = desk.look_at if desk.nothing_is_due() else await desk.journal.run(desk.fall_due)
        except sa.exc.OperationalError as error:
            log.warning("what falls due must wait for the database: %s", type(error).__name__)
            due = None
        wait = LOOK if due is None else (due - desk.journal.clock()).total_seconds()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(wait, 0.0), LOOK)):
                await sooner.wait()


async def _catch_up(broker: NatsBroker, ward: str, service: str, cursors: Cursors) -> None:
    """An older copy that has published nothing since only has to hear again; the others may still be starting."""
    while firsts := await missed(broker.connection.jetstream(), ward, service, cursors):
        for source, first in firsts.items():
            await broker.publish(str(first).encode(), again_subject(ward, source))
        await asyncio.sleep(CATCH_UP)


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


def _delivery(message: Msg) -> Delivery:
    named = (message.headers or {}).get(DELIVERY_HEADER)
    return delivered(message.subject, message.data, system_clock(), named=named)


def _activate(desk: Desk[Any], settings: Settings) -> None:
    """The first start lets the ward's file be in force from before anything happened; a changed file from now on."""
    ward = settings.ward()
    if not desk.wards:
        desk.activate(ward, ward.start_of(ward.ward.registration_opens))
    elif desk.wards[-1][1] != ward:
        desk.activate(ward, desk.journal.clock())  # Not the log's own, which a clock that was ahead has left behind.
