"""夜間引継書 as it is read out and printed: a night's calls and counts, and what became of each item."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from pypdf import PdfReader

from events.morning import (
    DeadlinePassed,
    Difference,
    ExchangeCounted,
    Item,
    ItemAcknowledged,
    ItemAnswered,
    ItemDone,
    ItemQuestioned,
    ItemUnacknowledged,
)
from services.intake.night_calls import NightCalls
from services.journal import LogReader
from services.pages.night_log import NightLog
from services.pages.statement import Sheet, sheet_of
from services.pages.statement_pdf import as_pdf
from services.pages.statement_text import as_text
from services.pages.terms import Terms
from tests.desk_examples import WARD, Centre, at, contact, message, register
from tests.statement_examples import NIGHT_OF, about, issue, items_of, on, record, silent, told
from tests.web_examples import centre_in

GOLDEN = Path(__file__).with_name("statements")
SHARP = "髙﨑𠮷（①）〇～※●"
"""What a Japanese font must have."""


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with centre_in(tmp_path) as running:
        yield running


def sheet(
    centre: Centre,
    language: Literal["ja", "en"] = "ja",
    *,
    personal: bool = True,
    edition: int | None = None,
    only: bool = False,
) -> Sheet:
    """The newest night's statement as it stands by the centre's clock."""
    night = NightLog(centre.engine("handover")).newest()
    assert night is not None
    opens = centre.keys.opened if personal else None
    calls = NightCalls(LogReader(centre.engine("intake")), centre.keys.opened)
    found = calls([entry.item for entry in night.entries if entry.item], personal=personal)
    return sheet_of(night, found, Terms(WARD, language), centre.clock(), opens, edition=edition, only=only)


def bad_night(centre: Centre) -> tuple[Item, ...]:
    """Three calls and a silent one; one was taken over, one is asked about, and a number of the night's never came."""
    tries = [
        {"what": "ward", "at": at(on("05:32")).isoformat(), "answered": False},
        {"what": "ward", "at": at(on("05:41")).isoformat(), "answered": True},
    ]
    back = {"by": at(on("08:45")).isoformat(), "who": "day"}
    centre.say("night", told("A", "23:40", safe_until=at(on("09:00")).isoformat(), call_back=back))
    centre.say("night", told("B", "05:20", danger=tries, medication_at=at(on("07:00")).isoformat()))
    centre.say("night", told("C", "03:00", personal={"for_the_morning": ""}))
    centre.say("night", silent("03:10"))
    centre.pump()
    items = items_of(centre)
    missing = Difference(what="not-received", provider="night", named=("43",), count=1)
    issue(centre, items, verdict="differ", differences=[missing], sent=5)
    said = {"worker": "架空 次郎", "note": "すぐに電話する"}
    record(centre, ItemAcknowledged(**about(items[0]), to_owner="day"), at(on("08:41")), said)
    asked = {"worker": "架空 次郎", "question": "隣人の電話番号は？"}
    record(centre, ItemQuestioned(**about(items[1])), at(on("08:45")), asked)
    centre.clock.now = at(on("08:50"))
    return items


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_text_reads_aloud(centre: Centre, language: Literal["ja", "en"]) -> None:
    """Word for word, as it is read out on the telephone: the counts, then every call in its order, then the end."""
    bad_night(centre)

    assert as_text(sheet(centre, language)) == (GOLDEN / f"bad-night.{language}.txt").read_text(encoding="utf-8")


def test_a_quiet_night_says_so(centre: Centre) -> None:
    """相談0件, in a sentence; what is not counted is listed all the same."""
    centre.say("night", silent("03:10"))
    centre.pump()
    issue(centre, items_of(centre))
    shown = sheet(centre)

    assert shown.quiet == "この夜間の相談はありませんでした（0件）。"
    assert shown.how_many == "相談0件、続報0件、件数外1件"
    assert [row.kind for row in shown.rows] == ["件数外（無言）"]


def test_a_night_without_any_call_is_taken_over_as_a_whole(centre: Centre) -> None:
    """There is no item: the statement itself is acknowledged."""
    issue(centre)
    record(centre, ItemAcknowledged(night=NIGHT_OF, item=0, provider="day"), at(on("08:40")), {"worker": "架空 次郎"})

    assert [row.standings for row in sheet(centre).rows] == [("受領済み（日中受託事業者 架空 次郎・8:40）",)]


def test_a_role_without_persons_sees_nobody(centre: Centre) -> None:
    """The counts, the times and where each item stands; no name, no word, nobody who acknowledged."""
    bad_night(centre)
    text = as_text(sheet(centre, personal=False))

    for personal in ("架空 太郎", "架空 花子", "架空 次郎", "母が救急車で", "電話番号は", "すぐに電話", "090-0000"):
        assert personal not in text
    for clear in (
        "R7-0001、23:40、第一報",
        "翌05:32 区へ連絡（応答なし）",
        "照会中",
        "受領済み（日中受託事業者・8:41）",
    ):
        assert clear in text
    assert "個人情報（表示しません）" in text


def test_what_is_overdue_is_a_difference_until_it_is_taken_over(centre: Centre) -> None:
    """At 9:00 nobody is late; a minute later the statement says 不一致あり, and who was told; then 一致."""
    centre.say("night", told("A", "23:40"))
    centre.pump()
    items = items_of(centre)
    issue(centre, items)
    centre.clock.now = at(on("09:00"))
    in_time = sheet(centre).now.verdict
    for due, step, to in (("09:15", "reminded", "day"), ("09:30", "escalated", "ward")):
        moment = at(on(due))
        record(
            centre,
            DeadlinePassed(night=NIGHT_OF, edition=0, step=step, to=to, due_at=moment, fired_at=moment, items=(1,)),
            moment,
        )
    late = sheet(centre)
    record(centre, ItemAcknowledged(**about(items[0])), at(on("09:40")), {"worker": "架空 次郎"})

    assert in_time == "一致"
    assert (late.now.verdict, late.then.verdict) == ("不一致あり", "一致")
    assert late.rows[0].standings == ("期限超過", "区へ通知済み")
    assert "受領期限（9:00）を過ぎました。" in late.notices
    assert "区へ通知しました（9:30）。" in late.notices
    assert sheet(centre).now.verdict == "一致"


def test_what_the_exchange_counted_and_nobody_entered_is_a_difference(centre: Centre) -> None:
    """Five rang, four are on the statement; until the fifth is entered it never says 一致."""
    centre.say("night", told("A", "23:40"))
    centre.pump()
    issue(centre, items_of(centre))
    record(centre, ExchangeCounted(night=NIGHT_OF, provider="day", contacts=2), at(on("08:40")))
    shown = sheet(centre)

    assert shown.now.verdict == "不一致あり"
    assert "電話の着信2件に対し" in shown.now.differences[0]
    assert ("電話の着信", "2件") in shown.now.hops


def test_paper_shows_both_clocks(centre: Centre) -> None:
    """Signed for on paper at 8:55, typed in at 11:30: neither time takes the place of the other."""
    centre.say("night", told("A", "23:40"))
    centre.pump()
    items = items_of(centre)
    issue(centre, items)
    centre.clock.now = at(on("11:30"))
    record(centre, ItemAcknowledged(**about(items[0])), at(on("08:55")), {"worker": "架空 次郎"})

    assert sheet(centre).rows[0].standings == ("受領済み（日中受託事業者 架空 次郎・8:55、記録 11:30）",)


def test_taken_back_it_waits_again_and_done_it_is_done(centre: Centre) -> None:
    """An acknowledgement that is undone stands no more; an answered question is said so; what is done stays done."""
    items = bad_night(centre)
    record(centre, ItemUnacknowledged(**about(items[0])), at(on("08:51")), {"reason": "押し間違い"})
    answer = {"worker": "架空 三郎", "answer": "03-0000-0000です。"}
    record(centre, ItemAnswered(**about(items[1], provider="night")), at(on("08:52")), answer)
    before = sheet(centre)
    record(centre, ItemAcknowledged(**about(items[1])), at(on("08:53")), {"worker": "架空 次郎"})
    record(centre, ItemDone(**about(items[1])), at(on("10:00")), {"worker": "架空 次郎"})
    after = sheet(centre)

    assert [row.standing for row in before.rows] == ["waiting", "answered", "waiting", "waiting"]
    assert any(word.text == "押し間違い" for word in before.rows[0].said)
    assert after.rows[1].standing == "done"
    assert after.rows[1].standings[0] == "完了（日中受託事業者 架空 次郎・10:00）"


def test_a_registrant_is_named_by_the_register(centre: Centre) -> None:
    """Where the card has no name, the one on the register; with it goes the mark 未登録."""
    centre.say("night", register("P", "2025-05-01 10:00", personal={"name": "架空 良子"}))
    own = told("A", "23:40", person="P", personal={"name": "", "kana": ""})
    centre.say("night", own)
    centre.say("night", told("B", "23:50"))
    centre.pump()
    issue(centre, items_of(centre))
    rows = sheet(centre).rows

    assert [fact.text for fact in rows[0].facts if fact.label == "本人"] == ["架空 良子、北沢"]
    assert ["未登録" in row.marks for row in rows] == [False, True]


def test_what_is_written_later_is_shown(centre: Centre) -> None:
    """The card is filled in further after the statement: the page and the next print have it."""
    reported = told("A", "23:40")
    centre.say("night", reported)
    centre.pump()
    issue(centre, items_of(centre))
    more = {"for_the_morning": "9時に母へ電話する。"}
    centre.say("night", message("call.add", on("08:40"), call=reported["id"], personal=more))

    assert "翌朝にお願いすること：9時に母へ電話する。" in as_text(sheet(centre))


def test_a_late_entry_says_when_it_was_written(centre: Centre) -> None:
    """A paper call typed in a day later is marked, with the time at which it was recorded."""
    centre.clock.now = at("2025-11-16 10:00")
    centre.say("night", told("A", "02:40"))
    centre.pump()
    issue(centre, items_of(centre, late=True))
    row = sheet(centre).rows[0]

    assert {"後入力", "遅れて届いた"} <= set(row.marks)
    assert any(fact.text == "11月16日（日） 10:00に入力" for fact in row.facts)


def test_one_contact_about_two_people_is_two_items(centre: Centre) -> None:
    """Two consultations, one ring of the telephone: the statement says which belong together."""
    own = {"district": "kitazawa", "personal": {"name": "架空 一郎"}}
    centre.say("night", contact(own | {"case": "A"}, own | {"case": "B"}, on=on("23:40")))
    centre.pump()
    issue(centre, items_of(centre), sent=1, received=1, recorded=1)
    shown = sheet(centre)

    assert shown.together == ("1番、2番は同じ連絡です。",)
    assert ("引継書（連絡）", "1件") in shown.now.hops


def test_a_copy_says_which_edition_it_is_and_what_followed(centre: Centre) -> None:
    """Printed before two supplements it says so; each supplement can be printed alone."""
    centre.say("night", told("A", "23:40"))
    centre.pump()
    first = items_of(centre)
    issue(centre, first)
    for n, (case, time, moment) in enumerate((("B", "01:30", "08:52"), ("C", "02:40", "09:30")), start=1):
        centre.clock.now = at(on(moment))
        centre.say("night", told(case, time))
        centre.pump()
        issue(centre, items_of(centre, first=n + 1, known=first, late=True), edition=n, due=at(on(moment)))
        first = items_of(centre)
    old, own = sheet(centre, edition=0), sheet(centre, edition=1, only=True)

    assert old.copy == "この用紙：第1版（8:30発行）まで"
    assert old.followed == "このあとに追加分が2件あります（追加分1 8:52、追加分2 9:30）。"
    assert [row.n for row in old.rows] == [1]
    assert (own.title, [row.n for row in own.rows]) == ("夜間引継書（追加分）", [2])
    assert sheet(centre).followed == ""


def test_the_sheet_is_one_page_of_a4_for_twelve_calls(centre: Centre) -> None:
    """Twelve whole cards on one sheet, thirteen on more; every word is in the file, with the letters of rare names."""
    for n in range(12):
        centre.say("night", told(f"A{n}", f"{n % 8:02}:{10 + n}", personal={"name": f"架空 {SHARP}"}))
    centre.pump()
    items = items_of(centre)
    issue(centre, items)
    pages = PdfReader(BytesIO(as_pdf(sheet(centre)))).pages
    centre.say("night", told("last", "08:10"))
    centre.pump()
    issue(centre, items_of(centre, first=13, known=items), edition=1)
    more = PdfReader(BytesIO(as_pdf(sheet(centre)))).pages
    text = pages[0].extract_text()

    assert (len(pages), len(more) > 1) == (1, True)
    assert (round(pages[0].mediabox.width), round(pages[0].mediabox.height)) == (595, 842)
    for word in ("夜間引継書", "架空データ", "第1版", "12番", SHARP, "以上です。"):
        assert word in "".join(text.split()), word


def test_whatever_was_typed_prints(centre: Centre) -> None:
    """Marks that mean something to a typesetter, to HTML or to a terminal are what they are: text."""
    odd = '#set page() $x$ *b* _i_ @ref \\ <b> & "q" \x1b[31m {{ x }} #import "/etc/passwd"'
    centre.say("night", told("A", "23:40", words=odd, personal={"for_the_morning": "一行目\n二行目\n" + "長" * 3_000}))
    centre.pump()
    issue(centre, items_of(centre))
    shown = sheet(centre)
    text = as_text(shown)
    pages = PdfReader(BytesIO(as_pdf(shown))).pages
    printed = "".join("".join(page.extract_text() for page in pages).split())

    assert "\x1b" not in text
    assert '#setpage()$x$*b*_i_@ref\\<b>&"q"' in printed
    assert "\n  二行目" in text


def test_nothing_is_typeset_in_this_process(centre: Centre) -> None:
    """What typesetting takes of memory is given back with the process that did it."""
    issue(centre)
    as_pdf(sheet(centre))
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, deploy.front; print('typst' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "typst" not in sys.modules
    assert loaded.stdout.strip() == "False"
