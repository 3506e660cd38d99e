"""One contact about two siblings, the second told later; and an attempt that was noted by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.beside import MOST_MATTERS
from tests.desk_examples import LATER, NIGHT, NOON, Centre, Message, call, codes, contact, message, names, register


def sibling(of: Message, on: str = LATER, **data: Any) -> Message:
    """Another person in the same contact."""
    return contact({"district": "kinuta"}, on=on, beside=of["id"], **data)


def test_a_sibling_told_later_counts_and_the_contact_stays_one(centre: Centre) -> None:
    """Domain Rule 1: two consultations, in the band of the one contact, though the second was told by day; once."""
    first = call("A", NIGHT)
    second = sibling(first, "2025-05-13T10:00:00+09:00")
    centre.say("night", first)
    receipt = centre.say("night", second)
    again = centre.say("night", second)
    centre.pump()
    one, other = centre.events()

    assert (receipt.number, again.status, again.number) == (["R7-0002"], "known", ["R7-0002"])
    assert (one.contact, one.matter) == (other.contact, 1)
    assert (other.matter, other.matters, other.district) == (2, 2, "kinuta")
    assert [record.time for record in centre.records()] == [centre.records()[0].time] * 2
    assert centre.figures() == {("night", "other"): 2}


def test_each_person_is_spoken_of_by_the_report_that_told_of_them(centre: Centre) -> None:
    """`call` is the sibling's own report, its first matter 1; by the first report's id she is matter 2."""
    first = call("A")
    second = contact({}, {}, on=LATER, beside=first["id"])
    centre.say("day", register("P"))
    for told in (
        first,
        second,
        message("call.add", LATER, call=second["id"], district="kinuta"),
        message("call.add", LATER, call=first["id"], matter=3, district="tamagawa"),
        message("call.link", LATER, call=second["id"], person="P", matched=["kana", "phone"]),
        message("call.unlink", LATER, call=second["id"], personal={"reason": "架空の別人"}),
        message("call.add", LATER, call=first["id"], reasons=["carer-ill"]),
    ):
        centre.say("day", told)
    _, received, her, his, added, third, linked, unlinked, own = centre.without_flags()

    assert (received.matter, her.matter, his.matter) == (1, 2, 3)
    assert (added.case, third.case, linked.case, unlinked.case) == (her.case, his.case, her.case, her.case)
    assert own.case == received.case


def test_a_sibling_of_the_last_contact_of_a_number(centre: Centre) -> None:
    """As whoever went on with a card by its 受付番号 says it; and beside a sibling is the same contact too."""
    centre.say("night", call("A", NIGHT))
    by_number = contact({}, on=LATER, beside_number="r7-0001")
    centre.say("day", by_number)
    centre.say("day", sibling(by_number))

    assert len({event.contact for event in centre.events()}) == 1
    assert [event.matter for event in centre.events()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"beside": "nothing"}, "unknown-call"),
        ({"beside_number": "R7-9999"}, "unknown-call"),
        ({"beside": 7}, "not-a-text"),
        ({"beside": "first", "matters": [], "not_counted": "silent"}, "not-beside"),
        ({"beside": "first", "matters": [{}] * MOST_MATTERS}, "not-beside"),
    ],
)
def test_a_report_that_is_beside_nothing_is_a_contact_of_its_own(
    centre: Centre, told: dict[str, Any], code: str
) -> None:
    """Never refused, never waiting: what counts is the same, and somebody may look."""
    centre.say("day", call("A", NOON, id="first"))
    receipt = centre.say("day", message("call.report", LATER, **{"matters": [{"district": "kinuta"}]} | told))
    first, *others = centre.events()

    assert receipt.status == "accepted"
    assert code in codes(receipt)
    assert {event.contact for event in others}.isdisjoint({first.contact})
    assert {event.matter for event in others} == set(range(1, len(others) + 1))


def test_an_attempt_noted_by_mistake_stays_with_the_word_that_it_was_one(centre: Centre) -> None:
    """Nothing is taken away; told again it stands there once."""
    pressed = {"what": "119", "at": "2025-05-12T11:58:00+09:00", "answered": True}
    first = call("A", NOON, danger=[pressed])
    undone = {"call": first["id"], "danger": [pressed | {"mistaken": True}]}
    for told in (first, message("call.add", LATER, **undone), message("call.add", LATER, **undone)):
        centre.say("day", told)

    assert names(centre.events()) == ["call.received", "call.added"]
    (attempt,) = centre.events()[0].card.danger
    (word,) = centre.events()[1].danger
    assert (word.what, word.at, word.answered, word.mistaken) == ("119", attempt.at, True, True)
    assert attempt.mistaken is None
