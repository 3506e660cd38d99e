"""Webhooks to a real HTTP server: signed, tried again, in order for each case, and to nowhere that was not meant."""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from events.seal import unseal
from services.degraded import Facts, Level, degraded, is_ready, seen_as
from services.reporting.posting import Answer, Poster
from services.subscribers import is_public
from tests.hook_examples import Received, Receiver, Says, receiving
from tests.subscriber_examples import (
    OFFICE_KEY,
    Served,
    handed_over,
    hook,
    hurry,
    public_half,
    serving,
)

OFFERED, ACCEPTED = "handover.offered", "handed-over"
ALL = [("offer-A", OFFERED), ("offer-A", ACCEPTED)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
async def served(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Served]:
    """One receiver with a secret, that may read a name."""
    office = hook(receiver, personal=("name",), public_key=public_half())
    async with serving(tmp_path, office, start=False) as found:
        found.secret = found.secrets.new("office", found.centre.clock())
        await found.start()
        yield found


def answering(*statuses: int, then: int = 204) -> Says:
    """Says these one after another, then the last for ever."""
    left = list(statuses)
    return lambda _: (left.pop(0) if left else then, {})


def saying(status: int, headers: dict[str, str]) -> Says:
    return lambda _: (status, headers)


def waits(served: Served) -> bool:
    """Whether the first delivery that is open is to be tried again later."""
    return bool(served.queue()) and served.queue()[0].due > served.delivering.deliveries.now()


async def test_a_hand_over_is_sent_signed_and_counts_as_delivered_by_its_answer(
    served: Served, receiver: Receiver
) -> None:
    """The reference library of Standard Webhooks finds the signature good; what is changed on the way it finds bad."""
    served.centre.clock.now = served.centre.clock.now.fromtimestamp(time.time(), served.centre.clock.now.tzinfo)
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    assert [each.what for each in receiver.got] == ALL
    for each in receiver.got:
        verified = Webhook(served.secret).verify(each.body, each.headers)
        assert verified["id"] == each.headers["webhook-id"]
        with pytest.raises(WebhookVerificationError):
            Webhook(served.secret).verify(each.body + b" ", each.headers)
    assert receiver.got[0].headers["content-type"] == "application/cloudevents+json"
    assert unseal(receiver.got[1].event["data"]["personal"], OFFICE_KEY) == {"name": "見本 花子"}


async def test_an_earlier_secret_signs_beside_the_new_one_for_a_day(served: Served, receiver: Receiver) -> None:
    """So that a receiver can change in its own time; then it is good no more."""
    newer = served.secrets.new("office", served.centre.clock())
    for secrets, later in (((served.secret, newer), 0), ((newer,), 25)):
        receiver.got.clear()
        served.later(hours=later)
        await served.do("test")
        await served.until(lambda: receiver.got)
        [got] = receiver.got
        good = []
        for secret in (served.secret, newer):
            signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
            good += [secret] if any(_signs(secret, signed, s) for s in _signatures(got)) else []
        assert good == list(secrets)


def _signatures(got: Received) -> list[str]:
    return [one.removeprefix("v1,") for one in got.headers["webhook-signature"].split()]


def _signs(secret: str, signed: bytes, signature: str) -> bool:
    key = b64decode(secret.removeprefix("whsec_"))
    return b64encode(hmac.digest(key, signed, "sha256")).decode() == signature


async def test_without_a_secret_nothing_is_sent_and_that_is_said(tmp_path: Path, receiver: Receiver) -> None:
    """It is sent as soon as there is one."""
    async with serving(tmp_path, hook(receiver)) as served:
        handed_over(served.centre)
        await served.until(lambda: served.delivering.receivers() and served.delivering.receivers()[0].open == 2)
        said = degraded(Facts(service="reporting", receivers=served.delivering.receivers()))
        assert [one.code for one in said] == ["subscriber-unready"]
        assert receiver.got == []
        served.secrets.new("office", served.centre.clock())
        await served.until(lambda: served.states() == ["delivered", "delivered"])


@pytest.mark.parametrize("status", [500, 503, 404, 401, 302, 300])
async def test_whatever_is_no_success_is_tried_again_later_and_in_order(
    served: Served, receiver: Receiver, status: int
) -> None:
    """After five seconds, half a minute, two minutes …; the second event of the case waits for the first."""
    receiver.says = answering(status, status)
    handed_over(served.centre)
    for pause in (5, 30):
        await served.until(lambda: waits(served))
        before = len(receiver.got)
        served.later(seconds=pause * 0.85)
        await asyncio.sleep(0.15)
        assert len(receiver.got) == before
        served.later(seconds=pause * 0.2)
        await served.until(lambda before=before: len(receiver.got) > before)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    assert [each.what for each in receiver.taken] == ALL
    assert [each.what for each in receiver.got] == [ALL[0]] * 2 + ALL
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 2


async def test_one_that_does_not_answer_is_given_up_on_for_now(served: Served, receiver: Receiver) -> None:
    """Within half a second here; in earnest 15. What it takes in all the same comes once more, under the same id."""
    await served.stop()
    served.post, patient = Poster(patience=0.5), served.post
    await served.start()

    def slow(_: Received) -> tuple[int, dict[str, str]]:
        time.sleep(0.8)
        return 204, {}

    receiver.says = slow
    handed_over(served.centre)
    await served.until(lambda: served.queue() and served.queue()[0].answer == "timed-out")
    await served.stop()
    receiver.says, served.post = answering(), patient
    await served.start()
    served.later(seconds=6)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    ids = [each.headers["webhook-id"] for each in receiver.got]
    assert ids[0] == ids[1] != ids[2]


async def test_one_that_is_ended_in_the_moment_in_which_it_is_woken_does_not_go_on(
    served: Served, receiver: Receiver
) -> None:
    """Beside its successor it would send everything twice."""
    for _ in range(5):
        await asyncio.sleep(0.07)
        served.delivering.wake("office")
        await served.stop()
        await served.start()
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    assert [each.what for each in receiver.got] == ALL


async def test_a_case_that_is_stuck_holds_up_no_other(served: Served, receiver: Receiver) -> None:
    """The order is kept for each case, and for each alone."""
    receiver.says = lambda got: (500 if got.event["data"]["ref"] == "offer-A" else 204, {})
    for case in ("A", "B", "C"):
        handed_over(served.centre, case)
    await served.until(lambda: len(receiver.taken) == 4)
    assert sorted(each.what for each in receiver.taken) == sorted(
        (f"offer-{case}", type_) for case in ("B", "C") for type_ in (OFFERED, ACCEPTED)
    )
    await served.until(lambda: len(served.queue()) == 2)
    assert {each.about for each in served.queue()} == {served.queue()[0].case_id}


async def test_one_that_is_gone_is_sent_nothing_until_somebody_says_so(served: Served, receiver: Receiver) -> None:
    """410 Gone; it is named, and what came meanwhile goes in order once it is enabled."""
    receiver.says = answering(410)
    handed_over(served.centre)
    await served.until(lambda: served.standing().disabled_at)
    served.later(hours=5)
    handed_over(served.centre, "B")
    await asyncio.sleep(0.3)
    assert len(receiver.got) == 1
    await served.until(lambda: served.delivering.receivers()[0].disabled)
    said = degraded(Facts(service="reporting", receivers=served.delivering.receivers()))
    assert "subscriber-disabled" in [one.code for one in said]
    assert (is_ready(said), seen_as(said)) == (True, Level.late)  # The light on the pages is not 正常.
    assert "subscriber enable" in (await served.do("retry")).refused
    assert {each.attempts for each in served.queue()} == {0, 1}

    assert (await served.do("enable")).count == 4
    await served.until(lambda: served.states() == ["delivered"] * 4)
    for case in ("A", "B"):
        assert [w for w in (each.what for each in receiver.taken) if w[0] == f"offer-{case}"] == [
            (f"offer-{case}", OFFERED),
            (f"offer-{case}", ACCEPTED),
        ]


async def test_a_receiver_that_is_down_for_days_gets_everything_in_the_end(served: Served, receiver: Receiver) -> None:
    """The pauses grow to twelve hours; four days later it is there again."""
    receiver.says = answering(then=500)
    handed_over(served.centre)
    moments = []
    for _ in range(15):
        await served.until(lambda: waits(served))
        moments.append(served.queue()[0].due - served.delivering.deliveries.now())
        served.later(seconds=moments[-1] + 1)
    assert [round(pause) for pause in moments[:9]] == [5, 30, 120, 600, 1800, 3600, 10800, 21600, 43200]
    assert moments[9:] == [43200.0] * 6
    await served.until(lambda: served.delivering.receivers()[0].seconds > 3 * 24 * 3600)
    receiver.says = answering()
    served.later(hours=13)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    assert [each.what for each in receiver.taken] == ALL


async def test_after_five_days_a_person_must_say_what_is_to_become_of_it(served: Served, receiver: Receiver) -> None:
    """Nothing is dropped: what follows of the case waits. It is tried anew, or left out."""
    receiver.says = lambda got: (400 if got.event["type"] == OFFERED else 204, {})
    handed_over(served.centre)
    for _ in range(9):
        await served.until(lambda: "given-up" in served.states() or waits(served))
        served.later(hours=15)
    await served.until(lambda: served.states() == ["given-up", "waiting"])
    await served.until(lambda: served.delivering.receivers()[0].given_up == 1)
    said = degraded(Facts(service="reporting", receivers=served.delivering.receivers()))
    assert {"subscriber-given-up", "subscriber-behind"} == {one.code for one in said}

    tried = len(receiver.got)
    assert (await served.do("retry")).count == 2
    await served.until(lambda: len(receiver.got) > tried)
    await served.until(lambda: served.queue()[0].attempts == 1)
    assert not (await served.do("skip", position=served.queue()[0].position)).refused
    await served.until(lambda: served.states() == ["skipped", "delivered"])


async def test_a_redirect_is_not_followed(served: Served, receiver: Receiver) -> None:
    """Whoever answers with another address does not choose where a person's data go."""
    with receiving() as elsewhere:
        receiver.says = lambda _: (307, {"Location": elsewhere.url})
        handed_over(served.centre)
        await served.until(lambda: served.queue() and served.queue()[0].answer == "http-307")
        await asyncio.sleep(0.2)
        assert elsewhere.got == []


async def test_it_waits_as_long_as_the_receiver_asks(served: Served, receiver: Receiver) -> None:
    """Retry-After in seconds; what is none is not heeded, and nobody makes us wait for more than twelve hours."""
    for said, least, most in (("120", 119, 121), ("99999999", 43_199, 43_201), ("soon", 100, 140)):
        receiver.says = saying(503, {"Retry-After": said})
        if not receiver.got:
            handed_over(served.centre)
        before = len(receiver.got)
        await served.until(lambda before=before: len(receiver.got) > before or served.queue())
        await served.until(lambda: waits(served))
        pause = served.queue()[0].due - served.delivering.deliveries.now()
        assert least <= pause <= most, said
        served.later(seconds=pause + 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:PORT/hook",
        "http://127.0.0.1:PORT/hook",
        "http://127.1:PORT/hook",
        "http://2130706433:PORT/hook",
        "http://0x7f000001:PORT/hook",
        "http://0:PORT/hook",
        "http://0.0.0.0:PORT/hook",
        "http://[::1]:PORT/hook",
        "http://[::]:PORT/hook",
        "http://[::ffff:127.0.0.1]:PORT/hook",
        "http://[64:ff9b::7f00:1]:PORT/hook",
    ],
)
async def test_a_private_address_is_refused_however_it_is_written(receiver: Receiver, url: str) -> None:
    """The name is resolved first, and the address is what counts. Allowed by name, it is reached."""
    post = Poster(patience=2)
    address = url.replace("PORT", str(receiver.port))
    answer = await post(address, (), {}, b"{}")
    assert answer.said == "address-not-allowed"
    allowed = await post(receiver.url, ("localhost",), {}, b"{}")
    await post.close()
    assert allowed.is_taken
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:0a00:0001::", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
        ("::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    """Private, of the own machine or link, shared, for tests, of groups: none of these, in no disguise."""
    assert is_public(address) is public


async def test_the_connection_goes_to_the_address_that_was_looked_at(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for a public address when it is looked at, and for ours a moment later, leads nowhere."""
    loop, asked = asyncio.get_running_loop(), []

    async def rebinding(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        address = "203.0.113.1" if len(asked) > 1 else "127.0.0.2"
        return [(2, 1, 6, "", (address, port))]

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    post = Poster(patience=0.5)
    answer = await post(f"http://hooks.example:{receiver.port}/", ("hooks.example",), {}, b"{}")
    assert answer.said == "no-connection"  # Nobody listens on 127.0.0.2.
    assert asked == ["hooks.example"]
    assert receiver.got == []
    await post.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost:1/", "no-connection"),
        ("http://nobody.invalid/", "no-such-host"),
        (f"http://{'a' * 70}.example/", "no-such-host"),
        ("https://localhost:PORT/", "certificate"),
    ],
)
async def test_what_cannot_be_reached_is_told_in_a_word(receiver: Receiver, url: str, said: str) -> None:
    """Never in the receiver's own words, and never by an exception."""
    post = Poster(patience=2)
    hosts = ("localhost", "nobody.invalid", f"{'a' * 70}.example")
    assert (await post(url.replace("PORT", str(receiver.port)), hosts, {}, b"{}")).said == said
    await post.close()


async def test_an_endless_or_a_broken_answer_costs_nothing(receiver: Receiver) -> None:
    """Only its head is read, and of that not more than a hundred thousand characters."""
    answers = {
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000: "http-200",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000: "broken-off",
        b"\xff\xfe\x00 nonsense\r\n\r\n": "broken-off",
        b"": "broken-off",
    }
    for sent, said in answers.items():

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes = sent) -> None:
            await reader.readuntil(b"\r\n\r\n")
            try:
                writer.write(sent)
                await writer.drain()
            except OSError:
                pass  # It has heard enough.
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        post = Poster(patience=3)
        assert (await post(f"http://localhost:{port}/", ("localhost",), {}, b"{}")).said == said, sent[:20]
        await post.close()
        server.close()


async def test_a_worker_killed_between_the_answer_and_its_note_sends_it_once_more(
    served: Served, receiver: Receiver, tmp_path: Path
) -> None:
    """At least once, under the same id; nothing is missing."""
    reached, real = asyncio.Event(), served.post

    async def dying(url: str, hosts: Collection[str], headers: dict[str, str], body: bytes) -> Answer:
        await real(url, hosts, headers, body)
        reached.set()
        await asyncio.sleep(60)
        raise AssertionError("it was killed before")

    await served.stop()
    served.post = dying
    await served.start()
    handed_over(served.centre)
    await asyncio.wait_for(reached.wait(), 10)
    await served.stop()
    served.post = real
    await served.start()
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    assert [each.what for each in receiver.got] == [ALL[0], *ALL]
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]


async def test_the_queue_is_there_after_a_restart(served: Served, receiver: Receiver) -> None:
    """What waits, since when and for how long still, stands in the database."""
    receiver.says = answering(500, then=204)
    handed_over(served.centre)
    await served.until(lambda: served.queue() and served.queue()[0].attempts == 1)
    before = served.queue()
    await served.stop()
    served.centre.restart()
    assert served.queue() == before
    await served.start()
    await asyncio.sleep(0.2)
    assert len(receiver.got) == 1
    served.later(seconds=6)
    await served.until(lambda: served.states() == ["delivered", "delivered"])


async def test_everything_is_sent_once_more_as_it_was(served: Served, receiver: Receiver) -> None:
    """The same bytes under the same ids, from a position of the ledger on."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["delivered", "delivered"])
    first = list(receiver.got)
    await served.do("replay", position=1)
    await served.until(lambda: len(receiver.got) == 4)
    assert [(g.body, g.headers["webhook-id"]) for g in receiver.got[2:]] == [
        (g.body, g.headers["webhook-id"]) for g in first
    ]


async def test_a_test_message_reaches_one_that_is_disabled_and_enables_nothing(
    served: Served, receiver: Receiver
) -> None:
    """So that one sees whether it works before it is sent anything of anybody."""
    receiver.says = answering(410)
    handed_over(served.centre)
    await served.until(lambda: served.standing().disabled_at)
    await served.do("test")
    await served.until(lambda: len(receiver.taken) == 1)
    assert receiver.taken[0].event["type"] == "subscriber.test"
    await asyncio.sleep(0.2)
    assert served.standing().disabled_at
    assert len(receiver.got) == 2
