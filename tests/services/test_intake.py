"""Design rule 7 and domain rules 1, 2 and 12: a call is never refused, and one person's matter is one consultation."""

from __future__ import annotations

import itertools
from datetime import UTC, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.messages import MAX_NESTING
from services.inbox import depth
from services.reporting.fold import fold
from services.tables import PARKED, WAITING
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    ON_ONE_STORE,
    WARD,
    Centre,
    at,
    call,
    close,
    codes,
    contact,
    correct,
    merge,
    message,
    names,
    register,
    with_policy,
)
from tests.reporting_examples import figures

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLAUSIBLE = st.fixed_dictionaries(
    {},
    optional={
        "case": st.sampled_from(["A", "B"]) | ANY_JSON,
        "number": st.sampled_from(["R7-0001", "Ｒ７－０００１"]) | ANY_JSON,
        "person": st.sampled_from(["P"]) | ANY_JSON,
        "district": st.sampled_from(["kinuta", "砧", "不明"]) | ANY_JSON,
        "reasons": st.lists(st.sampled_from(["health", "介護疲れ"])) | ANY_JSON,
        "personal": ANY_JSON,
    },
)
ANY_DATA = st.dictionaries(st.text(max_size=8), ANY_JSON, max_size=3) | st.fixed_dictionaries(
    {},
    optional={
        "matters": st.lists(PLAUSIBLE | ANY_JSON, max_size=3) | ANY_JSON,
        "not_counted": st.sampled_from(["silent", "無言"]) | ANY_JSON,
        "channel": ANY_JSON,
        "personal": ANY_JSON,
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=ANY_DATA, time=ANY_JSON, entered=ANY_JSON)
def test_a_call_is_never_refused(centre: Centre, data: dict[str, Any], time: Any, entered: Any) -> None:
    """Whatever its fields look like: a receipt, a number, and one event for each matter."""
    before = centre.desk().journal.head
    odd = message("call.report") | {"data": data, "time": time, "entered": entered}
    if depth(odd) > MAX_NESTING:
        return
    receipt = centre.say("day", odd)

    matters = data.get("matters")
    expected = len(matters) if isinstance(matters, list) and matters else 1
    assert receipt.status == "accepted", receipt.reason
    assert len(receipt.number) == expected
    assert centre.desk().journal.head == before + expected
    assert centre.rows(PARKED) == []


NUMBERS = [b"123456789012345678901234567890", b"-0", b"1E5", b"0.1e-400"]


@ON_ONE_STORE
@pytest.mark.parametrize("number", NUMBERS)
def test_a_call_with_an_odd_number_in_it_is_recorded(centre: Centre, number: bytes) -> None:
    """JSON sets no limit to a number; what a computer cannot hold is no reason to lose the call."""
    body = msgspec.json.encode(call(personal={"x": "NUMBER"})).replace(b'"NUMBER"', number)

    assert centre.say("day", body).status == "accepted"


def test_an_ordinary_call_has_no_flags(centre: Centre) -> None:
    """A registered person, within hours, reported at once."""
    centre.say("day", register())

    assert centre.say("day", call(person="P", reasons=["health"])).flags == []


FLAGS = [
    ({"district": "atlantis"}, "unknown-district"),
    ({"district": 7}, "not-a-text"),
    ({"reasons": ["no-such"]}, "unknown-reasons"),
    ({"reasons": "health"}, "not-a-list"),
    ({"person": "Q"}, "unknown-person"),
    ({"person": None}, "not-registered"),
    ({"district": None, "person": None}, "district-unknown"),
    ({"number": "R7-9999"}, "unknown-number"),
    ({"surprise": 1}, "unknown-field"),
    ({"case": 7}, "not-a-text"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("matter", "code"), FLAGS)
def test_what_is_odd_is_flagged_with_what_would_be_accepted(centre: Centre, matter: dict[str, Any], code: str) -> None:
    """The call counts all the same, and the flag is in the event as well as in the receipt."""
    centre.say("day", register())
    receipt = centre.say("day", call(**{"person": "P"} | matter))
    (event,) = centre.events()[1:]

    assert receipt.status == "accepted"
    assert code in codes(receipt)
    assert [flag.code for flag in event.flags] == codes(receipt)


@ON_ONE_STORE
@pytest.mark.parametrize("told", ["砧", "砧 ", "Kinuta", "ＫＩＮＵＴＡ", "kinuta"])
def test_a_district_is_read_in_any_width_and_language(centre: Centre, told: str) -> None:
    """By key or by label."""
    centre.say("day", call(district=told))

    assert [event.district for event in centre.events()] == ["kinuta"]


@ON_ONE_STORE
@pytest.mark.parametrize("told", [None, "不明", "unknown", "", "　"])
def test_a_district_that_is_not_known_is_not_an_error(centre: Centre, told: str | None) -> None:
    """不明 has a column of its own."""
    receipt = centre.say("day", call(district=told))

    assert [event.district for event in centre.events()] == [None]
    assert codes(receipt) == ["not-registered", "district-unknown"]


def test_a_registrants_own_district_serves_where_none_was_told(centre: Centre) -> None:
    """And what was told comes before it."""
    centre.say("day", register(district="kinuta"))
    centre.say("day", call("A", person="P", district=None))
    centre.say("day", call("B", person="P", district="tamagawa"))

    assert [event.district for event in centre.events()[1:]] == ["kinuta", "tamagawa"]


HOURS = [
    ("day", "2025-05-12 08:29", True),
    ("day", "2025-05-12 08:30", False),
    ("day", "2025-05-12 16:59", False),
    ("day", "2025-05-12 17:00", True),
    ("night", "2025-05-12 17:00", False),
    ("night", "2025-05-13 08:29", False),
    ("night", "2025-05-13 08:30", True),
    ("contractor", "2025-03-31 23:59", False),
    ("contractor", "2025-04-01 00:00", True),
    ("day", "2025-03-31 12:00", True),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("provider", "on", "outside"), HOURS)
def test_a_call_outside_the_providers_hours_or_contract_is_flagged(
    centre: Centre, provider: str, on: str, outside: bool
) -> None:
    """Half-open bands, and contract days as the ward's file has them; the call is taken either way."""
    centre.clock.now = at(on)
    receipt = centre.say(provider, call(on=on))

    assert receipt.status == "accepted"
    contract = WARD.is_under_contract(provider, at(on))
    assert ("outside-hours" in codes(receipt)) == (outside and contract)
    assert ("outside-contract" in codes(receipt)) != contract
    assert {flag["field"] for flag in receipt.flags if str(flag["code"]).startswith("outside-")} <= {"time"}


def test_a_late_entry_is_flagged(centre: Centre) -> None:
    """Written down more than twelve hours after it happened; when it happened is kept."""
    centre.clock.now = at(NOON) + timedelta(hours=12, seconds=1)
    receipt = centre.say("day", call())

    assert "late-entry" in codes(receipt)
    assert centre.records()[0].time == at(NOON)


def test_what_was_written_down_in_time_and_arrives_late_is_no_late_entry(centre: Centre) -> None:
    """`entered` says when; a line that was down is not a slow hand."""
    centre.clock.now = at(LATER)
    receipt = centre.say("day", call() | {"entered": at("2025-05-12 12:05").isoformat()})

    assert "late-entry" not in codes(receipt)
    assert centre.events()[0].entered == at("2025-05-12 12:05")


def test_a_time_without_an_offset_is_the_wards_own(centre: Centre) -> None:
    """Flagged, because a sender elsewhere may mean another clock."""
    receipt = centre.say("day", call() | {"time": "2025-05-12T12:00:00"})

    assert "time-without-offset" in codes(receipt)
    assert centre.records()[0].time == at(NOON)


def test_a_time_in_another_offset_is_the_same_moment(centre: Centre) -> None:
    """03:00 in UTC is noon in the ward, and is written so."""
    centre.say("day", call() | {"time": "2025-05-12T03:00:00Z"})

    assert centre.records()[0].time.isoformat() == "2025-05-12T12:00:00+09:00"


UNUSABLE: list[Any] = [
    "yesterday",
    "",
    None,
    7,
    [],
    "2025-02-29T10:00:00+09:00",
    "1900-01-01T00:00:00+09:00",
    "2199-01-01T00:00Z",
]


@ON_ONE_STORE
@pytest.mark.parametrize("time", UNUSABLE)
def test_an_unusable_time_falls_back_to_the_arrival(centre: Centre, time: Any) -> None:
    """Flagged; what was said is sealed with the event."""
    receipt = centre.say("day", call() | {"time": time})
    (event,), (record,) = centre.events(), centre.records()

    assert "time-unusable" in codes(receipt)
    assert record.time == centre.clock.now
    assert centre.keys.unseal(event.person, f"{record.type}/{record.id}", event.sealed) == {"raw": {"time": time}}


def test_a_clock_that_is_fast_is_believed_and_flagged(centre: Centre) -> None:
    """Up to a day ahead of us."""
    receipt = centre.say("day", msgspec.json.encode(call(on="2025-05-12 14:00")))

    assert "time-ahead" in codes(receipt)
    assert centre.records()[0].time == at("2025-05-12 14:00")


def test_a_further_contact_belongs_to_the_same_consultation(centre: Centre) -> None:
    """By the sender's own reference: the same case, the same number."""
    first = centre.say("day", call("A"))
    further = centre.say("day", call("A", "2025-05-12 15:00"))

    assert (further.case, further.number) == (first.case, first.number)
    assert len({event.contact for event in centre.events()}) == 2


@ON_ONE_STORE
@pytest.mark.parametrize("spoken", ["R7-0001", "r7-0001", "Ｒ７－０００１", " R7-0001 "])
def test_a_further_contact_names_the_consultation_by_its_number(centre: Centre, spoken: str) -> None:
    """Read out on the phone, it serves every provider."""
    first = centre.say("day", call("A"))
    further = centre.say("night", call(None, NIGHT, number=spoken))

    assert further.case == first.case


def test_a_reference_belongs_to_its_provider(centre: Centre) -> None:
    """Two providers' "A" are two consultations."""
    first, other = centre.say("day", call("A")), centre.say("night", call("A", NIGHT))

    assert first.case != other.case


def test_a_further_contact_keeps_the_person(centre: Centre) -> None:
    """Whoever rings, it is the same matter."""
    centre.say("day", call("A"))
    centre.say("day", call("A", "2025-05-12 15:00"))

    assert len({event.person for event in centre.events()}) == 1


def test_two_persons_in_one_contact_are_two_consultations(centre: Centre) -> None:
    """One contact, two cases, two numbers, two persons."""
    receipt = centre.say("day", contact({"case": "A", "person": "P"}, {"case": "B", "person": "Q"}))
    one, other = centre.events()

    assert one.contact == other.contact
    assert (one.matter, other.matter, one.matters, other.matters) == (1, 2, 2, 2)
    assert len(set(receipt.case)) == len(set(receipt.number)) == len({one.person, other.person}) == 2


def test_a_silent_call_from_an_unknown_number_is_listed_and_concerns_nobody(centre: Centre) -> None:
    """It has a number, and no consultation."""
    receipt = centre.say("day", contact(not_counted="silent"))
    (event,) = centre.events()

    assert (event.case, event.person, event.not_counted) == (None, None, "silent")
    assert (receipt.case, receipt.number) == ([], ["R7-0001"])


def test_a_silent_call_from_a_registered_number_is_somebodys(centre: Centre) -> None:
    """So that it stays open until someone is reached."""
    centre.say("day", register())
    centre.say("day", contact({"person": "P"}, not_counted="無言"))
    event = centre.events()[1]

    assert event.registered
    assert event.case is not None
    assert event.not_counted == "silent"


def test_what_counts_is_always_about_somebody(centre: Centre) -> None:
    """A call that names no matter is one consultation, with a flag."""
    receipt = centre.say("day", contact())

    assert "matter-missing" in codes(receipt)
    assert len(receipt.case) == 1


def test_an_unregistered_caller_is_taken_and_registered_later_under_the_same_id(centre: Centre) -> None:
    """The person who rang is the person who registers (domain rule 12)."""
    centre.say("day", call("A", person="P"))
    centre.say("day", register("P", NEXT_DAY))
    rang, registered = centre.without_flags()

    assert not rang.registered
    assert registered.person == rang.person


def test_a_registrant_who_left_is_taken_and_flagged(centre: Centre) -> None:
    """The right lapsed; the call did not."""
    centre.say("day", register())
    centre.say("day", message("registration.withdraw", "2025-05-10 10:00", person="P"))
    receipt = centre.say("day", call(person="P"))

    assert codes(receipt) == ["registration-withdrawn"]
    assert not centre.events()[2].registered


def test_after_the_closing_a_contact_is_a_new_consultation(centre: Centre) -> None:
    """Under the same reference, with a number of its own (domain rule 1)."""
    first = centre.say("day", call("A"))
    centre.say("day", close("A", NEXT_DAY))
    second = centre.say("day", call("A", LATER))

    assert first.case != second.case
    assert (first.number, second.number) == (["R7-0001"], ["R7-0002"])


def test_a_contact_at_the_moment_of_the_closing_belongs_to_the_old_one(centre: Centre) -> None:
    """Only what comes after it is new."""
    first = centre.say("day", call("A"))
    centre.say("day", close("A", NEXT_DAY))

    assert centre.say("day", call("A", NEXT_DAY)).case == first.case


def test_a_ward_may_let_a_contact_after_the_closing_be_the_same_consultation(database_url: str) -> None:
    """The alternative policy: the same case and number."""
    with Centre(database_url, with_policy(after_closing="same")) as centre:
        first = centre.say("day", call("A"))
        centre.say("day", close("A", NEXT_DAY))

        assert centre.say("day", call("A", LATER)).number == first.number


def test_a_contact_before_the_closing_and_heard_after_it_belongs_to_the_old_one(centre: Centre) -> None:
    """Also when a new consultation has begun under the reference in between."""
    first = centre.say("day", call("A"))
    centre.say("day", close("A", NEXT_DAY))
    centre.say("day", call("A", LATER))
    late = centre.say("day", call("A", "2025-05-12 16:00"))

    assert late.case == first.case


def test_a_closing_heard_after_a_later_contact_moves_the_contact(centre: Centre) -> None:
    """It was a new consultation all along, whatever order the messages came in."""
    centre.say("day", call("A"))
    centre.say("day", call("A", LATER))
    receipt = centre.say("day", close("A", NEXT_DAY))
    *_, closed, moved = centre.events()

    assert names([closed, moved]) == ["case.closed", "contact.moved"]
    assert (moved.case, moved.contact_at, moved.to_number) == (closed.case, at(LATER), "R7-0002")
    assert receipt.number == ["R7-0001"]
    assert centre.say("day", call("A", "2025-05-15 10:00")).case == [moved.to_case]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1)])
def test_either_order_of_closing_and_contact_counts_the_same(centre: Centre, order: tuple[int, ...]) -> None:
    """Two consultations, in the same bands and the same year."""
    told = [call("A"), close("A", NEXT_DAY), call("A", "2025-05-14 22:00")]
    for n in order:
        centre.say("day", told[n])

    assert figures(fold(centre.desk().journal.records())) == {("day", "other"): 1, ("night", "other"): 1}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_closing_between_two_contacts_makes_two_consultations_in_any_order(
    order: tuple[int, ...], centre: Centre
) -> None:
    """Also where the closing is heard before the first contact: it ends what is still to come."""
    said = [call("A", id="first"), close("A", NEXT_DAY), call("A", LATER, id="second")]
    receipts = [centre.say("day", said[n]) for n in order]

    assert {receipt.status for receipt in receipts} <= {"accepted", "waiting"}
    facts = fold(centre.desk().journal.records())
    assert sorted(len(case.contacts) for case in facts.cases.values()) == [1, 1]


def test_a_case_closed_twice_is_closed_once(centre: Centre) -> None:
    """Said again in a new message, nothing changes."""
    centre.say("day", call("A"))
    centre.say("day", close("A"))
    receipt = centre.say("day", close("A", "2025-05-14 11:00"))

    assert receipt.status == "accepted"
    assert names(centre.events()) == ["call.received", "case.closed"]


def test_a_correction_says_what_stood_there_and_what_stands_there_now(centre: Centre) -> None:
    """Nothing is overwritten; what is the same is left out."""
    wrong = call("A")
    centre.say("day", wrong)
    centre.say("day", correct(wrong, district="砧", not_counted=None, occurred_at=at("2025-05-12 11:00").isoformat()))
    changes = {change.field: (change.before, change.after) for change in centre.events()[1].changes}

    assert changes == {
        "district": ("kitazawa", "kinuta"),
        "time": (at(NOON).isoformat(), at("2025-05-12 11:00").isoformat()),
    }


def test_a_correction_of_a_correction_starts_from_what_stands_there_now(centre: Centre) -> None:
    """Each link of the chain is explained."""
    wrong = call("A")
    centre.say("day", wrong)
    for district in ("kinuta", "tamagawa"):
        centre.say("day", correct(wrong, district=district))

    assert [event.changes[0].before for event in centre.events()[1:]] == ["kitazawa", "kinuta"]


def test_a_correction_that_changes_nothing_writes_nothing(centre: Centre) -> None:
    """It is accepted: it says what stands there already."""
    wrong = call("A")
    centre.say("day", wrong)

    assert centre.say("day", correct(wrong, district="kitazawa")).status == "accepted"
    assert len(centre.events()) == 1


def test_a_correction_before_its_call_waits(centre: Centre) -> None:
    """It goes on by itself."""
    wrong = call("A")
    centre.say("day", correct(wrong, district="kinuta"))
    centre.say("day", wrong)

    assert names(centre.events()) == ["call.received", "call.corrected"]


WRONG = [
    ({"district": "atlantis"}, "data.district"),
    ({"not_counted": "nonsense"}, "data.not_counted"),
    ({"occurred_at": "2025-05-12T11:00:00"}, "data.occurred_at"),
    ({"occurred_at": "2199-01-01T00:00:00Z"}, "data.occurred_at"),
    ({"colour": "red"}, "data.colour"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_a_correction_that_cannot_be_right_is_parked(centre: Centre, changes: dict[str, Any], field: str) -> None:
    """A correction is no call: it can be sent again, and nobody is waiting on the line."""
    wrong = call("A")
    centre.say("day", wrong)
    receipt = centre.say("day", correct(wrong, **changes))

    assert (receipt.status, receipt.field) == ("parked", field)
    assert len(centre.events()) == 1
    if "district" in changes:
        assert (receipt.reason or "").endswith(", 不明, unknown, null")  # Not known is accepted, too.


def test_the_second_matter_of_a_contact_is_corrected_by_itself(centre: Centre) -> None:
    """The first stays as it was told."""
    wrong = contact({"case": "A", "district": "kitazawa"}, {"case": "B", "district": "kitazawa"})
    centre.say("day", wrong)
    centre.say("day", correct(wrong, matter=2, district="kinuta"))
    one, other, corrected = centre.events()

    assert corrected.case == other.case != one.case


def test_a_matter_that_a_contact_does_not_have_is_not_waited_for(centre: Centre) -> None:
    """The contact is known, and will never have more matters."""
    wrong = call("A")
    centre.say("day", wrong)
    receipt = centre.say("day", correct(wrong, matter=2, district="kinuta"))

    assert (receipt.status, receipt.field) == ("parked", "data.matter")
    assert centre.rows(WAITING) == []


def test_a_moved_contact_is_corrected_where_it_stands(centre: Centre) -> None:
    """A correction finds the consultation to which the contact belongs now."""
    late = call("A", LATER)
    for told in (call("A"), late, close("A", NEXT_DAY)):
        centre.say("day", told)
    moved = centre.events()[-1]

    assert centre.say("day", correct(late, district="kinuta")).case == [moved.to_case]


def test_when_the_second_matter_moves_the_first_keeps_its_name(centre: Centre) -> None:
    """One contact about two persons, of which only the second's consultation had been closed before."""
    both = contact({"case": "A", "district": "kitazawa"}, {"case": "B", "district": "kitazawa"}, on=LATER)
    for told in (call("B"), both, close("B", NEXT_DAY), correct(both, "2025-05-14 11:00", district="kinuta")):
        centre.say("day", told)
    first = centre.events()[1]

    assert centre.events()[-1].case == first.case


def test_a_lone_contact_is_corrected_too(centre: Centre) -> None:
    """A silent call that was an exercise."""
    wrong = contact(not_counted="silent")
    centre.say("day", wrong)
    centre.say("day", correct(wrong, not_counted="exercise"))
    received, corrected = centre.events()

    assert (corrected.contact, corrected.case) == (received.contact, None)


def test_two_consultations_about_one_matter_are_merged_and_split(centre: Centre) -> None:
    """Each an event; said twice, each is one event."""
    one, other = centre.say("day", call("A")), centre.say("day", call("B"))
    for _ in range(2):
        centre.say("day", merge("B", into="A"))
    for _ in range(2):
        centre.say("day", message("case.split", LATER, case="B"))
    merged, split = centre.events()[2:]

    assert ([merged.case], [merged.into]) == (other.case, one.case)
    assert ([split.case], [split.from_case]) == (other.case, one.case)


def test_a_merging_in_a_circle_is_parked(centre: Centre) -> None:
    """Both would vanish from the tables."""
    for case in "AB":
        centre.say("day", call(case))
    centre.say("day", merge("B", into="A"))

    assert centre.say("day", merge("A", into="B")).status == "parked"
    assert centre.say("day", merge("A", into="A")).status == "parked"


def test_a_consultation_is_merged_into_one_only(centre: Centre) -> None:
    """It must be split off first."""
    for case in "ABC":
        centre.say("day", call(case))
    centre.say("day", merge("B", into="A"))
    receipt = centre.say("day", merge("B", into="C"))

    assert receipt.status == "parked"
    assert "case.split" in (receipt.reason or "")


def test_merging_by_number_serves_other_providers_consultations(centre: Centre) -> None:
    """The night provider's case and the day provider's are one."""
    centre.say("night", call("N", NIGHT))
    centre.say("day", call("A", NEXT_DAY))
    centre.say("day", message("case.merge", LATER, case="A", into_number="R7-0001"))

    assert names(centre.events())[-1] == "case.merged"


YEARS = [
    ("2022-10-01 00:00", "R4-0001"),
    ("2025-03-31 23:59", "R6-0001"),
    ("2025-04-01 00:00", "R7-0001"),
    ("2026-01-01 00:00", "R7-0001"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("on", "number"), YEARS)
def test_reference_numbers_are_of_the_calls_fiscal_year(centre: Centre, on: str, number: str) -> None:
    """April to March, by the ward's own clock."""
    assert centre.say("day", call(on=on)).number == [number]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("told", "field"),
    [
        (message("case.close", number="abc"), "data.number"),
        (message("case.merge", number="R7-0001", into_number="R7"), "data.into_number"),
        (message("placement.arrange", number="7-0001", placement="bed", kind="short-stay"), "data.number"),
        (message("handover.offer", number="R7-1", handover="offer", kind="agency", to="ぽーと"), "data.number"),
    ],
)
def test_what_can_be_no_number_of_ours_is_not_waited_for(centre: Centre, told: dict[str, Any], field: str) -> None:
    """It would wait for ever; parked, somebody mends it."""
    centre.say("day", call())
    centre.pump()
    receipt = centre.say("day", told)

    assert (receipt.status, receipt.field) == ("parked", field)
    assert "R7-0123" in str(receipt.reason)


def test_who_names_no_consultation_is_told_how(centre: Centre) -> None:
    """By fields that the message has."""
    receipt = centre.say("day", message("case.close"))

    assert (receipt.status, receipt.field) == ("parked", "data.case")
    assert "`number`" in str(receipt.reason)


def test_reference_numbers_count_up_within_their_year(centre: Centre) -> None:
    """Over a restart, over a failed message, and whatever order the years come in."""
    told = [NOON, "2025-03-31 12:00", NIGHT, "2025-03-30 12:00"]
    numbers = [centre.say("day", call(f"{n}", on)).number[0] for n, on in enumerate(told)]
    centre.restart()
    numbers += [centre.say("day", call("again", NIGHT)).number[0]]

    assert numbers == ["R7-0001", "R6-0001", "R7-0002", "R6-0002", "R7-0003"]


def test_reference_numbers_in_one_batch_are_all_different(centre: Centre) -> None:
    """Each consultation has one, and no two the same."""
    receipts = centre.say_all(("day", [call(f"{n}") for n in range(12)]))

    assert [receipt.number for receipt in receipts] == [[f"R7-{n:04}"] for n in range(1, 13)]


def test_what_is_synthetic_says_so(centre: Centre) -> None:
    """In every event that follows from it."""
    centre.say("day", call("A") | {"synthetic": True})
    centre.say("day", call("B"))

    assert [record.synthetic for record in centre.records()] == [True, False]


def test_an_event_names_the_message_that_caused_it(centre: Centre) -> None:
    """By provider, source and id; and its case is the correlation."""
    centre.say("day", call(id="call-1"))
    (record,) = centre.records()

    assert record.causation == "message:day/adapter#call-1"
    assert record.correlation == record.case == centre.events()[0].case


def test_a_reference_that_might_be_a_name_is_never_shown(centre: Centre) -> None:
    """A keyed digest stands for it, everywhere the same."""
    first = centre.say("day", call("夜明花子", person="夜明花子"))
    further = centre.say("day", call("夜明花子", "2025-05-12 15:00"))

    assert further.case == first.case
    assert all(event.case_ref.startswith("h-") for event in centre.events())


def test_the_flags_of_a_call_come_in_the_same_order_in_every_process(centre: Centre) -> None:
    """Nothing that is written may depend on the order of a set."""
    receipt = centre.say("day", contact(dict.fromkeys("zyxwvutsr", 1)))
    fields = [flag["field"] for flag in receipt.flags if flag["code"] == "unknown-field"]

    assert fields == sorted(fields, key=str)


def test_a_day_is_the_wards_day(centre: Centre) -> None:
    """At 08:00 in the ward it is still yesterday in UTC."""
    centre.clock.now = at("2025-05-12 08:00").astimezone(UTC)
    centre.say("day", register("P", "2025-05-10 10:00"))
    receipt = centre.say(
        "day", message("registration.correct", "2025-05-12 08:00", person="P", registered_on="2025-05-12")
    )

    assert receipt.status == "accepted"
