"""Three bad nights, as far as handover's own log goes: the contract's midnight, the lost line, the power cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from services.handover.register import CASES
from tests.desk_examples import Centre, at, call, message
from tests.morning_examples import (
    acknowledge,
    clock,
    evening,
    numbers,
    owners,
    recorded,
    statements,
    tell,
)

MARCH, NOVEMBER, NEW_YEAR = "2025-03-31", "2025-11-14", "2025-12-31"


def told(centre: Centre, *names: str) -> list[tuple[str, str]]:
    """What handover recorded of these, and when."""
    return [
        (record.type, clock(record.time))
        for record in centre.records("handover")
        if any(record.type.startswith(name) for name in names)
    ]


def numbered(said: Any, n: int) -> Any:
    return {**said, "sequence": n}


@pytest.fixture
def contract(database_url: str) -> Iterator[Centre]:
    """契約の変わる夜, up to 8:31: C is open since Friday; B's mother was taken to hospital; D wanted advice."""
    with evening(database_url, "2025-03-28 09:00") as centre:
        tell(centre, ("contractor", call("C", "2025-03-28 10:00")))
        centre.tick("2025-03-31 23:39")
        tell(centre, ("contractor", call("B", "2025-03-31 23:40", safe_until="2025-04-01T09:00:00+09:00")))
        centre.tick("2025-04-01 00:20")
        ring_back = {"by": "2025-04-01T08:45:00+09:00", "who": "night"}
        tell(centre, ("night", call("B", "2025-04-01 00:20", number="R6-0002", call_back=ring_back)))
        tell(centre, ("night", call("D", "2025-04-01 03:00")))
        centre.tick("2025-04-01 08:31")
        yield centre


@pytest.mark.parametrize(("by", "raised"), [("2025-03-31T23:55", []), ("2025-04-01T01:00", ["call-back"])])
def test_what_a_contract_promised_for_after_its_end_is_raised(database_url: str, by: str, raised: list[str]) -> None:
    """Nobody of the former provider is there to ring back; until its end the promise is its own to keep."""
    back = {"by": f"{by}:00+09:00", "who": "contractor"}
    with evening(database_url, "2025-03-31 12:00") as centre:
        centre.tick("2025-03-31 23:40")
        tell(centre, ("contractor", call("P", "2025-03-31 23:40", call_back=back)))

        assert [event.because for event in recorded(centre, "urgent.raised")] == raised


def test_at_midnight_each_open_case_has_a_new_owner(contract: Centre) -> None:
    """B the night provider, C the day provider, each by its own event; whoever is on duty answers for C until 8:30."""
    passed = [(event.giver, event.to) for event in recorded(contract, "case.passed")]

    assert passed == [("contractor", "day"), ("contractor", "night")]
    assert told(contract, "case.passed") == [("case.passed", "01 00:00")] * 2


def test_the_night_of_the_contract_has_one_statement(contract: Centre) -> None:
    """B and D, B first; D, a new year's call, stands on the old year's last night."""
    statement = statements(contract)[-1]

    assert str(statement.night) == MARCH
    assert numbers(statement) == ["R6-0002", "R6-0002", "R7-0001"]
    assert (statement.new, statement.givers, statement.receiver) == (2, ("contractor", "night"), "day")
    assert recorded(contract, "urgent.raised") == []


def test_b_has_one_owner_at_every_instant(contract: Centre) -> None:
    """The old contractor to midnight, the night provider to 8:41, the day provider since."""
    assert owners(contract)["R6-0002"] == "night"
    tell(contract, *(("day", acknowledge(n, "2025-04-01 08:41", night=MARCH)) for n in (1, 2, 3)))
    case = next(row["case"] for row in contract.rows(CASES, "handover") if row["number"] == "R6-0002")
    events = recorded(contract, "case.passed", "item.acknowledged")
    line = [(event.name, event.from_owner, event.to_owner) for event in events if getattr(event, "from_owner", None)]

    assert line == [("item.acknowledged", "night", "day"), ("item.acknowledged", "night", "day")]
    assert [event.case for event in events if event.name == "case.passed"].count(case) == 1
    assert owners(contract) == {"R6-0001": "day", "R6-0002": "day", "R7-0001": "day"}


def test_what_the_old_contractor_sends_again_adds_nothing_for_the_morning(contract: Centre) -> None:
    """B once more, and a note on it of 23:55: no item, no supplement, no owner."""
    b = next(record for record in contract.records() if clock(record.time) == "31 23:40")
    tell(contract, *(("day", acknowledge(n, "2025-04-01 08:41", night=MARCH)) for n in (1, 2, 3)))
    before = [event.name for event in recorded(contract)]
    contract.tick("2025-04-01 09:10")
    note = message("call.add", "2025-03-31 23:55", call=b.causation.partition("#")[2], personal={"note": "追記"})
    tell(contract, ("contractor", note))
    contract.tick("2025-04-01 12:00")

    assert [event.name for event in recorded(contract)] == before


def test_the_paper_of_the_day_is_no_item_of_the_night(contract: Centre) -> None:
    """A, at 17:05 by the old hours, was the day's; it is the old contractor's to midnight and the day's since."""
    contract.tick("2025-04-02 10:00")
    issued = len(statements(contract))
    tell(contract, ("day", call("A", "2025-03-31 17:05")))
    contract.tick("2025-04-02 10:05")

    assert len(statements(contract)) == issued
    assert [(event.giver, event.to) for event in recorded(contract, "case.passed")][2:] == [("contractor", "day")]


@pytest.fixture
def line(database_url: str) -> Iterator[Centre]:
    """回線の切れた夜, up to 8:30: five calls, four messages, one of them unreadable; each sent twice."""
    with evening(database_url, "2025-11-13 12:00") as centre:
        tell(centre, ("night", numbered(call("40", "2025-11-13 22:00"), 40)))
        tell(centre, ("night", message("shift.close", "2025-11-14 08:20", last=40)))
        centre.tick("2025-11-14 08:40")
        tell(centre, ("day", acknowledge(1, "2025-11-14 08:40", night="2025-11-13")))
        centre.tick("2025-11-15 07:41")
        tell(centre, *(("night", one) for _ in range(2) for one in (_41, _42, _44)))
        centre.say("night", _unreadable())
        tell(centre, ("night", message("shift.close", "2025-11-15 08:20", last=44)))
        tell(centre, ("day", message("exchange.count", "2025-11-15 08:25", night=NOVEMBER, contacts=5)))
        centre.tick("2025-11-15 08:30")
        yield centre


def _unreadable() -> bytes:
    """43 as that adapter sends it: cp932, not UTF-8."""
    whole = {**_43, "data": {"matters": [{"case": "43", "personal": {"name": "NAME"}}]}}
    return msgspec.json.encode(whole).replace(b"NAME", "髙".encode("cp932"))


_TRIED = [
    {"what": "ward", "at": "2025-11-15T05:32:00+09:00", "to": "ward-duty", "answered": False},
    {"what": "ward", "at": "2025-11-15T05:41:00+09:00", "to": "ward-duty-second", "answered": True},
]
_41 = numbered(call("41", "2025-11-14 22:15"), 41)
_42 = numbered(call("42", "2025-11-14 23:50"), 42)
_43 = numbered(call("43", "2025-11-15 01:30"), 43)
_44 = numbered(call("44", "2025-11-15 05:20", medication_at="2025-11-15T07:00:00+09:00", danger=_TRIED), 44)
_45 = numbered(call("45", "2025-11-15 02:40"), 45)


def test_the_statement_is_issued_on_time_and_says_what_differs(line: Centre) -> None:
    """Sent 4, received 3, missing 43; the exchange 5. 44 stands first, attended."""
    statement = statements(line)[-1]
    hops = statement.hops

    assert told(line, "statement.issued")[-1] == ("statement.issued", "15 08:30")
    assert (hops.sent, hops.received, hops.recorded, hops.held, hops.stated, hops.exchange) == (4, 3, 3, 3, 3, 5)
    assert [(each.what, each.named) for each in statement.differences] == [
        ("not-received", ("43",)),
        ("exchange", ("5", "3")),
    ]
    assert (statement.verdict, statement.new, statement.edition) == ("differ", 3, 0)
    first = statement.items[0]
    assert (clock(first.at), first.attended, clock(first.wait_until)) == ("15 05:20", True, "15 07:00")


def test_the_call_of_twenty_past_five_shows_who_was_tried_before_any_statement(line: Centre) -> None:
    """That it could not wait is known as soon as it is heard; nobody is called who is not needed any more."""
    assert told(line, "urgent.") == [("urgent.raised", "15 07:41"), ("urgent.answered", "15 05:41")]
    assert recorded(line, "urgent.raised")[0].next is None


def test_two_supplements_make_it_agree(line: Centre) -> None:
    """43 mended, then the paper call as number 45: each with a deadline of its own; no agreement any sooner."""
    line.tick("2025-11-15 08:41")
    tell(line, *(("day", acknowledge(n, "2025-11-15 08:41", night=NOVEMBER)) for n in (1, 2, 3)))
    line.tick("2025-11-15 08:52")
    tell(line, ("night", _43))
    line.tick("2025-11-15 09:20")
    tell(line, ("day", acknowledge(4, "2025-11-15 09:20", night=NOVEMBER)))
    line.tick("2025-11-15 09:29")
    tell(line, ("night", message("shift.close", "2025-11-15 09:29", night=NOVEMBER, last=45)))
    line.tick("2025-11-15 09:30")
    tell(line, ("night", _45))
    line.tick("2025-11-15 09:32")
    _, _, one, two = statements(line)

    assert [(each.edition, each.verdict, clock(each.acknowledge_by)) for each in (one, two)] == [
        (1, "differ", "15 09:22"),
        (2, "agree", "15 10:00"),
    ]
    assert [[item.n for item in each.items] for each in (one, two)] == [[4], [5]]
    assert (two.new, two.hops.sent, two.hops.received, two.hops.exchange) == (5, 5, 5, 5)
    assert {str(each.night) for each in (one, two)} == {NOVEMBER}


def test_the_ladder_of_a_closed_day_is_that_of_the_closed_day(line: Centre) -> None:
    """Saturday: nobody acknowledges, and the ward is told by its duty contact of the hour."""
    line.tick("2025-11-15 12:00")
    passed = [event for event in recorded(line, "deadline.passed") if str(event.night) == NOVEMBER]

    assert [(event.step, event.to, event.items) for event in passed] == [
        ("reminded", "day", (1, 2, 3)),
        ("escalated", "ward", (1, 2, 3)),
    ]


@pytest.fixture
def power(database_url: str) -> Iterator[Centre]:
    """元日の停電, up to 11:20: F was heard at 2:30, signed for on paper at 8:55, and everything was off."""
    with evening(database_url, "2025-12-31 12:00") as centre:
        tell(centre, ("day", call("E", "2025-12-31 14:00")))
        tell(centre, ("night", call("E", "2025-12-31 23:10", number="R7-0001")))
        tell(centre, ("night", call("F", "2026-01-01 02:30", safe_until="2026-01-02T13:00:00+09:00")))
        centre.tick("2026-01-01 03:00")
        centre.close()
        centre.clock.now = at("2026-01-01 11:20")
        centre.restart()
        centre.tick()
        yield centre


def test_after_the_power_cut_each_deadline_leaves_one_event(power: Centre) -> None:
    """Each says when it was due and when it fired; the notice to the ward names the reminder as well."""
    steps = recorded(power, "deadline.passed")

    assert [(each.step, clock(each.due_at), clock(each.fired_at), each.also) for each in steps] == [
        ("reminded", "01 09:15", "01 11:20", ()),
        ("escalated", "01 09:30", "01 11:20", ("reminded",)),
    ]
    (statement,) = statements(power)
    assert told(power, "statement.issued") == [("statement.issued", "01 11:20")]
    assert (clock(statement.due_at), numbers(statement)) == ("01 08:30", ["R7-0002", "R7-0001"])


def test_starting_and_stopping_again_fires_nothing_twice(power: Centre) -> None:
    """Between 11:20 and 11:30."""
    before = [event.name for event in recorded(power)]
    for minute in range(21, 30):
        power.clock.now = at(f"2026-01-01 11:{minute}")
        power.restart()
        power.tick()

    assert [event.name for event in recorded(power)] == before


def test_the_paper_of_five_to_nine_was_in_time(power: Centre) -> None:
    """By the first clock acknowledged at 8:55, by the second known at 11:30; the ward learns that it was in hand."""
    power.tick("2026-01-01 11:30")
    tell(power, *(("day", acknowledge(n, "2026-01-01 08:55", night=NEW_YEAR)) for n in (1, 2)))
    records = [record for record in power.records("handover") if record.type == "item.acknowledged"]

    assert [(clock(record.time), clock(record.recordedat)) for record in records] == [("01 08:55", "01 11:30")] * 2
    assert [(each.step, each.to, each.in_time) for each in recorded(power, "deadline.settled")] == [
        ("reminded", "day", True),
        ("escalated", "ward", True),
    ]


def test_the_new_years_nights_are_as_any_other(power: Centre) -> None:
    """E's mother adds none, F is one; the night of 1 January is quiet, and acknowledged as a whole."""
    power.tick("2026-01-02 09:10")
    tell(power, ("day", acknowledge(0, "2026-01-02 09:10", night="2026-01-01")))

    first, quiet = statements(power)
    assert (str(first.night), first.new, len(first.items)) == (NEW_YEAR, 1, 2)
    assert (str(quiet.night), quiet.items, quiet.new) == ("2026-01-01", (), 0)
    assert recorded(power, "item.acknowledged")[-1].item == 0
