"""関係機関への引継ぎ: from the offer to its end, on whatever way the answers come; one owner, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import reduce
from itertools import permutations
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from events import Recorded
from events.handover import HandoverEvent
from services.handover.expiry import KIND
from services.handover.owners import owner_after
from services.passings import Passing, passings
from services.tables import DEADLINES
from tests.desk_examples import (
    GROUND,
    LATER,
    NEXT_DAY,
    ON_ONE_STORE,
    SEEDED,
    WARD,
    Centre,
    Message,
    answer,
    arrange,
    at,
    call,
    cancel,
    close,
    correct,
    merge,
    message,
    names,
    offer,
    register,
)

SECTION = "kitazawa-section"
EARLY, NOON, LATE = "2025-05-13 11:00", "2025-05-13 12:00", "2025-05-13 13:00"
"""On the day of the offer, which is made at ten."""
OVERDUE = "2025-05-14 11:00"
"""An hour after the ward's 24 hours."""


@pytest.fixture
def told(centre: Centre) -> Centre:
    """Handover has heard of the day provider's cases A and B."""
    centre.say("day", call())
    centre.say("day", call("B"))
    centre.pump()
    return centre


def of_hand_overs_at(centre: Centre) -> list[tuple[str, datetime]]:
    """What handover recorded of hand-overs, and when each was by its own time."""
    return [(event.name.removeprefix("handover."), record.time) for record, event in of_hand_overs(centre)]


def standing(centre: Centre) -> list[str]:
    """What handover recorded of hand-overs, in its order, without the prefix that all have."""
    return [name.removeprefix("handover.") for name in names([event for _, event in of_hand_overs(centre)])]


def of_hand_overs(centre: Centre) -> list[tuple[Recorded, Any]]:
    """What handover recorded of hand-overs; nights and mornings pass meanwhile."""
    told = zip(centre.records("handover"), centre.events("handover"), strict=True)
    return [(record, event) for record, event in told if isinstance(event, HandoverEvent)]


def listed(centre: Centre) -> dict[str, str]:
    """Each receiver of the list, and how its hand-over stands."""
    return {row.agency or row.to: row.status for row in rows(centre)}


def rows(centre: Centre) -> list[Passing]:
    return passings(centre.engine("handover"), everything=True)


def owner(centre: Centre, case: int = 0) -> str | None:
    """In whose charge a case is, by what handover recorded of it; None: nothing was, and it is its first provider's."""
    own = centre.events()[case].case
    return reduce(owner_after, (event for _, event in of_hand_overs(centre) if event.case == own), None)


def said(*messages: Message, to: Centre, provider: str = "day") -> list[str]:
    """The status of each receipt."""
    return [to.say(provider, one).status for one in messages]


def complete(handover: str = "told", case: str = "A", on: str = NEXT_DAY, **data: Any) -> Message:
    """Offered and accepted on the telephone."""
    given = {"kind": "agency", "to": "ぽーと"} | GROUND | data
    return message("handover.complete", on, handover=handover, case=case, **given)


# How it goes on.


def test_it_is_offered_delivered_seen_and_accepted(told: Centre) -> None:
    """The giver knows where it stands at each step, and nothing is anybody else's before the last."""
    told.say("day", offer(kind="section", to=SECTION))
    for step in (answer("deliver", on=EARLY, how="fax"), answer("see", on=NOON, how="phone")):
        told.say("day", step)
        assert (listed(told), owner(told)) == ({SECTION: "offered"}, None)
    told.say("day", answer("accept", on=LATE, how="phone"))

    assert standing(told) == ["offered", "delivered", "seen", "handed-over"]
    (row,) = rows(told)
    assert (row.delivered_at, row.seen_at, row.since) == (at(EARLY), at(NOON), at(LATE))
    assert owner(told) == f"agency:{SECTION}"


def test_who_accepted_what_for_and_what_was_agreed_is_sealed(told: Centre) -> None:
    """The kind, the giver, the receiver, the way and the basis stand in clear."""
    words = {"by": "架空 担当", "agreed": "毎週連絡する", "purpose": "計画の見直し"}
    told.say("day", offer())
    told.say("day", answer("accept", how="phone", personal=words))
    event, record = told.events("handover")[1], told.records("handover")[1]

    clear = (event.kind, event.giver, event.to, event.how, event.basis)
    assert clear == ("agency", "day", "ぽーと", "phone", "legal-duty")
    assert told.keys.unseal(told.events()[0].person, f"{record.type}/{record.id}", event.sealed) == words


def test_any_provider_answers_by_our_id_and_the_giver_stays_the_giver(told: Centre) -> None:
    """The night offers, the agency rings the day."""
    told.say("night", offer(case="", number="R7-0001"))
    own = told.events("handover")[0].handover
    receipt = told.say("day", message("handover.accept", LATER, handover_id=own, how="phone"))
    accepted = told.events("handover")[1]

    assert receipt.status == "accepted"
    assert (accepted.provider, accepted.giver) == ("day", "night")


@pytest.mark.parametrize("named", [{"handover_id": "0" * 36}, {}])
@ON_ONE_STORE
def test_an_id_that_is_none_and_no_name_at_all_are_parked(told: Centre, named: dict[str, str]) -> None:
    """No hand-over will ever have them."""
    receipt = told.say("day", message("handover.accept", LATER, **named))

    assert (receipt.status, receipt.field) == ("parked", f"data.{next(iter(named), 'handover')}")


@pytest.mark.parametrize("verb", ["deliver", "see", "accept", "decline", "withdraw", "return"])
@ON_ONE_STORE
def test_a_way_that_is_none_is_parked(told: Centre, verb: str) -> None:
    """With those there are."""
    told.say("day", offer())
    receipt = told.say("day", answer(verb, how="pigeon"))

    assert (receipt.status, receipt.field) == ("parked", "data.how")
    assert "phone, fax, mail, visit, web" in (receipt.reason or "")


def test_papers_may_follow_an_acceptance(told: Centre) -> None:
    """Taken on by telephone, the sheet by fax an hour later."""
    told.say("day", complete())

    assert said(answer("deliver", "told", on=LATE, how="fax"), to=told) == ["accepted"]
    assert standing(told) == ["handed-over", "delivered"]


# Nobody answers.


def test_an_offer_that_nobody_answers_expires_once(told: Centre) -> None:
    """After the 24 hours of the ward's file; it says when it was due and when that was noticed."""
    told.say("day", offer())
    told.tick("2025-05-16 09:00")
    record, expired = of_hand_overs(told)[1]

    assert standing(told) == ["offered", "expired"]
    assert expired.due_at == record.time == at(LATER)
    assert record.causation.startswith("deadline:answer/")
    assert (listed(told), owner(told)) == ({"ぽーと": "expired"}, None)


def test_after_a_weekend_switched_off_it_expires_once_and_says_so(told: Centre) -> None:
    """Due on Saturday, noticed on Monday."""
    told.say("day", offer(on="2025-05-16 10:00"))
    told.restart()
    told.clock.now = at("2025-05-19 08:00")
    told.tick()
    told.restart()
    told.tick("2025-05-20 08:00")
    (expired,) = (event for event in told.events("handover") if event.name == "handover.expired")

    assert (expired.due_at, expired.fired_at) == (at("2025-05-17 10:00"), at("2025-05-19 08:00"))


def test_an_offer_says_itself_until_when_it_stands(told: Centre) -> None:
    """Until noon, not until tomorrow."""
    told.say("day", offer(answer_by=at(NOON).isoformat()))
    told.tick(LATE)

    assert of_hand_overs(told)[1][1].due_at == at(NOON)


@pytest.mark.parametrize("until", ["2025-05-13T10:00:00+09:00", "2025-05-13T12:00:00", "9999-12-31T23:59:00+09:00"])
@ON_ONE_STORE
def test_a_time_before_the_offer_or_without_an_offset_or_too_far_ahead_is_parked(told: Centre, until: str) -> None:
    """Nobody could answer by then, or nobody knows when it is."""
    assert told.say("day", offer(answer_by=until)).field == "data.answer_by"


@pytest.mark.parametrize("verb", ["accept", "decline", "withdraw"])
def test_what_is_answered_does_not_expire(told: Centre, verb: str) -> None:
    """Its deadline went with the answer."""
    said(offer(), answer(verb, on=NOON), to=told)
    assert [row for row in told.rows(DEADLINES, "handover") if row["kind"] == KIND] == []
    told.tick("2025-05-20 10:00")

    assert "expired" not in standing(told)


def test_an_offer_told_after_its_answer_was_due_waits_an_hour(told: Centre) -> None:
    """The line was down: the answer, which came in time, is told right after it."""
    told.clock.now = at("2025-05-20 10:00")
    told.say("day", offer())
    told.tick("2025-05-20 10:59")
    assert standing(told) == ["offered"]
    told.say("day", answer("accept", on=NOON))
    told.say("day", offer("other", "B", to="ほか"))
    told.tick("2025-05-20 12:00")

    assert standing(told) == ["offered", "handed-over", "offered", "expired"]


# Answers that come late, or cross in the post.


def test_an_acceptance_and_a_decline_after_expiry_are_kept_and_change_nothing(told: Centre) -> None:
    """Each by its own time after the offer had expired, whether or not that was noticed yet."""
    said(offer(), answer("accept", on=OVERDUE, how="phone"), to=told)
    told.tick("2025-05-15 10:00")
    said(answer("decline", on="2025-05-15 11:00", how="fax", reason="職員体制"), to=told)

    assert standing(told) == ["offered", "expired", "answered-late", "answered-late"]
    first, second = (event for _, event in of_hand_overs(told)[2:])
    assert (first.said, first.because, first.how) == ("accepted", "expired", "phone")
    assert (second.said, second.because, second.reason) == ("declined", "expired", "staff")
    assert (listed(told), owner(told)) == ({"ぽーと": "expired"}, None)


@pytest.mark.parametrize(("verb", "status"), [("accept", "accepted"), ("decline", "declined")])
def test_an_answer_given_in_time_and_told_after_expiry_stands(told: Centre, verb: str, status: str) -> None:
    """The expiry stays in the record."""
    told.say("day", offer())
    told.tick(OVERDUE)
    told.say("day", answer(verb, on=NOON))

    assert listed(told) == {"ぽーと": status}
    assert standing(told)[:2] == ["offered", "expired"]


@pytest.mark.parametrize(("verb", "status"), [("accept", "accepted"), ("decline", "declined")])
def test_an_answer_that_arrived_in_time_stands_whatever_its_senders_clock_says(
    told: Centre, verb: str, status: str
) -> None:
    """That clock is an hour ahead of ours: by it the offer was over, and by ours it was not."""
    told.say("day", offer(answer_by=at(NOON).isoformat()))
    early = msgspec.structs.replace(told.delivery("day", answer(verb, on=LATE), "handover"), arrived=at(EARLY))
    told.clock.now = at(EARLY)
    told.desk("handover").take([early])
    told.tick(OVERDUE)

    assert listed(told) == {"ぽーと": status}
    assert "expired" not in standing(told)


@pytest.mark.parametrize("accepted_at", [EARLY, LATE])
@pytest.mark.parametrize("accepted_first", [True, False])
def test_an_acceptance_that_crosses_a_withdrawal(told: Centre, accepted_at: str, accepted_first: bool) -> None:
    """The earlier one by its own time stands, whichever was told first; both are kept, and there is one owner."""
    messages = [answer("accept", on=accepted_at, how="mail"), answer("withdraw", on=NOON, how="mail")]
    told.say("day", offer())
    assert said(*(messages if accepted_first else reversed(messages)), to=told) == ["accepted", "accepted"]
    late = [(event.said, event.because) for event in told.events("handover") if event.name.endswith("late")]

    if accepted_at == EARLY:
        assert (listed(told), owner(told)) == ({"ぽーと": "accepted"}, "agency:ぽーと")
        assert late == [("withdrawn", "accepted")]
    else:
        assert (listed(told), owner(told)) == ({"ぽーと": "withdrawn"}, "day" if accepted_first else None)
        assert late == [("accepted", "withdrawn")]
    told.pump()
    assert told.figures() == {
        ("day", "handed-over" if accepted_at == EARLY else "other"): 1,
        ("day", "other"): 1 if accepted_at == EARLY else 2,
    }


@pytest.mark.parametrize(("declined_at", "status"), [(EARLY, "declined"), (LATE, "withdrawn")])
def test_a_decline_that_crosses_a_withdrawal(told: Centre, declined_at: str, status: str) -> None:
    """Before it, it stands; after it, it is kept."""
    said(offer(), answer("withdraw", on=NOON), answer("decline", on=declined_at), to=told)

    assert listed(told) == {"ぽーと": status}
    assert len(standing(told)) == 3


def test_an_acceptance_by_telephone_and_again_by_fax_is_one(told: Centre) -> None:
    """The fax is kept beside it."""
    said(offer(), answer("accept", on=EARLY, how="phone"), answer("accept", on=NOON, how="fax"), to=told)
    again = told.events("handover")[2]
    told.pump()

    assert (again.said, again.because, again.how) == ("accepted", "accepted", "fax")
    assert rows(told)[0].since == at(EARLY)
    assert told.figures() == {("day", "handed-over"): 1, ("day", "other"): 1}


def test_a_return_said_twice_is_one(told: Centre) -> None:
    """Told by telephone, and again in writing."""
    said(offer(), answer("accept", on=EARLY), to=told)
    said(answer("return", on=NOON), answer("return", on=LATE, how="mail"), to=told)

    assert standing(told) == ["offered", "handed-over", "returned", "answered-late"]
    assert owner(told) == "day"


def test_an_answer_to_an_unknown_hand_over_waits(told: Centre) -> None:
    """It goes on by itself as soon as the offer is heard of."""
    assert said(answer("decline", on=NOON), to=told) == ["waiting"]
    told.say("day", offer())

    assert listed(told) == {"ぽーと": "declined"}


# The same case twice.


def test_the_same_agency_is_not_asked_twice_at_once(told: Centre) -> None:
    """The second is parked with what would be accepted; so is an acceptance under another reference."""
    told.say("day", offer(to="port-kitazawa"))
    again = told.say("day", offer("again", to="ぽーときたざわ", on=NOON))
    by_phone = told.say("day", complete(to="port-kitazawa", on=NOON))

    for receipt in (again, by_phone):
        assert (receipt.status, receipt.field) == ("parked", "data.to")
        assert "handover.accept, handover.decline or handover.withdraw" in (receipt.reason or "")
    assert standing(told) == ["offered"]


def test_of_two_that_are_asked_the_first_to_accept_has_the_case(told: Centre) -> None:
    """The other offer is taken back; what that agency says all the same is kept. At no instant are there two owners."""
    said(offer(to="ひとつ"), offer("second", to="ふたつ"), to=told)
    assert listed(told) == {"ひとつ": "offered", "ふたつ": "offered"}
    said(answer("accept", "second", on=NOON), to=told)
    assert listed(told) == {"ひとつ": "withdrawn", "ふたつ": "accepted"}
    said(answer("accept", on=EARLY), to=told)  # Even if it says that it was earlier: the case was given away.
    late = told.events("handover")[-1]

    assert (late.said, late.because) == ("accepted", "accepted-elsewhere")
    assert owner(told) == "agency:ふたつ"
    told.pump()
    assert told.figures() == {("day", "handed-over"): 1, ("day", "other"): 1}


def test_a_case_that_an_agency_has_is_given_to_nobody_else(told: Centre) -> None:
    """Parked: it is not the centre's any more."""
    told.say("day", complete())
    receipt = told.say("day", offer("again", to="ほか", on=LATER))

    assert (receipt.status, receipt.field) == ("parked", "data.case")
    assert "handover.return" in (receipt.reason or "")


def test_a_case_that_bounces_back_goes_to_another(told: Centre) -> None:
    """Returned to its giver, then offered anew; it counts once, and while it waits it is in hand."""
    said(offer(to="ひとつ"), answer("accept", on=EARLY), answer("return", on=NOON, reason="職員体制"), to=told)
    assert owner(told) == "day"
    told.say("day", offer("again", to="ふたつ", on=LATE))
    told.pump()
    assert told.figures("pending") == {("consultations", "count"): 1}
    told.say("day", answer("accept", "again", on=LATER))
    told.pump()

    assert listed(told) == {"ひとつ": "returned", "ふたつ": "accepted"}
    assert owner(told) == "agency:ふたつ"
    assert told.figures() == {("day", "handed-over"): 1, ("day", "other"): 1}


def test_a_case_comes_back_to_whoever_is_there(centre: Centre) -> None:
    """Its giver's contract is over: the one who tells has it."""
    centre.say("contractor", call(on="2025-03-20 12:00"))
    centre.pump()
    centre.say("contractor", complete(on="2025-03-21 12:00"))
    own = centre.events("handover")[0].handover
    centre.say("day", message("handover.return", LATER, handover_id=own))

    assert owner(centre) == "day"


# Cases that were merged, or closed.


def test_an_offer_goes_on_with_the_case_into_which_its_own_was_merged(told: Centre) -> None:
    """One matter, one hand-over, one owner; and parting them parts that as well."""
    told.say("day", offer())
    told.say("day", merge("A", "B"))
    told.pump()
    assert told.say("day", offer("again", "B", on=NOON)).field == "data.to"  # They are asked already.
    told.say("day", answer("accept"))
    told.pump()

    assert told.figures() == {("day", "handed-over"): 1}
    assert told.say("day", offer("other", "B", to="ほか", on="2025-05-15 10:00")).field == "data.case"
    told.say("day", message("case.split", "2025-05-15 11:00", case="A"))
    told.pump()
    assert told.say("day", offer("other", "B", to="ほか", on="2025-05-15 12:00")).status == "accepted"
    assert told.figures() == {("day", "handed-over"): 1, ("day", "other"): 1}


def test_two_cases_that_agencies_have_are_one_agencys_once_they_are_one(told: Centre) -> None:
    """The later acceptance holds."""
    said(complete("a", "A", to="ひとつ"), complete("b", "B", to="ふたつ", on=NOON), to=told)
    told.say("day", merge("A", "B"))
    told.pump()
    told.say("day", call("A", "2025-05-15 10:00"))
    told.pump()
    noted = told.events("handover")[-1]

    assert (noted.name, noted.owner) == ("handover.noted-late", "agency:ふたつ")
    assert told.figures() == {("day", "handed-over"): 1}


def test_an_offer_of_a_case_that_was_closed_meanwhile_can_be_accepted(told: Centre) -> None:
    """The consultation ended for the centre; the agency takes it on, and it counts where it began."""
    said(offer(), to=told)
    told.say("day", close(on=NOON))
    told.pump()
    said(answer("accept", on=LATE), to=told)
    told.pump()

    assert owner(told) == "agency:ぽーと"
    assert told.figures() == {("day", "handed-over"): 1, ("day", "other"): 1}


# What is written on a case that an agency has.


def test_what_the_giver_writes_after_the_acceptance_is_a_late_note_to_the_new_owner(told: Centre) -> None:
    """A further contact, an addition to a card, a correction; each named, so that the agency can be told."""
    first = call("C", "2025-05-12 13:00")
    told.say("day", first)
    told.pump()
    told.say("day", complete(case="C", on=NOON))
    told.say("day", message("call.add", LATE, call=first["id"], reasons=["health"]))
    told.say("night", call("", "2025-05-13 23:00", number="R7-0003"))
    told.say("day", correct(first, LATER, district="kinuta"))
    told.pump()
    noted = [event for event in told.events("handover") if event.name == "handover.noted-late"]

    assert [(e.what, e.provider, e.owner) for e in noted] == [
        ("call.added", "day", "agency:ぽーと"),
        ("call.received", "night", "agency:ぽーと"),
        ("call.corrected", "day", "agency:ぽーと"),
    ]
    assert rows(told)[0].must_tell
    told.say("day", answer("deliver", "told", on="2025-05-14 12:00", how="fax"))
    assert not rows(told)[0].must_tell


def test_what_was_written_before_the_acceptance_is_no_late_note(told: Centre) -> None:
    """It was handed over with the case, even if it is heard of only afterwards."""
    told.say("day", complete(on=NOON))
    told.say("day", call(on=EARLY))
    told.pump()

    assert standing(told) == ["handed-over"]


def test_what_was_written_down_after_the_acceptance_is_late_whenever_it_happened(told: Centre) -> None:
    """The paper of a call before it, typed in afterwards."""
    told.say("day", complete(on=NOON))
    told.say("day", call(on=EARLY) | {"entered": at(LATE).isoformat()})
    told.pump()

    assert standing(told) == ["handed-over", "noted-late"]


def test_an_acceptance_that_is_told_late_finds_what_was_written_since(told: Centre) -> None:
    """Accepted at eleven on the telephone, written down in the evening; the call at noon is a late note."""
    told.say("day", offer())
    told.say("day", call(on="2025-05-13 10:30"))
    told.say("night", call("", NOON, number="R7-0001"))
    told.pump()
    told.say("day", answer("accept", on=EARLY))
    noted = told.events("handover")[2]

    assert standing(told) == ["offered", "handed-over", "noted-late"]
    assert (noted.what, noted.provider, noted.contact) == ("call.received", "night", told.events()[3].contact)


def test_nothing_is_a_late_note_once_the_case_came_back(told: Centre) -> None:
    """It is the giver's again."""
    said(complete(on=EARLY), answer("return", "told", on=NOON), to=told)
    told.say("day", call(on=LATE))
    told.pump()

    assert standing(told) == ["handed-over", "returned"]


# What is arranged or cancelled on a case that an agency has.


def late_places(centre: Centre) -> list[tuple[str, str | None, str, str]]:
    """The late notes about placements: what, of which kind, whose it was, and who must be told."""
    noted = [e for e in centre.events("handover") if e.name == "handover.noted-late" and e.placement]
    return [(e.what.removeprefix("placement."), e.placement_kind, e.provider, e.owner) for e in noted]


def test_what_is_arranged_or_cancelled_after_the_acceptance_is_a_late_note_to_the_new_owner(told: Centre) -> None:
    """Each once, with its kind, whoever told it; and it stands among what they must be told until they were."""
    told.say("day", complete(on=EARLY))
    told.say("day", arrange(on=NOON))
    told.say("day", cancel(on=LATE))
    told.say("day", arrange("helper", kind="home-help", on=LATE))
    told.pump()
    told.pump()

    bed = ("short-stay", "day", "agency:ぽーと")
    assert late_places(told) == [("arranged", *bed), ("cancelled", *bed), ("arranged", "home-help", "day", bed[-1])]
    assert [moment for _, moment in of_hand_overs_at(told)][1:] == [at(NOON), at(LATE), at(LATE)]
    assert rows(told)[0].must_tell
    told.say("day", answer("deliver", "told", on="2025-05-14 12:00", how="phone"))
    assert not rows(told)[0].must_tell


def test_a_place_arranged_before_the_acceptance_is_no_late_note_and_its_cancelling_is(told: Centre) -> None:
    """It was handed over with the case, though it is told only afterwards; that it is given up nobody can know yet."""
    told.say("day", complete(on=NOON))
    told.say("day", arrange(on=EARLY))
    told.pump()
    assert late_places(told) == []
    told.say("day", cancel(on=LATE))
    told.pump()

    assert late_places(told) == [("cancelled", "short-stay", "day", "agency:ぽーと")]


def test_an_acceptance_that_is_told_late_finds_what_was_arranged_since(told: Centre) -> None:
    """Offered, arranged, cancelled; then it turns out that they had accepted in between. Or taken on with no offer."""
    told.say("day", arrange("before", on="2025-05-13 10:30"))
    told.say("day", offer())
    told.say("day", arrange(on=NOON))
    told.say("day", cancel(on=LATE))
    told.say("day", arrange("other", "B", on=NOON))
    told.pump()
    told.say("day", answer("accept", on=EARLY))
    told.say("day", complete("b", "B", to="みなと", on=EARLY))
    told.pump()

    bed = ("short-stay", "day", "agency:ぽーと")
    assert late_places(told) == [("arranged", *bed), ("cancelled", *bed), ("arranged", *bed[:2], "agency:みなと")]


def test_what_an_agency_arranged_itself_is_no_late_note_and_its_cancelling_is(told: Centre) -> None:
    """They know of their own bed. That it is lost a facility may have told the centre alone."""
    told.say("day", complete(on=EARLY))
    told.say("day", arrange(on=NOON, by="agency"))
    told.pump()
    assert late_places(told) == []
    told.say("night", cancel(on=LATE))  # It has no such reference.
    told.say("day", cancel(on=LATE))
    told.pump()

    assert late_places(told) == [("cancelled", "short-stay", "day", "agency:ぽーと")]


def test_nothing_arranged_is_a_late_note_once_the_case_came_back(told: Centre) -> None:
    """It is the giver's again; whoever takes it on next is told of what comes after that."""
    said(complete(on=EARLY), answer("return", "told", on=NOON), to=told)
    told.say("day", arrange(on=LATE))
    told.pump()
    assert late_places(told) == []
    told.say("day", offer("again", to="みなと", on=LATE))
    told.say("day", answer("accept", "again", on=LATER))
    told.say("day", cancel(on="2025-05-16 10:00"))
    told.pump()

    assert late_places(told) == [("cancelled", "short-stay", "day", "agency:みなと")]


def test_an_agency_that_is_only_informed_gets_no_late_note(told: Centre) -> None:
    """The case is the centre's still."""
    told.say("day", complete(kind="information", on=EARLY))
    told.say("day", arrange(on=NOON))
    told.pump()

    assert late_places(told) == []


STEPS = ("taken on", "arranged", "merged")


@ON_ONE_STORE
@pytest.mark.parametrize("order", list(permutations(STEPS)), ids=", ".join)
@pytest.mark.parametrize("case", ["A", "B"])
def test_in_whichever_order_it_is_heard_there_is_one_note(told: Centre, case: str, order: tuple[str, ...]) -> None:
    """Two consultations are one, an agency took either of them on, a bed was arranged for the other: one note, once.

    Of what was for a case that became theirs only later they must be told from then on.
    """
    other = "B" if case == "A" else "A"
    steps = {"taken on": complete(case=case, on=EARLY), "arranged": arrange(case=other, on=NOON)}
    steps["merged"] = message("case.merge", LATE, case="A", into="B")
    for step in order:
        told.say("day", steps[step])
        told.pump()

    assert late_places(told) == [("arranged", "short-stay", "day", "agency:ぽーと")]
    assert of_hand_overs_at(told)[-1] == ("noted-late", at(LATE))
    told.say("day", message("case.split", "2025-05-14 10:00", case="A"))
    told.say("day", message("case.merge", "2025-05-14 11:00", case="A", into="B"))
    told.pump()
    assert len(late_places(told)) == 1


def test_what_handover_heard_of_placements_before_is_not_noted_again(told: Centre) -> None:
    """Delivered twice, and after a restart."""
    told.say("day", complete(on=EARLY))
    told.say("day", arrange(on=NOON))
    log = [text for _, text in told.desk("placement").journal.read(0)]
    for _ in range(2):
        told.hear("handover", log)
    told.restart()
    told.hear("handover", log)

    assert len(late_places(told)) == 1


def test_a_service_that_never_heard_placements_catches_up_from_the_first(told: Centre) -> None:
    """As an earlier release left it: everything is heard in its order, and what an agency was not told of is noted."""
    told.say("day", complete(on=EARLY))
    for n in range(3):
        told.say("day", arrange(f"bed-{n}", on=NOON))
    log = [text for _, text in told.desk("placement").journal.read(0)]
    assert told.hear("handover", log[2:]) == {"placement"}
    assert late_places(told) == []
    told.pump()

    assert len(late_places(told)) == 3


@ON_ONE_STORE
def test_of_a_case_of_which_nothing_was_said_a_place_asks_the_database_nothing(told: Centre) -> None:
    """Whatever many are heard together: as many questions as for one."""

    def questions(beds: range) -> int:
        for n in beds:
            told.say("day", call(f"C{n}"))
        told.pump()
        for n in beds:
            told.say("day", arrange(f"bed-{n}", f"C{n}", on=NOON))
        told.restart()  # It remembers nothing of the calls.
        waiting, asked = told.unheard("handover"), list[str]()
        sa.event.listen(told.engine("handover"), "before_cursor_execute", lambda *given: asked.append(given[2]))
        told.hear("handover", waiting)
        return sum(text.lstrip().upper().startswith("SELECT") for text in asked)

    assert questions(range(20)) == questions(range(20, 21))


# What counts, and what does not.


def test_an_open_hand_over_leaves_the_figure_as_it_is(told: Centre) -> None:
    """その他, with うち対応中 below, until it is accepted; once it expired nothing is in hand."""
    told.say("day", offer())
    told.pump()
    assert (told.figures(), told.figures("pending")) == ({("day", "other"): 2}, {("consultations", "count"): 1})
    for step in (answer("deliver", on=EARLY, how="fax"), answer("see", on=NOON)):
        told.say("day", step)
    told.pump()
    assert told.figures("pending") == {("consultations", "count"): 1}
    told.tick(OVERDUE)

    assert (told.figures(), told.figures("pending")) == ({("day", "other"): 2}, {})


def test_information_only_never_counts_and_passes_nothing(told: Centre) -> None:
    """情報提供のみ: said in one, the case stays whose it is, and may still be handed over."""
    told.say("day", complete("info", kind="information", to=SECTION))
    told.pump()

    assert (told.figures(), owner(told)) == ({("day", "other"): 2}, None)
    assert told.say("day", offer(on=NOON)).status == "accepted"


def test_a_morning_hand_over_names_the_provider_and_needs_no_basis(told: Centre) -> None:
    """By its id or by its label; nothing leaves the centre."""
    told.say("night", complete("m", case="", number="R7-0001", kind="morning", to="日中受託事業者", basis=None))

    assert [(e.to, e.agency, e.basis) for e in told.events("handover")] == [("day", None, None)]


# On what something about a person may go out.


def test_nothing_goes_out_without_a_basis(told: Centre) -> None:
    """Parked before anything has left, with what would be accepted."""
    receipt = told.say("day", offer(basis=None))

    assert (receipt.status, receipt.field) == ("parked", "data.basis")
    assert "accepted: consent, legal-duty, ward-duty, danger-to-life, abuse-report" in (receipt.reason or "")
    assert standing(told) == []


@pytest.mark.parametrize("personal", [None, {}, {"reason": " "}, {"note": "x"}])
@ON_ONE_STORE
def test_a_legal_basis_says_why(told: Centre, personal: dict[str, str] | None) -> None:
    """In words, which are sealed."""
    assert told.say("day", offer(personal=personal)).field == "data.personal.reason"


def test_a_ward_that_lists_no_basis_asks_for_none(centre: Centre) -> None:
    """As before there was such a list; nor does an offer expire there."""
    centre.activate(msgspec.structs.replace(WARD, basis=(), handover=None))
    centre.say("day", call())
    centre.pump()
    assert centre.say("day", offer(basis=None, personal=None)).status == "accepted"
    centre.tick("2025-06-01 10:00")

    assert standing(centre) == ["offered"]


@pytest.fixture
def registered(centre: Centre) -> Centre:
    """Case A is about the registrant P, who agreed on 1 May that “ぽーと” of Kitazawa may know."""
    centre.say("day", register())
    centre.say("day", consent())
    centre.say("day", call(person="P"))
    centre.pump()
    return centre


def consent(verb: str = "give", to: str = "port-kitazawa", on: str = "2025-05-01 11:00", person: str = "P") -> Message:
    return message(f"consent.{verb}", on, person=person, to=to)


def by_consent(**data: Any) -> Message:
    return offer(**{"basis": "consent", "personal": None, "to": "port-kitazawa"} | data)


@pytest.mark.parametrize("to", ["port-kitazawa", "ぽーときたざわ", "地域障害者相談支援センター“ぽーと”きたざわ"])
def test_a_consent_in_force_is_a_basis(registered: Centre, to: str) -> None:
    """However the receiver is named, in the consent or in the offer; the event keeps it."""
    assert registered.say("day", by_consent(to=to)).status == "accepted"
    assert registered.events("handover")[0].basis == "consent"


@pytest.mark.parametrize("to", ["port-setagaya", "ほか"])
def test_a_consent_to_somebody_else_is_none(registered: Centre, to: str) -> None:
    """Parked, with what there is besides."""
    receipt = registered.say("day", by_consent(to=to))

    assert (receipt.status, receipt.field) == ("parked", "data.basis")
    assert "consent.give first; or legal-duty" in (receipt.reason or "")


@pytest.mark.parametrize(
    ("ended", "again", "status"),
    [
        ("2025-05-14 09:00", None, "accepted"),  # It held on the day of the offer, and ends on the day after.
        ("2025-05-13 18:00", None, "parked"),  # From this day on.
        ("2025-05-10 09:00", None, "parked"),
        ("2025-05-10 09:00", "2025-05-12 09:00", "accepted"),
    ],
)
def test_a_consent_holds_on_the_day_or_not(registered: Centre, ended: str, again: str | None, status: str) -> None:
    """What was said last before it counts, however it was withdrawn and given again."""
    registered.say("day", consent("withdraw", on=ended))
    if again:
        registered.say("day", consent(on=again))
    registered.pump()

    assert registered.say("day", by_consent()).status == status


def test_the_consent_of_a_registrant_found_later_serves(centre: Centre) -> None:
    """Nobody known rang; linked to P, P's consent counts, and no longer once the link is undone."""
    first = call()
    for one in (register(), consent(), first):
        centre.say("day", one)
    centre.pump()
    assert centre.say("day", by_consent()).status == "parked"
    linked = message("call.link", "2025-05-12 13:00", call=first["id"], person="P", matched=["kana", "phone"])
    centre.say("day", linked)
    centre.pump()
    assert centre.say("day", by_consent(handover="second")).status == "accepted"
    centre.say("day", answer("decline", "second", on=NOON))
    centre.say("day", message("call.unlink", LATE, call=first["id"], personal={"reason": "別の方"}))
    centre.pump()

    assert centre.say("day", by_consent(handover="third", on=LATER)).status == "parked"


def test_the_consent_of_two_records_of_one_person_is_one(registered: Centre) -> None:
    """Registered twice: what was agreed to under the one holds under the other, while they are one."""
    registered.say("day", register("Q"))
    registered.say("day", consent(to="ほか", person="Q"))
    registered.pump()
    assert registered.say("day", by_consent(to="ほか")).status == "parked"
    registered.say("day", message("person.merge", "2025-05-12 09:00", person="Q", into="P"))
    registered.pump()

    assert registered.say("day", by_consent(handover="second", to="ほか")).status == "accepted"


# The list.


def test_the_list_is_made_again_from_the_log(told: Centre) -> None:
    """An older directory has none; it is there as soon as the service has started."""
    said(offer(), answer("deliver", on=EARLY, how="fax"), complete("b", "B", to=SECTION, kind="section"), to=told)
    before = rows(told)
    _lose_the_list(told)

    assert rows(told) == before
    assert len(before) == 2


# Whatever is said, in whatever order.

VERBS = ("accept", "decline", "withdraw", "return")


@settings(max_examples=15, **SEEDED)
@given(seed=st.integers(0, 10**6))
@ON_ONE_STORE
def test_whatever_is_said_a_case_has_one_owner_and_no_answer_is_lost(told: Centre, seed: int) -> None:
    """Offers and answers by chance, told in an order that is not theirs, with time passing between."""
    random, case, base = Random(seed), f"X{seed}", len(told.events("handover"))
    told.say("day", call(case))
    told.pump()
    acceptances: set[str] = set()
    for n in range(25):
        on = f"2025-05-{random.randint(13, 15)} {random.randint(10, 20)}:00"
        own = f"{case}-{random.randint(0, 3)}"
        if n < 4 or random.random() < 0.2:
            own = f"{case}-{n}" if n < 4 else own
            one = offer(own, case, on="2025-05-13 10:00", to=f"機関{random.randint(0, 2)}")
        else:
            one = answer(random.choice(VERBS), own, on=on, how=random.choice(["phone", "fax"]))
        told.say("day", one)
        acceptances |= {one["id"]} if one["type"] == "handover.accept" else set()
        if random.random() < 0.1:
            told.tick(on)
    events = told.events("handover")[base:]

    assert _most_owners(events) <= 1
    kept = Counter(event.name for event in events)
    accepted = [e for e in events if e.name == "handover.answered-late" and e.said == "accepted" and e.how]
    taken = {receipt.id for receipt in told.receipts("handover") if receipt.status == "accepted"}
    assert kept["handed-over"] + len(accepted) == len(acceptances & taken)  # Those that had waited for it included.
    before = rows(told)
    _lose_the_list(told)
    assert rows(told) == before


def _lose_the_list(centre: Centre) -> None:
    """As in a data directory that is older than the list; then the service starts."""
    with centre.engine("handover").begin() as connection:
        connection.exec_driver_sql("DELETE FROM handovers")
    centre.restart()
    centre.desk("handover")


def _most_owners(events: list[Any]) -> int:
    """How many agencies had the case at once, at most."""
    held: set[str] = set()
    most = 0
    for event in events:
        if event.name == "handed-over":
            held.add(event.handover)
        elif event.name in ("handover.returned", "handover.withdrawn"):
            held.discard(event.handover)
        most = max(most, len(held))
    return most
