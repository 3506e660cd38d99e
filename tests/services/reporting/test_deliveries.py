"""The queue of deliveries, on both databases: made once, in the ledger's order, and never counted as heard too soon."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from events import Event, Recorded
from events.morning import DeadlinePassed, DeadlineSettled
from services.degraded import Receiver, is_ready
from services.keyed import Label
from services.reporting.deliveries import Deliveries, NoSuchDelivery, State, Told, one, queue, standings, trial_message
from services.reporting.telling import Telling, without_ours
from services.subscribers import deliverable, is_taken
from services.vitals import Vitals
from tests.desk_examples import LATER, ON_ONE_STORE, WARD, Centre, at, close
from tests.reporting_examples import Happened, recorded
from tests.subscriber_examples import handed_over, subscriber


def told(position: int, record: Recorded) -> Told:
    """What a subscriber of everything is told."""
    case = record.case
    return Told(record.id, record.type, case or record.subject, case, msgspec.json.encode({"at": position}))


@pytest.fixture
def deliveries(centre: Centre) -> Deliveries:
    """Of the ledger, with a subscriber that was there before anything happened."""
    found = Deliveries(centre.ledger.journal)
    found.prepare(["office"])
    return found


def fill(deliveries: Deliveries) -> None:
    while deliveries.fill("office", ["handover.offered", "handed-over", "case.closed"], told)[1]:
        pass


def states(centre: Centre) -> list[str]:
    return [each.state.value for each in reversed(queue(centre.ledger.journal.engine, "office", everything=True))]


def test_each_event_becomes_one_delivery_in_the_ledgers_order(centre: Centre, deliveries: Deliveries) -> None:
    """Whenever it is filled, and however often; the cursor stands at the ledger's head."""
    handed_over(centre)
    fill(deliveries)
    centre.say("day", close())
    centre.pump()
    fill(deliveries)
    fill(deliveries)
    found = queue(centre.ledger.journal.engine, "office")
    assert [each.event for each in found] == ["handover.offered", "handed-over", "case.closed"]
    assert [each.position for each in found] == sorted(each.position for each in found)
    assert standings(centre.ledger.journal.engine)["office"].position == centre.ledger.journal.head


def test_a_cursor_that_is_set_back_makes_nothing_twice(centre: Centre, deliveries: Deliveries) -> None:
    """What is there stays as it was made."""
    handed_over(centre)
    fill(deliveries)
    deliveries.sent("office", [(each.of.position, n) for n, each in enumerate(deliveries.unsent("office"), 7)], "s")
    deliveries.acknowledged("office", 7)
    assert states(centre) == ["delivered", "sent"]
    first = queue(centre.ledger.journal.engine, "office", everything=True)[-1]
    assert deliveries.replay("office", first.position) == 2
    fill(deliveries)
    assert states(centre) == ["waiting", "waiting"]
    assert [each.of.id for each in deliveries.unsent("office")] == [
        each.id for each in queue(centre.ledger.journal.engine, "office")
    ]


def test_only_what_is_acknowledged_is_delivered(centre: Centre, deliveries: Deliveries) -> None:
    """Up to a place in the stream; what waits is not, whatever its place was before."""
    for case in "ABC":
        handed_over(centre, case)
    fill(deliveries)
    places = [(each.of.position, 10 + n) for n, each in enumerate(deliveries.unsent("office"))]
    deliveries.sent("office", places[:4], "made then")
    deliveries.acknowledged("office", 11)
    assert states(centre) == ["delivered", "delivered", "sent", "sent", "waiting", "waiting"]
    count, first = deliveries.outstanding("office", 1)
    assert (count, [each.sequence for each in first]) == (2, [12])
    assert deliveries.again("office") == 2
    deliveries.acknowledged("office", 99)
    assert states(centre)[2:] == ["waiting"] * 4
    standing = standings(centre.ledger.journal.engine)["office"]
    assert (standing.delivered, standing.waiting, standing.open) == (2, 4, 4)
    assert deliveries.stream("office") == "made then"


def test_of_a_case_only_the_first_is_ready(centre: Centre, deliveries: Deliveries) -> None:
    """A later one waits while the first is under way, is to be tried again, or was given up."""
    for case in "AB":
        handed_over(centre, case)
    fill(deliveries)
    first, other = deliveries.ready("office", (), 9)
    assert {first.of.event, other.of.event} == {"handover.offered"}
    assert deliveries.ready("office", (first.of.about,), 9) == [other]
    assert len(deliveries.ready("office", (), 1)) == 1
    deliveries.failed(first.of, "http-500", deliveries.now() + 5)
    assert deliveries.ready("office", (), 9) == [other]
    deliveries.failed(first.of, "http-500", None)
    assert [each.of.position for each in deliveries.ready("office", (), 9)] == [other.of.position]
    deliveries.skip("office", first.of.position)
    assert deliveries.ready("office", (other.of.about,), 9)[0].of.event == "handed-over"


def test_a_test_message_stands_before_everything_and_counts_for_nothing(centre: Centre, deliveries: Deliveries) -> None:
    """Each has a number of its own below 0."""
    handed_over(centre)
    fill(deliveries)
    now = centre.clock()
    message = [trial_message(subscriber(), "w", now, f"test-{n}") for n in range(2)]
    assert [deliveries.put_test("office", each) for each in message] == [-1, -2]
    assert deliveries.unsent("office")[0].of.position == -2
    assert {each.of.position for each in deliveries.ready("office", (), 9, tests_alone=True)} == {-2}
    deliveries.answered("office", -2, "http-204")
    assert standings(centre.ledger.journal.engine)["office"].delivered == 0
    found = one(centre.ledger.journal.engine, "office", -2)
    assert found is not None
    assert (found.state, found.answer, found.attempts) == (State.delivered, "http-204", 1)


def test_disabling_and_enabling_is_kept(centre: Centre, deliveries: Deliveries) -> None:
    """Since when and why; and what waited is tried anew."""
    handed_over(centre)
    fill(deliveries)
    first = deliveries.ready("office", (), 1)[0].of
    deliveries.failed(first, "http-410", deliveries.now() + 9_999)
    deliveries.disable("office", "410")
    assert deliveries.is_disabled("office")
    assert standings(centre.ledger.journal.engine)["office"].because == "410"
    assert deliveries.enable("office") == 2
    assert not deliveries.is_disabled("office")
    assert deliveries.ready("office", (), 1)[0].of.attempts == 0


@pytest.mark.parametrize("position", [0, 10**9, -5])
def test_what_is_not_open_is_neither_tried_again_nor_left_out(
    centre: Centre, deliveries: Deliveries, position: int
) -> None:
    """It is said which."""
    for doing in (deliveries.retry, deliveries.skip):
        with pytest.raises(NoSuchDelivery, match=str(position)):
            doing("office", position)
    assert deliveries.retry("office") == 0


def test_a_failed_attempt_that_comes_too_late_changes_nothing(centre: Centre, deliveries: Deliveries) -> None:
    """Somebody left it out meanwhile."""
    handed_over(centre)
    fill(deliveries)
    first = deliveries.ready("office", (), 1)[0].of
    deliveries.skip("office", first.position)
    deliveries.failed(first, "http-500", deliveries.now())
    assert states(centre)[0] == "skipped"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["sealed", "content", "a"]), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_our_boxes_are_left_out_however_deep_they_stand(value: object) -> None:
    """And nothing else is."""
    shown = msgspec.json.encode(without_ours(value)).decode()
    assert '"sealed":' not in shown
    assert '"content":' not in shown
    assert without_ours(without_ours(value)) == without_ours(value)


def test_whoever_is_narrowed_to_the_ward_hears_what_was_told_to_the_ward() -> None:
    """Of the reminder to the day nothing; of the step that went to the ward, and that it is in hand, each."""
    night, moment = date(2025, 5, 12), at(LATER)
    steps = (("reminded", "day"), ("escalated", "ward"))
    events: list[Event] = [
        DeadlinePassed(night=night, edition=0, items=(1,), step=step, to=to, due_at=moment, fired_at=moment)
        for step, to in steps
    ] + [DeadlineSettled(night=night, edition=0, items=(1,), step="escalated", to="ward")]
    told = ("deadline.passed", "deadline.settled")

    def heard(**fields: Any) -> list[str]:
        telling = Telling(subscriber(events=told, **fields), lambda _: (), lambda _: {}, WARD)
        records = recorded(*(Happened("handover", moment, event) for event in events))
        return [made.event for n, record in enumerate(records, start=1) if (made := telling.tell(n, record))]

    assert heard(whom=("ward",)) == list(told)
    assert heard(whom=("day",)) == ["deadline.passed"]
    assert heard() == ["deadline.passed", *told]


@ON_ONE_STORE
def test_nobody_is_told_of_what_they_did_not_ask_for(centre: Centre) -> None:
    """One that hears of closings hears of nothing else; one that is narrowed to agencies of none of a section's."""
    handed_over(centre)
    centre.say("day", close(on=LATER))
    centre.pump()
    rows = list(centre.inquiry.ledger.rows())

    def history(about: str) -> list[Recorded]:
        return [row.event for row in centre.inquiry.ledger.history(about)]

    def heard(**fields: Any) -> list[str]:
        telling = Telling(subscriber(**fields), history, lambda _: {}, WARD)
        return [made.event for row in rows if (made := telling.tell(row.position, row.event))]

    assert heard(events=("case.closed",)) == ["case.closed"]
    assert heard(events=("handed-over", "case.closed"), kinds=("agency",)) == ["handed-over", "case.closed"]
    assert heard(events=("handed-over", "case.closed"), kinds=("section",)) == []
    assert heard(events=("handed-over", "case.closed"), to=("kitazawa-section",)) == []
    everything = heard(events=tuple(deliverable()))
    assert "ward.activated" not in everything
    assert len(everything) == len(rows) - 1


def test_no_provider_can_have_a_subscribers_name() -> None:
    """Nor one that looks like one of its users."""
    known = [subscriber("office")]
    assert is_taken("subscriber-office", known)
    assert is_taken("subscriber-office-1", known)
    assert not is_taken("subscriber-officer", known)
    assert not is_taken("office", known)


@ON_ONE_STORE
def test_one_that_is_behind_is_named_wherever_one_looks(centre: Centre) -> None:
    """In /readyz, which stays ready, in what other services hear, in both languages, and in the metrics."""
    office = Receiver(key="office", name=Label("見本の係", "Sample office"), open=3, seconds=960, patience=900)
    vitals = Vitals(centre.ledger.journal, receivers=lambda: (office,))
    [said] = vitals.degraded()
    assert is_ready([said])
    assert (said.code, said.level) == ("subscriber-behind", "notice")
    assert "見本の係" in said.ja
    assert "3件" in said.ja
    assert "16分" in said.ja
    assert "3 deliveries not acknowledged, the first for 16 minutes" in said.en
    assert b"subscriber-behind" in vitals.encoded()
    told = generate_latest(vitals.registry).decode()
    assert 'yoake_subscriber_lag{subscriber="office"} 3.0' in told
    assert 'yoake_subscriber_behind_seconds{subscriber="office"} 960.0' in told
    assert 'yoake_subscriber_disabled{subscriber="office"} 0.0' in told
