"""確認事項 and 要確認データ in a real browser, without a mouse and on a telephone. Needs Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from services.tables import FLAGS, PARKED
from tests.browser_examples import IN_A_BROWSER, served
from tests.desk_examples import NIGHT, Centre, call
from tests.web_examples import centre_in, site

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A call from an unknown district, and one in cp932 that nothing could read; all of it made up."""
    with centre_in(tmp_path_factory.mktemp("desk")) as running:
        running.say("night", call("A", NIGHT, district="atlantis"))
        in_cp932 = json.dumps(call("B", NIGHT, personal={"name": "架空 髙子"}), ensure_ascii=False).encode("cp932")
        running.say("night", in_cp932)
        running.pump()
        yield running


@pytest.fixture(scope="module")
def page(chromium: Browser, centre: Centre) -> Iterator[Page]:
    """Signed in for the night, on a telephone, where no script runs."""
    app = site(centre, role=None)
    with served(app) as address:
        context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto(f"{address}/signin/{app.state.signins.link('night')}")
        page.keyboard.press("Tab")
        press_to(page, "サインインする")
        page.wait_for_url("**/tonight")
        page.goto(f"{address}/flags")
        yield page
        context.close()


def test_what_is_filled_in_for_an_import_is_of_one_size(page: Page) -> None:
    """The list of kinds is as wide and as large as the sheet above it."""
    before = page.url
    page.goto(f"{before.rsplit('/', 1)[0]}/import")
    boxes = [page.locator(f"#{place}").bounding_box() for place in ("file", "mapping")]
    widths = [box["width"] for box in boxes if box is not None]
    fonts = {page.locator(f"#{p}").evaluate("e => getComputedStyle(e).fontSize") for p in ("file", "mapping")}
    page.goto(before)

    assert len(widths) == 2
    assert widths[0] == widths[1] > 200
    assert fonts == {"16px"}


def press_to(page: Page, words: str, key: str = "Enter") -> None:
    """Tab until what has the focus says so, and press a key there."""
    focused = page.locator(":focus")
    for _ in range(60):
        if focused.count() and words in focused.inner_text():
            page.keyboard.press(key)
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {words}")


def test_a_flag_is_resolved_without_a_mouse(page: Page, centre: Centre) -> None:
    """Opened, an answer chosen with the arrows, a note, sent: the row goes, and the page says so."""
    before = page.locator("ol.desk > li").count()
    press_to(page, "確認した結果を記録する")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("確認しました")
    page.keyboard.press("Enter")
    page.wait_for_url("**said=resolved")

    assert page.get_by_role("status").inner_text() == "確認済みにしました。"
    assert page.locator("ol.desk > li").count() == before - 1
    assert [row["resolution"] for row in centre.rows(FLAGS) if row["resolved_at"]] == ["corrected"]


def test_a_parked_message_is_mended_without_a_mouse(page: Page, centre: Centre) -> None:
    """From the menu to the message, its text read as cp932, sent: taken, in English as well."""
    press_to(page, "要確認データ")
    page.wait_for_url("**/parked")
    press_to(page, "intake-1")
    page.wait_for_url("**/parked/intake-1")
    text = page.get_by_label("内容を直してください").input_value()
    press_to(page, "直して再送する")
    page.wait_for_url("**said=taken")

    assert "架空 髙子" in text
    assert page.get_by_role("status").first.inner_text() == "受け付けました。"
    assert all(row["closed"] for row in centre.rows(PARKED))
    press_to(page, "English")
    page.wait_for_url("**lang=en*")
    assert page.get_by_role("status").first.inner_text() == "It was accepted."


@pytest.mark.parametrize("address", ["/flags?all=1", "/parked?all=1", "/parked/intake-1"])
def test_nothing_is_wider_than_a_telephone(page: Page, address: str) -> None:
    """360 pixels hold it without scrolling sideways."""
    page.goto(page.url.partition("/parked")[0].partition("/flags")[0] + address)

    assert page.locator("body").bounding_box()["width"] <= 360  # type: ignore[index]
    boxes = [each.bounding_box() for each in page.locator("main *:visible").all()]
    assert all(box["x"] + box["width"] <= 360 for box in boxes if box)
