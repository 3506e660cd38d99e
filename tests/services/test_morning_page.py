"""朝の引継ぎ as a coordinator sees it at 8:30: what came, what differs, what is left; and every form of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from services.handover.looking import Looking
from services.keyed import Label
from services.pages.night_log import NightLog
from services.pages.nights import Night, Standing
from services.pages.statement import sheet_of
from services.pages.terms import Terms
from services.reporting.deliveries import Deliveries
from services.reporting.telling import Telling
from services.tables import PARKED
from tests.desk_examples import GROUND, WARD, Centre, answer, arrange, at, correct, message, names
from tests.morning_examples import evening
from tests.statement_examples import handed_over, items, night_in, of_item, on, say, silent, told
from tests.subscriber_examples import subscriber, with_subscribers
from tests.web_examples import COOKIE, HOME, browser, centre_in, keys_of, site

FROM_HERE = {"Origin": HOME}
NAME = "架空 太郎"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A night with two calls and a silent one, and its statement; it is 8:35."""
    with night_in(tmp_path) as running:
        handed_over(running, told("A", "23:40"), told("B", "05:20"), silent("06:10"))
        yield running


async def get(app: Starlette, address: str = "/morning") -> httpx.Response:
    """One answer, wherever it leads."""
    async with browser(app) as web:
        return await web.get(address, follow_redirects=True)


async def send(app: Starlette, form: dict[str, str], address: str = "/morning") -> httpx.Response:
    """A form, wherever it leads."""
    async with browser(app) as web:
        return await web.post(address, data=form, headers=FROM_HERE, follow_redirects=True)


def form(do: str, item: int | str = 1, **fields: str) -> dict[str, str]:
    """A form about an item, as the page has it."""
    return {"night": "2025-11-14", "item": str(item), "do": do, "worker": "架空 次郎"} | fields


def words(answer: httpx.Response) -> str:
    """What stands on a page, without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def item_of(answer: httpx.Response, n: int) -> str:
    """One item of the page."""
    found = re.search(rf'<li id="item-{n}".*?</li>', answer.text, re.DOTALL)
    assert found is not None
    return found[0]


def buttons(text: str) -> set[str]:
    """What can be done, by the forms that are there."""
    return set(re.findall(r'name="do" value="(.*?)"', text))


async def test_everything_of_the_night_is_on_it(centre: Centre) -> None:
    """The night, the counts, each item with its number, its time and its words; in English as well."""
    page = words(await get(site(centre, role="day")))
    english = words(await get(site(centre, role="day"), "/morning?lang=en"))

    for text in (
        *("朝の引継ぎ", "令和7年11月14日（金）夜間分", "件数照合：一致", "相談2件、続報0件、件数外1件"),
        *("引継書 3件", "電話の着信 未確認", "初版 8:30発行（3件）", "受領期限 9:00", "受領待ち"),
        *("1番 R7-0001 23:40 第一報 未登録", "2番 R7-0002 翌05:20", "3番 R7-0003 翌06:10 件数外（無言）"),
        *("翌朝にお願いすること 短期入所の空きを探す。", "連絡者 架空 花子（隣人）、03-0000-0000"),
    ):
        assert text in page
    for text in ("Morning hand-over", "Counts: agree", "05:20 next day", "What is left for the morning"):
        assert text in english


def _of_newest(centre: Centre) -> tuple[Night, Standing, dict[Any, Any]]:
    """The newest night and how it stands, without its calls."""
    night = NightLog(centre.engine("handover")).newest()
    assert night is not None
    return night, Looking(centre.engine("handover"))(night, centre.clock()), {}


async def test_the_ward_was_notified_as_far_as_its_systems_have_acknowledged(tmp_path: Path) -> None:
    """Sent to two systems: neither has answered, so the telephone stands there; then one has; then both.

    A copy that is kept on disk asks nobody, and says only that it was sent.
    """
    told_of = {"events": ("deadline.passed",), "whom": ("ward",)}
    desks = [
        msgspec.structs.replace(subscriber(key, **told_of), label=Label(label, label))
        for key, label in (("desk", "区の当直"), ("office", "区の係"))
    ]
    url = f"sqlite:///{tmp_path}/{{service}}.db"
    with evening(url, "2025-11-14 12:00", with_subscribers(*desks)) as centre:
        deliveries = Deliveries(centre.ledger.journal)
        deliveries.prepare(["desk", "office"])
        handed_over(centre, told("A", "23:40"))
        centre.tick(on("09:31"))
        centre.pump()
        for desk in desks:
            deliveries.fill(desk.key, desk.events, Telling(desk, lambda _: (), lambda _: {}, WARD).tell)
        app = site(centre, role="day")
        pages = [words(await get(app))]
        for desk in desks:
            (waiting,) = deliveries.unsent(desk.key)
            deliveries.answered(desk.key, waiting.of.position, "http-204")
            pages.append(words(await get(app)))
        unasked = sheet_of(
            *_of_newest(centre),
            Terms(msgspec.structs.replace(WARD, subscriber=tuple(desks)), "ja"),
            centre.clock(),
            None,
            alarms=(),
        )
        copy = (await get(app, "/morning/2025-11-14/statement.txt")).text
        english = words(await get(app, "/morning?lang=en"))

    ring, duty = "電話で知らせてください", "閉庁時の連絡先（第一）"
    assert "区へ通知しました（9:30）。（送信先：区の当直、区の係、受信確認なし）" + ring + f"：{duty}" in pages[0]
    assert "（送信先：区の当直、受信確認済み）（送信先：区の係、受信確認なし）" in pages[1]
    assert "（送信先：区の当直、区の係、受信確認済み）" in pages[2]
    assert "（送信先：区の当直、区の係、受信確認済み）" in copy
    assert [ring in page for page in pages] == [True, False, False]
    assert ["区へ通知済み（受信確認なし）" in page for page in pages] == [True, False, False]
    assert all("区へ通知済み" in page for page in pages)
    assert "区へ通知しました（9:30）。（送信先：区の当直、区の係）" in unasked.notices
    assert unasked.rows[0].standings == ("期限超過", "区へ送信済み")
    assert "The ward was notified (9:30). (sent to 区の当直, 区の係, and acknowledged)" in english


async def test_what_opens_after_it_was_acknowledged_is_mine_to_do(tmp_path: Path) -> None:
    """間違い, and acknowledged as that: it counts after all, is the day's, and stands among what is to be done."""
    with night_in(tmp_path) as centre:
        wrong = told("A", "06:10")
        wrong["data"]["not_counted"] = "wrong-number"
        handed_over(centre, wrong)
        say(centre, "day", of_item("acknowledge", 1, "08:35"))
        app = site(centre, role="day")
        before = await get(app)
        say(centre, "night", correct(wrong, on("08:50"), not_counted=None))
        page, english = await get(app), await get(app, "/morning?lang=en")

    assert "done" not in buttons(item_of(before, 1))
    assert "done" in buttons(item_of(page, 1))
    assert "1番 R7-0001" in words(before).partition("引継ぎの内容")[2]
    assert "1番 R7-0001" in words(page).partition("引継ぎの内容")[0]
    for shown, mark, owner in (
        (page, "受領後に担当が替わった", "担当：日中受託事業者"),
        (english, "Passed on after it was acknowledged", "In charge: Day provider"),
    ):
        assert mark in item_of(shown, 1)
        assert owner in item_of(shown, 1)
    assert "受領後に担当が替わった" not in before.text


async def test_it_is_the_first_page_of_those_who_work_by_day(centre: Centre) -> None:
    """By signing in; the night comes to its notes, the ward to its tables, and finds it in the menu with its count."""
    for role, home in (("day", "/morning"), ("night", "/tonight"), ("ward", "/")):
        app = site(centre, role=None)
        async with browser(app) as web:
            entered = await web.post(f"/signin/{app.state.signins.link(role)}", headers=FROM_HERE)
        assert entered.headers["Location"] == home
    assert 'href="/morning">朝の引継ぎ <span class="count">3件' in (await get(site(centre, role="ward"), "/flags")).text


async def test_each_side_finds_its_own_forms(centre: Centre) -> None:
    """The day takes over and asks; the night answers what was asked; the ward only looks, and sees no person."""
    say(centre, "day", of_item("question", 1, "08:35", question="？"))
    day, night, ward = [await get(site(centre, role=role)) for role in ("day", "night", "ward")]

    assert buttons(item_of(day, 1)) == {"acknowledge", "question"}
    assert buttons(item_of(night, 1)) == {"answer"}
    assert buttons(item_of(night, 2)) == set()
    assert buttons(ward.text) == set()
    assert (NAME in day.text, NAME in night.text, NAME in ward.text) == (True, True, False)
    assert "個人情報は、この役割では表示しません。" in ward.text
    assert "回答を求められているもの" in night.text
    assert "照会中（回答待ち）" in day.text


async def test_what_is_said_goes_out_as_the_roles_provider(centre: Centre) -> None:
    """Night and number, the worker and the words sealed, synthetic as the night is."""
    app = site(centre, role="day", name="架空 次郎")
    sent = []
    for do, kind, text in (
        ("acknowledge", "item.acknowledge", "note"),
        ("question", "item.question", "question"),
        ("done", "item.done", "note"),
        ("correct", "item.undo", "reason"),
    ):
        await send(app, form(do, text="伝えること", seen="done"))
        provider, message = app.state.counter.sent[-1]
        sent.append((provider, message["type"], message["synthetic"], message["data"]))
        assert sent[-1][1] == kind
        assert message["data"]["personal"] == {"worker": "架空 次郎", text: "伝えること"}

    assert {provider for provider, *_ in sent} == {"day"}
    assert all(synthetic for _, _, synthetic, _ in sent)
    assert {(data["night"], data["item"]) for *_, data in sent} == {("2025-11-14", 1)}


async def test_paper_keeps_its_own_time(centre: Centre) -> None:
    """Signed for at 8:31 on paper: that is when it was, on the statement's own morning, also typed in a day later."""
    app = site(centre, role="day")
    await send(app, form("acknowledge", 2, at="8:31"))
    assert app.state.counter.sent[0][1]["entered"] == "2025-11-15T08:35:00+09:00"
    centre.clock.now += timedelta(days=1)
    later = site(centre, role="day")  # Signed in anew.
    await send(later, form("acknowledge", 1, at="8:32"))

    times = [message["time"] for each in (app, later) for _, message in each.state.counter.sent]
    assert times == ["2025-11-15T08:31:00+09:00", "2025-11-15T08:32:00+09:00"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (form("acknowledge", worker=""), "氏名を入力してください。"),
        (form("acknowledge", worker="あ" * 101), "氏名は100字までで入力してください。"),
        (form("acknowledge", text="あ" * 1_001), "1,000字までで入力してください。"),
        (form("acknowledge", at="25:00"), "時刻は 8:55 のように入力してください。"),
        (form("acknowledge", at="23:59"), "その時刻はまだ来ていません。"),
        (form("acknowledge", at="4:00"), "この夜間引継書は08:30に発行しました。"),
        (form("acknowledge", at="八時"), "時刻は 8:55 のように入力してください。"),
        (form("question", text=""), "内容を入力してください。"),
        (form("correct", text=""), "訂正の理由を入力してください。"),
        (form("count", contacts="many"), "件数は0から9999までの数字で入力してください。"),
        (form("count", contacts="-1"), "件数は0から9999までの数字で入力してください。"),
        (form("count", contacts="10000"), "件数は0から9999までの数字で入力してください。"),
        (form("count", contacts="²"), "件数は0から9999までの数字で入力してください。"),
    ],
)
async def test_a_form_that_is_wrong_says_so_and_keeps_what_was_typed(
    centre: Centre, fields: dict[str, str], text: str
) -> None:
    """Nothing is sent; the page says what is missing, and has the words that were typed."""
    app = site(centre, role="day")
    answer = await send(
        app, fields | ({"text": "書きかけ"} if fields["do"] == "acknowledge" and "text" not in fields else {})
    )

    assert (answer.status_code, app.state.counter.sent) == (400, [])
    assert text in answer.text
    assert fields["do"] != "acknowledge" or "text" in fields or "書きかけ" in item_of(answer, 1)


@pytest.mark.parametrize(
    "fields",
    [
        form("acknowledge", item=9),
        form("acknowledge", item="x"),
        form("acknowledge", item="²"),
        form("acknowledge", item="9" * 40),
        form("answer", text="夜間にしか答えられない"),
        form("nothing"),
        form("acknowledge", night="2024-01-01"),
        form("acknowledge", night="yesterday"),
        {"do": "acknowledge"},
        {},
    ],
)
async def test_what_is_not_there_or_not_theirs_is_not_found(centre: Centre, fields: dict[str, str]) -> None:
    """No such night, no such item, no such form, or the other side's: nothing is sent."""
    app = site(centre, role="day")

    assert (await send(app, fields)).status_code == 404
    assert app.state.counter.sent == []


async def test_who_speaks_for_nobody_sends_nothing(centre: Centre) -> None:
    """For the ward and the auditor there is no such form."""
    for role in ("ward", "auditor"):
        app = site(centre, role=role)
        assert (await send(app, form("acknowledge"))).status_code == 404
        assert app.state.counter.sent == []


async def test_a_line_that_is_down_keeps_the_form(centre: Centre) -> None:
    """Nobody knows whether it arrived, and the page says so, with the words still there."""
    app = site(centre, role="day")
    app.state.counter.closed = True
    answer = await send(app, form("acknowledge", text="備考の文"))

    assert answer.status_code == 503
    assert "届いたか分かりません。このまま、もう一度送ってください（二重にはなりません）。" in answer.text
    assert "備考の文" in item_of(answer, 1)


async def test_a_question_that_is_sent_twice_is_asked_once(centre: Centre) -> None:
    """The very same form is the very same message, whatever the time; another text is another one."""
    app = site(centre, role="day")
    (key,) = keys_of((await get(app)).text)
    for minute, text in (("08:35", "薬は？"), ("08:36", "薬は？"), ("08:37", "鍵は？")):
        centre.tick(f"2025-11-15 {minute}")
        answer = await send(app, form("question", text=text, key=key))
        assert "1番について照会しました。" in answer.text

    first, again, other = [told for _, told in app.state.counter.sent]
    assert first == again
    assert other["id"] != first["id"]
    assert names(centre.events("handover")).count("item.questioned") == 2
    assert keys_of(answer.text) != {key}


async def test_what_arrived_unheard_of_is_not_doubled(centre: Centre) -> None:
    """The answer is lost; the form comes back with its key, and sent as it is it is heard once."""
    app = site(centre, role="day")
    (key,) = keys_of((await get(app)).text)
    told = form("question", text="薬は？", key=key)
    app.state.counter.lost = True
    unknown = await send(app, told)
    app.state.counter.lost = False
    centre.tick("2025-11-15 08:40")
    answer = await send(app, told)

    assert (unknown.status_code, keys_of(unknown.text)) == (503, {key})
    assert "1番について照会しました。" in answer.text
    assert names(centre.events("handover")).count("item.questioned") == 1


async def test_what_was_pressed_after_an_hour_or_by_somebody_else_is_another_message(centre: Centre) -> None:
    """Nor is a form without a key remembered, as an older client sends it."""
    app = site(centre, role="day")
    (key,) = keys_of((await get(app)).text)
    told = form("question", text="薬は？", key=key)
    await send(app, told)
    app.state.cookies = {COOKIE: app.state.signins.sign_in(app.state.signins.link("day", "架空 三郎"))}
    await send(app, told)
    centre.tick("2025-11-15 09:40")
    await send(app, told)
    for _ in range(2):
        await send(app, form("question", text="薬は？"))

    assert len({message["id"] for _, message in app.state.counter.sent}) == 5


async def test_what_was_pressed_is_shown_as_sent_until_it_is_recorded(centre: Centre) -> None:
    """The receipt is slow: the item says that it was sent, and stands as before."""
    app = site(centre, role="day")
    app.state.counter.slow = True
    answer = await send(app, form("acknowledge", item=2))

    assert answer.url.fragment == "item-2"
    assert "送信しました。受付が済みしだい、ここに表示します。" in item_of(answer, 2)


async def test_the_page_says_nothing_while_nothing_changed(centre: Centre) -> None:
    """Asked again with the version it has, the answer is empty; what changes at all gives another version."""
    app = site(centre, role="day")
    first = re.search(r'data-version="(\w+)"', (await get(app)).text)
    assert first is not None
    still = await get(app, f"/morning?live={first[1]}")
    say(centre, "day", of_item("acknowledge", 1, "08:36"))
    then = await get(app, f"/morning?live={first[1]}")

    assert (still.status_code, still.text, then.status_code) == (204, "", 200)
    assert "受領済み（日中受託事業者 架空 次郎・8:36）" in item_of(then, 1)
    assert 'aria-live="polite"' in then.text


async def test_a_slip_is_undone_at_once_and_corrected_later(centre: Centre) -> None:
    """For half a minute one press takes it back; later a reason is asked for; nobody else's is taken back."""
    say(centre, "day", of_item("acknowledge", 1, "08:35"))
    at_once = item_of(await get(site(centre, role="day")), 1)
    centre.clock.now = at(on("08:36"))
    later = item_of(await get(site(centre, role="day")), 1)

    assert {"undo", "done"} <= buttons(at_once)
    assert "correct" not in buttons(at_once)
    assert {"correct", "done"} <= buttons(later)
    assert "undo" not in buttons(later)


async def test_what_was_never_acknowledged_is_not_taken_back(centre: Centre) -> None:
    """Nothing is sent, and the page says why; where it was taken back already, by whom."""
    app = site(centre, role="day")
    never = [await send(app, form(do, text="押し間違い")) for do in ("undo", "correct")]
    say(centre, "day", of_item("acknowledge", 1, "08:35"), of_item("undo", 1, "08:36", reason="押し間違い"))
    twice = await send(app, form("undo"))

    assert app.state.counter.sent == []
    for said in never:
        assert (said.status_code, "受領されていないため、取り消せません。" in said.text) == (409, True)
    assert (twice.status_code, "1番の受領は、すでに架空 次郎が8:36に取り消しています。" in twice.text) == (409, True)


async def test_who_comes_second_is_told_who_came_first(centre: Centre) -> None:
    """By whom and when, in both languages, and nothing more is recorded; the first word stands."""
    first, second = (site(centre, role="day", name=name) for name in ("夜明 花子", "架空 次郎"))
    (key,) = keys_of((await get(first)).text)
    told = form("acknowledge", 2, worker="夜明 花子", at="8:31", key=key)
    await send(first, told)
    late = await send(second, form("acknowledge", 2))
    english = await send(second, form("acknowledge", 2), "/morning?lang=en")
    again = await send(first, told)

    assert (late.status_code, english.status_code, second.state.counter.sent) == (409, 409, [])
    assert "2番は、すでに夜明 花子が8:31に受領しています。" in late.text
    assert "No. 2 was acknowledged already by 夜明 花子 at 8:31." in english.text
    assert "2番を受領しました。" in again.text
    assert names(centre.events("handover")).count("item.acknowledged") == 1

    await send(first, form("done", 2, worker="夜明 花子"))
    done = await send(second, form("done", 2))
    assert (done.status_code, "2番は、すでに夜明 花子が8:35に完了にしています。" in done.text) == (409, True)


async def test_what_was_done_meanwhile_is_not_undone_unseen(centre: Centre) -> None:
    """An old tab shows it as acknowledged: nothing is sent. Who sees that it is done takes both back, and reads so."""
    first, second = (site(centre, role="day", name=name) for name in ("夜明 花子", "架空 次郎"))
    say(centre, "day", of_item("acknowledge", 1, "08:35"))
    await send(first, form("done", 1, worker="夜明 花子"))
    late = [await send(second, form(do, 1, text="押し間違い")) for do in ("undo", "correct")]

    for each in late:
        assert (each.status_code, "1番は、すでに夜明 花子が8:35に完了にしています。" in each.text) == (409, True)
    assert second.state.counter.sent == []
    assert "受領と完了を取り消す" in item_of(await get(second), 1)
    centre.clock.now = at(on("08:37"))
    assert "受領と完了を訂正する" in item_of(await get(second), 1)
    await send(second, form("correct", 1, text="別の件", seen="done"))
    assert "item.unacknowledged" in names(centre.events("handover"))


async def test_who_signed_in_without_a_name_gives_one_to_undo(centre: Centre) -> None:
    """As for everything else that somebody says of an item."""
    say(centre, "day", of_item("acknowledge", 1, "08:35"))
    named, nameless = [item_of(await get(site(centre, role="day", name=name)), 1) for name in ("夜明 花子", None)]

    assert 'id="undo-worker-1"' not in named
    assert 'id="undo-worker-1"' in nameless
    assert "（氏名なし）" not in nameless[nameless.index("undo-worker-1") :]


async def test_of_two_at_once_one_is_told_who_was_first(centre: Centre) -> None:
    """Both forms were fine as they came; of what was heard second it is said whose word stands."""
    app = site(centre, role="day")
    app.state.counter.first = lambda: say(centre, "day", of_item("acknowledge", 2, "08:34", worker="夜明 花子"))
    late = await send(app, form("acknowledge", 2))

    assert late.status_code == 409
    assert "2番は、すでに夜明 花子が8:34に受領しています。" in late.text


async def test_of_done_and_undone_at_once_the_second_is_told_of_the_first(centre: Centre) -> None:
    """Both forms were fine as they came: what is heard second changes nothing, and leaves nothing to mend."""
    say(centre, "day", *(of_item("acknowledge", n, "08:35") for n in (1, 2)))
    app = site(centre, role="day")
    app.state.counter.first = lambda: say(centre, "day", of_item("done", 1, "08:36", worker="夜明 花子"))
    undo = await send(app, form("undo", 1))
    app.state.counter.first = lambda: say(centre, "day", of_item("undo", 2, "08:36", worker="夜明 花子"))
    done = await send(app, form("done", 2), "/morning?lang=en")

    assert (undo.status_code, "1番は、すでに夜明 花子が8:36に完了にしています。" in undo.text) == (409, True)
    assert done.status_code == 409
    assert "The acknowledgement of No. 2 was taken back already by 夜明 花子 at 8:36." in done.text
    told = names(centre.events("handover"))
    assert (told.count("item.done"), told.count("item.unacknowledged")) == (1, 1)
    assert centre.rows(PARKED, "handover") == []


async def test_of_two_that_undo_at_once_the_second_is_told(centre: Centre) -> None:
    """Also where it was taken over again in between, or the first of them took back more."""
    say(centre, "day", *(of_item("acknowledge", n, "08:35") for n in (1, 2)), of_item("done", 2, "08:36"))
    app = site(centre, role="day")
    app.state.counter.first = lambda: say(centre, "day", of_item("undo", 1, "08:37", worker="夜明 花子"))
    undone = await send(app, form("undo", 1))
    again = [of_item("undo", 2, "08:37"), of_item("acknowledge", 2, "08:38", worker="夜明 花子")]
    app.state.counter.first = lambda: say(centre, "day", *again)
    taken_over = await send(app, form("undo", 2, seen="done"))

    assert (undone.status_code, taken_over.status_code) == (409, 409)
    assert "1番の受領は、すでに夜明 花子が8:37に取り消しています。" in undone.text
    assert "2番は、すでに夜明 花子が8:38に受領しています。" in taken_over.text


async def test_what_makes_no_sense_any_more_is_refused_on_the_form(centre: Centre) -> None:
    """Done before it was acknowledged, answered without a question, taken over before the call: nothing is recorded."""
    day, night = site(centre, role="day"), site(centre, role="night")
    done = await send(day, form("done", 2))
    answered = await send(night, form("answer", 2, text="鍵は預かった"))
    early = await send(day, form("acknowledge", 2, at="5:10", text="紙に書いた備考"))

    assert [each.status_code for each in (done, answered, early)] == [409, 409, 400]
    assert "受領されていないため、完了にできません。" in done.text
    assert "回答を待つ照会がありません" in answered.text
    assert "この相談の受付（05:20）より後の時刻を入力してください。" in early.text
    assert "紙に書いた備考" in item_of(early, 2)
    assert day.state.counter.sent + night.state.counter.sent == []


async def test_what_is_left_of_earlier_nights_is_named(centre: Centre) -> None:
    """Taken over and not done, and what an agency sent back: with links; what is done is gone."""
    say(centre, "day", *(of_item("acknowledge", n, "08:40") for n in (1, 2, 3)), of_item("done", 2, "10:00"))
    offer = {"handover": "offer", "number": "R7-0001", "kind": "agency", "to": "ぽーと", **GROUND}
    offered = message("handover.offer", on("10:10"), **offer)
    say(centre, "day", offered, answer("accept", on=on("10:20")), answer("return", on=on("10:30")))
    centre.tick("2025-11-16 08:35")
    page = (await get(site(centre, role="day"))).text
    left = re.search(r'<dl class="todo">.*?</dl>', page, re.DOTALL)
    assert left is not None
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", left[0]))

    assert "前の夜から残っているもの 1件 11月14日（金） 1番 R7-0001" in text
    assert "差戻し（関係機関から） 1件 R7-0001" in text
    assert 'href="/morning?night=2025-11-14#item-1"' in left[0]
    assert "R7-0002" not in text
    assert "相談0件" in page

    again = message("handover.offer", "2025-11-16 09:00", **offer | {"handover": "again"})
    say(centre, "day", again)
    assert "差戻し" not in (await get(site(centre, role="day"))).text


async def test_an_acknowledgement_taken_back_is_no_return_by_an_agency(centre: Centre) -> None:
    """受領する and 取り消す are ours: nothing came back from an agency, though the case is the night's again."""
    say(centre, "day", of_item("acknowledge", 1, "08:40"), of_item("undo", 1, "08:41", reason="押し間違い"))

    assert "handover.returned" in names(centre.events("handover"))
    assert "差戻し" not in (await get(site(centre, role="day"))).text


async def test_an_older_night_is_found_by_its_day(centre: Centre) -> None:
    """However the day is written; the page says that there is a newer one; a day without one says so."""
    centre.tick("2025-11-16 08:35")
    app = site(centre, role="day")
    for day in ("2025-11-14", "R7.11.14", "令和７年11月14日"):
        answer = await get(app, f"/morning?night={day}")
        assert "令和7年11月14日（金）夜間分" in answer.text
        assert "新しい夜間引継書があります：令和7年11月15日（土）" in answer.text
    for day in ("2025-01-01", "0001-01-01", "9999-12-31"):
        assert "この夜間の夜間引継書はありません。" in (await get(app, f"/morning?night={day}")).text


async def test_any_address_is_answered(centre: Centre) -> None:
    """Nothing that stands in an address stands on the page."""
    answer = await get(site(centre, role="day"), "/morning?night=%20&said=%3Cb%3E&item=%3Cb%3E")

    assert answer.status_code == 200
    assert "<b>" not in answer.text


NUMBER = "受け付けられる内容：{}以上の整数"


PARTS = {
    "night": ("夜間の始まった日", "day on which the night began"),
    "edition": ("引継書の版の番号", "number of the edition"),
    "page": ("ページの番号", "number of the page"),
}


@pytest.mark.parametrize(
    ("address", "name", "accepted"),
    [
        ("/morning?night=%00", "night", "受け付けられる内容：日付（例：2025-11-14、令和7年11月14日）"),
        ("/morning?night=%3Cb%3E&live=%ff", "night", "a day such as 2025-11-14"),
        *(
            (f"/morning/2025-11-14/statement.txt?edition={given}", "edition", NUMBER.format(0))
            for given in ("-1", "x", "1.5", "9999999")
        ),
        ("/morning/2025-11-14/statement.pdf?edition=-1", "edition", NUMBER.format(0)),
        ("/agencies?page=x", "page", NUMBER.format(1)),
        ("/parked?page=0", "page", NUMBER.format(1)),
        ("/flags?page=-1", "page", NUMBER.format(1)),
    ],
)
async def test_an_address_that_cannot_be_read_says_which_part(
    centre: Centre, address: str, name: str, accepted: str
) -> None:
    """By its name and with what is accepted, in both languages; never with what stood there."""
    answer = await get(site(centre, role="day"), address)

    assert answer.status_code == 400
    ja, en = PARTS[name]
    assert f"アドレスの中の{ja}（{name}=の後ろ）を読み取れません。メニューから開き直してください。" in answer.text
    assert f"The {en} in the address (behind {name}=) cannot be read. Open the page from the menu." in answer.text
    assert accepted in answer.text
    assert "<b>" not in answer.text


async def test_text_and_pdf_are_behind_buttons(centre: Centre) -> None:
    """Each edition's own too; what there is not is not found; persons only for those who see them."""
    day, ward = site(centre, role="day"), site(centre, role="ward")
    text, pdf = [await get(day, f"/morning/2025-11-14/statement.{kind}") for kind in ("txt", "pdf")]
    one = await get(day, "/morning/2025-11-14/statement.txt?edition=0&lang=en")
    none = ["2025-11-14/statement.pdf?edition=1", "2025-11-13/statement.pdf", "x/statement.txt", "%00/statement.txt"]
    answers = [await get(day, f"/morning/{address}") for address in none]

    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert (NAME in text.text, "Closing statement" in one.text) == (True, True)
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert [answer.status_code for answer in answers] == [404] * 4
    assert NAME not in (await get(ward, "/morning/2025-11-14/statement.txt")).text
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in (text, pdf))


async def test_a_ward_without_statements_says_so(tmp_path: Path) -> None:
    """Nothing was issued: the page is there, and says what it would show."""
    with centre_in(tmp_path) as centre:
        centre.desk("handover")
        shown = await get(site(centre, role="day"))

    assert shown.status_code == 200
    assert "夜間引継書はまだありません。" in shown.text


async def test_who_looked_is_logged_by_case(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    """Each case that was shown with a person, once for each look; looking whether anything changed is none."""
    caplog.set_level("INFO", "yoake.pages")
    app = site(centre, role="day")
    version = re.search(r'data-version="(\w+)"', (await get(app)).text)
    assert version is not None
    await get(app, f"/morning?live={version[1]}")
    looked: list[Any] = [entry for entry in caplog.records if entry.message == "looked at"]

    assert [entry.case for entry in looked] == [item.case for item in items(centre) if item.case]


async def test_an_answer_comes_back_to_the_day(centre: Centre) -> None:
    """Asked, answered: it stands among what came back until it is taken over and done."""
    say(centre, "day", of_item("question", 1, "08:35", question="どこに？"))
    say(centre, "night", of_item("answer", 1, "08:35", worker="架空 三郎", answer="自宅です。"))
    page = await get(site(centre, role="day"))

    assert "回答済み（返ってきたもの）" in page.text
    assert "回答（夜間受託事業者 架空 三郎・8:35） ：自宅です。" in words(page)


async def test_the_night_is_closed_by_a_button(centre: Centre) -> None:
    """For those who work at night: with the last number and the calls, for the night that it is; others find none."""
    centre.tick("2025-11-16 08:20")
    night = site(centre, role="night")
    page = await get(night)
    shown = re.search(r'name="night" value="([^"]*)">\s*<input type="hidden" name="do" value="close"', page.text)
    assert shown is not None
    done = await send(night, {"night": shown[1], "do": "close", "last": "43", "calls": "3"})
    provider, sent = night.state.counter.sent[-1]
    told_nothing = [await send(night, {"night": shown[1], "do": "close", **each}) for each in ({}, {"last": "x"})]
    day = site(centre, role="day")

    assert (provider, sent["type"]) == ("night", "shift.close")
    assert sent["data"] == {"night": "2025-11-15", "last": 43, "calls": 3}
    assert "夜間を締めました。" in done.text
    assert [answer.status_code for answer in told_nothing] == [409, 400]  # It is closed already; and what is no number.
    assert 'value="close"' not in (await get(day)).text
    assert (await send(day, {"night": shown[1], "do": "close", "last": "43"})).status_code == 404


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"night": "2025-11-17", "last": "43"},
            "夜間の始まった日：まだ始まっていません（受け付けられる内容：夜間の始まった日）",
        ),
        ({"last": "40"}, "前の夜間の最後の番号より小さい番号です（受け付けられる内容：50番以上。"),
        (
            {"night": "2025-11-14", "last": "60"},
            "次の夜間の最後の番号より大きい番号です（受け付けられる内容：50番まで",
        ),
        ({"night": "2025-11-15", "last": "40", "source": "/s/1"}, "受け付けられる内容：41番以上。"),
        ({"last": "43", "calls": "10000"}, "件数は0から9999までの数字で入力してください。"),
    ],
)
async def test_a_night_is_not_closed_with_what_could_never_be_used(
    centre: Centre, fields: dict[str, str], text: str
) -> None:
    """The form says the field, the fault and what is accepted, and has what was typed; nothing is recorded."""
    centre.tick("2025-11-16 20:00")
    night = site(centre, role="night")
    shut = {"do": "close", "night": "2025-11-16"}
    for own in ({"night": "2025-11-14", "last": "43"}, {"night": "2025-11-15", "last": "50"}):
        await send(night, shut | own)
    await send(night, shut | {"night": "2025-11-14", "last": "41", "source": "/s/1"})
    before = len(night.state.counter.sent)
    wrong = await send(night, shut | {"night": "2025-11-16"} | fields)

    assert (wrong.status_code, len(night.state.counter.sent)) == (400, before)
    assert text in wrong.text
    assert f'name="last" inputmode="numeric" maxlength="15" autocomplete="off" value="{fields["last"]}"' in wrong.text
    assert centre.rows(PARKED, "intake") == []
    assert (await send(night, shut | {"last": "50", "calls": "9999"})).status_code == 200


async def test_what_went_to_another_service_is_no_gap_in_a_night_closed_by_the_button(tmp_path: Path) -> None:
    """A desk numbers all it sends, and intake sees only its own: the page says which numbers came to the others."""
    with night_in(tmp_path) as centre:
        centre.tick(on("23:00"))
        stay = arrange("P", case="A", on=on("23:50")) | {"synthetic": True}
        for n, each in enumerate((told("A", "23:40"), stay, told("B", "02:10")), start=1):
            say(centre, "night", each | {"source": "/s/desk-1", "sequence": n})
        centre.tick(on("08:20"))
        night = site(centre, role="night")
        shut = {"night": "2025-11-14", "do": "close", "last": "3", "source": "/s/desk-1"}
        await send(night, shut)
        centre.tick(on("08:35"))
        page = words(await get(site(centre, role="day")))

    assert night.state.counter.sent[-1][1]["data"]["elsewhere"] == [[2, 2]]
    assert "未着" not in page
    assert "送信 2件 受付 2件" in page


async def test_what_cannot_wait_stands_first_until_somebody_answers(centre: Centre) -> None:
    """At night, before any statement of it: whom to call now, with the number; gone once an attempt was answered."""
    centre.tick("2025-11-15 22:00")
    insulin = told("Z", "05:20", medication_at=at("2025-11-16 07:00").isoformat())
    insulin["time"] = at("2025-11-15 22:10").isoformat()
    say(centre, "night", insulin)
    night = site(centre, role="night")
    raised = words(await get(night))
    centre.tick("2025-11-15 22:25")
    later = words(await get(night))
    tried = [{"what": "ward", "at": at("2025-11-15 22:30").isoformat(), "answered": True, "to": "ward-duty-second"}]
    say(centre, "night", message("call.add", "2025-11-15 22:31", call=insulin["id"], danger=tried))
    answered = words(await get(night))

    assert "朝まで待てない相談（まだ応答なし）" in raised
    assert "次の服薬 令和7年11月16日（日） 07:00まで。次の連絡先：閉庁時の連絡先（第一） 03-0000-0002" in raised
    assert "閉庁時の連絡先（第二） 03-0000-0003" in later
    assert "朝まで待てない相談" not in answered


async def test_a_journal_that_was_set_back_is_read_anew(tmp_path: Path) -> None:
    """After a restore the journal may be shorter than what was read of it: nothing of before is shown."""
    with night_in(_in(tmp_path / "before")) as before, night_in(_in(tmp_path / "after")) as after:
        handed_over(before, *(told(f"A{n}", f"0{n}:10") for n in range(5)))
        say(before, "day", of_item("acknowledge", 1, "08:36"))
        handed_over(after, told("B", "23:40"))
        log = NightLog(before.engine("handover"))
        first = log.newest()
        log._log.engine = after.engine("handover")
        second = log.newest()

    assert first is not None
    assert second is not None
    assert (len(first.entries), len(second.entries)) == (5, 1)


def _in(directory: Path) -> Path:
    directory.mkdir()
    return directory


@pytest.mark.parametrize("unseen", ["\x00", "\x07", "\u200b", "\ufeff", "\u202e", " \u200b\u3000\u2066"])
async def test_a_name_that_nobody_sees_is_no_name(centre: Centre, unseen: str) -> None:
    """It is refused as an empty one is; within a name it is left out."""
    app = site(centre, role="day")
    refused = await send(app, form("acknowledge", worker=unseen))
    taken = await send(app, form("acknowledge", worker=f"架空{unseen}次郎"))

    assert (refused.status_code, "氏名を入力してください。" in words(refused)) == (400, True)
    assert taken.status_code == 200
    assert re.search("架空 ?次郎", words(taken))


async def test_digits_may_be_typed_in_any_width(centre: Centre) -> None:
    """As a Japanese keyboard gives them."""
    app = site(centre, role="day")
    counted = await send(app, form("count", contacts="９９"))
    taken = await send(app, form("acknowledge", at="８：３４"))

    assert [counted.status_code, taken.status_code] == [200, 200]
    assert app.state.counter.sent[0][1]["data"]["contacts"] == 99


async def test_a_night_that_was_closed_says_so(tmp_path: Path) -> None:
    """Before any statement exists: by whom, when, with which counts; pressed again it says so, and sends nothing."""
    with centre_in(tmp_path) as centre:
        centre.tick("2025-11-16 03:17")
        night = site(centre, role="night")
        shut = {"night": "2025-11-15", "do": "close", "calls": "5"}
        before = words(await get(night))
        done = words(await send(night, shut))
        again, blank = await send(night, shut), await send(night, shut | {"calls": ""})
        sent = len(night.state.counter.sent)
        other = await send(night, shut | {"calls": "6"})

    told = "夜間受託事業者、令和7年11月16日（日） 03:17、連絡の件数5件"
    assert "締めてあります" not in before
    assert "夜間を締めました。" in done
    assert f"この夜間は締めてあります（{told}）。" in done
    for each in (again, blank):
        assert each.status_code == 409
        assert f"この夜間は、すでに締めてあります（{told}）。" in words(each)
    assert sent == 1
    assert "連絡の件数6件" in words(other)
