"""What the day acknowledged (受領) while there was nothing to pass: when it opens, somebody by day has it in hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.morning import CasePassed
from tests import morning_examples
from tests.desk_examples import GROUND, Centre, Message, call, close, contact, correct, message, register
from tests.morning_examples import ISSUED, acknowledge, clock, evening, item, owners, recorded, still_open

A, B = "R7-0001", "R7-0002"


@pytest.fixture
def night(database_url: str) -> Iterator[Centre]:
    """P is on the register; it is nine in the evening."""
    with evening(database_url) as centre:
        tell(centre, ("night", register(on="2025-05-12 21:00")))
        yield centre


def tell(centre: Centre, *said: tuple[str, Message]) -> None:
    """Say these, one after the other, and let everybody hear; each is taken."""
    receipts = morning_examples.tell(centre, *said)
    assert {receipt.status for receipt in receipts} == {"accepted"}, receipts


def silent(case: str = "A", on: str = "2025-05-12 22:10", **matter: Any) -> Message:
    """Nobody spoke; the number may be somebody's."""
    return contact({"case": case} | matter, on=on, not_counted="silent")


def link(one: Message, on: str = "2025-05-13 09:00") -> tuple[str, Message]:
    """The night finds out that it was P's."""
    return "night", message("call.link", on, call=one["id"], person="P", matched=["phone", "voice-known"])


def unlink(one: Message, on: str = "2025-05-13 09:30") -> tuple[str, Message]:
    return "night", message("call.unlink", on, call=one["id"])


def undo(n: int, on: str = "2025-05-13 09:30") -> tuple[str, Message]:
    return "day", item("undo", n, on, worker=None)


def stated(centre: Centre, *said: Message) -> None:
    """The night tells of these, and its statement is issued."""
    tell(centre, *(("night", one) for one in said))
    centre.tick(ISSUED)


def passed(centre: Centre) -> list[tuple[str, str, str, str]]:
    """What passed by an event of its own: from whom, to whom, why, and when."""
    return [
        (event.giver, event.to, event.because, clock(record.time))
        for record, event in zip(centre.records("handover"), centre.events("handover"), strict=True)
        if isinstance(event, CasePassed)
    ]


def test_a_silent_call_that_is_found_to_be_a_registrants_is_the_days_that_acknowledged_it(night: Centre) -> None:
    """Acknowledged, it passed nothing; linked, it is open, and passes by that acknowledgement; a restart knows it."""
    one = silent()
    stated(night, one)
    tell(night, ("day", acknowledge(1)))
    assert (owners(night), passed(night)) == ({A: "night"}, [])

    tell(night, link(one))
    night.restart()
    (event,) = recorded(night, "case.passed")
    assert (still_open(night), owners(night)) == ([A], {A: "day"})
    assert passed(night) == [("night", "day", "acknowledged", "13 09:00")]
    assert (event.night.isoformat(), event.item) == ("2025-05-12", 1)


def test_a_call_that_counts_after_all_is_the_days(night: Centre) -> None:
    """間違い, as was thought when it was acknowledged."""
    wrong = contact({"case": "A"}, on="2025-05-12 22:10", not_counted="wrong-number")
    stated(night, wrong)
    tell(night, ("day", acknowledge(1)), ("night", correct(wrong, "2025-05-13 09:00", not_counted=None)))

    assert (still_open(night), owners(night)) == ([A], {A: "day"})


def test_what_stays_closed_passes_to_nobody(night: Centre) -> None:
    """間違い, and then 無言: nobody has to do anything about it."""
    wrong = contact({"case": "A"}, on="2025-05-12 22:10", not_counted="wrong-number")
    stated(night, wrong)
    tell(night, ("day", acknowledge(1)), ("night", correct(wrong, "2025-05-13 09:00", not_counted="silent")))

    assert (still_open(night), owners(night), passed(night)) == ([], {A: "night"}, [])


def test_what_was_not_closed_after_all_is_the_days(night: Centre) -> None:
    """It had been closed; the call came after that, as is found out later."""
    one = call("A", "2025-05-12 22:10")
    stated(night, one, close("A", "2025-05-13 03:00"))
    later = correct(one, "2025-05-13 09:00", occurred_at="2025-05-13T04:00:00+09:00")
    tell(night, ("day", acknowledge(1)), ("night", later))

    assert (still_open(night), owners(night)) == ([A], {A: "day"})


def test_a_day_contact_about_it_opens_it_for_the_day(night: Centre) -> None:
    """Nobody's silent call; then somebody rings by day about the same matter."""
    stated(night, silent())
    tell(night, ("day", acknowledge(1)), ("day", call("A", "2025-05-13 10:00", number=A)))

    assert (still_open(night), owners(night)) == ([A], {A: "day"})


@pytest.mark.parametrize("into", ["a silent call of the day's", "an open one of the day's"])
def test_an_acknowledged_call_that_is_moved_takes_its_consultation_along(night: Centre, into: str) -> None:
    """It turns out to have been the first of another matter, which by that began at night."""
    one = call("A", "2025-05-12 22:00")
    stated(night, one)
    other = call("B", "2025-05-13 09:00") if into == "an open one of the day's" else silent("B", "2025-05-13 09:00")
    tell(night, ("day", acknowledge(1)), ("day", other))
    tell(night, ("night", correct(one, "2025-05-13 09:30", to_number=B)))
    assert owners(night)[B] == "day"

    tell(night, undo(1, "2025-05-13 10:00"))
    assert owners(night)[B] == "night"


def test_while_an_item_of_it_waits_it_waits(night: Centre) -> None:
    """Of two silent calls one was acknowledged: the other one passes the case, as any item does."""
    one = silent()
    stated(night, one, silent(on="2025-05-12 23:10"))
    tell(night, ("day", acknowledge(1)), link(one))
    assert (owners(night), passed(night)) == ({A: "night"}, [])

    tell(night, ("day", acknowledge(2, "2025-05-13 09:10")))
    assert (owners(night), passed(night)) == ({A: "day"}, [])
    assert recorded(night, "item.acknowledged")[-1].to_owner == "day"


def test_what_waited_and_is_another_cases_by_now_holds_it_up_no_longer(night: Centre) -> None:
    """It was open, and its second call not acknowledged yet, which then turns out to be about B."""
    one, other = silent(), silent(on="2025-05-12 23:10")
    stated(night, one, other, silent("B", "2025-05-12 23:50"))
    tell(night, ("day", acknowledge(1)), link(one))
    tell(night, ("night", correct(other, "2025-05-13 09:10", to_number=B)))

    assert owners(night) == {A: "day", B: "night"}


def test_what_a_late_call_opens_waits_for_the_acknowledgement_of_that(night: Centre) -> None:
    """Typed in after the statement, it stands on a supplement."""
    stated(night, silent())
    tell(night, ("day", acknowledge(1)), ("night", call("A", "2025-05-12 23:10", number=A)))
    night.tick("2025-05-13 08:50")
    assert (still_open(night), owners(night)) == ([A], {A: "night"})

    tell(night, ("day", acknowledge(2, "2025-05-13 08:55")))
    assert (owners(night), passed(night)) == ({A: "day"}, [])


def test_undone_it_is_the_nights_again(night: Centre) -> None:
    """As any acknowledgement that was a mistake; and the next one who acknowledges takes it."""
    one = silent()
    stated(night, one)
    tell(night, ("day", acknowledge(1)), link(one))
    night.restart()
    tell(night, undo(1))
    (undone,) = recorded(night, "item.unacknowledged")
    assert (undone.from_owner, undone.to_owner, owners(night)) == ("day", "night", {A: "night"})

    tell(night, unlink(one, "2025-05-13 09:40"), link(one, "2025-05-13 09:50"))
    assert owners(night) == {A: "night"}
    tell(night, ("day", acknowledge(1, "2025-05-13 10:00")), undo(1, "2025-05-13 10:10"))
    assert (owners(night), len(passed(night))) == ({A: "night"}, 1)


def test_undone_before_it_opens_it_stays_the_nights(night: Centre) -> None:
    """Nobody by day says that it has been taken over."""
    one = silent()
    stated(night, one)
    tell(night, ("day", acknowledge(1)), undo(1, "2025-05-13 08:50"), link(one))

    assert (owners(night), passed(night)) == ({A: "night"}, [])


def test_with_the_last_of_two_undone_it_goes_back(night: Centre) -> None:
    """Also where both had been moved to it from the consultation under which they were stated."""
    calls = [call("A", "2025-05-12 22:00"), call("A", "2025-05-12 23:00")]
    stated(night, *calls, silent("B", "2025-05-12 21:30"))
    tell(night, *(("day", acknowledge(n)) for n in (1, 2, 3)))
    tell(night, *(("night", correct(one, "2025-05-13 09:00", to_number=B)) for one in calls))
    tell(night, undo(1, "2025-05-13 09:10"), undo(3, "2025-05-13 09:20"))
    assert owners(night)[B] == "day"

    tell(night, undo(2, "2025-05-13 09:30"))
    assert owners(night)[B] == "night"


def test_acknowledged_twice_it_passes_once(night: Centre) -> None:
    """And closed, opened again, closed: what passed stays where it is."""
    one = silent()
    stated(night, one)
    tell(night, ("day", acknowledge(1)), ("day", acknowledge(1, "2025-05-13 08:50")))
    tell(night, link(one), unlink(one), link(one, "2025-05-13 09:40"), unlink(one, "2025-05-13 09:50"))

    assert (still_open(night), owners(night), len(passed(night))) == ([], {A: "day"}, 1)


def test_a_part_that_opens_the_whole_passes_the_whole(night: Centre) -> None:
    """Two silent calls of one matter, both acknowledged; with both undone it is the night's again."""
    one = silent("B", "2025-05-12 22:15")
    stated(night, silent(), one)
    tell(night, ("day", acknowledge(1)), ("day", acknowledge(2)))
    tell(night, ("day", message("case.merge", "2025-05-13 08:50", number=B, into_number=A)), link(one))
    assert (still_open(night), owners(night)[A]) == ([A], "day")

    tell(night, undo(2), undo(1, "2025-05-13 09:31"))
    assert owners(night)[A] == "night"


def test_while_the_item_of_a_part_waits_the_whole_waits(night: Centre) -> None:
    """B is a part of A; A's item was acknowledged, and B's was not."""
    one = silent()
    stated(night, one, silent("B", "2025-05-12 22:15"))
    tell(night, ("day", acknowledge(1)), ("day", message("case.merge", "2025-05-13 08:50", number=B, into_number=A)))
    tell(night, link(one))
    assert (still_open(night), owners(night)[A], passed(night)) == ([A], "night", [])

    tell(night, ("day", acknowledge(2, "2025-05-13 09:10")))
    assert (owners(night)[A], passed(night)) == ("day", [])


def test_a_merging_that_opens_it_passes_it(night: Centre) -> None:
    """A was closed before B rang, and B did not count: as one they are P's silent calls, one not settled."""
    of_p, of_nobody = silent("A", "2025-05-12 22:00", person="P"), silent("B", "2025-05-12 23:00")
    stated(night, of_p, close("A", "2025-05-12 22:30"), of_nobody)
    tell(night, ("day", acknowledge(1)), ("day", acknowledge(2)))
    tell(night, ("day", message("case.merge", "2025-05-13 09:00", number=B, into_number=A)))

    assert (still_open(night), owners(night)[A]) == ([A], "day")
    assert passed(night) == [("night", "day", "acknowledged", "13 09:00")]


def test_taken_apart_what_opens_of_it_passes(night: Centre) -> None:
    """B is open as itself once A, which was closed after it, is another matter."""
    a, b = call("A", "2025-05-12 23:00"), call("B", "2025-05-12 22:00")
    merging = message("case.merge", "2025-05-12 23:30", number=B, into_number=A)
    stated(night, a, b, merging, close("A", "2025-05-13 01:00"))
    tell(night, ("day", acknowledge(1)), ("day", acknowledge(2)))
    tell(night, ("day", message("case.split", "2025-05-13 09:00", number="R7-0002")))

    assert still_open(night) == [B]
    assert owners(night)[B] == "day"


def test_an_agencys_stays_the_agencys_until_it_comes_back(night: Centre) -> None:
    """The night had handed it over: as it comes back to the night at ten, the day has acknowledged it long since."""
    given = message(
        "handover.complete", "2025-05-12 23:00", case="A", handover="H", kind="agency", to="ぽーと", **GROUND
    )
    one = silent()
    stated(night, one, given)
    tell(night, ("day", acknowledge(1)), link(one))
    assert (owners(night), passed(night)) == ({A: "agency:ぽーと"}, [])

    tell(night, ("night", message("handover.return", "2025-05-13 10:00", handover="H")))
    assert owners(night) == {A: "day"}
    assert passed(night) == [("night", "day", "acknowledged", "13 10:00")]


def test_what_is_the_days_already_passes_to_nobody(night: Centre) -> None:
    """It began by day, as a wrong number; at night nobody spoke, which is acknowledged; it counts after all."""
    first = contact({"case": "A"}, on="2025-05-12 16:00", not_counted="wrong-number")
    tell(night, ("day", first))
    stated(night, silent(number=A))
    tell(night, ("day", acknowledge(1)), ("day", correct(first, "2025-05-13 09:00", not_counted=None)))

    assert (still_open(night), owners(night), passed(night)) == ([A], {A: "day"}, [])


def test_told_in_any_order_it_is_the_days(night: Centre) -> None:
    """Handover was off as the night linked it, and hears of that only after the acknowledgement, or before it."""
    one = silent()
    stated(night, one)
    night.say(*link(one, "2025-05-13 08:35"))
    night.say("day", acknowledge(1, "2025-05-13 08:41"))
    night.tick("2025-05-13 09:00")

    assert owners(night) == {A: "day"}
    assert passed(night) == [("night", "day", "acknowledged", "13 08:41")]  # From when it was acknowledged.


def test_heard_again_it_passes_once(night: Centre) -> None:
    """The bus brings everything a second time."""
    one = silent()
    stated(night, one)
    tell(night, ("day", acknowledge(1)), link(one))
    night.hear("handover", [text for _, text in night.desk("intake").journal.read(0)])

    assert len(passed(night)) == 1


def contractors(database_url: str, *, opens: bool) -> Centre:
    """30 March 2025, one contractor by day and night: it acknowledged its own night's call, open or not (無言)."""
    centre = evening(database_url, "2025-03-29 12:00")
    tell(centre, ("contractor", register(on="2025-03-29 13:00")))
    one = silent(on="2025-03-29 22:10", **({"person": "P"} if opens else {})) | {"id": "call"}
    tell(centre, ("contractor", one))
    centre.tick("2025-03-30 08:40")
    tell(centre, ("contractor", acknowledge(1, "2025-03-30 08:41", night="2025-03-29")))
    return centre


LINK = message("call.link", "2025-03-30 09:00", call="call", person="P", matched=["phone", "voice-known"])


def test_one_contractor_passes_nothing_to_itself(database_url: str) -> None:
    """By night and by day it is the same one's."""
    with contractors(database_url, opens=False) as centre:
        tell(centre, ("contractor", LINK))

        assert (still_open(centre), owners(centre), passed(centre)) == (["R6-0001"], {"R6-0001": "contractor"}, [])


def test_what_opens_after_the_contract_is_his_who_works_by_day_now(database_url: str) -> None:
    """Whoever acknowledged it is not there any more: as of midnight the night's, and then the day's."""
    with contractors(database_url, opens=False) as centre:
        centre.tick("2025-04-02 10:00")
        tell(centre, ("contractor", LINK))

        assert [each[:3] for each in passed(centre)] == [
            ("contractor", "night", "contract"),
            ("night", "day", "acknowledged"),
        ]
        assert owners(centre) == {"R6-0001": "day"}


def test_what_was_open_as_the_contract_ended_went_where_its_band_says(database_url: str) -> None:
    """Night cases to the night provider (Rule 11), whatever is heard of it later."""
    with contractors(database_url, opens=True) as centre:
        centre.tick("2025-04-02 10:00")
        tell(
            centre,
            ("contractor", LINK),
            ("day", message("call.report", "2025-04-02 10:10", not_counted="silent", matters=[{"number": "R6-0001"}])),
        )

        assert [each[:3] for each in passed(centre)] == [("contractor", "night", "contract")]
        assert owners(centre) == {"R6-0001": "night"}
