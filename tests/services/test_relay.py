"""The relay against a real server: EVENTS holds every position, whatever the server forgot or was made to forget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from faststream.nats import NatsBroker
from nats.js import JetStreamContext

from deploy.natsd import NatsServer, declare
from events import decode
from services.journal import Journal
from services.relay import Relay
from services.subjects import EVENTS, again_subject
from services.tables import WRITER_TABLES
from tests.desk_examples import WARD
from tests.running import eventually
from tests.services.test_journal import written


@pytest.fixture
def bus_ward() -> str:
    """The ward of what is written here."""
    return WARD.id


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = Journal(f"sqlite:///{tmp_path}/intake.db", "intake", WARD.id, tables=WRITER_TABLES)
    yield opened
    opened.close()


@pytest.fixture
async def relay(journal: Journal, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    """A running relay that looks every two seconds, and has nobody to compare itself with."""
    monkeypatch.setattr("services.relay.CHECK", 2.0)
    monkeypatch.setattr("services.relay.LEDGER_PATIENCE", 0.1)
    publishing = Relay(journal, broker)
    await broker.start()
    running = asyncio.create_task(publishing.run())
    yield publishing
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def held(broker: NatsBroker) -> list[int]:
    """The positions in EVENTS, in its own order."""
    js: JetStreamContext = broker.connection.jetstream()
    last = (await js.stream_info(EVENTS)).state.last_seq
    return [decode((await js.get_msg(EVENTS, n)).data or b"").position for n in range(1, last + 1)]


async def holds(broker: NatsBroker, *positions: int) -> None:
    for _ in range(200):
        if set(positions) <= set(found := await held(broker)):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"EVENTS holds {found}")


async def write(journal: Journal, *cases: str) -> None:
    await journal.run(written, journal, *cases)


async def test_who_misses_events_gets_them_again(relay: Relay, journal: Journal, broker: NatsBroker) -> None:
    """Past the duplicate window, under ids of their own. The request is digits, which the library reads as JSON."""
    await write(journal, "A", "B", "C")
    await holds(broker, 1, 2, 3)
    await broker.publish(b"2", again_subject(WARD.id, "intake"))
    for _ in range(100):
        if await held(broker) == [1, 2, 3, 2, 3]:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"EVENTS holds {await held(broker)}")


async def test_an_events_made_anew_that_got_later_ones_first_is_filled_from_the_start(
    server: NatsServer, relay: Relay, journal: Journal, broker: NatsBroker
) -> None:
    """Deleted and declared between two looks: the last position alone would say that all is well."""
    await write(journal, "A", "B")
    await holds(broker, 1, 2)
    await broker.connection.jetstream().delete_stream(EVENTS)
    await declare(server.url, WARD.id)
    await write(journal, "C")
    await holds(broker, 1, 2, 3)


async def test_nothing_is_sent_on_the_next_connection(server: NatsServer, broker: NatsBroker) -> None:
    """What could not be sent to a server that died is refused, or forgotten; it would leave a hole before it."""
    await broker.start()
    connection = broker.connection
    heard: list[bytes] = []

    async def hear(message: object) -> None:
        heard.append(getattr(message, "data", b""))

    await connection.subscribe("probe", cb=hear)
    await connection.flush()
    server.kill()  # Nobody may notice before the next line.
    connection._pending.append(b"PUB probe 4\r\nhalf\r\n")
    connection._pending_data_size += 20
    await eventually(lambda: not connection.is_connected)
    with pytest.raises(Exception, match="buffer limit"):
        await connection.publish("probe", b"late")
    await asyncio.to_thread(server.start)
    await eventually(lambda: bool(connection.is_connected))
    await connection.publish("probe", b"new")
    await connection.flush()
    await eventually(lambda: bool(heard))
    assert heard == [b"new"]


async def test_a_database_that_does_not_answer_does_not_end_the_relay(
    relay: Relay, journal: Journal, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once ended in silence, and its service went on without it."""
    failing = iter([True, True])

    unpublished = relay._unpublished

    def locked() -> object:
        if next(failing, False):
            raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"))
        return unpublished()

    monkeypatch.setattr(relay, "_unpublished", locked)
    await write(journal, "A")
    await holds(broker, 1)
    await asyncio.sleep(1.5)
    await write(journal, "B")
    await holds(broker, 1, 2)


async def test_receipts_are_asked_for_only_where_some_were_written(
    relay: Relay, journal: Journal, broker: NatsBroker
) -> None:
    """Most commits of a service that only hears others write none."""
    await write(journal, "A")
    await holds(broker, 1)
    asked: list[str] = []
    sa.event.listen(journal.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    await write(journal, "B")
    await holds(broker, 1, 2)
    assert not [statement for statement in asked if "receipts" in statement]
