"""夜間引継書: every call of a night is handed over, numbered, on time; what comes late, on a supplement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from events.intake import night_id
from services.group import Group
from services.handover.register import CASES, ITEMS
from services.tables import DEADLINES
from tests.desk_examples import (
    ON_ONE_STORE,
    WARD,
    Centre,
    at,
    badly,
    call,
    close,
    contact,
    correct,
    merge,
    message,
    with_policy,
)
from tests.morning_examples import (
    ENDED,
    ISSUED,
    TONIGHT,
    acknowledge,
    clock,
    evening,
    held,
    numbers,
    recorded,
    statements,
    tell,
    without,
)


@pytest.fixture
def centre(database_url: str) -> Iterator[Centre]:
    """A centre at noon, before its first night."""
    with evening(database_url) as running:
        yield running


def numbered(said: Any, n: int) -> Any:
    """A message with its sender's own number."""
    return {**said, "sequence": n}


def test_every_call_of_the_night_stands_on_one_statement(centre: Centre) -> None:
    """First and further contacts (続報), and those that do not count (件数外); the day's do not."""
    tell(
        centre,
        ("day", call("A", "2025-05-12 13:00")),
        ("night", call("N", "2025-05-12 18:00")),
        ("night", call("A", "2025-05-12 22:00", number="R7-0001")),
        ("night", contact(on="2025-05-12 23:00", not_counted="wrong-number")),
        ("night", call("N", "2025-05-13 02:00")),
        ("night", contact({"case": "X"}, {"case": "Y"}, on="2025-05-13 03:00")),
    )
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert [item.n for item in statement.items] == [1, 2, 3, 4, 5, 6]
    assert numbers(statement) == ["R7-0002", "R7-0001", "R7-0002", "R7-0004", "R7-0005", "R7-0003"]
    assert [item.further for item in statement.items] == [False, True, True, False, False, False]
    assert [item.not_counted for item in statement.items][-1] == "wrong-number"
    assert (statement.new, statement.hops.held, statement.hops.stated, statement.hops.items) == (3, 5, 5, 6)
    assert (statement.givers, statement.receiver) == (("night",), "day")


def test_a_quiet_night_has_a_statement_too(centre: Centre) -> None:
    """0件: nothing is listed, and that is said on time; what the day had is none of it."""
    tell(centre, ("day", call("A", "2025-05-12 13:00")))
    centre.tick("2025-05-13 12:00")
    (statement,) = statements(centre)

    assert (statement.items, statement.new, statement.edition) == ((), 0, 0)
    assert (clock(statement.began_at), clock(statement.ended_at)) == ("12 17:00", "13 08:30")


def test_a_night_with_further_contacts_alone_has_none_that_is_new(centre: Centre) -> None:
    """They are listed; no consultation began."""
    tell(centre, ("day", call("A", "2025-05-12 13:00")), ("night", call("A", "2025-05-12 22:00", number="R7-0001")))
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert (len(statement.items), statement.new) == (1, 0)


def test_it_is_due_as_the_night_ends_and_acknowledged_half_an_hour_later(centre: Centre) -> None:
    """By the ward's hours, whenever it is issued."""
    centre.tick("2025-05-13 12:00")
    (statement,) = statements(centre)

    assert (clock(statement.due_at), clock(statement.acknowledge_by)) == ("13 08:30", "13 09:00")


def test_it_does_not_wait_once_intake_has_closed_the_night(centre: Centre) -> None:
    """At 8:30 sharp, with what intake recorded and what the provider says it sent: 一致."""
    tell(centre, ("night", numbered(call("A", "2025-05-12 22:00"), 1)))
    tell(centre, ("night", message("shift.close", "2025-05-13 08:25", night=TONIGHT, last=1)))
    centre.tick(ENDED)
    (record,) = [record for record in centre.records("handover") if record.type == "statement.issued"]
    (statement,) = statements(centre)

    assert record.time == at(ENDED)
    assert (statement.verdict, statement.differences) == ("agree", ())
    assert (statement.hops.sent, statement.hops.received, statement.hops.recorded, statement.hops.held) == (1, 1, 1, 1)


def test_without_intakes_closing_it_waits_a_minute_and_says_so(centre: Centre) -> None:
    """未確認: what intake recorded is not known then; the statement comes all the same."""
    tell(centre, ("night", call("A", "2025-05-12 22:00")))
    centre.clock.now = at("2025-05-13 08:30:59")
    centre.desk("handover").fall_due()
    assert statements(centre) == []
    centre.clock.now = at(ISSUED)
    centre.desk("handover").fall_due()
    (statement,) = statements(centre)

    assert (numbers(statement), statement.verdict, statement.hops.recorded) == (["R7-0001"], "unconfirmed", None)


def test_after_an_outage_intake_has_the_same_minute(centre: Centre) -> None:
    """Both start in one moment: the statement that is due already waits for the night to be closed, and no longer."""
    centre.close()
    centre.clock.now = at("2025-05-13 11:20")
    centre.restart()
    centre.desk("handover").fall_due()
    assert statements(centre) == []
    centre.clock.now = at("2025-05-13 11:21")
    centre.desk("handover").fall_due()

    assert [(clock(each.due_at), each.verdict) for each in statements(centre)] == [("13 08:30", "differ")]
    assert [each.what for each in statements(centre)[0].differences] == ["overdue"]


def test_a_quiet_night_is_proved(centre: Centre) -> None:
    """0件, closed by the provider with its last number, and by intake: not guessed from silence."""
    tell(centre, ("day", numbered(call("A", "2025-05-12 13:00"), 7)))
    tell(centre, ("night", message("shift.close", "2025-05-13 08:25", night=TONIGHT, last=0, calls=0)))
    centre.tick(ENDED)

    assert [(each.items, each.verdict) for each in statements(centre)] == [((), "agree")]


def test_a_difference_withholds_nothing_and_is_named(centre: Centre) -> None:
    """43 never came: on time, 不一致あり, and the number."""
    for n in (41, 42, 44):
        tell(centre, ("night", numbered(call(f"{n}", "2025-05-12 22:00"), n)))
    tell(centre, ("night", message("shift.close", "2025-05-13 08:25", night=TONIGHT, last=44)))
    centre.tick(ENDED)
    (statement,) = statements(centre)

    assert (len(statement.items), statement.verdict) == (3, "differ")
    assert [(each.what, each.provider, each.named) for each in statement.differences] == [
        ("not-received", "night", ("43",))
    ]


def test_a_supplement_waits_for_intake_to_close_the_night_again(centre: Centre) -> None:
    """The missing number comes: with it they agree, and so says the supplement that brings it."""
    tell(centre, ("night", numbered(call("41", "2025-05-12 22:00"), 41)))
    tell(centre, ("night", numbered(call("43", "2025-05-12 23:00"), 43)))
    tell(centre, ("night", message("shift.close", "2025-05-13 08:25", night=TONIGHT, last=43)))
    centre.tick("2025-05-13 08:40")
    tell(centre, ("day", acknowledge(1)), ("day", acknowledge(2)))
    centre.tick("2025-05-13 09:20")
    tell(centre, ("night", numbered(call("42", "2025-05-12 22:30"), 42)))
    centre.tick("2025-05-13 09:21")

    assert [each.verdict for each in statements(centre)] == ["differ", "agree"]
    assert statements(centre)[1].due_at == at("2025-05-13 09:20")


def test_what_must_happen_first_stands_first(centre: Centre) -> None:
    """Attended at night because it could not wait; then by until when it can wait; open, closed, not counted."""
    seven = "2025-05-13T07:00:00+09:00"
    answered = [{"what": "ward", "at": "2025-05-12T20:10:00+09:00", "answered": True}]
    tell(
        centre,
        ("night", contact({"case": "count"}, on="2025-05-12 18:00", not_counted="enquiry")),
        ("night", call("closed", "2025-05-12 18:30")),
        ("night", close("closed", "2025-05-12 18:40")),
        ("night", call("open", "2025-05-12 19:00")),
        ("night", call("later", "2025-05-12 19:30", safe_until="2025-05-13T11:00:00+09:00")),
        ("night", call("attended", "2025-05-12 20:00", medication_at=seven, danger=answered)),
        ("night", call("sooner", "2025-05-12 21:00", call_back={"by": "2025-05-13T09:30:00+09:00"})),
    )
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert numbers(statement) == ["R7-0005", "R7-0006", "R7-0004", "R7-0003", "R7-0002", "R7-0001"]
    assert [item.attended for item in statement.items] == [True, False, False, False, False, False]
    assert clock(statement.items[1].wait_until) == "13 09:30"


def test_a_card_that_is_being_written_as_the_night_ends_is_that_nights(centre: Centre) -> None:
    """記入中: begun just before half past eight, or filled in further just then."""
    early = call("early", "2025-05-12 22:00")
    tell(centre, ("night", early), ("night", call("done", "2025-05-13 01:00")))
    tell(centre, ("night", message("call.add", "2025-05-13 08:28", call=early["id"], personal={"note": "続き"})))
    tell(centre, ("night", call("begun", "2025-05-13 08:29")))
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert [(item.number, item.writing) for item in statement.items] == [
        ("R7-0001", True),
        ("R7-0002", False),
        ("R7-0003", True),
    ]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("on", "edges", "is_nights"),
    [
        ("2025-05-12 16:59:59", "start", False),
        ("2025-05-12 17:00:00", "start", True),
        ("2025-05-13 08:29:59", "start", True),
        ("2025-05-13 08:30:00", "start", False),
        ("2025-05-12 17:00:00", "end", False),
        ("2025-05-13 08:30:00", "end", True),
    ],
)
def test_the_edges_of_a_night_are_those_of_its_band(database_url: str, on: str, edges: Any, is_nights: bool) -> None:
    """Half-open, by the ward's policy; to the second."""
    with evening(database_url, ward=with_policy(edges=edges)) as centre:
        tell(centre, ("night", call("A", on)))
        centre.tick("2025-05-13 12:00")

        assert [item.number for each in statements(centre)[:1] for item in each.items] == ["R7-0001"] * is_nights


def test_a_late_call_stands_on_a_supplement_at_once(centre: Centre) -> None:
    """Marked late, numbered on, with half an hour of its own."""
    tell(centre, ("night", call("A", "2025-05-12 22:00")))
    centre.tick("2025-05-13 09:50")
    tell(centre, ("night", {**call("B", "2025-05-13 02:00")}))
    centre.tick("2025-05-13 09:52")
    statement, supplement = statements(centre)

    assert (supplement.edition, supplement.due_at, numbers(supplement)) == (1, at("2025-05-13 09:50"), ["R7-0002"])
    assert (supplement.items[0].n, supplement.items[0].late) == (2, True)
    assert supplement.acknowledge_by == at("2025-05-13 10:20")
    assert (statement.new, supplement.new) == (1, 2)


def test_late_calls_of_one_moment_share_a_supplement(centre: Centre) -> None:
    """An adapter that comes back brings several; what comes an hour later has its own."""
    centre.tick("2025-05-13 09:50")
    late = [call(case, "2025-05-13 02:00") for case in "ABC"]
    centre.say_all(*(("night", one) for one in late))
    centre.tick("2025-05-13 10:50")
    tell(centre, ("night", call("D", "2025-05-13 03:00")))
    centre.tick("2025-05-13 11:50")

    assert [[item.n for item in each.items] for each in statements(centre)] == [[], [1, 2, 3], [4]]


def test_a_repeated_delivery_adds_nothing(centre: Centre) -> None:
    """The same call told twice is one item; told again after the statement, it makes no supplement."""
    one = call("A", "2025-05-12 22:00")
    tell(centre, ("night", one), ("night", one))
    centre.tick("2025-05-13 10:00")
    tell(centre, ("night", one))
    centre.tick("2025-05-13 12:00")

    assert [numbers(each) for each in statements(centre)] == [["R7-0001"]]


def test_a_corrected_time_takes_a_call_to_another_night(centre: Centre) -> None:
    """Before the statement it is simply not on it; where that other night is over, it is a late call of that."""
    one, two = call("A", "2025-05-12 22:00"), call("B", "2025-05-13 22:00")
    tell(centre, ("night", one))
    tell(centre, ("night", correct(one, "2025-05-12 23:00", occurred_at="2025-05-12T12:30:00+09:00")))
    centre.tick("2025-05-13 18:00")
    tell(centre, ("night", two))
    tell(centre, ("night", correct(two, "2025-05-13 23:00", occurred_at="2025-05-12T22:00:00+09:00")))
    centre.tick("2025-05-14 12:00")

    assert [(str(each.night), each.edition, numbers(each)) for each in statements(centre)] == [
        ("2025-05-12", 0, []),
        ("2025-05-12", 1, ["R7-0002"]),
        ("2025-05-13", 0, []),
    ]


def test_a_call_by_day_that_was_at_night_is_handed_over(centre: Centre) -> None:
    """With what its card says, though nobody had thought of it as the night's."""
    wrong = call("A", "2025-05-12 13:00", safe_until="2025-05-13T10:00:00+09:00")
    tell(centre, ("day", wrong))
    tell(centre, ("day", correct(wrong, "2025-05-12 22:30", occurred_at="2025-05-12T22:00:00+09:00")))
    centre.tick(ISSUED)
    (item,) = statements(centre)[0].items

    assert (item.number, clock(item.at), clock(item.wait_until)) == ("R7-0001", "12 22:00", "13 10:00")


def test_an_item_moves_with_its_contact_to_another_consultation(centre: Centre) -> None:
    """A contact after the closing, heard before it, is a new consultation, and so it is called on the statement."""
    tell(centre, ("night", call("A", "2025-05-12 18:00")), ("night", call("A", "2025-05-12 22:00")))
    tell(centre, ("night", close("A", "2025-05-12 19:00")))
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert sorted((item.number, item.further) for item in statement.items) == [("R7-0001", False), ("R7-0002", False)]
    assert statement.new == 2


def test_two_callers_about_one_matter_are_one_consultation(centre: Centre) -> None:
    """Both stand there; after the merging the second is a further contact, and after a splitting it is not."""
    tell(centre, ("night", call("A", "2025-05-12 18:00")), ("night", call("B", "2025-05-12 22:00")))
    tell(centre, ("night", {**merge("B", "A"), "time": at("2025-05-12 23:00").isoformat()}))
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert [(item.number, item.further) for item in statement.items] == [("R7-0001", False), ("R7-0002", True)]
    assert statement.new == 1


def test_a_consultation_is_dated_by_its_first_contact_that_counts(centre: Centre) -> None:
    """A silent call by day, and somebody is reached at night: it is the night's."""
    tell(centre, ("day", contact({"case": "A"}, on="2025-05-12 13:00", not_counted="silent")))
    tell(centre, ("night", call("A", "2025-05-12 22:00", number="R7-0001")))
    centre.tick(ISSUED)
    (statement,) = statements(centre)

    assert (statement.items[0].further, statement.new) == (True, 1)


def test_what_was_before_the_first_night_is_history(database_url: str) -> None:
    """A history that is fed in has no statements, and nothing of it falls due."""
    with evening(database_url, "2025-05-12 12:00") as centre:
        tell(
            centre,
            ("contractor", call("A", "2024-05-01 22:00", safe_until="2024-05-02T07:00:00+09:00")),
            ("night", call("B", "2025-05-12 02:00")),
        )
        centre.tick("2025-05-13 12:00")

        assert [str(each.night) for each in statements(centre)] == [TONIGHT]
        assert {event.name for event in recorded(centre)} == {"statement.issued", "deadline.passed"}


def test_a_ward_that_hands_nothing_over_issues_nothing(database_url: str) -> None:
    """Without [morning] calls are heard, and that is all."""
    with evening(database_url, ward=without(WARD, "morning", "urgent", "evening")) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.tick("2025-05-14 12:00")

        assert recorded(centre) == []


def test_a_file_that_comes_later_begins_with_the_night_in_progress(database_url: str) -> None:
    """What this night had before is on its statement too."""
    with evening(database_url, ward=without(WARD, "morning", "urgent", "evening")) as centre:
        tell(centre, ("night", call("A", "2025-05-12 22:00")))
        centre.clock.now = at("2025-05-12 23:00")
        centre.activate(WARD, centre.clock.now)
        tell(centre, ("night", call("B", "2025-05-12 23:30")))
        centre.tick(ISSUED)

        assert [(str(each.night), numbers(each)) for each in statements(centre)] == [(TONIGHT, ["R7-0002"])]


NIGHTS = {
    "a weekend and a holiday": ("2025-11-21 12:00", "2025-11-25 12:00", 4),
    "the new year": ("2025-12-30 12:00", "2026-01-02 12:00", 3),
    "a leap day": ("2024-02-28 12:00", "2024-03-02 12:00", 3),
}


@ON_ONE_STORE
@pytest.mark.parametrize("days", NIGHTS)
def test_each_night_of_the_year_has_its_statement(database_url: str, days: str) -> None:
    """365 days a year, and 366."""
    first, last, count = NIGHTS[days]
    with evening(database_url, first) as centre:
        centre.tick(last)

        issued = statements(centre)
        assert len(issued) == count
        assert [each.due_at - issued[0].due_at for each in issued] == [timedelta(days=n) for n in range(count)]


def test_after_a_weekend_switched_off_each_night_has_its_own(centre: Centre) -> None:
    """One after the other, each once, late, and saying when it should have been."""
    centre.tick("2025-05-16 16:00")
    before = len(statements(centre))
    centre.close()
    centre.clock.now = at("2025-05-19 10:00")
    centre.restart()
    centre.tick()
    centre.restart()
    centre.tick()
    late = [record for record in centre.records("handover") if record.type == "statement.issued"][before:]

    assert [(str(event.night), clock(event.due_at)) for event in statements(centre)[before:]] == [
        ("2025-05-16", "17 08:30"),
        ("2025-05-17", "18 08:30"),
        ("2025-05-18", "19 08:30"),
    ]
    assert {clock(record.time) for record in late} == {"19 10:00"}


def test_a_crash_as_it_is_issued_leaves_it_due(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either it was issued, its items are numbered and its steps are planned; or nothing of that."""
    tell(centre, ("night", call("A", "2025-05-12 22:00")))
    whole = Group.write

    def dying(group: Group) -> None:
        whole(group)
        if any(event.name == "statement.issued" for event in group.events()):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Group, "write", dying)
        centre.tick(ISSUED)
    assert statements(centre) == []
    assert [item.n for item in held(centre)] == [None]
    centre.restart()
    centre.tick(ISSUED)

    assert [numbers(each) for each in statements(centre)] == [["R7-0001"]]
    assert [item.n for item in held(centre)] == [1]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_order_things_are_heard_in_nothing_is_missing(database_url: str, seed: int) -> None:
    """Events that come late, twice and in any order: every call once, over the statement and its supplements."""
    random = Random(seed)
    with evening(database_url) as centre:
        minutes = random.sample(range(15 * 60), 12)
        for n, minute in enumerate(minutes):
            on = f"{at('2025-05-12 17:00') + timedelta(minutes=minute):%Y-%m-%d %H:%M}"
            centre.say("night", call(f"case-{n % 5}", on))
            if n % 4 == 0:
                centre.pump(badly(random))
        for until in ("2025-05-13 08:30", "2025-05-13 09:00", "2025-05-13 12:00"):
            centre.tick(until, badly(random))
        listed = [item for each in statements(centre) for item in each.items]

        assert [item.n for item in listed] == list(range(1, 13))
        assert len({item.contact for item in listed}) == 12
        assert sum(not item.further for item in held_firsts(listed)) == 5


def held_firsts(listed: list[Any]) -> list[Any]:
    """The earliest of each consultation."""
    found: dict[str, Any] = {}
    for item in sorted(listed, key=lambda each: each.at):
        found.setdefault(item.case, item)
    return list(found.values())


def test_hours_that_change_move_the_end_of_the_night(centre: Centre) -> None:
    """A file that comes into force before the night ends says when it does."""
    spans = msgspec.structs.replace(WARD.hours[-1], spans=_until("09:00"))
    later = msgspec.structs.replace(WARD, hours=(*WARD.hours[:-1], spans))
    centre.clock.now = at("2025-05-12 23:00")
    centre.activate(later, centre.clock.now)
    centre.tick("2025-05-13 08:45")
    assert statements(centre) == []
    centre.tick("2025-05-13 09:01")

    assert [clock(each.due_at) for each in statements(centre)] == ["13 09:00"]


def _until(end: str) -> Any:
    day, night = WARD.hours[-1].spans
    return (msgspec.structs.replace(day, start=end), msgspec.structs.replace(night, end=end))


def test_a_statement_about_invented_calls_says_so(centre: Centre) -> None:
    """架空データ: one that lists any is synthetic, and so is what follows from it."""
    tell(centre, ("night", {**call("A", "2025-05-12 22:00"), "synthetic": True}))
    centre.tick("2025-05-13 10:00")
    told = [(record.type, record.synthetic) for record in centre.records("handover") if record.synthetic]

    assert told == [("statement.issued", True), ("deadline.passed", True), ("deadline.passed", True)]


def test_everything_of_a_night_is_kept_under_it(centre: Centre) -> None:
    """One history, to be read from its beginning; and nothing is left planned of a night that is done with."""
    tell(centre, ("night", call("A", "2025-05-12 22:00")))
    centre.tick(ENDED)
    centre.tick(ISSUED)
    tell(centre, ("day", acknowledge(1)))
    centre.tick("2025-05-13 12:00")
    own = [record for record in centre.records("handover") if record.subject == night_id(statements(centre)[0].night)]
    planned = {row["key"] for row in centre.rows(DEADLINES, "handover") if "2025-05-12" in row["key"]}

    assert [record.type for record in own] == ["evening.issued", "statement.issued", "item.acknowledged"]
    assert planned == set()


def test_the_wards_file_may_be_heard_with_the_first_calls(database_url: str) -> None:
    """In one batch: a card that was filled in before handover had heard of anything is an item like any other."""
    with Centre(database_url, None) as centre:
        centre.clock.now = at("2025-05-12 12:00")
        centre.activate(WARD)
        called = call("A", "2025-05-12 22:00")
        centre.say("night", called)
        centre.say("night", message("call.add", "2025-05-12 22:10", call=called["id"], personal={"note": "続き"}))
        centre.clock.now = at("2025-05-12 22:11")
        centre.tick(ISSUED)

        assert [numbers(each) for each in statements(centre)] == [["R7-0001"]]


def test_a_call_is_one_row(centre: Centre) -> None:
    """The live path: what opens a consultation stands in the row of that; a further contact has its own."""
    tell(centre, ("day", call("A", "2025-05-12 13:00")), ("night", call("B", "2025-05-12 22:00")))
    assert (len(centre.rows(CASES, "handover")), len(centre.rows(ITEMS, "handover"))) == (2, 0)
    tell(centre, ("night", call("B", "2025-05-12 23:00")))

    assert (len(centre.rows(CASES, "handover")), len(centre.rows(ITEMS, "handover"))) == (2, 1)
