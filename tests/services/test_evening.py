"""今夜の申し送り: notes about cases, and what stood before the night began; story 4 begins so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from events.morning import NOTED_PARTS, CaseNoted, EveningIssued
from services.ward import Ward
from tests.desk_examples import ON_ONE_STORE, WARD, Centre, Message, at, call, close, contact, merge, message, register

NOTE = {"note": "今日から短期入所", "may_ring": "母", "not_promise": "帰る日"}
AFTERNOON, EVENING, NIGHT = "2025-12-31 15:00", "2025-12-31 16:50", "2025-12-31 23:10"
NEXT_EVENING = "2026-01-01 16:50"


def note(case: str | None = "E", on: str = AFTERNOON, /, **data: Any) -> Message:
    """What the night must know of a case; by default all of NOTE."""
    return message("case.note", on, **({"case": case} if case else {}), **{"personal": NOTE} | data)


@pytest.fixture
def centre(database_url: str) -> Iterator[Centre]:
    """A centre in the afternoon of 31 December, with E's open case, which handover knows."""
    with Centre(database_url, now="2025-12-30 10:00") as running:
        running.clock.now = at("2025-12-31 10:00")
        running.say("day", register("P", "2025-12-30 10:00", personal={"name": "架空 太郎"}))
        running.say("day", call("E", "2025-12-31 10:30", person="P"))
        running.tick()
        yield running


def noted(centre: Centre) -> list[CaseNoted]:
    return [event for event in centre.events("handover") if isinstance(event, CaseNoted)]


def issued(centre: Centre) -> list[EveningIssued]:
    return [event for event in centre.events("handover") if isinstance(event, EveningIssued)]


def issued_at(centre: Centre) -> list[datetime]:
    return [record.time for record in centre.records("handover") if record.type == EveningIssued.name]


def ward_with(**changes: Any) -> Ward:
    return msgspec.structs.replace(WARD, **changes)


def test_a_note_is_sealed_for_the_person_of_the_case(centre: Centre) -> None:
    """What it says is in nobody's clear, and the person's key opens it."""
    receipt = centre.say("day", note())
    record = next(record for record in centre.records("handover") if record.type == CaseNoted.name)
    event, person = noted(centre)[0], centre.events()[0].person

    assert receipt.status == "accepted"
    assert receipt.case == [event.case]
    assert (event.provider, event.until) == ("day", None)
    assert event.sealed is not None
    assert centre.keys.opened([person], f"{record.type}/{record.id}", event.sealed) == NOTE
    assert "母".encode() not in centre.on_disk()


def test_either_provider_writes_notes_and_names_the_case_by_its_number(centre: Centre) -> None:
    """The night provider has no reference of its own for the day's case."""
    centre.say("night", note(None, NIGHT, number="R7-0001", until="2026-01-02"))

    assert [(each.provider, str(each.until)) for each in noted(centre)] == [("night", "2026-01-02")]


def test_a_note_about_an_unknown_case_waits_for_it(centre: Centre) -> None:
    """It goes on by itself as soon as handover hears of the call."""
    assert centre.say("day", note("later")).status == "waiting"
    centre.say("day", call("later", AFTERNOON))
    centre.pump()

    assert len(noted(centre)) == 1


def test_a_note_on_a_closed_case_is_taken(centre: Centre) -> None:
    """Somebody may ring all the same; the history has it, and the evening names only what is open."""
    centre.say("day", close("E", "2025-12-31 14:00"))
    centre.pump()

    assert centre.say("day", note()).status == "accepted"
    centre.tick(EVENING)
    assert [(each.cases, each.noted) for each in issued(centre)] == [((), ())]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("data", "field", "reason"),
    [
        ({"personal": None}, "data.personal", "missing"),
        ({"personal": {}}, "data.personal", "empty"),
        ({"personal": {"note": " ", "promised": ""}}, "data.personal", "empty"),
        ({"personal": {"by": "架空 花子"}}, "data.personal", "empty"),
        ({"personal": {"note": ["母"]}}, "data.personal.note", "not a text"),
        ({"personal": "no box"}, "data.personal", "unusable"),
        ({"until": "soon"}, "data.until", "Invalid RFC3339 encoded date"),
        ({"until": "2025-12-29"}, "data.until", "a night that is past"),
        ({"until": "2020-01-01"}, "data.until", "2025-12-31 or later; 2025-12-30 takes a note off"),
        ({"case": None}, "data.case", "missing"),
    ],
)
def test_a_note_that_says_nothing_is_parked(centre: Centre, data: dict[str, Any], field: str, reason: str) -> None:
    """With the field and the reason, and none of the words."""
    receipt = centre.say("day", note(**data) if "case" not in data else note(None))

    assert (receipt.status, receipt.field) == ("parked", field)
    assert reason in (receipt.reason or "")
    assert "母" not in (receipt.reason or "")
    assert not noted(centre)


def test_after_its_contract_a_provider_writes_no_note(centre: Centre) -> None:
    """What it knew before it may still tell, late; it does not take the place of what was noted since."""
    after = centre.say("contractor", note(None, AFTERNOON, number="R7-0001"))
    before = centre.say("contractor", note(None, "2025-03-31 23:55", number="R7-0001"))

    assert (after.status, after.field) == ("parked", "time")
    assert before.status == "accepted"


def test_before_the_night_what_is_open_and_noted_is_issued(centre: Centre) -> None:
    """Ten minutes before 17:00, once; a case that was closed and one about nobody are not named."""
    centre.say("day", call("F", "2025-12-31 11:00"))
    centre.say("day", call("G", "2025-12-31 11:30"))
    centre.say("day", contact(on="2025-12-31 12:00", not_counted="wrong-number"))
    centre.say("day", close("G", "2025-12-31 13:00"))
    centre.pump()
    centre.say("day", note())
    centre.tick(NIGHT)
    (only,) = issued(centre)
    e, f = (centre.inquiry.find(number) for number in ("R7-0001", "R7-0002"))

    assert (str(only.night), only.due_at) == ("2025-12-31", at(EVENING))
    assert issued_at(centre) == [at(EVENING)]
    assert (only.cases, only.noted) == ((e, f), (e,))


def test_every_evening_has_its_own(centre: Centre) -> None:
    """Each plans the next, also over the turn of the year."""
    centre.tick("2026-01-03 12:00")

    assert [str(each.night) for each in issued(centre)] == ["2025-12-31", "2026-01-01", "2026-01-02"]


def test_the_last_note_stands_and_only_as_long_as_it_says(centre: Centre) -> None:
    """The later one by the clock on which it was said, whichever came first; both stay in the history."""
    centre.say("day", note("E", "2025-12-31 16:00", until="2025-12-31"))
    centre.say("day", note("E", "2025-12-31 15:00"))
    centre.tick(NEXT_EVENING)

    assert len(noted(centre)) == 2
    assert [len(each.noted) for each in issued(centre)] == [1, 0]


def test_a_note_on_what_was_merged_is_one_of_the_whole(centre: Centre) -> None:
    """Two callers about one matter: what was noted of either is of the case that goes on."""
    centre.say("day", call("E2", "2025-12-31 11:00"))
    centre.pump()
    centre.say("day", note("E2"))
    centre.say("day", merge("E2", "E") | {"time": at(AFTERNOON).isoformat()})
    centre.tick(EVENING)
    e = centre.inquiry.find("R7-0001")

    assert [(each.cases, each.noted) for each in issued(centre)] == [((e,), (e,))]


def test_an_evening_missed_is_issued_late_while_its_night_lasts(centre: Centre) -> None:
    """The power was off from the afternoon until midnight: late, once, saying when it was due."""
    centre.clock.now = at("2026-01-01 00:05")
    centre.restart()
    centre.tick()
    centre.restart()
    centre.tick()

    assert [(str(each.night), each.due_at) for each in issued(centre)] == [("2025-12-31", at(EVENING))]
    assert issued_at(centre) == [at("2026-01-01 00:05")]


@pytest.mark.parametrize(
    ("start", "night", "when"),
    [
        ("2026-01-05 09:00", "2026-01-05", "2026-01-05 16:50"),
        ("2026-01-05 16:55", "2026-01-05", "2026-01-05 16:55"),
        ("2026-01-05 20:00", "2026-01-05", "2026-01-05 20:00"),
        ("2026-01-06 03:00", "2026-01-05", "2026-01-06 03:00"),
    ],
)
def test_after_days_switched_off_only_the_night_that_can_still_use_it_is_told(
    centre: Centre, start: str, night: str, when: str
) -> None:
    """In the nights that were missed nobody works any more; the one that it is now, or that is next, is told once."""
    centre.clock.now = at(start)
    centre.restart()
    centre.tick()
    centre.tick(max(at(start), at("2026-01-05 17:00")))

    assert [str(each.night) for each in issued(centre)] == [night]
    assert issued_at(centre) == [at(when)]


def test_a_ward_that_begins_in_the_night_begins_with_the_next_evening(database_url: str) -> None:
    """Nothing was planned, and nothing is late."""
    with Centre(database_url, ward=None) as centre:
        centre.clock.now = at(NIGHT)
        centre.activate(WARD)
        centre.tick(NEXT_EVENING)

        assert [str(each.night) for each in issued(centre)] == ["2026-01-01"]


def test_another_time_before_the_night_is_never_a_second_list(centre: Centre) -> None:
    """The ward's file changed from ten minutes to sixty and back while the list was out."""
    assert WARD.evening is not None
    centre.tick("2025-12-31 15:00")
    centre.activate(ward_with(evening=msgspec.structs.replace(WARD.evening, before=60)), at("2025-12-31 15:00"))
    centre.tick("2025-12-31 16:30")
    centre.activate(WARD, at("2025-12-31 16:30"))
    centre.tick(NEXT_EVENING)

    assert issued_at(centre) == [at("2025-12-31 16:00"), at(NEXT_EVENING)]


def test_a_ward_may_do_without(centre: Centre) -> None:
    """What was planned by an earlier file has no effect any more, and plans nothing."""
    centre.activate(ward_with(evening=None), at(AFTERNOON))
    centre.tick("2026-01-02 12:00")

    assert not issued(centre)


def test_what_a_note_may_say_is_what_the_contract_says() -> None:
    """The names under which pages show it."""
    assert NOTED_PARTS == ("note", "may_ring", "promised", "not_promise")
