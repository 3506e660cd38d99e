"""回線の切れた夜: five calls, four messages, one of them unreadable. 14 November 2025 (Fri) to the 15th (Sat, closed).

All people and organisations are invented. The night is told once, hour by hour; each test asks what must hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stories.centre import Centre, Desk, Provider, centre_at, moment

NIGHT = "2025-11-14"
AT_NIGHT = {"what": "ward", "at": "2025-11-15T05:32:00+09:00", "answered": False, "to": "ward-duty"}
AND_AGAIN = AT_NIGHT | {"at": "2025-11-15T05:41:00+09:00", "answered": True, "to": "ward-duty-second"}
BROTHER = {
    "caller": {"name": "架空 弟", "relation": "弟"},
    "words": "介護者の兄が倒れ、救急車で運ばれた。7時にインスリンの注射が必要。",
    "done": "閉庁時の連絡先が訪問看護師を手配した。",
}


class Night:
    """What was seen while the night went on; its centre still runs, and it is 10:02."""

    def __init__(self, centre: Centre, directory: Path) -> None:
        self.centre, self.seen = centre, dict[str, str]()
        self.unsent: list[int] = []
        night = Provider(centre, "night", directory, begin_after=40)
        self._offline(night)
        self._back(night)
        self._morning(night)

    def _offline(self, night: Provider) -> None:
        """22:00, the line to the centre goes down: what is typed stays on the provider's own disk."""
        self.centre.at("2025-11-14 22:00")
        calls = [("22:15", "41", {}), ("23:50", "42", {}), ("2025-11-15 01:30", "43", {"name": "架空 髙子"})]
        for when, number, personal in calls:
            at = when if len(when) > 5 else f"{NIGHT} {when}"
            assert night.types("call.report", at, _call(number, personal=personal), name=number) == int(number)
            self.unsent.append(night.outbox.counts()["pending"])
        # 02:40: the PC restarts in the middle of a fifth call, which goes on on paper only.
        self.centre.at("2025-11-15 05:20")
        urgent = _call("44", personal=BROTHER, medication_at="2025-11-15T07:00:00+09:00", danger=[AT_NIGHT, AND_AGAIN])
        night.types("call.report", "2025-11-15 05:20", urgent, name="44", entered="2025-11-15 05:45")

    def _back(self, night: Provider) -> None:
        """07:40: the line returns. 41 to 44 are sent, the line drops before the receipts, and all are sent again."""
        self.centre.at("2025-11-15 07:40")
        letters = night.outbox.pending()
        bodies = [letter.body for letter in letters]
        bodies[2] = _in_cp932(letters[2].body)
        for _ in range(2):
            for letter, body in zip(letters, bodies, strict=True):
                night.publishes(letter.type, body)
        self.centre.waits_for("intake", "call.received", 3)
        self.seen["call"] = Desk(self.centre, "night", "架空 夜子").reads(f"/cases/{self._case_of_44()}")
        self.seen["parked"] = Desk(self.centre, "night", "架空 夜子").reads("/parked")
        night.says("shift.close", "2025-11-15 08:20", {"night": NIGHT, "last": 44}, name="close-1")
        night.says("exchange.count", "2025-11-15 08:20", {"night": NIGHT, "contacts": 5}, name="count")

    def _case_of_44(self) -> str:
        calls = [event for record, event in self.centre.events("intake", "call.received") if "#44" in record.causation]
        return str(calls[0].case)

    def _morning(self, night: Provider) -> None:
        """08:30 and on: the statement, two supplements, and each item acknowledged but the last."""
        self.centre.at("2025-11-15 08:30")
        self.centre.waits_for("handover", "statement.issued", 1)
        day = Desk(self.centre, "day", "架空 日子")
        self.seen["statement"] = day.reads("/morning")
        self.seen["printed"] = day.reads(f"/morning/{NIGHT}/statement.txt")
        self.centre.at("2025-11-15 08:41")
        for item in (1, 2, 3):
            self._acknowledges(day, item)
        self.centre.at("2025-11-15 08:52")
        night.sends()  # 43, mended; and the other three once more, since their receipts never came.
        self.centre.waits_for("handover", "statement.issued", 2)
        self._acknowledges(day, 4)
        self.centre.at("2025-11-15 09:30")
        night.says("shift.close", "2025-11-15 09:29", {"night": NIGHT, "last": 45}, name="close-2")
        paper = _call("45", personal={"words": "停電で紙に書いた。"})
        assert night.types("call.report", "2025-11-15 02:40", paper, name="45", entered="2025-11-15 09:30") == 45
        night.sends()
        self.centre.waits_for("handover", "statement.issued", 3)
        self.seen["after"] = day.reads("/morning")
        self.seen["old copy"] = day.reads(f"/morning/{NIGHT}/statement.txt?edition=0")
        self.centre.at("2025-11-15 10:02")  # The last supplement's own half hour is over.
        self.seen["overdue"] = day.reads("/morning")
        self._acknowledges(day, 5)
        self.seen["in the end"] = day.reads("/morning")

    def _acknowledges(self, day: Desk, item: int) -> None:
        day.presses("/morning", night=NIGHT, item=item, do="acknowledge", worker="架空 日子", text="")


def _call(number: str, **matter: Any) -> dict[str, Any]:
    return {"matters": [{"case": f"C-{number}", "district": "kitazawa", **matter}]}


def _in_cp932(body: bytes) -> bytes:
    """The same call as an old program writes it: in clear, with a 髙 that is not UTF-8."""
    told = json.loads(body)
    told["data"] = _call("43", personal={"name": "架空 髙子"})
    return json.dumps(told, ensure_ascii=False).encode("cp932")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The whole night, told once."""
    directory = tmp_path_factory.mktemp("line-down")
    with centre_at(directory, "2025-11-14 16:00") as centre:
        yield Night(centre, directory)


def test_nothing_typed_while_the_line_is_down_is_lost(night: Night) -> None:
    """未送信 1, 2, 3件 while it is down; in the end five calls, and the second sending added none."""
    assert night.unsent == [1, 2, 3]
    assert len(night.centre.events("intake", "call.received")) == 5


def test_five_consultations_all_of_that_night(night: Night) -> None:
    """All 夜間, all of the night of 14 November, though some came in the morning."""
    figures = night.centre.figures(2025)
    statements = night.centre.events("handover", "statement.issued")

    assert (figures["night", "total"], figures["total", "total"]) == (5, 5)
    assert {str(event.night) for _, event in statements} == {NIGHT}
    assert [event.new for _, event in statements] == [3, 4, 5]


def test_one_unreadable_call_delays_none_behind_it(night: Night) -> None:
    """44 was recorded within seconds of 42, while 43 lay aside with its reason."""
    recorded = {record.causation.rpartition("#")[2]: record.recordedat for record, _ in _calls(night)}

    assert recorded["44"] - recorded["42"] < timedelta(minutes=1)
    assert recorded["43"] - recorded["42"] > timedelta(minutes=30)
    parked = night.centre.yoake("parked", "--all", "--json").json
    assert [entry["provider"] for entry in parked] == ["night"]
    assert "UTF-8" in night.seen["parked"]


def test_nothing_says_that_it_agrees_while_it_does_not(night: Night) -> None:
    """The statement and the first supplement differ, each by name; only the last edition, with all five, says 一致."""
    verdicts = [event.verdict for _, event in night.centre.events("handover", "statement.issued")]

    assert verdicts == ["differ", "differ", "agree"]
    assert "一致" not in night.seen["statement"].replace("不一致", "")


def test_what_could_not_wait_shows_its_attempts_before_any_statement(night: Night) -> None:
    """Both attempts at the ward's duty contact, with their times, at 7:40 already."""
    for words in ("05:32", "05:41"):
        assert words in night.seen["call"].replace("翌", "").replace(" 5:", " 05:"), night.seen["call"]


def test_the_statement_is_on_time_and_says_what_differs(night: Night) -> None:
    """08:30, 不一致あり: sent 4, received 3, missing 43; the telephone exchange counted 5."""
    record, first = night.centre.events("handover", "statement.issued")[0]

    assert record.time - moment("2025-11-15 08:30") < timedelta(minutes=1)
    assert (first.hops.sent, first.hops.received, first.hops.held, first.hops.exchange) == (4, 3, 3, 5)
    assert first.verdict == "differ"
    assert ("not-received", ("43",)) in {(one.what, one.named) for one in first.differences}
    assert "exchange" in {one.what for one in first.differences}
    assert "不一致あり" in night.seen["statement"]
    assert "43番" in night.seen["statement"]


def test_what_could_not_wait_stands_first(night: Night) -> None:
    """Item 1 is the call of 05:20, 対応済み・要確認."""
    first = night.centre.events("handover", "statement.issued")[0][1].items[0]

    assert (first.n, first.at, first.attended) == (1, moment("2025-11-15 05:20"), True)
    assert "対応済み・要確認" in night.seen["statement"]


def test_each_supplement_has_a_deadline_of_its_own(night: Night) -> None:
    """Half an hour from when the late call was heard."""
    for edition, came in ((1, "2025-11-15 08:52"), (2, "2025-11-15 09:30")):
        event = night.centre.events("handover", "statement.issued")[edition][1]
        late = event.acknowledge_by - moment(came)

        assert event.edition == edition
        assert timedelta(minutes=30) <= late < timedelta(minutes=31)
        assert all(item.late for item in event.items)


def test_in_the_end_all_agrees(night: Night) -> None:
    """With the paper call typed in, nothing is unexplained; the last item is 受領待ち, which is no difference."""
    _, last = night.centre.events("handover", "statement.issued")[2]

    assert (last.verdict, last.differences) == ("agree", ())
    assert "一致" in night.seen["after"]
    assert "受領待ち" in night.seen["after"]


def test_what_nobody_took_over_is_a_difference_only_once_it_is_overdue(night: Night) -> None:
    """受領待ち until 10:00, 不一致あり from then on, 一致 as soon as somebody acknowledges it."""
    assert "件数照合：不一致あり" not in night.seen["after"]
    assert "件数照合：不一致あり" in night.seen["overdue"]
    assert "件数照合：一致" in night.seen["in the end"]


def test_a_copy_says_which_edition_it_is(night: Night) -> None:
    """The one printed at 8:30; and whoever looks at it later is told that two supplements followed."""
    assert "初版" in night.seen["printed"]
    assert "追加分が2件" in night.seen["old copy"]


def _calls(night: Night) -> list[tuple[Any, Any]]:
    return night.centre.events("intake", "call.received")
