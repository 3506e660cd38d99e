"""The call card without a browser: what it sends as a message of the contract, and whom its addresses answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.adapter import sealed
from services.intake.from_page import KNOWN, NotUsable, message, read
from services.intake.meanwhile import recorded_meanwhile
from services.intake.reception import _received
from services.pages.terms import Terms
from tests.desk_examples import LATER, NIGHT, SECRETS, WARD, Centre, call, codes, contact, register
from tests.desk_examples import message as message_of
from tests.services.test_register_pages import text_of
from tests.web_examples import HOME, browser, centre_in, site

FROM_HERE = {"Origin": HOME}
SOURCE = "/front/night"
MINUTE = "2025-05-12T22:15"
PERSONAL = {
    "name": "架空 太郎",
    "where": "自宅",
    "words": "母が入院",
    "caller": {"name": "架空 隣人", "relation": "隣人"},
}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A card that another adapter began, made up."""
    with centre_in(tmp_path_factory.mktemp("card")) as running:
        told: dict[str, Any] = {
            "reasons": ["carer-ill"],
            "safe_until": "2025-05-13T09:00:00+09:00",
            "danger": [{"what": "119"}],
        }
        running.say("night", call("A", NIGHT, personal=PERSONAL, **told))
        running.pump()
        yield running


def sent(kind: str = "call.report", **more: Any) -> dict[str, Any]:
    """What the page sends."""
    return {"kind": kind, "id": "one", "time": MINUTE, "entered": "2025-05-12T13:15:00Z"} | more


def as_message(told: dict[str, Any]) -> dict[str, Any]:
    """The CloudEvent that is made of it."""
    return message(read(json.dumps(told).encode()), SOURCE, WARD)


def test_a_card_becomes_a_call_that_intake_takes_whole() -> None:
    """Every field finds its place: nothing is flagged but what is so, and personal words are in personal parts."""
    fields = dict.fromkeys(KNOWN, "架空") | {
        **dict.fromkeys(("safe_until", "medication_at", "call_back_by"), MINUTE),
        "district": "kitazawa",
        "channel": "relay",
        "not_counted": "",
        "call_back_who": "day",
        "third_party": True,
        "abuse_suspected": True,
        "reasons": ["carer-ill", "other"],
    }
    danger = [{"what": "ward", "at": "2025-05-12T13:14:00Z", "answered": False}]
    made = as_message(sent(fields=fields, danger=danger))

    assert "架空" not in json.dumps(_without_personal(made), ensure_ascii=False)
    assert made["time"] == "2025-05-12T22:15:00+09:00"
    with Centre("sqlite://") as centre:
        assert codes(centre.say("night", sealed(made, SECRETS.inbox))) == ["not-registered"]
        assert centre.say("night", sealed(made, SECRETS.inbox)).status == "known"
        (event,) = centre.events()
    assert event.channel == "relay"
    assert event.reasons == ("carer-ill", "other")
    assert event.card.safe_until.isoformat() == "2025-05-12T22:15:00+09:00"
    assert event.card.call_back.who == "day"
    assert [(each.what, each.answered) for each in event.card.danger] == [("ward", False)]


def _without_personal(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _without_personal(value) for name, value in part.items() if name != "personal"}
    return [_without_personal(each) for each in part] if isinstance(part, list) else part


def test_what_is_added_changes_that_and_nothing_else() -> None:
    """A blanked word is told as blank; an empty code is not told, since taking it back is a correction."""
    made = as_message(sent("call.add", call="one", fields={"where": "", "district": "", "words": "朝まで一人"}))

    assert made["data"] == {"call": "one", "personal": {"words": "朝まで一人", "where": ""}}


def test_a_silent_call_is_about_nobody_and_a_further_contact_names_its_number() -> None:
    """No matter where it is not counted and says nothing of anybody."""
    silent = as_message(sent(fields={"not_counted": "silent", "channel": "phone"}))
    further = as_message(sent(number="R7-0001", synthetic=True))

    assert silent["data"] == {"channel": "phone", "not_counted": "silent", "matters": []}
    assert further["data"]["matters"] == [{"number": "R7-0001"}]
    assert further["synthetic"] is True


def test_a_sibling_is_a_report_beside_the_first_even_where_it_says_little() -> None:
    """Whatever the contact's kind: who was added is somebody. A link is undone with its reason, a press with a word."""
    fields = {"not_counted": "enquiry", "name": "架空 次郎", "words": "母が入院"}
    beside = as_message(sent(beside="zero", fields=fields))
    lone = as_message(sent(beside_number="R7-0001", fields={"not_counted": "enquiry"}))
    undone = as_message(sent("call.unlink", call="one", reason="同姓同名の別の方だった"))
    pressed = {"what": "119", "at": "2025-05-12T13:14:00.500Z", "answered": True, "to": "a-team", "mistaken": True}
    mistaken = as_message(sent("call.add", number="R7-0001", danger=[pressed]))

    assert beside["data"] == {
        "not_counted": "enquiry",
        "beside": "zero",
        "personal": {"words": "母が入院"},
        "matters": [{"personal": {"name": "架空 次郎"}}],
    }
    assert lone["data"] == {"not_counted": "enquiry", "beside_number": "R7-0001", "matters": [{}]}
    assert undone["data"] == {"call": "one", "personal": {"reason": "同姓同名の別の方だった"}}
    assert mistaken["data"]["danger"] == [pressed | {"at": "2025-05-12T22:14:00.500000+09:00"}]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"x", b"[]", b"null", b"\xff", b'{"a":' * 3000, json.dumps(sent("case.close")).encode()),
        json.dumps(sent(fields={"role": "架空"})).encode(),
        json.dumps(sent(provider="day")).encode(),
    ],
)
async def test_what_no_card_sends_is_not_taken(centre: Centre, body: bytes) -> None:
    """400, which echoes nothing; nobody says through a card for whom they speak, or anything but a call."""
    with pytest.raises(NotUsable):
        read(body)
    async with browser(site(centre, role="night")) as web:
        answer = await web.post("/calls", content=body, headers=FROM_HERE)

    assert (answer.status_code, answer.json()["state"]) == (400, "unreadable")
    assert "架空" not in answer.text


async def test_where_nothing_can_be_sent_the_page_is_told_to_keep_it(centre: Centre) -> None:
    """503, so that the page's copy stays; from another site, and without signing in, nothing is taken at all."""
    body = json.dumps(sent(fields={"words": "架空"}))
    async with browser(site(centre, role="night")) as web:
        kept = await web.post("/calls", content=body, headers=FROM_HERE)
        strange = await web.post("/calls", content=body, headers={"Origin": "http://attacker.example"})
    async with browser(site(centre, role=None)) as web:
        nobody = await web.post("/calls", content=body, headers=FROM_HERE)

    assert (kept.status_code, kept.json()) == (503, {"state": "unavailable"})
    assert (strange.status_code, nobody.status_code) == (403, 403)


async def test_roles_that_speak_for_nobody_have_no_card(centre: Centre) -> None:
    """No button, no page, nothing taken."""
    for role in ("ward", "auditor"):
        async with browser(site(centre, role=role)) as web:
            answers = [await web.get("/calls/new"), await web.get("/calls/R7-0001"), await web.get("/calls/x/receipt")]
            answers.append(await web.post("/calls", content="{}", headers=FROM_HERE))
            menu = await web.get("/status")
        assert [answer.status_code for answer in answers] == [404] * 4
        assert "/calls/new" not in menu.text
        assert "outbox.js" not in menu.text


async def test_who_promises_is_under_contract(centre: Centre) -> None:
    """A provider whose contract is over rings nobody back."""
    async with browser(site(centre, role="night")) as web:
        card = (await web.get("/calls/new")).text

    offered = card[card.index('id="call_back_who"') :]
    assert re.findall(r'<option value="(\w*)"', offered[: offered.index("</select>")]) == ["", "day", "night"]


async def test_a_card_is_gone_on_with_by_its_number(centre: Centre) -> None:
    """What stands there, by whomever it was told; a number that is not there is the same 404 as ever."""
    async with browser(site(centre, role="night")) as web:
        card = (await web.get("/calls/r7-0001")).text
        missing = await web.get("/calls/R9-9999")

    for told in ('value="架空 隣人"', 'value="自宅"', ">母が入院</textarea>", 'value="2025-05-13T09:00"'):
        assert told in card
    assert 'data-reason="carer-ill" checked' in card
    assert "119番を案内" in text_of(card.partition('id="attempts"')[2])
    assert missing.status_code == 404


async def test_a_card_of_two_siblings_is_gone_on_with_by_either_number(tmp_path: Path) -> None:
    """In the order in which they were told, each with their own; who has rung again since is linked to."""
    first, second = call("A", NIGHT, id="first", personal=PERSONAL), "2025-05-13 07:00"
    sister = {"case": "B", "district": "kinuta", "personal": {"name": "架空 花子", "where": "祖母宅"}}
    with centre_in(tmp_path) as centre:
        centre.say("night", first)
        centre.say("night", contact(sister, on=NIGHT, beside="first", personal=PERSONAL))
        async with browser(site(centre, role="night")) as web:
            by_first, by_second = [(await web.get(f"/calls/R7-000{n}")).text for n in (1, 2)]
            centre.say("night", call("B", second))
            since = (await web.get("/calls/R7-0001")).text

    for card in (by_first, by_second):
        assert sections(card) == [("", "R7-0001"), ("p2-", "R7-0002")]
        assert 'id="where" name="where" type="text" value="自宅"' in card
        assert 'id="p2-where" name="where" type="text" value="祖母宅"' in card
        assert card.count('name="caller_name"') == card.count('name="words"') == 1
    assert 'data-began="2025-05-12T' in by_second
    assert sections(since) == [("", "R7-0001")]
    assert 'href="/calls/R7-0002">R7-0002</a>' in since


LONG = "架空の長い話。" * 2_000
KNOWN_BY_THE_CARD = {
    "words": [f"{LONG[:250]}…{LONG[-250:]}"],
    "where": ["自宅"],
    "district": [""],
    "reasons": [["carer-ill"]],
    "safe_until": ["2025-05-13T09:00"],
}


@pytest.mark.parametrize(
    ("stands", "told", "over"),
    [
        ({"where": "自宅"}, {"where": "病院"}, {}),
        ({"where": "隣家"}, {"where": "病院"}, {"where": "隣家"}),
        ({"where": "隣家"}, {"where": "隣家"}, {}),
        ({"where": "隣家"}, {"name": "架空 太郎"}, {}),
        ({}, {"where": "病院"}, {}),
        ({"words": LONG}, {"words": "短い話"}, {}),
        ({"district": "kinuta"}, {"district": "unknown"}, {"district": "砧"}),
        ({"reasons": ["other", "carer-ill"]}, {"reasons": []}, {"reasons": "その他、介護者・支援者の疾病・事故"}),
        ({"reasons": ["carer-ill"]}, {"reasons": ["other"]}, {}),
        ({"safe_until": "2025-05-13T10:00"}, {"safe_until": MINUTE}, {"safe_until": "令和7年5月13日（火） 10:00"}),
    ],
)
def test_what_a_card_writes_over_that_it_never_showed_is_said(
    stands: dict[str, Any], told: dict[str, Any], over: dict[str, str]
) -> None:
    """What it showed or sent itself, and what says the same, is nobody else's."""
    page = read(json.dumps(sent("call.add", number="R7-0001", fields=told, known=KNOWN_BY_THE_CARD)).encode())

    assert recorded_meanwhile(page, stands, Terms(WARD, "ja")) == over


async def test_a_contact_about_nobody_has_a_page_under_its_number(tmp_path: Path) -> None:
    """What was said, and that it is no consultation; and how to take it for whoever it turns out to have been about."""
    silent = contact(
        not_counted="silent", on=NIGHT, personal={"caller": {"phone": "090-0000-0001"}, "words": "雑音のみ"}
    )
    with centre_in(tmp_path) as centre:
        centre.say("night", silent)
        centre.pump()
        async with browser(site(centre, role="night")) as web:
            page, english = [text_of((await web.get(f"/calls/r7-0001?lang={each}")).text) for each in ("ja", "en")]
            history = await web.get("/cases/R7-0001", follow_redirects=True)
            card = (await web.get("/calls/new?beside=R7-0001")).text
            strange = await web.get("/calls/new?beside=R7-0009")

    assert "どなたのことでもない連絡です。相談ではなく、件数外（無言）として記録しています。" in page
    assert "It is no consultation, and is recorded as not counted (Silent)." in english
    assert "雑音のみ" in page
    assert "連絡者：電話番号 090-0000-0001" in page
    assert history.status_code == 200
    assert 'data-beside="R7-0001"' in card
    assert 'value="090-0000-0001"' in card
    assert 'data-began="2025-05-12T' in card
    assert 'id="began"' not in card
    assert (strange.status_code, 'data-beside=""' in strange.text) == (200, True)


async def test_who_a_contact_about_nobody_was_about_stands_on_its_page(tmp_path: Path) -> None:
    """The person told since has a card of their own, alone on it, and each leads to the other."""
    with centre_in(tmp_path) as centre:
        centre.say("night", contact(not_counted="silent", on=NIGHT))
        told = sent(beside_number="R7-0001", fields={"name": "架空 太郎", "not_counted": "silent"})
        centre.say("night", sealed(as_message(told), SECRETS.inbox))
        async with browser(site(centre, role="night")) as web:
            page, card = [(await web.get(f"/calls/R7-000{n}")).text for n in (1, 2)]

    assert 'href="/calls/R7-0002">R7-0002</a>' in page
    assert sections(card) == [("", "R7-0002")]
    assert 'data-began="2025-05-12T' in card


def sections(card: str) -> list[tuple[str, str]]:
    """Of each person on a card, the prefix of the ids and the number."""
    found = re.findall(r'<section class="person" data-prefix="(.*?)" data-number="(.*?)"', card)
    return [(prefix, number) for prefix, number in found if prefix != "blank-"]


async def test_a_linked_person_and_a_mistaken_press_are_said_in_words(tmp_path: Path) -> None:
    """With a way to undo the one; the other stands, struck out, and is undone once only."""
    pressed = {"what": "119", "at": "2025-05-12T22:00:00+09:00", "answered": True}
    told = call("A", NIGHT, id="first", danger=[pressed, pressed | {"what": "110"}])
    with centre_in(tmp_path) as centre:
        person = centre.say("day", register("P", personal={"name": "架空 花子"})).person[0]
        case = centre.say("night", told).case[0]
        centre.say("night", message_of("call.add", LATER, call="first", danger=[pressed | {"mistaken": True}]))
        link: dict[str, Any] = {"call": "first", "person_id": person, "matched": ["kana", "phone"]}
        centre.say("night", message_of("call.link", LATER, **link))
        async with browser(site(centre, role="night")) as web:
            linked = (await web.get("/calls/R7-0001")).text
            centre.say("night", message_of("call.unlink", LATER, call="first", personal={"reason": "架空"}))
            unlinked = (await web.get("/calls/R7-0001")).text
            centre.pump()
            history = text_of((await web.get(f"/cases/{case}")).text)

    changes = history.partition("相談受付票に追記した")[2].partition("記録の内容を見る")[0]
    assert "119番を案内" in changes
    assert "押し間違いだった" in changes
    assert "集計にかかわる変更はありません" not in changes
    assert "登録者と結び付いています：架空 花子" in linked
    assert "架空 花子" not in unlinked
    lines = linked.partition('id="attempts"')[2].partition("</ul>")[0].split("<li")[1:]
    assert [("mistaken" in line, "押し間違い" in line, "data-undo" in line) for line in lines] == [
        (True, True, False),
        (False, False, True),
    ]
    assert '<div class="wide" id="unlinking">' in linked
    assert f'href="/persons/{person}"' in linked
    assert '<div class="linking" id="linking" hidden>' in linked
    assert '<div class="wide" id="unlinking" hidden>' in unlinked
    assert '<div class="linking" id="linking">' in unlinked


async def test_what_the_card_is_answered_is_said_in_words(tmp_path: Path) -> None:
    """Why a link was parked names its field once, and what a flag means is what the list of flags says."""
    with centre_in(tmp_path) as centre:
        told = call("A", NIGHT, id="first", district=None, person=None)
        receipts = [centre.say("night", told)]
        persons = [centre.say("day", register(ref)).person[0] for ref in ("P", "Q")]
        link: dict[str, Any] = {"call": "first", "matched": ["kana", "phone"]}
        receipts += [centre.say("night", message_of("call.link", LATER, **link, person_id=each)) for each in persons]
    words = Terms(WARD, "ja")
    flagged, _, parked = [_received(receipt, words) for receipt in receipts]

    assert "地域：地域が分からない" in flagged.flags
    assert parked.detail == (
        "本人：すでに別の登録者と結び付いています（受け付けられる内容：先に、登録者との結び付けを取り消す（call.unlink））"
    )


async def test_a_button_says_whether_the_ward_answered(centre: Centre) -> None:
    """One press of 区へ連絡 would end the ladder: it says that it records an answer, and rings nobody itself."""
    async with browser(site(centre, role="day")) as web:
        japanese, english = [(await web.get(f"/calls/new?lang={each}")).text for each in ("ja", "en")]

    for page, answered, silent in (
        (japanese, "区へ連絡（応答あり）", "区へ連絡（応答なし）"),
        (english, "Ward informed (answered)", "Ward informed (nobody answered)"),
    ):
        buttons = dict(re.findall(r'data-stamp="ward" data-answered="(yes|no)"[^>]*>([^<]*)<', page))
        assert buttons == {"yes": answered, "no": silent}
    assert "電話はかかりません" in japanese


async def test_what_the_card_says_is_said_in_both_languages(centre: Centre) -> None:
    """Danger first, on top; every label of the other language is there."""
    async with browser(site(centre, role="day")) as web:
        japanese, english = [text_of((await web.get(f"/calls/new?lang={each}")).text) for each in ("ja", "en")]

    assert japanese.index("命の危険があるときは、先に119番・110番を案内してください。") < japanese.index("連絡者")
    for word in (
        "対応が必要な時刻（何時まで待てるか）",
        "緊急の理由",
        "折り返しの約束",
        "翌朝にお願いすること",
        "不明",
    ):
        assert word in japanese
    for word in ("Safe until", "Emergency reason", "Promised call-back", "What is left for the morning"):
        assert word in english


async def test_the_card_opens_where_no_database_answers(tmp_path: Path) -> None:
    """A call is taken all the same: only the frame is bare, and its light says so."""
    with centre_in(tmp_path, ward=None) as nowhere:
        app = site(nowhere, role="night")
        nowhere.ledger.journal.engine.dispose()
        _remove(tmp_path)
        async with browser(app) as web:
            card, other = await web.get("/calls/new"), await web.get("/find")

    assert (card.status_code, other.status_code) == (200, 503)
    assert "相談受付票" in card.text
    assert "light_stopped" in card.text


def _remove(directory: Path) -> None:
    """Take the ledger away."""
    for file in directory.glob("reporting.db*"):
        file.unlink()


async def test_a_card_in_the_demonstration_is_synthetic_too(tmp_path: Path) -> None:
    """The badge that stands on the page goes with what is typed on it; without the badge nothing is synthetic."""
    with centre_in(tmp_path) as centre:
        app = site(centre, role="night")
        async with browser(app) as web:
            before = (await web.get("/calls/new")).text
            centre.say("night", {**call("A", NIGHT), "synthetic": True})
            centre.pump()
            after = (await web.get("/calls/new")).text

    assert 'data-synthetic=""' in before
    assert 'data-synthetic="yes"' in after
    assert "架空データ" in after
