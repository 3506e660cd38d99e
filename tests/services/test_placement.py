"""What the centre arranged, and what was given up: once, in its order, with a reason where it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    ON_ONE_STORE,
    Centre,
    arrange,
    at,
    call,
    cancel,
    close,
    codes,
    message,
    names,
    offer,
)


@pytest.fixture
def told(centre: Centre) -> Centre:
    """Placement has heard of the day provider's case A."""
    centre.say("day", call())
    centre.pump()
    return centre


def test_a_place_is_arranged_for_a_case_by_the_senders_reference(told: Centre) -> None:
    """The receipt names the case; the event says who arranged what."""
    receipt = told.say("day", arrange())
    (event,) = told.events("placement")

    assert receipt.case == [event.case] == [told.events()[0].case]
    assert (event.kind, event.provider, event.ref, event.by) == ("short-stay", "day", "bed", "centre")


@pytest.mark.parametrize(
    "said",
    [
        arrange(case="", number="R7-0001"),
        offer(case="", number="R7-0001"),
        close("", number="R7-0001"),
    ],
    ids=["placement", "handover", "closing"],
)
def test_a_provider_whose_contract_is_over_has_no_effect_afterwards(told: Centre, said: Any) -> None:
    """Parked, with the reason; what was before its end it may still tell."""
    receipt = told.say("contractor", said)

    assert (receipt.status, receipt.field) == ("parked", "time")
    assert "outside the sender's contract" in (receipt.reason or "")


def test_what_was_arranged_before_a_contracts_end_is_taken_late(centre: Centre) -> None:
    """Told by the former provider weeks later."""
    centre.say("contractor", call("O", "2025-03-20 12:00"))
    centre.pump()
    centre.clock.now = at("2025-05-20 12:00")

    assert centre.say("contractor", arrange(case="O", on="2025-03-21 12:00")).status == "accepted"


def test_words_that_a_former_provider_adds_are_kept_and_flagged(told: Centre) -> None:
    """A card is never refused; that the contract was over is something to look at."""
    added = message("call.add", NOON, number="R7-0001", district="kitazawa", personal={"words": "架空"})

    assert "outside-contract" in codes(told.say("contractor", added))


@pytest.mark.parametrize("number", ["R7-0001", "ｒ７－０００１"])
def test_another_provider_names_the_case_by_its_number(told: Centre, number: str) -> None:
    """Read out on the phone, in any width."""
    receipt = told.say("night", arrange(case="", number=number))

    assert receipt.case == [told.events()[0].case]


def test_a_case_that_nobody_names_is_parked(told: Centre) -> None:
    """With both ways of naming it."""
    receipt = told.say("day", arrange(case=""))

    assert (receipt.status, receipt.field) == ("parked", "data.case")
    assert "number" in (receipt.reason or "")


def test_of_two_consultations_under_one_reference_the_one_of_that_time_is_meant(told: Centre) -> None:
    """A place arranged before the closing and heard after the new contact belongs to the old one."""
    for one in (close("A", NEXT_DAY), call("A", LATER)):
        told.say("day", one)
    told.pump()
    old, new = [event.case for event in told.events() if event.name == "call.received"]

    assert told.say("day", arrange("early", on="2025-05-12 15:00")).case == [old]
    assert told.say("day", arrange("late", on="2025-05-15 10:00")).case == [new]


WRONG = [
    ({"kind": "hotel"}, "data.kind", "short-stay, supporter, home-help"),
    ({"kind": "both"}, "data.kind", "short-stay, supporter, home-help"),
    ({"by": "family"}, "data.by", "centre, agency"),
    ({"begins_at": "2025-05-13T10:00:00"}, "data.begins_at", "2025-04-01T13:00:00+09:00"),
    ({"begins_at": "soon"}, "data.begins_at", ""),
    ({"begins_at": at(LATER).isoformat(), "ends_at": at(NOON).isoformat()}, "data.ends_at", "a later time"),
    ({"facility": ""}, "", ""),
    ({"facility": "x" * 101}, "data.facility", "one line"),
    ({"facility": "one\ntwo"}, "data.facility", "one line"),
    ({"colour": "red"}, "data.colour", "facility"),
    ({"placement": 7}, "data.placement", ""),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("data", "field", "accepted"), WRONG)
def test_what_cannot_be_right_is_parked_with_what_would_be(
    told: Centre, data: dict[str, Any], field: str, accepted: str
) -> None:
    """Only an empty facility is as good as none."""
    receipt = told.say("day", arrange(**data))

    assert receipt.status == ("parked" if field else "accepted")
    assert (receipt.field or "") == field
    assert accepted in (receipt.reason or "")


def test_a_time_that_is_none_is_parked(told: Centre) -> None:
    """A placement is no call: it is sent again with a time."""
    receipt = told.say("day", arrange() | {"time": None})

    assert (receipt.status, receipt.field) == ("parked", "time")


def test_a_second_place_under_one_reference_is_parked(told: Centre) -> None:
    """It would hide the first."""
    told.say("day", arrange())
    receipt = told.say("day", arrange(kind="supporter"))

    assert (receipt.status, receipt.field) == ("parked", "data.placement")
    assert len(told.events("placement")) == 1


def test_two_places_for_one_case_are_both_arranged(told: Centre) -> None:
    """併用 follows from them; nobody types it."""
    told.say("day", arrange("bed"))
    told.say("day", arrange("helper", kind="supporter"))

    assert [event.kind for event in told.events("placement")] == ["short-stay", "supporter"]


def test_a_cancelling_names_the_place_and_happens_once(told: Centre) -> None:
    """Said twice in two messages, nothing is added."""
    told.say("day", arrange())
    for _ in range(2):
        assert told.say("day", cancel(reason="満床")).status == "accepted"

    assert names(told.events("placement")) == ["placement.arranged", "placement.cancelled"]
    assert told.events("placement")[1].reason == "full"


def test_another_provider_cancels_it_by_our_id_and_it_is_given_up_once(told: Centre) -> None:
    """By night the facility rings whoever answers; the day, who says so as well, adds nothing."""
    told.say("day", arrange())
    own = told.events("placement")[0].placement
    by_night = told.say("night", message("placement.cancel", LATER, placement_id=own, reason="満床"))
    again = [told.say("day", cancel()), told.say("day", message("placement.cancel", LATER, placement_id=own))]

    assert [each.status for each in (by_night, *again)] == ["accepted"] * 3
    assert by_night.case == [told.events()[0].case]
    assert [(event.name, event.placement) for event in told.events("placement")[1:]] == [("placement.cancelled", own)]


@pytest.mark.parametrize("named", [{"placement_id": "0" * 36}, {"placement_id": ""}, {"placement_id": "x" * 9_000}, {}])
@ON_ONE_STORE
def test_a_cancelling_of_an_id_that_is_none_or_of_nothing_is_parked(told: Centre, named: dict[str, str]) -> None:
    """Nothing will ever have it, so it does not wait; and another's reference is nobody else's name."""
    told.say("day", arrange())
    receipt = told.say("night", message("placement.cancel", LATER, **named))

    assert (receipt.status, receipt.field) == ("parked", f"data.{next(iter(named), 'placement')}")
    assert told.say("night", cancel()).status == "waiting"
    assert names(told.events("placement")) == ["placement.arranged"]


def test_a_cancelling_before_its_place_was_heard_of_waits(told: Centre) -> None:
    """It may overtake; it goes on by itself."""
    assert told.say("day", cancel()).status == "waiting"
    told.say("day", arrange())

    assert names(told.events("placement")) == ["placement.arranged", "placement.cancelled"]


def test_a_cancelling_before_the_place_was_arranged_is_parked(told: Centre) -> None:
    """Its time cannot be right."""
    told.say("day", arrange(on=LATER))
    receipt = told.say("day", cancel(on=NEXT_DAY))

    assert (receipt.status, receipt.field) == ("parked", "time")


def test_what_placement_knows_survives_a_restart(told: Centre) -> None:
    """References, cases and what was arranged are read from the journal and its tables."""
    told.say("day", arrange())
    told.restart()

    assert told.say("day", cancel()).status == "accepted"


def test_what_is_personal_about_a_place_is_sealed_for_the_person_of_the_case(told: Centre) -> None:
    """Forgetting the person forgets it too."""
    told.say("day", arrange(personal={"note": "needs a ramp"}))
    (event,), (record,) = told.events("placement"), told.records("placement")
    person = told.events()[0].person

    assert told.keys.unseal(person, f"{record.type}/{record.id}", event.sealed) == {"note": "needs a ramp"}


def test_a_silent_call_about_nobody_gives_no_case(centre: Centre) -> None:
    """Its number names a contact, and nothing can be arranged for that: who sends it is told so, early or late."""
    early = centre.say("day", arrange("early", case="", number="R7-0001"))
    centre.say("night", call(None, NIGHT) | {"data": {"not_counted": "silent"}})
    centre.pump()
    receipt = centre.say("day", arrange("late", case="", number="R7-0001"))

    assert early.status == "waiting"
    assert [(each.status, each.field) for each in centre.receipts("placement")[1:]] == [("parked", "data.number")] * 2
    assert "about nobody" in (receipt.reason or "")
