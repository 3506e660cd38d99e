"""夜間引継書 as it is read out and printed: a night's calls and counts, and what became of each item."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from pypdf import PdfReader

from events import event_of
from events.morning import DIFFERENCES, NOTED_PARTS, VERDICTS, Difference, Hops
from events.seal import new_key, seal
from services.handover.looking import Looking
from services.intake.night_calls import NightCalls
from services.journal import LogReader
from services.pages.frame import templates_in
from services.pages.night_log import NightLog
from services.pages.nights import Standing
from services.pages.statement import Sheet, sheet_of
from services.pages.statement_pdf import as_pdf
from services.pages.statement_rows import Row
from services.pages.statement_text import as_text
from services.pages.terms import Terms
from services.pages.words import SCREEN
from services.subscribers import Subscriber
from tests.desk_examples import WARD, Centre, Databases, at, contact, correct, message, register
from tests.morning_examples import evening
from tests.statement_examples import (
    close,
    count,
    handed_over,
    items,
    late,
    night_in,
    of_item,
    on,
    say,
    silent,
    told,
)

GOLDEN = Path(__file__).with_name("statements")
LANGUAGES: tuple[Literal["ja", "en"], ...] = ("ja", "en")
SHARP = "髙﨑𠮷（①）〇～※●"
"""What a Japanese font must have."""


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with night_in(tmp_path) as running:
        yield running


def sheet(
    centre: Centre,
    language: Literal["ja", "en"] = "ja",
    *,
    personal: bool = True,
    edition: int | None = None,
    only: bool = False,
    stands: Standing | None = None,
) -> Sheet:
    """The newest night's statement as it stands by the centre's clock."""
    log = NightLog(centre.engine("handover"))
    night = log.newest()
    assert night is not None
    opens = centre.keys.opened if personal else None
    calls = NightCalls(LogReader(centre.engine("intake")), centre.keys.opened)
    found = calls([entry.item for entry in night.entries if entry.item], personal=personal)
    now = centre.clock()
    stands = stands or Looking(centre.engine("handover"))(night, now)
    terms, alarms = Terms(WARD, language), log.alarms()
    return sheet_of(night, stands, found, terms, now, opens, alarms=alarms, edition=edition, only=only)


def bad_night(centre: Centre) -> None:
    """Three calls and a silent one; one was taken over, one is asked about, one was attended to at night."""
    tries = [
        {"what": "ward", "at": at(on("05:32")).isoformat(), "answered": False, "to": "ward-duty"},
        {"what": "ward", "at": at(on("05:41")).isoformat(), "answered": True, "to": "ward-duty-second"},
    ]
    back = {"by": at(on("08:45")).isoformat(), "who": "day"}
    brother = told("B", "05:20", medication_at=at(on("07:00")).isoformat())
    say(
        centre,
        "night",
        told("A", "23:40", safe_until=at(on("09:00")).isoformat(), call_back=back) | {"sequence": 41},
        told("C", "03:00", personal={"for_the_morning": ""}) | {"sequence": 42},
        silent("03:10") | {"sequence": 44},
        brother | {"sequence": 45},
        message("call.add", on("05:45"), call=brother["id"], danger=tries) | {"synthetic": True, "sequence": 46},
        close(46),
    )
    centre.tick(on("08:35"))
    say(centre, "day", of_item("acknowledge", 2, "08:41", note="すぐに電話する"))
    say(centre, "day", of_item("question", 3, "08:45", question="隣人の電話番号は？"))
    centre.tick(on("08:50"))


def test_the_text_reads_aloud(databases: Databases) -> None:
    """Word for word, as it is read out on the telephone: the counts, then every call in its order, then the end."""
    with evening(databases(), "2025-11-14 12:00") as centre:
        bad_night(centre)
        read_out = {language: as_text(sheet(centre, language)) for language in LANGUAGES}

    assert read_out == {each: (GOLDEN / f"bad-night.{each}.txt").read_text(encoding="utf-8") for each in LANGUAGES}


def test_everything_that_can_differ_has_its_words() -> None:
    """Each difference, verdict, hop, standing and promise of the contract, in both languages."""
    hops = {field for field in Hops.__struct_fields__ if field not in ("held", "items")}  # Not told: see comparison.
    wanted = {f"differ_{what}" for what in DIFFERENCES} | {f"verdict_{verdict}" for verdict in VERDICTS}
    wanted |= {f"hop_{hop}" for hop in hops} | {f"note_{part}" for part in NOTED_PARTS}
    wanted |= {f"{kind}_{what}" for kind in ("urgent", "due") for what in ("safe-until", "medication", "call-back")}

    assert wanted <= SCREEN.keys(), wanted - SCREEN.keys()
    assert all(SCREEN[word].ja and SCREEN[word].en for word in wanted)


def test_a_quiet_night_says_so(centre: Centre) -> None:
    """相談0件, in a sentence; what is not counted is listed all the same."""
    handed_over(centre, silent("03:10"))
    shown = sheet(centre)

    assert shown.quiet == "この夜間の相談はありませんでした（0件）。"
    assert shown.how_many == "相談0件、続報0件、件数外1件"
    assert [row.kind for row in shown.rows] == ["件数外（無言）"]


def test_that_nothing_came_is_no_quiet_night_while_nobody_has_confirmed_it(centre: Centre) -> None:
    """未確認, the statement says only what is there; a number that is missing differs; proved, it is said flatly."""
    handed_over(centre, shut=False)
    open_ = sheet(centre).quiet
    say(centre, "night", silent("03:10") | {"sequence": 41}, silent("03:20") | {"sequence": 43}, close(43, "08:36"))
    centre.tick(on("08:40"))
    missing = sheet(centre).quiet
    say(centre, "night", silent("03:15") | {"sequence": 42})
    centre.tick(on("08:45"))

    assert open_ == "届いている相談はありません（0件）。件数は未確認です。"
    assert missing == "届いている相談はありません（0件）。件数に相違があります。"
    assert sheet(centre).quiet == "この夜間の相談はありませんでした（0件）。"


def test_how_many_were_received_is_not_known_while_the_night_is_open(centre: Centre) -> None:
    """Not 0 beside three that were recorded: by number nothing can be counted yet."""
    handed_over(centre, *(told(case, "23:40") for case in "ABC"), shut=False)
    before = dict(sheet(centre).now.hops)
    say(centre, "night", close(43, "08:40"))
    centre.tick(on("08:45"))

    assert [before[name] for name in ("送信", "受付", "受付（連絡）")] == ["未確認", "未確認", "3件"]
    assert dict(sheet(centre).now.hops)["受付"] == "3件"


def test_a_night_without_any_call_is_taken_over_as_a_whole(centre: Centre) -> None:
    """There is no item: the statement itself is acknowledged."""
    handed_over(centre)
    say(centre, "day", of_item("acknowledge", 0, "08:40"))

    assert [row.standings for row in sheet(centre).rows] == [("受領済み（日中受託事業者 架空 次郎・8:40）",)]


def test_a_role_without_persons_sees_nobody(centre: Centre) -> None:
    """The counts, the times and where each item stands; no name, no word, nobody who acknowledged."""
    bad_night(centre)
    text = as_text(sheet(centre, personal=False))

    for personal in ("架空 太郎", "架空 花子", "架空 次郎", "母が救急車で", "電話番号は", "すぐに電話", "090-0000"):
        assert personal not in text
    acknowledged = "受領済み（日中受託事業者・8:41）"
    for clear in ("R7-0001、23:40、第一報", "翌05:32 区へ連絡", "応答なし", "照会中", acknowledged):
        assert clear in text
    assert "個人情報（表示しません）" in text


def test_a_box_that_no_key_opens_says_so(centre: Centre) -> None:
    """These are other words than for a role that may not see what is inside, of a call and of what was said of it."""
    handed_over(centre, told("A", "23:40"))
    say(centre, "day", of_item("question", 1, "08:45", question="隣人の電話番号は？"))
    for record in centre.records():
        if person := getattr(event_of(record), "person", None):
            centre.keys.destroy(person)
    shown = sheet(centre)

    assert [fact.text for fact in shown.rows[0].facts if not fact.label] == [
        "復号できません（鍵が破棄されたか、ありません）"
    ]
    assert [said.text for said in shown.rows[0].said] == ["復号できません（鍵が破棄されたか、ありません）"]
    assert "表示しません" not in as_text(shown)


def test_a_part_sealed_to_another_key_says_so(centre: Centre) -> None:
    """It came, and is kept as it came."""
    foreign = told("A", "23:40")
    foreign["data"]["personal"] = seal({"words": "架空"}, new_key())
    foreign["data"]["matters"][0]["personal"] = seal({"name": "架空 太郎"}, new_key())
    handed_over(centre, foreign)

    assert "復号できません" in as_text(sheet(centre))


def test_what_is_overdue_is_a_difference_until_it_is_taken_over(centre: Centre) -> None:
    """At 9:00 nobody is late; later the statement says 不一致あり, and who was told; until it is taken over."""
    handed_over(centre, told("A", "23:40"))
    centre.tick(on("09:00"))
    in_time = sheet(centre).now
    centre.tick(on("09:31"))
    overdue = sheet(centre)
    say(centre, "day", of_item("acknowledge", 1, "09:40"))
    after = sheet(centre).now

    assert (in_time.verdict, in_time.differences) == ("一致", ())
    assert overdue.now.verdict == "不一致あり"
    assert overdue.rows[0].standings == ("期限超過", "区へ通知済み（画面への表示のみ）")
    assert overdue.notices == (
        "受領期限（9:00）を過ぎました。",
        "日中受託事業者に催促しました（9:15）。（画面への表示のみ）",
        "区へ通知しました（9:30）。（画面への表示のみです。"
        "電話で知らせてください：閉庁時の連絡先（第一） 03-0000-0002）",
    )
    assert after.verdict == "一致"


def test_without_the_nights_closing_nothing_is_confirmed(centre: Centre) -> None:
    """Nobody said how much was sent: the statement says whose word is missing, and never 一致."""
    handed_over(centre, told("A", "23:40"), shut=False)
    before = sheet(centre).now
    say(centre, "night", close(41, "08:40"))
    centre.tick(on("08:45"))

    assert (before.verdict, before.differences) == (
        "未確認",
        ("夜間受託事業者が最後の番号で夜間を締めていないため、件数を確認できません。",),
    )
    assert sheet(centre).now.verdict == "一致"


def test_what_the_exchange_counted_and_nobody_entered_is_a_difference(centre: Centre) -> None:
    """Two rang, one is on the statement; until the other is entered it never says 一致."""
    handed_over(centre, told("A", "23:40"))
    say(centre, "day", count(2, "08:40"))
    shown = sheet(centre)

    assert shown.now.verdict == "不一致あり"
    assert "電話の着信2件に対し、引継書の連絡は1件です（差1件）。" in shown.now.differences[0]
    assert ("電話の着信", "2件") in shown.now.hops


def test_what_the_exchange_did_not_count_is_not_looked_for_among_what_was_not_entered(centre: Centre) -> None:
    """One rang, two stand there: one came another way, or stands there twice."""
    handed_over(centre, told("A", "23:40"), told("B", "00:40"))
    say(centre, "day", count(1, "08:40"))
    japanese, english = (sheet(centre, language).now.differences[0] for language in LANGUAGES)

    assert japanese.startswith("電話の着信1件に対し、引継書の連絡は2件です（差1件）。")
    assert japanese.endswith("この電話交換機を通らない連絡や、二重に入力された連絡がないか確認してください。")
    assert english.endswith("See whether a contact did not come by that exchange, or was entered twice.")


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (
            Difference(what="not-received", provider="night", named=("43",), count=1),
            "送信5件に対し受付4件です。未着：43番。",
        ),
        (
            Difference(what="unreadable", provider="night", named=("43",), count=1),
            "読み取れません：43番（夜間受託事業者、1件）。",
        ),
        (Difference(what="waiting", provider="night", named=("44",), count=1), "ほかの記録を待っています：44番"),
        (Difference(what="calls", provider="night", named=("5", "4"), count=1), "夜間受託事業者の数えた連絡5件に対し"),
        (Difference(what="not-held", named=("c-1",), count=1), "引継ぎの部門にまだ届いていません：c-1（1件）。"),
        (Difference(what="not-recorded", named=("R7-0009",), count=1), "受付の締めにありません：R7-0009（1件）。"),
        (Difference(what="not-stated", named=("R7-0009",), count=1), "引継書にありません：R7-0009（1件）。"),
        (Difference(what="overdue", named=("1", "2"), count=2), "受領されていません：1、2番（2件）。"),
        (Difference(what="not-stated", named=("R7-0009",), count=140), "引継書にありません：R7-0009…（140件）。"),
    ],
)
def test_each_difference_is_a_named_list(centre: Centre, difference: Difference, text: str) -> None:
    """In the words of the glossary, with the numbers by which somebody finds what is missing."""
    handed_over(centre, told("A", "23:40"))
    own = frozenset((each.contact, each.matter) for each in items(centre))
    stands = Standing(verdict="differ", hops=Hops(sent=5, received=4), differences=(difference,), own=own)

    assert text in sheet(centre, stands=stands).now.differences[0]
    assert sheet(centre, "en", stands=stands).now.differences[0].replace("…", "").isascii()


def test_two_desks_of_one_provider_count_their_own(centre: Centre) -> None:
    """Two calls from one desk and one from the other: each closes with its own count, and nothing differs."""
    desks = [f"/s/desk-{n}" for n in (1, 2)]
    calls = [told("A", "23:40"), told("B", "01:10"), told("C", "02:10")]
    for call, desk, sequence in zip(calls, (desks[0], desks[0], desks[1]), (1, 2, 1), strict=True):
        say(centre, "night", call | {"source": desk, "sequence": sequence})
    for desk, many in zip(desks, (2, 1), strict=True):
        shut = close(many)
        say(centre, "night", shut | {"data": shut["data"] | {"source": desk, "calls": many}})
    centre.tick(on("08:35"))

    assert (sheet(centre).now.verdict, sheet(centre).now.differences) == ("一致", ())


def test_paper_shows_both_clocks(centre: Centre) -> None:
    """Signed for on paper at 8:55, typed in at 11:30: neither time takes the place of the other."""
    handed_over(centre, told("A", "23:40"))
    centre.tick(on("11:30"))
    say(centre, "day", of_item("acknowledge", 1, "08:55"))

    assert sheet(centre).rows[0].standings == ("受領済み（日中受託事業者 架空 次郎・8:55、記録 11:30）",)


def test_taken_back_it_waits_again_and_done_it_is_done(centre: Centre) -> None:
    """An acknowledgement that is undone stands no more; an answered question is said so; what is done stays done."""
    bad_night(centre)
    say(centre, "day", of_item("undo", 2, "08:51", reason="押し間違い"))
    say(centre, "night", of_item("answer", 3, "08:52", worker="架空 三郎", answer="03-0000-0000です。"))
    before = sheet(centre).rows
    say(centre, "day", of_item("acknowledge", 3, "08:53"), of_item("done", 3, "10:00"))
    after = sheet(centre).rows

    assert [row.standing for row in before] == ["waiting", "waiting", "answered", "waiting"]
    assert any(word.text == "押し間違い" for word in before[1].said)
    assert after[2].standing == "done"
    assert after[2].standings[0] == "完了（日中受託事業者 架空 次郎・10:00）"


def test_what_was_done_once_stays_to_be_seen(centre: Centre) -> None:
    """Done and undone: who had said so and when, for those too who see no person; while it is done it is said once."""
    handed_over(centre, told("A", "23:40"))
    say(centre, "day", of_item("acknowledge", 1, "08:40"), of_item("done", 1, "09:10", note="短期入所が決まった"))
    done = sheet(centre, personal=False).rows[0]
    say(centre, "day", of_item("undo", 1, "09:20", reason="取り違え"))
    undone = sheet(centre, personal=False).rows[0]

    assert [word.head for word in done.said] == []
    assert [word.head for word in undone.said] == [
        "完了（日中受託事業者・9:10）",
        "受領の取消し（日中受託事業者・9:20）",
    ]


def test_who_was_told_says_of_which_edition(centre: Centre) -> None:
    """Where there are several, each line about what is overdue names the one whose items it means."""
    handed_over(centre, told("A", "23:40"))
    say(centre, "day", of_item("acknowledge", 1, "08:40"))
    late(centre, "08:52", told("B", "01:30"))
    centre.tick(on("09:58"))

    assert sheet(centre).notices == (
        "追加分1：受領期限（9:22）を過ぎました。",
        "追加分1：日中受託事業者に催促しました（9:37）。（画面への表示のみ）",
        "追加分1：区へ通知しました（9:52）。（画面への表示のみです。"
        "電話で知らせてください：閉庁時の連絡先（第一） 03-0000-0002）",
    )
    assert sheet(centre, "en").notices[2] == (
        "Supplement 1: The ward was notified (9:52). "
        "(shown on the page alone; telephone: Duty contact out of hours (first) 03-0000-0002)"
    )


def test_a_system_of_the_ward_hears_what_the_ward_is_told() -> None:
    """And nothing of what a provider is reminded of."""
    desk = msgspec.convert(
        {"key": "desk", "label": {"ja": "区の当直", "en": "Duty desk"}, "way": "nats", "events": ["deadline.passed"]}
        | {"whom": ["ward"]},
        Subscriber,
    )
    ward = msgspec.structs.replace(WARD, subscriber=(desk,))

    assert [Terms(ward, "ja").told_outside(to) for to in ("ward", "day")] == [[desk], []]
    assert Terms(msgspec.structs.replace(WARD, subscriber=()), "ja").told_outside("ward") == []


def test_in_whose_charge_it_is_is_said(centre: Centre) -> None:
    """The night provider's until somebody takes it over, the day provider's from then on."""
    handed_over(centre, told("A", "23:40"))
    before = sheet(centre).rows[0].owner
    say(centre, "day", of_item("acknowledge", 1, "08:40"))

    assert (before, sheet(centre).rows[0].owner) == ("担当：夜間受託事業者", "担当：日中受託事業者")


def test_a_registrant_is_named_by_the_register(centre: Centre) -> None:
    """Where the card has no name, the one on the register; with it goes the mark 未登録."""
    say(centre, "night", register("P", "2025-05-01 10:00", personal={"name": "架空 良子"}))
    handed_over(centre, told("A", "23:40", person="P", personal={"name": "", "kana": ""}), told("B", "23:50"))
    rows = sheet(centre).rows

    assert [fact.text for fact in rows[0].facts if fact.label == "本人"] == ["架空 良子、北沢"]
    assert ["未登録" in row.marks for row in rows] == [False, True]


def test_what_is_written_later_is_shown(centre: Centre) -> None:
    """The card is filled in further after the statement: the page and the next print have it."""
    reported = told("A", "23:40")
    handed_over(centre, reported)
    more = {"for_the_morning": "9時に母へ電話する。"}
    say(centre, "night", message("call.add", on("08:40"), call=reported["id"], personal=more))

    assert "翌朝にお願いすること：9時に母へ電話する。" in as_text(sheet(centre))


def test_what_was_said_for_the_whole_contact_and_for_a_person_is_both_shown(centre: Centre) -> None:
    """Whoever reads one person's item hears all that the caller said of it, the contact's words first."""
    said = told("A", "23:40", words="兄が倒れた。")
    said["data"]["matters"][0]["personal"]["words"] = "一人になる。"
    said["data"]["matters"] += [{"case": "B", "personal": {"words": "兄が倒れた。"}}, {"case": "C"}]
    handed_over(centre, said)
    first, second, third = sheet(centre).rows

    def words(row: Row) -> list[str]:
        return [fact.text for fact in row.facts if "倒れた" in fact.text]

    assert [*words(first), *words(second), *words(third)] == [
        "兄が倒れた。\n一人になる。",
        "兄が倒れた。",
        "兄が倒れた。",
    ]
    told_aloud = as_text(sheet(centre))
    assert "兄が倒れた。" in told_aloud.split("一人になる。")[0]


def test_a_contact_that_was_put_under_another_consultation_keeps_its_words(centre: Centre) -> None:
    """It belonged to another consultation: the item shows that one's number, and the card as it was told."""
    wrong = told("B", "02:10", words="弟からの続報。")
    handed_over(centre, told("A", "23:40"), wrong)
    say(centre, "night", correct(wrong, on("08:40"), to="A"))
    row = sheet(centre).rows[1]

    assert (row.n, row.number) == (2, "R7-0001")
    assert any(fact.text == "弟からの続報。" for fact in row.facts)


def test_a_call_that_was_another_nights_says_so(centre: Centre) -> None:
    """Its time was corrected after it had been printed: it is marked, and nobody waits for it here."""
    reported = told("A", "23:40")
    handed_over(centre, reported)
    say(centre, "night", correct(reported, on("08:40"), occurred_at=at("2025-11-14 15:00").isoformat()))
    centre.tick(on("09:30"))
    shown = sheet(centre)

    assert "訂正によりこの夜間分ではなくなった" in shown.rows[0].marks
    assert (shown.now.verdict, shown.rows[0].standings) == ("一致", ())
    assert shown.rows[0].standing != "overdue"


def test_a_call_that_is_another_nights_names_that_night_and_its_day(centre: Centre) -> None:
    """So that nobody takes 1:30 for this night's, or looks for a call that nobody entered."""
    reported = told("A", "23:40")
    handed_over(centre, reported)
    say(centre, "night", correct(reported, on("08:40"), occurred_at=at("2025-11-14 01:30").isoformat()))
    shown = sheet(centre)

    assert "訂正により11月13日（木）の夜間分になった" in shown.rows[0].marks
    assert shown.rows[0].time == "11月14日（金） 1:30"
    assert "訂正によりこの夜間分ではなくなった連絡があります：1番。" in shown.notices


def test_a_call_that_is_of_this_night_no_more_names_who_is_in_charge(centre: Centre) -> None:
    """Where it stands as gone, also as another consultation's: whose it is, now that it was the day's all along."""
    reported, other = told("A", "23:40"), told("B", "02:10")
    handed_over(centre, reported, other)
    say(centre, "night", correct(reported, on("08:40"), occurred_at=at("2025-11-14 15:00").isoformat()))
    by_day = sheet(centre).rows[0].owner
    say(centre, "night", correct(reported, on("08:41"), to="B"))

    assert by_day == "担当：日中受託事業者"
    assert sheet(centre).rows[0].owner == sheet(centre).rows[1].owner == "担当：日中受託事業者"
    assert "担当：日中受託事業者" in as_text(sheet(centre)).split("2番")[0]


def test_the_figures_follow_what_was_corrected(centre: Centre) -> None:
    """One was put down by mistake, one is another night's, one further contact is the first now: the head says so."""
    first, again, wrong, other = told("A", "23:40"), told("A", "01:10"), told("B", "02:10"), told("C", "03:10")
    handed_over(centre, first, again, wrong, other)
    before = sheet(centre).how_many
    mistaken = correct(wrong, on("08:40"), not_counted="mistaken")
    moved = correct(other, on("08:41"), occurred_at=at("2025-11-14 15:00").isoformat())
    say(centre, "night", mistaken, moved)
    between = sheet(centre).how_many
    say(centre, "night", correct(first, on("08:42"), occurred_at=at("2025-11-15 04:00").isoformat()))
    swapped = sheet(centre).how_many
    say(centre, "night", correct(first, on("08:43"), not_counted="mistaken"))

    assert before == "相談3件、続報1件、件数外0件"
    assert between == swapped == "相談1件、続報1件、件数外1件"
    assert sheet(centre).how_many == "相談1件、続報0件、件数外2件"
    assert sheet(centre).quiet == ""


def test_one_edition_alone_counts_its_own(centre: Centre) -> None:
    """A supplement with one further contact is no statement about the others; and the night was not quiet."""
    handed_over(centre, told("A", "23:40"), told("B", "00:40"))
    late(centre, "08:52", told("A", "01:30"))
    own = sheet(centre, edition=1, only=True)

    assert (own.how_many, own.quiet) == ("相談0件、続報1件、件数外0件", "")
    assert sheet(centre, edition=0).how_many == "相談2件、続報0件、件数外0件"
    assert sheet(centre).how_many == "相談2件、続報1件、件数外0件"


def test_a_late_entry_says_when_it_was_written(centre: Centre) -> None:
    """A paper call typed in a day later is marked, with the time at which it was recorded."""
    handed_over(centre)
    centre.tick("2025-11-16 10:00")
    centre.say("night", told("A", "02:40"))
    centre.tick("2025-11-16 10:02")
    night = NightLog(centre.engine("handover"))
    row = night.recent()[1].entries[-1].item
    assert row is not None
    calls = NightCalls(LogReader(centre.engine("intake")), centre.keys.opened)
    found = calls([row], personal=True)[row.contact, row.matter]

    assert row.late
    assert found.written == at("2025-11-16 10:00")


def test_one_contact_about_two_people_is_two_items(centre: Centre) -> None:
    """Two consultations, one ring of the telephone: the statement says which belong together."""
    own = {"district": "kitazawa", "personal": {"name": "架空 一郎"}}
    handed_over(centre, contact(own | {"case": "A"}, own | {"case": "B"}, on=on("23:40")))
    shown = sheet(centre)

    assert shown.together == ("1番、2番は同じ連絡です。",)
    assert ("引継書（連絡）", "1件") in shown.now.hops


def test_a_copy_says_which_edition_it_is_and_what_followed(centre: Centre) -> None:
    """Printed before two supplements it says so; each supplement can be printed alone."""
    handed_over(centre, told("A", "23:40"))
    late(centre, "08:52", told("B", "01:30"))
    late(centre, "09:30", told("C", "02:40"))
    old, own = sheet(centre, edition=0), sheet(centre, edition=1, only=True)

    assert old.copy == "この用紙：初版（8:30発行）まで"
    assert old.followed == "このあとに追加分が2件あります（追加分1 8:52、追加分2 9:30）。"
    assert [row.n for row in old.rows] == [1]
    assert (own.title, [row.n for row in own.rows]) == ("夜間引継書（追加分）", [2])
    assert sheet(centre).followed == ""


def test_the_sheet_is_one_page_of_a4_for_twelve_calls(centre: Centre) -> None:
    """Twelve whole cards, of which none can wait, on one sheet, thirteen on more; every word, with rare letters."""
    waits = {"safe_until": at(on("08:40")).isoformat()}
    calls = [told(f"A{n}", f"{n // 2:02}:{10 + n}", personal={"name": f"架空 {SHARP}"}, **waits) for n in range(12)]
    handed_over(centre, *calls)
    pages = PdfReader(BytesIO(as_pdf(sheet(centre)))).pages
    late(centre, "08:52", told("last", "08:10"))
    more = PdfReader(BytesIO(as_pdf(sheet(centre)))).pages
    text = pages[0].extract_text()

    assert (len(pages), len(more) > 1) == (1, True)
    assert (round(pages[0].mediabox.width), round(pages[0].mediabox.height)) == (595, 842)
    for word in ("夜間引継書", "架空データ", "初版", "12番", SHARP, "以上です。"):
        assert word in "".join(text.split()), word


@pytest.mark.parametrize(
    ("language", "near", "far"),
    [
        ("ja", "翌02:30", ("令和6年11月16日（土） 02:30", "令和8年11月13日（金） 09:00", "8年11月13日（金） 08:45")),
        ("en", "02:30 next day", ("Sat 16 November 2024 02:30", "Fri 13 November 2026 09:00")),
    ],
)
def test_a_time_of_another_year_is_never_taken_for_this_nights(
    centre: Centre, language: Literal["ja", "en"], near: str, far: tuple[str, ...]
) -> None:
    """A slip of the pen in the year shows: read out, printed, and on the page, the year stands with its day."""
    slipped = {"medication_at": "2024-11-16T02:30:00+09:00", "safe_until": "2026-11-13T09:00:00+09:00"}
    back = {"by": "2026-11-13T08:45:00+09:00", "who": "day"}
    soon = "2026-01-04T10:00:00+09:00"
    say(centre, "night", told("A", "23:40", **slipped, call_back=back), told("B", "02:30", safe_until=soon))
    handed_over(centre)
    shown = sheet(centre, language)
    texts = (as_text(shown), "".join(page.extract_text() for page in PdfReader(BytesIO(as_pdf(shown))).pages))

    for text in ("".join(each.split()) for each in texts):
        for word in (near, *far, {"ja": "1月4日（日） 10:00", "en": "Sun 4 Jan 10:00"}[language]):
            assert "".join(word.split()) in text, word
        for slip in ("次の服薬：11月", "対応が必要な時刻：11月", "16Nov0", "13Nov0"):
            assert slip not in text


URGENT = {
    "ja": (
        "朝まで待てない相談（まだ応答なし）　1件",
        "● 時刻を過ぎています　R7-0001：次の服薬 令和7年11月15日（土） 07:00まで。"
        "次の連絡先：閉庁時の連絡先（第一） 03-0000-0002（連絡1回）",
    ),
    "en": (
        "Cannot wait for the morning, and nobody answered: 1",
        "● The time has passed. R7-0001: Next medication, by Sat 15 November 2025 07:00. Call next: ",
    ),
}


def test_what_cannot_wait_is_read_out_and_printed_first(centre: Centre) -> None:
    """When the line is down there is only paper: until when, whom to ring with the number, how often it was tried."""
    tried = [{"what": "ward", "at": at(on("05:32")).isoformat(), "answered": False, "to": "ward-duty-second"}]
    brother = told("B", "05:20", medication_at=at(on("07:00")).isoformat())
    say(centre, "night", brother)
    centre.tick(on("05:25"))
    say(centre, "night", message("call.add", on("05:33"), call=brother["id"], danger=tried) | {"synthetic": True})
    handed_over(centre)
    for language in LANGUAGES:
        shown = sheet(centre, language)
        text, printed = as_text(shown).splitlines(), PdfReader(BytesIO(as_pdf(shown))).pages[0].extract_text()
        first = text.index(URGENT[language][0])
        assert text[first + 1].startswith(URGENT[language][1])
        assert first < min(n for n, line in enumerate(text) if "R7-0001" in line and n != first + 1)
        for line in text[first : first + 2]:
            assert "".join(line.split()) in "".join(printed.split()), line

    say(centre, "day", of_item("acknowledge", 1, "08:41"))
    assert sheet(centre).urgent == ()
    assert URGENT["ja"][0] not in as_text(sheet(centre))


def test_after_a_link_the_registrants_district_is_shown(centre: Centre) -> None:
    """As the tables count it: 砧 of the registrant, for a call that said none; after unlinking it is 不明 again."""
    hidden = told("A", "23:40")
    hidden["data"]["matters"][0].pop("district")
    say(centre, "day", register("P", "2025-11-14 12:30") | {"synthetic": True})
    handed_over(centre, hidden)
    link = message("call.link", on("08:36"), number="R7-0001", person="P", matched=["kana", "phone"])

    def person() -> str:
        return next(fact.text for fact in sheet(centre).rows[0].facts if fact.label == "本人")

    before = person()
    say(centre, "day", link | {"synthetic": True})
    linked = person()
    say(centre, "day", message("call.unlink", on("08:38"), number="R7-0001") | {"synthetic": True})

    assert [text.rpartition("、")[2] for text in (before, linked, person())] == ["不明", "砧", "不明"]


def test_whatever_was_typed_prints(centre: Centre) -> None:
    """Marks that mean something to a typesetter, to HTML or to a terminal are what they are: text."""
    odd = '#set page() $x$ *b* _i_ @ref \\ <b> & "q" \x1b[31m {{ x }} #import "/etc/passwd"'
    handed_over(centre, told("A", "23:40", words=odd, personal={"for_the_morning": "一行目\n二行目\n" + "長" * 3_000}))
    shown = sheet(centre)
    text = as_text(shown)
    pages = PdfReader(BytesIO(as_pdf(shown))).pages
    printed = "".join("".join(page.extract_text() for page in pages).split())

    assert "\x1b" not in text
    assert '#setpage()$x$*b*_i_@ref\\<b>&"q"' in printed
    assert "\n  二行目" in text


EMOJI = "\U0001f469\u200d\U0001f467と\U0001f44d\U0001f3fd、\u2764\ufe0f、1\ufe0f\u20e3"
PRINTED = {
    "ja": (
        "〔絵文字〕と〔絵文字〕、❤\ufe0f、1髙",
        "〔印刷できない文字U+AC00U+B098〕",
        "〔印刷できない文字4字〕",
        "U+E000〕",
    ),
    "en": (
        "[emoji]と[emoji]、❤\ufe0f、1髙",
        "[notprintable:U+AC00U+B098]",
        "[4charactersthatarenotprintable]",
        "U+E000]",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_font_lacks_is_named_in_print(centre: Centre, language: Literal["ja", "en"]) -> None:
    """Pictures, other scripts and 外字 are no boxes on paper; text, page and record have what was typed."""
    typed = f"{EMOJI} {SHARP} 가나 한국말로 \ue000 ≒終"
    handed_over(centre, told("A", "23:40", words=typed))
    shown = sheet(centre, language)
    printed = "".join("".join(page.extract_text().split()) for page in PdfReader(BytesIO(as_pdf(shown))).pages)

    for text in (*PRINTED[language], *SHARP, "≒終"):
        assert text in printed
    assert not any(each in printed for each in "\U0001f469\U0001f44d가한\ue000")
    assert EMOJI.partition("と")[2] in as_text(shown)
    assert f"{SHARP} 가나 한국말로" in as_text(shown)


def test_no_mark_that_came_with_a_message_turns_a_line_around(centre: Centre) -> None:
    """Neither in the text nor on paper, nor where the sheet is a page."""
    turned = "\u202e\u2066\u200f\u061c"
    handed_over(centre, told("A", "23:40", words=f"前{turned}後", personal={"name": f"架空 {turned}太郎"}))
    shown = sheet(centre)
    pages = PdfReader(BytesIO(as_pdf(shown))).pages
    template = templates_in().env.from_string("{{ text }}{{ text|safe }}{{ n }}")
    written = template.render(text=f"<前{turned}後>", n=7)

    assert "前後" in as_text(shown)
    assert "架空 太郎" in as_text(shown)
    assert "前後" in "".join(page.extract_text() for page in pages)
    assert written == "&lt;前後&gt;<前後>7"


def test_nothing_is_typeset_in_this_process(centre: Centre) -> None:
    """What typesetting takes of memory is given back with the process that did it."""
    handed_over(centre)
    as_pdf(sheet(centre))
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, deploy.front; print('typst' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "typst" not in sys.modules
    assert loaded.stdout.strip() == "False"
