"""Closing what was parked is history: by a message, once, by whoever sent it; mending keeps a case's order."""

from __future__ import annotations

from typing import Any

import pytest

from services.tables import PARKED
from tests.desk_examples import (
    LATER,
    ON_ONE_STORE,
    Centre,
    arrange,
    call,
    cancel,
    close,
    correct,
    message,
    names,
    register,
)

pytestmark = ON_ONE_STORE


def closing(parked: str = "intake-1", reason: str = "not-needed", **data: Any) -> dict[str, Any]:
    return message("parked.close", LATER, parked=parked, reason=reason, **data)


def say_closed(centre: Centre, provider: str, service: str = "intake", **data: Any) -> Any:
    return centre.say(provider, closing(**data), to=service)


def test_a_person_closes_what_was_parked_and_it_is_history(centre: Centre) -> None:
    """The event says what, whose and why; the row stays, closed, and no figure moves."""
    centre.say("day", close(reason=7))
    receipt = say_closed(centre, "day")

    (row,) = centre.rows(PARKED)
    (event,) = centre.events()
    assert receipt.status == "accepted"
    assert row["closed"] is not None
    assert (event.name, event.parked, event.provider, event.closed_by) == ("parked.closed", "intake-1", "day", "day")
    assert (event.kind, event.field, event.reason, event.digest) == (
        "parked",
        "data.reason",
        "not-needed",
        row["digest"],
    )
    centre.pump()
    assert centre.figures() == {}


def test_the_words_of_a_closing_are_sealed(centre: Centre) -> None:
    """A reason in a person's own words may be about somebody."""
    centre.say("day", close(reason=7))
    say_closed(centre, "day", reason="夜明花子さんの件は取り下げ", personal={"by": "夜明太郎"})

    (record,), (event,) = centre.records(), centre.events()
    assert event.reason == "other"
    opened = centre.keys.unseal(event.about, f"{record.type}/{record.id}", event.sealed)
    assert opened == {"by": "夜明太郎", "reason": "夜明花子さんの件は取り下げ"}
    assert "夜明".encode() not in centre.on_disk()


def test_closing_twice_is_closing_once(centre: Centre) -> None:
    """Two people may press at the same time."""
    centre.say("day", close(reason=7))
    assert say_closed(centre, "day").status == say_closed(centre, "day").status == "accepted"

    assert names(centre.events()) == ["parked.closed"]


@pytest.mark.parametrize("parked", ["intake-2", "placement-1", "1", "intake-0", "", "intake-99999999999999999999"])
def test_what_nobody_parked_here_cannot_be_closed(centre: Centre, parked: str) -> None:
    """A number that is none, or another service's, is said to be so."""
    centre.say("day", close(reason=7))
    receipt = say_closed(centre, "day", parked=parked)

    assert (receipt.status, receipt.field) in {("parked", "data.parked"), ("parked", "type")}
    assert centre.rows(PARKED)[0]["closed"] is None


def test_a_provider_closes_its_own_and_no_other(centre: Centre) -> None:
    """Who closes is who was authenticated."""
    centre.say("day", close(reason=7))

    assert say_closed(centre, "night").status == "parked"
    assert centre.rows(PARKED)[0]["closed"] is None


def test_what_a_stranger_sent_is_closed_by_anybody_the_ward_knows(centre: Centre) -> None:
    """Nobody else could."""
    centre.say("stranger", call())

    assert say_closed(centre, "day").status == "accepted"
    assert centre.rows(PARKED)[0]["closed"] is not None


def test_each_service_closes_what_it_parked(centre: Centre) -> None:
    """The number names the service; the rules of no service have to know of it."""
    centre.say("day", call())
    centre.pump()
    centre.say("day", arrange(kind="tent"))

    assert say_closed(centre, "day", "placement", parked="placement-1").status == "accepted"
    assert names(centre.events("placement")) == ["parked.closed"]


def test_a_conflict_is_closed_and_the_first_stands(centre: Centre) -> None:
    """Nothing else ends a conflict."""
    centre.say("day", call("A", id="1"))
    centre.say("day", call("B", id="1"))
    say_closed(centre, "day", reason="first-stands")

    assert [row["closed"] is None for row in centre.rows(PARKED)] == [False]
    assert names(centre.events()) == ["call.received", "parked.closed"]


def test_what_was_closed_may_still_come_mended(centre: Centre) -> None:
    """Closing forbids nothing: a sender may find the time to mend it after all."""
    centre.say("day", call())
    centre.say("day", close(id="1", reason=7))
    say_closed(centre, "day")

    assert centre.say("day", close(id="1")).status == "accepted"


def test_a_call_mended_after_the_next_one_keeps_its_own_time(centre: Centre) -> None:
    """Story 2: 43 was cp932 and 44 was taken; mended, 43 is the first contact by its own time."""
    centre.say("night", call("C", "2025-11-15 05:20", id="44"))
    parked = centre.say("night", '{"id": "43", "data": {"name": "髙橋"}}'.encode("cp932"))
    mended = centre.say("night", call("C", "2025-11-15 01:30", id="43"))
    centre.pump()

    assert (parked.status, mended.status) == ("parked", "accepted")
    (history,) = {event.case for event in centre.events()}
    steps = centre.inquiry.history(history, by="time").steps
    assert [step.occurred_at.hour for step in steps if step.event == "call.received"] == [1, 5]
    assert set(centre.figures().values()) == {1}


def test_a_closing_mended_after_a_further_call_leaves_that_call_in_a_case_of_its_own(centre: Centre) -> None:
    """The call came while the closing was parked; by the times it came after it, and so it is told."""
    centre.say("day", call(on="2025-05-12 12:00"))
    centre.say("day", close(on="2025-05-12 15:00", id="1", reason=7))
    centre.say("day", call(on="2025-05-12 16:00"))
    centre.say("day", close(on="2025-05-12 15:00", id="1"))

    assert names(centre.events())[-2:] == ["case.closed", "contact.moved"]


def test_what_waits_for_a_parked_message_goes_on_when_it_is_mended(centre: Centre) -> None:
    """The cancelling came while the arranging was parked: it waited, and is not lost."""
    centre.say("day", call())
    centre.pump()
    assert centre.say("day", arrange(id="1", kind="tent")).status == "parked"
    assert centre.say("day", cancel()).status == "waiting"
    centre.say("day", arrange(id="1"))

    assert names(centre.events("placement")) == ["placement.arranged", "placement.cancelled"]


def test_a_closing_before_the_ward_s_register_opened_is_parked(centre: Centre) -> None:
    """Like any other message it needs a usable time."""
    centre.say("day", close(reason=7))
    early = closing() | {"time": "2001-01-01T00:00:00+09:00"}

    assert centre.say("day", early).field == "time"


def test_an_old_correction_that_is_mended_does_not_undo_a_later_one(centre: Centre) -> None:
    """It was parked while the later one was taken; the later one stands, and a person is told so."""
    told = call(on="2025-05-12 12:00")
    centre.say("day", told)
    old = correct(told, "2025-05-12 14:00", district="kinuta") | {"id": "old"}
    assert centre.say("day", old | {"data": old["data"] | {"district": "nowhere"}}).status == "parked"
    centre.say("day", correct(told, "2025-05-12 16:00", district="karasuyama"))
    again = centre.say("day", old)

    assert (again.status, again.field) == ("parked", "time")
    assert "data.district" not in (again.reason or "")
    assert centre.events()[-1].changes[0].after == "karasuyama"


def test_an_old_correction_of_another_field_is_taken(centre: Centre) -> None:
    """Only what was said later about the same is in its way; of a person as of a call."""
    centre.say("day", register("P"))
    wrong = message("registration.correct", "2025-05-12 14:00", id="old", person="P", district="nowhere")
    centre.say("day", wrong)
    centre.say("day", message("registration.correct", "2025-05-12 16:00", person="P", certificate=True))
    mended = centre.say("day", wrong | {"data": {"person": "P", "district": "karasuyama"}})

    assert mended.status == "accepted"
    assert [row["closed"] is None for row in centre.rows(PARKED)] == [False]
