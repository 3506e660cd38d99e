"""契約の変わる夜: the contract changes hands at midnight. 31 March 2025 (Mon) to 2 April (Wed).

Until 24:00 one old contractor works day and night; then a day and a night provider. All people and organisations are
invented. The days are told once; each test asks what must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stories.centre import Centre, Desk, Provider, centre_at, moment

NIGHT = "2025-03-31"
OLD_ROLE = """
[[role]]
key = "contractor"
label = { ja = "旧受託事業者の担当", en = "Former contractor" }
provider = "contractor"
sees = ["persons", "calls", "parked", "status"]
"""


class Days:
    """What was seen while the contract changed; its centre still runs, on 3 April."""

    def __init__(self, centre: Centre, directory: Path) -> None:
        self.centre, self.seen = centre, dict[str, str]()
        old = Provider(centre, "contractor", directory)
        self._before(old)
        night = Provider(centre, "night", directory)
        self._after_midnight(night)
        self._morning()
        self._late(old, Provider(centre, "day", directory))

    def _before(self, old: Provider) -> None:
        """Case C by day on Friday; on Monday B at 23:40. Call A of 17:05 stays on paper."""
        self.centre.at("2025-03-31 23:40")
        old.types("call.report", "2025-03-28 10:00", _call("C"), name="C", entered="2025-03-28 10:05")
        alone = {"name": "架空 息子", "words": "母が病院に運ばれた。隣人が9時まで付き添う。"}
        told = _call("B", personal=alone, safe_until="2025-04-01T09:00:00+09:00", reasons=["carer-ill"])
        old.types("call.report", "2025-03-31 23:40", told, name="B")
        old.sends()
        self.old_desk = Desk(self.centre, "contractor", "架空 旧子")
        self.seen["B before"] = self.old_desk.reads(f"/calls/{self._number_of('B')}")
        # 23:50: its line is down; a note on B, written at 23:55, stays on its disk. B will be sent once more.
        note = {"call": "B", "personal": {"note": "隣人の電話は玄関の横"}}
        old.types("call.add", "2025-03-31 23:55", note, name="B-note", entered="2025-03-31 23:55")
        old.outbox.send_again(old.source, [2])

    def _after_midnight(self, night: Provider) -> None:
        """00:00: B and C pass, each by its own event. 00:20 the neighbour rings again; 03:00 call D."""
        self.centre.at("2025-04-01 00:00")
        self.centre.waits_for("handover", "case.passed", 2)
        self.shut_out = [self.old_desk.is_shut_out_of(f"/cases/{self.call('B').case}")]
        self.centre.at("2025-04-01 00:20")
        number = self._number_of("B")
        worker = Desk(self.centre, "night", "架空 夜子")
        self.seen["B"] = worker.reads(f"/calls/{number}")
        self.seen["C at night"] = worker.reads(f"/cases/{self.call('C').case}")
        self.seen["tonight"] = worker.reads("/tonight")
        promise = {"by": "2025-04-01T08:45:00+09:00", "who": "day"}
        again = {"matters": [{"number": number, "call_back": promise, "personal": {"words": "隣人からもう一度"}}]}
        night.types("call.report", "2025-04-01 00:20", again, name="B-again")
        alone = _call("D", personal={"words": "ヘルパーが来なかった。助言のみ。"})
        night.types("call.report", "2025-04-01 03:00", alone, name="D")
        night.sends()

    def _morning(self) -> None:
        """08:30 the statement of 31 March; both are acknowledged at 08:41."""
        self.centre.at("2025-04-01 08:30")
        until = self.centre.events("handover", "statement.issued")
        self.centre.waits_for("handover", "statement.issued", max(1, len(until)))
        self.centre.at("2025-04-01 08:41")
        day = Desk(self.centre, "day", "架空 日子")
        self.seen["statement"] = day.reads(f"/morning?night={NIGHT}")
        self.shut_out.append(self.old_desk.is_shut_out_of(f"/morning?night={NIGHT}"))
        for item in self.statement().items:
            day.presses("/morning", night=NIGHT, item=item.n, do="acknowledge", worker="架空 日子", text="")

    def _late(self, old: Provider, day: Provider) -> None:
        """09:10 the old contractor's adapter is back; on 2 April the paper of A is typed in."""
        self.centre.at("2025-04-01 09:10")
        old.sends()
        self.shut_out.append(self.old_desk.is_shut_out_of(f"/cases/{self.call('B').case}"))
        self.seen["late note"] = Desk(self.centre, "day", "架空 日子").reads(f"/cases/{self.call('B').case}")
        self.centre.at("2025-04-02 10:00")
        paper = _call("A", personal={"caller": {"name": "架空 父", "relation": "父"}})
        day.types("call.report", "2025-03-31 17:05", paper, name="A", entered="2025-04-02 10:00")
        day.sends()
        self.centre.at("2025-04-03 10:00")

    def statement(self) -> Any:
        """The statement of the night in which the contract changed."""
        issued = [event for _, event in self.centre.events("handover", "statement.issued") if str(event.night) == NIGHT]
        return issued[0]

    def _number_of(self, case: str) -> str:
        return str(self.call(case).number)

    def call(self, case: str) -> Any:
        """The first contact under a reference."""
        calls = [event for _, event in self.centre.events("intake", "call.received") if event.case_ref == case]
        return calls[0]


def _call(case: str, **matter: Any) -> dict[str, Any]:
    return {"matters": [{"case": case, "district": "kitazawa", **matter}]}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """The whole story, told once."""
    directory = tmp_path_factory.mktemp("contract")
    with centre_at(directory, "2025-03-28 09:00", OLD_ROLE) as centre:
        yield Days(centre, directory)


def test_bands_and_years_are_those_of_the_hours_then_in_force(days: Days) -> None:
    """A is 日中, 令和6年度 (the day then ended at 17:15); B 夜間, 令和6年度; D 夜間, 令和7年度."""
    old, new = days.centre.figures(2024), days.centre.figures(2025)

    assert (old["day", "total"], old["night", "total"]) == (2, 1)  # C and A; B.
    assert (new["day", "total"], new["night", "total"]) == (0, 1)  # D.


def test_with_the_other_fiscal_year_d_alone_moves(days: Days) -> None:
    """The table of the same ledger, by the evening of each night: D of 03:00 is 令和6年度, the rest stays."""
    other = days.centre.figures_with("evening")

    assert (other["2024/day"], other["2024/night"]) == (2, 2)  # C and A; B and D.
    assert (other["2025/day"], other["2025/night"]) == (0, 0)


def test_after_midnight_the_old_contractor_reads_nothing(days: Days) -> None:
    """It was signed in and read B; from 00:00 no page shows it anything, and no new link is made for it."""
    assert "隣人が9時まで付き添う" in days.seen["B before"]
    assert days.shut_out == [True, True, True]
    refused = days.centre.yoake("signin", "contractor")
    assert refused.returncode == 2
    assert "契約は終わっています" in refused.stdout + refused.stderr or "contract is over" in refused.stderr


def test_who_is_on_duty_is_not_who_is_in_charge(days: Days) -> None:
    """At 00:20 C is in the day provider's charge; the night provider has the line, until 08:30."""
    assert "担当が替わった" in days.seen["C at night"]
    assert "日中受託事業者" in days.seen["C at night"]
    assert "当番：夜間受託事業者" in days.seen["tonight"]
    assert "当番：日中受託事業者" in days.seen["statement"]


def test_the_promised_call_back_stands_on_the_statement(days: Days) -> None:
    """What was promised at 00:20 to be done before 08:45, and by whom."""
    assert re.search("折り返しの約束[^。]{0,20}日中受託事業者[^。]{0,10}8:45", days.seen["statement"]), days.seen[
        "statement"
    ]


def test_the_old_contractor_may_send_what_was_before_midnight(days: Days) -> None:
    """Its repeat of B and the note of 23:55 were taken at 09:10, and nothing of it was parked."""
    (added,) = [record for record, _ in days.centre.events("intake", "call.added")]

    assert added.time == moment("2025-03-31 23:55")
    assert added.recordedat >= moment("2025-04-01 09:10")
    assert days.centre.yoake("parked", "--all", "--json").json == []


def test_the_statement_lists_the_night_across_the_change_of_year(days: Days) -> None:
    """B and D, B first, with the neighbour's 続報; one statement."""
    statement = days.statement()
    first = [item for item in statement.items if not item.further]

    assert [item.case for item in first] == [days.call("B").case, days.call("D").case]
    assert [item.further for item in statement.items].count(True) == 1
    assert sum(str(event.night) == NIGHT for _, event in days.centre.events("handover", "statement.issued")) == 1
    assert "3月31日" in days.seen["statement"]


def test_a_case_counts_once_whatever_comes_again(days: Days) -> None:
    """The neighbour's call and the repeat of B add nothing; its note of 23:55 is kept."""
    of_b = [event for _, event in days.centre.events("intake", "call.received") if event.case == days.call("B").case]

    assert len(of_b) == 2  # 第一報 and 続報.
    assert len(days.centre.events("intake", "call.added")) == 1
    assert "隣人の電話は玄関の横" in days.seen["late note"]


def test_there_is_one_owner_at_every_instant(days: Days) -> None:
    """B: old contractor to 00:00, night provider to 08:41, day provider after. C: day provider from 00:00."""
    passed = {event.case: (record.time, event) for record, event in days.centre.events("handover", "case.passed")}
    taken = [(record, event) for record, event in days.centre.events("handover", "item.acknowledged")]
    b, c = days.call("B").case, days.call("C").case

    assert passed[b][0] == passed[c][0] == moment("2025-04-01 00:00")
    assert (passed[b][1].giver, passed[b][1].to) == ("contractor", "night")
    assert (passed[c][1].giver, passed[c][1].to) == ("contractor", "day")
    of_b = [(record, event) for record, event in taken if event.case == b and event.to_owner]
    assert [(event.from_owner, event.to_owner) for _, event in of_b] == [("night", "day")]
    assert of_b[0][0].time - moment("2025-04-01 08:41") < timedelta(minutes=2)


def test_known_at_tells_the_late_entry(days: Days) -> None:
    """On 1 April no A; on 3 April one more day call in 令和6年度."""
    then = days.centre.figures(2024, "--known-at", "2025-04-01T12:00:00+09:00")
    now = days.centre.figures(2024, "--known-at", "2025-04-03T09:00:00+09:00")

    assert (then["day", "total"], now["day", "total"]) == (1, 2)
    assert any(flag.code == "late-entry" for flag in days.call("A").flags)


def test_the_difference_names_the_late_entry(days: Days) -> None:
    """公表時 1, 現在 2: moved by the call that was typed in on 2 April, 後入力."""
    asked = (
        "report",
        "calls",
        "--fy",
        "2024",
        "--known-at",
        "2025-04-03T09:00+09:00",
        "--since",
        "2025-04-01T12:00+09:00",
    )
    found, told = days.centre.yoake(*asked, "--format", "json").json, days.centre.yoake(*asked).stdout
    total = next(cell for cell in found["cells"] if cell["row"] == "2024/day" and cell["column"] == "total")

    assert (total["then"], total["now"]) == (1, 2)
    [cause] = found["causes"]
    assert (cause["about"], cause["step"]["event"]) == (days.call("A").case, "call.received")
    assert "late-entry" in [flag["code"] for flag in cause["step"]["data"]["flags"]]
    assert days.call("A").number in told
    assert "後入力" in told


def test_the_night_worker_reads_all_of_the_case(days: Days) -> None:
    """At 00:20, what the old contractor wrote at 23:40."""
    assert "隣人が9時まで付き添う" in days.seen["B"]
