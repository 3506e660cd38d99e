"""関係機関への引継ぎ as pages: asking somebody of the directory, seeing where it stands, recording what they said."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services.pages.agency_rows import ACTS
from services.passings import passings
from services.tables import PARKED
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    Centre,
    answer,
    arrange,
    at,
    call,
    cancel,
    close,
    message,
    names,
    offer,
    register,
)
from tests.web_examples import HOME, browser, centre_in, keys_of, site

FROM_HERE = {"Origin": HOME}
NOW = "2025-05-13T11:30"
NAME = "架空 相談員"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A registrant who agreed that “ぽーと” of Kitazawa may know, and a call about them, offered nobody yet."""
    with centre_in(tmp_path) as running:
        running.say("day", register(personal={"name": "架空 花子"}))
        agreed = {"person": "P", "to": "ぽーときたざわ", "edition": "令和7年版"}
        running.say("day", message("consent.give", "2025-05-01 11:00", **agreed))
        running.say("day", {**call(person="P"), "synthetic": True})
        running.pump()
        running.clock.now = at("2025-05-13 11:30")
        yield running


def offered(centre: Centre, **data: str) -> str:
    """Somebody was asked at ten; the id of the hand-over."""
    centre.say("day", offer(to="port-kitazawa", **data))
    centre.pump()
    own: str = centre.events("handover")[-1].handover
    return own


async def get(app: Starlette, address: str = "/agencies") -> httpx.Response:
    """One answer, wherever it leads."""
    async with browser(app) as web:
        return await web.get(address, follow_redirects=True)


async def post(app: Starlette, address: str, **form: str) -> httpx.Response:
    """A form, wherever it leads."""
    async with browser(app) as web:
        return await web.post(address, data=form, headers=FROM_HERE, follow_redirects=True)


async def fill(app: Starlette, **form: str) -> httpx.Response:
    """The form of the call's case, filled in and sent."""
    page = (await get(app, "/agencies/new?number=R7-0001")).text
    hidden = dict(re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', page))
    return await post(app, "/agencies/new?number=R7-0001", **hidden, **form)


async def tell(app: Starlette, own: str, when: str, **form: str) -> httpx.Response:
    """They are told what stands on the page of a hand-over as it is now."""
    page = (await get(app, f"/agencies/{own}")).text
    return await post(app, f"/agencies/{own}", do="deliver", at=when, how="phone", by=NAME, **seen_of(page) | form)


def seen_of(page: str) -> dict[str, str]:
    """What the form of a telling says was on its page."""
    return dict(re.findall(r'type="hidden" name="(seen)" value="(\d+)"', page))


def text_of(page: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<.*?>", "", page)))


# Asking.


async def test_the_form_shows_the_directory_of_the_day_and_the_consents(centre: Centre) -> None:
    """Nobody types a number; which basis there is stands with its article."""
    page = (await get(site(centre, role="day"), "/agencies/new?number=R7-0001")).text

    assert page.count("<option value=") == 1 + 12 + 5  # Nothing chosen, the directory, the ways.
    assert "ぽーと”きたざわ　03-0000-0120　有効な同意" in page
    assert "ぽーと”せたがや　03-0000-0110<" in page
    assert "有効な同意：地域障害者相談支援センター“ぽーと”きたざわ（令和7年5月1日から、令和7年版）" in text_of(page)
    assert "個人情報の保護に関する法律 第69条第1項" in page
    assert 'name="answer_by" value="2025-05-14T11:30"' in page


async def test_a_case_leads_to_the_form_for_those_who_speak_for_a_provider(centre: Centre) -> None:
    """引継ぎを依頼する stands on its page; the ward's staff only look."""
    assert "/agencies/new?number=R7-0001" in (await get(site(centre, role="day"), "/cases/R7-0001")).text
    for role in ("ward", "auditor"):
        assert "/agencies/new" not in (await get(site(centre, role=role), "/cases/R7-0001")).text
        assert (await get(site(centre, role=role), "/agencies/new?number=R7-0001")).status_code == 404


async def test_somebody_is_asked_on_the_persons_consent(centre: Centre) -> None:
    """As the role's provider; what is personal is sealed; then its page is shown."""
    app = site(centre, role="day", name="架空 職員")
    form = {"to": "port-kitazawa", "way": "offer", "basis": "consent", "answer_by": "2025-05-14T09:00"}
    shown = await fill(app, **form, purpose="計画")
    (event,) = centre.events("handover")
    provider, sent = app.state.counter.sent[0]

    assert (provider, event.provider, event.to) == ("day", "day", "地域障害者相談支援センター“ぽーと”きたざわ")
    assert (event.agency, event.basis, event.answer_by) == ("port-kitazawa", "consent", at("2025-05-14 09:00"))
    assert (sent["synthetic"], sent["data"]["personal"]) == (True, {"purpose": "計画", "worker": "架空 職員"})
    assert shown.url.path == f"/agencies/{event.handover}"
    assert "記録しました。" in shown.text
    assert "回答の期限令和7年5月14日（水） 09:00" in text_of(shown.text)


async def test_the_same_form_sent_twice_asks_once(centre: Centre) -> None:
    """Pressed twice, it is the same message."""
    app = site(centre, role="day")
    page = (await get(app, "/agencies/new?number=R7-0001")).text
    hidden = dict(re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', page))
    for _ in range(2):
        form = {"to": "port-kitazawa", "way": "offer", "basis": "consent"}
        assert (await post(app, "/agencies/new?number=R7-0001", **hidden, **form)).status_code == 200

    assert names(centre.events("handover")) == ["handover.offered"]
    assert centre.rows(PARKED, "handover") == []


async def test_what_was_accepted_on_the_telephone_is_recorded_at_once(centre: Centre) -> None:
    """By whom, and what was agreed; on a ground that the law gives, with the reason."""
    form = {"to": "kitazawa-section", "way": "complete", "basis": "ward-duty", "reason": "架空の理由", "by": NAME}
    shown = await fill(site(centre, role="day"), **form, agreed="明日訪問する")
    (event,) = centre.events("handover")

    assert (event.name, event.kind, event.how, event.basis) == ("handed-over", "section", "phone", "ward-duty")
    assert NAME in shown.text
    assert "明日訪問する" in shown.text
    assert "第69条第2項第2号" in shown.text


async def test_information_only_is_its_own_kind(centre: Centre) -> None:
    """It passes nothing on, and every page says what it is: nobody accepted anything, so nothing can be returned."""
    app = site(centre, role="day")
    own = (await fill(app, to="port-kitazawa", way="information", basis="consent")).url.path
    pages = [own, "/agencies?all=1", "/agencies/new?number=R7-0001", "/cases/R7-0001"]
    for page in [(await get(app, address)).text for address in pages]:
        assert "情報提供済" in page
        assert not re.search("受諾(?!され|する|した|不可)", text_of(re.sub("(?s)<form.*?</form>", "", page)))
    assert 'value="return"' not in (await get(app, own)).text

    assert [event.kind for event in centre.events("handover")] == ["information"]
    assert "情報提供のみ" in (await get(site(centre, role="day"), "/agencies?all=1")).text


WRONG = [
    ({"to": "nobody"}, "送付先を選んでください。"),
    ({"to": ""}, "送付先を選んでください。"),
    ({"way": "x"}, "どうするかを選んでください。"),
    ({"basis": ""}, "提供の根拠を選んでください。"),
    ({"basis": "legal-duty"}, "同意によらないときは、理由を入力してください。"),
    ({"way": "complete"}, "受諾した方の氏名を入力してください。"),
    ({"answer_by": "2025-05-13T11:30"}, "回答の期限は、いまより後、一年以内の日時にしてください"),
    ({"answer_by": "9999-12-31T23:59"}, "回答の期限は、いまより後、一年以内の日時にしてください"),
    ({"answer_by": "soon"}, "回答の期限は、いまより後、一年以内の日時にしてください"),
    ({"note": "x" * 1001}, "入力が長すぎます（1000文字まで）。"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
async def test_a_form_that_cannot_be_sent_is_shown_again(centre: Centre, wrong: dict[str, str], says: str) -> None:
    """With what is wrong, and all that was typed; nothing was sent."""
    app = site(centre, role="day")
    form = {"to": "port-kitazawa", "way": "offer", "basis": "consent", "purpose": "計画の見直し"}
    answered = await fill(app, **form | wrong)

    assert answered.status_code == 400
    assert says in answered.text
    assert 'value="計画の見直し"' in answered.text
    assert app.state.counter.sent == []


async def test_what_the_rules_refuse_is_said_in_words(centre: Centre) -> None:
    """No consent to this receiver: the reason, what would be accepted, in words; nothing of it stays."""
    answered = await fill(site(centre, role="day"), to="port-setagaya", way="offer", basis="consent")

    assert answered.status_code == 409
    for told in ("その日に有効な、この送付先への同意がありません", "先に同意の登録、", "法令に基づく"):
        assert told in answered.text
    alert = re.findall('(?s)<div class="wrong".*?</div>', answered.text)[0]
    assert not any(code in alert for code in ("consent.give", "legal-duty", "要確認データ"))
    assert [row["closed"] is None for row in centre.rows(PARKED, "handover")] == [False]
    assert "要確認データはありません。" in (await get(site(centre, role="day"), "/parked")).text


async def test_a_form_that_was_refused_is_sent_again_once_it_can_be(centre: Centre) -> None:
    """As it was: the consent came meanwhile; refused twice, nothing stays either."""
    app = site(centre, role="day")
    key = keys_of((await get(app, "/agencies/new?number=R7-0001")).text).pop()
    form = {"to": "port-setagaya", "way": "offer", "basis": "consent", "key": key}
    for _ in range(2):
        assert (await post(app, "/agencies/new?number=R7-0001", **form)).status_code == 409
        assert "要確認データはありません。" in (await get(app, "/parked")).text
    centre.say("day", message("consent.give", "2025-05-13 11:00", person="P", to="port-setagaya"))
    centre.pump()
    assert "記録しました。" in (await post(app, "/agencies/new?number=R7-0001", **form)).text


async def test_whoever_was_asked_already_is_said_on_the_form_and_nothing_stays_of_it(centre: Centre) -> None:
    """Asked twice: after they took the case and gave it back, nothing is there that would ask them on what was told."""
    app = site(centre, role="day")
    form = {"to": "port-kitazawa", "way": "offer", "basis": "consent"}
    await fill(app, **form, note="一通目")
    answered = await fill(app, **form, note="二通目")

    assert answered.status_code == 409
    assert "この送付先には依頼中で、まだ回答がありません" in answered.text
    assert 'value="二通目"' in answered.text or ">二通目<" in answered.text
    assert "handover.accept" not in answered.text
    assert "要確認データはありません。" in (await get(app, "/parked")).text
    assert centre.events("handover")[-1].reason == "given-back"


async def test_without_the_line_nothing_is_lost(centre: Centre) -> None:
    """The form stands there as it was typed."""
    app = site(centre, role="day")
    app.state.counter.closed = True
    answered = await fill(app, to="port-kitazawa", way="offer", basis="consent", purpose="計画の見直し")

    assert answered.status_code == 503
    assert 'value="計画の見直し"' in answered.text


async def test_a_number_that_is_none_has_no_form(centre: Centre) -> None:
    """To the letter as for what does not exist."""
    for number in ("R9-9999", "", "x%00"):
        assert (await get(site(centre, role="day"), f"/agencies/new?number={number}")).status_code == 404


# Where it stands.


async def test_the_list_says_what_waits_and_what_is_overdue_first(centre: Centre) -> None:
    """依頼中, until when, whom; what is settled is shown when asked for; the menu counts; in English as well."""
    own = offered(centre)
    centre.say("night", call("N", "2025-05-13 11:00"))
    centre.pump()
    early = offer("early", "", number="R7-0002", answer_by=at("2025-05-13 11:00").isoformat())
    centre.say("night", early)
    centre.say("night", answer("deliver", "early", on="2025-05-13 10:30", how="fax"))
    app = site(centre, role="ward")
    page, english = (await get(app)).text, (await get(app, "/agencies?lang=en")).text

    assert 'aria-current="page">関係機関への引継ぎ <span class="count">2件' in page
    assert page.index("R7-0002") < page.index("R7-0001")
    assert page.count("● 期限超過") == 1
    assert "回答の期限：令和7年5月14日（水） 10:00" in page
    assert "届いた 令和7年5月13日（火） 10:30" in page
    assert "送付先名簿にない送付先" in page
    assert "● Overdue" in english
    centre.say("day", answer("accept", on="2025-05-13 11:20"))
    assert own not in (await get(app)).text
    assert own in (await get(app, "/agencies?all=1")).text


ENDED = [
    ("declined", "次の送付先を決める（受諾不可） 担当：日中受託事業者"),
    ("withdrawn", "次の送付先を決める（取下げ）"),
    ("expired", "次の送付先を決める（期限切れ）"),
    ("returned", "次の送付先を決める（差戻し）"),
]


@pytest.mark.parametrize(("status", "says"), ENDED)
async def test_a_case_that_nobody_took_stands_first_until_somebody_decides(
    centre: Centre, status: str, says: str
) -> None:
    """With the reason and whose it is, in the badge too; asked of somebody else or closed, it goes."""
    own = stand(centre, status)
    centre.say("night", call("N", "2025-05-14 12:10"))
    centre.pump()
    centre.say("night", offer("waits", "", number="R7-0002", on="2025-05-14 12:20"))
    page = (await get(app := site(centre, role="day"))).text

    assert says in text_of(page)
    assert '関係機関への引継ぎ <span class="count">2件' in page
    assert page.index(own) < page.index("R7-0002")
    assert says in text_of((await get(app, f"/agencies/{own}")).text)
    centre.say("day", offer("next", to="inaho", on="2025-05-14 12:30"))
    assert "次の送付先を決める" not in (await get(app)).text
    centre.say("day", answer("decline", "next", on="2025-05-14 12:40"))
    page = (await get(app)).text
    assert (page.count("次の送付先を決める"), own in page) == (1, False)
    centre.say("day", close(on="2025-05-14 13:00"))
    centre.pump()
    assert "次の送付先を決める" not in (await get(app)).text


@pytest.mark.parametrize(("status", "says"), [("expired", "期限後の受諾"), ("withdrawn", "取下げ後の受諾")])
async def test_who_accepted_too_late_is_to_be_told(centre: Centre, status: str, says: str) -> None:
    """先方へ連絡, though another has the case by now, and though a fax had reached them before; told, it goes."""
    own = stand(centre, status)
    centre.say("day", answer("deliver", on="2025-05-13 10:10", how="fax"))
    centre.say("day", offer("next", to="inaho", on="2025-05-14 12:30"))
    centre.say("day", answer("accept", "next", on="2025-05-14 12:40"))
    app = site(centre, role="day")
    assert own not in (await get(app)).text
    centre.say("day", answer("accept", on="2025-05-14 12:50", personal={"by": NAME}))

    assert f"● {says}：先方へ連絡" in (await get(app)).text
    assert 'value="deliver"' in (await get(app, f"/agencies/{own}")).text
    centre.clock.now = at("2025-05-14 13:10")
    shown = await tell(app, own, "2025-05-14T13:00")
    assert "記録しました。" in shown.text
    assert own not in (await get(app)).text


async def test_of_two_agencies_whose_cases_are_merged_one_stays_and_the_other_is_to_be_told(centre: Centre) -> None:
    """The later acceptance has the whole; the other stands first, on the page of the whole too, until it was told."""
    own = offered(centre)
    centre.say("day", answer("accept", on="2025-05-13 10:30"))
    centre.say("night", call("N", "2025-05-13 10:40"))
    centre.pump()
    centre.say("day", offer("other", "", number="R7-0002", to="inaho", on="2025-05-13 10:50"))
    centre.say("day", answer("accept", "other", on="2025-05-13 11:00"))
    centre.say("day", message("case.merge", "2025-05-13 11:10", number="R7-0002", into_number="R7-0001"))
    centre.pump()
    app = site(centre, role="day")
    says = "相談がまとめられ、担当は架空相談支援事業所いなほです。先方へ伝えてください。"

    (listed,) = passings(centre.engine("handover"))
    assert (listed.handover, listed.owner) == (own, "agency:inaho")
    assert says in (await get(app)).text
    assert f"地域障害者相談支援センター“ぽーと”きたざわ：{says}" in (await get(app, "/cases/R7-0001")).text
    shown = await tell(app, own, NOW)
    assert says not in shown.text
    assert "担当：架空相談支援事業所いなほ" in (await get(app, "/agencies?all=1")).text
    assert (passings(centre.engine("handover")), says in (await get(app, "/cases/R7-0001")).text) == ([], False)


async def test_what_was_merged_names_the_whole_by_its_number_and_is_offered_to_nobody(centre: Centre) -> None:
    """まとめた先 is the 受付番号; and once the whole is closed nobody is to be found for the part."""
    centre.say("night", call("N", "2025-05-13 10:40"))
    centre.say("day", offer(to="port-kitazawa"))
    centre.say("day", answer("decline", on="2025-05-13 10:50"))
    centre.say("day", message("case.merge", "2025-05-13 11:10", number="R7-0001", into_number="R7-0002"))
    centre.pump()
    app = site(centre, role="day")
    page = (await get(app, "/cases/R7-0001")).text

    assert "まとめた先R7-0002" in text_of(page)
    assert "/agencies/new" not in page
    assert "/agencies/new" in (await get(app, "/cases/R7-0002")).text
    assert "次の送付先を決める" in (await get(app)).text
    assert "受諾不可" in (await get(app, "/agencies/new?number=R7-0002")).text
    centre.say("night", message("case.close", "2025-05-13 11:20", number="R7-0002"))
    centre.pump()
    assert "次の送付先を決める" not in (await get(app)).text


async def test_one_shows_how_to_reach_them_and_its_course(centre: Centre) -> None:
    """Telephone, fax and post of the directory; each step with its time and its way; the basis with its article."""
    own = offered(centre)
    centre.say("day", answer("deliver", on="2025-05-13 10:10", how="fax"))
    page = text_of((await get(site(centre, role="ward"), f"/agencies/{own}")).text)

    for told in ("依頼中", "03-0000-0120", "03-0000-0121", "相談係", "（個人情報の保護に関する法律 第69条第1項）"):
        assert told in page
    assert re.search("届いた.{1,20}5月13日（火） 10:10 受託事業者日中受託事業者 方法ファクス", page)


async def test_who_said_what_is_for_those_who_see_persons(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    """The day reads it, and that it looked is logged; the ward and the auditor see that it happened."""
    caplog.set_level(logging.INFO, "yoake.pages")
    own = offered(centre)
    centre.say("day", answer("accept", on="2025-05-13 11:00", how="phone", personal={"by": NAME}))

    page = (await get(site(centre, role="day"), f"/agencies/{own}")).text
    assert NAME in page
    assert f'href="/handovers/{own}/sheet"' in page
    assert [record.message for record in caplog.records].count("looked at") == 1
    for role in ("ward", "auditor"):
        assert NAME not in (await get(site(centre, role=role), f"/agencies/{own}")).text


async def test_what_is_not_there_is_not_there(centre: Centre) -> None:
    """Nor is the morning's hand-over, which has pages of its own."""
    told = {"number": "R7-0001", "handover": "m", "kind": "morning", "to": "day"}
    centre.say("night", message("handover.complete", NEXT_DAY, **told))
    own = centre.events("handover")[0].handover

    for address in ("/agencies/x", f"/agencies/{own}"):
        assert (await get(site(centre, role="day"), address)).status_code == 404


# Sent twice.


async def test_the_same_form_sent_later_asks_once(centre: Centre) -> None:
    """A minute later as well, and where nobody heard that the first arrived; another text asks anew."""
    app = site(centre, role="day")
    hidden = {"key": keys_of((await get(app, "/agencies/new?number=R7-0001")).text).pop()}
    form = {"to": "port-kitazawa", "way": "offer", "basis": "consent"} | hidden
    app.state.counter.lost = True
    unknown = await post(app, "/agencies/new?number=R7-0001", **form)
    app.state.counter.lost = False
    centre.clock.now = at("2025-05-13 11:31")
    again = await post(app, "/agencies/new?number=R7-0001", **form)

    assert (unknown.status_code, keys_of(unknown.text)) == (503, {hidden["key"]})
    assert "届いたか分かりません。" in unknown.text
    assert "記録しました。" in again.text
    assert again.url.path == f"/agencies/{centre.events('handover')[0].handover}"
    assert (names(centre.events("handover")), centre.rows(PARKED, "handover")) == (["handover.offered"], [])
    await post(app, "/agencies/new?number=R7-0001", **form, note="変えた文")
    first, same, changed, _closed = [told["id"] for _, told in app.state.counter.sent]
    assert (first == same, first == changed) == (True, False)


@pytest.mark.parametrize("act", ["deliver", "accept"])
async def test_what_they_said_is_recorded_once(centre: Centre, act: str) -> None:
    """Pressed again a minute later, though it stands otherwise by then."""
    own, app = offered(centre), site(centre, role="day")
    (key,) = keys_of((await get(app, f"/agencies/{own}")).text)
    for minute in (30, 31):
        centre.clock.now = at(f"2025-05-13 11:{minute}")
        shown = await post(app, f"/agencies/{own}", do=act, at=NOW, how="fax", by=NAME, key=key)
        assert "記録しました。" in shown.text

    assert len(centre.events("handover")) == 2


async def test_a_form_that_comes_back_keeps_its_key(centre: Centre) -> None:
    """Whatever was wrong with it; a page that is looked at anew has a new one."""
    own, app = offered(centre), site(centre, role="day")
    (key,) = keys_of((await get(app, f"/agencies/{own}")).text)
    wrong = await post(app, f"/agencies/{own}", do="accept", at=NOW, how="fax", key=key)

    assert keys_of(wrong.text) == {key}
    assert keys_of((await get(app, f"/agencies/{own}")).text) != {key}


# Recording what they said.


@pytest.mark.parametrize(
    ("act", "form", "status"),
    [
        ("deliver", {"how": "fax"}, "offered"),
        ("see", {"by": NAME}, "offered"),
        ("accept", {"by": NAME, "agreed": "明日訪問する"}, "accepted"),
        ("decline", {"reason": "staff"}, "declined"),
        ("withdraw", {}, "withdrawn"),
    ],
)
async def test_each_answer_is_recorded_for_the_roles_provider(
    centre: Centre, act: str, form: dict[str, str], status: str
) -> None:
    """At the time at which it was given, whoever had asked; entered now."""
    own = offered(centre)
    app = site(centre, role="night", name="架空 職員")
    shown = await post(app, f"/agencies/{own}", do=act, at="2025-05-13T10:30", **{"how": "phone"} | form)
    provider, sent = app.state.counter.sent[0]
    record = centre.records("handover")[1]

    assert (provider, sent["time"], sent["entered"]) == (
        "night",
        "2025-05-13T10:30:00+09:00",
        "2025-05-13T11:30:00+09:00",
    )
    assert record.time == at("2025-05-13 10:30")
    assert sent["data"]["personal"]["worker"] == "架空 職員"
    assert "記録しました。" in shown.text
    assert [row.status for row in passings(centre.engine("handover"), everything=True)] == [status]


async def test_a_way_that_nobody_knows_is_refused(centre: Centre) -> None:
    """It is recorded as no other; nothing is sent."""
    own = offered(centre)
    app = site(centre, role="day")
    answered = await post(app, f"/agencies/{own}", do="accept", at=NOW, how="pigeon", by=NAME)
    handed = await fill(app, to="port-kitazawa", way="complete", basis="consent", by=NAME, how="pigeon")

    assert [page.status_code for page in (answered, handed)] == [400, 400]
    assert all("連絡の方法を選んでください。" in page.text for page in (answered, handed))
    assert app.state.counter.sent == []


async def test_a_case_that_comes_back_can_be_offered_to_somebody_else(centre: Centre) -> None:
    """差戻し with its reason; the page leads on."""
    own = offered(centre)
    centre.say("day", answer("accept", on="2025-05-13 11:00"))
    shown = await post(site(centre, role="day"), f"/agencies/{own}", do="return", at=NOW, how="phone", reason="staff")

    assert "差戻し" in shown.text
    assert "ほかへ引継ぎを依頼する" in shown.text
    assert centre.events("handover")[-1].reason == "staff"


async def test_an_answer_after_its_time_is_kept_and_the_page_says_so(centre: Centre) -> None:
    """Expired, it can still be recorded that they accepted; nothing changes."""
    own = offered(centre)
    centre.tick("2025-05-14 12:00")
    app = site(centre, role="day")
    before = (await get(app, f"/agencies/{own}")).text
    shown = await post(app, f"/agencies/{own}", do="accept", at="2025-05-14T11:00", how="phone", by=NAME)

    assert "状況は変わりません" in before
    assert "あとから届いた回答" in shown.text
    assert [row.status for row in passings(centre.engine("handover"), everything=True)] == ["expired"]


async def test_an_answer_in_the_minute_of_the_offer_is_not_before_it(centre: Centre) -> None:
    """A form says minutes, the offer was made some seconds later."""
    centre.clock.now = at("2025-05-13 11:30").replace(second=20)
    app = site(centre, role="day")
    await fill(app, to="port-kitazawa", way="offer", basis="consent")
    own = centre.events("handover")[0].handover
    await post(app, f"/agencies/{own}", do="accept", at=NOW, how="phone", by=NAME)

    assert names(centre.events("handover")) == ["handover.offered", "handed-over"]


ILL = [
    ("accept", {}, "受諾した方の氏名を入力してください。"),
    ("accept", {"by": NAME, "at": ""}, "日時を入力してください（例：2025-05-13 11:30）。"),
    ("accept", {"by": NAME, "at": "0001-01-01T00:00"}, "日時を入力してください（例：2025-05-13 11:30）。"),
    ("accept", {"by": NAME, "at": "2025-02-30T11:30"}, "日時を入力してください（例：2025-05-13 11:30）。"),
    ("accept", {"by": NAME, "at": "2025-05-13T09:58"}, "依頼中：令和7年5月13日（火） 10:00"),
    ("accept", {"by": NAME, "at": "2025-05-13T11:31"}, "日時がまだ来ていません。"),
    ("decline", {}, "理由を選んでください。"),
    ("decline", {"reason": "whatever"}, "理由を選んでください。"),
    ("see", {"by": "x" * 1001}, "入力が長すぎます"),
]


@pytest.mark.parametrize(("act", "form", "says"), ILL)
async def test_what_cannot_be_recorded_so_is_shown_again(
    centre: Centre, act: str, form: dict[str, str], says: str
) -> None:
    """With the reason; nothing was sent."""
    own, app = offered(centre), site(centre, role="day")
    answered = await post(app, f"/agencies/{own}", **{"do": act, "at": NOW, "how": "phone"} | form)

    assert answered.status_code == 400
    assert says in answered.text
    assert app.state.counter.sent == []


async def test_what_makes_no_sense_is_no_button_and_no_address(centre: Centre) -> None:
    """Nothing can be returned that was not accepted; whoever speaks for nobody finds no form at all."""
    own = offered(centre)
    page = (await get(site(centre, role="day"), f"/agencies/{own}")).text

    assert re.findall(r'name="do" value="(\w+)"', page) == ["accept", "decline", "deliver", "see", "withdraw"]
    assert (await post(site(centre, role="day"), f"/agencies/{own}", do="x", at=NOW)).status_code == 404
    assert 'name="do"' not in (await get(site(centre, role="ward"), f"/agencies/{own}")).text
    assert (await post(site(centre, role="ward"), f"/agencies/{own}", do="withdraw", at=NOW)).status_code == 404


def stand(centre: Centre, status: str) -> str:
    """A hand-over that stands so since eleven, or longer; its id."""
    own = offered(centre, **({"answer_by": at("2025-05-13 10:40").isoformat()} if status == "expired" else {}))
    verbs = {"accepted": "accept", "declined": "decline", "withdrawn": "withdraw", "returned": "accept"}
    if status in verbs:
        centre.say("day", answer(verbs[status], on="2025-05-13 10:50" if status == "returned" else "2025-05-13 11:00"))
    if status == "returned":
        centre.say("day", answer("return", on="2025-05-13 11:00"))
    if status == "expired":
        centre.tick("2025-05-14 12:00")
    assert [row.status for row in passings(centre.engine("handover"), everything=True)] == [status]
    return own


@pytest.mark.parametrize("status", [*ACTS])
@pytest.mark.parametrize("verb", ["accept", "decline", "deliver", "see", "withdraw", "return"])
async def test_an_old_tab_is_told_how_it_stands_or_heard_as_the_rules_hear(
    centre: Centre, verb: str, status: str
) -> None:
    """What the rules would refuse is refused with how it stands, and not kept; what they keep as late says so."""
    own, app = stand(centre, status), site(centre, role="day")
    before = len(centre.events("handover"))
    shown = await post(app, f"/agencies/{own}", do=verb, at=NOW, how="phone", by=NAME, reason="staff")
    event = centre.events("handover")[-1]
    if shown.status_code == 409:
        told = "依頼中：令和7年5月13日（火） 10:00" if status == "offered" else "：令和7年5月13日（火） "
        assert "いまの状況では記録できません。" in shown.text
        assert told in shown.text
        assert (len(centre.events("handover")), app.state.counter.sent) == (before, [])
        receipt = centre.say("day", answer(verb, on="2025-05-13 11:30", personal={"by": NAME}))
        assert receipt.status == "parked" or len(centre.events("handover")) == before
    else:
        is_late = event.name == "handover.answered-late"
        assert len(centre.events("handover")) == before + 1
        assert centre.rows(PARKED, "handover") == []
        assert ("あとから届いた回答として記録しました。" in shown.text) == is_late
        assert ('<p class="told" role="status">記録しました。' in shown.text) == (not is_late)


async def test_an_old_tab_that_forgot_the_name_is_asked_for_it(centre: Centre) -> None:
    """The form stands there with what was typed, though the page shows no such button any more."""
    own, app = stand(centre, "accepted"), site(centre, role="day")
    shown = await post(app, f"/agencies/{own}", do="accept", at=NOW, how="phone", agreed="明日訪問する")

    assert (shown.status_code, app.state.counter.sent) == (400, [])
    assert 'value="明日訪問する"' in shown.text


async def test_one_thing_has_one_word_on_every_page(centre: Centre) -> None:
    """送付先 and 先方に伝えること, of more than a line, as on the form; a hand-over was not received: it has a 日時."""
    app = site(centre, role="day")
    form = (await get(app, "/agencies/new?number=R7-0001")).text
    assert '<label for="note">先方に伝えること</label>' in form
    assert '<textarea id="note" name="note"' in form
    shown = await fill(app, to="port-kitazawa", way="offer", basis="consent", note="夜は母が出る。\n玄関は裏。")
    sheet = (await get(app, shown.url.path.replace("agencies", "handovers") + "/sheet")).text
    course = (await get(app, "/cases/R7-0001")).text
    event = course[course.index("関係機関への引継ぎ：依頼中") :]

    for page in (shown.text, sheet, event):
        assert "先方に伝えること" in page
        assert "玄関は裏。" in page
        assert "備考" not in re.sub("(?s)<form.*?</form>", "", page)
    assert ("<dt>日時</dt>" in event, "<dt>受付日時</dt>" in event) == (True, False)
    assert ("<dt>送付先</dt>" in event, "受けた側" in event) == (True, False)


async def test_what_was_overtaken_on_its_way_says_how_it_stands(centre: Centre) -> None:
    """Withdrawn twice in one moment: nothing is recorded of the second, and it is not said to be."""
    own, app = offered(centre), site(centre, role="day")
    app.state.counter.first = lambda: centre.say("day", answer("withdraw", on="2025-05-13 11:00"))
    shown = await post(app, f"/agencies/{own}", do="withdraw", at=NOW, how="phone")

    assert shown.status_code == 409
    assert "取下げ：令和7年5月13日（火） 11:00" in shown.text


async def test_a_late_note_stands_first_until_the_new_owner_was_told(centre: Centre) -> None:
    """What was written since is on its course; told, it leaves the list."""
    own = offered(centre)
    centre.say("day", answer("accept", on="2025-05-13 11:00"))
    centre.say("night", call("", "2025-05-13 11:10", number="R7-0001"))
    centre.pump()
    app = site(centre, role="day")

    assert "● 引き継いだあとの記録があります。先方へ伝えてください。" in (await get(app)).text
    shown = await tell(app, own, NOW)
    assert "相談を受けた" in shown.text
    assert own not in (await get(app)).text


@pytest.mark.parametrize(
    ("language", "told", "says"),
    [
        ("ja", "記録{}調整の種類短期入所施設", ("調整済み", "調整を取り消した")),
        ("en", "What was written{}Kind of placementShort stay", ("Arranged", "Placement cancelled")),
    ],
)
async def test_a_late_note_says_what_was_arranged_or_cancelled(
    centre: Centre, language: str, told: str, says: tuple[str, str]
) -> None:
    """Its kind in the ward's words, on the page of the hand-over and in the case's history; told, it leaves both."""
    own = offered(centre)
    centre.say("day", answer("accept", on="2025-05-13 11:00"))
    centre.say("day", arrange(on="2025-05-13 11:05"))
    centre.say("day", cancel(on="2025-05-13 11:10"))
    centre.pump()
    app = site(centre, role="day")
    must_tell = "“ぽーと”きたざわ：引き継いだあとの記録があります。先方へ伝えてください。"

    course = bare((await get(app, f"/agencies/{own}?lang={language}")).text)
    assert [course.count(bare(told.format(what))) for what in says] == [1, 1]
    history = bare((await get(app, f"/cases/R7-0001?lang={language}")).text)
    kind = bare(told.partition("{}")[2])
    assert (history.count(kind), [bare(what) in history for what in says]) == (2, [True, True])
    assert must_tell in (await get(app, "/cases/R7-0001")).text
    await tell(app, own, NOW)
    assert own not in (await get(app)).text
    assert must_tell not in (await get(app, "/cases/R7-0001")).text


async def accepted(centre: Centre) -> str:
    """They have the case since eleven."""
    own = offered(centre)
    centre.say("day", answer("accept", on="2025-05-13 11:00"))
    return own


NOT_TOLD = "まだ伝えていない"


async def test_a_note_heard_after_the_telling_is_to_be_told_whatever_its_own_time(centre: Centre) -> None:
    """A line that was down brings at 11:32 what happened at 11:20; they were told at 11:30."""
    own, app = await accepted(centre), site(centre, role="day")
    centre.say("night", call("", "2025-05-13 11:10", number="R7-0001"))
    centre.pump()
    await tell(app, own, NOW)
    assert own not in (await get(app)).text
    centre.clock.now = at("2025-05-13 11:32")
    centre.say("day", arrange(on="2025-05-13 11:20", facility="架空の家"))
    centre.pump()

    assert own in (await get(app)).text
    page = text_of((await get(app, f"/agencies/{own}")).text)
    first, second = page.partition("先方へ伝える記録")[2].partition("先方へ伝えた")[0].split("相談を受けた")
    assert "伝えた（令和7年5月13日（火） 11:30）" in first
    assert f"● {NOT_TOLD}" in second
    assert "11:20（記録日時 令和7年5月13日（火） 11:32） 短期入所施設" in second.replace("調整済み ", "").replace(
        "　", " "
    )
    assert "架空の家" in second
    english = text_of((await get(app, f"/agencies/{own}?lang=en")).text)
    assert "● Not told yet" in english
    assert "Told (" in english


async def test_a_telling_from_paper_covers_what_was_recorded_before_it(centre: Centre) -> None:
    """They rang at 11:20, written down at 11:40: what was recorded at 11:30 they do not know of yet."""
    own, app = await accepted(centre), site(centre, role="day")
    centre.say("day", arrange(on="2025-05-13 11:10"))
    centre.pump()
    centre.clock.now = at("2025-05-13 11:40")

    assert NOT_TOLD in (await tell(app, own, "2025-05-13T11:20")).text
    assert own in (await get(app)).text
    assert NOT_TOLD not in (await tell(app, own, "2025-05-13T11:35")).text
    assert own not in (await get(app)).text
    await tell(app, own, "2025-05-13T11:15")  # An older one, written down last, takes nothing back.
    assert own not in (await get(app)).text


async def test_what_stood_on_no_page_yet_is_not_marked_as_told(centre: Centre) -> None:
    """A note comes while the page is open: nothing is recorded, the page says so, and keeps what was typed."""
    own, app = await accepted(centre), site(centre, role="day")
    centre.say("day", arrange(on="2025-05-13 11:10"))
    centre.pump()
    old = seen_of((await get(app, f"/agencies/{own}")).text)
    centre.clock.now = at("2025-05-13 11:30:10")
    centre.say("day", cancel(on="2025-05-13 11:20"))
    centre.pump()
    centre.clock.now = at("2025-05-13 11:30:20")  # What comes in the very minute of the telling is no other.
    shown = await tell(app, own, NOW, **old)

    assert shown.status_code == 409
    assert "先方へ伝える記録が増えました" in shown.text
    assert (NAME in shown.text, app.state.counter.sent) == (True, [])
    assert shown.text.count(f'<strong class="alarm">● {NOT_TOLD}') == 2
    again = await post(app, f"/agencies/{own}", do="deliver", at=NOW, how="phone", by=NAME, **seen_of(shown.text))
    assert "記録しました。" in again.text
    assert NOT_TOLD not in again.text


async def test_told_in_the_minute_of_the_note_is_told(centre: Centre) -> None:
    """A form says 11:42 of a note of 11:42:04, sent at 11:42:06, or only at 11:43:20."""
    own, app = await accepted(centre), site(centre, role="day")
    for hour, sent in ((11, "42:06"), (12, "43:20")):
        centre.clock.now = at(f"2025-05-13 {hour}:42:04")
        centre.say("night", call("", f"2025-05-13 {hour}:42:02", number="R7-0001"))
        centre.pump()
        centre.clock.now = at(f"2025-05-13 {hour}:{sent}")
        assert own in (await get(app)).text
        shown = await tell(app, own, f"2025-05-13T{hour}:42")
        assert NOT_TOLD not in shown.text
        assert own not in (await get(app)).text


@pytest.mark.parametrize("how", ["deliver", "see", "send", "nothing"])
async def test_whom_a_paper_reached_is_told_that_another_accepted(centre: Centre, how: str) -> None:
    """Their offer is withdrawn by that; whom nothing reached needs no telling."""
    own = offered(centre)
    sheet: dict[str, Any] = {"pages": 2, "personal": {"by": NAME, "checked_by": "架空 次郎"}} if how == "send" else {}
    if how != "nothing":
        assert centre.say("day", answer(how, on="2025-05-13 10:10", how="fax", **sheet)).status == "accepted"
    centre.say("day", offer("other", to="inaho", on="2025-05-13 10:20"))
    centre.say("day", answer("accept", "other", on="2025-05-13 11:00"))
    app = site(centre, role="day")
    says = "● ほかの機関が受諾したため取下げ：先方へ連絡"

    assert (says in (await get(app)).text) == (how != "nothing")
    assert (says in (await get(app, f"/agencies/{own}")).text) == (how != "nothing")
    if how != "nothing":
        assert "先方へ伝えたことを記録する" in (await get(app, f"/agencies/{own}")).text
        await tell(app, own, NOW)
    assert own not in (await get(app)).text


@pytest.mark.parametrize("reason", ["person-unwilling", "family-unwilling", "staff"])
async def test_what_the_person_or_the_family_does_not_want_is_asked_of_nobody_else(centre: Centre, reason: str) -> None:
    """Withdrawn for that, nobody is asked next; for any other reason somebody decides."""
    own = offered(centre)
    centre.say("day", answer("withdraw", on="2025-05-13 11:00", reason=reason))
    app = site(centre, role="day")

    assert ("次の送付先を決める" in (await get(app)).text) == (reason == "staff")
    listed = text_of((await get(app, "/agencies?all=1")).text)
    assert own in (await get(app, "/agencies?all=1")).text
    assert any(word in listed for word in ("本人が希望しない", "家族が希望しない", "職員体制"))


@pytest.mark.parametrize("reason", ["person-unwilling", "family-unwilling", "staff"])
@pytest.mark.parametrize("verb", ["decline", "return"])
async def test_a_receiver_lost_because_it_is_not_wanted_asks_first_what_is(
    centre: Centre, verb: str, reason: str
) -> None:
    """Nobody took the case, so it stays in the list; but it is not the next receiver that is missing."""
    own, app = offered(centre), site(centre, role="day")
    if verb == "return":
        centre.say("day", answer("accept", on="2025-05-13 10:50"))
    centre.say("day", answer(verb, on="2025-05-13 11:00", reason=reason))
    listed, page = [text_of((await get(app, path)).text) for path in ("/agencies", f"/agencies/{own}")]
    english = text_of((await get(app, "/agencies?lang=en")).text)

    wanted = "意向を確かめて、別の送付先に依頼するか終結するかを決める"
    assert [("次の送付先を決める" in each, wanted in each) for each in (listed, page)] == [
        (reason == "staff", reason != "staff")
    ] * 2
    assert ("Ask what is wanted" in english) == (reason != "staff")


def bare(page: str) -> str:
    """A page's words, run together."""
    return re.sub(r"\s", "", text_of(page))


async def test_an_open_offer_of_a_closed_case_says_so(centre: Centre) -> None:
    """It may not be needed any more."""
    own = offered(centre)
    centre.say("day", close(on="2025-05-13 11:00"))
    centre.pump()

    assert "このケースは終結しています。" in (await get(site(centre, role="day"), f"/agencies/{own}")).text


WORDS_OF_IT = ["port-kitazawa", "ぽーときたざわ", "地域障害者相談支援センター“ぽーと”きたざわ"]


@pytest.mark.parametrize(("given", "ended"), [(one, other) for one in WORDS_OF_IT for other in WORDS_OF_IT])
async def test_a_consent_ends_by_whichever_word_and_an_offer_that_waits_says_so(
    tmp_path: Path, given: str, ended: str
) -> None:
    """Key, label or further word: each names the same receiver. The acceptance is recorded all the same."""
    with centre_in(tmp_path) as centre:
        centre.say("day", register(personal={"name": "架空 花子"}))
        centre.say("day", message("consent.give", "2025-05-01 11:00", person="P", to=given))
        centre.say("day", call(person="P"))
        centre.pump()
        own = offered(centre, basis="consent")
        app = site(centre, role="day")
        assert "いま有効ではありません" not in (await get(app, f"/agencies/{own}")).text
        centre.say("day", message("consent.withdraw", "2025-05-13 11:00", person="P", to=ended))
        centre.pump()

        assert "いま有効な同意はありません。" in (await get(app, "/agencies/new?number=R7-0001")).text
        assert "● 提供の根拠とした本人の同意は、いま有効ではありません" in (await get(app, f"/agencies/{own}")).text
        centre.clock.now = at("2025-05-13 11:30")
        shown = await post(app, f"/agencies/{own}", do="accept", at=NOW, how="phone", by=NAME)
        assert "記録しました。" in shown.text


async def test_consents_are_those_of_the_person_under_every_record(centre: Centre) -> None:
    """Merged records are one person; a consent that ended is none; a linked registrant counts."""
    centre.say("day", register("Q", personal={"name": "架空 花子"}))
    centre.say("day", message("consent.give", "2025-05-02 11:00", person="Q", to="inaho"))
    centre.say("day", message("person.merge", "2025-05-03 11:00", person="Q", into="P"))
    centre.say("day", message("consent.withdraw", "2025-05-04 11:00", person="P", to="ぽーときたざわ"))
    centre.pump()
    told = text_of((await get(site(centre, role="day"), "/agencies/new?number=R7-0001")).text)

    assert "有効な同意：架空相談支援事業所いなほ（令和7年5月2日から）" in told
    assert "きたざわ（" not in told
    nobody = call("N", LATER)
    centre.say("day", nobody)
    assert "同意は確認できません" not in told
    centre.pump()
    told = text_of((await get(site(centre, role="day"), "/agencies/new?number=R7-0002")).text)
    assert "いま有効な同意はありません。" in told
    centre.say("day", message("call.link", LATER, call=nobody["id"], person="P", matched=["kana", "phone"]))
    assert "架空相談支援事業所いなほ（" in text_of(
        (await get(site(centre, role="day"), "/agencies/new?number=R7-0002")).text
    )
