"""送付状・引継書 as page and PDF: addressed from the directory, checked by two, and a record of what became of it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pypdf
import pytest
from starlette.applications import Starlette

from services.pages import typesetting
from services.pages.terms import Terms
from services.pages.typesetting import NoPdf, typeset
from services.passings import one
from services.reporting import sheet_pages
from services.reporting.sheet import before_sending
from tests.desk_examples import LATER, NEXT_DAY, WARD, Centre, answer, arrange, call, cancel, message, offer, register
from tests.web_examples import browser, centre_in, keys_of, site

FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
SECTION = "kitazawa-section"
PERSON = {
    "name": "見本 髙子",
    "phone": "03-0000-0000",
    "contacts": [{"name": "見本 母", "relation": "母", "phone": "03-0000-0001"}],
    "words": "介護者が倒れ、明日の昼までに支える人が要る。",
}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A case that is offered to the section in Kitazawa, on a ground that the law gives; made up."""
    with centre_in(tmp_path) as found:
        told = call(personal=PERSON, reasons=["carer-ill"], safe_until="2025-05-15T13:00:00+09:00")
        found.say("day", {**told, "synthetic": True})
        found.pump()
        asked = offer(kind="section", to=SECTION, personal={"reason": "架空の理由", "purpose": "計画の見直し"})
        found.say("day", {**asked, "synthetic": True})
        found.pump()
        yield found


def own(centre: Centre) -> str:
    """The address of the sheet."""
    return f"/handovers/{centre.events('handover')[0].handover}/sheet"


async def get(app: Starlette, address: str) -> Any:
    async with browser(app) as web:
        return await web.get(address)


async def press(app: Starlette, address: str, **form: str) -> Any:
    async with browser(app) as web:
        sent = await web.post(address, data=form, headers=FROM_HERE)
        return await web.get(sent.headers["location"]) if sent.status_code == 303 else sent


def pages_in(page: str) -> str:
    """The number of pages that the form holds."""
    (found,) = re.findall(r'name="pages"[^>]* value="([^"]*)"', page)
    return str(found)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<.*?>", " ", page))


async def test_the_sheet_is_addressed_from_the_directory(centre: Centre) -> None:
    """Receiver, post and numbers are its own; the question that two people answer stands in the ward's words."""
    told = words((await get(site(centre, role="day"), own(centre))).text)
    assert "送付先：北沢保健福祉課 障害支援担当 御中" in told.replace("　", " ")
    assert "ファクス 03-0000-0021" in told
    question = "送付先：北沢保健福祉課 障害支援担当 御中（送付先名簿）。 内容と宛先を二人で確認しましたか。"
    assert question in told.replace("　", " ")
    assert "架空データ" in told
    for each in (
        "見本 髙子",
        "03-0000-0001",
        "介護者が倒れ",
        "計画の見直し",
        "介護者・支援者の疾病・事故",
        "5月15日（木） 13:00",
    ):
        assert each in told
    english = words((await get(site(centre, role="day"), own(centre) + "?lang=en")).text)
    assert "Have two people checked the content and the receiver?" in english


@pytest.mark.parametrize(
    ("contact", "question"),
    [
        ("見本 相子", "送付先：北沢保健福祉課 見本 相子様（送付先名簿）。"),
        ("相談係 見本 相子", "送付先：北沢保健福祉課 相談係 見本 相子様（送付先名簿）。"),
        ("計画相談係", "送付先：北沢保健福祉課 計画相談係 御中（送付先名簿）。"),
        (None, "送付先：北沢保健福祉課 御中（送付先名簿）。"),
    ],
)
async def test_a_person_is_written_to_as_a_person_and_an_office_as_an_office(
    centre: Centre, contact: str | None, question: str
) -> None:
    """〇〇様 where the directory names somebody, and 御中 for a post or an office."""
    passing = one(centre.engine("handover"), centre.events("handover")[0].handover)
    entry = next(each for each in WARD.agency if each.key == SECTION)
    assert passing is not None
    said = before_sending(passing, msgspec.structs.replace(entry, contact=contact), Terms(WARD, "ja"))
    assert said.replace("　", " ") == question


async def test_paper_that_went_out_before_a_change_is_said_to_be_old(centre: Centre) -> None:
    """On the hand-over's page and beside the sheet, in both languages, until a new sheet went out or they answered."""
    app = site(centre, role="day")
    page = own(centre).removesuffix("/sheet").replace("handovers", "agencies")
    form = {"do": "send", "by": "架空 花子", "checked_by": "架空 次郎", "how": "fax", "pages": "2"}

    async def hints() -> list[bool]:
        pages = [await get(app, address) for address in (page, own(centre))]
        assert [each.status_code for each in pages] == [200, 200]
        return ["送付後に変更があります。" in each.text for each in pages]

    assert await hints() == [False, False]
    await press(app, own(centre), **form)
    assert await hints() == [False, False]
    later = message("call.add", "2025-05-13 10:10", number="R7-0001", medication_at="2025-05-15T06:00:00+09:00")
    assert centre.say("day", later).status == "accepted"
    centre.pump()
    assert await hints() == [True, True]
    assert f'href="{own(centre)}">最新の書面</a>' in (await get(app, page)).text
    assert f'href="{own(centre)}.pdf">最新の書面</a>' in (await get(app, own(centre))).text
    assert "It was changed after it was sent." in (await get(app, page + "?lang=en")).text

    centre.clock.now += timedelta(minutes=1)
    await press(app, own(centre), **form)
    assert await hints() == [False, False]
    await press(app, own(centre), do="recall", sending="2", reason="misdialled")
    assert await hints() == [True, True]
    centre.say("day", answer("accept", on="2025-05-13 10:30"))
    centre.pump()
    assert await hints() == [False, False]


async def test_the_receiver_can_answer_and_sees_what_is_arranged(centre: Centre) -> None:
    """The sender's numbers stand on the cover; the bed that stands on the sheet, and what was given up nowhere."""
    bed = {"facility": "架空ショートステイ", "begins_at": "2025-05-13T16:00:00+09:00"}
    centre.say("day", arrange(**bed))
    centre.say("day", arrange("gone", kind="supporter", facility="架空の派遣元"))
    centre.say("day", cancel("gone"))
    centre.pump()
    app = site(centre, role="day")
    told = words((await get(app, own(centre))).text).replace("　", " ")
    cover, rest = told.split("引継書", 1)

    assert "差出人の電話 03-0000-0004" in cover
    assert "差出人のファクス 03-0000-0005" in cover
    assert "このまま 03-0000-0005 へ返信してください" in cover
    assert "架空ショートステイ" not in cover
    assert "短期入所施設 架空ショートステイ 開始 令和7年5月13日（火） 16:00" in rest
    assert "架空の派遣元" not in rest
    pdf = pypdf.PdfReader(io.BytesIO((await get(app, own(centre) + ".pdf")).content))
    assert "03-0000-0005" in pdf.pages[0].extract_text()


async def test_the_cover_of_the_pdf_names_nobody(centre: Centre) -> None:
    """A4; what is personal stands behind the cover; each page says 架空データ and which of how many it is."""
    answered = await get(site(centre, role="day"), own(centre) + ".pdf")
    assert answered.headers["content-type"] == "application/pdf"
    pdf = pypdf.PdfReader(io.BytesIO(answered.content))
    cover, *rest = [page.extract_text() for page in pdf.pages]
    assert [round(float(side)) for side in pdf.pages[0].mediabox[2:]] == [595, 842]
    assert "送付先：北沢保健福祉課" in cover.replace(" ", "")
    assert "03-0000-0021" in cover
    assert "R7-0001" in cover
    assert "髙子" not in cover
    assert len(rest) == 1
    for each in ("見本 髙子", "03-0000-0001", "計画の見直し"):
        assert each in rest[0]
    for n, text in enumerate([cover, *rest], 1):
        assert "架空データ" in text
        assert f"{n} / 2" in text
    assert re.search(r"枚数（送付状を含む）\s*2", cover)


async def test_a_long_story_takes_more_sheets_and_the_cover_counts_them(tmp_path: Path) -> None:
    """Nothing is cut off."""
    with centre_in(tmp_path) as centre:
        centre.say("day", call(personal={"name": "見本", "words": "長い話。" * 900 + "おわり"}))
        centre.pump()
        centre.say("day", offer(kind="section", to=SECTION))
        centre.pump()
        answered = await get(site(centre, role="day"), own(centre) + ".pdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answered.content)).pages]
    assert len(pages) > 3
    assert "おわり" in "".join(pages)
    assert re.search(rf"枚数（送付状を含む）\s*{len(pages)}", pages[0])


async def test_one_press_records_as_many_pages_as_go_out(tmp_path: Path) -> None:
    """The form holds the cover's own count, also after a fault elsewhere; each page under it has the 受付番号."""
    with centre_in(tmp_path) as centre:
        centre.say("day", call(personal={"name": "見本", "words": "長い話。" * 400}))
        centre.pump()
        centre.say("day", offer(kind="section", to=SECTION))
        centre.pump()
        app = site(centre, role="day")
        pdf = await get(app, own(centre) + ".pdf")
        filled = pages_in((await get(app, own(centre))).text)
        names = {"by": "架空 花子", "checked_by": "架空 次郎"}
        faulty = await press(app, own(centre), do="send", how="fax", pages="", **names)
        told = await press(app, own(centre), do="send", how="fax", pages=filled, **names)
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages]

    assert len(pages) == 3
    for n, text in enumerate(pages, 1):
        assert re.search(rf"受付番号\s*R7-0001\s*{n} / 3", text)
    assert (filled, pages_in(faulty.text)) == ("3", "3")
    assert "3枚" in words(told.text).split("送付の記録")[1]


async def test_markup_in_a_persons_words_stays_text(tmp_path: Path) -> None:
    """Neither HTML nor the typesetter's own language is read in them."""
    odd = '#panic("x") $x^2$ *b* <b>B</b> \\ " ` [ ] { } @a // c'
    with centre_in(tmp_path) as centre:
        centre.say("day", call(personal={"name": odd}))
        centre.pump()
        centre.say("day", offer(kind="section", to=SECTION))
        centre.pump()
        app = site(centre, role="day")
        answered, page = await get(app, own(centre) + ".pdf"), (await get(app, own(centre))).text
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answered.content)).pages)
    assert '#panic("x")' in text
    assert "<b>B</b>" not in page


async def test_sending_recalling_and_what_came_of_it_are_recorded(centre: Centre) -> None:
    """By two people; the page shows each sheet, when, to which number, and whether it came back."""
    app = site(centre, role="day", name="架空 花子")
    assert "まだ送付していません。" in (await get(app, own(centre))).text
    told = await press(app, own(centre), do="send", by="架空 花子", checked_by="架空 次郎", how="fax", pages="2")
    assert "送付を記録しました。" in told.text
    assert "03-0000-0021" in words(told.text).split("送付の記録")[1]
    told = await press(app, own(centre), do="recall", sending="1", reason="misdialled")
    assert "誤送信・回収：番号の押し間違い　回収・廃棄は未確認" in told.text
    told = await press(app, own(centre), do="recall", sending="1", reason="misdialled", collected="1")
    assert "回収・廃棄を確認済み" in told.text
    sent = [e for e in centre.events("handover") if e.name in ("handover.sent", "handover.recalled")]
    assert [(e.name, e.provider) for e in sent] == [("handover.sent", "day")] + [("handover.recalled", "day")] * 2


async def test_each_word_of_a_sheet_has_its_japanese(centre: Centre) -> None:
    """On the course of the case and on its own page: who looked at it as well, and why it was asked back."""
    app = site(centre, role="day")
    await press(app, own(centre), do="send", by="架空 花子", checked_by="架空 次郎", how="by-hand", pages="2")
    await press(app, own(centre), do="recall", sending="1", reason="other")
    course = words((await get(app, f"/cases/{centre.events('handover')[0].case}")).text)

    assert "内容と宛先を確認した方 架空 次郎" in course
    assert "理由 その他" in course
    assert "誤送信・回収：その他" in (await get(app, own(centre))).text


async def test_who_sent_it_is_one_of_us_and_the_hand_over_says_that_it_is_not_back(centre: Centre) -> None:
    """送付した方, on both histories, and never 先方の氏名; asked back, its own page says until when it is not."""
    app = site(centre, role="day", name="架空 花子")
    page = own(centre).removesuffix("/sheet").replace("handovers", "agencies")
    await press(app, own(centre), do="send", by="架空 花子", checked_by="架空 次郎", how="fax", pages="2")
    await press(app, own(centre), do="recall", sending="1", reason="misdialled")
    for address in (page, f"/cases/{centre.events('handover')[0].case}"):
        told = words((await get(app, address)).text)
        assert "送付した方 架空 花子" in told
        assert "記録した方 架空 花子" in told
        assert "先方の氏名 架空 花子" not in told

    assert "● 回収・廃棄は未確認" in (await get(app, page)).text
    await press(app, own(centre), do="recall", sending="1", reason="misdialled", collected="1")
    assert "● 回収・廃棄は未確認" not in (await get(app, page)).text


async def test_what_was_just_sent_is_shown_before_the_ledger_has_heard_of_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one presses again."""
    monkeypatch.setattr(centre, "pump", lambda: None)
    told = await press(
        site(centre, role="day"), own(centre), do="send", by="架空 花子", checked_by="架空 次郎", how="fax", pages="2"
    )

    assert "送付を記録しました。" in told.text
    assert "まだ送付していません。" not in told.text


async def test_a_sending_is_recorded_once(centre: Centre) -> None:
    """Pressed again, or sent again as nobody knew whether it arrived, it is no second sheet."""
    app = site(centre, role="day")
    (key,) = keys_of((await get(app, own(centre))).text)
    form = {"do": "send", "by": "架空 花子", "checked_by": "架空 次郎", "how": "fax", "pages": "3", "key": key}
    app.state.counter.lost = True
    unknown = await press(app, own(centre), **form)
    app.state.counter.lost = False
    assert (unknown.status_code, keys_of(unknown.text)) == (503, {key})
    assert "届いたか分かりません。" in unknown.text
    assert "記録できませんでした" not in unknown.text
    for _ in range(2):
        centre.clock.now += timedelta(minutes=1)
        assert "送付を記録しました。" in (await press(app, own(centre), **form)).text
    assert [e.name for e in centre.events("handover")].count("handover.sent") == 1


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"by": "架空 花子", "checked_by": "架空　花子"}, 400, "内容と宛先は二人で確認します"),
        ({"by": "", "checked_by": ""}, 400, "送付した方の氏名がありません"),
        ({"pages": "x"}, 400, "枚数（送付状を含む）：枚数として使えません"),
        ({"pages": "201"}, 400, "（受け付けられる内容：送付状を含めて1枚から200枚）"),
        ({"pages": "9999999999"}, 400, "枚数として使えません"),
        ({"how": "pigeon"}, 400, "方法：使える語ではありません（受け付けられる内容：ファクス、郵送、持参）"),
        ({"do": "recall", "reason": "misdialled", "sending": "1"}, 400, "送付されていません"),
        ({"do": "recall", "reason": "x", "sending": "1"}, 400, "番号の押し間違い、宛先の誤り、内容の誤り、その他"),
        ({"do": "burn"}, 404, ""),
        ({"do": ""}, 404, ""),
    ],
)
async def test_what_cannot_be_recorded_is_said_and_the_form_stays_filled(
    centre: Centre, form: dict[str, str], status: int, told: str
) -> None:
    """In words, with what would be accepted; nothing is lost of what was typed."""
    app = site(centre, role="day")
    given = {"do": "send", "by": "架空 花子", "checked_by": "架空 次郎", "how": "fax", "pages": "2"} | form
    answered = await press(app, own(centre), **given)
    assert (answered.status_code, app.state.counter.sent) == (status, [])
    assert told in answered.text
    if status == 400 and given["do"] == "send" and given["checked_by"]:
        assert given["checked_by"] in answered.text


@pytest.mark.parametrize(
    ("last", "word"),
    [("decline", "受諾不可"), ("withdraw", "取下げ"), ("expire", "期限切れ"), ("return", "差戻し")],
)
async def test_of_a_hand_over_that_is_over_there_is_no_sheet(centre: Centre, last: str, word: str) -> None:
    """It says which way and when; nothing of the person, no PDF, no sending; what was sent is still asked back."""
    form = {"do": "send", "by": "架空 花子", "checked_by": "架空 次郎", "how": "fax", "pages": "2"}
    await press(site(centre, role="day"), own(centre), **form)
    if last == "return":
        centre.say("day", answer("accept"))
    if last == "expire":
        centre.tick("2025-05-20 10:00")
    else:
        centre.say("day", answer(last, reason="staff"))
    centre.pump()
    app = site(centre, role="day", name="架空 花子")
    shown, pdf = await get(app, own(centre)), await get(app, own(centre) + ".pdf")
    sent = await press(app, own(centre), **form)

    assert (shown.status_code, pdf.status_code, sent.status_code) == (200, 410, 409)
    for page in (shown, pdf, sent):
        assert "この引継ぎは終わっています：" in page.text
        assert word in page.text
        for personal in ("髙子", "03-0000-0001", "介護者が倒れ", "計画の見直し"):
            assert personal not in page.text
        assert 'value="send"' not in page.text
    assert "This hand-over is over: " in (await get(app, own(centre) + "?lang=en")).text
    told = await press(app, own(centre), do="recall", sending="1", reason="misdialled", collected="1")
    assert "回収・廃棄を確認済み" in told.text
    assert [e.name for e in centre.events("handover")].count("handover.sent") == 1


async def test_a_consent_that_was_taken_back_stops_the_sheet(tmp_path: Path) -> None:
    """It says so, shows nothing of the person, and offers no form."""
    with centre_in(tmp_path) as centre:
        centre.say("day", register("P", personal={"name": "見本 髙子", "birth_date": "1985-04-30"}))
        centre.say("day", message("consent.give", "2025-05-02 10:00", person="P", to="北沢保健福祉課"))
        centre.say("day", call(person="P"))
        centre.pump()
        assert centre.say("day", offer(kind="section", to=SECTION, basis="consent")).status == "accepted"
        centre.pump()
        centre.say("day", arrange(facility="架空ショートステイ"))
        centre.pump()
        before = (await get(site(centre, role="day"), own(centre))).text
        centre.say("day", message("consent.withdraw", LATER, person="P", to="北沢保健福祉課"))
        centre.pump()
        after = (await get(site(centre, role="day"), own(centre))).text
        pdf = await get(site(centre, role="day"), own(centre) + ".pdf")
    assert (pdf.status_code, "送付しないでください。" in pdf.text) == (409, True)
    assert "見本 髙子" in before
    assert "架空ショートステイ" in before
    assert "架空ショートステイ" not in after
    assert re.search(r"昭和60年4月30日", before)
    assert "本人の同意が取り下げられています。送付しないでください。" in after
    assert "見本 髙子" not in after
    assert 'value="send"' not in after


async def test_only_who_sees_persons_finds_it(centre: Centre) -> None:
    """For others, and under any other address, there is no such page."""
    for role in ("ward", "auditor"):
        for address in (own(centre), own(centre) + ".pdf"):
            assert (await get(site(centre, role=role), address)).status_code == 404
    app = site(centre, role="day")
    for odd in ("x", "%00", "00000000-0000-0000-0000-000000000000", "🙂", "a" * 5000):
        for more in ("", ".pdf"):
            assert (await get(app, f"/handovers/{odd}/sheet{more}")).status_code == 404


async def test_who_is_in_no_directory_gets_no_fax(tmp_path: Path) -> None:
    """The page says so and does not offer it."""
    with centre_in(tmp_path) as centre:
        centre.say("day", call(personal=PERSON))
        centre.pump()
        centre.say("day", offer(to="架空相談室", on=NEXT_DAY))
        centre.pump()
        told = (await get(site(centre, role="day"), own(centre))).text
    assert "送付先：架空相談室 御中" in told.replace("　", " ")
    assert "ファクスでは送付できません" in told
    assert '<option value="fax"' not in told


async def test_where_no_pdf_can_be_made_the_page_is_there(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, with 503, and can be printed; how many pages that takes is for whoever prints to say."""

    def fails(*_: object) -> bytes:
        raise NoPdf("typesetting ended with 1")

    monkeypatch.setattr(sheet_pages, "typeset", fails)
    monkeypatch.setattr(sheet_pages, "page_count", fails)
    answered = await get(site(centre, role="day"), own(centre) + ".pdf")
    assert answered.status_code == 503
    assert "PDFを作れませんでした。" in answered.text
    assert pages_in(answered.text) == ""
    assert "見本 髙子" in answered.text


def test_a_template_that_is_none_says_nothing_of_what_stands_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the error nor on the way; and what takes too long is ended."""
    broken = tmp_path / "broken.typ"
    broken.write_text("#let x = (")
    with pytest.raises(NoPdf) as told:
        typeset(broken, msgspec.json.encode({"name": "見本"}))
    assert "見本" not in str(told.value)
    monkeypatch.setattr(typesetting, "PATIENCE", 0.01)
    with pytest.raises(NoPdf, match="TimeoutExpired"):
        typeset(broken, b"{}")
