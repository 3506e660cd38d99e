"""The sheet tells the consultation as its card shows it at that moment; so does what is sealed to a subscriber."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.reporting.known import Known
from tests.desk_examples import GROUND, LATER, WARD, Centre, call, contact, correct, merge, message, offer, register
from tests.web_examples import browser, centre_in, site

SECTION = "kitazawa-section"
CALLER = {"caller": {"name": "見本 母", "relation": "母", "phone": "03-0000-0001"}}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with centre_in(tmp_path) as found:
        yield found


def add(report: dict[str, Any], **data: Any) -> dict[str, Any]:
    """What was typed after the card had saved for the first time."""
    return message("call.add", LATER, call=report["id"], **data)


def typed(centre: Centre) -> dict[str, Any]:
    """A card on which the caller came first, as it does; everything else was typed later."""
    report = contact({"case": "A"}, personal=CALLER)
    centre.say("day", report)
    first = {"district": "karasuyama", "reasons": ["carer-ill"], "safe_until": "2025-05-15T05:00:00+09:00"}
    centre.say("day", add(report, **first, medication_at="2025-05-15T06:00:00+09:00"))
    told = {"next_medication": "インスリン 6単位", "call_back_phone": "03-0000-0002", "where": "自宅"}
    centre.say("day", add(report, personal=told))
    return report


def offered(centre: Centre, case: str = "A") -> None:
    centre.pump()
    asked = offer(case=case, kind="section", to=SECTION)
    assert centre.say("day", asked).status == "accepted"
    centre.pump()


def sealed_now(centre: Centre) -> dict[str, Any]:
    """What may be told of the person with the offer, as a subscriber gets it."""
    record = next(r for r in centre.records("handover") if r.type == "handover.offered")
    return Known(centre.inquiry.ledger, centre.keys.opened, WARD.agency).about(record)


async def page(centre: Centre, language: str = "ja") -> str:
    """The text of the sheet behind the cover."""
    handover = next(e for e in centre.events("handover") if e.name == "handover.offered").handover
    async with browser(site(centre, role="day")) as web:
        answered = await web.get(f"/handovers/{handover}/sheet?lang={language}")
    assert answered.status_code == 200
    _, behind = answered.text.split('<h2 class="new-sheet">')
    return re.sub(r"\s+", " ", re.sub(r"<.*?>", " ", behind.split('<div class="screen-only">')[0])).replace("　", " ")


async def test_what_was_typed_after_the_card_first_saved_is_on_the_sheet(centre: Centre) -> None:
    """District, reasons, until when it can wait, and the hour of the medicine, under two names."""
    typed(centre)
    offered(centre)
    told = await page(centre)

    for each in (
        "地域 烏山",
        "緊急の理由 介護者・支援者の疾病・事故",
        "対応が必要な時刻（何時まで待てるか） 令和7年5月15日（木） 05:00",
        "次の服薬の時刻 令和7年5月15日（木） 06:00",
        "次の服薬（薬・量） インスリン 6単位",
        "折り返しの番号 03-0000-0002",
    ):
        assert each in told
    assert "Next medication: when" in await page(centre, "en")


async def test_a_correction_is_on_the_sheet_and_what_was_wrong_is_not(centre: Centre) -> None:
    """Also what is personal; why it was corrected, and by whom, is for nobody outside."""
    report = typed(centre)
    offered(centre)
    hours = {"medication_at": "2025-05-15T10:15:00+09:00", "safe_until": "2025-05-15T09:30:00+09:00"}
    said = {"where": "祖母の家", "reason": "聞き違い", "by": "架空 職員", "note": "折り返して確かめた"}
    centre.say("day", correct(report, district="setagaya", **hours, personal=said))
    centre.pump()
    told = await page(centre)

    for each in ("地域 世田谷", "木） 10:15", "木） 09:30", "祖母の家", "インスリン 6単位"):
        assert each in told
    for gone in ("烏山", "木） 06:00", "木） 05:00", "自宅", "聞き違い", "折り返して確かめた"):
        assert gone not in told
    assert sealed_now(centre)["where"] == "祖母の家"
    assert not {"by", "note"} & sealed_now(centre).keys()
    assert sealed_now(centre)["reason"] == GROUND["personal"]["reason"]


async def test_the_last_contact_says_what_is_due_and_the_first_one_corrected_late_does_not(centre: Centre) -> None:
    """Its card is what the ward goes on with; what it leaves blank, the earlier one still says."""
    report = typed(centre)
    second = call(on=LATER, medication_at="2025-05-16T12:00:00+09:00", personal={"where": "病院"})
    centre.say("day", second)
    offered(centre)
    centre.say("day", correct(report, "2025-05-15 13:00", personal={"where": "駅"}))
    centre.pump()
    told = await page(centre)

    assert "金） 12:00" in told
    assert "木） 05:00" in told
    assert "病院" in told
    assert "駅" not in told
    assert sealed_now(centre)["where"] == "病院"


async def test_a_contact_that_was_moved_tells_where_it_stands_now(centre: Centre) -> None:
    """What belongs to somebody else's consultation is on nobody's sheet but theirs."""
    stays, moves = call("A", personal={"name": "見本 一郎"}), call("A", on=LATER, personal={"phone": "03-0000-0009"})
    danger = [{"what": "119", "at": "2025-05-14T02:12:00+09:00"}]
    for each in (stays, moves, add(moves, danger=danger), call("B", on=LATER, personal={"name": "見本 二郎"})):
        centre.say("day", each)
    offered(centre, "A")
    assert "03-0000-0009" in await page(centre)
    assert centre.say("day", correct(moves, to="B")).status == "accepted"
    centre.pump()

    told = await page(centre)
    assert "見本 一郎" in told
    assert "03-0000-0009" not in told
    assert "119番" not in told
    assert "phone" not in sealed_now(centre)


async def test_what_came_from_another_consultation_is_on_the_sheet(centre: Centre) -> None:
    """A contact moved to it with what it said before, and a second consultation that was the same matter."""
    moves = call("A", on=LATER, medication_at="2025-05-15T07:00:00+09:00", personal={"phone": "03-0000-0009"})
    part = call("C", on="2025-05-14 13:00", reasons=["carer-away"], personal={"address": "見本町1-2-3"})
    for each in (call("A", personal={"name": "見本 一郎"}), moves, call("B", personal={"name": "見本 二郎"}), part):
        centre.say("day", each)
    offered(centre, "B")
    centre.say("day", correct(moves, to="B"))
    centre.say("day", merge("C", into="B"))
    centre.pump()

    told = await page(centre)
    for text in ("見本 二郎", "03-0000-0009", "木） 07:00", "見本町1-2-3", "介護者・支援者の急な不在"):
        assert text in told
    assert "見本 一郎" not in told
    assert {"name": "見本 二郎", "phone": "03-0000-0009", "address": "見本町1-2-3"}.items() <= sealed_now(
        centre
    ).items()


async def test_a_linked_registrants_district_and_form_are_on_the_sheet(centre: Centre) -> None:
    """As the card shows them since the link; after it is undone neither is."""
    centre.say("day", register("P", district="kinuta", personal={"name": "登録 花子", "address": "見本町9"}))
    report = contact({"case": "A"}, personal=CALLER)
    centre.say("day", report)
    offered(centre)
    person = next(e for e in centre.events() if e.name == "person.registered").person
    matched = ["name", "birth-date"]
    linked = message("call.link", LATER, call=report["id"], person_id=person, matched=matched)
    assert centre.say("day", linked).status == "accepted"
    centre.pump()
    told = await page(centre)
    assert "地域 砧" in told
    assert "見本町9" in told

    undone = message("call.unlink", LATER, call=report["id"], personal={"reason": "同姓同名"})
    assert centre.say("day", undone).status == "accepted"
    centre.pump()
    told = await page(centre)
    assert "地域 不明" in told
    assert "見本町9" not in told


async def test_what_was_done_because_of_danger_and_the_promise_are_on_the_sheet(centre: Centre) -> None:
    """The agency must know that 119 was advised, who rings back and by when; a press by mistake is not told."""
    report = typed(centre)
    wrong = {"what": "110", "at": "2025-05-14T02:11:00+09:00"}
    danger = [{"what": "119", "at": "2025-05-14T02:12:00+09:00", "answered": True}, wrong]
    centre.say("day", add(report, danger=danger, call_back={"by": "2025-05-15T06:30:00+09:00", "who": "night"}))
    centre.say("day", add(report, danger=[{**wrong, "mistaken": True}]))
    offered(centre)
    told = await page(centre)

    assert "危険への対応（119番・110番の案内、区へ連絡） 119番を案内、令和7年5月14日（水） 02:12、応答あり" in told
    assert "110番を案内" not in told
    night = next(each.label.ja for each in WARD.provider if each.id == "night")
    assert f"折り返しの約束 {night}、令和7年5月15日（木） 06:30まで" in told


async def test_whoever_was_put_on_the_card_by_mistake_says_nothing_on_the_sheet(centre: Centre) -> None:
    """What a mistaken entry held is no part of the consultation."""
    stays, mistaken = call("A", personal={"name": "見本 一郎"}), call("A", on=LATER, personal={"phone": "03-0000-0009"})
    centre.say("day", stays)
    centre.say("day", mistaken)
    centre.say("day", correct(mistaken, not_counted="mistaken"))
    offered(centre)
    told = await page(centre)

    assert "見本 一郎" in told
    assert "03-0000-0009" not in told


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("ja", ("身体障害者手帳 1級", "愛の手帳（療育手帳） 2度", "精神障害者保健福祉手帳 3級")),
        ("en", ("Physical handbook 1級", "Intellectual handbook 2度", "Psychiatric handbook 3級")),
    ],
)
async def test_a_handbooks_grade_stands_under_the_handbooks_name(
    centre: Centre, language: str, told: tuple[str, ...]
) -> None:
    """On the sheet and on the person's page, in the language of each, and never under the key that a message has."""
    grades = {"physical": "1級", "intellectual": "2度", "psychiatric": "3級"}
    centre.say("day", register(personal={"name": "見本 花子", "handbook_grades": grades}))
    centre.pump()
    centre.say("day", call(person="P"))
    offered(centre)
    person = next(e for e in centre.events() if e.name == "person.registered").person
    async with browser(site(centre, role="day")) as web:
        shown = (await web.get(f"/persons/{person}?lang={language}")).text
    own = re.sub(r"\s+", " ", re.sub(r"<.*?>", " ", shown))

    for where in (await page(centre, language), own):
        assert [each for each in told if each not in where] == []
        assert not [key for key in grades if key in where]
