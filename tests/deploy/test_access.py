"""Who may do what on NATS: a real server, providers who try what they may not, and services that may do their work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import nats
import nats.errors
import nats.js.errors
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig

from deploy.access import ACCOUNT, Access
from deploy.natsd import NatsError, NatsServer, connect, declare
from events import adapter
from events.adapter import Adapter, NotSent
from events.courier import Unreachable
from events.over_nats import OverNats
from services.credentials import FILE, SUBSCRIBERS, Credentials
from services.subjects import DELIVERIES, EVENTS, HEARS, INBOX, RECEIPTS, WRITERS, again_subject, receipt_durable
from services.subscribers import Subscriber
from tests.desk_examples import WARD, call
from tests.running import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 4, 1, tzinfo=UTC)
PROVIDERS = [provider.id for provider in WARD.provider]
Try = Callable[["Guarded"], Awaitable[Any]]


class Guarded:
    """A server with its streams, what its administrator sees, and the night provider signed on to it."""

    def __init__(self, server: NatsServer, credentials: Credentials) -> None:
        self.server, self.credentials = server, credentials
        self.address = server.url.rpartition("@")[2]
        self.said: list[str] = []
        self.js: JetStreamContext
        self.night: Client

    async def sign_on(self, provider: str) -> Client:
        """With a new credential; what the server refuses is told."""
        return await self.client(await self.url_for(provider))

    async def url_for(self, provider: str) -> str:
        """The address with a new credential, when the server knows it."""
        made, token = self.credentials.new(provider, NOW)
        await self.renew()
        return f"nats://{made.name}:{token}@{self.address}"

    async def renew(self) -> None:
        """Let the server read its users again, and wait until it has."""
        log = self.server.directory / "server.log"
        before = log.read_text().count("Reloaded server configuration")
        self.server.renew()
        await eventually(lambda: log.read_text().count("Reloaded server configuration") > before)

    async def client(self, url: str) -> Client:
        """A connection whose errors are heard."""

        async def note(error: Exception) -> None:
            self.said.append(str(error))

        return await nats.connect(url, error_cb=note, allow_reconnect=False)

    async def held(self) -> dict[str, int]:
        """How many messages each stream ever held, and how many durables it has."""
        found = {}
        for name in (INBOX, EVENTS, RECEIPTS):
            info = await self.js.stream_info(name)
            found[name] = info.state.last_seq * 1_000 + info.state.messages
            found[f"{name} durables"] = info.state.consumer_count
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    """A receipt for each of two providers, an event, and a call of the day provider in INBOX."""
    directory = tmp_path_factory.mktemp("access")
    credentials = Credentials(directory / FILE)
    server = NatsServer(directory / "nats", 0, Access(directory / "nats", WARD, credentials))
    await asyncio.to_thread(server.start)
    await declare(server.url, WARD.id, providers=PROVIDERS)
    here = Guarded(server, credentials)
    admin = await connect(server.url)
    here.js = admin.jetstream()
    for provider in ("day", "night"):
        await here.js.publish(f"receipts.{WARD.id}.{provider}", f"for {provider}".encode())
    await here.js.publish(f"events.{WARD.id}.intake.call-received.c", b"an event")
    await here.js.publish(f"inbox.{WARD.id}.day.intake.call-report", b"a call")
    here.night = await here.sign_on("night")
    yield here
    await here.night.close()
    await admin.close()
    await asyncio.to_thread(server.stop)


async def test_a_provider_sends_as_itself_and_reads_its_own_receipts(guarded: Guarded) -> None:
    """By a durable of its own, which keeps them while it is away, and as they come."""
    js, heard = guarded.night.jetstream(timeout=2), asyncio.Event()
    ack = await js.publish(f"inbox.{WARD.id}.night.intake.call-report", b"{}", stream=INBOX)

    async def hear(_: Msg) -> None:
        heard.set()

    await guarded.night.subscribe(f"receipts.{WARD.id}.night", cb=hear)
    await guarded.night.flush()
    pulling = await js.pull_subscribe_bind(receipt_durable("night"), stream=RECEIPTS)
    [receipt] = await pulling.fetch(1, timeout=2)
    await receipt.ack_sync()
    await guarded.js.publish(f"receipts.{WARD.id}.night", b"another")

    assert ack.stream == INBOX
    assert receipt.data == b"for night"
    await asyncio.wait_for(heard.wait(), 2)
    assert [m.data for m in await pulling.fetch(5, timeout=1)] == [b"another"]


async def answers(client: Client, stream: str, durable: str) -> list[dict[str, Any]]:
    """Every answer to the question how a durable stands: a client takes the first for the answer."""
    heard: list[dict[str, Any]] = []

    async def hear(message: Msg) -> None:
        heard.append(msgspec.json.decode(message.data))

    reply = client.new_inbox()
    await client.subscribe(reply, cb=hear)
    await client.publish(f"$JS.API.CONSUMER.INFO.{stream}.{durable}", reply=reply)
    await client.flush()
    await asyncio.sleep(0.3)
    return heard


async def test_a_provider_is_told_how_its_own_durable_stands_and_of_no_others(guarded: Guarded) -> None:
    """Clients in many languages ask that before they pull; one answer, and not first that there is no JetStream."""
    [own] = await answers(guarded.night, RECEIPTS, receipt_durable("night"))
    said = len(guarded.said)

    assert (own["stream_name"], own["name"]) == (RECEIPTS, receipt_durable("night"))
    for stream, durable in ((RECEIPTS, receipt_durable("day")), (INBOX, "intake"), (DELIVERIES, "subscriber-office")):
        assert await answers(guarded.night, stream, durable) == []
    await eventually(lambda: len(guarded.said) >= said + 3)


async def test_a_subscriber_is_told_how_its_own_durable_stands_and_of_no_others(tmp_path: Path) -> None:
    """Two of a ward, both on NATS, neither of which hears of the other."""
    office = Subscriber(key="office", label=WARD.ward.name, way="nats", events=("handed-over",))
    other = msgspec.structs.replace(office, key="other")
    ward, tokens = msgspec.structs.replace(WARD, subscriber=(office, other)), Credentials(tmp_path / SUBSCRIBERS)
    made, token = tokens.new("subscriber-office", NOW)
    server = NatsServer(tmp_path / "nats", 0, Access(tmp_path / "nats", ward, subscribers=tokens))
    await asyncio.to_thread(server.start)
    try:
        await declare(server.url, ward.id, subscribers=["office", "other"])
        address = server.url.rpartition("@")[2]
        here = Guarded(server, tokens)
        client = await here.client(f"nats://{made.name}:{token}@{address}")
        [own] = await answers(client, DELIVERIES, "subscriber-office")

        assert (own["stream_name"], own["name"]) == (DELIVERIES, "subscriber-office")
        for stream, durable in ((DELIVERIES, "subscriber-other"), (RECEIPTS, receipt_durable("night"))):
            assert await answers(client, stream, durable) == []
        await eventually(lambda: len(here.said) >= 2)
        await client.close()
    finally:
        await asyncio.to_thread(server.stop)


def publishes(subject: str, body: bytes = b"forged") -> Try:
    """Publish on a subject of the ward."""
    return lambda here: here.night.publish(subject.replace("WARD", WARD.id), body)


def listens(subject: str) -> Try:
    """Subscribe to a subject; what comes is kept."""
    return lambda here: here.night.subscribe(subject.replace("WARD", WARD.id))


FORBIDDEN: dict[str, Try] = {
    "send as another": publishes("inbox.WARD.day.intake.call-report"),
    "send as one who has no credentials": publishes("inbox.WARD.contractor.intake.call-report"),
    "send to a service that there is not": publishes("inbox.WARD.night.intakes.call-report"),
    "forge an event": publishes("events.WARD.intake.call-received.c"),
    "forge a receipt": publishes("receipts.WARD.night"),
    "ask a relay to publish again": publishes("relay.WARD.intake.again", b"1"),
    "delete a receipt": publishes(f"$JS.API.STREAM.MSG.DELETE.{RECEIPTS}", b'{"seq": 1}'),
    "read another's receipts": listens("receipts.WARD.day"),
    "read everybody's receipts": listens("receipts.WARD.*"),
    "read events": listens("events.>"),
    "read what others send": listens("inbox.>"),
    "read everything": listens(">"),
    "listen to the server": listens("$JS.EVENT.>"),
}
JETSTREAM: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "look at INBOX": lambda js: js.stream_info(INBOX),
    "read an event": lambda js: js.get_msg(EVENTS, 1),
    "make a durable": lambda js: js.add_consumer(EVENTS, ConsumerConfig(durable_name="mine")),
    "change its own durable": lambda js: js.add_consumer(
        RECEIPTS, ConsumerConfig(durable_name=receipt_durable("night"), filter_subject="receipts.>")
    ),
    "delete a durable": lambda js: js.delete_consumer(INBOX, "intake"),
    "purge receipts": lambda js: js.purge_stream(RECEIPTS),
    "delete EVENTS": lambda js: js.delete_stream(EVENTS),
    "make a stream": lambda js: js.add_stream(StreamConfig(name="MINE", subjects=["mine.>"])),
    "read another's durable": lambda js: js.consumer_info(RECEIPTS, receipt_durable("day")),
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_a_provider_may_do_nothing_else_and_hears_why(guarded: Guarded, what: str) -> None:
    """Nothing changes, nothing comes, and both sides are told."""
    before, said = await guarded.held(), len(guarded.said)
    await FORBIDDEN[what](guarded)
    await guarded.night.flush()
    await eventually(lambda: len(guarded.said) > said)

    assert "violation" in guarded.said[-1]
    assert await guarded.held() == before
    assert "Violation" in (guarded.server.directory / "server.log").read_text()


@pytest.mark.parametrize("what", JETSTREAM)
async def test_a_provider_cannot_ask_jetstream_for_anything_else(guarded: Guarded, what: str) -> None:
    """Neither look, nor make, change, purge or delete."""
    before, said = await guarded.held(), len(guarded.said)
    with pytest.raises((nats.errors.Error, nats.js.errors.Error)):
        await JETSTREAM[what](guarded.night.jetstream(timeout=0.2))

    assert len(guarded.said) > said
    assert await guarded.held() == before


@pytest.mark.parametrize(
    "reply",
    [
        "events.WARD.intake.call-received.c",
        "inbox.WARD.day.intake.call-report",
        "receipts.WARD.day",
        "$JS.API.STREAM.PURGE.RECEIPTS",
        "$JS.API.STREAM.MSG.DELETE.RECEIPTS",
    ],
)
async def test_the_servers_own_answers_cannot_be_led_elsewhere(guarded: Guarded, reply: str) -> None:
    """The server answers to whatever subject a client names, permitted or not: outside its account there is none."""
    before = await guarded.held()
    where = reply.replace("WARD", WARD.id)
    await guarded.night.publish(f"inbox.{WARD.id}.night.intake.call-report", b"{}", reply=where)
    pull = f"$JS.API.CONSUMER.MSG.NEXT.{RECEIPTS}.{receipt_durable('night')}"
    await guarded.js.publish(f"receipts.{WARD.id}.night", b"to be led elsewhere")
    await guarded.night.publish(pull, b'{"batch": 1, "expires": 50000000}', reply=where)
    await guarded.night.flush()
    await asyncio.sleep(0.1)

    after = await guarded.held()
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(after, 0) | {
        INBOX: 1_001,
        RECEIPTS: 1_001,
    }


async def test_a_new_credential_disturbs_nobody_and_a_revoked_one_ends_at_once(guarded: Guarded) -> None:
    """Two of one provider: the other goes on, on the connection that it had."""
    first = await guarded.sign_on("day")
    second = await guarded.sign_on("day")
    name = guarded.credentials.all()[-1].name
    guarded.credentials.revoke(name, NOW)
    await guarded.renew()
    await eventually(lambda: not second.is_connected)

    assert first.is_connected
    assert guarded.night.is_connected
    await first.jetstream(timeout=2).publish(f"inbox.{WARD.id}.day.intake.call-report", b"{}", stream=INBOX)
    await first.close()


async def test_who_sends_as_another_is_told_why_by_the_kit(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a refusal looks like no answer; and what is not in force does not get in."""
    monkeypatch.setattr(adapter, "STORING", 0.3)
    url = await guarded.url_for("night")
    token = url.split(":")[2].partition("@")[0]
    async with Adapter(url, WARD.id, "day") as sender:
        with pytest.raises(NotSent, match="permissions violation") as told:
            await sender.send([call()], lambda *_: None)
    assert token not in str(told.value)
    with pytest.raises(NotSent, match="not in force") as told:
        await Adapter(url.replace(token, "wrong"), WARD.id, "night").__aenter__()
    assert "wrong" not in str(told.value)
    with pytest.raises(NatsError, match="does not know these credentials"):
        await connect(url.replace(token, "wrong"))


async def test_the_adapter_kit_says_what_may_be_wrong_before_it_sends(guarded: Guarded) -> None:
    """At once, and not when an acknowledgement has failed to come: whoever gives up early is told as well."""
    url = await guarded.url_for("night")

    async def heard(_: object) -> None:
        """No receipt is waited for."""

    for ward, provider in ((WARD.id, "day"), ("elsewhere", "night")):
        with pytest.raises(Unreachable, match=r"(?i)permissions violation.*--ward or --provider may be wrong"):
            await OverNats(url, ward, provider).open(heard)
    right = OverNats(url, WARD.id, "night")
    await right.open(heard)
    await right.close()
    for _ in range(5):  # The refusal may be read, or the connection may be reset before it is.
        with pytest.raises(Unreachable, match=r"does not let us in|broke off while we signed on .* may be wrong"):
            await OverNats(url.replace("@", "-wrong@"), WARD.id, "night").open(heard)


@pytest.mark.parametrize("service", [*WRITERS, "reporting", "front"])
async def test_a_service_writes_what_is_its_own_and_no_more(guarded: Guarded, service: str) -> None:
    """No service publishes another's events, and none changes a stream or a durable."""
    client = await guarded.client(guarded.server.url_of(service))
    before, said = await guarded.held(), len(guarded.said)
    other = "handover" if service == "intake" else "intake"
    for subject in (f"events.{WARD.id}.{other}.call-received.c", "$JS.API.STREAM.PURGE.EVENTS"):
        await client.publish(subject, b"")
    await client.flush()
    await eventually(lambda: len(guarded.said) >= said + 2)
    await client.close()

    assert await guarded.held() == before


@pytest.mark.parametrize(("service", "source"), [(one, other) for one, others in HEARS.items() for other in others])
async def test_a_service_may_ask_whom_it_hears_to_publish_again(guarded: Guarded, service: str, source: str) -> None:
    """Where events are missing it asks their relay; the answer reaches it."""
    relay = await guarded.client(guarded.server.url_of(source))
    asked: list[bytes] = []

    async def answer(message: Msg) -> None:
        asked.append(message.data)
        await message.respond(b"7")

    await relay.subscribe(again_subject(WARD.id, source), cb=answer)
    await relay.flush()
    client = await guarded.client(guarded.server.url_of(service))
    answered = await client.request(again_subject(WARD.id, source), b"1", timeout=5)
    await client.close()
    await relay.close()

    assert (asked, answered.data) == ([b"1"], b"7")


async def test_what_was_stored_before_there_were_accounts_is_still_there(tmp_path: Path) -> None:
    """A store of a server without users."""
    old = NatsServer(tmp_path, 0)
    await asyncio.to_thread(old.start)
    await declare(old.url, WARD.id)
    connection = await connect(old.url)
    await connection.jetstream().publish(f"inbox.{WARD.id}.day.intake.call-report", b"kept")
    await connection.close()
    await asyncio.to_thread(old.stop)
    new = NatsServer(tmp_path, 0, Access(tmp_path, WARD))
    await asyncio.to_thread(new.start)
    connection = await connect(new.url)
    found = await connection.jetstream().get_msg(INBOX, 1)
    await connection.close()
    await asyncio.to_thread(new.stop)

    assert found.data == b"kept"
    assert (tmp_path / "store" / "jetstream" / ACCOUNT).exists()


async def test_nothing_secret_is_readable_by_others(tmp_path: Path) -> None:
    """The server's configuration, our own passwords and the credentials; the latter as digests."""
    credentials = Credentials(tmp_path / FILE)
    _, token = credentials.new("day", NOW)
    access = Access(tmp_path, WARD, credentials)

    assert token not in access.config() + (tmp_path / FILE).read_text()
    assert [(tmp_path / name).stat().st_mode & 0o077 for name in (FILE, "users.json")] == [0, 0]
    assert Access(tmp_path, WARD).user_and_password("intake") == access.user_and_password("intake")


async def test_who_signs_on_as_the_server_reads_its_users_again_is_let_in(guarded: Guarded) -> None:
    """At that moment it may let nobody in, not even those it has known for long."""
    made, token = guarded.credentials.new("night", NOW)
    connecting = asyncio.create_task(connect(f"nats://{made.name}:{token}@{guarded.address}"))
    await asyncio.sleep(0.1)
    await guarded.renew()
    await (await connecting).close()
