"""A provider's own numbers tell what never arrived from what arrived and waits or is parked."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from deploy.feeds import complete, manifest_of, manifest_table, notes
from events.manifest import Feed, Manifest, gaps, merged, prove, size
from services import numbering
from services.database import insert_rows
from services.tables import HEARD, PARKED, WAITING
from tests.desk_examples import LATER, NOON, Centre, answer, at, call, close, codes, message, offer

SERVICES = ("intake", "placement", "handover")


def numbered(message: dict[str, Any], number: object, source: str = "desk") -> dict[str, Any]:
    """As an adapter with a count of its own sends it."""
    return message | {"source": source, "sequence": number}


def held(centre: Centre, provider: str = "day") -> Manifest:
    """What the three services hold."""
    return manifest_of([centre.engine(service) for service in SERVICES], "w", provider, at(LATER))


def feed(centre: Centre, source: str = "desk") -> Feed:
    """What is held from one source."""
    (found,) = [feed for feed in held(centre).sources if feed.source == source]
    return found


def test_every_number_heard_is_a_complete_feed(centre: Centre) -> None:
    """Also across the services, for a provider counts them together; in whatever order they came."""
    centre.say("day", numbered(call("B"), 3))
    centre.say("day", numbered(call("A"), 1))
    centre.pump()
    centre.say("day", numbered(offer(case="A"), 2))

    assert feed(centre) == Feed(source="desk", verdict="complete", messages=3, last=3, held=[(1, 3)])
    assert complete(held(centre))


def test_a_number_that_never_came_is_a_gap(centre: Centre) -> None:
    """Two runs, and what is between them; from 1 on."""
    for number in (2, 3, 6):
        centre.say("day", numbered(call(f"C{number}"), number))

    found = feed(centre)
    assert (found.verdict, found.held, found.gaps) == ("gaps", [(2, 3), (6, 6)], [(1, 1), (4, 5)])
    assert not complete(held(centre))


def test_what_waits_is_parked_or_in_conflict_is_told_from_a_gap(centre: Centre) -> None:
    """Each keeps its number; mended or gone on, it is held."""
    first = call("A", id="1")
    centre.say("day", numbered(first, 1))
    centre.say("day", numbered(call("B", id="1"), 2))
    centre.say("day", numbered(close("later"), 3))
    bad = numbered(message("case.close", NOON, id="bad", case=7), 4)
    assert centre.say("day", bad).status == "parked"

    found = feed(centre)
    assert (found.verdict, found.held, found.gaps) == ("complete", [(1, 1), (3, 3)], [])
    assert (found.conflicts, found.waiting, found.parked) == ([(2, 2)], [(3, 3)], [(4, 4)])
    assert (found.conflict_messages, found.waiting_messages, found.parked_messages) == (1, 1, 1)

    centre.say("day", numbered(call("later"), 5))
    centre.say("day", bad | {"time": at(LATER).isoformat(), "data": {"case": "A"}})
    found = feed(centre)
    assert (found.held, found.waiting, found.parked, found.closed) == ([(1, 1), (3, 5)], [], [], [])


def test_what_waited_and_then_is_parked_keeps_its_number(centre: Centre) -> None:
    """It was heard once, and then nothing of it is left among what was heard."""
    centre.say("day", numbered(call("A"), 1))
    centre.pump()
    centre.say("day", numbered(answer("accept", on=NOON), 2))
    assert feed(centre).waiting == [(2, 2)]
    centre.say("day", numbered(offer(on=LATER), 3))

    assert centre.rows(WAITING, "handover") == []
    assert [row["sequence"] for row in centre.rows(PARKED, "handover")] == [2]
    assert (feed(centre).parked, feed(centre).held) == ([(2, 2)], [(1, 1), (3, 3)])


@pytest.mark.parametrize("number", ["one", 0, -1, 1.5, True, [], 2**63, "1" * 30, "１"])
def test_a_number_that_is_none_is_flagged_and_left_aside(centre: Centre, number: object) -> None:
    """The call counts all the same; the feed is not proved."""
    receipt = centre.say("day", numbered(call(), number))

    assert (receipt.status, "sequence-unusable" in codes(receipt)) == ("accepted", True)
    assert centre.rows(HEARD)[-1]["sequence"] is None
    assert (feed(centre).verdict, feed(centre).unnumbered) == ("not-proved", 1)


def test_a_number_as_a_headers_text_is_a_number(centre: Centre) -> None:
    """Over HTTP, in binary form, every attribute is a text."""
    receipt = centre.say("day", numbered(call(), "007"))

    assert "sequence-unusable" not in codes(receipt)
    assert feed(centre).held == [(7, 7)]


def test_the_same_message_under_another_number_is_the_same_message(centre: Centre) -> None:
    """An outbox that was lost and begun anew numbers anew; nothing is in conflict, and the first number stands."""
    told = call()
    centre.say("day", numbered(told, 1))

    assert centre.say("day", numbered(told, 9)).status == "known"
    assert centre.say("day", told | {"source": "desk"}).status == "known"
    assert feed(centre).held == [(1, 1)]


def test_without_numbers_nothing_is_proved(centre: Centre) -> None:
    """It says so, rather than that all is there."""
    centre.say("day", call() | {"source": "desk"})

    assert (feed(centre).verdict, feed(centre).last, feed(centre).unnumbered) == ("not-proved", 0, 1)


def test_one_number_on_two_messages_proves_nothing(centre: Centre) -> None:
    """Also where two services hold them."""
    centre.say("day", numbered(call("A"), 1))
    centre.pump()
    centre.say("day", numbered(offer(case="A"), 1))

    assert (feed(centre).verdict, feed(centre).numbers_used_twice) == ("not-proved", 1)


def test_each_source_and_each_provider_counts_for_itself(centre: Centre) -> None:
    """Both may begin at 1."""
    centre.say("day", numbered(call("A"), 1, "one"))
    centre.say("day", numbered(call("B"), 1, "two"))
    centre.say("night", numbered(call("C"), 1, "one"))
    centre.say("day", b"{")

    assert [(found.source, found.held) for found in held(centre).sources] == [("one", [(1, 1)]), ("two", [(1, 1)])]
    assert held(centre).unreadable == 1
    assert (held(centre, "nobody").sources, complete(held(centre, "nobody"))) == ([], False)


def test_the_databases_answer_with_runs_and_not_with_messages(centre: Centre) -> None:
    """So that a million messages are as quick to tell of as their gaps are few."""
    rows = [("day", "desk", str(n), "d", b"r", n) for n in range(1, 20_001) if n != 9_000]
    with centre.engine("intake").begin() as connection:
        insert_rows(connection, HEARD, rows)
    found = feed(centre)
    with centre.engine("intake").connect() as connection:
        runs = connection.execute(numbering.runs(sa.select(HEARD.c.source, HEARD.c.sequence))).all()

    assert (found.gaps, found.messages, found.last) == ([(9_000, 9_000)], 19_999, 20_000)
    assert sorted(map(tuple, runs)) == [("desk", 1, 8_999), ("desk", 9_001, 20_000)]


@pytest.fixture
def told(centre: Centre) -> Manifest:
    """A manifest with one of everything."""
    centre.say("day", numbered(call("A"), 2))
    centre.say("day", call("B") | {"source": "sheet"})
    centre.say("day", b"{")
    return held(centre)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_manifest_is_printed_in_both_languages(told: Manifest, language: str) -> None:
    """With what its reader must know beside it."""
    table = manifest_table(told, language)
    cells = {str(cell) for column in table.columns for cell in column.cells}

    assert cells >= ({"未着あり", "未確認", "1", "2"} if language == "ja" else {"gaps", "not proved", "1", "2"})
    assert len(notes(told, language)) == 2


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], []),
        ([(1, 1), (2, 2)], [(1, 2)]),
        ([(5, 9), (1, 2), (2, 3)], [(1, 3), (5, 9)]),
        ([(1, 9), (2, 3), (9, 9), (11, 11)], [(1, 9), (11, 11)]),
    ],
)
def test_runs_in_any_order_are_put_together(runs: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    """The fewest that hold the same numbers; what is missing is the rest."""
    numbers = {n for first, last in runs for n in range(first, last + 1)}

    assert merged(runs) == expected
    assert size(merged(runs)) == len(numbers)
    absent = {n for first, last in gaps(merged(runs), 12) for n in range(first, last + 1)}
    assert absent == set(range(1, 13)) - numbers


@pytest.mark.parametrize(
    ("given", "verdict", "missing"),
    [
        ({"desk": 4}, "complete", []),
        ({"desk": 6}, "gaps", [(5, 6)]),
        ({"desk": 3}, "not-proved", []),
        ({"other": 2}, "gaps", [(1, 2)]),
        ({"sheet": 1}, "not-proved", []),
    ],
)
def test_a_provider_compares_its_own_count_with_the_manifest(
    given: dict[str, int], verdict: str, missing: list[tuple[int, int]]
) -> None:
    """Only the sender knows what it sent last; a ward that holds more than it gave is no proof either."""
    feeds = [
        Feed(source="desk", verdict="complete", messages=2, last=4, held=[(1, 2)], parked=[(3, 3)], conflicts=[(4, 4)]),
        Feed(source="sheet", verdict="not-proved", messages=2, last=1, held=[(1, 1)], unnumbered=1),
    ]
    (proof,) = prove(Manifest(ward="w", provider="p", at=at(NOON), sources=feeds), given)

    assert (proof.verdict, proof.missing) == (verdict, missing)
