"""朝の引継ぎ in a real browser: one key takes an item over, another undoes it, nothing typed is lost. Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from events.morning import ItemAcknowledged, ItemUnacknowledged
from tests.browser_examples import IN_A_BROWSER, served, signed_in, sound
from tests.desk_examples import Centre, at
from tests.statement_examples import handed_over, late, night_in, of_item, say, silent, told
from tests.web_examples import WARDS, centre_in, site

pytestmark = IN_A_BROWSER


class Place:
    """A centre, its pages in a browser, and where they are."""

    def __init__(self, centre: Centre, page: Page, address: str) -> None:
        self.centre, self.page, self.address = centre, page, address

    def open(self, query: str = "") -> None:
        """The page anew."""
        self.page.goto(f"{self.address}/morning{query}")


@pytest.fixture
def place(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Signed in for the day at 8:35, with a night of two calls and a silent one."""
    with night_in(tmp_path_factory.mktemp("morning")) as centre:
        handed_over(centre, told("A", "23:40"), told("B", "05:20"), silent("06:10"))
        app = site(centre, role=None)
        with served(app) as address:
            page = signed_in(chromium, app, address, "day", "架空 次郎")
            page.wait_for_url("**/morning")
            yield Place(centre, page, address)
            page.context.close()


def standing(page: Page, n: int) -> str:
    """Where an item stands, in words."""
    return page.locator(f"#item-{n} .standing").inner_text()


def test_one_key_takes_over_and_another_undoes(place: Place) -> None:
    """J comes to the first item, R takes it over, U takes that back; the focus stays where it was."""
    page = place.page
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.get_by_text("1番を受領しました。").wait_for()
    acknowledged = standing(page, 1)
    focused = page.evaluate("document.activeElement.id")
    page.keyboard.press("u")
    page.get_by_text("1番の受領を取り消しました。").wait_for()

    assert "受領済み（日中受託事業者 架空 次郎・8:35）" in acknowledged
    assert focused == "item-1"
    assert "受領待ち" in standing(page, 1)
    said = [e for e in place.centre.events("handover") if isinstance(e, ItemAcknowledged | ItemUnacknowledged)]
    assert [(event.name, event.item) for event in said] == [("item.acknowledged", 1), ("item.unacknowledged", 1)]


def test_what_others_do_appears_and_what_is_typed_stays(place: Place) -> None:
    """Somebody else takes item 1 over while a question about item 2 is being written: both are there."""
    page = place.page
    page.locator("#item-2 summary", has_text="照会する").click()
    page.locator("#question-text-2").fill("隣人の電話番号は？")
    say(place.centre, "day", of_item("acknowledge", 1, "08:36", worker="架空 四郎"))
    page.get_by_text("受領済み（日中受託事業者 架空 四郎・8:36）").wait_for()
    still = page.locator("#question-text-2").input_value()
    say(place.centre, "day", of_item("acknowledge", 2, "08:37", worker="架空 四郎"))
    page.get_by_text("受領済み（日中受託事業者 架空 四郎・8:37）").wait_for()

    assert still == "隣人の電話番号は？"
    assert page.locator("#question-text-2").input_value() == "隣人の電話番号は？"


def test_a_supplement_appears_by_itself(place: Place) -> None:
    """A late call comes at 8:52: without loading the page its item is there, at the end, to be taken over."""
    centre, page = place.centre, place.page
    late(centre, "08:52", told("C", "02:10"))
    page.locator("#item-4").wait_for()

    assert "追加分1" in page.locator("#item-4 .what").inner_text()
    assert page.locator("#items > li").last.get_attribute("id") == "item-4"
    assert "追加分1　8:52発行（1件）" in page.locator(".editions").inner_text()


def test_the_line_is_down_for_a_moment(place: Place) -> None:
    """The form is still there with what was typed, and the page says that it may be sent again."""
    page = place.page
    page.context.set_offline(True)
    page.locator("#item-1 summary", has_text="備考").click()
    page.locator("#acknowledge-text-1").fill("備考の文")
    page.locator("#item-1").get_by_role("button", name="受領する").click()
    page.get_by_text("届いたか分かりません。").wait_for()
    kept = page.locator("#acknowledge-text-1").input_value()
    page.context.set_offline(False)
    page.locator("#item-1").get_by_role("button", name="受領する").click()
    page.get_by_text("1番を受領しました。").wait_for()

    assert kept == "備考の文"
    assert "備考の文" in page.locator("#item-1").inner_text()


def test_the_contract_ends_while_somebody_types(chromium: Browser, tmp_path: Path) -> None:
    """Five minutes after midnight: page and card say that the contract is over, and keep what was typed."""
    file, day = tmp_path / "ward.toml", 'from = 2025-04-01\nbands = ["day"]'
    ward = (WARDS / "setagaya.toml").read_text(encoding="utf-8")
    file.write_text(ward.replace(day, f"until = 2025-11-15\n{day}"), encoding="utf-8")
    with night_in(tmp_path) as centre:
        handed_over(centre, told("A", "23:40"))
        centre.clock.now = at("2025-11-15 23:50")
        app = site(centre, role=None, ward=file)
        with served(app) as address:
            page = signed_in(chromium, app, address, "day", "架空 次郎")
            page.goto(f"{address}/morning")
            card = page.context.new_page()
            card.goto(f"{address}/calls/new")
            card.locator("#words").fill("母が入院")
            page.locator("#item-1 summary", has_text="備考").click()
            page.locator("#acknowledge-text-1").fill("備考の文")
            centre.clock.now = at("2025-11-16 00:05")
            page.locator("#item-1").get_by_role("button", name="受領する").click()
            page.locator("#said .wrong").wait_for()
            said, typed = page.locator("#said .wrong").inner_text(), page.locator("#acknowledge-text-1").input_value()
            card.locator("#unsent", has_text="契約").wait_for()
            unsent, words = card.locator("#unsent").inner_text(), card.locator("#words").input_value()
            page.set_viewport_size({"width": 390, "height": 800})
            page.goto(f"{address}/flags")
            fits = sound(page, 390)
            page.context.close()

    over = "日中受託事業者の契約は令和7年11月15日（土）で終わりました。"
    assert over in said
    assert "記録していません" in said
    assert "入力した内容は、この画面に残っています。" in said
    assert over in unsent
    assert "この端末に残しています。未送信 1件" in unsent
    assert (typed, words, fits) == ("備考の文", "母が入院", True)


def test_keys_are_letters_where_one_types(place: Place) -> None:
    """An R in a field is an R; with Ctrl it is the browser's own."""
    page = place.page
    page.locator("#item-1 summary", has_text="備考").click()
    page.locator("#acknowledge-text-1").focus()
    page.keyboard.type("r u j k")
    page.wait_for_timeout(300)

    assert page.locator("#acknowledge-text-1").input_value() == "r u j k"
    assert "受領待ち" in standing(page, 1)


@pytest.mark.parametrize("width", [1280, 390, 360])
@pytest.mark.parametrize("query", ["", "?lang=en"])
def test_it_fits_a_telephone(place: Place, width: int, query: str) -> None:
    """Nothing sticks out, nothing lies over another, every word can be read; in both languages."""
    place.page.set_viewport_size({"width": width, "height": 800})
    place.open(query)

    assert sound(place.page, width)


def test_without_a_script_plain_forms_do_the_same(chromium: Browser, place: Place) -> None:
    """The same buttons load the page, which then says what became of them."""
    state = place.page.context.storage_state()
    context = chromium.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{place.address}/morning")
    page.locator("#item-2").get_by_role("button", name="受領する").click()
    page.wait_for_url("**said=acknowledge**")

    assert "2番を受領しました。" in page.locator("#said").inner_text()
    assert "受領済み" in standing(page, 2)
    context.close()


def test_closing_a_night_is_answered_where_there_is_no_statement_yet(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The page says what was done, and goes on to say how the night stands closed."""
    with centre_in(tmp_path_factory.mktemp("closing")) as centre:
        centre.tick("2025-11-16 03:17")
        app = site(centre, role=None)
        with served(app) as address:
            page = signed_in(chromium, app, address, "night", "架空 夜")
            page.goto(f"{address}/morning")
            page.locator("#close-calls").fill("5")
            page.get_by_role("button", name="夜間を締める").click()
            page.get_by_text("夜間を締めました。").wait_for()
            page.get_by_text("この夜間は締めてあります").wait_for()
            page.wait_for_timeout(500)
            assert page.get_by_text("夜間を締めました。").is_visible()
            page.locator("#close-calls").fill("5")
            page.get_by_role("button", name="夜間を締める").click()
            page.get_by_text("すでに締めてあります").wait_for()
            page.context.close()
