"""今夜の申し送り as a page and as text: what the night must know, what changed since it was printed, writing a note."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfReader
from starlette.applications import Starlette

from events.morning import CaseNoted
from services.pages.typesetting import NoPdf
from tests.desk_examples import Centre, answer, arrange, at, call, cancel, close, merge, message, offer
from tests.evening_examples import EVENING, MOTHER, NOTE, RINGS, mother_rings, new_years_eve, note
from tests.web_examples import HOME, browser, keys_of, site

FROM_HERE = {"Origin": HOME}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with new_years_eve(tmp_path) as running:
        yield running


async def ask(app: Starlette, address: str = "/tonight") -> httpx.Response:
    async with browser(app) as web:
        return await web.get(address)


async def send(app: Starlette, **form: str) -> httpx.Response:
    async with browser(app) as web:
        return await web.post("/tonight", data={"do": "note", **form}, headers=FROM_HERE, follow_redirects=True)


async def text(app: Starlette, query: str = "") -> str:
    return (await ask(app, f"/tonight/notes.txt{query}")).text


def words_on(page: str) -> str:
    """What somebody reads on a page, without what is folded."""
    main = page.partition("<main")[2].partition("</main>")[0]
    bare = re.sub(r"<details.*?</details>|<form.*?</form>", "", main, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", bare)).split())


async def test_the_sheet_says_what_the_night_must_know(centre: Centre) -> None:
    """Word for word: who stays where, who may ring, what was promised and what not to promise, who is to be rung."""
    assert await text(site(centre, role="night")) == (
        """今夜の申し送り　令和7年12月31日（水）の夜間
世田谷区 緊急時バックアップセンター
17:00～翌08:30
16:50発行
16:50現在の内容
今夜の滞在・派遣1件、ほかに対応中1件、申し送り1件

16:50より後に変わったこと
  変更はありません。

【今夜の滞在・派遣】
R7-0001　架空 海（カクウ ウミ）（40歳）
  第一報 09:30　北沢　介護者・支援者の疾病・事故
  滞在・派遣：短期入所施設　架空の家　13:00～令和8年1月3日（土） 10:00
  申し送り：今日から短期入所
  連絡してくるかもしれない方：母（電話することあり）
  約束したこと：着替えは明日届ける
  ● 約束しないこと：帰る日
  日中受託事業者・16:40
  先に知っておくこと：大きな音が苦手
  服薬：20時に服薬
  意思疎通：短いことばで
  緊急時にしてほしいこと：母に電話
  連絡先（順に） 1：母 架空 空 03-0000-5678

【対応中のケース】
R7-0002　架空 風　未登録
  第一報 11:00　北沢
  折り返しの約束：20:00まで　夜間受託事業者　03-0000-4321
  関係機関への引継ぎ：架空相談支援事業所（関係機関）　依頼中　14:00から
  申し送りはありません。

以上
"""
    )


async def test_the_page_says_the_same_in_both_languages(centre: Centre) -> None:
    """Every line of the text stands on the page, in its language."""
    for language in ("", "lang=en"):
        app = site(centre, role="night")
        page = words_on((await ask(app, f"/tonight?{language}")).text)
        lines = [line.strip("●【】[] ") for line in (await text(app, f"?{language}")).splitlines()[2:-2]]
        for part in filter(None, (piece.strip() for line in lines for piece in re.split(r"　|：|: |● |, ", line))):
            assert part in page, part


async def test_it_is_printed_on_one_sheet(centre: Centre) -> None:
    """On A4, with the same words."""
    made = await ask(site(centre, role="night"), "/tonight/notes.pdf")
    pages = PdfReader(BytesIO(made.content)).pages
    printed = "".join(pages[0].extract_text().split())

    assert made.headers["content-disposition"] == 'inline; filename="tonight-2025-12-31.pdf"'
    assert len(pages) == 1
    for said in (*NOTE.values(), "架空海（カクウウミ）（40歳）", "20:00まで", "依頼中", "16:50現在の内容"):
        assert "".join(said.split()) in printed


async def test_where_no_pdf_can_be_made_the_text_is_offered(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so, and leads to it."""

    def broken(*_: object) -> bytes:
        raise NoPdf("broken")

    monkeypatch.setattr("services.pages.tonight.as_pdf", broken)
    page = await ask(site(centre, role="night"), "/tonight/notes.pdf")

    assert page.status_code == 503
    assert "/tonight/notes.txt" in page.text


async def test_whoever_may_not_see_persons_sees_that_there_is_a_note(centre: Centre) -> None:
    """The ward's role: cases, places and times, and nothing of anybody."""
    app = site(centre, role="ward")
    shown = await text(app) + words_on((await ask(app)).text)

    assert "R7-0001" in shown
    assert "内容は個人に関わるため" in shown
    for word in ("架空 海", "母", "帰る日", "20時に服薬", "03-0000-4321", "申し送りを書く"):
        assert word not in shown
    assert (await send(app, number="R7-0001", note="x")).status_code == 404


async def test_figures_alone_show_no_case(centre: Centre) -> None:
    """Nobody signed in: nothing; and the page is the first of the night alone."""
    assert (await ask(site(centre, role=None))).status_code == 403
    first = {}
    for role in ("night", "day"):
        app = site(centre, role=None)
        link = app.state.signins.link(role, None)
        async with browser(app) as web:
            entered = await web.post(f"/signin/{link}", headers=FROM_HERE)
        first[role] = entered.headers["location"]
    assert first["night"] == "/tonight"
    assert first["day"] != "/tonight"


async def test_what_came_after_the_printing_is_named(centre: Centre) -> None:
    """By the clock on which the system learned it; what was on the sheet and is over is named too."""
    centre.clock.now = at("2025-12-31 18:00")
    centre.say("night", note(None, "2025-12-31 18:00", number="R7-0002", personal={"note": "折り返し済み"}))
    centre.say("day", answer("accept", "o", on="2025-12-31 18:10"))
    centre.say("night", call("N", "2025-12-31 19:00"))
    centre.pump()
    centre.say("day", close("F", "2025-12-31 19:30"))
    centre.say("day", cancel("bed", on="2025-12-31 20:00"))
    centre.say("night", mother_rings())
    centre.pump()
    centre.tick(RINGS)
    told = await text(site(centre, role="night"))
    changes = told.partition("16:50より後に変わったこと\n")[2].partition("\n\n")[0]

    assert [line.strip() for line in changes.splitlines()] == [
        "18:00　R7-0002：申し送り",
        "18:10　R7-0002：引継ぎを受諾：架空相談支援事業所",
        "19:00　R7-0004：新しい相談",
        "19:30　R7-0002：終結",
        "20:00　R7-0001：取りやめ：短期入所施設　架空の家　13:00～令和8年1月3日（土） 10:00",
        "23:10　R7-0001：続報",
    ]
    assert "R7-0002　架空 風" not in told
    assert "R7-0001　架空 海（カクウ ウミ）（40歳）　変更あり" in told


async def test_what_is_added_to_a_card_is_named_as_what_it_is(centre: Centre) -> None:
    """A press for the danger is that, and no call-back; a call-back at another hour, or with another number, is one."""
    back = {"by": at("2025-12-31 20:00").isoformat(), "who": "night"}
    ring = call("N", "2025-12-31 16:00", call_back=back, personal={"call_back_phone": "03-0000-0001"})
    centre.say("night", ring)
    centre.pump()
    centre.tick("2025-12-31 17:00")

    async def added(minute: str, **told: Any) -> list[str]:
        centre.clock.now = at(f"2025-12-31 {minute}")
        centre.say("night", message("call.add", f"2025-12-31 {minute}", call=ring["id"], **told))
        centre.pump()
        changes = (await text(site(centre, role="night"))).partition("変わったこと\n")[2].partition("\n\n")[0]
        return [line.strip() for line in changes.splitlines() if minute in line[:10]]

    pressed = {"what": "119", "at": at("2025-12-31 17:10").isoformat()}
    later = {"by": at("2025-12-31 21:00").isoformat()}
    assert await added("17:10", danger=[pressed]) == ["17:10　R7-0004：危険への対応：119番を案内"]
    assert await added("17:15", danger=[{**pressed, "what": "110"}]) == ["17:15　R7-0004：危険への対応：110番を案内"]
    assert await added("17:15", danger=[{**pressed, "what": "110", "mistaken": True}]) == []
    assert await added("17:20", personal={"where": "自宅"}) == []
    assert await added("17:30", call_back=later) == ["17:30　R7-0004：折り返しの約束：21:00"]
    assert await added("17:40", personal={"call_back_phone": "03-0000-0002"}) == [
        "17:40　R7-0004：折り返しの約束：21:00"
    ]


async def test_a_copy_printed_later_is_compared_with_its_own_time(centre: Centre) -> None:
    """Whoever printed at 18:30 is told of nothing that was on their sheet; a time that is none is left alone."""
    centre.say("night", note(None, "2025-12-31 18:00", number="R7-0002", personal={"note": "折り返し済み"}))
    centre.say("night", call("N", "2025-12-31 19:00"))
    centre.pump()
    centre.tick("2026-01-01 01:00")
    app = site(centre, role="night")

    assert "19:00 R7-0004：新しい相談" in words_on((await ask(app, "/tonight?since=18:30")).text).replace("　", " ")
    assert "18:00" not in (await text(app, "?since=18:30")).partition("【")[0]
    assert await text(app, "?since=") == await text(app)
    assert await text(app, "?since=１８：３０") == await text(app, "?since=18:30")
    for page in ("", "/notes.txt", "/notes.pdf"):
        wrong = await ask(app, f"/tonight{page}?since=99:99")
        assert wrong.status_code == 400
        assert (
            "アドレスの中の手元の用紙の時刻（since=の後ろ）を読み取れません。"
            "メニューから開き直してください。受け付けられる内容：時刻（例：16:50）"
        ) in wrong.text


async def test_before_it_is_issued_the_page_says_when(tmp_path: Path) -> None:
    """In the morning it shows tonight already, and that the list comes ten minutes before the night."""
    with new_years_eve(tmp_path) as centre:
        centre.tick("2026-01-01 08:29")
        during = await text(site(centre, role="night"))
        centre.tick("2026-01-01 08:30")
        after = await text(site(centre, role="day"))

    assert "令和7年12月31日（水）の夜間" in during
    assert "令和8年1月1日（木）の夜間" in after
    assert "16:50に発行します。" in after
    assert "変わったこと" not in after


async def test_a_list_that_was_issued_late_says_so(tmp_path: Path) -> None:
    """The power came back in the night."""
    with new_years_eve(tmp_path) as centre:
        centre.clock.now = at("2026-01-01 22:00")
        centre.restart()
        centre.tick()

        assert "22:00発行（遅れて発行：予定は16:50）" in await text(site(centre, role="night"))


async def test_a_place_is_shown_in_the_nights_of_its_stay_alone(centre: Centre) -> None:
    """To the night before 3 January, on whose morning it ends; a place without an end as long as the case is open."""
    centre.say("day", call("H", "2026-01-01 10:00"))
    centre.pump()
    centre.say("day", arrange("helper", "H", "home-help", on="2026-01-01 11:00"))
    centre.tick("2026-01-03 02:00")
    in_the_last = await text(site(centre, role="night"))
    centre.tick("2026-01-03 18:00")
    after = await text(site(centre, role="night"))
    centre.say("day", close("H", "2026-01-03 18:30"))
    centre.pump()
    centre.tick()
    closed = await text(site(centre, role="night"))

    assert ["架空の家" in each for each in (in_the_last, after)] == [True, False]
    assert ["居宅介護（ヘルパー）事業所等" in each for each in (in_the_last, after, closed)] == [True, True, False]


async def test_a_time_still_to_come_today_is_yesterdays_and_says_so(centre: Centre) -> None:
    """16:50 asked for in the morning: with its date, and that today's has not come; at night it is this evening's."""
    centre.tick("2026-01-01 01:00")
    app = site(centre, role="night")
    tonights = await text(app, "?since=16:50")
    centre.clock.now = at("2026-01-01 08:37")
    morning, english = await text(app, "?since=16:50"), await text(app, "?since=16:50&lang=en")
    page = words_on((await ask(app, "/tonight?since=16:50")).text)

    assert "\n令和7年12月31日（水） 16:50より後に変わったこと\n" in tonights
    with_its_day = (
        "令和7年12月31日（水） 16:50より後に変わったこと（今日の16:50はまだ来ていないため、前日とくらべています）"
    )
    assert with_its_day in morning
    assert with_its_day in page
    assert "Changed after Wed 31 December 2025 16:50 (today's 16:50 is still to come" in english


async def test_the_counts_above_are_those_of_the_headings(centre: Centre) -> None:
    """A case with a place stands under 滞在・派遣 alone, and is counted there alone."""
    page = words_on((await ask(site(centre, role="night"))).text)

    assert "今夜の滞在・派遣1件、ほかに対応中1件" in page
    assert "今夜の滞在・派遣 1件" in page
    assert "対応中のケース 1件" in page


async def test_a_stay_goes_on_though_its_case_was_closed(centre: Centre) -> None:
    """The person is there tonight all the same, and the sheet says that the case is closed."""
    centre.say("day", close("E", "2025-12-31 16:55"))
    centre.pump()

    assert "R7-0001　架空 海（カクウ ウミ）（40歳）　終結" in await text(site(centre, role="night"))


async def test_what_was_merged_is_one_row(centre: Centre) -> None:
    """Its note and its hand-over stand under the case that goes on."""
    centre.say("day", merge("E", "F") | {"time": at("2025-12-31 16:45").isoformat()})
    centre.pump()
    told = await text(site(centre, role="night"))

    assert "今夜の滞在・派遣1件、ほかに対応中0件、申し送り1件" in told
    assert "R7-0001　" not in told
    assert "約束しないこと：帰る日" in told


async def test_a_promise_of_a_contract_that_is_over_names_who_is_to_keep_it(centre: Centre) -> None:
    """Who answers at that time; and beside it who promised."""
    back = {"by": at("2025-12-31 23:30").isoformat(), "who": "contractor"}
    centre.say("day", call("D", "2025-12-31 16:45", call_back=back))
    centre.pump()

    told = await text(site(centre, role="night"))
    assert "折り返しの約束：23:30まで　夜間受託事業者（旧受託事業者が約束）" in told


async def test_a_time_of_another_year_is_never_taken_for_tonights(centre: Centre) -> None:
    """Its year stands beside it wherever tonight's notes are read: the page, the text, the paper, what cannot wait."""
    slipped = {"medication_at": "2026-12-29T02:30:00+09:00", "safe_until": "2026-12-30T23:50:00+09:00"}
    back = {"by": "2026-12-30T20:00:00+09:00", "who": "day"}
    centre.say("day", call("D", "2025-12-31 16:45", **slipped, call_back=back))
    centre.say("day", call("E", "2025-12-31 16:46", safe_until="2024-12-31T23:50:00+09:00"))
    centre.pump()
    app = site(centre, role="night")
    page, read, paper = await ask(app), await text(app), await ask(app, "/tonight/notes.pdf")
    printed = "".join(each.extract_text() for each in PdfReader(BytesIO(paper.content)).pages)

    for where in ("".join(each.split()) for each in (words_on(page.text), read, printed)):
        for far in ("12月29日（火）02:30", "12月30日（水）23:50まで", "12月30日（水）20:00まで"):
            assert f"令和8年{far}" in where, far
        assert "23:50まで" not in where.replace("令和8年12月30日（水）23:50まで", "")


async def test_what_was_promised_and_not_done_is_shown_for_a_night(centre: Centre) -> None:
    """The night that should have rung back sees it all night, also what the day left; the next one is not bothered."""
    back = {"by": at("2025-12-31 14:30").isoformat(), "who": "day"}
    centre.say("day", call("D", "2025-12-31 16:45", call_back=back))
    centre.pump()
    centre.tick("2026-01-01 08:29")
    in_the_night = await text(site(centre, role="night"))
    centre.tick("2026-01-01 18:00")
    next_night = await text(site(centre, role="night"))

    assert "● 折り返しの約束：20:00まで　夜間受託事業者　03-0000-4321　時刻を過ぎています" in in_the_night
    assert "● 折り返しの約束：14:30まで　日中受託事業者　時刻を過ぎています" in in_the_night
    assert "折り返しの約束" not in next_night


async def test_a_call_that_handover_has_not_heard_of_is_shown(centre: Centre) -> None:
    """Handover stands still: what intake recorded since is read from its own log."""
    centre.say("night", call("N", "2025-12-31 18:00"))

    assert "R7-0004" in await text(site(centre, role="night"))


async def test_a_note_is_written_on_the_page(centre: Centre) -> None:
    """By the provider of the role, under the name with which they signed in; it shows at once, and on the history."""
    app = site(centre, role="night", name="架空 夜")
    page = await send(app, number="ｒ7-0002", promised="20時に電話", until="令和8年1月1日")
    event = [each for each in centre.events("handover") if isinstance(each, CaseNoted)][-1]

    assert "申し送りを記録しました（R7-0002）" in page.text
    assert "20時に電話" in words_on(page.text)
    assert "夜間受託事業者（架空 夜）・16:50 令和8年1月1日（木）の夜間まで" in words_on(page.text).replace("　", " ")
    assert (event.provider, str(event.until)) == ("night", "2026-01-01")


async def test_a_note_is_changed_on_the_page_of_the_case(centre: Centre) -> None:
    """The form has what stands; from there one comes back to it."""
    app = site(centre, role="day")
    form = (await ask(app, "/cases/R7-0001")).headers["location"]
    before = (await ask(app, form)).text
    after = await send(app, number="R7-0001", back="case", not_promise="費用")

    assert 'name="not_promise" rows="2" maxlength="1000" autocomplete="off">帰る日</textarea>' in before
    assert after.url.path.startswith("/cases/")
    assert "申し送りを記録しました（R7-0001）" in after.text
    assert ">費用</textarea>" in after.text


async def test_what_somebody_else_noted_meanwhile_is_shown_before_it_is_written_over(centre: Centre) -> None:
    """Both had the form open, here and on the case's own page: the later one is told, and decides."""
    for address in ("/tonight", (await ask(site(centre), "/cases/R7-0001")).headers["Location"]):
        night, day = site(centre, role="night"), site(centre, role="day")
        [seen, *_] = re.findall(r'name="seen" value="([^"]+)"', (await ask(night, address)).text)
        now = {"number": "R7-0001", "seen": seen}
        assert (await send(day, promised="18時に電話", **now)).status_code == 200
        refused = await send(night, note="夜のメモ", **now)
        off = await send(night, do="end", **now)
        events = sum(isinstance(each, CaseNoted) for each in centre.events("handover"))
        again = re.findall(r'name="seen" value="([^"]+)"', refused.text)
        taken = await send(night, number="R7-0001", note="夜のメモ", seen=next(s for s in again if s != seen))

        assert (refused.status_code, off.status_code, taken.status_code) == (409, 409, 200)
        assert "ほかの人が書きました（約束したこと：18時に電話）" in refused.text
        assert ">夜のメモ</textarea>" in refused.text
        assert sum(isinstance(each, CaseNoted) for each in centre.events("handover")) == events + 1


async def test_a_note_is_taken_off_and_stays_in_the_history(centre: Centre) -> None:
    """Its words go once more, as those of a note that held up to the night before."""
    page = await send(site(centre, role="night"), number="R7-0001", do="end")
    events = [each for each in centre.events("handover") if isinstance(each, CaseNoted)]

    assert "申し送りを今夜から外しました（R7-0001）" in page.text
    assert [str(each.until) for each in events] == ["None", "2025-12-30"]
    assert "帰る日" not in words_on(page.text)
    assert "R7-0001：申し送りを外した" not in words_on(page.text)  # It was the minute of the printing.


@pytest.mark.parametrize(
    ("form", "status", "word"),
    [
        ({"number": "R7-0001"}, 400, "一つ以上記入してください"),
        ({"number": "", "note": "母"}, 400, "受付番号を記入してください"),
        ({"number": "R7-9999", "note": "母"}, 404, "その受付番号のケースはありません"),
        ({"number": "R7-9999", "do": "end"}, 404, "その受付番号のケースはありません"),
        ({"number": "R7-0002", "do": "end"}, 404, "その受付番号のケースはありません"),
        ({"number": "R7-0001", "note": "母", "until": "いつか"}, 400, "一年以内の日付を入力してください"),
        ({"number": "R7-0001", "note": "母", "until": "9999-12-31"}, 400, "一年以内の日付を入力してください"),
        ({"number": "R7-0001", "note": "母", "until": "2025-12-30"}, 400, "今夜か、その後の日付を入力してください"),
        ({"number": "R7-0001", "note": "あ" * 1001}, 400, "1000字まで"),
    ],
)
async def test_a_form_that_cannot_be_used_comes_back_with_what_was_typed(
    centre: Centre, form: dict[str, str], status: int, word: str
) -> None:
    """And says why."""
    page = await send(site(centre, role="night"), **form)

    assert page.status_code == status
    assert word in page.text
    if typed := form.get("note"):
        assert f">{typed}</textarea>" in page.text


async def test_where_the_line_is_down_nothing_typed_is_lost(centre: Centre) -> None:
    """The form stands as it was; and what is only queued is said to be on its way."""
    app = site(centre, role="night")
    app.state.counter.closed = True
    down = await send(app, number="R7-0001", note="架空の申し送り")
    app.state.counter.closed, app.state.counter.slow = False, True
    slow = await send(app, number="R7-0001", note="架空の申し送り")

    assert (down.status_code, ">架空の申し送り</textarea>" in down.text) == (503, True)
    assert "申し送りを送りました。まもなく表示されます。" in slow.text


async def test_a_note_that_is_sent_twice_is_written_once(centre: Centre) -> None:
    """Where nobody knew whether it arrived, and pressed twice; from the case's own page as well."""
    app = site(centre, role="night")
    case = (await ask(app, "/cases/R7-0001")).headers["Location"]
    for address, back in (("/tonight", ""), (case, "case")):
        (key,) = keys_of((await ask(app, address)).text)
        note = {"number": "R7-0001", "note": f"架空の申し送り{back}", "back": back, "key": key}
        app.state.counter.lost = True
        unknown = await send(app, **note)
        app.state.counter.lost = False
        assert (unknown.status_code, keys_of(unknown.text)) == (503, {key})
        assert "届いたか分かりません。" in unknown.text
        assert note["note"] in unknown.text
        for _ in range(2):
            assert (await send(app, **note)).status_code == 200

    ids = [told["id"] for _, told in app.state.counter.sent]
    assert [ids.count(each) for each in dict.fromkeys(ids)] == [3, 3]


async def test_the_page_is_asked_again_only_for_what_changed(centre: Centre) -> None:
    """Nothing, as long as nothing changed but the clock."""
    app = site(centre, role="night")
    centre.tick("2025-12-31 17:05")  # The night has begun, and with it another's duty.
    version = re.findall(r'data-version="(\w+)"', (await ask(app)).text)[0]
    centre.tick("2025-12-31 17:30")
    same = await ask(app, f"/tonight?live={version}")
    centre.say("night", mother_rings())
    centre.pump()
    changed = await ask(app, f"/tonight?live={version}")

    assert (same.status_code, changed.status_code) == (204, 200)


async def test_while_the_telephone_rings_the_note_stands_beside_whoever_is_found(centre: Centre) -> None:
    """E's mother rings: her number finds E, and the note; so do E's own page and the card of the further contact."""
    app = site(centre, role="night")
    async with browser(app) as web:
        found = await web.post("/find?part=1&choose=1", data={"q": MOTHER}, headers=FROM_HERE)
    person = re.findall(r"/persons/([\w-]+)", found.text)[0]
    pages = [found.text, *[(await ask(app, each)).text for each in (f"/persons/{person}", "/calls/new?number=r7-0001")]]
    centre.say("night", mother_rings())
    centre.pump()
    pages.append((await ask(app, "/calls/R7-0001")).text)

    for page in pages:
        for word in NOTE.values():
            assert word in page
    assert "今夜の申し送りがあります" not in (await ask(app, "/calls/new")).text


async def test_beside_whoever_is_found_stands_only_what_holds(centre: Centre) -> None:
    """A case that was closed, or a note that held up to yesterday, is no longer a matter for who answers."""
    app = site(centre, role="night")
    centre.say("day", message("case.close", "2025-12-31 18:00", case="E"))
    centre.pump()
    async with browser(app) as web:
        found = await web.post("/find?part=1", data={"q": MOTHER}, headers=FROM_HERE)

    assert "架空 海" in found.text
    assert "帰る日" not in found.text


async def test_the_telephone_is_answered_where_handover_cannot_be_read(centre: Centre, tmp_path: Path) -> None:
    """The card and the finding go on without a note."""
    app = site(centre, role="night")
    with centre.engine("handover").begin() as connection:
        connection.exec_driver_sql("ALTER TABLE stored_events RENAME TO gone")
    async with browser(app) as web:
        found = await web.post("/find?part=1", data={"q": MOTHER}, headers=FROM_HERE)

    assert "架空 海" in found.text
    assert (await ask(app, "/calls/new?number=R7-0001")).status_code == 200
    assert (await ask(app)).status_code == 503


async def test_of_very_many_those_that_matter_are_shown(centre: Centre) -> None:
    """A hundred, those with a place or a note among them; and how many more are open."""
    for n in range(101):
        centre.say("day", call(f"M{n}", "2025-12-31 16:45"))
    centre.pump()
    told = await text(site(centre, role="night"))

    assert "ほかに対応中が3件あります。" in told
    assert told.count("\nR7-") == 100
    assert "帰る日" in told
    assert f"{EVENING[-5:]}発行" in told


async def test_a_further_contact_without_a_district_leaves_that_of_the_first(centre: Centre) -> None:
    """As in the tables and on the page of the case."""
    centre.say("day", call("N-1", "2025-12-31 10:00", district="kitazawa"))
    centre.say("day", call("N-1", "2025-12-31 11:00", district=None))
    centre.pump()
    number = centre.events()[-1].number
    told = await text(site(centre, role="night"))

    (began,) = re.findall(rf"{number}.*\n(.*)\n", told)
    assert "北沢" in began
    assert "不明" not in began


async def test_it_says_who_has_a_case_now(centre: Centre) -> None:
    """An offer that ran out is gone; the agency that accepted afterwards has the case; given back, nobody has it."""
    app, shown = site(centre, role="night"), "  関係機関への引継ぎ："
    centre.say("day", answer("withdraw", "o", "2025-12-31 17:00"))
    ends = at("2025-12-31 17:20").isoformat()
    centre.say("day", offer("late", "F", on="2025-12-31 17:10", to="たまがわ", answer_by=ends))
    centre.pump()
    version = (await ask(app)).text.partition('data-version="')[2].partition('"')[0]
    assert f"{shown}たまがわ（関係機関）　依頼中　17:10から\n" in await text(app)

    centre.tick("2025-12-31 17:21")
    assert "たまがわ" not in (await text(app)).partition("【対応中")[2]
    assert "引継ぎの依頼は期限切れ：たまがわ" in await text(app)
    assert (await ask(app, f"/tonight?live={version}")).status_code == 200

    centre.say("day", offer("next", "F", on="2025-12-31 17:25", to="あけぼの"))
    centre.say("day", answer("accept", "next", "2025-12-31 17:30"))
    centre.pump()
    told = await text(app)
    assert f"{shown}あけぼの（関係機関）　受諾　17:30\n" in told
    assert "引継ぎを受諾：あけぼの" in told
    assert "依頼中" not in told
    assert "あけぼの（関係機関） 受諾 17:30" in words_on((await ask(app)).text)

    centre.say("day", answer("return", "next", "2025-12-31 17:40"))
    centre.pump()
    assert shown not in await text(app)


async def test_it_says_who_has_what_was_merged_into_a_case(centre: Centre) -> None:
    """The agency accepted the one; it became a part of the other, which is open."""
    centre.say("day", answer("accept", "o", "2025-12-31 17:00"))
    centre.say("day", message("case.merge", "2025-12-31 17:05", case="F", into="E"))
    centre.pump()

    assert "架空相談支援事業所（関係機関）　受諾　17:00" in await text(site(centre, role="night"))


CANNOT_WAIT = "朝まで待てない相談（まだ応答なし）"


async def test_what_cannot_wait_stands_first_with_whom_to_ring(centre: Centre) -> None:
    """On the night's first page, in its menu and for the card: by when, who, the number, and when the next is rung."""
    centre.tick("2026-01-01 03:00")
    app = site(centre, role="night")
    before = (await ask(app)).text
    until = at("2026-01-01 03:05").isoformat()
    called = call("U", "2026-01-01 03:00", safe_until=until)
    centre.say("night", called)
    centre.pump()
    centre.tick("2026-01-01 03:01")
    page = (await ask(app)).text
    version = page.partition('data-version="')[2].partition('"')[0]
    first = "R7-0004：対応が必要な時刻 令和8年1月1日（木） 03:05まで。次の連絡先：閉庁時の連絡先（第一） 03-0000-0002"

    assert not [word for word in (CANNOT_WAIT, "急ぎ") if word in before]
    assert [word for word in (CANNOT_WAIT, "急ぎ1件") if word in page] == [CANNOT_WAIT, "急ぎ1件"]
    assert f"{first} 03:10までに応答がなければ、次の連絡先に替わります。" in words_on(page)
    assert [line.partition("　")[0] for line in (await ask(app, "/calls/R7-0004/urgent")).json()] == [first]
    assert (await ask(app, "/calls/R7-0002/urgent")).json() == []
    read, made = (await text(app)), (await ask(app, "/tonight/notes.pdf")).content
    printed = "".join("".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages).split())
    for where in ("".join(read.split()), printed):
        assert where.index("".join(f"{CANNOT_WAIT}1件".split())) < where.index("".join(first.split()))
        assert where.index("".join(first.split())) < where.index("対応中")
    english = await text(app, "?lang=en")
    assert "Cannot wait for the morning, and nobody answered: 1\nR7-0004: Safe until, by" in english

    centre.clock.now = at("2026-01-01 03:06")
    assert (await ask(app, f"/tonight?live={version}")).status_code == 200
    assert "● 時刻を過ぎています R7-0004" in words_on((await ask(app)).text)

    missed = {"what": "ward", "at": at("2026-01-01 03:06").isoformat(), "answered": False}
    centre.say("night", message("call.add", "2026-01-01 03:07", call=called["id"], danger=[missed]))
    centre.pump()
    assert "閉庁時の連絡先（第二） 03-0000-0003（連絡1回）" in words_on((await ask(app)).text)

    answered = missed | {"at": at("2026-01-01 03:08").isoformat(), "answered": True}
    centre.say("night", message("call.add", "2026-01-01 03:08", call=called["id"], danger=[answered]))
    centre.pump()
    assert CANNOT_WAIT not in (await ask(app)).text
