"""送信先 as pages: who receives what and how far each is, a test message, and what can be done; for those who may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

from services.errands import Errand, NotDone, Outcome
from services.ward import Ward
from tests.hook_examples import Receiver, receiving
from tests.subscriber_examples import Served, handed_over, hook, hurry, public_half, serving, subscriber
from tests.web_examples import browser, site, tables_of

FROM_HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
async def served(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Served]:
    """An office that is sent webhooks, and an archive on NATS that nobody reads."""
    office = hook(receiver, personal=("name",), public_key=public_half())
    async with serving(tmp_path, office, subscriber("archive")) as found:
        found.secrets.new("office", found.centre.clock())
        found.centre.pump()  # The ward's file is in force once the ledger has heard of it.
        yield found


def pages(served: Served, role: str = "day") -> Starlette:
    """The front over the ledger that is served; what is asked for reaches the worker."""

    async def asks(errand: Errand) -> Outcome:
        outcome = await served.do(errand.do, errand.subscriber, errand.position)
        if outcome.refused:
            raise NotDone(outcome.refused)
        return outcome

    return site(served.centre, role=role, asks=asks)


async def get(app: Starlette, address: str) -> Any:
    async with browser(app) as web:
        return await web.get(address)


async def press(app: Starlette, address: str, **form: str) -> Any:
    """Send a form; the page that one is led to."""
    async with browser(app) as web:
        sent = await web.post(address, data=form, headers=FROM_HERE)
        return await web.get(sent.headers["location"]) if sent.status_code == 303 else sent


async def test_the_page_says_how_far_each_is(served: Served) -> None:
    """By name, with what it hears of and may read; the status page leads there."""
    handed_over(served.centre)
    await served.until(lambda: served.states() == ["delivered"] * 2 and served.states("archive") == ["sent"] * 2)
    app = pages(served, "ward")
    assert 'href="/subscribers"' in (await get(app, "/status")).text
    [(_, *rows)] = tables_of((await get(app, "/subscribers")).text).values()
    assert [(row[0], row[2]) for row in rows] == [
        ("見本の係", "すべて届いています"),
        ("見本の係", "受信確認のないもの2件"),
    ]
    one = (await get(app, "/subscribers/office?all=1")).text
    assert "氏名" in one
    assert [row[2] for row in tables_of(one)["これまでに送ったもの"][1:]] == ["受信確認済み"] * 2
    english = (await get(app, "/subscribers/archive?lang=en")).text
    assert "2 not acknowledged" in english
    assert "見本 花子" not in one + english


async def test_a_button_shows_that_a_subscriber_works(served: Served, receiver: Receiver) -> None:
    """It says that the test was acknowledged; or what came back, and then nothing of it is kept for later."""
    app = pages(served)
    assert "試験送信の受信を確認しました。" in (await press(app, "/subscribers/office", do="test")).text
    receiver.says = lambda _: (500, {})
    told = (await press(app, "/subscribers/office?lang=en", do="test")).text
    assert "The test message was not acknowledged. Came back: answered 500" in told
    assert served.states() == ["skipped", "delivered"]


async def test_one_that_was_stopped_is_started_again_and_one_is_left_out(served: Served, receiver: Receiver) -> None:
    """410: the page says so and has a button; what is left out lets the next one go."""
    receiver.says = lambda _: (410, {})
    handed_over(served.centre)
    await served.until(lambda: served.standing().disabled_at)
    app = pages(served)
    shown = (await get(app, "/subscribers/office")).text
    assert "送信を止めています（410）" in shown
    assert "送信を再開する" in shown
    receiver.says = lambda _: (500, {})
    assert "送信を再開しました。" in (await press(app, "/subscribers/office", do="enable")).text
    await served.until(lambda: not served.standing().disabled_at and served.queue()[0].attempts == 1)
    receiver.says = lambda _: (204, {})
    first = str(served.queue()[0].position)
    assert "送らないことにしました" in (await press(app, "/subscribers/office", do="skip", position=first)).text
    await served.until(lambda: served.states() == ["skipped", "delivered"])


async def test_who_only_looks_has_no_button_and_cannot_press_one(served: Served) -> None:
    """An auditor sees how it stands; without `status` there is no such page."""
    auditor = pages(served, "auditor")
    assert '<button type="submit" name="do"' not in (await get(auditor, "/subscribers/office")).text
    async with browser(auditor) as web:
        assert (await web.post("/subscribers/office", data={"do": "test"}, headers=FROM_HERE)).status_code == 404
    assert served.states() == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 404),
        ({"do": "replay"}, 404),
        ({"do": "skip"}, 404),
        ({"do": "skip", "position": "x"}, 404),
        ({"do": "skip", "position": "9" * 30}, 404),
        ({"do": "skip", "position": "99"}, 303),
        ({"do": "retry", "position": "７"}, 303),
    ],
)
async def test_no_form_is_too_odd(served: Served, form: dict[str, str], status: int) -> None:
    """A page or none, and never an error of ours."""
    async with browser(pages(served)) as web:
        assert (await web.post("/subscribers/office", data=form, headers=FROM_HERE)).status_code == status
        for key in ("nobody", "%00", "office%20", "OFFICE", "🙂"):
            assert (await web.post(f"/subscribers/{key}", data=form, headers=FROM_HERE)).status_code == 404
            assert (await web.get(f"/subscribers/{key}")).status_code == 404
        for query in (
            "said=test&test=x",
            "said=test&test=-99999999999999999999",
            "said=<b>",
            "all=2",
            "said=test&test=-1",
        ):
            answered = await web.get(f"/subscribers/office?{query}")
            assert answered.status_code == 200
            assert "<b>" not in answered.text


async def test_where_nobody_answers_it_is_said(served: Served) -> None:
    """The reporting service is away: nothing was done, and the page is there all the same."""
    app = site(served.centre, role="day")
    assert "実行できませんでした。" in (await press(app, "/subscribers/office", do="test")).text


async def test_a_ward_without_subscribers_says_so(served: Served) -> None:
    """And no page leads there."""
    plain: Ward = msgspec.structs.replace(served.ward, subscriber=())
    served.centre.activate(plain, served.centre.clock())
    served.centre.pump()
    app = pages(served)
    assert "送信先はありません。" in (await get(app, "/subscribers")).text
    assert "/subscribers" not in (await get(app, "/status")).text
