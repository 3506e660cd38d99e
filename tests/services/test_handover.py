"""Domain rule 7: who was asked, who took the case on, who did not; each where it makes sense."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    ON_ONE_STORE,
    Centre,
    answer,
    call,
    message,
    names,
    offer,
)


@pytest.fixture
def told(centre: Centre) -> Centre:
    """Handover has heard of the night provider's case N and the day provider's case A."""
    centre.say("day", call())
    centre.say("night", call("N", NIGHT))
    centre.pump()
    return centre


def standing(centre: Centre) -> list[str]:
    """What handover recorded, in its order."""
    return names(centre.events("handover"))


def test_an_offered_case_is_accepted(told: Centre) -> None:
    """Kind and receiver are those of the offer."""
    told.say("day", offer(kind="section", to="北沢保健福祉課"))
    told.say("day", answer("accept"))
    offered, accepted = told.events("handover")

    assert (accepted.handover, accepted.case) == (offered.handover, offered.case)
    assert (accepted.kind, accepted.to, accepted.giver) == ("section", "北沢保健福祉課", "day")


def test_a_hand_over_may_be_said_in_one(told: Centre) -> None:
    """Accepted by telephone, or the morning hand-over of a night's case."""
    told.say(
        "night", message("handover.complete", "2025-05-13 08:45", handover="m", case="N", kind="morning", to="day")
    )

    assert standing(told) == ["handed-over"]


def test_another_provider_names_the_case_by_its_number(told: Centre) -> None:
    """The night's case, handed on by day."""
    receipt = told.say("day", offer(case="", number="R7-0002"))

    assert receipt.case == [told.events()[1].case]


ALLOWED = {
    "offered": {"accept", "decline", "withdraw"},
    "accept": {"accept", "withdraw", "return"},  # A withdrawal after it is late, and kept.
    "decline": {"decline"},
    "withdraw": {"withdraw", "accept", "decline"},  # So are answers after a withdrawal.
    "return": {"return"},
}
BEFORE = {"offered": [], "accept": ["accept"], "decline": ["decline"], "withdraw": ["withdraw"]}
BEFORE["return"] = ["accept", "return"]


@ON_ONE_STORE
@pytest.mark.parametrize("verb", ["accept", "decline", "withdraw", "return"])
@pytest.mark.parametrize("before", ALLOWED)
def test_an_answer_makes_sense_in_one_standing_only(told: Centre, before: str, verb: str) -> None:
    """What was declined cannot be accepted, what was not accepted cannot be returned; the rest is parked."""
    told.say("day", offer())
    for earlier in BEFORE[before]:
        told.say("day", answer(earlier, on=NEXT_DAY))
    receipt = told.say("day", answer(verb))

    assert receipt.status == ("accepted" if verb in ALLOWED[before] else "parked")
    if receipt.status == "parked":
        assert receipt.field == "data.handover"


@ON_ONE_STORE
@pytest.mark.parametrize("verb", ["accept", "decline", "withdraw"])
def test_an_answer_said_twice_is_one(told: Centre, verb: str) -> None:
    """In two messages, at two times."""
    told.say("day", offer())
    told.say("day", answer(verb))
    told.say("day", answer(verb, on="2025-05-15 10:00"))

    assert len(standing(told)) == 2


def test_a_return_said_twice_is_one(told: Centre) -> None:
    """And undoes one acceptance."""
    told.say("day", offer())
    for verb in ("accept", "return", "return"):
        told.say("day", answer(verb))

    assert standing(told) == ["handover.offered", "handed-over", "handover.returned"]


def test_a_case_that_came_back_may_be_offered_again(told: Centre) -> None:
    """Under a new reference."""
    told.say("day", offer())
    for verb in ("accept", "return"):
        told.say("day", answer(verb))

    assert told.say("day", offer("again", on="2025-05-15 10:00")).status == "accepted"


@ON_ONE_STORE
@pytest.mark.parametrize("verb", ["accept", "decline", "withdraw"])
def test_an_answer_before_the_offer_was_made_is_parked(told: Centre, verb: str) -> None:
    """Its time cannot be right."""
    told.say("day", offer(on=LATER))
    receipt = told.say("day", answer(verb, on=NEXT_DAY))

    assert (receipt.status, receipt.field) == ("parked", "time")


def test_an_answer_before_its_offer_was_heard_of_waits(told: Centre) -> None:
    """It may overtake; it goes on by itself."""
    assert told.say("day", answer("accept")).status == "waiting"
    told.say("day", offer())

    assert standing(told) == ["handover.offered", "handed-over"]


WRONG = [
    ({"kind": "family"}, "data.kind", "morning, agency, section, escalation, information"),
    ({"to": ""}, "data.to", "one line"),
    ({"to": "x" * 101}, "data.to", "one line"),
    ({"to": 7}, "data.to", ""),
    ({"case": ""}, "data.case", "number"),
    ({"colour": "red"}, "data.colour", "handover"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("data", "field", "accepted"), WRONG)
def test_what_cannot_be_right_is_parked_with_what_would_be(
    told: Centre, data: dict[str, Any], field: str, accepted: str
) -> None:
    """Nothing is recorded."""
    receipt = told.say("day", offer(**data))

    assert (receipt.status, receipt.field) == ("parked", field)
    assert accepted in (receipt.reason or "")
    assert standing(told) == []


def test_a_second_hand_over_under_one_reference_is_parked(told: Centre) -> None:
    """It would hide the first."""
    told.say("day", offer())

    assert told.say("day", offer(kind="section")).field == "data.handover"


def test_what_handover_knows_survives_a_restart(told: Centre) -> None:
    """References and standings are read from the journal and its tables."""
    told.say("day", offer())
    told.restart()
    told.say("day", answer("decline"))
    told.restart()

    assert told.say("day", answer("accept")).status == "parked"


def test_a_reason_that_is_not_on_the_wards_list_is_sealed(told: Centre) -> None:
    """Free words may be about a person."""
    told.say("day", offer())
    told.say("day", answer("decline", reason="夜明花子さんの希望"))
    (event, record) = (told.events("handover")[1], told.records("handover")[1])

    assert event.reason == "other"
    assert told.keys.unseal(told.events()[0].person, f"{record.type}/{record.id}", event.sealed) == {
        "reason": "夜明花子さんの希望"
    }
