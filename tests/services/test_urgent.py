"""What cannot wait for the morning does not: the ladder is called, until somebody who can act has answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.desk_examples import ON_ONE_STORE, WARD, Centre, at, call, close, correct, message
from tests.morning_examples import ISSUED, acknowledge, clock, evening, item, recorded, tell, without

SEVEN = "2025-05-13T07:00:00+09:00"


@pytest.fixture
def night(database_url: str) -> Iterator[Centre]:
    """A centre in its first night."""
    with evening(database_url) as centre:
        yield centre


def needs(on: str = "2025-05-13 05:20", case: str = "I", **card: Any) -> Any:
    """Somebody needs insulin at seven."""
    return call(case, on, **({"medication_at": SEVEN} | card))


def attempt(on: str, to: str, *, answered: bool, **more: Any) -> dict[str, Any]:
    return {"what": "ward", "at": at(on).isoformat(), "to": to, "answered": answered, **more}


def add(called: Any, on: str, *attempts: Any, **card: Any) -> Any:
    """The card is filled in further."""
    return message("call.add", on, call=called["id"], danger=list(attempts), **card)


def ladder(centre: Centre) -> list[tuple[Any, ...]]:
    """What was told of it: raised or unanswered, when, whom to call next, and how many were tried."""
    return [
        (event.name.removeprefix("urgent."), clock(record.time), event.next, getattr(event, "tries", None))
        for record, event in zip(centre.records("handover"), centre.events("handover"), strict=True)
        if event.name in ("urgent.raised", "urgent.unanswered")
    ]


def answers(centre: Centre) -> list[tuple[Any, ...]]:
    """How it ended: when, by whom, and why."""
    return [
        (clock(record.time), event.to, event.because)
        for record, event in zip(centre.records("handover"), centre.events("handover"), strict=True)
        if event.name == "urgent.answered"
    ]


def test_it_goes_at_once_to_somebody_who_can_act(night: Centre) -> None:
    """As soon as it is heard, long before the morning: to the first of the ward's contacts of the hour."""
    tell(night, ("night", needs()))
    (raised,) = recorded(night, "urgent.raised")

    assert (raised.because, clock(raised.by), raised.number) == ("medication", "13 07:00", "R7-0001")
    assert ladder(night) == [("raised", "13 05:20", "ward-duty", None)]


def test_while_nobody_answers_the_next_is_called(night: Centre) -> None:
    """Every ten minutes; after the last comes the first again."""
    tell(night, ("night", needs()))
    night.tick("2025-05-13 05:45")

    assert ladder(night)[1:] == [
        ("unanswered", "13 05:30", "ward-duty-second", 0),
        ("unanswered", "13 05:40", "ward-duty", 0),
    ]


def test_each_attempt_is_recorded_until_somebody_answers(night: Centre) -> None:
    """5:32 nobody, 5:41 the second: from then on nobody else is called."""
    called = needs()
    tell(night, ("night", called))
    night.tick("2025-05-13 05:32")
    tell(night, ("night", add(called, "2025-05-13 05:32", attempt("2025-05-13 05:32", "ward-duty", answered=False))))
    night.tick("2025-05-13 05:41")
    answer = attempt("2025-05-13 05:41", "ward-duty-second", answered=True)
    tell(night, ("night", add(called, "2025-05-13 05:42", answer)))
    night.tick("2025-05-13 08:00")

    assert ladder(night)[1:] == [
        ("unanswered", "13 05:30", "ward-duty-second", 0),
        ("unanswered", "13 05:40", "ward-duty-second", 1),
    ]
    assert answers(night) == [("13 05:41", "ward-duty-second", "answered")]


@pytest.mark.parametrize("to", [{"to": "ward-duty"}, {}], ids=["named", "pressed on the card"])
def test_who_did_not_answer_is_followed_at_once(night: Centre, to: Any) -> None:
    """5:22 nobody: the second is called then, not at 5:30; what is typed afterwards calls nobody further."""
    called, missed = needs(), {"what": "ward", "at": "2025-05-13T05:22:00+09:00", "answered": False, **to}
    tell(night, ("night", called))
    night.tick("2025-05-13 05:22")
    tell(night, ("night", add(called, "2025-05-13 05:23", missed)))
    tell(night, ("night", add(called, "2025-05-13 05:24", safe_until="2025-05-13T06:30:00+09:00")))
    night.tick("2025-05-13 05:34")

    assert ladder(night)[1:] == [
        ("unanswered", "13 05:23", "ward-duty-second", 1),
        ("unanswered", "13 05:33", "ward-duty", 1),
    ]


def test_who_was_not_to_be_called_is_not_followed(night: Centre) -> None:
    """The second was tried while the first is to be called: that one still is, until its minutes are over."""
    called = needs()
    tell(night, ("night", called))
    missed = attempt("2025-05-13 05:22", "ward-duty-second", answered=False)
    tell(night, ("night", add(called, "2025-05-13 05:23", missed)))
    night.tick("2025-05-13 05:29")

    assert len(ladder(night)) == 1


def test_an_attempt_that_was_noted_by_mistake_is_none(night: Centre) -> None:
    """It had been answered, it said; it was not, and the ladder goes on."""
    called, wrong = needs(), attempt("2025-05-13 05:25", "ward-duty", answered=True)
    tell(night, ("night", called), ("night", add(called, "2025-05-13 05:26", wrong)))
    tell(night, ("night", add(called, "2025-05-13 05:50", {**wrong, "mistaken": True})))
    night.tick("2025-05-13 06:05")

    assert [step[:2] for step in ladder(night)] == [
        ("raised", "13 05:20"),
        ("raised", "13 05:50"),
        ("unanswered", "13 06:00"),
    ]


@pytest.mark.parametrize("answered", [True, False], ids=["as answered", "as not answered"])
@pytest.mark.parametrize("to", [{"to": "ward-duty"}, {}], ids=["named", "pressed on the card"])
def test_a_mistaken_press_skips_nobody(night: Centre, to: Any, answered: bool) -> None:
    """Nobody rang the first contact: taken back, the first is to be called again, the second in its time."""
    called = needs()
    wrong = {"what": "ward", "at": "2025-05-13T05:22:00+09:00", "answered": answered, **to}
    tell(night, ("night", called))
    night.tick("2025-05-13 05:22")
    tell(night, ("night", add(called, "2025-05-13 05:22", wrong)))
    tell(night, ("night", add(called, "2025-05-13 05:23", {**wrong, "mistaken": True})))
    night.tick("2025-05-13 05:32")
    assert ladder(night)[-1][1:3] == ("13 05:23", "ward-duty")
    night.tick("2025-05-13 05:34")

    assert ladder(night)[-1][1:3] == ("13 05:33", "ward-duty-second")


def test_a_mistaken_press_takes_nothing_from_who_was_called(night: Centre) -> None:
    """The first did not answer; a press too many is taken back: the second is the one to be called, as before it."""
    called = needs()
    missed = attempt("2025-05-13 05:22", "ward-duty", answered=False)
    wrong = attempt("2025-05-13 05:24", "ward-duty-second", answered=False)
    tell(night, ("night", called))
    for on, told in (
        ("05:22", missed),
        ("05:24", wrong),
        ("05:25", {**wrong, "mistaken": True}),
    ):
        tell(night, ("night", add(called, f"2025-05-13 {on}", told)))

    assert [step[2] for step in ladder(night)] == ["ward-duty", "ward-duty-second", "ward-duty", "ward-duty-second"]


def test_what_was_attended_when_it_was_heard_calls_nobody(night: Centre) -> None:
    """The line was down: that it could not wait is recorded, and who answered, in one; nobody is called."""
    attempts = [
        attempt("2025-05-13 05:32", "ward-duty", answered=False),
        attempt("2025-05-13 05:41", "ward-duty-second", answered=True),
    ]
    night.tick("2025-05-13 07:41")
    tell(night, ("night", needs(danger=attempts)))
    night.tick("2025-05-13 08:00")

    assert ladder(night) == [("raised", "13 07:41", None, None)]
    assert answers(night) == [("13 05:41", "ward-duty-second", "answered")]


def test_taking_it_over_ends_it(night: Centre) -> None:
    """The day has it."""
    tell(night, ("night", needs("2025-05-13 08:25")))
    night.tick(ISSUED)
    tell(night, ("day", acknowledge(1, "2025-05-13 08:33")))
    night.tick("2025-05-13 10:00")

    assert [step[1] for step in ladder(night)] == ["13 08:25"]
    assert answers(night) == [("13 08:33", "day", "acknowledged")]


def test_taking_it_over_by_mistake_does_not_end_it(night: Centre) -> None:
    """Taken back, nobody has it: it is raised again at once, and whoever follows on the ladder is called, and so on."""
    tell(night, ("night", needs("2025-05-13 08:25")))
    night.tick(ISSUED)
    tell(night, ("day", acknowledge(1, "2025-05-13 08:33")))
    tell(night, ("day", item("undo", 1, "2025-05-13 08:34", worker=None)))
    night.tick("2025-05-13 08:50")

    called = [(step[0], step[1]) for step in ladder(night)]
    assert called == [("raised", "13 08:25"), ("raised", "13 08:34"), ("unanswered", "13 08:44")]
    tell(night, ("day", acknowledge(1, "2025-05-13 08:51")))
    night.tick("2025-05-13 10:00")
    assert answers(night) == [("13 08:33", "day", "acknowledged"), ("13 08:51", "day", "acknowledged")]


def test_what_somebody_answered_is_not_raised_again_by_an_undoing(night: Centre) -> None:
    """The duty has seen to it; that the item is taken back is for the morning's own ladder."""
    attempts = [{"what": "ward", "at": "2025-05-13T08:26:00+09:00", "to": "ward-duty", "answered": True}]
    tell(night, ("night", needs("2025-05-13 08:25", danger=attempts)))
    night.tick(ISSUED)
    tell(night, ("day", acknowledge(1, "2025-05-13 08:33")))
    tell(night, ("day", item("undo", 1, "2025-05-13 08:34", worker=None)))
    night.tick("2025-05-13 10:00")

    assert [step[0] for step in ladder(night)] == ["raised"]


def test_closing_the_consultation_ends_it(night: Centre) -> None:
    """Nobody needs to act any more."""
    tell(night, ("night", needs()), ("night", close("I", "2025-05-13 05:25")))
    night.tick("2025-05-13 08:00")

    assert [step[0] for step in ladder(night)] == ["raised"]
    assert answers(night) == [("13 05:25", None, "closed")]


def test_what_can_wait_after_all_ends_it(night: Centre) -> None:
    """The time was written down wrongly."""
    called = needs()
    tell(night, ("night", called))
    tell(night, ("night", correct(called, "2025-05-13 05:25", medication_at="2025-05-13T19:00:00+09:00")))
    night.tick("2025-05-13 08:00")

    assert [step[0] for step in ladder(night)] == ["raised"]
    assert answers(night) == [("13 05:25", None, "can-wait")]


def test_what_is_found_to_be_urgent_later_is_raised_then(night: Centre) -> None:
    """While the card is filled in further."""
    called = call("I", "2025-05-13 05:20")
    tell(night, ("night", called), ("night", add(called, "2025-05-13 05:28", medication_at=SEVEN)))

    assert ladder(night) == [("raised", "13 05:28", "ward-duty", None)]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("card", "because"),
    [
        ({"safe_until": "2025-05-13T08:59:00+09:00"}, "safe-until"),
        ({"safe_until": "2025-05-13T09:00:00+09:00"}, None),
        ({"medication_at": "2025-05-13T08:30:00+09:00"}, "medication"),
        ({"call_back": {"by": "2025-05-13T08:45:00+09:00"}}, "call-back"),
        ({"call_back": {"by": "2025-05-13T08:45:00+09:00", "who": "day"}}, "call-back"),
        ({"call_back": {"by": "2025-05-13T08:45:00+09:00", "who": "night"}}, None),
        ({"call_back": {"by": "2025-05-13T10:00:00+09:00"}}, None),
        ({}, None),
    ],
)
def test_what_cannot_wait_is_due_before_the_day_must_have_taken_it_over(
    night: Centre, card: Any, because: str | None
) -> None:
    """The end of the night and half an hour; a call-back that the night promised itself is its own to keep."""
    tell(night, ("night", call("I", "2025-05-12 22:00", **card)))

    assert [event.because for event in recorded(night, "urgent.raised")] == ([because] if because else [])


def test_by_day_the_day_is_there(night: Centre) -> None:
    """A call by day that cannot wait is the day provider's, who hears it."""
    tell(night, ("day", needs("2025-05-12 14:00", medication_at="2025-05-12T19:00:00+09:00")))
    night.tick("2025-05-12 16:30")

    assert ladder(night) == []


def test_the_ladder_is_that_of_the_hour(database_url: str) -> None:
    """On a closed day at half past eight the section is not there; on another it is."""
    with evening(database_url, "2025-11-14 12:00") as centre:
        tell(centre, ("night", needs("2025-11-15 08:25", safe_until="2025-11-15T08:50:00+09:00", medication_at=None)))
        tell(centre, ("night", needs("2025-11-15 08:25", "J", safe_until="2025-11-15T08:50:00+09:00")))
        centre.tick("2025-11-15 08:46")

        assert {step[2] for step in ladder(centre)} == {"ward-duty", "ward-duty-second"}


def test_after_an_outage_it_is_called_on_once_not_for_every_step_that_was_missed(night: Centre) -> None:
    """Late, and saying so."""
    tell(night, ("night", needs("2025-05-13 01:00")))
    night.close()
    night.clock.now = at("2025-05-13 04:00")
    night.restart()
    night.tick("2025-05-13 04:05")
    (late,) = recorded(night, "urgent.unanswered")

    assert (clock(late.due_at), clock(late.fired_at)) == ("13 01:10", "13 04:00")


def test_what_is_typed_in_days_later_is_for_the_morning_alone(night: Centre) -> None:
    """A paper of last week needs nobody called at night; it is a late call."""
    night.tick("2025-05-15 10:00")
    tell(night, ("night", needs()))
    night.tick("2025-05-15 10:05")

    assert ladder(night) == []


@pytest.mark.parametrize("safe_until", [None, "2025-05-13T06:00:00+09:00"])
def test_a_time_that_is_long_past_hides_nothing(night: Centre, safe_until: str | None) -> None:
    """The year is a slip of the pen, or the medicine a week overdue: somebody must look either way."""
    card = {} if safe_until is None else {"safe_until": safe_until}
    tell(night, ("night", needs(medication_at="2024-05-13T07:00:00+09:00", **card)))
    (raised,) = recorded(night, "urgent.raised")

    assert ladder(night) == [("raised", "13 05:20", "ward-duty", None)]
    assert raised.because == ("safe-until" if safe_until else "medication")


def test_two_matters_of_one_call_are_two(night: Centre) -> None:
    """One was answered for, the other is called on."""
    both = message(
        "call.report",
        "2025-05-13 05:20",
        matters=[{"case": "I", "medication_at": SEVEN}, {"case": "J", "medication_at": SEVEN}],
    )
    answer = attempt("2025-05-13 05:25", "ward-duty", answered=True)
    tell(night, ("night", both), ("night", add(both, "2025-05-13 05:26", answer, matter=2)))
    night.tick("2025-05-13 05:31")

    assert sorted(step[0] for step in ladder(night)) == ["raised", "raised", "unanswered"]
    assert [event.number for event in recorded(night, "urgent.unanswered")] == ["R7-0001"]


def test_it_goes_on_under_the_consultation_to_which_it_is_moved(night: Centre) -> None:
    """Corrected in between: closing that one ends it."""
    called = needs()
    tell(night, ("night", call("B", "2025-05-12 22:00")), ("night", called))
    tell(night, ("night", message("call.correct", "2025-05-13 05:25", call=called["id"], to="B")))
    night.tick("2025-05-13 05:31")
    tell(night, ("night", close("B", "2025-05-13 05:35")))
    night.tick("2025-05-13 06:00")

    assert [step[0] for step in ladder(night)] == ["raised", "unanswered"]
    assert recorded(night, "urgent.unanswered")[0].number == "R7-0001"
    assert [answer[2] for answer in answers(night)] == ["closed"]


def test_what_came_after_its_consultation_was_closed_is_raised_for_the_new_one(night: Centre) -> None:
    """The closing is told only after the call: it ends the steps for the old one; nobody has answered for the new."""
    tell(night, ("night", call("I", "2025-05-12 22:00")), ("night", needs()))
    night.tick("2025-05-13 05:21")
    tell(night, ("night", close("I", "2025-05-12 23:00")))
    night.tick("2025-05-13 05:31")

    assert [answer[2] for answer in answers(night)] == ["closed"]
    assert [step[0] for step in ladder(night)][:2] == ["raised", "raised"]
    assert [event.number for event in recorded(night, "urgent.raised")] == ["R7-0001", "R7-0002"]


def test_a_ward_without_a_ladder_calls_nobody(database_url: str) -> None:
    """Without [urgent] it stands first on the statement, and that is all."""
    with evening(database_url, ward=without(WARD, "urgent")) as centre:
        tell(centre, ("night", needs()))
        centre.tick(ISSUED)

        assert [event.name for event in recorded(centre)] == ["statement.issued"]
