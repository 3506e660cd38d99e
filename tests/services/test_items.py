"""What becomes of the items of a night: acknowledged by name, once; asked and answered; done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.handover import HandoverEvent
from events.morning import ItemAcknowledged, ItemUnacknowledged
from tests.desk_examples import ON_ONE_STORE, Centre, answer, at, call, close, message, offer
from tests.morning_examples import (
    ISSUED,
    WORKER,
    acknowledge,
    clock,
    evening,
    item,
    owners,
    recorded,
    statements,
    tell,
)


@pytest.fixture
def morning(database_url: str) -> Iterator[Centre]:
    """A quarter to nine: two consultations of the night, A with a further contact, and one of the day."""
    with evening(database_url) as centre:
        tell(
            centre,
            ("day", call("D", "2025-05-12 13:00")),
            ("night", call("A", "2025-05-12 22:00")),
            ("night", call("A", "2025-05-12 23:00")),
            ("night", call("B", "2025-05-13 02:00")),
        )
        centre.tick(ISSUED)
        yield centre


def test_an_item_is_acknowledged_by_a_named_worker(morning: Centre) -> None:
    """受領: by whom is sealed, when is not; the receipt names the consultation."""
    (receipt,) = tell(morning, ("day", acknowledge(1, note="日中に電話します")))
    (event,) = recorded(morning, "item.acknowledged")

    assert (receipt.status, receipt.case) == ("accepted", [event.case])
    assert (event.night.isoformat(), event.item, event.provider) == ("2025-05-12", 1, "day")
    assert (event.contact, event.matter) == (statements(morning)[0].items[0].contact, 1)
    assert event.sealed is not None
    assert WORKER.encode() not in morning.on_disk()


def test_acknowledging_takes_an_open_case_into_the_days_charge(morning: Centre) -> None:
    """Once, with its first item; its others pass nothing (domain Rule 10)."""
    assert owners(morning) == {"R7-0001": "day", "R7-0002": "night", "R7-0003": "night"}
    tell(morning, ("day", acknowledge(1)), ("day", acknowledge(2)))

    assert owners(morning) == {"R7-0001": "day", "R7-0002": "day", "R7-0003": "night"}
    assert [(each.from_owner, each.to_owner) for each in recorded(morning, "item.acknowledged")] == [
        ("night", "day"),
        (None, None),
    ]


def test_a_closed_case_passes_to_nobody(morning: Centre) -> None:
    """It was the night's, from its beginning to its end."""
    tell(morning, ("night", close("B", "2025-05-13 03:00")), ("day", acknowledge(3)))

    assert owners(morning)["R7-0003"] == "night"
    assert recorded(morning, "item.acknowledged")[0].to_owner is None


def test_whoever_acknowledged_first_did(morning: Centre) -> None:
    """A second time, by anybody, adds nothing and changes no owner."""
    tell(morning, ("day", acknowledge(1, "2025-05-13 08:41")))
    (receipt,) = tell(morning, ("day", acknowledge(1, "2025-05-13 08:35", worker="ほかの職員")))

    assert receipt.status == "accepted"
    assert [clock(record.time) for record in morning.records("handover") if record.type == "item.acknowledged"] == [
        "13 08:41"
    ]


@ON_ONE_STORE
@pytest.mark.parametrize("worker", [None, "", "  ", 7, "名" * 101])
def test_nobody_in_particular_acknowledges_nothing(morning: Centre, worker: Any) -> None:
    """Without a name it is parked, and says so."""
    (receipt,) = tell(morning, ("day", acknowledge(1, worker=worker)))

    assert (receipt.status, receipt.field) == ("parked", "data.personal.worker")
    assert recorded(morning, "item.acknowledged") == []


@ON_ONE_STORE
@pytest.mark.parametrize("provider", ["night", "contractor", "nobody"])
def test_the_night_cannot_take_over_from_itself(morning: Centre, provider: str) -> None:
    """Nor can who is not under contract; what they sent is kept for somebody to look at."""
    (receipt,) = tell(morning, (provider, acknowledge(1)))

    assert (receipt.status, receipt.field) == ("parked", "provider")


def test_what_was_signed_on_paper_is_entered_later(morning: Centre) -> None:
    """It holds by its own time; that it became known later stands beside it."""
    morning.tick("2025-05-13 11:30")
    tell(morning, ("day", acknowledge(1, "2025-05-13 08:55")))
    record = next(record for record in morning.records("handover") if record.type == "item.acknowledged")

    assert (clock(record.time), clock(record.recordedat)) == ("13 08:55", "13 11:30")


def test_nothing_is_taken_over_before_it_was_told(morning: Centre) -> None:
    """A time before the call itself cannot be."""
    (receipt,) = tell(morning, ("day", acknowledge(3, "2025-05-13 01:59")))

    assert (receipt.status, receipt.field) == ("parked", "time")


def test_nothing_is_taken_over_before_its_statement_was_issued(morning: Centre) -> None:
    """4:00 typed for 8:40: nobody had the statement of 8:30 yet. At 8:30 somebody may have."""
    morning.tick("2025-05-13 08:40")
    (early,) = tell(morning, ("day", acknowledge(1, "2025-05-13 04:00")))
    (first,) = tell(morning, ("day", acknowledge(2, "2025-05-13 08:30")))

    assert (early.status, early.field) == ("parked", "time")
    assert "before the statement was issued" in (early.reason or "")
    assert first.status == "accepted"


def test_of_a_statement_that_came_late_something_was_taken_over_before(database_url: str) -> None:
    """A power cut until 11:20: read out by telephone at 8:25, entered at 11:30."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.clock.now = at("2025-05-13 11:20")
        centre.tick()
        centre.tick("2025-05-13 11:30")
        (told,) = tell(centre, ("day", acknowledge(1, "2025-05-13 08:25")))

    assert told.status == "accepted"


def test_what_is_said_before_the_statement_waits_for_it(database_url: str) -> None:
    """Read out by telephone while the system was off: it goes on by itself as the statement is issued."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        (early,) = tell(centre, ("day", acknowledge(1, "2025-05-13 08:10")))
        (wrong,) = tell(centre, ("day", acknowledge(2, "2025-05-13 08:11")))
        assert (early.status, wrong.status) == ("waiting", "waiting")
        centre.tick(ISSUED)

        assert [(each.item, each.to_owner) for each in recorded(centre, "item.acknowledged")] == [(1, "day")]
        assert [(each.status, each.field) for each in centre.receipts("handover")[-2:]] == [
            ("accepted", None),
            ("parked", "data.item"),
        ]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("n", "night", "field"),
    [
        (4, "2025-05-12", "data.item"),
        (0, "2025-05-12", "data.item"),
        (-1, "2025-05-12", "data.item"),
        (1, "2025-05-11", "data.night"),
        (1, "2025-05-14", "data.night"),
    ],
)
def test_what_stands_on_no_statement_is_parked(morning: Centre, n: int, night: str, field: str) -> None:
    """A wrong number; a night of which none is kept; a night that has not begun."""
    (receipt,) = tell(morning, ("day", acknowledge(n, night=night)))

    assert (receipt.status, receipt.field) == ("parked", field)


def test_a_quiet_night_is_acknowledged_as_a_whole(database_url: str) -> None:
    """As item 0; that nothing was heard is something to be taken over too."""
    with evening(database_url) as centre:
        centre.tick(ISSUED)
        (wrong, right) = tell(centre, ("day", acknowledge(1)), ("day", acknowledge(0)))
        centre.tick("2025-05-13 12:00")

        assert (wrong.status, right.status) == ("parked", "accepted")
        assert [event.name for event in recorded(centre)] == ["statement.issued", "item.acknowledged"]


def test_what_was_acknowledged_by_mistake_is_undone(morning: Centre) -> None:
    """取り消す: the case is the night's again, and the next one who acknowledges takes it."""
    tell(morning, ("day", acknowledge(1)), ("day", item("undo", 1, "2025-05-13 08:42")))
    assert owners(morning)["R7-0002"] == "night"
    tell(morning, ("day", item("undo", 1, "2025-05-13 08:43")), ("day", acknowledge(1, "2025-05-13 08:44")))

    told = [event for event in recorded(morning)[1:] if isinstance(event, ItemAcknowledged | ItemUnacknowledged)]
    assert [(event.name, event.from_owner, event.to_owner) for event in told] == [
        ("item.acknowledged", "night", "day"),
        ("item.unacknowledged", "day", "night"),
        ("item.acknowledged", "night", "day"),
    ]
    assert [event.name for event in recorded(morning) if isinstance(event, HandoverEvent)] == [
        "handed-over",
        "handover.returned",
        "handed-over",
    ]


def test_what_is_acknowledged_is_handed_over_of_the_kind_morning(morning: Centre) -> None:
    """From whom and to whom; once for each case, however many of its calls are acknowledged; no table counts it."""
    tell(morning, ("day", acknowledge(1)), ("day", acknowledge(2)))

    given = recorded(morning, "handed-over")
    assert [(each.kind, each.giver, each.to) for each in given] == [("morning", "night", "day")]
    assert given[0].case == recorded(morning, "item.acknowledged")[0].case


def test_undoing_one_of_two_leaves_the_case_with_the_day(morning: Centre) -> None:
    """It goes back with the last of them, whichever had taken it over."""
    tell(morning, ("day", acknowledge(1)), ("day", acknowledge(2)), ("day", item("undo", 1, "2025-05-13 08:42")))
    assert owners(morning)["R7-0002"] == "day"
    tell(morning, ("day", item("undo", 2, "2025-05-13 08:43")))

    assert owners(morning)["R7-0002"] == "night"


def test_undoing_takes_nothing_from_an_agency(morning: Centre) -> None:
    """Whoever has it by now keeps it."""
    number = statements(morning)[0].items[0].number
    agency = {"number": number, "kind": "section", "to": "北沢保健福祉課"}
    tell(morning, ("day", acknowledge(1)))
    tell(
        morning,
        ("day", offer("H", case="", on="2025-05-13 09:00", **agency)),
        ("day", answer("accept", "H", "2025-05-13 09:10")),
    )
    given = recorded(morning, "handed-over")[-1]
    tell(morning, ("day", item("undo", 1, "2025-05-13 09:20")))

    assert owners(morning)[number] == f"agency:{given.agency or given.to}"
    assert recorded(morning, "item.unacknowledged")[0].to_owner is None


def test_a_question_goes_back_to_the_night_and_is_answered(morning: Centre) -> None:
    """照会・回答: sealed both; answering it is not acknowledging it."""
    asked = item("question", 1, "2025-05-13 08:40", question="鍵はだれが持っていますか")
    answered = item("answer", 1, "2025-05-13 08:50", answer="隣の方です")
    receipts = tell(morning, ("day", asked), ("night", answered))

    assert [receipt.status for receipt in receipts] == ["accepted", "accepted"]
    assert [(event.name, event.provider) for event in recorded(morning)[1:]] == [
        ("item.questioned", "day"),
        ("item.answered", "night"),
    ]
    assert "隣の方です".encode() not in morning.on_disk()


def test_an_answer_answers_a_question(morning: Centre) -> None:
    """Where nobody asked, or it is answered already, it is parked; and only the night answers."""
    asked = item("question", 1, "2025-05-13 08:40", question="？")
    first = item("answer", 1, "2025-05-13 08:50", answer="はい")
    receipts = tell(
        morning,
        ("night", item("answer", 1, "2025-05-13 08:35", answer="はい")),
        ("day", asked),
        ("day", item("answer", 1, "2025-05-13 08:45", answer="はい")),
        ("night", first),
        ("night", item("answer", 1, "2025-05-13 08:55", answer="はい")),
    )

    assert [(receipt.status, receipt.field) for receipt in receipts] == [
        ("parked", "data.item"),
        ("accepted", None),
        ("parked", "provider"),
        ("accepted", None),
        ("parked", "data.item"),
    ]


@ON_ONE_STORE
@pytest.mark.parametrize(("verb", "field"), [("question", "question"), ("answer", "answer")])
def test_a_question_and_an_answer_have_words(morning: Centre, verb: str, field: str) -> None:
    """Without them nobody would know what was meant."""
    tell(morning, ("day", item("question", 1, question="？")))
    (receipt,) = tell(morning, ("day" if verb == "question" else "night", item(verb, 1)))

    assert (receipt.status, receipt.field) == ("parked", f"data.personal.{field}")


def test_acknowledged_is_not_yet_acted_on(morning: Centre) -> None:
    """What was left for the morning is done when somebody says so, of what was taken over; once."""
    receipts = tell(
        morning,
        ("day", item("done", 1, "2025-05-13 08:40")),
        ("day", acknowledge(1)),
        ("day", item("done", 1, "2025-05-13 09:40")),
        ("day", item("done", 1, "2025-05-13 09:50")),
    )

    assert [receipt.status for receipt in receipts] == ["parked", "accepted", "accepted", "accepted"]
    assert [event.name for event in recorded(morning) if event.name.startswith("item.")] == [
        "item.acknowledged",
        "item.done",
    ]


def test_what_was_undone_is_done_anew(morning: Centre) -> None:
    """Taken over again, it is done when somebody says so again."""
    tell(
        morning,
        ("day", acknowledge(1)),
        ("day", item("done", 1, "2025-05-13 09:40")),
        ("day", item("undo", 1, "2025-05-13 09:41")),
        ("day", acknowledge(1, "2025-05-13 09:42")),
        ("day", item("done", 1, "2025-05-13 09:50")),
    )

    assert len(recorded(morning, "item.done")) == 2


@pytest.mark.parametrize("first", ["done", "undo"])
def test_of_two_in_one_transaction_the_second_is_what_its_sender_saw(morning: Centre, first: str) -> None:
    """Done and undone by two who saw it acknowledged: whoever is first; `seen` is one of two words."""
    tell(morning, ("day", acknowledge(1)))
    both = {verb: item(verb, 1, "2025-05-13 08:50") for verb in ("done", "undo")}
    for one in both.values():
        one["data"]["seen"] = "acknowledged"
    receipts = morning.say_all(*(("day", both[verb]) for verb in sorted(both, key=lambda verb: verb != first)))
    odd = item("undo", 1, "2025-05-13 08:51")
    odd["data"]["seen"] = "finished"
    (parked,) = tell(morning, ("day", odd))

    assert [receipt.status for receipt in receipts] == ["accepted", "accepted"]
    said = recorded(morning, "item.done", "item.unacknowledged")
    assert [event.name for event in said] == [{"done": "item.done", "undo": "item.unacknowledged"}[first]]
    assert (parked.status, parked.field) == ("parked", "data.seen")


def test_who_sees_that_it_is_done_undoes_both(morning: Centre) -> None:
    """And only then; who does not say how it stood, as an adapter may, undoes it however it stands."""
    for seen in ("acknowledged", "done", None):
        undo = item("undo", 1, "2025-05-13 09:41")
        undo["data"] |= {"seen": seen} if seen else {}
        tell(morning, ("day", acknowledge(1)), ("day", item("done", 1, "2025-05-13 09:40")), ("day", undo))

    assert len(recorded(morning, "item.unacknowledged")) == 2


def test_the_exchanges_count_is_kept_with_the_night(morning: Centre) -> None:
    """電話の着信: what was said last holds; the same again adds nothing; less than none is parked."""
    counts = [message("exchange.count", "2025-05-13 09:00", night="2025-05-12", contacts=n) for n in (3, 3, 4, -1)]
    receipts = tell(morning, *(("day", count) for count in counts))

    assert [receipt.status for receipt in receipts] == ["accepted", "accepted", "accepted", "parked"]
    assert [event.contacts for event in recorded(morning, "exchange.counted")] == [3, 4]


def test_the_exchanges_count_may_come_before_the_statement(database_url: str) -> None:
    """It is compared as that is issued: a call that nobody entered makes a difference."""
    with evening(database_url) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        tell(centre, ("night", message("exchange.count", "2025-05-13 08:20", night="2025-05-12", contacts=2)))
        centre.tick(ISSUED)
        (statement,) = statements(centre)

        assert (statement.verdict, statement.hops.exchange) == ("differ", 2)
        assert [(each.what, each.count) for each in statement.differences] == [("exchange", 1)]


def test_an_item_that_has_moved_is_acknowledged_for_the_case_that_it_is_of(morning: Centre) -> None:
    """Corrected after the statement: whoever takes it over takes over the right consultation."""
    wrong = next(record for record in morning.records() if clock(record.time) == "13 02:00")
    own = wrong.causation.partition("#")[2]
    moved = message("call.correct", "2025-05-13 08:35", call=own, to_number="R7-0002")
    tell(morning, ("night", moved), ("day", acknowledge(3)))
    (event,) = recorded(morning, "item.acknowledged")

    assert event.case == statements(morning)[0].items[0].case
    assert owners(morning)["R7-0002"] == "day"


def test_items_are_as_they_were_after_a_restart(morning: Centre) -> None:
    """What was acknowledged, asked and passed on stands in the log and beside it."""
    tell(morning, ("day", acknowledge(1)), ("day", item("question", 2, question="？")))
    morning.restart()
    receipts = tell(
        morning,
        ("day", acknowledge(1, "2025-05-13 08:50")),
        ("day", acknowledge(2, "2025-05-13 08:50")),
        ("night", item("answer", 2, "2025-05-13 08:55", answer="はい")),
    )

    assert [receipt.status for receipt in receipts] == ["accepted"] * 3
    assert [(event.name, getattr(event, "item", None)) for event in recorded(morning)[1:]] == [
        ("item.acknowledged", 1),
        ("handed-over", None),
        ("item.questioned", 2),
        ("item.acknowledged", 2),
        ("item.answered", 2),
    ]
    assert at("2025-05-13 08:55") == morning.clock()
