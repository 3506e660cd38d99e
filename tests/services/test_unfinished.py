"""Whose call it was may be known later: what is open for handover is what is open by the ledger (domain Rule 2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.desk_examples import Centre, Message, call, close, contact, correct, message, register, with_policy
from tests.morning_examples import ISSUED, evening, owners, recorded, statements, still_open, tell

A, B = "R7-0001", "R7-0002"


@pytest.fixture
def night(database_url: str) -> Iterator[Centre]:
    """P is on the register; it is ten in the evening."""
    with evening(database_url) as centre:
        said(centre, register(on="2025-05-12 21:00"))
        yield centre


def said(centre: Centre, *told: Message) -> None:
    """All by the night provider; each is taken."""
    receipts = tell(centre, *(("night", one) for one in told))
    assert {receipt.status for receipt in receipts} == {"accepted"}, receipts


def silent(case: str = "A", on: str = "2025-05-12 22:10", **matter: Any) -> Message:
    """Nobody spoke; the number may be somebody's."""
    return contact({"case": case} | matter, on=on, not_counted="silent")


def link(one: Message, on: str = "2025-05-12 23:00") -> Message:
    """It was P's, whose number and voice were known."""
    return message("call.link", on, call=one["id"], person="P", matched=["phone", "voice-known"])


def unlink(one: Message, on: str = "2025-05-12 23:30") -> Message:
    return message("call.unlink", on, call=one["id"])


def test_a_silent_call_is_open_while_it_is_linked_to_a_registrant(night: Centre) -> None:
    """Nobody's, then P's, then nobody's again; and P's once more."""
    one = silent()
    said(night, one)
    assert still_open(night) == []
    said(night, link(one))
    assert still_open(night) == [A]
    said(night, unlink(one))
    assert still_open(night) == []
    said(night, link(one, "2025-05-12 23:40"))
    assert still_open(night) == [A]


def test_a_silent_call_on_whose_card_a_registrant_is_named_is_open(night: Centre) -> None:
    """The same by 追記."""
    one = silent()
    said(night, one, message("call.add", "2025-05-12 23:00", call=one["id"], person="P"))

    assert still_open(night) == [A]


def test_a_link_opens_nothing_that_is_settled_or_of_another_kind(night: Centre) -> None:
    """A was closed, B was a wrong number: whosever they were, nothing is left to do."""
    one, other = silent(), contact({"case": "B"}, on="2025-05-12 22:20", not_counted="wrong-number")
    said(night, one, other, close("A", "2025-05-12 22:30"), link(one), link(other))
    assert still_open(night) == []

    said(night, silent(on="2025-05-12 23:50"))
    assert still_open(night) == ["R7-0003"]


def test_a_call_found_to_have_been_silent_is_open_only_if_it_is_a_registrants(night: Centre) -> None:
    """Nobody's is not, though it was open while it counted; P's is, though it was not while it was a wrong number."""
    of_nobody, of_p = call("A", "2025-05-12 22:10"), call("B", "2025-05-12 22:20", person="P")
    said(night, of_nobody, of_p, correct(of_p, "2025-05-12 22:30", not_counted="wrong-number"))
    assert still_open(night) == [A]

    said(night, *(correct(one, "2025-05-12 22:40", not_counted="silent") for one in (of_nobody, of_p)))
    assert still_open(night) == [B]


def test_whose_a_contact_is_goes_with_it(night: Centre) -> None:
    """A silent call of P's is a further contact of A, of whom nobody knows, and then turns out to be one of B's."""
    other = call("B", "2025-05-12 22:00")
    moved = contact({"number": A, "person": "P"}, on="2025-05-12 22:20", not_counted="silent")
    said(night, silent(), other, correct(other, "2025-05-12 22:05", not_counted="silent"), moved)
    assert still_open(night) == [A]

    said(night, correct(moved, "2025-05-12 22:30", to_number=B))
    assert still_open(night) == [B]

    night.restart()
    said(night, correct(moved, "2025-05-12 22:40", to_number=A))
    assert still_open(night) == [A]


def test_a_link_that_was_undone_says_nothing_of_who_is_named_later(night: Centre) -> None:
    """A is P's by a link, and is not; then P rings, and says nothing."""
    one = silent()
    said(night, one, link(one), unlink(one))
    night.restart()
    said(night, contact({"number": A, "person": "P"}, on="2025-05-12 23:50", not_counted="silent"))

    assert still_open(night) == [A]


def test_that_a_link_was_undone_stays_known_when_the_first_contact_is_moved_away(night: Centre) -> None:
    """What came while A was linked says that it is P's, because of that link alone."""
    one, further = silent(), silent(on="2025-05-12 23:10")
    said(night, one, silent("B", "2025-05-12 22:15"), link(one), further, unlink(one))
    said(night, correct(one, "2025-05-12 23:40", to_number=B))
    assert still_open(night) == []

    night.restart()
    said(night, correct(further, "2025-05-12 23:50", occurred_at="2025-05-12T23:05:00+09:00"))
    assert still_open(night) == []


def test_a_linked_part_opens_the_whole_until_they_are_taken_apart(night: Centre) -> None:
    """Two silent calls of one matter; the one that is a part of the other is found to be P's."""
    one = silent("B", "2025-05-12 22:15")
    said(night, silent(), one, message("case.merge", "2025-05-12 22:30", number=B, into_number=A), link(one))
    assert still_open(night) == [A]

    said(night, message("case.split", "2025-05-12 23:10", number=B))
    assert still_open(night) == [B]


def test_a_ward_that_leaves_silent_calls_closed_leaves_them_so(database_url: str) -> None:
    """(policy)"""
    with evening(database_url, ward=with_policy(silent_registered="closed")) as centre:
        one = silent()
        said(centre, register(on="2025-05-12 21:00"), one, link(one))

        assert still_open(centre) == []


def test_a_link_after_the_statement_adds_nothing_to_it(night: Centre) -> None:
    """The call stands on it as what it was, and no supplement lists it again; the case is the night's."""
    one = silent()
    said(night, one)
    night.tick(ISSUED)
    said(night, link(one, "2025-05-13 08:40"))
    night.tick("2025-05-13 12:00")

    assert [[item.number for item in each.items] for each in statements(night)] == [[A]]
    assert (still_open(night), owners(night)) == ([A], {A: "night"})


def test_what_is_linked_after_its_provider_s_contract_passes_on(database_url: str) -> None:
    """It was nobody's case as the contract ended: as of that midnight, since it was P's all along."""
    with evening(database_url, "2025-03-28 09:00") as centre:
        one = silent(on="2025-03-31 23:10")
        tell(centre, ("contractor", register(on="2025-03-28 10:00")), ("contractor", one))
        centre.tick("2025-04-02 10:00")
        assert recorded(centre, "case.passed") == []
        tell(centre, ("contractor", link(one, "2025-03-31 23:30")))

        (passed,) = recorded(centre, "case.passed")
        assert (passed.giver, passed.to) == ("contractor", "night")
        assert still_open(centre) == ["R6-0001"]
