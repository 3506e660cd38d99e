"""The pages in a real browser: what a coordinator clicks, sees on a telephone and prints. Needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from services.signin import SignIns
from tests.browser_examples import IN_A_BROWSER, PALE_WORDS, press, served, sound
from tests.desk_examples import NIGHT, arrange, call, close, register
from tests.web_examples import centre_in, site

pytestmark = IN_A_BROWSER


class Front(NamedTuple):
    """A front that is served, and its links."""

    address: str
    signins: SignIns

    def link(self, role: str, name: str | None = None) -> str:
        """A new one-time link."""
        return f"{self.address}/signin/{self.signins.link(role, name)}"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The pages over a ledger with a night call that became a short stay, all of it made up."""
    personal = {"name": "架空 太郎", "words": "母が入院しました。\n朝まで一人です。", "caller": {"name": "架空 花子"}}
    with centre_in(tmp_path_factory.mktemp("browser")) as centre:
        for message in (register(), call(on=NIGHT, personal=personal), arrange(), close()):
            centre.say("day", {**message, "synthetic": True})
            centre.pump()
        app = site(centre, role=None)
        with served(app) as address:
            yield Front(address, app.state.signins)


@pytest.fixture(scope="module")
def home(front: Front) -> str:
    """Where the pages are."""
    return front.address


@pytest.fixture(scope="module")
def cookies(chromium: Browser, front: Front) -> list[Any]:
    """What a browser keeps that signed in as the ward with a link."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(front.link("ward"))
    page.get_by_role("button", name="サインインする").click()
    kept = list(context.cookies())
    context.close()
    return kept


@pytest.fixture
def screen(stranger: Page, home: str, cookies: list[Any]) -> Page:
    """A page at the start, signed in as the ward's staff."""
    stranger.context.add_cookies(cookies)
    stranger.goto(home)
    return stranger


@pytest.fixture
def stranger(chromium: Browser, home: str) -> Iterator[Page]:
    """A page of nobody; it fails the test if the browser complains or asks another host for anything."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    asked: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if "403 (Forbidden)" not in message.text else None
    )
    page.on("request", lambda request: asked.append(request.url))
    yield page
    page.close()
    assert [text for text in complaints if "403 (Forbidden)" not in text] == []  # Of a page that asks to sign in.
    assert [url for url in asked if not url.startswith(home)] == []


def test_a_figure_opens_down_to_its_events(screen: Page) -> None:
    """集計表 → 内訳 → ケースの経過 → the record, by clicking only."""
    screen.get_by_role("row", name="夜間").get_by_role("link").first.click()
    screen.get_by_role("link", name="R7-0001").click()
    screen.get_by_text("記録の内容を見る").first.click()

    assert screen.get_by_role("heading", name="調整済み：短期入所施設").is_visible()
    assert screen.get_by_text("受託事業者の相談番号").first.is_visible()


def test_a_table_is_asked_for_with_the_keyboard(screen: Page, home: str) -> None:
    """Typed, sent with Enter, and the focus can be seen."""
    screen.goto(f"{home}/tables/calls")
    screen.get_by_label("基準日").focus()
    outline = screen.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    screen.keyboard.type("令和7年5月12日")
    screen.keyboard.press("Enter")
    screen.wait_for_url("**as_of=*")

    assert outline == "solid"
    assert screen.get_by_role("caption").inner_text().endswith("令和7年5月12日現在")
    assert screen.get_by_label("基準日").input_value() == "令和7年5月12日"


def test_english_is_one_click_away_and_stays(screen: Page) -> None:
    """The switch, then a figure: still English, and 日本語 leads back."""
    screen.get_by_role("link", name="English").click()
    screen.get_by_role("row", name="Night").get_by_role("link").first.click()

    assert screen.get_by_role("heading", name="Behind the figure").is_visible()
    assert screen.evaluate("document.documentElement.lang") == "en"
    screen.get_by_role("link", name="日本語").click()
    assert screen.get_by_role("heading", name="内訳").is_visible()


@pytest.mark.parametrize(
    "address", ["/", "/tables/calls", "/tables/calls/cell?row=night&column=total", "/status", "/cases/R7-0001"]
)
def test_nothing_sticks_out_on_a_telephone(screen: Page, home: str, address: str) -> None:
    """At 360 points the page does not scroll sideways; wide tables scroll in their own box."""
    screen.set_viewport_size({"width": 360, "height": 800})
    screen.goto(home + address)

    assert screen.evaluate("document.documentElement.scrollWidth") == 360


def test_a_print_says_that_the_data_is_synthetic(screen: Page, home: str) -> None:
    """On paper there is no menu and no form, but the badge and the footnote."""
    screen.goto(f"{home}/tables/calls")
    screen.emulate_media(media="print")

    assert screen.locator(".synthetic").is_visible()
    assert screen.get_by_text("架空データによる見本である。").is_visible()
    assert not screen.get_by_role("navigation").is_visible()
    assert not screen.get_by_role("button", name="表示する").is_visible()


def test_the_printed_page_is_a_pdf_of_one_page(screen: Page, home: str, tmp_path: Path) -> None:
    """A table with its footnotes fits one sheet."""
    screen.goto(f"{home}/tables/calls")
    printed = screen.pdf(path=tmp_path / "table.pdf", format="A4", landscape=True)

    assert printed.count(b"/Type /Page\n") == 1


@pytest.mark.parametrize("address", ["/", "/tables/calls", "/status", "/cases/R7-0001"])
def test_words_stand_out_from_their_ground(screen: Page, home: str, address: str) -> None:
    """Contrast AA: at least 4.5 to 1 for every text that is shown."""
    screen.goto(home + address)

    assert screen.evaluate(PALE_WORDS) == []


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    ("language", "button", "who", "sign_out"),
    [
        ("ja", "サインインする", "夜間の担当 架空 花子", "サインアウト"),
        ("en", "Sign in", "Night 架空 花子", "Sign out"),
    ],
)
def test_one_signs_in_and_out_with_the_keyboard_alone(
    stranger: Page, front: Front, width: int, language: str, button: str, who: str, sign_out: str
) -> None:
    """The link, Tab to the button, Enter; a case with its personal parts; out again, and the case is gone."""
    stranger.set_viewport_size({"width": width, "height": 800})
    case = f"{front.address}/cases/R7-0001?lang={language}"
    stranger.goto(f"{front.link('night', '架空 花子')}?lang={language}")
    press(stranger, button)
    stranger.goto(case)

    assert stranger.locator(".who").get_by_text(who).is_visible()
    assert stranger.get_by_text("架空 太郎").is_visible()
    assert sound(stranger, width)
    press(stranger, sign_out)
    stranger.goto(case)
    assert stranger.get_by_text("yoake signin night").first.is_visible()
    assert stranger.get_by_text("架空 太郎").count() == 0
    assert sound(stranger, width)


def test_a_link_that_was_used_says_so(stranger: Page, front: Front) -> None:
    """Clicked in another window, or the button pressed twice: a page in both languages, at any width."""
    link = front.link("auditor")
    stranger.goto(link)
    stranger.get_by_role("button", name="サインインする").click()
    stranger.goto(link)

    assert stranger.get_by_text("このリンクは使用済みです。").is_visible()
    assert stranger.get_by_text("This link was used already.").is_visible()
    assert stranger.evaluate(PALE_WORDS) == []
