"""The door: what is submitted is in INBOX and answered, or the sender keeps it; with real NATS and services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import nats.js.api
import pytest
import pytest_asyncio
import sqlalchemy as sa

from deploy.natsd import connect
from events.messages import MAX_MESSAGE_BYTES
from services.intake.door import Door
from services.subjects import INBOX
from services.tables import PARKED
from tests.desk_examples import arrange, call, message, offer
from tests.door_examples import Doorway, doorway

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doorway]:
    """A door with the services behind it."""
    async with doorway(tmp_path_factory.mktemp("door")) as running:
        yield running


def text(*messages: Any) -> bytes:
    """One message, or a list of several."""
    return msgspec.json.encode(messages[0] if len(messages) == 1 else messages)


async def test_a_call_gets_its_receipt_and_the_second_time_it_is_known(here: Doorway) -> None:
    """Who it is from is what the caller of `submit` says, not the message."""
    said = text(call(id="one") | {"provider": "somebody else"})
    first = await here.door.submit("day", said)
    second = await here.door.submit("day", said)

    assert [first.state, second.state] == ["receipts", "receipts"]
    assert [(r.provider, r.status) for r in first.receipts + second.receipts] == [("day", "accepted"), ("day", "known")]


async def test_a_batch_goes_to_the_services_of_its_messages_and_is_answered_in_order(here: Doorway) -> None:
    """A placement between two calls; over NATS a batch is for one service."""
    messages = [call("X", id="b1"), arrange("bed-1", "X", id="b2"), call("Y", id="b3"), call("X", id="b1")]
    outcome = await here.door.submit("day", text(*messages))

    assert [(r.id, r.service) for r in outcome.receipts] == [
        ("b1", "intake"),
        ("b2", "placement"),
        ("b3", "intake"),
        ("b1", "intake"),
    ]
    assert [r.status for r in outcome.receipts if r.service == "intake"] == ["accepted", "accepted", "known"]


async def test_what_cannot_be_used_is_parked_and_what_cannot_be_read_is_named(here: Doorway) -> None:
    """An unknown type has a receipt; a message without an id has none, and does not hold up the others."""
    odd = call(id="odd") | {"type": "call.repotr"}
    nameless = {k: v for k, v in call().items() if k != "id"}
    outcome = await here.door.submit("day", text(odd, nameless, call(id="good")))

    assert [(r.id, r.status) for r in outcome.receipts] == [("odd", "parked"), ("good", "accepted")]
    assert [(u.n, u.field) for u in outcome.unread] == [(2, "id")]


async def test_what_another_service_parked_is_closed_there(here: Doorway) -> None:
    """A placement and an offer that cannot be used: closing them leaves neither them nor the closing on the desk."""
    for service, wrong in (
        ("placement", arrange("bed-9", "X", id="no-bed") | {"data": {}}),
        ("handover", offer("off-9", "X", id="no-offer") | {"data": {}}),
    ):
        parked = (await here.door.submit("day", text(wrong))).receipts[0]
        assert (parked.service, parked.status) == (service, "parked")
        closing = message("parked.close", parked=f"{service}-1", reason="given-back")
        (closed,) = (await here.door.submit("day", text(closing))).receipts
        assert (closed.service, closed.status) == (service, "accepted")
        database = here.settings.database.format(service=service)
        engine = sa.create_engine(database)
        with engine.connect() as connection:
            assert connection.execute(sa.select(PARKED.c.closed)).scalar_one() is not None
        engine.dispose()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[1, 2]", "高".encode("cp932"), b'{"id": "1"}', b"[" * 9_999])
async def test_nothing_readable_is_said_and_nothing_stored(here: Doorway, body: bytes) -> None:
    """Neither broken JSON, nor another encoding, nor what has no source and id."""
    outcome = await here.door.submit("day", body)
    assert (outcome.state, outcome.receipts, outcome.queued) == ("unreadable", [], [])
    assert outcome.unread


async def test_a_message_too_large_once_sealed_is_named_and_not_parked(here: Doorway) -> None:
    """The limit is of what is stored; sealing makes it larger."""
    outcome = await here.door.submit("day", text(call(id="big", personal={"words": "あ" * (MAX_MESSAGE_BYTES // 4)})))
    assert [one.is_too_large for one in outcome.unread] == [True]


async def test_while_the_services_are_down_messages_are_queued_without_a_personal_word(here: Doorway) -> None:
    """Whatever the sender made of `personal`; the services then take what is in INBOX, and flag what is no object."""
    said = [
        call(id="q1", personal={"name": "架空 花子"}),
        call(id="q2", personal="架空 花子"),
        call(id="q3", personal=["架空 花子"]),
        call(id="q4") | {"data": {"personal": {"caller": "架空 花子"}, "matters": [{"case": "Q"}]}},
        call(id="q5") | {"data": {"personal": {"caller": "架空 花子"}, "matters": [{"case": "Q", "age": 0}]}},
    ]
    broken = text(*said).replace(b'"age":0', b'"age":1e999')
    await here.close_services()
    outcome = await here.door.submit("day", broken, patience=0.1)
    stored = await _inbox(here)
    await here.open_services()
    again = await here.door.submit("day", broken)

    assert (outcome.state, [each.id for each in outcome.queued]) == ("queued", ["q1", "q2", "q3", "q4", "q5"])
    assert "架空".encode() not in stored
    assert b"1e999" in stored
    assert [r.status for r in again.receipts] == ["known"] * 5
    flagged = {r.id for r in again.receipts if "personal-unreadable" in {flag["code"] for flag in r.flags}}
    assert flagged == {"q2", "q3"}


async def test_what_inbox_cannot_store_is_unavailable(here: Doorway) -> None:
    """INBOX is full, and then NATS is gone: the sender is told at once, and keeps it."""
    admin = await connect(here.server.url)
    js = admin.jetstream()
    config = (await js.stream_info(INBOX)).config
    await js.update_stream(nats.js.api.StreamConfig(**{**config.__dict__, "max_bytes": 1_100}))
    full = await here.door.submit("day", text(*[call(id=f"f{n}") for n in range(20)]))
    await js.update_stream(config)
    gone = await connect(here.server.url)
    async with Door(gone, here.settings.ward().id, here.door._key) as door:
        await gone.close()
        cut_off = await door.submit("day", text(call(id="f-1")))
    await admin.close()

    assert (full.state, cut_off.state) == ("unavailable", "unavailable")


async def _inbox(here: Doorway) -> bytes:
    """Everything that INBOX holds."""
    connection = await connect(here.server.url)
    js = connection.jetstream()
    state = (await js.stream_info(INBOX)).state
    texts = [(await js.get_msg(INBOX, n)).data or b"" for n in range(state.first_seq, state.last_seq + 1)]
    await connection.close()
    return b"\n".join(texts)
