"""Subscribers on a real NATS: what they get, what they cannot do, and when a delivery counts as delivered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
import pytest
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, StreamConfig

from deploy.natsd import declare
from events.seal import unseal
from services import errands
from services.degraded import Degraded, Facts, degraded
from services.errands import Errand
from services.reporting.doing import Doing
from services.subjects import DELIVERIES, EVENTS, INBOX, subscribers_subject
from tests.desk_examples import LATER, WARD, answer, call, close, message, offer, register
from tests.subscriber_examples import (
    OFFICE_KEY,
    PERSON,
    Served,
    handed_over,
    hurry,
    public_half,
    serving,
    subscriber,
    types,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Two subscribers: an office that may read a name, and an archive that hears of other things."""
    office = subscriber(personal=("name", "purpose"), public_key=public_half())
    archive = subscriber("archive", events=("call.received", "handed-over", "case.closed"))
    async with serving(tmp_path, office, archive) as found:
        yield found


async def test_a_hand_over_is_heard_and_acknowledged(served: Served) -> None:
    """Sent is not delivered: that it is only once its acknowledgement came."""
    handed_over(served.centre)
    office = await served.sign_on()
    await served.until(lambda: served.states() == ["sent", "sent"])
    heard = await served.hear(office, 2, acknowledged=False)
    await asyncio.sleep(0.3)
    assert types(heard) == ["handover.offered", "handed-over"]
    assert served.states() == ["sent", "sent"]

    await served.js.purge_stream(DELIVERIES)  # The test's own: the next pull is not to wait for these.
    await served.do("replay", position=1)
    await served.until(lambda: served.states() == ["sent", "sent"])
    await served.hear(office, 2)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    assert served.standing().open == 0


async def test_it_gets_the_clear_fields_and_what_it_may_read_sealed_to_its_own_key(served: Served) -> None:
    """The office reads the name and what for; not the telephone number, and never one of our boxes."""
    handed_over(served.centre)
    office, archive = await served.sign_on(), await served.sign_on("archive")
    [offered, accepted] = await served.hear(office, 2)

    assert accepted["data"] | {"personal": ""} == {
        "handover": accepted["data"]["handover"],
        "case": accepted["case"],
        "provider": "day",
        "ref": "offer-A",
        "kind": "agency",
        "giver": "day",
        "to": "ぽーと",
        "basis": "legal-duty",
        "personal": "",
    }
    assert unseal(offered["data"]["personal"], OFFICE_KEY) == {"name": PERSON["name"]}
    assert unseal(accepted["data"]["personal"], OFFICE_KEY) == {"name": PERSON["name"], "purpose": "計画の見直し"}
    [received, told] = await served.hear(archive, 2, "archive")
    assert types([received, told]) == ["call.received", "handed-over"]
    assert not {"sealed", "personal"} & (received["data"].keys() | told["data"].keys())
    assert received["ledgerposition"] < offered["ledgerposition"] < told["ledgerposition"]


async def test_what_the_register_says_stands_over_what_a_caller_told(served: Served) -> None:
    """The registrant's name as last corrected goes along, and not that by which somebody rang for them."""
    centre = served.centre
    centre.say("day", register("P", personal={"name": "登録 花子", "phone": "03-0000-0001"}))
    centre.pump()
    handed_over(centre, "A", name="電話の名")
    [message] = [m for m in await served.hear(await served.sign_on(), 2) if m["type"] == "handed-over"]
    assert unseal(message["data"]["personal"], OFFICE_KEY)["name"] == "電話の名"

    centre.say("day", call("B", person="P", personal={"name": "電話の名"}))
    centre.pump()
    centre.say("day", offer("offer-B", "B"))
    centre.pump()
    [message] = await served.hear(await served.sign_on(), 1)
    assert unseal(message["data"]["personal"], OFFICE_KEY) == {"name": "登録 花子"}


async def test_whoever_was_forgotten_is_not_told_of_and_a_delivery_that_was_made_stays(served: Served) -> None:
    """Destroying a person's key leaves what was sealed to the office; what is made afterwards holds nothing of them."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["sent", "sent"])
    person = served.centre.events()[0].person
    served.centre.keys.destroy(person)
    office = await served.sign_on()
    assert [unseal(m["data"]["personal"], OFFICE_KEY)["name"] for m in await served.hear(office, 2)] == [
        "見本 花子"
    ] * 2

    served.centre.say("day", answer("return", "offer-A"))
    served.centre.say("day", offer("again", "A"))
    served.centre.pump()
    [later] = await served.hear(office, 1)
    assert later["data"]["ref"] == "again"
    assert "personal" not in later["data"]


async def test_a_hand_over_for_which_no_basis_is_checked_tells_nothing_of_a_person(served: Served) -> None:
    """The morning's hand-over stays within the centre, and an escalation informs the ward without a name."""
    handed_over(served.centre, kind="escalation", to="障害施策推進課")
    heard = await served.hear(await served.sign_on(), 2)
    assert types(heard) == ["handover.offered", "handed-over"]
    assert all("personal" not in message["data"] for message in heard)


async def test_a_consent_that_was_taken_back_counts_for_what_is_told_later(tmp_path: Path) -> None:
    """A subscriber that is new is sent old hand-overs on request; nothing goes on a consent that no longer holds."""
    office = subscriber(personal=("name",), public_key=public_half())
    async with serving(tmp_path, office, start=False) as served:
        centre = served.centre
        for person in ("P", "Q"):
            centre.say("day", register(person, personal={"name": f"登録 {person}"}))
            centre.say("day", message("consent.give", "2025-05-02 10:00", person=person, to="北沢保健福祉課"))
            centre.say("day", call(person, person=person))
            centre.pump()
            agreed = {"to": "kitazawa-section", "basis": "consent"}
            assert centre.say("day", offer(person, person, "section", **agreed)).status == "accepted"
        centre.say("day", message("consent.withdraw", LATER, person="P", to="北沢総合支所保健福祉課"))
        centre.say("day", message("consent.withdraw", LATER, person="P", to="北沢保健福祉課"))
        centre.pump()
        await served.start()
        await served.do("replay", position=1)
        [taken_back, holds] = await served.hear(await served.sign_on(), 2)
        assert "personal" not in taken_back["data"]
        assert unseal(holds["data"]["personal"], OFFICE_KEY) == {"name": "登録 Q"}


async def test_one_that_does_not_acknowledge_is_behind_and_named(served: Served) -> None:
    """After the minutes of the ward's file, in words for the status and /readyz; the service itself stays ready."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["sent", "sent"])

    def said() -> list[Degraded]:
        return degraded(Facts(service="reporting", receivers=served.delivering.receivers()))

    await served.until(lambda: [one.open for one in served.delivering.receivers()] == [2, 2])
    assert said() == []

    served.centre.clock.now = served.centre.clock.now.replace(hour=23, minute=59)
    await served.until(lambda: len(said()) == 2)
    [archive, office] = sorted(said(), key=lambda one: one.ja)
    assert {archive.code, office.code} == {"subscriber-behind"}
    assert {archive.level, office.level} == {"notice"}
    assert "office" in office.ja + archive.ja
    await served.hear(await served.sign_on(), 2)
    await served.hear(await served.sign_on("archive"), 2, "archive")
    await served.until(lambda: said() == [])


async def test_what_was_acknowledged_out_of_turn_is_known(served: Served) -> None:
    """Each delivery by itself, also where an earlier one is not acknowledged yet."""
    handed_over(served.centre)
    office = await served.sign_on()
    await served.until(lambda: served.states() == ["sent", "sent"])
    pulling = await office.jetstream().pull_subscribe_bind("subscriber-office", stream=DELIVERIES)
    _, second = await pulling.fetch(2, timeout=2)
    await second.ack_sync()
    await served.until(lambda: served.states() == ["sent", "delivered"])


Try = Callable[[Any], Awaitable[Any]]
FORBIDDEN: dict[str, Try] = {
    "publish an event": lambda c: c.publish("events.setagaya.intake.call-received.c", b"{}"),
    "publish a delivery": lambda c: c.publish("deliveries.setagaya.office.handed-over.c", b"{}"),
    "send a message": lambda c: c.publish("inbox.setagaya.day.intake.call-report", b"{}"),
    "have something done": lambda c: c.publish("subscribers.setagaya", b'{"do": "replay"}'),
    "listen to deliveries": lambda c: c.subscribe("deliveries.>"),
    "listen to events": lambda c: c.subscribe("events.>"),
    "listen to everything": lambda c: c.subscribe(">"),
}
JETSTREAM: dict[str, Try] = {
    "look at the stream": lambda js: js.stream_info(DELIVERIES),
    "read a message of the stream": lambda js: js.get_msg(DELIVERIES, 1),
    "read an event": lambda js: js.get_msg(EVENTS, 1),
    "look at another's durable": lambda js: js.consumer_info(DELIVERIES, "subscriber-archive"),
    "make a durable": lambda js: js.add_consumer(DELIVERIES, ConsumerConfig(durable_name="mine")),
    "make its own durable anew": lambda js: js.add_consumer(
        DELIVERIES, ConsumerConfig(durable_name="subscriber-office", filter_subject="deliveries.>")
    ),
    "delete its durable": lambda js: js.delete_consumer(DELIVERIES, "subscriber-office"),
    "purge": lambda js: js.purge_stream(DELIVERIES),
    "make a stream": lambda js: js.add_stream(StreamConfig(name="MINE", subjects=["mine.>"])),
}


async def test_a_subscriber_may_do_nothing_but_hear_what_is_its_own(served: Served) -> None:
    """Neither publish, nor listen, nor look at, make, change or purge anything; and it is told so."""
    handed_over(served.centre)
    office = await served.sign_on()
    await served.until(lambda: served.states() == ["sent", "sent"])
    held = [(await served.js.stream_info(name)).state.messages for name in (INBOX, EVENTS, DELIVERIES)]
    for what, attempt in FORBIDDEN.items():
        said = len(served.said)
        await attempt(office)
        await office.flush()
        await served.until(lambda said=said: len(served.said) > said)
        assert "ermissions" in served.said[-1], what
    for what, attempt in JETSTREAM.items():
        said = len(served.said)
        with pytest.raises((nats.errors.Error, nats.js.errors.Error)):
            await attempt(office.jetstream(timeout=0.2))
        assert len(served.said) > said, what
    assert [(await served.js.stream_info(name)).state.messages for name in (INBOX, EVENTS, DELIVERIES)] == held
    assert await served.hear(office, 1, "archive", patience=1) == []


async def test_everything_goes_once_more_from_any_point(served: Served) -> None:
    """Also what was entered before it was a subscriber; in the ledger's order, and each under its own id."""
    handed_over(served.centre)
    office = await served.sign_on()
    first = await served.hear(office, 2)
    await served.until(lambda: served.states() == ["delivered", "delivered"])

    assert (await served.do("replay", position=first[1]["ledgerposition"])).count == 1
    assert await served.hear(office, 1) == first[1:]
    await served.do("replay", position=1)
    assert await served.hear(office, 2) == first
    await served.until(lambda: served.states() == ["delivered", "delivered"])


async def test_a_new_subscriber_hears_of_what_comes_and_of_the_rest_when_it_is_asked_for(tmp_path: Path) -> None:
    """Nobody is sent years of other people's cases because a line was written into a file."""
    async with serving(tmp_path, subscriber(), start=False) as served:
        handed_over(served.centre)
        await served.start()
        office = await served.sign_on()
        handed_over(served.centre, "B")
        assert [m["data"]["ref"] for m in await served.hear(office, 2)] == ["offer-B", "offer-B"]
        await served.do("replay", position=1)
        assert [m["data"]["ref"] for m in await served.hear(office, 4)] == ["offer-A"] * 2 + ["offer-B"] * 2


async def test_one_that_is_narrowed_hears_of_its_own_hand_overs_and_their_cases(tmp_path: Path) -> None:
    """An office that receives hears neither of another's hand-overs nor of cases that it never had."""
    narrowed = subscriber(events=("handed-over", "handover.returned", "case.closed"), to=("kitazawa-section",))
    async with serving(tmp_path, narrowed) as served:
        handed_over(served.centre, "A")
        handed_over(served.centre, "B", to="北沢保健福祉課", kind="section")
        for case in ("A", "B"):
            served.centre.say("day", answer("return", f"offer-{case}"))
            served.centre.say("day", close(case))
        served.centre.pump()
        cases = {m["case"] for m in await served.hear(await served.sign_on(), 3)}
        await served.until(lambda: served.states() == ["delivered"] * 3)
        assert cases == {served.centre.records("handover")[-1].case}


async def test_a_killed_worker_goes_on_and_nothing_is_missing(served: Served) -> None:
    """At least once: what was published and not noted goes out again under the same id, and no gap is left."""
    handed_over(served.centre)
    await served.stop()
    handed_over(served.centre, "B")
    await served.start()
    office = await served.sign_on()
    await served.until(lambda: len(served.states()) == 4 and "waiting" not in served.states())
    heard = await served.hear(office, 4)
    assert sorted({(m["data"]["ref"], m["type"]) for m in heard}) == [
        (f"offer-{case}", type_) for case in ("A", "B") for type_ in ("handed-over", "handover.offered")
    ]
    await served.until(lambda: served.standing().open == 0)


async def test_a_stream_that_is_lost_whole_is_filled_again_with_what_nobody_has_acknowledged(served: Served) -> None:
    """What was delivered stays delivered."""
    handed_over(served.centre)
    office = await served.sign_on()
    await served.hear(office, 2)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    handed_over(served.centre, "B")
    await served.until(lambda: served.states()[2:] == ["sent", "sent"])
    await served.js.delete_stream(DELIVERIES)
    await declare(served.server.url, served.ward.id, subscribers=["office", "archive"])

    await served.until(lambda: served.states()[2:] == ["sent", "sent"])
    heard = await served.hear(office, 2)
    assert [m["data"]["ref"] for m in heard] == ["offer-B", "offer-B"]
    await served.until(lambda: served.standing().open == 0)


async def test_what_another_stream_acknowledged_says_nothing_of_this_one(served: Served) -> None:
    """A stream that was made anew gives the same places to other messages: their acknowledgements are their own."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["sent", "sent"])
    await served.stop()
    await served.js.delete_stream(DELIVERIES)
    await declare(served.server.url, served.ward.id, subscribers=["office", "archive"])
    for n in range(4):
        await served.js.publish(f"deliveries.{served.ward.id}.office.other._", b"{}", headers={"Nats-Msg-Id": str(n)})
    office = await served.sign_on()
    await served.hear(office, 4)
    await served.start()
    assert types(await served.hear(office, 2)) == ["handover.offered", "handed-over"]
    await served.until(lambda: served.states() == ["delivered", "delivered"])


async def test_what_is_sent_once_more_is_not_there_twice(served: Served) -> None:
    """What nobody had taken yet is taken back first."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["sent", "sent"])
    await served.do("replay", position=1)
    await served.until(lambda: served.states() == ["sent", "sent"])
    office = await served.sign_on()
    assert len(await served.hear(office, 3, patience=2)) == 2


async def test_a_durable_that_is_lost_is_made_again_and_nothing_counts_as_delivered_for_that(served: Served) -> None:
    """It then gives out everything that is still there."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["sent", "sent"])
    await served.js.delete_consumer(DELIVERIES, "subscriber-office")
    await asyncio.sleep(0.3)
    await declare(served.server.url, served.ward.id, subscribers=["office", "archive"])
    await asyncio.sleep(0.3)
    assert served.states() == ["sent", "sent"]
    assert len(await served.hear(await served.sign_on(), 2)) == 2
    await served.until(lambda: served.standing().open == 0)


async def test_a_test_message_shows_that_it_works(served: Served) -> None:
    """It is about nobody, says so, and is delivered when it was acknowledged."""
    outcome = await served.do("test")
    assert outcome.position == -1
    office = await served.sign_on()
    [message] = await served.hear(office, 1)
    assert (message["type"], message["data"], message["synthetic"]) == (
        "subscriber.test",
        {"subscriber": "office"},
        True,
    )
    await served.until(lambda: served.states() == ["delivered"])
    assert served.standing().delivered == 0


@pytest.mark.parametrize(
    "errand",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"do": "burn", "subscriber": "office"}',
        b'{"do": "skip", "subscriber": "office"}',
        b'{"do": "retry", "subscriber": "nobody"}',
        b'{"do": "skip", "subscriber": "office", "position": 99}',
    ],
)
async def test_an_errand_that_cannot_be_done_is_answered_with_its_reason(served: Served, errand: bytes) -> None:
    """Whatever it is; and everything goes on."""
    answer = await Doing(served.centre.ledger.journal, served.delivering).answer(errand)
    assert b'"refused":""' not in answer
    handed_over(served.centre)
    assert len(await served.hear(await served.sign_on(), 2)) == 2


async def test_an_errand_whose_answer_was_lost_is_asked_again_and_done_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS loses what is on its way while it reads its users again, as after every `yoake subscriber add`."""
    monkeypatch.setattr(errands, "TRY", 0.2)
    doing, answers = Doing(served.centre.ledger.journal, served.delivering), []

    async def answer(message: Msg) -> None:
        answers.append(await doing.answer(message.data))
        if len(answers) > 1:
            await message.respond(answers[-1])

    await served.admin.subscribe(subscribers_subject(WARD.id), cb=answer)
    outcome = await errands.ask(served.admin, WARD.id, Errand(do="test", subscriber="office"))
    assert (len(answers), len(set(answers))) == (2, 1)
    assert types(await served.hear(await served.sign_on(), 1)) == ["subscriber.test"]
    assert [each.position for each in served.queue(everything=True)] == [outcome.position]
