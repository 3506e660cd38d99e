"""What this stack does by default and must not do here; each line was seen to bite."""

from __future__ import annotations

import asyncio
from pathlib import Path

import nats
import nats.js.errors
import pytest
from faststream import AckPolicy, FastStream
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.natsd import NatsServer, declare
from services import bus
from services.bus import BusError, PatientPull, check_durables, make_broker, subscribe
from services.handover import app as handover
from services.intake import app as intake
from services.placement import app as placement
from services.reporting import app as reporting
from services.settings import Settings
from services.streams import durables
from services.subjects import INBOX
from tests.running import WARD, eventually

BUILDS = {
    "intake": intake.build,
    "placement": placement.build,
    "handover": handover.build,
    "reporting": reporting.build,
}


@pytest.mark.parametrize("service", BUILDS)
async def test_no_subscription_is_on_a_default_policy(service: str, tmp_path: Path) -> None:
    """Every JetStream subscription of every service: manual acknowledgement, our loop, no declaring of streams."""
    settings = Settings(
        ward_file=WARD,
        nats="nats://127.0.0.1:1",
        database=f"sqlite:///{tmp_path}/{{service}}.db",
        keys=tmp_path / "keys",
        pages=("127.0.0.1", 0),
    )
    app: FastStream = BUILDS[service](settings)
    assert app.broker is not None
    pulling = [s for s in app.broker.subscribers if isinstance(s, BatchPullStreamSubscriber)]
    assert len(pulling) == (1 if service in ("intake", "reporting") else 2)
    for subscriber in pulling:
        assert isinstance(subscriber, PatientPull)
        assert subscriber.ack_policy is AckPolicy.MANUAL
        assert subscriber.stream.declare is False
    for closing in app._after_shutdown_calling:  # The service was never started, so it cannot be stopped.
        await closing()


async def test_a_handler_that_fails_gets_its_messages_again(server: NatsServer, client: Client) -> None:
    """The library's default would end the message for ever; ours gives it back after a short while."""
    heard: list[bytes] = []

    async def fails_once(messages: list[Msg]) -> None:
        heard.extend(message.data for message in messages)
        if len(heard) == 1:
            raise RuntimeError("this time it fails")
        for message in messages:
            await message.ack()

    broker = make_broker(server.url, "test")
    subscribe(broker, "w", "intake", fails_once)
    await broker.start()
    await client.jetstream().publish("inbox.w.p.intake.call-report", b"one")
    await eventually(lambda: len(heard) >= 2)
    await broker.stop()
    assert heard == [b"one", b"one"]
    assert (await client.jetstream().stream_info(INBOX)).state.messages == 0


async def test_bytes_that_are_no_json_reach_the_handler_as_they_are(server: NatsServer, client: Client) -> None:
    """The library would read each body by its content type, fail, and leave the whole batch behind, in silence."""
    heard: list[bytes] = []

    async def hear(messages: list[Msg]) -> None:
        for message in messages:
            heard.append(message.data)
            await message.ack()

    broker = make_broker(server.url, "test")
    subscribe(broker, "w", "intake", hear)
    bodies = [b'{"broken', "髙橋".encode("cp932"), b"[" * 20_000, b"9" * 5_000, b'{"good": 1}']
    for body, kind in zip(bodies, ("application/json", "text/plain", "", "application/json", ""), strict=True):
        headers = {"Content-Type": kind} if kind else None
        await client.jetstream().publish("inbox.w.p.intake.call-report", body, headers=headers)
    await broker.start()
    await eventually(lambda: len(heard) == len(bodies))
    await broker.stop()
    assert heard == bodies


HEADERS = {
    "a status of the server's, from a sender": (b"Status: 503", b""),
    "a header that is not UTF-8": (b"A: \xff\xfe", b"x"),
    "a header without a colon": (b"no colon", b"x"),
}
RAW = {
    "a subject that is not UTF-8": b"PUB inbox.w.\xff\xfe.intake.x 1\r\nx\r\n",
    "a wildcard for a provider": b"PUB inbox.w.*.intake.x 1\r\nx\r\n",
    **{
        name: b"HPUB inbox.w.a.intake.x %d %d\r\n%b%b\r\n" % (len(head), len(head) + len(body), head, body)
        for name, (line, body) in HEADERS.items()
        for head in [b"NATS/1.0\r\n" + line + b"\r\n\r\n"]
    },
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
async def test_what_no_client_would_send_is_handed_over_once(server: NatsServer, client: Client, raw: bytes) -> None:
    """Written to the server's port as it is. The client would stop reading, or take it for a word of the server's."""
    heard: list[bytes] = []

    async def hear(messages: list[Msg]) -> None:
        for message in messages:
            heard.append(message.data)
            await message.ack()

    host, _, port = server.url.removeprefix("nats://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n' + raw)
    writer.write(b"PUB inbox.w.p.intake.call-report 4\r\ngood\r\nPING\r\n")
    await asyncio.wait_for(reader.readuntil(b"PONG\r\n"), 10)
    writer.close()
    broker = make_broker(server.url, "test")
    subscribe(broker, "w", "intake", hear)
    await broker.start()
    await eventually(lambda: len(heard) == 2)
    await broker.stop()
    assert heard[1] == b"good"
    js = client.jetstream()
    assert (await js.stream_info(INBOX)).state.messages == 0
    assert (await js.consumer_info(INBOX, "intake")).num_redelivered == 0


async def test_one_message_is_handed_over_at_once(server: NatsServer, client: Client) -> None:
    """The library's loop would wait up to five seconds for a batch to fill."""
    came = asyncio.Event()

    async def hear(messages: list[Msg]) -> None:
        for message in messages:
            await message.ack()
        came.set()

    broker = make_broker(server.url, "test")
    subscribe(broker, "w", "intake", hear)
    await broker.start()
    await asyncio.sleep(0.3)
    await client.jetstream().publish("inbox.w.p.intake.call-report", b"one")
    await asyncio.wait_for(came.wait(), 2)
    await broker.stop()


async def test_what_is_idle_only_waits_on(server: NatsServer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing came all the while, or one message alone, nobody asks what is there; behind more somebody does."""
    monkeypatch.setattr(bus, "IDLE", 0.1)
    asked: list[bool] = []
    heard: list[list[bytes]] = []

    async def overhears(message: Msg) -> None:
        asked.append(b"no_wait" in message.data)

    async def takes(messages: list[Msg]) -> None:
        heard.append([message.data for message in messages])
        await asyncio.sleep(0.2)
        for message in messages:
            await message.ack()

    await client.subscribe("$JS.API.CONSUMER.MSG.NEXT.INBOX.intake", cb=overhears)
    broker = make_broker(server.url, "test")
    subscribe(broker, "w", "intake", takes)
    await broker.start()
    await eventually(lambda: len(asked) > 5)
    assert asked[:5] == [True, False, False, False, False]

    for text in (b"one", b"two", b"three", b"four"):
        await client.jetstream().publish("inbox.w.p.intake.call-report", text)
        await eventually(lambda: bool(heard))
    await eventually(lambda: len(heard) == 3)
    await eventually(lambda: asked[-2:] == [False, False])
    await broker.stop()
    assert heard == [[b"one"], [b"two"], [b"three", b"four"]]
    assert asked[asked.index(True, 1) :][:2] == [True, True]
    assert sum(asked) == 3


async def test_a_deleted_durable_is_survived(server: NatsServer, client: Client) -> None:
    """While it is missing the loop goes on asking; when it is declared again, everything arrives."""
    heard: list[bytes] = []

    async def hear(messages: list[Msg]) -> None:
        for message in messages:
            heard.append(message.data)
            await message.ack()

    broker = make_broker(server.url, "test")
    subscribe(broker, "w", "intake", hear)
    await broker.start()
    js = client.jetstream()
    await js.delete_consumer(INBOX, "intake")
    await js.publish("inbox.w.p.intake.call-report", b"meanwhile")
    await asyncio.sleep(1)
    await declare(server.url, "w")
    await eventually(lambda: heard == [b"meanwhile"])
    await broker.stop()


async def test_a_durable_with_an_old_configuration_is_refused(server: NatsServer, client: Client) -> None:
    """An existing durable keeps what it was made with, without a word; we compare, and say what to do."""
    js = client.jetstream()
    stream, wanted = next((s, c) for s, c in durables("w") if c.durable_name == "intake")
    wanted.max_ack_pending = 7
    await js.add_consumer(stream, wanted)
    broker = make_broker(server.url, "test")
    await broker.connect()
    with pytest.raises(BusError, match=r"max_ack_pending.*yoake streams"):
        await check_durables(broker, "w", "intake")
    assert await declare(server.url, "w") == ["intake of INBOX renewed"]
    await check_durables(broker, "w", "intake")
    await broker.stop()


async def test_what_nobody_would_take_is_not_stored(client: Client) -> None:
    """A mistyped service was stored once, acknowledged, and never heard."""
    with pytest.raises(nats.js.errors.NoStreamResponseError):
        await client.jetstream().publish("inbox.w.night.intakes.call-report", b"{}")


async def test_declaring_twice_changes_nothing(server: NatsServer) -> None:
    """`yoake streams` may run at any time."""
    assert await declare(server.url, "w") == []
