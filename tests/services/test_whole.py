"""Two consultations become one, or are taken apart again: exactly one owner (担当), and every place names the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from events import event_of
from events.intake import night_id
from events.morning import CasePassed
from services.handover.looking import Looking
from services.pages.nights import night_of
from tests.desk_examples import GROUND, Centre, Message, call, message
from tests.morning_examples import ISSUED, TONIGHT, acknowledge, evening, item, owners, recorded, still_open, tell

A, B = "R7-0001", "R7-0002"


@pytest.fixture
def morning(database_url: str) -> Iterator[Centre]:
    """A and B rang in the night; the statement is issued, A is its item 1, B its item 2."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")), ("night", call("B", "2025-05-12 23:00")))
        centre.tick(ISSUED)
        yield centre


def merged(part: str, into: str, on: str = "2025-05-13 10:00") -> Message:
    """The two turned out to be one matter."""
    return message("case.merge", on, number=part, into_number=into)


def apart(part: str, on: str = "2025-05-13 11:00") -> Message:
    """They did not."""
    return message("case.split", on, number=part)


def given(case: str, handover: str, to: str, on: str = "2025-05-13 09:30") -> Message:
    """An agency took it on at once."""
    told: dict[str, Any] = {"number": case, "handover": handover, "kind": "agency", "to": to}
    return message("handover.complete", on, **told, **GROUND)


def whose(centre: Centre, whole: str) -> str:
    """Who has the whole by the register; the morning's page says so under every item, and so do the events."""
    owner = owners(centre)[whole]
    about = night_id(date.fromisoformat(TONIGHT))
    night = night_of(record for record in centre.records("handover") if event_of(record).about == about)
    assert night is not None, "its statement was issued"
    shown = Looking(centre.engine("handover"))(night, centre.clock())
    assert set(shown.owners.values()) == {owner}, shown.owners
    return owner


def passed(centre: Centre) -> list[tuple[str, str, str, str]]:
    """What merging and splitting passed on: of which case, from whom, to whom, why."""
    numbers = {event.case: event.number for event in centre.events() if event.name == "call.received"}
    events: list[CasePassed] = recorded(centre, "case.passed")
    return [(numbers[event.case], event.giver, event.to, event.because) for event in events]


@pytest.mark.parametrize(("part", "whole"), [(A, B), (B, A)])
def test_what_the_day_took_over_a_part_of_is_the_days(morning: Centre, part: str, whole: str) -> None:
    """A was acknowledged, B not yet: whichever stands, the day has the whole of it."""
    tell(morning, ("day", acknowledge(1)), ("day", merged(part, whole)))

    assert whose(morning, whole) == "day"
    assert passed(morning) == ([(B, "night", "day", "merged")] if whole == B else [])


@pytest.mark.parametrize(("part", "whole"), [(A, B), (B, A)])
def test_what_an_agency_has_a_part_of_is_the_agencys(morning: Centre, part: str, whole: str) -> None:
    """A was handed over to an agency: whichever stands, the agency has the whole of it."""
    tell(morning, ("day", acknowledge(1)), ("day", given(A, "H", "ぽーと")), ("day", merged(part, whole)))

    assert whose(morning, whole) == "agency:ぽーと"
    assert passed(morning) == ([(B, "night", "agency:ぽーと", "merged")] if whole == B else [])


def test_of_two_agencies_the_later_one_has_it(morning: Centre) -> None:
    """And where that one gives it back, the other has it still; then whoever gave it away."""
    tell(morning, ("day", given(A, "first", "ぽーと")), ("day", given(B, "second", "相談室", "2025-05-13 09:40")))
    tell(morning, ("day", merged(B, A)))
    assert whose(morning, A) == "agency:相談室"

    tell(morning, ("day", message("handover.return", "2025-05-13 12:00", handover="second")))
    assert whose(morning, A) == "agency:ぽーと"

    tell(morning, ("day", message("handover.return", "2025-05-13 13:00", handover="first")))
    assert whose(morning, A) == "day"


def test_what_a_part_is_handed_over_as_afterwards_moves_the_whole(morning: Centre) -> None:
    """B is a part of A; an agency takes it on under B's number, and gives it back."""
    tell(morning, ("day", acknowledge(1)), ("day", merged(B, A)), ("day", given(B, "H", "ぽーと", "2025-05-13 10:30")))
    assert whose(morning, A) == "agency:ぽーと"

    tell(morning, ("day", message("handover.return", "2025-05-13 12:00", handover="H")))
    assert whose(morning, A) == "day"


def test_acknowledging_the_item_of_a_part_takes_over_the_whole(morning: Centre) -> None:
    """B is a part of A, and B's item is the first that the day acknowledges; undone, the whole is the night's again."""
    tell(morning, ("day", merged(B, A, "2025-05-13 08:35")), ("day", acknowledge(2)))
    assert whose(morning, A) == "day"

    tell(morning, ("day", item("undo", 2, "2025-05-13 08:45", worker=None)))
    assert whose(morning, A) == "night"


def test_what_was_acknowledged_before_the_merging_can_be_undone_after_it(morning: Centre) -> None:
    """A's acknowledgement gave the day the whole; without it nobody by day has taken anything over."""
    tell(morning, ("day", acknowledge(1)), ("day", merged(A, B)))
    tell(morning, ("day", item("undo", 1, "2025-05-13 10:30", worker=None)))

    assert whose(morning, B) == "night"


def test_what_was_undone_while_merged_is_not_passed_again_as_they_are_taken_apart(morning: Centre) -> None:
    """Taken over, merged, given back as part of the whole, taken apart: the night has had it since then."""
    tell(morning, ("day", acknowledge(2)), ("day", merged(B, A)))
    tell(morning, ("day", item("undo", 2, "2025-05-13 10:30", worker=None)))
    assert whose(morning, A) == "night"
    before = passed(morning)
    tell(morning, ("day", apart(B)))

    assert passed(morning) == before
    assert owners(morning) == {A: "night", B: "night"}


def test_a_case_of_the_days_stays_the_days(morning: Centre) -> None:
    """The night opened a second one about it by mistake: no undoing gives the day's own case to the night."""
    tell(morning, ("day", call("C", "2025-05-13 09:00")))
    tell(morning, ("day", acknowledge(1, "2025-05-13 09:01")), ("day", merged(A, "R7-0003")))
    tell(morning, ("day", item("undo", 1, "2025-05-13 10:30", worker=None)))

    assert owners(morning)["R7-0003"] == "day"


def test_apart_again_each_has_the_owner_of_the_whole(morning: Centre) -> None:
    """The day had the whole: it has both."""
    tell(morning, ("day", acknowledge(1)), ("day", merged(A, B)), ("day", apart(A)))

    assert (owners(morning)[A], owners(morning)[B]) == ("day", "day")


def test_apart_again_the_agency_has_what_it_took_on(morning: Centre) -> None:
    """A is the agency's; B, of which it never heard, is that provider's that gave A away."""
    tell(morning, ("day", acknowledge(1)), ("day", given(A, "H", "ぽーと")))
    tell(morning, ("day", merged(A, B)), ("day", apart(A)))

    assert (owners(morning)[A], owners(morning)[B]) == ("agency:ぽーと", "day")
    assert passed(morning)[-1] == (B, "agency:ぽーと", "day", "split")


def test_apart_again_what_was_taken_on_as_a_part_was_the_agencys_all_along(morning: Centre) -> None:
    """An agency took B on while it was a part of A: it passes to nobody, and A goes back to the day."""
    tell(morning, ("day", acknowledge(1)), ("day", merged(B, A)), ("day", given(B, "H", "ぽーと", "2025-05-13 10:30")))
    tell(morning, ("day", apart(B)))

    assert (owners(morning)[A], owners(morning)[B]) == ("day", "agency:ぽーと")
    assert passed(morning) == [(A, "agency:ぽーと", "day", "split")]


def shut(number: str, on: str) -> tuple[str, Message]:
    """The day closes it."""
    return "day", message("case.close", on, number=number)


@pytest.mark.parametrize(("closed_at", "left"), [("2025-05-12 22:30", [A]), ("2025-05-13 09:00", [])])
def test_what_rang_after_the_whole_was_closed_keeps_it_open(morning: Centre, closed_at: str, left: list[str]) -> None:
    """B rang at eleven and becomes a part of A: which was closed before that, or has been settled since."""
    tell(morning, shut(A, closed_at), ("day", merged(B, A)))
    assert still_open(morning) == left

    tell(morning, shut(B, "2025-05-13 10:30"))
    assert still_open(morning) == []


def test_closing_the_whole_closes_its_parts_until_they_are_taken_apart(morning: Centre) -> None:
    """B was never closed as itself."""
    tell(morning, ("day", merged(B, A)), shut(A, "2025-05-13 10:30"))
    assert still_open(morning) == []

    tell(morning, ("day", apart(B)))
    assert still_open(morning) == [B]


def test_closing_a_part_leaves_the_whole_open(morning: Centre) -> None:
    """What is left is A's own."""
    tell(morning, ("day", merged(B, A)), shut(B, "2025-05-13 10:30"))

    assert still_open(morning) == [A]


def test_a_call_that_does_not_count_after_all_leaves_what_the_rest_of_the_whole_is(morning: Centre) -> None:
    """B is a part of A: it does not count, then A does not, then B does again."""
    a, b = (message("call.correct", "2025-05-13 10:10", number=n, not_counted="wrong-number") for n in (A, B))
    tell(morning, ("day", merged(B, A)), ("day", b))
    assert still_open(morning) == [A]
    tell(morning, ("day", a))
    assert still_open(morning) == []
    tell(morning, ("day", message("call.correct", "2025-05-13 10:20", number=B, not_counted=None)))
    assert still_open(morning) == [A]


def test_merged_twice_the_last_whole_has_it(morning: Centre) -> None:
    """A into B, and B into C: what became of A holds for all three."""
    tell(morning, ("day", call("C", "2025-05-13 09:00")), ("day", given(A, "H", "ぽーと")))
    tell(morning, ("day", merged(A, B)), ("day", merged(B, "R7-0003", "2025-05-13 10:10")))

    assert whose(morning, "R7-0003") == "agency:ぽーと"


def test_a_whole_passes_to_the_new_provider_as_one(database_url: str) -> None:
    """At the end of a contract the part passes nothing on; taken apart later, it is the new provider's as well."""
    with evening(database_url, "2025-03-28 09:00") as centre:
        tell(centre, ("contractor", call("A", "2025-03-28 10:00")), ("contractor", call("B", "2025-03-28 11:00")))
        tell(centre, ("contractor", message("case.merge", "2025-03-28 12:00", case="B", into="A")))
        centre.tick("2025-04-01 09:00")
        assert passed(centre) == [("R6-0001", "contractor", "day", "contract")]

        tell(centre, ("day", apart("R6-0002", "2025-04-01 10:00")))
        assert owners(centre) == {"R6-0001": "day", "R6-0002": "day"}
