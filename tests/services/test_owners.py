"""In whose charge (担当) a case is: one owner at any instant; what a contract's end passes on, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.desk_examples import GROUND, ON_ONE_STORE, WARD, Centre, at, call, close, contact, correct, message
from tests.morning_examples import acknowledge, clock, evening, item, owners, recorded, statements, tell

LAST_DAY = "2025-03-31"


@pytest.fixture
def last_days(database_url: str) -> Iterator[Centre]:
    """Friday, 28 March 2025: one contractor works day and night, until Monday."""
    with evening(database_url, "2025-03-28 09:00") as centre:
        yield centre


def passings(centre: Centre) -> list[tuple[str, str, str, str]]:
    """Which case passed from whom to whom, and when."""
    by_id = {event.case: event.number for event in centre.events() if event.name == "call.received"}
    return [
        (by_id[event.case], event.giver, event.to, clock(record.time))
        for record, event in zip(centre.records("handover"), centre.events("handover"), strict=True)
        if event.name == "case.passed"
    ]


def test_a_case_is_in_the_charge_of_who_had_the_line(database_url: str) -> None:
    """By day the day provider, at night the night provider, whoever typed it in."""
    with evening(database_url) as centre:
        tell(
            centre,
            ("day", call("A", "2025-05-12 13:00")),
            ("night", call("B", "2025-05-12 22:00")),
            ("day", call("C", "2025-05-12 23:00")),
        )

        assert owners(centre) == {"R7-0001": "day", "R7-0002": "night", "R7-0003": "night"}


def test_a_further_contact_changes_no_owner(database_url: str) -> None:
    """The night hears of a case of the day's; it stays the day's."""
    with evening(database_url) as centre:
        tell(centre, ("day", call("A", "2025-05-12 13:00")))
        tell(centre, ("night", call("A", "2025-05-12 22:00", number="R7-0001")))

        assert owners(centre) == {"R7-0001": "day"}


def test_the_first_contact_decides_whenever_it_is_heard(database_url: str) -> None:
    """What was before comes later: the case was the day's all along, unless somebody has taken it over since."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")), ("night", call("B", "2025-05-12 22:30")))
        tell(centre, ("day", call("A", "2025-05-12 13:00", number="R7-0001")))
        wrong = call("C", "2025-05-12 23:00")
        tell(centre, ("night", wrong))
        tell(centre, ("night", correct(wrong, "2025-05-12 23:30", occurred_at="2025-05-12T16:00:00+09:00")))

        assert owners(centre) == {"R7-0001": "day", "R7-0002": "night", "R7-0003": "day"}


def test_open_cases_pass_to_the_new_providers_at_midnight(last_days: Centre) -> None:
    """Day cases to the day provider, night cases to the night provider, each by its own event, at 0:00."""
    tell(
        last_days,
        ("contractor", call("day", "2025-03-28 10:00")),
        ("contractor", call("closed", "2025-03-28 11:00")),
        ("contractor", call("night", "2025-03-31 23:40")),
    )
    tell(last_days, ("contractor", close("closed", "2025-03-31 23:50")))
    last_days.tick("2025-04-01 00:01")

    assert passings(last_days) == [
        ("R6-0001", "contractor", "day", "01 00:00"),
        ("R6-0003", "contractor", "night", "01 00:00"),
    ]
    assert owners(last_days) == {"R6-0001": "day", "R6-0002": "contractor", "R6-0003": "night"}


def test_cases_pass_once_also_after_a_midnight_switched_off(last_days: Centre) -> None:
    """Late, and as of midnight; a start in between passes nothing on again."""
    tell(last_days, ("contractor", call("A", "2025-03-28 10:00")))
    last_days.close()
    last_days.clock.now = at("2025-04-01 07:00")
    for _ in range(3):
        last_days.restart()
        last_days.tick()

    assert passings(last_days) == [("R6-0001", "contractor", "day", "01 00:00")]
    (record,) = [record for record in last_days.records("handover") if record.type == "case.passed"]
    assert clock(record.recordedat) == "01 07:00"


def test_what_passed_to_an_agency_stays_there(last_days: Centre) -> None:
    """It is no provider's any more."""
    tell(last_days, ("contractor", call("A", "2025-03-28 10:00")))
    given = message(
        "handover.complete", "2025-03-29 10:00", case="A", handover="H", kind="section", to="北沢保健福祉課", **GROUND
    )
    tell(last_days, ("contractor", given))
    last_days.tick("2025-04-01 12:00")

    assert passings(last_days) == []
    assert owners(last_days)["R6-0001"].startswith("agency:")


def test_a_case_that_comes_back_is_its_givers(database_url: str) -> None:
    """差戻し: to whoever handed it over."""
    with evening(database_url) as centre:
        tell(centre, ("day", call("A", "2025-05-12 13:00")))
        given = {"case": "A", "handover": "H", "kind": "agency", "to": "ぽーと", **GROUND}
        tell(centre, ("day", message("handover.complete", "2025-05-12 14:00", **given)))
        assert owners(centre)["R7-0001"].startswith("agency:")
        tell(centre, ("day", message("handover.return", "2025-05-12 15:00", handover="H")))

        assert owners(centre) == {"R7-0001": "day"}


def test_a_late_entry_for_an_ended_contract_passes_on_as_it_is_heard(last_days: Centre) -> None:
    """Paper of 31 March, typed in on 2 April by the day provider: the old contractor's until midnight, then theirs."""
    last_days.tick("2025-04-02 10:00")
    tell(last_days, ("day", call("A", "2025-03-31 17:05")))

    assert passings(last_days) == [("R6-0001", "contractor", "day", "01 00:00")]
    assert owners(last_days) == {"R6-0001": "day"}


def test_what_was_recorded_before_midnight_and_heard_after_it_passes_on(last_days: Centre) -> None:
    """The line was down over midnight: the others had passed on, and this one was not known yet."""
    last_days.say("contractor", call("A", "2025-03-31 23:40"))
    last_days.clock.now = at("2025-04-01 00:00")
    last_days.desk("handover").fall_due()
    last_days.tick("2025-04-01 00:10")

    assert passings(last_days) == [("R6-0001", "contractor", "night", "01 00:00")]
    assert owners(last_days) == {"R6-0001": "night"}


def test_what_opens_again_after_a_contract_is_the_new_providers(last_days: Centre) -> None:
    """It was closed, so it did not pass on; a call of before its closing comes late, on paper, and it is open again."""
    wrong = call("A", "2025-03-31 17:05")
    tell(
        last_days, ("contractor", wrong), ("contractor", correct(wrong, "2025-03-31 17:06", not_counted="wrong-number"))
    )
    last_days.tick("2025-04-02 10:00")
    assert passings(last_days) == []
    tell(last_days, ("day", call("A", "2025-03-31 17:30", number="R6-0001")))

    assert passings(last_days) == [("R6-0001", "contractor", "day", "01 00:00")]


def test_what_is_taken_apart_after_a_contract_is_the_new_providers(last_days: Centre) -> None:
    """The whole was closed in time; its part is open again, and in the charge of one that is there."""
    tell(last_days, ("contractor", call("A", "2025-03-28 10:00")), ("contractor", call("B", "2025-03-28 11:00")))
    tell(last_days, ("contractor", message("case.merge", "2025-03-28 12:00", case="B", into="A")))
    tell(last_days, ("contractor", close("A", "2025-03-28 13:00")))
    last_days.tick("2025-04-02 10:00")
    assert passings(last_days) == []
    tell(last_days, ("day", message("case.split", "2025-04-02 10:00", number="R6-0002")))

    assert passings(last_days) == [("R6-0002", "contractor", "day", "02 10:00")]


def test_what_an_agency_gives_back_after_the_contract_is_the_new_providers(last_days: Centre) -> None:
    """It came back ten minutes before midnight, and that was told in the morning."""
    given = {"case": "A", "handover": "H", "kind": "agency", "to": "ぽーと", **GROUND}
    tell(last_days, ("contractor", call("A", "2025-03-28 10:00")))
    tell(last_days, ("contractor", message("handover.complete", "2025-03-28 11:00", **given)))
    last_days.tick("2025-04-01 04:00")
    tell(last_days, ("contractor", message("handover.return", "2025-03-31 23:50", handover="H")))

    assert passings(last_days) == [("R6-0001", "contractor", "day", "01 00:00")]
    assert owners(last_days) == {"R6-0001": "day"}


def test_what_is_taken_back_after_the_contract_is_the_new_providers(database_url: str) -> None:
    """The day took it over on the last day, and takes that back on the first: the night that gave it is not there."""
    ending = _with_end("2025-05-13", "night")
    with evening(database_url) as centre:
        centre.activate(ending, centre.clock.now)
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.tick("2025-05-13 08:31")
        tell(centre, ("day", acknowledge(1, "2025-05-13 08:40")))
        centre.tick("2025-05-14 09:00")
        tell(centre, ("day", item("undo", 1, "2025-05-14 09:00", worker=None)))

        assert passings(centre) == [("R7-0001", "night", "next", "14 09:00")]
        assert owners(centre) == {"R7-0001": "next"}


def test_a_late_entry_that_nobody_has_to_act_on_passes_to_nobody(last_days: Centre) -> None:
    """A wrong number is nobody's case."""
    last_days.tick("2025-04-02 10:00")
    tell(last_days, ("day", contact({"case": "A"}, on="2025-03-31 17:05", not_counted="wrong-number")))

    assert passings(last_days) == []


def test_a_history_passes_nothing_on(database_url: str) -> None:
    """Cases of years ago that are fed in today are whose they would be by now, without an event for each."""
    with evening(database_url) as centre:
        tell(centre, ("contractor", call("A", "2024-05-01 13:00")), ("contractor", call("B", "2024-05-01 23:00")))

        assert recorded(centre) == []
        assert owners(centre) == {"R6-0001": "day", "R6-0002": "night"}


@ON_ONE_STORE
def test_a_contract_that_is_found_to_have_ended_passes_its_cases_on(database_url: str) -> None:
    """The ward's file comes two days late: as of the midnight that it names."""
    ending = _with_end("2025-05-31")
    with evening(database_url) as centre:
        tell(centre, ("day", call("A", "2025-05-12 13:00")))
        centre.tick("2025-06-02 09:00")
        centre.activate(ending, centre.clock.now)
        centre.tick()

        assert passings(centre) == [("R7-0001", "day", "next", "01 00:00")]


def _with_end(last: str, whose: str = "day") -> Any:
    contract = next(each for each in WARD.provider if each.id == whose)
    until = at(f"{last} 00:00").date()
    old = msgspec.structs.replace(contract, until=until)
    new = msgspec.structs.replace(contract, id="next", from_=until + timedelta(days=1))
    return msgspec.structs.replace(WARD, provider=(*(p for p in WARD.provider if p.id != whose), old, new))


@ON_ONE_STORE
def test_very_many_cases_pass_on_all_of_them(last_days: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some at a time, so that nobody else has to wait long."""
    monkeypatch.setattr("services.handover.contracts.MOST_PASSED", 2)
    tell(last_days, *(("contractor", call(f"{n}", f"2025-03-28 1{n}:00")) for n in range(5)))
    last_days.tick("2025-04-01 12:00")

    assert len(passings(last_days)) == 5
    assert set(owners(last_days).values()) == {"day"}


def test_the_night_in_progress_has_one_statement(last_days: Centre) -> None:
    """Both providers gave it; the case has one owner at every instant: to midnight, to its acknowledging, and since."""
    tell(last_days, ("contractor", call("B", "2025-03-31 23:40")))
    last_days.tick("2025-04-01 00:20")
    tell(last_days, ("night", call("B", "2025-04-01 00:20", number="R6-0001")))
    last_days.tick("2025-04-01 08:31")
    statement = statements(last_days)[-1]

    assert [(item.number, item.provider, item.further) for item in statement.items] == [
        ("R6-0001", "contractor", False),
        ("R6-0001", "night", True),
    ]
    assert (statement.givers, statement.receiver) == (("contractor", "night"), "day")
    assert owners(last_days) == {"R6-0001": "night"}
    tell(last_days, *(("day", acknowledge(n, "2025-04-01 08:41", night=LAST_DAY)) for n in (1, 2)))
    assert owners(last_days) == {"R6-0001": "day"}


def test_the_former_provider_may_send_what_was_before(last_days: Centre) -> None:
    """Taken as any late call, of the night in which it was."""
    last_days.tick("2025-04-01 09:10")
    (receipt,) = tell(last_days, ("contractor", call("L", "2025-03-31 23:00")))
    last_days.tick("2025-04-01 09:20")

    assert receipt.status == "accepted"
    assert [item.late for item in statements(last_days)[-1].items] == [True]
    assert passings(last_days) == [("R6-0001", "contractor", "night", "01 00:00")]
