"""関係機関への引継ぎ in a real browser, without a mouse, without a script and on a telephone. Needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser_examples import IN_A_BROWSER, served, sound
from tests.desk_examples import Centre, answer, at, call, message, names, offer, register
from tests.services.test_desk_in_browser import press_to
from tests.web_examples import centre_in, site

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A registrant who agreed that an agency may know, a call about them, and another case that is with the section."""
    with centre_in(tmp_path_factory.mktemp("agencies")) as running:
        running.say("day", register(personal={"name": "架空 花子"}))
        running.say("day", message("consent.give", "2025-05-01 11:00", person="P", to="port-kitazawa"))
        running.say("day", call(person="P"))
        running.say("day", call("B", "2025-05-12 13:00"))
        running.pump()
        running.say("day", offer("b", "B", "section", to="kitazawa-section"))
        running.say("day", answer("accept", "b", on="2025-05-13 11:00", how="phone", personal={"by": "架空 係長"}))
        running.clock.now = at("2025-05-13 11:30")
        yield running


@pytest.fixture(scope="module")
def page(chromium: Browser, centre: Centre) -> Iterator[Page]:
    """Signed in for the day, on a telephone, where no script runs."""
    app = site(centre, role=None)
    with served(app) as address:
        context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto(f"{address}/signin/{app.state.signins.link('day')}")
        press_to(page, "サインインする")
        page.wait_for_url("**/morning")
        page.goto(f"{address}/cases/R7-0001")
        yield page
        context.close()


def test_an_agency_is_asked_and_its_answer_recorded_without_a_mouse(page: Page, centre: Centre) -> None:
    """From the case to the form; chosen with the keys; then accepted by telephone, by name."""
    press_to(page, "引継ぎを依頼する")
    page.wait_for_url("**/agencies/new**")
    page.get_by_label("送付先").first.focus()
    for _ in range(7):  # Past the five sections, to the second of the agencies.
        page.keyboard.press("ArrowDown")
    page.get_by_label("本人の同意").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="この内容で依頼する").press("Enter")
    page.wait_for_url("**said=recorded")
    assert "依頼中" in page.locator(".stands").inner_text()
    page.get_by_label("先方の氏名").first.focus()
    page.keyboard.type("架空 相談員")
    with page.expect_navigation():
        press_to(page, "受諾を記録する")

    assert "受諾" in page.locator(".stands").inner_text()
    mine = [event for event in centre.events("handover") if event.case == centre.events()[2].case]
    assert names(mine) == ["handover.offered", "handed-over"]
    assert (mine[0].agency, mine[0].basis, mine[1].how) == ("port-kitazawa", "consent", "phone")


@pytest.mark.parametrize("address", ["/agencies?all=1", "/agencies/new?number=R7-0001", "/agencies/{own}"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out_and_every_word_can_be_read(
    chromium: Browser, centre: Centre, address: str, width: int
) -> None:
    """On a telephone and on a screen, in Japanese and in English."""
    app, own = site(centre, role=None), centre.events("handover")[0].handover
    with served(app) as home:
        context = chromium.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        page.goto(f"{home}/signin/{app.state.signins.link('day')}")
        page.get_by_role("button", name="サインインする").click()
        for language in ("", "lang=en"):
            at_ = home + address.format(own=own)
            page.goto(at_ + (f"{'&' if '?' in at_ else '?'}{language}" if language else ""))
            assert sound(page, width)
        context.close()
