"""Every night is closed at its end, by its calls and the providers' own numbers: a quiet one is proved, not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from events.intake import NightClosed, ShiftClosed
from services.tables import DEADLINES
from services.ward import Ward
from tests.desk_examples import (
    WARD,
    Centre,
    Databases,
    Message,
    at,
    call,
    contact,
    correct,
    message,
    names,
    with_policy,
)

EVENING, NIGHT, MORNING = "2025-11-14 20:00", "2025-11-14 23:50", "2025-11-15 08:30"
NEXT_EVENING, NEXT_MORNING = "2025-11-15 20:00", "2025-11-16 08:30"
FRIDAY, SATURDAY, SUNDAY = date(2025, 11, 14), date(2025, 11, 15), date(2025, 11, 16)


@pytest.fixture
def night(databases: Databases) -> Iterator[Centre]:
    """A centre whose services first ran in the evening of Friday, 14 November 2025."""
    with beginning(databases, EVENING) as running:
        yield running


def beginning(databases: Databases, on: str, ward: Ward = WARD) -> Centre:
    """A centre whose services first run at this time."""
    centre = Centre(databases(), None)
    centre.clock.now = at(on)
    centre.activate(ward, ward.start_of(ward.ward.registration_opens))
    return centre


def test_a_quiet_night_is_proved_with_a_count_of_nothing(night: Centre) -> None:
    """No call came: the night is closed at 8:30 all the same, with the digest of no id and the place in the log."""
    night.tick("2025-11-15 12:00")
    [closed] = closings(night)

    assert (closed.night, closed.edition, closed.count, closed.contacts) == (FRIDAY, 1, 0, ())
    assert closed.digest == sha256().hexdigest()
    assert closed.position == night.desk().journal.head - 1
    assert (closed.began_at, closed.ended_at, closed.due_at) == (at("2025-11-14 17:00"), at(MORNING), at(MORNING))
    assert [record.time for record in night.records()] == [at(MORNING)]


def test_a_night_holds_its_calls_and_no_other(night: Centre) -> None:
    """Each contact once, however many persons it was about; also what is not counted; not those of the day."""
    night.say("night", call("A", EVENING))
    night.say("night", contact({"case": "B"}, {"case": "C"}, on=NIGHT))
    night.say("night", contact(on="2025-11-15 02:10", not_counted="silent"))
    night.say("day", call("D", MORNING))
    night.tick()
    [closed] = closings(night)

    assert closed.contacts == tuple(sorted({c for c, on in contacts(night).items() if on < at(MORNING)}))
    assert closed.count == 3
    assert closed.digest == sha256("".join(f"{c}\n" for c in closed.contacts).encode()).hexdigest()


def test_a_call_reported_before_the_night_by_a_clock_that_is_ahead_is_of_the_night(night: Centre) -> None:
    """By its own time, which the sender has: it is flagged, and it is in no other night."""
    night.tick("2025-11-15 16:00")
    ahead = [night.delivery("day", call("A", "2025-11-15 16:00"), "intake")]
    body = msgspec.json.encode(call("B", "2025-11-15 18:00"))
    night.desk().take([msgspec.structs.replace(ahead[0], provider="night", body=body)])
    night.tick("2025-11-16 09:00")

    assert [(closed.night, closed.count) for closed in closings(night)] == [(FRIDAY, 0), (SATURDAY, 1)]


def test_two_nights_are_closed_one_after_the_other(night: Centre) -> None:
    """Each with its own calls, and each at its own end."""
    night.say("night", call("A", NIGHT))
    night.tick("2025-11-15 12:00")
    night.say("night", call("B", NEXT_EVENING))
    night.say("night", call("C", "2025-11-16 03:00"))
    night.tick("2025-11-16 12:00")

    assert [(closed.night, closed.count, closed.due_at) for closed in closings(night)] == [
        (FRIDAY, 1, at(MORNING)),
        (SATURDAY, 2, at(NEXT_MORNING)),
    ]


@pytest.mark.parametrize(
    ("evening", "began", "calls", "ended"),
    [
        ("2025-12-31", "17:00", ["2025-12-31 23:10", "2026-01-01 02:30"], "2026-01-01 08:30"),
        ("2024-02-28", "17:15", ["2024-02-29 00:30", "2024-02-29 08:29"], "2024-02-29 08:30"),
        ("2024-02-29", "17:15", ["2024-02-29 17:15", "2024-03-01 08:29"], "2024-03-01 08:30"),
        ("2025-03-31", "17:15", ["2025-03-31 23:40", "2025-04-01 03:00"], "2025-04-01 08:30"),
    ],
)
def test_the_turn_of_a_year_a_leap_day_and_the_end_of_a_contract_are_nights_like_others(
    databases: Databases, evening: str, began: str, calls: list[str], ended: str
) -> None:
    """One night each, whatever day begins in the middle of it."""
    with beginning(databases, f"{evening} 12:00") as centre:
        for n, on in enumerate(calls):
            provider = "night" if at(on) >= at("2025-04-01 00:00") else "contractor"
            centre.say(provider, call(f"C{n}", on))
        centre.tick(ended)
        [closed] = closings(centre)

    assert (closed.night, closed.count) == (date.fromisoformat(evening), len(calls))
    assert (closed.began_at, closed.ended_at) == (at(f"{evening} {began}"), at(ended))


def test_both_providers_of_the_night_in_which_the_contract_passes_on_have_a_feed(databases: Databases) -> None:
    """On 31 March the old contractor until midnight, then the night provider; the night before and after, one."""
    with beginning(databases, "2025-03-30 20:00") as centre:
        centre.tick("2025-04-02 09:00")
        feeds = {closed.night: [feed.provider for feed in closed.feeds] for closed in closings(centre)}

    assert feeds == {
        date(2025, 3, 30): ["contractor"],
        date(2025, 3, 31): ["contractor", "night"],
        date(2025, 4, 1): ["night"],
    }


def test_where_the_clock_is_put_back_a_night_is_an_hour_longer(databases: Databases) -> None:
    """In a ward whose clocks change: the call in the hour that comes twice is of the night, once."""
    identity = msgspec.structs.replace(WARD.ward, timezone="Europe/Berlin")
    ward = msgspec.structs.replace(WARD, ward=identity)
    with beginning(databases, "2025-10-25 20:00", ward) as centre:
        for n, hour in enumerate(("00:30", "01:30")):  # UTC: half past two, twice.
            centre.say("night", call(f"C{n}") | {"time": f"2025-10-26T{hour}:00+00:00"})
        centre.tick(datetime.fromisoformat("2025-10-26T07:29:59+00:00"))
        assert closings(centre) == []
        centre.tick(datetime.fromisoformat("2025-10-26T07:30:00+00:00"))
        [closed] = closings(centre)

    assert closed.count == 2
    assert (closed.ended_at - closed.began_at).total_seconds() == 16.5 * 3600


def test_after_a_weekend_switched_off_each_night_is_closed_once_late_and_in_order(night: Centre) -> None:
    """Three nights were missed: each says when it was due, its event when it was done. Starting again adds nothing."""
    night.say("night", call("A", NIGHT))
    night.close()
    night.clock.now = at("2025-11-17 09:15")
    night.restart()
    for _ in range(3):
        night.tick()
        night.restart()
    closed = closings(night)

    assert [(one.night, one.edition, one.count) for one in closed] == [(FRIDAY, 1, 1), (SATURDAY, 1, 0), (SUNDAY, 1, 0)]
    assert [one.due_at for one in closed] == [at(MORNING), at(NEXT_MORNING), at("2025-11-17 08:30")]
    assert {record.time for record in night.records() if record.type == "night.closed"} == {at("2025-11-17 09:15")}
    assert [row["due"] for row in night.rows(DEADLINES) if row["key"] == "night/next"] == [
        "2025-11-17T23:30:00.000000+00:00"
    ]


def test_a_late_call_closes_its_night_again(night: Centre) -> None:
    """Written down later, it is on a second edition, with all that was there before."""
    night.say("night", call("A", NIGHT))
    night.tick("2025-11-15 09:00")
    night.say("day", call("B", "2025-11-15 03:00"))
    night.tick("2025-11-15 09:01")
    first, second = closings(night)

    assert (first.edition, first.count, second.edition, second.count) == (1, 1, 2, 2)
    assert (second.night, second.due_at) == (FRIDAY, at("2025-11-15 09:00"))
    assert set(first.contacts) < set(second.contacts) == set(contacts(night))


def test_late_calls_that_come_together_close_it_again_together(night: Centre) -> None:
    """An adapter that was offline sends everything at once: that is one edition, not one for each."""
    night.tick("2025-11-15 09:00")
    night.say_all(*(("night", call(f"C{n}", NIGHT)) for n in range(20)))
    night.tick("2025-11-15 09:01")

    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 0), (2, 20)]


def test_a_late_call_after_months_is_added_to_its_own_night(night: Centre) -> None:
    """A paper found in spring: that night alone is closed again, with what came in between left where it belongs."""
    night.say("night", call("A", NIGHT))
    night.tick(NEXT_MORNING)
    night.say("night", call("B", "2025-11-16 20:00"))
    night.tick("2026-03-01 12:00")
    night.say("day", call("C", "2025-11-14 18:00"))
    night.tick("2026-03-01 12:01")
    last = closings(night)[-1]

    assert (last.night, last.edition, last.count) == (FRIDAY, 2, 2)
    assert [closed.edition for closed in closings(night) if closed.night != FRIDAY] == [1] * 106


def test_a_night_that_was_over_before_the_service_first_ran_is_never_closed(night: Centre) -> None:
    """A history is fed in: its nights get no closing, and a late entry for one changes nothing."""
    for n in range(5):
        night.say("night", call(f"C{n}", f"2025-11-1{n} 02:00"))
    night.tick("2025-11-15 09:00")
    night.say("night", call("D", "2025-11-13 23:00"))
    night.tick("2025-11-15 10:00")

    assert [(closed.night, closed.edition, closed.count) for closed in closings(night)] == [(FRIDAY, 1, 0)]


def test_a_call_after_the_end_that_is_recorded_before_the_closing_is_seen_by_it(night: Centre) -> None:
    """The computer is off at 8:30; what arrives before the closing is on the first edition."""
    night.close()
    night.clock.now = at("2025-11-15 08:40")
    night.restart()
    night.say("night", call("A", "2025-11-15 08:00"))
    night.tick()
    night.tick("2025-11-15 09:00")

    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 1)]


def test_sending_everything_twice_closes_nothing_again(night: Centre) -> None:
    """What is known adds nothing, and neither does the same closing of a shift under a new id."""
    first = [numbered(1, call("A", NIGHT)), numbered(2, shift(last=1, on=MORNING))]
    say_each(night, first)
    night.tick("2025-11-15 09:00")
    say_each(night, [*first, numbered(3, shift(last=1, on=MORNING))])
    night.tick("2025-11-15 10:00")

    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 1)]
    assert names(night.events()).count("shift.closed") == 1


def test_a_corrected_time_takes_a_call_out_of_one_night_and_into_another(night: Centre) -> None:
    """Both are closed again: it had been written down for the wrong night."""
    wrong = call("A", NEXT_EVENING)
    night.say("night", call("B", NIGHT))
    night.say("night", wrong)
    night.tick("2025-11-16 09:00")
    night.say("night", correct(wrong, "2025-11-16 10:00", occurred_at=at("2025-11-14 19:00").isoformat()))
    night.tick("2025-11-16 10:01")

    assert [(closed.night, closed.edition, closed.count) for closed in closings(night)] == [
        (FRIDAY, 1, 1),
        (SATURDAY, 1, 1),
        (FRIDAY, 2, 2),
        (SATURDAY, 2, 0),
    ]


def test_a_corrected_time_by_day_takes_a_call_out_of_its_night(night: Centre) -> None:
    """It was 8:45 and not 7:45; before its night was closed, it is not on it at all."""
    wrong = call("A", "2025-11-15 07:45")
    night.say("night", wrong)
    night.say("night", correct(wrong, "2025-11-15 08:10", occurred_at="2025-11-14T12:00:00+09:00"))
    night.tick("2025-11-15 09:00")
    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 0)]

    night.say("night", correct(wrong, "2025-11-15 10:00", occurred_at="2025-11-14T22:00:00+09:00"))
    night.tick("2025-11-15 10:01")
    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 0), (2, 1)]


def test_a_contact_stays_in_its_night_while_one_of_its_matters_does(night: Centre) -> None:
    """About two people: the time of the second was corrected into the day, the first is of the night still."""
    both = contact({"case": "A"}, {"case": "B"}, on=NIGHT)
    night.say("night", both)
    night.tick("2025-11-15 09:00")
    for matter in (2, 1):
        moved = correct(both, "2025-11-15 10:00", matter=matter, occurred_at="2025-11-14T12:00:00+09:00")
        night.say("night", moved)
        night.tick(f"2025-11-15 10:{30 - 10 * matter}")

    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 1), (2, 0)]


def test_other_corrections_close_nothing_again(night: Centre) -> None:
    """A district, or a further person in a contact that is on the list: the night is what it was."""
    told = call("A", NIGHT)
    night.say("night", told)
    night.tick("2025-11-15 09:00")
    night.say("night", correct(told, "2025-11-15 10:00", district="kinuta"))
    night.say("night", contact({"case": "B"}, on="2025-11-15 10:00", beside=told["id"]))
    night.tick("2025-11-15 10:30")

    assert [(closed.edition, closed.count) for closed in closings(night)] == [(1, 1)]


def test_with_the_other_edge_a_call_at_the_end_is_of_the_night(databases: Databases) -> None:
    """(start, end]: told a moment later, it closes the night again."""
    with beginning(databases, EVENING, with_policy(edges="end")) as centre:
        centre.tick(MORNING)
        centre.say("night", call("A", MORNING))
        centre.tick("2025-11-15 08:31")

        assert [(closed.edition, closed.count) for closed in closings(centre)] == [(1, 0), (2, 1)]


def test_a_night_too_large_to_be_listed_is_proved_by_its_digest(night: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a late call is still added to it."""
    monkeypatch.setattr("services.intake.nights.MOST_LISTED", 2)
    for n in range(3):
        night.say("night", call(f"C{n}", NIGHT))
    night.tick("2025-11-15 09:00")
    night.say("night", call("D", NIGHT))
    night.tick("2025-11-15 09:01")
    first, second = closings(night)

    assert (first.count, first.contacts, second.count) == (3, (), 4)
    assert second.digest == sha256("".join(f"{c}\n" for c in sorted(contacts(night))).encode()).hexdigest()


def test_a_ward_without_mornings_closes_no_night(databases: Databases) -> None:
    """Nothing is planned; a file that has them lets them begin, and the first is the one that is not over."""
    bare = msgspec.structs.replace(WARD, morning=None, urgent=None, evening=None)
    with beginning(databases, "2025-11-12 20:00", bare) as centre:
        centre.tick(EVENING)
        assert closings(centre) == []
        refused = centre.say("night", shift(last=3, on=EVENING))
        assert (refused.status, refused.field) == ("parked", "data.night")

        centre.activate(WARD, centre.clock())
        centre.tick(NEXT_MORNING)
        assert [closed.night for closed in closings(centre)] == [FRIDAY, SATURDAY]


def test_hours_changed_in_the_middle_of_a_night_move_its_end(night: Centre) -> None:
    """A file of the evening lets the night end earlier, or later: it is closed then."""
    for end, changed, closed_at in (
        ("07:00", EVENING, "2025-11-15 07:00"),
        ("09:30", NEXT_EVENING, "2025-11-16 09:30"),
    ):
        night.tick(changed)
        night.activate(until(end), night.clock())
        night.tick(closed_at)
        assert closings(night)[-1].ended_at == at(closed_at)
        assert night.records()[-1].time == at(closed_at)

    assert [closed.night for closed in closings(night)] == [FRIDAY, SATURDAY]


def test_a_provider_that_has_not_closed_its_night_proves_nothing(night: Centre) -> None:
    """未確認: whatever came from it, nobody knows whether that is all."""
    night.say("night", numbered(41, call("A", NIGHT)))
    night.tick(MORNING)
    [feed] = closings(night)[0].feeds

    assert (feed.provider, feed.closed, feed.first, feed.last) == ("night", False, None, None)


def test_a_source_that_sent_calls_and_was_not_closed_proves_nothing(night: Centre) -> None:
    """Three calls of the night under another source: 未確認 until that is closed too; a page's own need not be."""
    night.say("night", numbered(1, call("A", EVENING)))
    for n in (1, 2, 3):
        night.say("night", {**numbered(n, call(f"B{n}", NIGHT)), "source": "/night/second"})
    night.say("night", call("C", NIGHT) | {"source": "/front/night"})
    night.say("night", numbered(2, shift(last=1, on="2025-11-15 08:20")))
    night.tick(MORNING)
    night.say("night", call("D", NIGHT) | {"id": "late"})
    night.tick("2025-11-15 09:00")
    second = shift(last=3, on="2025-11-15 09:10") | {"source": "/night/second"}
    night.say("night", numbered(4, second))
    night.tick("2025-11-15 09:20")

    assert [sorted((str(feed.source), feed.closed) for feed in closed.feeds) for closed in closings(night)] == [
        [("/night/second", False), ("adapter", True)],
        [("/night/second", False), ("adapter", True)],
        [("/night/second", True), ("adapter", True)],
    ]


def test_the_numbers_since_the_shift_before_are_all_there(night: Centre) -> None:
    """Friday closes with 2, Saturday with 5: numbers 3 to 5, the closing of Friday among them, are received."""
    say_each(night, [numbered(1, call("A", EVENING)), numbered(2, call("B", NIGHT))])
    say_each(night, [numbered(3, shift(last=2, on="2025-11-15 08:20"))])
    night.tick(NEXT_EVENING)
    say_each(night, [numbered(4, call("C", NEXT_EVENING)), numbered(5, call("D", NEXT_EVENING))])
    say_each(night, [numbered(6, shift(last=5, on="2025-11-16 08:20"))])
    night.tick(NEXT_MORNING)
    feeds = [feed for closed in closings(night) for feed in closed.feeds]

    assert [(feed.closed, feed.first, feed.last, feed.received) for feed in feeds] == [(True, 1, 2, 2), (True, 3, 5, 3)]
    assert [feed.missing for feed in feeds] == [(), ()]


def test_a_quiet_shift_closes_with_the_number_of_the_one_before(night: Centre) -> None:
    """Nothing was sent: the range is empty, and nothing is missing; the first of all nights has no number at all."""
    say_each(night, [numbered(1, shift(last=0, on="2025-11-15 08:20"))])
    night.tick(NEXT_EVENING)
    say_each(night, [numbered(2, shift(last=1, on="2025-11-16 08:20"))])
    night.tick("2025-11-16 20:00")
    say_each(night, [numbered(3, shift(last=1, on="2025-11-17 08:20"))])
    night.tick("2025-11-17 08:30")
    feeds = [feed for closed in closings(night) for feed in closed.feeds]

    assert [(feed.first, feed.last, feed.received) for feed in feeds] == [(None, 0, 0), (1, 1, 1), (2, 1, 0)]
    assert all(feed.closed and not feed.missing for feed in feeds)


def test_a_number_that_never_came_is_named_and_its_coming_closes_the_night_again(night: Centre) -> None:
    """The line was down: 43 is missing at 8:30. As it comes, with what it tells, the night is whole."""
    say_each(night, [numbered(40, shift(last=40, night="2025-11-13", on=EVENING))])
    night.tick("2025-11-15 07:40")
    for n in (41, 42, 44):
        say_each(night, [numbered(n, call(f"C{n}", "2025-11-15 01:00"))])
    say_each(night, [numbered(45, shift(last=44, on="2025-11-15 08:00"))])
    night.tick("2025-11-15 08:50")
    say_each(night, [numbered(43, call("C43", "2025-11-15 01:30"))])
    night.tick("2025-11-15 08:52")
    first, second = closings(night)

    assert (first.count, first.feeds[0].received, first.feeds[0].missing) == (3, 3, ((43, 43),))
    assert (second.edition, second.count, second.feeds[0].received, second.feeds[0].missing) == (2, 4, 4, ())


def test_a_message_that_is_parked_is_named_by_its_number(night: Centre) -> None:
    """It came, and cannot be used: a person must mend it. Mended and sent again, it is received."""
    parked = numbered(2, message("call.correct", NIGHT, call="no-such", nonsense=1))
    say_each(night, [numbered(1, call("A", NIGHT)), parked, numbered(3, call("B", NIGHT))])
    say_each(night, [numbered(4, shift(last=3, on="2025-11-15 08:20"))])
    night.tick("2025-11-15 09:00")
    night.say("night", {**call("C", NIGHT), "id": parked["id"], "sequence": 2})
    night.tick("2025-11-15 09:05")
    first, second = (closed.feeds[0] for closed in closings(night))

    assert (first.received, first.parked, first.missing) == (2, (2,), ())
    assert (second.received, second.parked, second.missing) == (3, (), ())


def test_what_waits_for_something_is_named_as_well(night: Centre) -> None:
    """It speaks of a call that did not come; as that comes, nothing waits, and the night is closed again."""
    late = call("A", NIGHT)
    say_each(night, [numbered(2, correct(late, NIGHT, district="kinuta"))])
    say_each(night, [numbered(3, shift(last=2, on="2025-11-15 08:20"))])
    night.tick("2025-11-15 09:00")
    say_each(night, [numbered(1, late)])
    night.tick("2025-11-15 09:05")
    first, second = (closed.feeds[0] for closed in closings(night))

    assert (first.first, first.received, first.waiting) == (2, 0, (2,))
    assert (second.first, second.received, second.waiting) == (1, 2, ())


def test_what_was_parked_after_the_closing_or_put_aside_is_noticed_in_time(night: Centre) -> None:
    """Nothing tells a night of it at once: it is looked at again while anything is missing, and closed again then."""
    say_each(night, [numbered(n, call(f"C{n}", NIGHT)) for n in (1, 3)])
    say_each(night, [numbered(4, shift(last=3, on="2025-11-15 08:20"))])
    night.tick("2025-11-15 08:35")
    night.say("night", numbered(2, message("call.correct", "2025-11-15 08:35", call="no-such", nonsense=1)))
    night.tick("2025-11-15 08:41")
    night.say("night", message("parked.close", "2025-11-15 09:00", parked="intake-1", reason="二重に送ったため"))
    night.tick("2025-11-15 12:00")
    feeds = [closed.feeds[0] for closed in closings(night)]

    assert [(feed.missing, feed.parked, feed.received) for feed in feeds] == [
        (((2, 2),), (), 2),
        ((), (2,), 2),
        ((), (), 3),
    ]


def test_what_never_comes_is_not_looked_for_for_ever(night: Centre) -> None:
    """More and more rarely, for a week; nothing more is written, and nothing stays planned but the next night."""
    say_each(night, [numbered(1, call("A", NIGHT)), numbered(4, shift(last=3, on="2025-11-15 08:20"))])
    night.tick("2025-11-24 12:00")

    assert [closed.edition for closed in closings(night) if closed.night == FRIDAY] == [1]
    assert [row["key"] for row in night.rows(DEADLINES)] == ["night/next"]


def test_what_went_to_other_services_is_not_missing(night: Centre) -> None:
    """A provider counts across all services; by its own word two of its numbers went to placement and handover."""
    say_each(night, [numbered(1, call("A", NIGHT)), numbered(4, call("B", NIGHT))])
    say_each(night, [numbered(6, shift(last=5, on="2025-11-15 08:20", elsewhere=[[2, 2], [3, 3]]))])
    night.tick(MORNING)
    [feed] = closings(night)[0].feeds

    assert (feed.received, feed.elsewhere, feed.missing) == (2, 2, ((5, 5),))


def test_a_shift_closed_later_closes_the_night_again(night: Centre) -> None:
    """At 8:30 the provider had said nothing; at 8:50 it does, and counts its calls."""
    say_each(night, [numbered(1, call("A", NIGHT))])
    night.tick("2025-11-15 08:50")
    say_each(night, [numbered(2, shift(last=1, calls=2, on="2025-11-15 08:50"))])
    night.tick("2025-11-15 08:51")
    before, after = (closed.feeds[0] for closed in closings(night))

    assert (before.closed, after.closed, after.received, after.calls) == (False, True, 1, 2)


def test_a_shift_closed_again_with_another_number_moves_the_night_after_it_too(night: Centre) -> None:
    """Friday had said 1 and means 2: number 2 is Friday's then, and no longer Saturday's."""
    say_each(night, [numbered(1, call("A", NIGHT)), numbered(2, call("B", NIGHT))])
    say_each(night, [numbered(3, shift(last=1, on="2025-11-15 08:20"))])
    night.tick(NEXT_EVENING)
    say_each(night, [numbered(4, shift(last=3, on="2025-11-16 08:20"))])
    night.tick("2025-11-16 09:00")
    say_each(night, [numbered(5, shift(last=2, night="2025-11-14", on="2025-11-16 09:00"))])
    night.tick("2025-11-16 09:05")

    assert [(c.night, c.edition, c.feeds[0].first, c.feeds[0].last) for c in closings(night)] == [
        (FRIDAY, 1, 1, 1),
        (SATURDAY, 1, 2, 3),
        (FRIDAY, 2, 1, 2),
        (SATURDAY, 2, 3, 3),
    ]


def test_a_shift_may_be_closed_for_another_source_and_without_a_number(night: Centre) -> None:
    """From a page, of the adapter's numbers; and 「締めた」 without a number, which proves nothing."""
    say_each(night, [numbered(n, call(f"C{n}", NIGHT)) for n in (1, 2)])
    night.say("night", shift(last=2, source="adapter", on="2025-11-15 08:20") | {"source": "/page"})
    night.tick(NEXT_EVENING)
    night.say("night", shift(calls=0, on="2025-11-16 08:20") | {"source": "/page"})
    night.tick(NEXT_MORNING)
    first, second = (closed.feeds[0] for closed in closings(night))

    assert (first.source, first.closed, first.received) == ("adapter", True, 2)
    assert (second.source, second.closed, second.calls) == ("/page", False, 0)


def test_a_source_that_might_be_a_name_is_closed_like_another(night: Centre) -> None:
    """It stands in no event as it is; its numbers are found all the same."""
    told = [{**numbered(n, call(f"C{n}", NIGHT)), "source": "夜間デスク"} for n in (1, 3)]
    say_each(night, [*told, {**numbered(4, shift(last=3, on="2025-11-15 08:20")), "source": "夜間デスク"}])
    night.tick(MORNING)
    [feed] = closings(night)[0].feeds

    assert (feed.received, feed.missing) == (2, ((2, 2),))
    assert str(feed.source).startswith("h-")


def test_without_an_earlier_closing_the_first_number_is_the_smallest_of_the_night(night: Centre) -> None:
    """What the provider sent before that night is not asked for."""
    say_each(night, [numbered(n, call(f"C{n}", EVENING)) for n in (7, 8)])
    night.tick(NEXT_EVENING)
    say_each(night, [numbered(n, call(f"C{n}", NEXT_EVENING)) for n in (12, 13)])
    say_each(night, [numbered(14, shift(last=13, on="2025-11-16 08:20"))])
    night.tick(NEXT_MORNING)
    [feed] = closings(night)[-1].feeds

    assert (feed.first, feed.last, feed.received, feed.missing) == (12, 13, 2, ())


@pytest.mark.parametrize(
    ("on", "night_of", "named"),
    [
        ("2025-11-15 08:20", None, FRIDAY),
        ("2025-11-15 08:45", None, FRIDAY),
        ("2025-11-15 12:00", "2025-11-14", FRIDAY),
        ("2025-11-15 18:00", None, SATURDAY),
        ("2025-11-15 18:00", "2025-11-14", FRIDAY),
    ],
)
def test_which_night_is_closed_goes_by_the_time_unless_it_is_said(
    night: Centre, on: str, night_of: str | None, named: date
) -> None:
    """The night in which it is said, or the last one that was over then."""
    night.say("night", shift(last=0, night=night_of, on=on))

    assert [event.night for event in night.events()] == [named]


@pytest.mark.parametrize(
    ("provider", "told", "field"),
    [
        ("night", {"last": -1}, "data.last"),
        ("night", {"last": 2**63}, "data.last"),
        ("night", {"last": "44"}, "data.last"),
        ("night", {"calls": -1}, "data.calls"),
        ("night", {"night": "2025-11-16"}, "data.night"),
        ("night", {"night": "2025-02-30"}, "data.night"),
        ("night", {"elsewhere": [[3, 2]]}, "data.elsewhere"),
        ("night", {"elsewhere": [[1, 2, 3]]}, "data.elsewhere"),
        ("night", {"last": 3, "colour": "red"}, "data.colour"),
        ("day", {"last": 3}, "data.night"),
        ("contractor", {"last": 3}, "data.night"),
    ],
)
def test_a_closing_that_cannot_be_is_parked_with_its_field(
    night: Centre, provider: str, told: dict[str, Any], field: str
) -> None:
    """A night to come, a provider that does not have the line at night, a number that is none."""
    receipt = night.say(provider, shift(on="2025-11-15 08:20", **told))

    assert receipt.status == "parked"
    assert receipt.field is not None
    assert receipt.field.startswith(field)
    assert night.events() == []


def test_a_sources_numbers_only_rise_from_night_to_night(night: Centre) -> None:
    """Saturday cannot end before Friday did, nor Friday after Saturday."""
    night.say("night", shift(last=5, on="2025-11-15 08:20"))
    assert night.say("night", shift(last=4, on="2025-11-16 08:20")).field == "data.last"
    night.say("night", shift(last=9, on="2025-11-16 08:20"))
    assert night.say("night", shift(last=10, night="2025-11-14", on="2025-11-16 08:25")).field == "data.last"
    assert night.say("night", shift(last=9, night="2025-11-14", on="2025-11-16 08:25")).status == "accepted"


def closings(centre: Centre) -> list[NightClosed]:
    """Every closing of a night, in the order in which they were written."""
    return [event for event in centre.events() if isinstance(event, NightClosed)]


def contacts(centre: Centre) -> dict[str, datetime]:
    """Every contact that was recorded, and its first clock."""
    return {
        event.contact: record.time
        for event, record in zip(centre.events(), centre.records(), strict=True)
        if event.name == "call.received"
    }


@pytest.mark.parametrize("calls", [-1, 10_000, 10**12])
def test_a_count_that_nobody_can_have_counted_is_parked(night: Centre, calls: int) -> None:
    """As the form and the kit refuse it: what it is about, and what is accepted."""
    receipt = night.say("night", shift(last=0, calls=calls, on="2025-11-15 08:20"))
    most = night.say("night", shift(last=0, calls=9_999, on="2025-11-15 08:21"))

    assert (receipt.status, receipt.field) == ("parked", "data.calls")
    assert "from 0 to 9999" in (receipt.reason or "")
    assert most.status == "accepted"


def test_a_closing_of_before_with_more_calls_can_be_read() -> None:
    """It was accepted then, and an event never changes."""
    told = {"night": "2025-11-14", "provider": "night", "source": "adapter", "last": 0, "calls": 12_345}

    assert msgspec.convert(told, ShiftClosed).calls == 12_345


def shift(*, on: str, **data: Any) -> Message:
    """A provider closes its night."""
    return message("shift.close", on, **{name: value for name, value in data.items() if value is not None})


def numbered(sequence: int, told: Message) -> Message:
    """A message with the sender's own number."""
    return told | {"sequence": sequence}


def say_each(centre: Centre, told: list[Message]) -> None:
    """One message after the other, each taken, by the night provider."""
    for one in told:
        centre.say("night", one)


def until(end: str) -> Ward:
    """The ward, with a night that ends at another hour from the day on which the night provider began."""
    hours = list(WARD.hours)
    day, night = hours[-1].spans
    spans = (msgspec.structs.replace(day, start=end), msgspec.structs.replace(night, end=end))
    hours[-1] = msgspec.structs.replace(hours[-1], spans=spans)
    return msgspec.structs.replace(WARD, hours=tuple(hours))
