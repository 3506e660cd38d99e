"""今夜の申し送り in a real browser: on a wide screen and a narrow one, live, and nothing typed is lost. Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser_examples import IN_A_BROWSER, served, signed_in, sound
from tests.desk_examples import Centre, at, call, message
from tests.evening_examples import MOTHER, RINGS, mother_rings, new_years_eve
from tests.web_examples import site

pytestmark = IN_A_BROWSER


class Place:
    """A centre, its pages in a browser, and where they are."""

    def __init__(self, centre: Centre, page: Page, address: str) -> None:
        self.centre, self.page, self.address = centre, page, address


@pytest.fixture
def place(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Signed in for the night on New Year's Eve, as the notes are issued."""
    with new_years_eve(tmp_path_factory.mktemp("tonight")) as centre:
        app = site(centre, role=None)
        with served(app) as address:
            page = signed_in(chromium, app, address, "night", "架空 夜")
            page.wait_for_url("**/tonight")
            yield Place(centre, page, address)
            page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["", "?lang=en"])
def test_it_can_be_read_on_every_screen(place: Place, width: int, language: str) -> None:
    """In both languages; with a form open as well, and on the pages on which a note stands beside somebody."""
    page = place.page
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{place.address}/tonight{language}")
    assert sound(page, width)
    page.locator("#case-R7-0001 summary").click()
    page.locator("details.other summary").click()
    assert sound(page, width)
    page.goto(f"{place.address}/calls/new{language or '?'}&number=R7-0001")
    assert sound(page, width)
    page.goto(f"{place.address}/find{language}")
    page.locator("#q").fill(MOTHER)
    page.locator(".noted").wait_for()
    assert sound(page, width)


def test_what_changes_appears_and_what_is_typed_stays(place: Place) -> None:
    """E's mother rings while a note on F is being written: it is named at once, and the words stay."""
    page = place.page
    page.locator("#case-R7-0002 summary").click()
    page.locator("#note-R7-0002").fill("折り返しはまだ")
    place.centre.clock.now = at(RINGS)
    place.centre.say("night", mother_rings())
    place.centre.pump()
    page.get_by_text("23:10　R7-0001：続報").wait_for()
    typed = page.locator("#note-R7-0002").input_value()
    page.locator("#case-R7-0002").get_by_role("button", name="申し送る").click()
    page.get_by_text("申し送りを記録しました（R7-0002）。").wait_for()

    assert typed == "折り返しはまだ"
    assert "折り返しはまだ" in page.locator("#case-R7-0002 .noted").inner_text()
    assert "変更あり" in page.locator("#case-R7-0001").inner_text()


def test_the_note_is_there_as_the_telephone_rings(place: Place) -> None:
    """On an empty card the mother's number finds E, and beside the name stands what not to promise."""
    page = place.page
    page.goto(f"{place.address}/calls/new")
    page.locator("input[data-find]").first.fill(MOTHER)
    page.locator(".candidates .noted").wait_for()

    assert "帰る日" in page.locator(".candidates .noted").inner_text()


def test_a_card_says_whom_to_ring_now(place: Place) -> None:
    """What is written on it cannot wait: it says so by itself, with the number, and follows the ladder."""
    page, called = place.page, call("U", "2026-01-01 03:00")
    place.centre.tick("2026-01-01 03:00")
    place.centre.say("night", called)
    place.centre.pump()
    page.goto(f"{place.address}/calls/R7-0004")
    assert not page.locator("#urgent").is_visible()

    until = at("2026-01-01 03:30").isoformat()
    place.centre.say("night", message("call.add", "2026-01-01 03:01", call=called["id"], safe_until=until))
    place.centre.pump()
    place.centre.tick("2026-01-01 03:02")
    page.get_by_text("閉庁時の連絡先（第一） 03-0000-0002").wait_for()
    page.set_viewport_size({"width": 390, "height": 900})
    assert sound(page, 390)

    missed = {"what": "ward", "at": at("2026-01-01 03:03").isoformat(), "answered": False}
    place.centre.say("night", message("call.add", "2026-01-01 03:03", call=called["id"], danger=[missed]))
    place.centre.pump()
    page.get_by_text("閉庁時の連絡先（第二） 03-0000-0003").wait_for()
    page.goto(f"{place.address}/tonight")
    assert sound(page, 390)
