"""The pages as coordinators, the ward and auditors meet them, over a real ledger on SQLite."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from events import known_events
from services.clock import random_id
from services.pages.shield import HEADERS
from services.pages.terms import Language, Terms
from services.pages.words import EVENTS, FIELDS, SCREEN
from services.reporting.inquiry import Step
from services.reporting.pages.course import name_of
from services.reporting.published import PublishedError, load
from services.reporting.report import shown
from services.reporting.tables import REPORTS
from services.settings import SERVICES
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    WARD,
    Centre,
    answer,
    arrange,
    at,
    call,
    close,
    contact,
    correct,
    merge,
    offer,
    register,
)
from tests.desk_examples import message as message_of
from tests.test_house import tracked
from tests.web_examples import (
    PUBLISHED,
    browser,
    centre_in,
    links_of,
    site,
    tables_of,
    tell_published_history,
)

ADDRESSES = ("/", "/tables/calls", "/tables/calls/cell?row=day&column=other", "/status", "/cases/none", "/nowhere")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """The ledger of the history behind the published tables."""
    with centre_in(tmp_path_factory.mktemp("history")) as centre:
        tell_published_history(centre)
        yield centre


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A centre to which nothing was said yet but its ward's file."""
    with centre_in(tmp_path) as running:
        running.pump()
        yield running


async def page(centre: Centre, address: str, published: Path | None = None) -> httpx.Response:
    """One answer of the pages."""
    async with browser(site(centre, published)) as web:
        return await web.get(address)


def said(centre: Centre, *messages: dict[str, Any]) -> None:
    """Messages of the day provider, carried to everybody."""
    for message in messages:
        centre.say("day", message)
        centre.pump()


async def course_of(centre: Centre, number: str = "R7-0001", language: str = "ja") -> str:
    """The history under a reference number."""
    async with browser(site(centre)) as web:
        answered = await web.get(f"/cases/{number}?lang={language}", follow_redirects=True)
    assert answered.status_code == 200
    return answered.text


async def test_every_published_figure_stands_beside_the_computed_one(history: Centre) -> None:
    """Cell by cell, all equal, each with the sign that says so; one sentence sums them up."""
    answered = await page(history, "/", PUBLISHED)
    shown_tables = tables_of(answered.text)

    assert "公表された表の100個の数値すべてが一致しています。" in answered.text
    assert answered.text.count(f'title="{SCREEN["equal"].ja}"') == 100
    for table in load(PUBLISHED):
        rows = next(rows for name, rows in shown_tables.items() if name.endswith(table.title.ja) and _is(table, rows))
        cells = [cell for row in rows for cell in row if "＝" in cell]
        assert cells == [f"{shown(v)}＝ {shown(v)}" for values in table.rows.values() for v in values]


def _is(table: Any, rows: list[list[str]]) -> bool:
    """Whether a shown table is this published one: as many figures beside its own."""
    printed = [shown(value) for values in table.rows.values() for value in values]
    return [cell.partition("＝")[0] for row in rows for cell in row if "＝" in cell] == printed


async def test_a_figure_that_differs_says_so_in_words(history: Centre, tmp_path: Path) -> None:
    """Not by colour: 「相違：公表 8」, and how many at the top."""
    printed = tmp_path / "published.toml"
    printed.write_text(PUBLISHED.read_text().replace("[0, 8, 4, 1, 1, 1, 15]", "[0, 9, 4, 1, 1, 1, 16]"))

    answered = (await page(history, "/", printed)).text

    assert "公表された表の100個の数値のうち2個が相違しています。" in answered
    assert "8相違：公表 9" in tables_of(answered)["地域別相談件数 令和5年1月26日現在"][1]


async def test_a_printed_column_that_is_not_computed_is_listed(history: Centre, tmp_path: Path) -> None:
    """A figure of a district that the ward does not have must not vanish."""
    printed = tmp_path / "published.toml"
    printed.write_text(PUBLISHED.read_text().replace('"karasuyama", "total"]', '"atlantis", "total"]', 1))

    assert "registrants / atlantis: 計算した表にない欄（公表 0）" in (await page(history, "/", printed)).text


async def test_published_figures_that_cannot_be_read_are_told_at_the_start(history: Centre, tmp_path: Path) -> None:
    """Before anybody opens a page."""
    (tmp_path / "published.toml").write_text("nothing = 1")

    with pytest.raises(PublishedError):
        site(history, tmp_path / "published.toml")


async def test_without_published_figures_all_tables_show_all_years(history: Centre) -> None:
    """From the year in which registration opened to the newest."""
    answered = tables_of((await page(history, "/")).text)

    assert len(answered) == len(REPORTS)
    assert answered["時間帯・対応別相談件数 令和4年度～令和5年度"][-1] == ["合計", "5", "3", "3", "1", "26", "11", "49"]


async def test_every_figure_opens_to_as_many_consultations(history: Centre) -> None:
    """Each cell of the table by band and outcome, totals included; 0 opens nothing."""
    async with browser(site(history)) as web:
        table = (await web.get("/tables/calls?fy=2022-2023")).text
        links = links_of(table)
        behind = [len(links_of((await web.get(link)).text)) for link in links]
    figures = [
        int(cell)
        for row in tables_of(table)["時間帯・対応別相談件数 令和4年度～令和5年度"]
        for cell in row[-7:]
        if cell.isdigit()
    ]

    assert behind == [figure for figure in figures if figure]


async def test_every_share_opens_to_the_persons_of_its_count(history: Centre) -> None:
    """As of the day of the table, and the page says why the number differs."""
    cell = "/tables/ages/cell?row=50s&column=percent&as_of=2023-01-26"
    answered = (await page(history, cell)).text

    assert "12.0" in answered
    assert SCREEN["share_of"].ja in answered
    assert len(links_of(answered)) == 13
    assert {row[3] for row in tables_of(answered)[""][1:]} == {"50代"}


async def test_from_a_figure_to_its_cases_to_their_events(centre: Centre) -> None:
    """The night call that became a short stay on the next day (Rules 5 and 13)."""
    said(centre, call(on=NIGHT), arrange(facility="短期入所やすらぎ"), close())
    async with browser(site(centre)) as web:
        table = (await web.get("/tables/calls?fy=2025")).text
        cell = (await web.get(links_of(table)[0])).text
        history = (await web.get(links_of(cell)[0])).text

    assert tables_of(cell)[""][1] == ["R7-0001", "令和7年5月12日（月） 22:10", "夜間", "北沢", "短期入所施設"]
    assert [re.sub(r"<.*?>", "", name) for name in re.findall(r"<h2>(.*?)</h2>", history)[1:]] == [
        "相談を受けた 第一報",
        "調整済み：短期入所施設",
        "終結した",
    ]
    assert "短期入所やすらぎ" in history


async def test_a_history_tells_both_clocks_and_the_source_message(centre: Centre) -> None:
    """受付日時, 記録日時, when the ledger learned it, and whose message it was."""
    said(centre, call(on=NIGHT, id="c-17"))
    history = await course_of(centre)

    for told in ("受付日時", "記録日時", "令和7年5月12日（月） 22:10", "2件目", "日中受託事業者　adapter　#c-17"):
        assert told in history


async def test_what_fell_due_names_no_key(centre: Centre) -> None:
    """An offer that nobody answered expired by itself; the deadline's own name is the record's matter."""
    said(centre, call(), offer())
    centre.tick("2025-05-16 10:00")

    assert "期限が来たとき（自動）" in (text := await course_of(centre))
    assert "deadline:" not in text
    assert "As it fell due (by itself)" in await course_of(centre, language="en")


async def test_a_reference_number_leads_to_the_case(centre: Centre) -> None:
    """Read out on the phone, in any width; the address that remains is the id's, in the same language."""
    said(centre, call())
    answered = await page(centre, "/cases/ｒ７-0001?lang=en")

    assert answered.status_code == 302
    assert re.fullmatch(r"/cases/[0-9a-f-]{36}\?lang=en", answered.headers["Location"])


async def test_a_history_tells_what_each_event_changed(centre: Centre) -> None:
    """In the ward's words: その他(相談) → 短期入所施設."""
    said(centre, call(), arrange())
    changes = tables_of((await course_of(centre)).replace("変わったこと", "", 1))["変わったこと"]

    assert changes[-1] == ["対応", "その他(相談)", "→", "短期入所施設"]


async def test_a_first_event_comes_from_nothing(centre: Centre) -> None:
    """The district was not 不明 before there was a call."""
    said(centre, call())

    assert ["地域", "", "", "北沢"] in tables_of(await course_of(centre))["変わったこと"]


async def test_contacts_are_first_further_or_not_counted(centre: Centre) -> None:
    """第一報 is the earliest as corrected, whatever came first."""
    later, earlier = call(on=NIGHT), call(on=NOON)
    said(centre, later, earlier, call(on=LATER))
    said(centre, correct(later, occurred_at="2025-05-12T11:00:00+09:00"))

    marks = re.findall(r'class="mark">(.*?)<', await course_of(centre))

    assert marks == ["続報", "第一報", "続報"]  # By the times first told; the second was corrected to 11:00.


def stands_on(page: str) -> str:
    """Where a history says it stands now, in one run."""
    return re.sub(r"<.*?>|\s", "", re.findall(r'<section class="stands".*?</section>', page, re.DOTALL)[0])


async def test_which_hand_over_is_always_said(centre: Centre) -> None:
    """引継ぎ alone says nothing: the morning's or an agency's, which agency's, and what became of it."""
    said(centre, call(), offer("m", kind="morning"), answer("accept", "m"), offer("a"), answer("decline", "a"))
    names = re.findall(r"<h2>(.*?)</h2>", await course_of(centre))

    assert names[-4:] == [
        "朝の引継ぎ：依頼中",
        "関係機関への引継ぎ：依頼中：ぽーと",
        "朝の引継ぎ：受諾",
        "関係機関への引継ぎ：受諾不可：ぽーと",
    ]


async def test_in_whose_charge_a_case_is_stands_at_its_head(centre: Centre) -> None:
    """The day's own call is the day provider's, until an agency has accepted."""
    said(centre, call())
    assert stands_on(await course_of(centre)).endswith("担当日中受託事業者")

    said(centre, offer(), answer("accept"))
    assert stands_on(await course_of(centre)).endswith("担当ぽーと")


async def test_the_registrant_whom_a_case_is_about_stands_at_its_head(tmp_path: Path) -> None:
    """By name, and with the way to what to know first, for those who see persons; for others, that there is one."""
    link: dict[str, Any] = {"call": "first", "matched": ["kana", "phone"]}
    with centre_in(tmp_path) as centre:
        person = centre.say("day", register("P", personal={"name": "架空 花子"})).person[0]
        centre.say("night", call("A", NIGHT, id="first"))
        strange = [await head_for(role, centre) for role in ("night", "ward")]
        centre.say("night", message_of("call.link", LATER, person_id=person, **link))
        linked = [await head_for(role, centre) for role in ("night", "ward")]
        centre.say("night", message_of("call.unlink", LATER, call="first"))
        unlinked = [await head_for(role, centre) for role in ("night", "ward")]

    assert [("架空花子" in page, "登録あり" in page) for page in linked] == [(True, True), (False, True)]
    assert [("架空花子" in page, "登録あり" in page) for page in strange + unlinked] == [(False, False)] * 4


async def head_for(role: str, centre: Centre) -> str:
    """Where the first case stands, as somebody with this role reads it."""
    centre.pump()
    async with browser(site(centre, role=role)) as web:
        return stands_on((await web.get("/cases/R7-0001", follow_redirects=True)).text)


async def test_a_merged_registrant_is_named_by_the_record_that_stands(tmp_path: Path) -> None:
    """The history is of a call about the one; who opens it is led to the other."""
    with centre_in(tmp_path) as centre:
        for ref in ("P", "Q"):
            centre.say("day", register(ref, personal={"name": f"架空 {ref}"}))
        centre.say("day", call("A", LATER, person="P"))
        centre.say("day", message_of("person.merge", NEXT_DAY, person="P", into="Q"))
        page = await head_for("day", centre)

    assert "架空Q" in page
    assert "架空P" not in page


async def test_a_history_is_shown_where_handover_cannot_be_read(centre: Centre) -> None:
    """Without who is in charge."""
    said(centre, call())
    with centre.engine("handover").begin() as connection:
        connection.execute(sa.text("DROP TABLE cases"))

    assert "担当" not in stands_on(await course_of(centre))


@pytest.mark.parametrize(
    ("giver", "to", "because", "language", "name"),
    [
        ("contractor", "night", "contract", "ja", "担当が替わった：旧受託事業者 → 夜間受託事業者（契約の終了）"),
        (
            "night",
            "day",
            "acknowledged",
            "ja",
            "担当が替わった：夜間受託事業者 → 日中受託事業者（引継書の項目を受領済み）",
        ),
        (
            "night",
            "day",
            "acknowledged",
            "en",
            "Passed into another's charge: Night provider → Day provider (Its item was acknowledged)",
        ),
    ],
)
def test_who_was_in_charge_and_who_is_now_stands_in_the_headline(
    giver: str, to: str, because: str, language: Language, name: str
) -> None:
    """From whom to whom, and why, without opening anything."""
    passed: dict[str, Any] = {"case": "C", "giver": giver, "to": to, "because": because}
    now = at("2025-04-01 00:00")
    step = Step(
        occurred_at=now,
        recorded_at=now,
        ledgered_at=now,
        position=1,
        service_position=1,
        service="handover",
        event="case.passed",
        id="p",
        cause="deadline:x",
        message=None,
        synthetic=True,
        data=passed,
        changes=[],
    )

    assert name_of(step, {}, Terms(WARD, language)) == name


async def test_where_a_case_stands_is_what_was_learned_last(centre: Centre) -> None:
    """A call of noon that was told after the bed of the evening: 短期入所施設 stands, and the day's band."""
    said(centre, call(on=NIGHT), arrange(), call(on=NOON))
    summary = stands_on(await course_of(centre))

    assert "時間帯日中" in summary
    assert "対応短期入所施設" in summary


async def test_a_merged_case_leads_to_the_one_that_counts(centre: Centre) -> None:
    """Two callers about one matter: the part says where it went."""
    said(centre, call("A"), call("B", on=NIGHT), merge("B", into="A"))
    history = await course_of(centre, "R7-0002")
    whole = re.findall(r'<dt>まとめた先</dt><dd>\s*<a href="(.*?)"', history)[0]

    assert ">R7-0001<" in (await page(centre, whole)).text


async def test_a_persons_registration_has_a_history_too(centre: Centre) -> None:
    """The district and the day, and no name."""
    said(centre, register(personal={"name": "山田花子", "birth_date": "1985-04-30"}))
    async with browser(site(centre)) as web:
        cell = (await web.get("/tables/registrations/cell?row=registrants&column=total")).text
        history = (await web.get(links_of(cell)[0])).text

    assert tables_of(cell)[""][1][1:] == ["令和7年5月1日（木）", "砧", "40代", "身体"]
    assert "利用登録の経過" in history


async def test_registrants_of_one_import_are_told_apart_by_their_symbols(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """登録者の記号 differs for each, though all came within a second, and heads that person's own page."""
    monkeypatch.setattr(centre.desk().journal, "new_id", random_id)
    said(centre, *(register(f"P{n}") for n in range(14)))
    async with browser(site(centre)) as web:
        cell = (await web.get("/tables/registrations/cell?row=registrants&column=total")).text
        symbols = [row[0] for row in tables_of(cell)[""][1:]]
        pages = [(await web.get(link)).text for link in links_of(cell)]

    assert (len(symbols), len(set(symbols))) == (14, 14)
    assert all(f">{symbol}</span></h1>" in page for symbol, page in zip(symbols, pages, strict=True))


async def test_what_is_personal_stays_sealed(centre: Centre) -> None:
    """The name is in the ledger, sealed; a page shows that there is something, and not what."""
    said(centre, call(personal={"name": "山田花子", "notes": "腰痛"}))
    history = await course_of(centre)

    assert SCREEN["sealed"].ja in history
    assert "山田" not in history
    assert not re.search(r"[A-Za-z0-9+/]{40,}={0,2}", re.sub(r"[0-9a-f-]{36,64}", "", history))


async def test_a_silent_call_is_not_a_case(centre: Centre) -> None:
    """件数外, under the contact's own number; it stands in no table."""
    said(centre, contact(not_counted="silent"))
    history = await course_of(centre)

    assert "件数外（無言）" in history
    assert "対応の状況" in history


async def test_why_a_case_is_not_counted_stands_at_its_head(centre: Centre) -> None:
    """Who was put on a card by mistake is no closed case among others."""
    wrong = call("A")
    said(centre, wrong, correct(wrong, not_counted="mistaken"))
    head = (await course_of(centre)).partition('<ol class="course">')[0]

    assert "件数外（誤記入（取り消し））" in head


async def test_what_somebody_typed_is_never_markup(centre: Centre) -> None:
    """A facility named like a script, and a query like one, are shown as they are."""
    said(centre, call(), arrange(facility="<script>alert(1)</script>"))
    wicked = "/tables/calls?fy=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    history, form = await course_of(centre), (await page(centre, wicked)).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in history
    assert "&#34;&gt;&lt;script&gt;" in form
    assert "<script" not in history + form


@pytest.mark.parametrize(
    ("query", "accepted"),
    [
        ("fy=soon", "令和4年度～令和5年度"),
        ("fy=9999", "令和4年度～令和5年度"),
        ("as_of=2023-02-30", "令和5年1月26日"),
        ("as_of=9999-12-31", "令和5年1月26日"),
        ("known_at=yesterday", "2023-01-26 17:00"),
        ("known_at=2023-01-26 25:00", "2023-01-26 17:00"),
        ("known_at=99", "1件目から2件目まで"),
        ("known_at=0", "1件目から2件目まで"),
        ("known_at=2020-01-01", "令和7年5月12日（月） 12:00に始まっています"),
        ("since=yesterday", "差をみる時点は"),
        ("since=99", "1件目から2件目まで"),
    ],
)
async def test_what_cannot_be_used_is_answered_with_what_can(centre: Centre, query: str, accepted: str) -> None:
    """400, what is accepted in plain words, and what was typed still in its field; in a cell's page too."""
    said(centre, call())
    for address in ("/tables/calls?", "/tables/calls/cell?row=day&column=other&"):
        answered = await page(centre, address + query)

        assert answered.status_code == 400
        assert accepted in answered.text
        assert f'value="{query.partition("=")[2]}"' in answered.text


@pytest.mark.parametrize("field", ["fy", "as_of", "known_at", "since"])
@pytest.mark.parametrize(
    "text", ["", "%00", "0001-01-01", "-1", "9" * 5000, "２０２３", "明治0年", "2023-01-26T24:61", "٣"]
)
async def test_no_query_is_too_odd(centre: Centre, field: str, text: str) -> None:
    """A page or a plain answer, never an error of ours."""
    said(centre, call())

    assert (await page(centre, f"/tables/calls?{field}={text}")).status_code in (200, 400)


@pytest.mark.parametrize(
    ("text", "figure"),
    [("2", "1"), ("2025-05-12", "1"), ("令和7年5月12日 12:00", "1"), ("3", "2"), ("2025-05-13T12:00+09:00", "2")],
)
async def test_a_cut_off_is_a_position_or_a_time(centre: Centre, text: str, figure: str) -> None:
    """A day means its end, a minute all of it; the table says up to which record it goes."""
    said(centre, call("A"), call("B", on=NEXT_DAY))
    async with browser(site(centre)) as web:
        table = (await web.get("/tables/calls", params={"fy": "2025", "known_at": text})).text

    assert tables_of(table)["時間帯・対応別相談件数 令和7年度"][-1][-1] == figure
    assert f"記録原簿 {int(figure) + 1}件目まで" in table


async def test_a_difference_stands_under_the_table_with_its_reason(centre: Centre) -> None:
    """公表時 1, 現在 2, and the call that was heard meanwhile; a later state than the one shown is refused."""
    said(centre, call("A"), call("B", on=NEXT_DAY))
    async with browser(site(centre)) as web:
        asked = {"fy": "2025", "since": "2"}
        table = (await web.get("/tables/calls", params=asked)).text
        english = (await web.get("/tables/calls", params=asked | {"lang": "en"})).text
        same = (await web.get("/tables/calls", params={"fy": "2025", "since": "3"})).text
        later = await web.get("/tables/calls", params={"fy": "2025", "since": "3", "known_at": "2"})

    told = " ".join(re.sub(r"<[^>]*>", " ", table.partition('id="difference"')[2]).split())
    assert "公表時：把握時点：" in told
    assert "合計 1 2 +1" in told
    assert "R7-0002" in told
    assert "受付日時：令和7年5月13日（火）" in told
    assert "Then" in english
    assert "差はありません。" in same
    assert later.status_code == 400
    assert "把握時点より前にしてください" in later.text


async def test_an_old_figure_opens_to_what_stood_behind_it_then(centre: Centre) -> None:
    """As of the 12th it was advice only; the short stay came on the 13th."""
    said(centre, call(), arrange())
    cell = "/tables/calls/cell?row=day&column=total"

    assert tables_of((await page(centre, f"{cell}&as_of=2025-05-12")).text)[""][1][-1] == "その他(相談)"
    assert tables_of((await page(centre, cell)).text)[""][1][-1] == "短期入所施設"


@pytest.mark.parametrize(
    "address", ["/tables/nothing", "/tables/calls/cell?row=x&column=y", "/nowhere", "/static/none"]
)
async def test_a_page_that_is_not_there_says_so_in_both_languages(centre: Centre, address: str) -> None:
    """In the same frame."""
    answered = await page(centre, address)

    assert answered.status_code == 404
    assert "該当する記録はありません。" in answered.text
    assert "There is no such record." in answered.text
    assert "緊急時バックアップセンター" in answered.text


@pytest.mark.parametrize("about", ["R9-9999", "%00", "x" * 5000, "%F0%9F%98%80"])
async def test_a_record_that_is_not_there_says_so(centre: Centre, about: str) -> None:
    """「該当する記録はありません。」, whatever was asked for."""
    answered = await page(centre, f"/cases/{about}")

    assert answered.status_code == 404
    assert "該当する" in answered.text


async def test_what_can_be_no_id_never_reaches_the_database(centre: Centre) -> None:
    """PostgreSQL takes no NUL in a text; the page says 404, whatever the database."""
    asked: list[str] = []
    app = site(centre)
    sa.event.listen(centre.ledger.journal.engine, "before_cursor_execute", lambda *args: asked.append(repr(args[3])))
    async with browser(app) as web:
        assert (await web.get("/cases/a%00b")).status_code == 404

    assert not [parameters for parameters in asked if "x00" in parameters]


async def test_synthetic_data_is_said_on_every_page(history: Centre) -> None:
    """In the head, in both languages, and in print."""
    for address in ADDRESSES:
        assert '<p class="synthetic"' in (await page(history, address)).text
    assert "Synthetic data" in (await page(history, "/?lang=en")).text
    assert re.search(
        r"@media print \{[^@]*\.synthetic \{ display: block", (await page(history, "/static/pages.css")).text
    )


async def test_a_real_ledger_is_not_called_synthetic(centre: Centre) -> None:
    """No badge where nothing was made up."""
    said(centre, call())

    for address in ADDRESSES:
        assert "架空データ" not in (await page(centre, address)).text


async def test_english_pages_have_no_japanese_but_the_switch(history: Centre) -> None:
    """Words, dates and the language of the page; names that a sender gave stay as they are."""
    for address in (
        "/?lang=en",
        "/tables/calls?lang=en",
        "/tables/calls/cell?lang=en&row=day&column=total",
        "/status?lang=en",
    ):
        answered = (await page(history, address, PUBLISHED)).text

        assert '<html lang="en">' in answered
        assert not re.search(r"[ぁ-んァ-ヶ一-龠]", answered.replace("日本語", ""))
    assert "Sat 8 October 2022 " in (await page(history, "/tables/calls/cell?lang=en&row=day&column=total")).text


async def test_the_switch_keeps_what_was_asked_for_and_links_keep_the_language(centre: Centre) -> None:
    """English and back, with the rest of the query."""
    said(centre, call())
    japanese = (await page(centre, "/tables/calls?fy=2025&as_of=R7.5.31")).text
    english = (await page(centre, "/tables/calls?fy=2025&as_of=R7.5.31&lang=en")).text

    assert 'href="?fy=2025&amp;as_of=R7.5.31&amp;lang=en"' in japanese
    assert 'href="?fy=2025&amp;as_of=R7.5.31"' in english
    assert all("lang=en" in link for link in links_of(english))


async def test_the_ledgers_end_stands_under_every_page(centre: Centre) -> None:
    """Its position, and enough of its root to compare."""
    said(centre, call())
    position, root = centre.inquiry.end()

    for address in ADDRESSES:
        answered = (await page(centre, address)).text
        assert f"記録原簿 {position}件目まで・検証値" in answered
        assert f'title="{root}">{root[:8]}…' in answered


async def test_the_status_says_how_many_events_of_each_service_the_ledger_holds(history: Centre) -> None:
    """正常, and the numbers of the journals themselves."""
    answered = (await page(history, "/status")).text
    counts = [f"{history.desk(service).journal.head}件" for service in ("intake", "placement", "handover")]

    assert "正常" in answered
    assert [row[1] for row in tables_of(answered)["受け取った記録"][1:]] == counts


async def test_a_ledger_that_heard_nothing_says_so(tmp_path: Path) -> None:
    """No ward, no table: every page still opens, and the service is not ready."""
    with centre_in(tmp_path, ward=None) as silent:
        assert "記録はまだありません。" in (await page(silent, "/")).text
        assert "記録はまだありません。" in (await page(silent, "/tables/calls?as_of=2025-05-12")).text
        assert "遅れあり" in (await page(silent, "/status")).text
        assert (await page(silent, "/tables/calls?known_at=1")).status_code == 400
        assert (await page(silent, "/readyz")).json()["ready"] is False


async def test_ready_means_the_database_and_the_wards_rules(centre: Centre) -> None:
    """And says up to where."""
    answered = await page(centre, "/readyz")

    assert (answered.status_code, answered.json()["position"]) == (200, 1)


async def test_without_the_database_pages_ask_for_patience(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in the ward's frame, not ready, yet alive; no word of the machine room."""
    app = site(centre, PUBLISHED)

    def gone(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT secret", None, Exception("disk"))

    monkeypatch.setattr(centre.ledger.journal.engine, "connect", gone)
    async with browser(app) as web:
        opened, missing, ready, alive = [await web.get(a) for a in ("/", "/nowhere", "/readyz", "/healthz")]

    assert [each.status_code for each in (opened, missing, ready, alive)] == [503, 503, 503, 200]
    assert [one["code"] for one in ready.json()["degraded"]] == ["database-missing"]
    assert "ただいま表示できません。" in opened.text
    assert "secret" not in opened.text + ready.text


@pytest.mark.parametrize("address", [*ADDRESSES, "/healthz", "/readyz", "/static/pages.css", "/tables/calls?fy=x"])
async def test_every_answer_carries_the_headers(centre: Centre, address: str) -> None:
    """Errors and style sheets too; pages stay in no cache."""
    answered = await page(centre, address)

    assert {name: answered.headers.get(name) for name in HEADERS} == HEADERS
    assert (answered.headers.get("Cache-Control") == "no-store") is (not address.startswith("/static"))


@pytest.mark.parametrize(
    "home", ["http://attacker.example", "http://127.0.0.1.attacker.example", "http://10.0.0.1:18222"]
)
async def test_another_hosts_name_gets_nothing(centre: Centre, home: str) -> None:
    """A page on the web that gives our address a name of its own reads nothing."""
    async with browser(site(centre), home) as web:
        answered = await web.get("/")

    assert answered.status_code == 400
    assert "世田谷" not in answered.text
    assert answered.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "home", ["http://localhost:18222", "http://127.0.0.1:1", "http://[::1]:18222", "http://LOCALHOST"]
)
async def test_our_own_names_are_answered(centre: Centre, home: str) -> None:
    """Loopback, under any port."""
    async with browser(site(centre), home) as web:
        assert (await web.get("/")).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_the_pages_are_for_reading(centre: Centre, method: str) -> None:
    """GET and HEAD, and forms; nothing else reaches any page, not even the one that says that there is none."""
    async with browser(site(centre)) as web:
        answers = [await web.request(method, address) for address in ADDRESSES]
        head = await web.head("/status")

    assert {each.status_code for each in answers} == {405}
    assert answers[0].headers["Allow"] == "GET, HEAD, POST"
    assert (head.status_code, head.content) == (200, b"")


async def test_no_sql_runs_on_the_event_loop(centre: Centre) -> None:
    """A slow query must not hold up everybody: it runs in a thread of its own."""
    said(centre, call())
    threads: set[int] = set()
    app = site(centre, PUBLISHED)
    for engine in (centre.ledger.journal.engine, app.state.signins._engine()):
        sa.event.listen(engine, "before_cursor_execute", lambda *_: threads.add(threading.get_ident()))
    async with browser(app) as web:
        for address in (*ADDRESSES, "/readyz", "/cases/R7-0001", "/tables/calls?as_of=2025-05-31&known_at=2"):
            threads.clear()
            await web.get(address)
            assert threads
            assert threading.get_ident() not in threads


async def test_health_asks_nothing_of_the_database(centre: Centre) -> None:
    """It answers even while the database does not."""
    asked: list[object] = []
    app = site(centre)
    sa.event.listen(centre.ledger.journal.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    async with browser(app) as web:
        answered = await web.get("/healthz")

    assert (answered.status_code, answered.text, asked) == (200, "ok", [])


def test_every_event_and_every_field_has_a_name() -> None:
    """A new event shows up on a page; it must not show up as a word of the machine room."""
    fields = {field for kind in known_events().values() for field in kind.__struct_fields__}

    assert set(known_events()) == set(EVENTS)
    assert fields - {"content", "changes"} <= set(FIELDS)


def test_the_templates_keep_to_the_policy() -> None:
    """No script but our own files and data for them, no style, no event handler; nothing of another host."""
    for template in [*tracked("services/**.html"), *tracked("deploy/**.html"), *tracked("services/**.css")]:
        text = re.sub(
            r'<script (src="/static/[a-z]+\.js" defer|type="application/json" id="[a-z-]+")>', "", template.read_text()
        )
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|https?://|url\(|@import|\|\s*safe", text), (
            template.name
        )


def test_every_word_of_the_pages_is_used() -> None:
    """What no page says any more goes."""
    sources = [
        path for place in ("services/**", "deploy/**") for end in ("py", "html") for path in tracked(f"{place}.{end}")
    ]
    text = "".join(path.read_text() for path in sources if path.name != "words.py")

    unsaid = {name for name in SCREEN if f"'{name}'" not in text and f'"{name}"' not in text}

    assert unsaid <= set(SERVICES)
