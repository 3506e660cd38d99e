"""相談受付票 in a real browser, against real services: by keyboard alone, and with the line down. Needs Chromium."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import sqlalchemy as sa
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from deploy import front
from events import decode, event_of
from events.intake import CallAdded, CallCorrected, CallLinked, CallReceived, CallUnlinked
from services.database import open_reader
from services.health import Server, open_socket
from services.journal import LogReader
from services.reporting import app as reporting
from services.seal import KeyReader, Secrets
from services.settings import Settings
from services.signin import SignIns
from tests.browser_examples import IN_A_BROWSER, press, sound
from tests.desk_examples import register
from tests.door_examples import doorway
from tests.services.test_finding import HANAKO

pytestmark = IN_A_BROWSER
LOOK = os.environ.get("YOAKE_LOOK")


class Centre(NamedTuple):
    """A front that is served, with the services behind it."""

    address: str
    settings: Settings
    stop_services: Callable[[], None]
    start_services: Callable[[], None]

    def link(self, role: str) -> str:
        """A new one-time link."""
        signins = SignIns(self.settings.keys, self.settings.ward())
        try:
            return f"{self.address}/signin/{signins.link(role, '架空 花子')}"
        finally:
            signins.close()

    def told(self) -> list[tuple[Any, dict[str, Any]]]:
        """Every event of a call that intake recorded, with what is personal in it."""
        engine, keys = (open_reader(self.settings.database_of(name)) for name in ("intake", "keys"))
        log, opens = LogReader(engine), KeyReader(keys, Secrets.at(self.settings.keys)).opened
        with engine.connect() as connection:
            texts = connection.execute(sa.select(log.log.c.state).order_by(log.log.c.id)).scalars().all()
        found, people = [], dict[str | None, str]()
        for text in texts:
            record = decode(bytes(text))
            event = event_of(record)
            if isinstance(event, CallReceived | CallAdded | CallCorrected | CallLinked | CallUnlinked):
                people[event.case] = getattr(event, "person", None) or people.get(event.case, "")
                owners = [people[event.case], getattr(event, "before", "") or "", event.case or ""]
                box = opens(owners, f"{record.type}/{record.id}", event.sealed) if event.sealed else None
                found.append((event, box or {}))
        for each in (engine, keys):
            each.dispose()
        return found


class Running:
    """The loop, in a thread of its own, in which NATS, the services and the front run."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._ready, self._loop = directory, threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))
        self.centre: Centre | None = None

    def __enter__(self) -> Centre:
        self._thread.start()
        assert self._ready.wait(30)
        assert self.centre is not None, "it did not start"
        return self.centre

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._loop.close()

    async def _run(self) -> None:
        try:
            async with doorway(self._directory) as running:
                ledger = reporting.build(
                    msgspec.structs.replace(running.settings, nats=running.server.url_of("reporting"))
                )
                await ledger.start()
                form = register("H", personal=HANAKO)
                await running.door.submit("day", msgspec.json.encode(form))
                site = front.build(running.settings)
                self._server = Server(uvicorn.Config(site.site, log_config=None, access_log=False, lifespan="on"))
                listening = open_socket(("127.0.0.1", 0))
                address = f"http://127.0.0.1:{listening.getsockname()[1]}"
                self.centre = Centre(
                    address, running.settings, self._does(running.close_services), self._does(running.open_services)
                )
                self._ready.set()
                await self._server.serve([listening])
                await ledger.stop()
        finally:
            self._ready.set()

    def _does(self, work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        return lambda: asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """Everything but the other processes; one registrant, made up."""
    with Running(tmp_path_factory.mktemp("card")) as running:
        yield running


@pytest.fixture(scope="module")
def cookies(chromium: Browser, centre: Centre) -> list[Any]:
    """What a browser keeps that signed in as the night's worker, with a link."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(centre.link("night"))
    press(page, "サインインする")
    kept_by_it = list(context.cookies())
    context.close()
    return kept_by_it


@pytest.fixture
def screen(chromium: Browser, centre: Centre, cookies: list[Any]) -> Iterator[Page]:
    """The first page of the night's worker, far from the ward's clock; it fails the test if a script breaks."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, timezone_id="Europe/Lisbon")
    context.add_cookies(cookies)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{centre.address}/find")
    yield page
    context.close()
    assert broken == []


def look(page: Page, name: str) -> None:
    """Keep what is seen, for whoever wants to look at it."""
    if LOOK:
        page.screenshot(path=Path(LOOK) / f"{name}.png", full_page=True)


def kept(page: Page) -> int:
    """How many entries this device holds."""
    count: int = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('yoake')).length")
    return count


def until_kept(page: Page, n: int) -> None:
    """Wait until this device holds so many entries; the page's policy lets no test wait inside it."""
    for _ in range(200):
        if kept(page) == n:
            return
        page.wait_for_timeout(50)
    assert kept(page) == n


def tab_to(page: Page, name: str) -> None:
    """Tab until the field with this id has the focus, which must be seen."""
    for _ in range(160):
        if page.evaluate("document.activeElement.id") == name:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {name}")


def access(page: Page, key: str) -> None:
    """Press Alt and a key as a keyboard does; Playwright's own keys leave out the letter by which it is known."""
    pressed = {"modifiers": 1, "key": key, "unmodifiedText": key, "windowsVirtualKeyCode": ord(key.upper())}
    session = page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        session.send("Input.dispatchKeyEvent", {"type": kind, **pressed})
    session.detach()


def test_a_call_is_taken_with_the_keyboard_alone(screen: Page, centre: Centre) -> None:
    """Typed in the order in which one talks, saved by itself, gone on with after a reload; no key was a mouse's."""
    before = len(centre.told())
    press(screen, "相談を受ける", "A")
    keys = screen.keyboard
    expect(screen.locator("#caller_name")).to_be_focused()
    keys.type("架空 隣人")
    expect(screen.locator("#told")).to_contain_text("受け付けました（受付番号 R")
    number = screen.locator("#number").inner_text()
    assert screen.get_by_text("登録のない方です。このまま受け付けます。").is_visible()
    assert screen.url.endswith(f"/calls/{number}")
    for _ in range(2):  # A shaking hand: two presses within the same moment are one.
        access(screen, "1")
    for field, text in (
        ("name", "架空 太郎"),
        ("where", "自宅"),
        ("safe_until", "0401002025\t0900AM"),
        ("words", "母が入院"),
    ):
        tab_to(screen, field)
        keys.type(text)
    keys.press("Tab")
    keys.press("Space")
    access(screen, "s")
    expect(screen.locator("#attempts li")).to_contain_text("119番を案内 応答あり")
    until_kept(screen, 0)
    look(screen, "card")
    screen.reload()

    assert screen.locator("#words").input_value() == "母が入院"
    assert screen.locator("#caller_name").input_value() == "架空 隣人"
    told = centre.told()[before:]
    first, personal = told[0]
    assert (first.name, first.provider, first.number) == ("call.received", "night", number)
    assert personal["caller"]["name"] == "架空 隣人"
    added = [event for event, _ in told[1:]]
    assert {event.name for event in added} == {"call.added"}
    assert [attempt.what for event in added for attempt in event.danger] == ["119"]
    assert {"where": "自宅", "words": "母が入院"}.items() <= {k: v for _, box in told for k, v in box.items()}.items()
    assert any(change.field == "reasons" for event in added for change in event.changes)
    assert kept(screen) == 0


def test_two_siblings_are_taken_with_the_keyboard_alone(screen: Page, centre: Centre) -> None:
    """One contact, a number for each; what they share is told once, what is one's own, danger too, goes to that one."""
    before = len(centre.told())
    press(screen, "相談を受ける", "A")
    keys = screen.keyboard
    keys.type("架空 隣人")
    access(screen, "p")
    expect(screen.locator("#p2-name")).to_be_focused()
    keys.type("架空 次郎")
    expect(screen.locator("#p2-its-number")).to_have_text(re.compile(r"R\d+-\d+"))
    numbers = screen.locator("#number").inner_text().split("・")
    assert len(set(numbers)) == 2
    assert screen.get_by_text("1人目：登録のない方です。このまま受け付けます。 2人目：登録のない方です。").is_visible()
    access(screen, "1")
    expect(screen.locator("#attempts li")).to_contain_text("2人目")
    tab_to(screen, "name")
    keys.type("架空 太郎")
    tab_to(screen, "words")
    keys.type("母が入院")
    tab_to(screen, "p2-where")
    keys.type("祖母宅")
    access(screen, "s")
    until_kept(screen, 0)
    look(screen, "siblings")
    screen.reload()

    assert screen.url.endswith(f"/calls/{numbers[0]}")
    assert screen.locator("#number").inner_text().split("・") == numbers
    fields = ("name", "where", "p2-name", "p2-where", "words", "caller_name")
    values = [screen.locator(f"#{field}").input_value() for field in fields]
    assert values == ["架空 太郎", "", "架空 次郎", "祖母宅", "母が入院", "架空 隣人"]
    expect(screen.locator("#attempts li")).to_contain_text("2人目")
    told = centre.told()[before:]
    one, other = [event for event, _ in told if event.name == "call.received"]
    assert (one.contact, one.number, one.matter) == (other.contact, numbers[0], 1)
    assert (other.number, other.matter) == (numbers[1], 2)
    assert [event.case for event, _ in told if event.name == "call.added" and event.danger] == [other.case]
    for case in (one.case, other.case):
        boxes = [box for event, box in told if event.case == case]
        assert {key: text for box in boxes for key, text in box.items()}["words"] == "母が入院"
        assert boxes[0]["caller"]["name"] == "架空 隣人"

    tab_to(screen, "p2-done")
    keys.type("様子を聞いた")
    access(screen, "s")
    until_kept(screen, 0)
    event, box = centre.told()[-1]
    assert (event.case, box["done"]) == (other.case, "様子を聞いた")


def test_a_wrong_link_and_a_wrong_press_are_undone_with_the_keyboard(screen: Page, centre: Centre) -> None:
    """A link for one sibling alone, undone with its reason and not without; the press stays, with the word."""
    screen.goto(f"{centre.address}/calls/new")
    keys = screen.keyboard
    keys.type("架空")
    access(screen, "p")
    tab_to(screen, "p2-q")
    keys.type("090-0000-1234")
    expect(screen.get_by_role("button", name="髙﨑 花子")).to_be_visible()
    keys.press("Tab")
    keys.press("Enter")
    for _ in range(2):
        keys.press("Space")
        keys.press("Tab")
    tab_to(screen, "p2-link-button")
    keys.press("Enter")
    access(screen, "1")
    until_kept(screen, 0)
    before = len(centre.told())
    screen.reload()
    look(screen, "linked")
    assert screen.locator("#unlinking").is_hidden()
    screen.locator("#p2-unlinking summary").focus()
    keys.press("Enter")
    tab_to(screen, "p2-unlink-button")
    keys.press("Enter")
    assert screen.locator("#p2-unlink-wrong").is_visible()
    expect(screen.locator("#p2-unlink-reason")).to_be_focused()
    keys.type("同姓同名の別の方")
    keys.press("Tab")
    keys.press("Enter")
    expect(screen.locator("#p2-q")).to_be_focused()
    screen.locator("[data-undo]").focus()
    keys.press("Enter")
    until_kept(screen, 0)
    look(screen, "undone")

    (unlinked, box), (added, _) = centre.told()[before:]
    linked = next(event for event, _ in reversed(centre.told()[:before]) if event.name == "call.linked")
    assert (unlinked.name, unlinked.case, unlinked.person) == ("call.unlinked", linked.case, linked.person)
    assert box["reason"] == "同姓同名の別の方"
    assert [(each.what, each.mistaken) for each in added.danger] == [("119", True)]
    assert added.case == linked.case
    screen.reload()
    expect(screen.locator("#attempts li.mistaken")).to_contain_text("押し間違い")
    assert screen.locator("[data-undo]").count() == 0
    assert screen.locator("#p2-linking").is_visible()


def test_who_was_put_on_the_card_by_mistake_is_taken_off(screen: Page, centre: Centre) -> None:
    """With a reason, which is asked for; nobody counts them, nothing is gone, and a reload goes on with the other."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.locator("#name").type("架空 姉")
    screen.locator("#another").click()
    screen.locator("#p2-name").type("架空 弟")
    screen.locator("#another").click()  # One of whom nothing was told goes without a word.
    expect(screen.locator("#number")).to_contain_text("・")
    screen.locator("#p3-remove-button").evaluate("button => button.closest('details').open = true")
    screen.locator("#p3-remove-button").click()
    screen.locator("#p2-remove-button").evaluate("button => button.closest('details').open = true")
    screen.locator("#p2-remove-button").press("Enter")
    expect(screen.locator("#p2-remove-wrong")).to_be_visible()
    expect(screen.locator("#p2-remove-reason")).to_be_focused()
    screen.keyboard.type("別の電話の方だった")
    screen.locator("#p2-remove-button").press("Enter")
    expect(screen.locator("#p2-was-removed")).to_have_text("2人目の方を取り消しました。")
    assert not screen.locator("#p2-where").is_visible()
    until_kept(screen, 0)
    look(screen, "removed")
    screen.reload()

    assert screen.locator(".person").count() == 1
    assert screen.locator("#name").input_value() == "架空 姉"
    expect(screen.get_by_text("誤って加え、取り消した方：")).to_be_visible()
    told = centre.told()[before:]
    event, box = told[-1]
    assert [each.name for each, _ in told].count("call.received") == 2
    assert [(change.field, change.after) for change in event.changes] == [("not_counted", "mistaken")]
    assert (box, event.case) == ({"reason": "別の電話の方だった"}, told[1][0].case)


def test_what_is_typed_while_the_line_is_down_is_sent_once(screen: Page, centre: Centre) -> None:
    """未送信 1件, also after a reload and on another page; the answer is lost once; then exactly one call is there."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.route("**/calls", lambda route: route.abort())
    screen.locator("#words").type("架空の相談です")
    expect(screen.locator("#unsent")).to_have_text(
        "回線が切れています。この端末に保存し、つながり次第送ります。未送信 1件"
    )
    screen.locator("#done").type("様子を聞いた")
    until_kept(screen, 2)
    screen.locator("#another").click()
    screen.locator("#p2-name").type("架空 次郎")
    until_kept(screen, 3)
    expect(screen.locator("#unsent")).to_contain_text("未送信 1件")
    expect(screen.locator("#told")).to_have_text("この端末に保存しました・未送信 1件")
    look(screen, "down")
    screen.goto(f"{centre.address}/find")
    expect(screen.locator("#unsent")).to_contain_text("未送信 1件")
    assert len(centre.told()) == before

    lost: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        answer = route.fetch()
        if lost:
            route.fulfill(response=answer)
        else:
            lost.append(answer.status)
            route.abort()

    screen.unroute("**/calls")
    screen.route("**/calls", lose_the_first_answer)
    while kept(screen):
        screen.evaluate("dispatchEvent(new Event('online'))")
        screen.wait_for_timeout(100)

    expect(screen.locator("#unsent")).to_be_hidden()
    assert lost == [200]
    told = centre.told()[before:]
    assert Counter(event.name for event, _ in told) == {"call.received": 2, "call.added": 1}
    assert told[1][1]["done"] == "様子を聞いた"
    assert (told[2][0].contact, told[2][0].matter, told[2][1]["name"]) == (told[0][0].contact, 2, "架空 次郎")


def test_nothing_on_the_card_is_green_while_any_of_it_is_unsent(screen: Page, centre: Centre) -> None:
    """A number came, then the line broke: what is in sight says 未送信, also before the line is known to be down."""
    screen.goto(f"{centre.address}/calls/new")
    screen.locator("#words").type("架空")
    told, box, light = screen.locator("#told"), screen.locator("div.told"), screen.locator(".light:visible")
    expect(told).to_contain_text("受け付けました（受付番号 R")
    expect(screen.locator("#light")).to_be_visible()
    held: list[Route] = []
    screen.route("**/calls", lambda route: held.append(route))
    screen.get_by_role("button", name="119番を案内", exact=True).click()
    expect(told).to_have_text("この端末に保存しました・未送信 1件")
    expect(box).to_have_class(re.compile("differs"))
    held.pop().abort()
    expect(light).to_have_text("● 未送信あり")
    expect(told).to_have_text("この端末に保存しました・未送信 1件")
    look(screen, "unsent-in-sight")
    screen.unroute("**/calls")
    until_kept(screen, 0)

    expect(told).to_contain_text("受け付けました（受付番号 R")
    expect(box).not_to_have_class(re.compile("differs"))
    expect(screen.locator("#light")).to_be_visible()
    expect(light).not_to_contain_text("未送信")


def test_a_date_that_cannot_be_is_said_under_its_field(screen: Page, centre: Centre) -> None:
    """What is wrong and what would be taken, also where the browser gives it as nothing; it all stays as typed."""
    before = len(centre.told())
    screen.set_viewport_size({"width": 390, "height": 800})
    screen.goto(f"{centre.address}/calls/new")
    screen.locator("#birth_date").fill("昭和99年13月45日")
    said = screen.locator("#birth_date-wrong")
    expect(said).to_contain_text("この日付はありません。入力したまま受け付けました。")
    expect(said).to_contain_text("昭和60年4月30日など")
    expect(screen.locator("#birth_date")).to_have_attribute("aria-describedby", "birth_date-wrong")
    expect(screen.locator("#birth_date")).to_have_value("昭和99年13月45日")
    screen.locator("#safe_until").press_sequentially("2025")
    screen.locator("#where").fill("自宅")
    expect(screen.locator("#safe_until-wrong")).to_contain_text("この欄は、まだ保存していません")
    until_kept(screen, 0)
    look(screen, "no-such-date")
    assert sound(screen, 390)
    screen.locator("#safe_until").fill("2025-05-13T09:00")
    screen.locator("#birth_date").fill("昭和60年4月30日")
    expect(said).to_have_count(0)
    expect(screen.locator("#safe_until-wrong")).to_have_count(0)
    access(screen, "s")
    until_kept(screen, 0)

    (event, box), *_, (_, last) = centre.told()[before:]
    assert box["birth_date"] == "昭和99年13月45日"
    assert "birth-date-unusable" in [flag.code for flag in event.flags]
    assert last["birth_date"] == "昭和60年4月30日"


def test_a_second_window_is_told_what_it_writes_over(screen: Page, centre: Centre) -> None:
    """Two windows with one card: whoever comes later reads what the other recorded, and both stand in the history."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.locator("#where").fill("自宅")
    expect(screen.locator("#told")).to_contain_text("受け付けました（受付番号 R")
    until_kept(screen, 0)
    screen.wait_for_url("**/calls/R*")
    other = screen.context.new_page()
    other.set_viewport_size({"width": 390, "height": 800})
    other.goto(screen.url)
    screen.locator("#where").fill("隣人の家")
    screen.locator("[data-reason]").first.check()
    access(screen, "s")
    until_kept(screen, 0)
    other.locator("#where").fill("病院")
    other.locator("#done").fill("架空")
    access(other, "s")
    said = other.locator("#where-meanwhile")
    expect(said).to_contain_text("別の画面で次のように記録されていました：「隣人の家」。")
    assert sound(other, 390)
    look(other, "meanwhile")
    other.locator("#where").fill("病院の待合")
    access(other, "s")
    until_kept(other, 0)
    screen.locator("[data-reason]").last.check()
    access(screen, "s")
    until_kept(screen, 0)

    assert other.locator(".meanwhile").count() == 1  # Its own earlier words are no others'.
    assert screen.locator(".meanwhile").count() == 0  # Nobody else has written what it wrote over.
    told = [box["where"] for _, box in centre.told()[before:] if "where" in box]
    assert told == ["自宅", "隣人の家", "病院", "病院の待合"]


def test_a_press_says_whether_the_ward_answered(screen: Page, centre: Centre) -> None:
    """The button and the line it leaves say the same, once."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.get_by_role("button", name="区へ連絡（応答なし）", exact=True).click()
    expect(screen.locator("#attempts li span").last).to_have_text(re.compile(r"^\d+:\d\d 区へ連絡 応答なし$"))
    screen.get_by_role("button", name="区へ連絡（応答あり）", exact=True).click()
    expect(screen.locator("#attempts li span").last).to_have_text(re.compile(r"^\d+:\d\d 区へ連絡 応答あり$"))
    until_kept(screen, 0)

    pressed = [
        each for event, _ in centre.told()[before:] for each in (getattr(event, "danger", ()) or event.card.danger)
    ]
    assert [(each.what, each.answered) for each in pressed] == [("ward", False), ("ward", True)]


def test_what_was_too_large_is_told_again_as_it_then_stands(screen: Page, centre: Centre) -> None:
    """The first save cannot be read, and what follows waits for it; shortened, it is one call, with all of the card."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    tries: list[str] = []
    screen.on("request", lambda request: tries.append(request.method) if request.url.endswith("/calls") else None)
    words = screen.locator("#words")
    words.evaluate("area => area.removeAttribute('maxlength')")
    words.fill("字" * 400_000)
    screen.get_by_role("button", name="119番を案内", exact=True).click()
    expect(screen.locator("#told")).to_contain_text("読み取れません")
    expect(screen.locator("div.told")).to_have_class(re.compile("differs"))
    expect(screen.locator("#unsent")).to_contain_text("未送信 1件")
    screen.evaluate("dispatchEvent(new Event('online'))")
    screen.wait_for_timeout(300)
    assert tries == ["POST"]  # It is not tried again as it is.
    words.fill("母が入院")
    screen.locator("#where").fill("自宅")
    access(screen, "s")
    expect(screen.locator("#told")).to_contain_text("受け付けました（受付番号 R")
    until_kept(screen, 0)

    expect(screen.locator("#unsent")).to_be_hidden()
    ((event, box),) = centre.told()[before:]
    assert (event.name, box["words"], box["where"]) == ("call.received", "母が入院", "自宅")
    assert [each.what for each in event.card.danger] == ["119"]


def test_call_after_call_is_taken_while_the_line_is_down(screen: Page, centre: Centre) -> None:
    """未送信 1, 2, 3件: each on a card of its own, though no page comes any more; then each is there once, in order."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.route("**/*", lambda route: route.abort())
    for number, name in enumerate(("架空 一郎", "架空 次郎", "架空 三郎"), start=1):
        screen.locator("#name").type(name)
        expect(screen.locator("#unsent")).to_contain_text(f"未送信 {number}件")
        if number < 3:
            screen.get_by_role("link", name="相談を受ける").click()
            expect(screen.locator("#name")).to_have_value("")
            expect(screen.locator("#caller_name")).to_be_focused()
    look(screen, "three-down")
    screen.unroute("**/*")
    until_kept(screen, 0)

    expect(screen.locator("#unsent")).to_be_hidden()
    told = centre.told()[before:]
    assert [(event.name, box["name"]) for event, box in told] == [
        ("call.received", name) for name in ("架空 一郎", "架空 次郎", "架空 三郎")
    ]
    assert len({event.contact for event, _ in told}) == 3
    expect(screen.locator("#number")).to_have_text(told[2][0].number)
    screen.get_by_role("link", name="相談を受ける").click()  # The line is up: the page itself comes.
    expect(screen.locator("#number")).to_have_text("")


def test_a_registrant_is_found_and_linked_with_two_identifiers(screen: Page, centre: Centre) -> None:
    """With one the page asks for another; with two it is a `call.link` after the call."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.locator("#q").type("090-0000-1234")
    told_first = screen.get_by_role("link", name="先に知っておくこと").get_attribute("href")
    screen.get_by_role("button", name="髙﨑 花子").click()
    screen.get_by_label("電話番号").and_(screen.locator("[data-matched]")).check()
    screen.locator("#link-button").click()
    assert screen.get_by_text("氏名のほかにもう一つ（生年月日・電話番号など）を確認してください。").is_visible()
    look(screen, "link")
    screen.get_by_label("生年月日").and_(screen.locator("[data-matched]")).check()
    screen.locator("#link-button").click()
    until_kept(screen, 0)

    assert screen.get_by_text("登録者と結び付けました：髙﨑 花子").is_visible()
    received, linked = [event for event, _ in centre.told()[before:]]
    assert (received.name, linked.name) == ("call.received", "call.linked")
    assert set(linked.matched) == {"phone", "birth-date"}
    screen.set_viewport_size({"width": 360, "height": 800})
    screen.goto(f"{centre.address}{told_first}")
    assert sound(screen, 360)
    assert screen.get_by_role("link", name=received.number).is_visible()
    look(screen, "person")


def test_a_silent_call_found_to_be_a_registrants_is_taken_from_its_page(screen: Page, centre: Centre) -> None:
    """Loaded again, its card is the page of a contact about nobody; from there the person is taken, and linked."""
    before = len(centre.told())
    screen.goto(f"{centre.address}/calls/new")
    screen.locator("#not_counted").select_option("silent")
    screen.locator("#caller_phone").fill("090-0000-1234")
    expect(screen.locator("#told")).to_contain_text("受け付けました（受付番号 R")
    until_kept(screen, 0)
    screen.set_viewport_size({"width": 390, "height": 800})
    screen.reload()
    assert screen.get_by_text("相談ではなく、件数外（無言）として記録しています。").is_visible()
    assert sound(screen, 390)
    look(screen, "about-nobody")
    screen.get_by_role("link", name="この連絡の本人を受け付ける").click()
    expect(screen.locator("#caller_phone")).to_have_value("090-0000-1234")
    assert sound(screen, 390)
    look(screen, "taken-for-somebody")
    screen.locator("#q").type("090-0000-1234")
    screen.get_by_role("button", name="髙﨑 花子").click()
    for matched in ("電話番号", "声で分かる"):
        screen.get_by_label(matched).and_(screen.locator("[data-matched]")).check()
    screen.locator("#link-button").click()
    until_kept(screen, 0)

    nobody, *_, somebody, linked = [event for event, _ in centre.told()[before:]]
    assert (somebody.contact, somebody.matter, somebody.not_counted) == (nobody.contact, 2, "silent")
    assert (linked.case, linked.contact) == (somebody.case, nobody.contact)


def test_with_intake_down_a_call_is_safe_and_gets_its_number_later(screen: Page, centre: Centre) -> None:
    """Nothing stays on the device, the page says that there is no number yet, and shows it when there is one."""
    centre.stop_services()
    try:
        screen.goto(f"{centre.address}/calls/new")
        screen.locator("#words").type("架空")
        expect(screen.locator("#told")).to_contain_text("受付番号はまだありません", timeout=10_000)
        assert kept(screen) == 0
    finally:
        centre.start_services()
    expect(screen.locator("#told")).to_contain_text("受け付けました（受付番号 R", timeout=10_000)


def test_signing_out_asks_before_it_clears_what_is_unsent(screen: Page, centre: Centre) -> None:
    """Declined, everything stays; accepted, nothing does. Signed in apart, since it ends the session."""
    screen.context.clear_cookies()
    screen.goto(centre.link("night"))
    press(screen, "サインインする")
    screen.goto(f"{centre.address}/calls/new")
    screen.route("**/calls", lambda route: route.abort())
    screen.locator("#words").type("架空")
    expect(screen.locator("#unsent")).to_contain_text("未送信 1件")
    screen.once("dialog", lambda dialog: dialog.dismiss())
    screen.get_by_role("button", name="サインアウト").click()
    assert kept(screen) == 1
    screen.once("dialog", lambda dialog: dialog.accept())
    screen.get_by_role("button", name="サインアウト").click()
    screen.wait_for_url("**/signin")
    assert kept(screen) == 0


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_card_can_be_read_at_any_width(screen: Page, centre: Centre, width: int, language: str) -> None:
    """Nothing sticks out or lies over another; each field has a name; danger stands first, also scrolled down."""
    screen.set_viewport_size({"width": width, "height": 800})
    for page in ("calls/new", "find"):
        screen.goto(f"{centre.address}/{page}?lang={language}")
        assert sound(screen, width)
        look(screen, f"{page.replace('/', '-')}-{width}-{language}")
    screen.goto(f"{centre.address}/calls/new?lang={language}")
    screen.locator("#another").click()
    assert sound(screen, width)
    look(screen, f"another-{width}-{language}")
    unnamed = "[...document.querySelectorAll('input, select, textarea')].filter((f) => !f.labels.length).length"
    assert screen.evaluate(unnamed) == 0
    screen.locator("#p2-abuse_suspected").check()
    assert [advice.is_visible() for advice in screen.locator(".abuse").all()] == [False, True]
    screen.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    assert screen.locator(".danger-first").bounding_box()["y"] >= 0  # type: ignore[index]  # It is shown.
