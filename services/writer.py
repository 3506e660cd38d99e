"""The three services that take messages from outside are wired the same way; only their rules differ."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from faststream import FastStream
from nats.aio.msg import Msg

from events import Recorded
from services.bus import check_durables, make_broker, subscribe
from services.clock import Clock, system_clock
from services.database import open_engine
from services.desk import Arrived, Desk, Rules
from services.health import attach
from services.hearing import CURSORS, LogChanged
from services.inbox import Delivery, delivered
from services.journal import Journal, SecondWriter
from services.listening import listen
from services.mark import Mark, SetBack
from services.missed import missed
from services.relay import EventsAhead, Relay
from services.seal import KeyStore, Secrets
from services.settings import Settings
from services.streams import HEARS, MIB, again_subject
from services.tables import WRITER_TABLES
from services.vitals import Vitals

DELIVERY_HEADER = "Yoake-Delivery"
CATCH_UP = 2.0
"""Seconds between asking for events that were acknowledged and are not here."""

UNHURRIED = 0.05
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
    key_engine = open_engine(settings.database_of("keys"))
    keys = KeyStore(key_engine, secrets)
    journal = Journal(settings.database_of(service), service, ward.id, tables=[*WRITER_TABLES, CURSORS], clock=clock)
    desk = Desk(journal, rules, secrets, keys)
    broker = make_broker(settings.nats, service)
    relay = Relay(journal, broker)
    vitals = Vitals(journal, client=lambda: broker.connection, published=lambda: relay.position, cursors=desk.cursors)
    mark = Mark(settings.keys, journal, key_engine)
    reader = ThreadPoolExecutor(1, thread_name_prefix=f"reading-{service}")

    async def on_messages(messages: list[Msg]) -> None:
        await relay.compared.wait()
        parts = [(part, [_delivery(message, clock) for message in part]) for part in _parts(messages)]
        ahead = [asyncio.create_task(read(deliveries)) for _, deliveries in parts[1:]]
        for n, (part, deliveries) in enumerate(parts):
            await stopping(stop, journal.run(desk.take, deliveries, await ahead[n - 1] if n else None))
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
        found: set[str] = await stopping(stop, journal.run(desk.hear, records))
        return found

    async def ask_again(firsts: dict[str, int]) -> None:
        for source, first in firsts.items():
            await broker.publish(str(first).encode(), again_subject(ward.id, source))

    subscribe(broker, ward.id, service, on_messages, vitals)
    if service in HEARS:
        listen(broker, ward.id, service, hear, desk.cursors, vitals, pace=UNHURRIED)

    app = FastStream(broker, logger=None)
    attach(app, broker, vitals, settings.health)
    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        """Nothing is taken or published before this database was found to be no older than it was."""
        await journal.run(mark.check)
        while await journal.run(desk.prepare):
            pass  # A page at a time, so that the service shows that it lives.
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
        collect_rarely()
        tasks.append(asyncio.create_task(running(stop, begin())))

    @app.on_shutdown
    async def finish() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if relay.compared.is_set():
            await journal.run(mark.note)

    app.after_shutdown(reader.shutdown)
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
        desk.activate(ward, desk.journal.clock())  # Not the log's own, which a clock that was ahead has left behind.
