"""元日の停電: nobody can acknowledge. 31 December 2025 (Wed) to 2 January 2026 (Fri); the ward is closed until the 3rd.

All people and organisations are invented. The days are told once; each test asks what must hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.hook_examples import Receiver, receiving
from tests.running import until
from tests.stories.centre import Centre, Desk, Provider, centre_at, moment

NIGHT = "2025-12-31"
NEXT = "2026-01-01"
DUTY_DESK = """
[[subscriber]]
key = "duty-desk"
label = {{ ja = "区の当直", en = "Ward's duty desk" }}
way = "webhook"
events = ["deadline.passed", "deadline.settled"]
whom = ["ward"]
url = "{url}"
private_hosts = ["localhost"]
"""


class Days:
    """What was seen while the days went by; its centre still runs, on 2 January."""

    def __init__(self, centre: Centre, directory: Path, duty_desk: Receiver) -> None:
        self.centre, self.seen, self.duty_desk = centre, dict[str, str](), duty_desk
        centre.yoake("subscriber", "add", "duty-desk")
        self.day, self.night = Provider(centre, "day", directory), Provider(centre, "night", directory)
        self._evening()
        self._power_cut()
        self._noon()
        self._next_morning()

    def _evening(self) -> None:
        """E's stay begins; 16:50 今夜の申し送り; 23:10 E's mother rings; 02:30 call F."""
        self.day.types("call.report", "2025-12-31 10:00", _call("E"), name="E")
        stay = {"case": "E", "placement": "S-E", "kind": "short-stay", "begins_at": "2025-12-31T15:00:00+09:00"}
        self.day.types("placement.arrange", "2025-12-31 11:00", stay, name="E-stay")
        personal = {"note": "短期入所中", "may_ring": "母", "promised": "", "not_promise": "帰宅の日は約束しない"}
        self.day.types("case.note", "2025-12-31 16:30", {"case": "E", "personal": personal}, name="E-note")
        self.centre.at("2025-12-31 16:45")
        self.day.sends()
        self.centre.at("2025-12-31 16:50")
        self.centre.waits_for("handover", "evening.issued", 1)
        worker = Desk(self.centre, "night", "架空 夜子")
        self.centre.at("2025-12-31 23:10")
        self.seen["tonight"] = worker.reads("/tonight")
        number = self.centre.events("intake", "call.received")[0][1].number
        anxious = {"matters": [{"number": number, "personal": {"caller": {"name": "架空 母", "relation": "母"}}}]}
        self.night.types("call.report", "2025-12-31 23:10", anxious, name="mother")
        self.night.sends()
        self.centre.at("2026-01-01 02:30")
        funeral = _call("F", safe_until="2026-01-02T13:00:00+09:00", reasons=["carer-away"])
        self.night.types("call.report", "2026-01-01 02:30", funeral, name="F")
        self.night.sends()

    def _power_cut(self) -> None:
        """03:00 to 11:20: everything is off. Then the statement and what was due become due at once."""
        self.centre.at("2026-01-01 03:00")
        self.centre.switch_off()
        self.seen["last copy"] = self.centre.yoake("tonight", "--last").stdout
        self.centre.at("2026-01-01 05:10")  # The night worker's adapter goes on, on its own disk.
        self.night.types("call.add", "2026-01-01 05:10", {"call": "F", "personal": {"note": "鍵は隣人"}}, name="F-note")
        self.unsent = self.night.outbox.counts()["pending"]
        self.centre.at("2026-01-01 11:20")
        self.centre.switch_on()
        self.centre.waits_for("handover", "statement.issued", 1)
        self.centre.waits_for("handover", "deadline.passed", 2)
        self.fired = [self._fired()]
        for _ in range(2):
            self.centre.switch_off()
            self.centre.switch_on()
            self.fired.append(self._fired())

    def _fired(self) -> list[str]:
        """What handover has recorded of the night so far, by id."""
        names = ("statement.issued", "deadline.passed", "deadline.settled", "evening.issued")
        return [record.id for record in self.centre.records("handover") if record.type in names]

    def _noon(self) -> None:
        """What was typed without power is sent. 11:30: the paper receipt is entered: acknowledged at 08:55."""
        self.night.sends()
        self.told_by_then = self.told()
        self.centre.at("2026-01-01 11:30")
        day = Desk(self.centre, "day", "架空 日子")
        self.seen["overdue"] = day.reads("/morning")
        for item in self.centre.events("handover", "statement.issued")[0][1].items:
            told = {"worker": "架空 日子", "text": "電話で聞き、復唱した。紙に署名。", "at": "8:55"}
            day.presses("/morning", night=NIGHT, item=item.n, do="acknowledge", **told)
        self.seen["acknowledged"] = day.reads("/morning")

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """What has reached the ward's duty desk, each once by its id, in its order."""
        events = {received.event["id"]: received.event for received in self.duty_desk.taken}
        return [(event["type"], event["data"]) for event in events.values()]

    def _next_morning(self) -> None:
        """2 January: a quiet night, acknowledged; a helper for F is arranged."""
        self.centre.at("2026-01-02 08:30")
        self.centre.waits_for("handover", "statement.issued", 2)
        self.centre.at("2026-01-02 09:10")
        day = Desk(self.centre, "day", "架空 日子")
        self.seen["quiet"] = day.reads("/morning")
        day.presses("/morning", night=NEXT, item=0, do="acknowledge", worker="架空 日子", text="")
        number = self.centre.events("intake", "call.received")[2][1].number
        helper = {"number": number, "placement": "H-F", "kind": "home-help", "begins_at": "2026-01-02T13:00:00+09:00"}
        self.day.types("placement.arrange", "2026-01-02 09:10", helper, name="F-help")
        self.day.sends()


def _call(case: str, **matter: Any) -> dict[str, Any]:
    return {"matters": [{"case": case, "district": "kitazawa", **matter}]}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """The whole story, told once."""
    directory = tmp_path_factory.mktemp("power-cut")
    with receiving() as desk, centre_at(directory, "2025-12-31 09:00", DUTY_DESK.format(url=desk.url)) as centre:
        yield Days(centre, directory, desk)


def test_the_night_worker_reads_what_not_to_promise(days: Days) -> None:
    """今夜の申し送り says who may ring and what not to promise; a copy of it can be had while the power is off."""
    for seen in (days.seen["tonight"], days.seen["last copy"]):
        assert "帰宅の日は約束しない" in seen, seen


def test_one_consultation_and_a_further_contact(days: Days) -> None:
    """F is one 相談, 夜間, 令和7年度, 居宅介護. E's mother adds none to E's, by day, short stay."""
    figures = days.centre.figures(2025)

    assert (figures["night", "home-help"], figures["night", "total"]) == (1, 1)
    assert (figures["day", "short-stay"], figures["day", "total"]) == (1, 1)


def test_the_statement_came_late_and_says_so(days: Days) -> None:
    """It was due at 8:30 and was issued when the power was back; E's mother is listed as 続報."""
    record, event = days.centre.events("handover", "statement.issued")[0]

    assert event.due_at == moment("2026-01-01 08:30")
    assert timedelta() <= record.time - moment("2026-01-01 11:20") < timedelta(minutes=1)
    assert sorted(item.further for item in event.items) == [False, True]
    assert "遅れて発行：予定は" in days.seen["overdue"]


def test_each_deadline_left_exactly_one_event(days: Days) -> None:
    """Reminder of 9:15 and notice of 9:30, each with when it was due and when it fired; one message names both."""
    passed = [event for _, event in days.centre.events("handover", "deadline.passed") if str(event.night) == NIGHT]
    due = [(event.step, event.due_at) for event in passed]

    assert due == [("reminded", moment("2026-01-01 09:15")), ("escalated", moment("2026-01-01 09:30"))]
    assert all(event.fired_at >= moment("2026-01-01 11:20") for event in passed)
    assert (passed[1].to, passed[1].also) == ("ward", ("reminded",))
    assert "期限超過" in days.seen["overdue"]


def test_starting_and_stopping_again_fires_nothing_twice(days: Days) -> None:
    """Twice more between 11:20 and 11:30: the same events as after the first start, one by one."""
    first, *again = days.fired

    assert len(first) == len(set(first)) >= 4
    assert again == [first, first]


def test_then_the_ward_hears_that_it_was_in_hand(days: Days) -> None:
    """One more message: by the first clock it had been acknowledged in time."""
    settled = [event for _, event in days.centre.events("handover", "deadline.settled") if event.to == "ward"]

    assert [(str(event.night), event.in_time) for event in settled] == [(NIGHT, True)]


def test_the_wards_duty_contact_got_one_message_and_one_that_it_was_in_hand(days: Days) -> None:
    """Delivered, and not only written down: one that names both steps; after 11:30 one that it had been in time."""
    [(name, first)] = days.told_by_then
    until(lambda: len(days.told()) >= 2)
    [_, (last_name, last)] = [each for each in days.told() if each[1]["night"] == NIGHT]

    assert (name, first["step"], first["also"]) == ("deadline.passed", "escalated", ["reminded"])
    assert (last_name, last["in_time"]) == ("deadline.settled", True)
    assert set(first["items"]) == set(last["items"])


def test_what_was_typed_without_power_is_there(days: Days) -> None:
    """05:10: one 未送信 on the worker's own disk; sent when the power was back, once, and no item of its own."""
    assert days.unsent == 1
    [(record, _)] = days.centre.events("intake", "call.added")
    assert record.time == moment("2026-01-01 05:10")
    assert record.recordedat >= moment("2026-01-01 11:20")


def test_both_clocks_are_kept(days: Days) -> None:
    """Acknowledged at 8:55, recorded at 11:30; the page shows both."""
    for record, event in days.centre.events("handover", "item.acknowledged"):
        if str(event.night) == NIGHT:
            assert record.time == moment("2026-01-01 08:55")
            assert record.recordedat >= moment("2026-01-01 11:30")
    assert "8:55" in days.seen["acknowledged"]
    assert "11:3" in days.seen["acknowledged"]


def test_a_quiet_night_is_proved_and_acknowledged(days: Days) -> None:
    """相談0件 on 2 January, with intake's closing of that night behind it."""
    closed = [event for _, event in days.centre.events("intake", "night.closed") if str(event.night) == NEXT]
    quiet = [event for _, event in days.centre.events("handover", "item.acknowledged") if str(event.night) == NEXT]

    assert [event.count for event in closed] == [0]
    assert [event.item for event in quiet] == [0]
    assert "相談0件" in days.seen["quiet"]
