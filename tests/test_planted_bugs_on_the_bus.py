"""Bugs planted where the bus is: a real NATS, the services' real apps, a failure and a restart find each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import nats.js
import nats.js.errors
import pytest
from faststream import AckPolicy, FastStream
from faststream.nats import JStream
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy

from deploy import natsd
from deploy.natsd import NatsServer, declare
from events import decode
from events.adapter import Adapter
from services import bus, streams, writer
from services.bus import PatientPull
from services.desk import Desk
from services.intake import app as intake
from services.journal import Journal
from services.publishing import Publisher
from services.relay import Relay
from services.reporting import app as reporting
from services.settings import Settings
from services.subjects import EVENTS, INBOX
from tests.desk_examples import call
from tests.running import WARD

Patch = pytest.MonkeyPatch
PATIENCE = 6.0


async def night(directory: Path) -> list[str]:
    """Two providers, each with its own "1"; the power goes in the middle; what does not hold afterwards."""
    server = NatsServer(directory / "nats", 0)
    await asyncio.to_thread(server.start)
    running: list[FastStream] = []
    try:
        settings = Settings(
            ward_file=WARD,
            nats=server.url,
            database=f"sqlite:///{directory}/{{service}}.db",
            keys=directory / "keys",
            pages=("127.0.0.1", 0),
        )
        ward = settings.ward().id
        await declare(server.url, ward)
        odd: list[str] = []
        running += [intake.build(settings), reporting.build(settings)]
        for app in running:
            odd += _odd_subscriptions(app)
            await app.start()
        with pytest.MonkeyPatch.context() as failing:
            _fail_once(failing)
            answered = await asyncio.gather(*(_say(server.url, ward, provider) for provider in ("day", "night")))
        await _tell_garbage(server.url, ward)
        await running.pop(0).stop()
        running.insert(0, intake.build(settings))
        await running[0].start()
        answered.append(await _say(server.url, ward, "night", "2", "3"))
        return odd + [fault for faults in answered for fault in faults] + await _broken(server.url, settings)
    finally:
        try:
            for app in running:
                await app.stop()
        finally:
            await asyncio.to_thread(server.stop)


NO_EVENTS = (b"", b"null", b"{", b"\xff\xfe", b"9" * 5_000, b"[" * 20_000, b'{"specversion": "1.0", "id": "x"}')


async def _tell_garbage(url: str, ward: str) -> None:
    """What is no event, where events are told: it is left alone, and what comes behind is heard."""
    connection = await natsd.connect(url)
    for body in NO_EVENTS:
        await connection.jetstream().publish(f"events.{ward}.intake.call-received._", body, stream=EVENTS)
    await connection.close()


def _fail_once(patch: Patch) -> None:
    """The first transaction is lost."""
    take = Desk.take
    failed: list[bool] = []

    def taking(self: Desk[Any], *given: Any) -> None:
        if not failed:
            failed.append(True)
            raise RuntimeError("the power went")
        take(self, *given)

    patch.setattr(Desk, "take", taking)


async def _say(url: str, ward: str, provider: str, *ids: str) -> list[str]:
    """As an adapter does, but it asks once: what was acknowledged must not be asked for again.

    More than one id goes as a batch, which is one transaction, and so one page of the relay.
    """
    calls = [{**call(f"{provider}-{id_}", id=id_), "synthetic": True} for id_ in ids or ("1",)]
    said = msgspec.json.encode(calls) if len(calls) > 1 else calls[0]
    came = asyncio.Event()
    async with Adapter(url, ward, provider) as adapter:
        sending = asyncio.create_task(adapter.send([said], lambda *_: came.set()))
        try:
            await asyncio.wait_for(came.wait(), PATIENCE / 2)
        except TimeoutError:
            return [f"{provider} has no receipt for {ids}"]
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return []


def _odd_subscriptions(app: FastStream) -> list[str]:
    assert app.broker is not None
    pulling = [s for s in app.broker.subscribers if isinstance(s, BatchPullStreamSubscriber)]
    return [
        f"{s.stream.name}: a default of the library"
        for s in pulling
        if s.ack_policy is not AckPolicy.MANUAL or s.stream.declare or not isinstance(s, PatientPull)
    ]


async def _broken(url: str, settings: Settings) -> list[str]:
    found = []
    connection = await natsd.connect(url)
    try:
        js = connection.jetstream()
        for name in (INBOX, EVENTS):
            discards = (await js.stream_info(name)).config.discard
            found += [f"{name} may drop what it holds"] if discards != DiscardPolicy.NEW else []
        journal = Journal(settings.database_of("intake"), "intake", settings.ward().id)
        ledger = Journal(settings.database_of("reporting"), "reporting", settings.ward().id)
        try:
            if not await _until(lambda: ledger.last_position() == journal.last_position()):
                found.append("the ledger does not hold every event")
            calls = [r for r in journal.records() if r.type == "call.received"]
            if len(calls) != 4:
                found.append(f"{len(calls)} calls were recorded, and 4 were made")
            state = (await js.stream_info(EVENTS)).state
            told = [await js.get_msg(EVENTS, n) for n in range(1, state.last_seq + 1)]
            positions = [decode(m.data or b"").position for m in told if (m.data or b"") not in NO_EVENTS]
            if positions != sorted(set(positions)) or len(positions) != journal.last_position():
                found.append(f"EVENTS holds positions {positions}")
        finally:
            journal.close()
            ledger.close()
        if (left := (await js.stream_info(INBOX)).state.messages) != 0:
            found.append(f"INBOX still holds {left}")
    finally:
        await connection.close()
    return found


async def _until(done: Callable[[], bool]) -> bool:
    end = asyncio.get_running_loop().time() + PATIENCE
    while not done():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.05)
    return True


def acknowledges_before_the_commit(patch: Patch) -> None:
    """A message is acknowledged when it comes, not when it is committed."""
    subscribe = bus.subscribe

    def subscribing(
        broker: Any, ward: str, durable: str, handler: Callable[[list[Msg]], Awaitable[None]], *more: Any
    ) -> None:
        async def acking(messages: list[Msg]) -> None:
            for message in messages:
                await message.ack()
            await handler(messages)

        subscribe(broker, ward, durable, acking, *more)

    patch.setattr(writer, "subscribe", subscribing)


def leaves_the_default_ack_policy(patch: Patch) -> None:
    """FastStream's REJECT_ON_ERROR: what fails once is ended for ever."""
    patch.setattr(bus, "AckPolicy", SimpleNamespace(MANUAL=AckPolicy.REJECT_ON_ERROR))


def pulls_as_the_library_does(patch: Patch) -> None:
    """The library's own loop, which waits for a full batch and ends with its durable."""
    patch.setattr(bus, "PatientPull", BatchPullStreamSubscriber)


def declares_the_stream_again(patch: Patch) -> None:
    """A service that declares its stream rewrites what the operator made."""
    patch.setattr(bus, "JStream", lambda name, **_: JStream(name, declare=True))


def names_messages_for_everybody(patch: Patch) -> None:
    """A bare Nats-Msg-Id on INBOX: two providers' "1" are taken for one."""
    publish = nats.js.JetStreamContext.publish

    async def publishing(self: Any, subject: str, payload: bytes = b"", **more: Any) -> Any:
        if subject.startswith("inbox."):
            more["headers"] = {**more.get("headers", {}), "Nats-Msg-Id": msgspec.json.decode(payload)["id"]}
        return await publish(self, subject, payload, **more)

    patch.setattr(nats.js.JetStreamContext, "publish", publishing)


def publishes_out_of_order(patch: Patch) -> None:
    """The relay takes a page from its end."""
    publish = Publisher.publish
    patch.setattr(Publisher, "publish", lambda self, messages: publish(self, messages[::-1]))


def forgets_receipts_before_they_are_sent(patch: Patch) -> None:
    """Receipts are deleted, then published; the power goes between the two."""
    unpublished = Relay._unpublished

    def deleting(self: Relay) -> Any:
        receipts, events = unpublished(self)
        if receipts:
            self._forget_receipts(receipts[-1][0])
            raise OSError("the power went")
        return receipts, events

    patch.setattr(Relay, "_unpublished", deleting)


def believes_it_has_published_everything(patch: Patch) -> None:
    """A checkpoint of the relay's own, ahead of the stream."""

    async def published(self: Relay, js: Any) -> int:
        return self._journal.last_position()

    patch.setattr(Relay, "_published", published)


def drops_the_oldest(patch: Patch) -> None:
    """A full stream makes room instead of refusing."""
    made = streams.streams()
    for stream in made:
        stream.discard, stream.deny_delete, stream.deny_purge = DiscardPolicy.OLD, False, False
    patch.setattr(natsd, "streams", lambda: made)


def delivers_once_only(patch: Patch) -> None:
    """max_deliver 1: what fails once never comes again."""
    durable = streams._durable

    def once(name: str, subjects: list[str], acknowledging: Any) -> Any:
        config = durable(name, subjects, acknowledging)
        config.max_deliver = 1
        return config

    patch.setattr(streams, "_durable", once)


def syncs_now_and_then(patch: Patch) -> None:
    """NATS acknowledges what is not on the disk yet."""
    patch.setattr(natsd, "CONFIG", natsd.CONFIG.replace("sync_interval: always", 'sync_interval: "2m"'))


def hears_one_provider(patch: Patch) -> None:
    """A durable with another filter than the subjects on which messages come."""
    durable = streams._durable

    def filtering(name: str, subjects: list[str], acknowledging: Any) -> Any:
        return durable(name, [subject.replace("*", "day") for subject in subjects], acknowledging)

    patch.setattr(streams, "_durable", filtering)


PLANTED: list[Callable[[Patch], None]] = [
    acknowledges_before_the_commit,
    leaves_the_default_ack_policy,
    pulls_as_the_library_does,
    declares_the_stream_again,
    names_messages_for_everybody,
    publishes_out_of_order,
    forgets_receipts_before_they_are_sent,
    believes_it_has_published_everything,
    drops_the_oldest,
    delivers_once_only,
    syncs_now_and_then,
    hears_one_provider,
]


async def test_the_night_as_it_should_be(tmp_path: Path) -> None:
    """Without a planted bug everything holds."""
    assert await night(tmp_path) == []


@pytest.mark.parametrize("plant", PLANTED)
async def test_a_planted_bug_is_found(plant: Callable[[Patch], None], tmp_path: Path) -> None:
    """With the bug the night either cannot begin or leaves a guarantee broken."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        try:
            found = await asyncio.wait_for(night(tmp_path), 40)
        except (natsd.NatsError, bus.BusError, nats.js.errors.Error):
            return  # Loud is found.
        assert found, f"nobody noticed: {plant.__doc__}"
