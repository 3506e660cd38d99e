"""What follows where nobody acknowledged: each step once, naming what is left, also late; and when it is in hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from services.mornings import Morning, Step
from tests.desk_examples import ON_ONE_STORE, WARD, Centre, at, call, correct
from tests.morning_examples import ISSUED, acknowledge, clock, evening, item, owners, recorded, statements, tell


@pytest.fixture
def morning(database_url: str) -> Iterator[Centre]:
    """The statement is issued: two consultations."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")), ("night", call("B", "2025-05-13 02:00")))
        centre.tick(ISSUED)
        yield centre


def passed(centre: Centre) -> list[tuple[Any, ...]]:
    """The steps of the ladder that somebody was told of: which, to whom, due and fired, and what is left."""
    return [
        (event.step, event.to, clock(event.due_at), clock(event.fired_at), event.items, event.also)
        for event in recorded(centre, "deadline.passed")
    ]


REMINDED = ("reminded", "day", "13 09:15", "13 09:15", (1, 2), ())
ESCALATED = ("escalated", "ward", "13 09:30", "13 09:30", (1, 2), ())


def test_what_nobody_acknowledged_is_reminded_then_escalated(morning: Centre) -> None:
    """A quarter of an hour after it was due, and half an hour; once each, however long it lasts."""
    morning.tick("2025-05-13 09:14")
    assert passed(morning) == []
    morning.tick("2025-05-13 16:00")

    assert passed(morning) == [REMINDED, ESCALATED]


def test_what_is_acknowledged_reminds_nobody(morning: Centre) -> None:
    """Also where it was late, but before the step was due."""
    tell(morning, ("day", acknowledge(1, "2025-05-13 08:41")), ("day", acknowledge(2, "2025-05-13 09:14")))
    morning.tick("2025-05-13 16:00")

    assert passed(morning) == []


def test_a_step_names_only_what_is_left(morning: Centre) -> None:
    """And the next step what is left then."""
    tell(morning, ("day", acknowledge(2)))
    morning.tick("2025-05-13 16:00")

    assert [step[4] for step in passed(morning)] == [(1,), (1,)]


def test_escalating_transfers_nothing(morning: Centre) -> None:
    """It informs: the case stays the night's until somebody takes it over (domain Rule 10)."""
    morning.tick("2025-05-13 16:00")

    assert owners(morning) == {"R7-0001": "night", "R7-0002": "night"}


def test_a_quiet_night_must_be_acknowledged_too(database_url: str) -> None:
    """What is left is the statement itself."""
    with evening(database_url) as centre:
        centre.tick("2025-05-13 09:20")

        assert [step[4] for step in passed(centre)] == [(0,)]


def test_whoever_was_told_learns_that_it_is_in_hand(morning: Centre) -> None:
    """When the last of what was named is acknowledged; too late is not in time."""
    morning.tick("2025-05-13 09:40")
    tell(morning, ("day", acknowledge(1, "2025-05-13 09:41")))
    assert recorded(morning, "deadline.settled") == []
    tell(morning, ("day", acknowledge(2, "2025-05-13 09:42")))

    assert [(each.step, each.to, each.items, each.in_time) for each in recorded(morning, "deadline.settled")] == [
        ("reminded", "day", (1, 2), False),
        ("escalated", "ward", (1, 2), False),
    ]


def test_what_was_taken_over_in_time_and_told_late_was_in_time(morning: Centre) -> None:
    """By the first clock, for each step: at 9:20 the reminder had been right, and the notice to the ward had not."""
    morning.tick("2025-05-13 11:30")
    tell(morning, ("day", acknowledge(1, "2025-05-13 08:55")), ("day", acknowledge(2, "2025-05-13 09:20")))

    assert [(each.step, each.in_time) for each in recorded(morning, "deadline.settled")] == [
        ("reminded", False),
        ("escalated", True),
    ]


def test_steps_that_become_due_while_everything_is_off_are_told_together(database_url: str) -> None:
    """Each leaves its event, with when it was due and when it fired; the later names the earlier."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.close()
        centre.clock.now = at("2025-05-13 11:20")
        centre.restart()
        centre.tick()

        assert clock(statements(centre)[0].due_at) == "13 08:30"
        assert passed(centre) == [
            ("reminded", "day", "13 09:15", "13 11:20", (1,), ()),
            ("escalated", "ward", "13 09:30", "13 11:20", (1,), ("reminded",)),
        ]


def test_starting_and_stopping_fires_nothing_twice(database_url: str) -> None:
    """However often it is started in between."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.close()
        centre.clock.now = at("2025-05-13 11:20")
        for _ in range(3):
            centre.restart()
            centre.tick()
            centre.clock.now = at("2025-05-13 11:25")

        assert [event.name for event in recorded(centre)] == ["statement.issued", "deadline.passed", "deadline.passed"]


def test_a_supplement_has_a_ladder_of_its_own(morning: Centre) -> None:
    """From when its call came, and of its own items."""
    tell(morning, ("day", acknowledge(1)), ("day", acknowledge(2)))
    morning.tick("2025-05-13 10:00")
    tell(morning, ("night", call("L", "2025-05-13 03:00")))
    morning.tick("2025-05-13 16:00")

    assert passed(morning) == [
        ("reminded", "day", "13 10:45", "13 10:45", (3,), ()),
        ("escalated", "ward", "13 11:00", "13 11:00", (3,), ()),
    ]


def test_what_is_undone_is_due_again(morning: Centre) -> None:
    """The step that found nothing left comes back at once; what is to come comes in its time."""
    tell(morning, ("day", acknowledge(1)), ("day", acknowledge(2)))
    morning.tick("2025-05-13 09:20")
    tell(morning, ("day", item("undo", 2, "2025-05-13 09:21")))
    morning.tick("2025-05-13 16:00")

    assert passed(morning) == [
        ("reminded", "day", "13 09:21", "13 09:21", (2,), ()),
        ("escalated", "ward", "13 09:30", "13 09:30", (2,), ()),
    ]


def test_what_is_undone_after_others_were_told_of_is_told_as_well(morning: Centre) -> None:
    """One is left and told of; the other had been acknowledged by mistake: of that one too somebody is told, once."""
    tell(morning, ("day", acknowledge(1)))
    morning.tick("2025-05-13 09:35")
    tell(morning, ("day", item("undo", 1, "2025-05-13 09:40")))
    morning.tick("2025-05-13 10:00")
    tell(morning, ("day", item("undo", 2, "2025-05-13 10:01")), ("day", acknowledge(1)), ("day", acknowledge(2)))
    morning.tick("2025-05-13 16:00")

    assert [(step, items, fired) for step, _, _, fired, items, _ in passed(morning)] == [
        ("reminded", (2,), "13 09:15"),
        ("escalated", (2,), "13 09:30"),
        ("escalated", (1,), "13 09:40"),
        ("reminded", (1,), "13 09:40"),
    ]
    assert [event.items for event in recorded(morning, "deadline.settled")] == [(1, 2), (1, 2)]


def test_what_is_no_call_of_that_night_is_not_due(morning: Centre) -> None:
    """A time corrected after the statement: the item is another night's, and nobody is reminded of it here."""
    wrong = call("W", "2025-05-13 03:00")
    tell(morning, ("night", wrong))
    morning.tick("2025-05-13 08:35")
    tell(morning, ("night", correct(wrong, "2025-05-13 08:36", occurred_at="2025-05-12T12:00:00+09:00")))
    tell(morning, ("day", acknowledge(1)), ("day", acknowledge(2)))
    morning.tick("2025-05-13 16:00")

    assert (len(statements(morning)), passed(morning)) == (2, [])


@ON_ONE_STORE
def test_the_steps_are_those_of_the_wards_file(database_url: str) -> None:
    """Another ward has one step, in another hour."""
    ladder = Morning(band="night", acknowledge=60, step=(Step(after=0, key="called", to="ward"),))
    with evening(database_url, ward=msgspec.structs.replace(WARD, morning=ladder)) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.tick("2025-05-13 16:00")

        assert passed(centre) == [("called", "ward", "13 09:30", "13 09:30", (1,), ())]


@ON_ONE_STORE
def test_a_step_that_the_file_no_longer_has_tells_nobody(morning: Centre) -> None:
    """It was planned under the old file; under the new one there is nobody to be told."""
    assert WARD.morning is not None
    fewer = msgspec.structs.replace(WARD.morning, step=WARD.morning.step[:1])
    morning.activate(msgspec.structs.replace(WARD, morning=fewer), at("2025-05-13 09:00"))
    morning.tick("2025-05-13 16:00")

    assert passed(morning) == [REMINDED]
