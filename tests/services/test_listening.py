"""Events against a real NATS: whatever is delivered twice, late or to somebody who died, nothing stays unheard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from deploy.natsd import NatsServer, declare
from events import Recorded, decode
from services import streams
from services.hearing import CURSORS, Cursors
from services.journal import Journal
from services.listening import listen
from services.missed import missed
from services.subjects import EVENTS, again_subject, event_subject
from tests.running import eventually

RELEASED = Path(__file__).parents[1] / "events" / "released"
ACK_WAIT = 3.0


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server gives a message again sooner than ours do."""
    monkeypatch.setattr(streams, "ACK_WAIT", ACK_WAIT)


class Listener:
    """Hears as the services do, and notes it in memory. `failing`: the event at which it fails, once."""

    def __init__(self, broker: NatsBroker, directory: Path, service: str = "reporting", failing: str = "") -> None:
        self.heard: list[tuple[str, int]] = []
        self.failed = False
        self._failing = failing
        journal = Journal(f"sqlite:///{directory}/{service}.db", service, "w", tables=[CURSORS])
        self.cursors = Cursors(journal.engine)
        journal.close()
        listen(broker, "w", service, self._hear, self.cursors)

    async def _hear(self, _: list[bytes], records: list[Recorded]) -> set[str]:
        if not self.failed and self._failing in {record.id for record in records}:
            self.failed = True
            raise OSError("the database is gone")
        gaps = set()
        for record in records:
            if self.cursors.is_next(record):
                self.cursors.advance(record)
                self.heard.append((record.service, record.position))
            elif record.position > self.cursors.position(record.service):
                gaps.add(record.service)
        return gaps


def an_event(service: str, position: int) -> tuple[str, bytes]:
    """A released event of a service, as if it stood at this position of its log; on its subject."""
    name = {"intake": "call.received", "placement": "placement.arranged"}[service]
    released = decode((RELEASED / f"{name}.v1.json").read_bytes())
    id_ = f"{service}-{position}"
    told = msgspec.json.encode(msgspec.structs.replace(released, ward="w", service=service, position=position, id=id_))
    record = decode(told)
    return event_subject("w", service, record.type, record.case), told


async def publish(client: Client, service: str, *positions: int) -> None:
    for position in positions:
        subject, told = an_event(service, position)
        await client.jetstream().publish(subject, told, stream=EVENTS)


async def everything_is_acknowledged(client: Client, service: str = "reporting") -> None:
    for _ in range(100):
        info = await client.jetstream().consumer_info(EVENTS, f"{service}-events")
        if not (info.num_ack_pending or info.num_pending):
            return
        await asyncio.sleep(0.05)
    pytest.fail("it is still not acknowledged")


async def test_what_was_delivered_to_one_who_died_is_heard(client: Client, broker: NatsBroker, tmp_path: Path) -> None:
    """Another log's event comes behind it, and nothing of its own. It was acknowledged with that one once, and lost."""
    await publish(client, "intake", 1)
    died = await client.jetstream().pull_subscribe_bind("reporting-events", EVENTS)
    assert len(await died.fetch(1)) == 1
    await publish(client, "placement", 1, 2)
    listener = Listener(broker, tmp_path)
    await broker.start()
    await eventually(lambda: len(listener.heard) == 3)
    assert listener.heard == [("placement", 1), ("placement", 2), ("intake", 1)]
    await everything_is_acknowledged(client)


async def test_what_was_in_a_batch_that_failed_is_heard(
    client: Client, broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is gone for a moment; what comes after it is delivered before what was given back."""
    give_back = Msg.nak
    monkeypatch.setattr(Msg, "nak", lambda message, delay=None: give_back(message, delay=ACK_WAIT))
    listener = Listener(broker, tmp_path, failing="placement-2")
    await broker.start()
    await publish(client, "placement", 1)
    await everything_is_acknowledged(client)
    await publish(client, "placement", 2)
    await eventually(lambda: listener.failed)
    await publish(client, "intake", 1)
    await eventually(lambda: len(listener.heard) == 3)
    assert listener.heard == [("placement", 1), ("intake", 1), ("placement", 2)]
    await everything_is_acknowledged(client)


async def test_what_was_delivered_when_the_connection_broke_is_heard(
    client: Client, broker: NatsBroker, tmp_path: Path
) -> None:
    """The server had delivered it, and it never came. Whoever else pulls stands for the broken connection."""
    listener = Listener(broker, tmp_path)
    await broker.start()
    await publish(client, "placement", 1)
    await everything_is_acknowledged(client)
    dying = await client.jetstream().pull_subscribe_bind("reporting-events", EVENTS)
    astray = asyncio.create_task(dying.fetch(1))
    for position in range(1, 20):  # Both pull, and the server serves them in turns.
        await publish(client, "intake", position)
        if (await asyncio.wait([astray], timeout=0.2))[0]:
            break
    before = len(listener.heard)
    broker.connection._transport._io_writer.transport.abort()  # type: ignore[union-attr]  # Connected, so it is there.
    await eventually(lambda: broker.connection.stats["reconnects"] == 1)
    await publish(client, "placement", 2)
    await eventually(lambda: len(listener.heard) == before + 2)
    assert listener.heard[-2:] == [("placement", 2), ("intake", position)]
    await everything_is_acknowledged(client)


async def test_what_is_left_of_a_stream_that_was_deleted_acknowledges_nothing_of_the_new_one(
    server: NatsServer, client: Client, broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EVENTS is made anew while an event of it is still being handled here: the new one gives its number again."""
    may_go_on, began = asyncio.Event(), asyncio.Event()
    hear = Listener._hear

    async def hears_slowly(listener: Listener, texts: list[bytes], records: list[Recorded]) -> set[str]:
        began.set()
        await may_go_on.wait()
        return await hear(listener, texts, records)

    monkeypatch.setattr(Listener, "_hear", hears_slowly)
    listener = Listener(broker, tmp_path)
    await broker.start()
    await publish(client, "placement", 1)
    await began.wait()
    await client.jetstream().delete_stream(EVENTS)
    await declare(server.url, "w")
    await publish(client, "intake", 1)
    died = await client.jetstream().pull_subscribe_bind("reporting-events", EVENTS)
    assert [decode(message.data).service for message in await died.fetch(1)] == ["intake"]
    may_go_on.set()
    await eventually(lambda: listener.heard == [("placement", 1), ("intake", 1)])
    await everything_is_acknowledged(client)


async def test_what_comes_late_on_one_log_holds_up_no_acknowledgement(
    client: Client, broker: NatsBroker, tmp_path: Path
) -> None:
    """Nothing went astray: what was heard is acknowledged at once, and does not come again."""
    listener = Listener(broker, tmp_path)
    await broker.start()
    for position in range(1, 6):
        await publish(client, "intake", position)
        await publish(client, "placement", position)
    await eventually(lambda: len(listener.heard) == 10)
    await everything_is_acknowledged(client)
    info = await client.jetstream().consumer_info(EVENTS, "reporting-events")
    assert info.delivered is not None
    assert info.delivered.consumer_seq == 10


async def test_an_event_from_beyond_the_end_of_its_log_holds_up_nobody(
    client: Client, broker: NatsBroker, tmp_path: Path
) -> None:
    """Its relay says that its log is empty: what claims to be its fifth event is acknowledged, and has no effect."""

    async def empty(message: Msg) -> None:
        await message.respond(b"0")

    await client.subscribe(again_subject("w", "intake"), cb=empty)
    listener = Listener(broker, tmp_path, "placement")
    await broker.start()
    await publish(client, "intake", 5)
    await everything_is_acknowledged(client, "placement")
    assert listener.heard == []


async def test_what_is_published_while_it_looks_was_not_missed(
    client: Client, broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between asking for the durable and reading the last event one more comes: once the ledger stopped itself."""
    listener = Listener(broker, tmp_path)
    await broker.start()
    await publish(client, "intake", 1)
    await everything_is_acknowledged(client)
    await broker.stop()  # So that what comes now is not heard.
    asked = JetStreamContext.consumer_info

    async def asking(js: JetStreamContext, stream: str, durable: str, *more: Any) -> ConsumerInfo:
        found: ConsumerInfo = await asked(js, stream, durable, *more)
        await publish(client, "intake", 2)
        return found

    monkeypatch.setattr(JetStreamContext, "consumer_info", asking)
    assert await missed(client.jetstream(), "w", "reporting", listener.cursors) == {}


async def test_a_number_of_an_events_that_is_gone_names_nothing(
    client: Client, broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew between two questions: what the old durable acknowledged is another event's number in the new one."""
    listener = Listener(broker, tmp_path)
    await broker.start()
    await publish(client, "intake", 1)
    await everything_is_acknowledged(client)
    await broker.stop()
    await publish(client, "intake", 2)  # Nobody has heard it, under a number that the old one had long given out.
    asked, looks = JetStreamContext.consumer_info, list[int]()

    async def asking(js: JetStreamContext, stream: str, durable: str, *more: Any) -> ConsumerInfo:
        found: ConsumerInfo = await asked(js, stream, durable, *more)
        assert found.ack_floor is not None
        looks.append(found.ack_floor.stream_seq)
        found.ack_floor.stream_seq += 1 if len(looks) == 1 else 0
        return found

    monkeypatch.setattr(JetStreamContext, "consumer_info", asking)
    assert await missed(client.jetstream(), "w", "reporting", listener.cursors) == {}
    assert looks == [1, 1]


async def test_what_was_acknowledged_and_is_not_here_was_missed(
    client: Client, broker: NatsBroker, tmp_path: Path
) -> None:
    """The same look finds what an older copy of the database lacks."""
    listener = Listener(broker, tmp_path)
    await broker.start()
    await publish(client, "intake", 1, 2)
    await everything_is_acknowledged(client)
    older = Journal(f"sqlite:///{tmp_path}/older.db", "reporting", "w", tables=[CURSORS])
    assert await missed(client.jetstream(), "w", "reporting", Cursors(older.engine)) == {"intake": 1}
    assert await missed(client.jetstream(), "w", "reporting", listener.cursors) == {}
    older.close()


@pytest.mark.parametrize("more", [0, 1], ids=["nothing else comes", "something else waits"])
async def test_a_log_that_was_not_heard_before_is_heard_from_its_beginning(
    server: NatsServer, client: Client, broker: NatsBroker, tmp_path: Path, more: int
) -> None:
    """A release hears one service more than the one before: its durable is past what that had said by then."""
    js = client.jetstream()
    old = (await js.consumer_info(EVENTS, "handover-events")).config
    old.filter_subjects = ["events.w.intake.>"]
    await js.add_consumer(EVENTS, old)
    await publish(client, "placement", 1, 2)
    await publish(client, "intake", 1)
    pulling = await js.pull_subscribe_bind("handover-events", EVENTS)
    await (await pulling.fetch(1))[0].ack_sync()
    listener = Listener(broker, tmp_path, "handover")
    listener.cursors.advance(decode(an_event("intake", 1)[1]))
    await publish(client, "intake", *range(2, 2 + more))

    assert await declare(server.url, "w") == ["handover-events of EVENTS renewed"]
    assert await missed(js, "w", "handover", listener.cursors) == {"placement": 1}
    await broker.start()
    await publish(client, "placement", 1, 2)
    await eventually(lambda: len(listener.heard) == 2 + more)
    assert sorted(listener.heard) == [*[("intake", 2)][:more], ("placement", 1), ("placement", 2)]
    await everything_is_acknowledged(client, "handover")
    assert await missed(js, "w", "handover", listener.cursors) == {}
