"""The call card, its completion and correction, links to registrants; and domain Rules 1 and 2 as they happen."""

from __future__ import annotations

from typing import Any

import pytest

from events.messages import Receipt
from services.reporting.fold import all_entries, fold, is_open
from services.tables import PARKED, WAITING
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    ON_ONE_STORE,
    Centre,
    Message,
    arrange,
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

SOON, TOMORROW = "2025-05-12T18:00:00+09:00", "2025-05-13T07:00:00+09:00"
CARD: dict[str, Any] = {
    "safe_until": SOON,
    "medication_at": TOMORROW,
    "call_back": {"by": SOON, "who": "日中受託事業者"},
    "danger": [
        {"what": "119番を案内", "at": "2025-05-12T11:58:00+09:00", "answered": True},
        {"what": "ward", "at": "2025-05-12T11:59:00+09:00", "answered": False, "to": "welfare-section"},
        {"what": "ward", "at": "2025-05-12T12:00:00+09:00", "answered": True, "to": "welfare-section"},
    ],
    "abuse_suspected": True,
}


def add(to: Message, on: str = LATER, **data: Any) -> Message:
    """More of the card of a call."""
    return message("call.add", on, call=to["id"], **data)


def link(to: Message, person: str = "P", on: str = LATER, **data: Any) -> Message:
    return message("call.link", on, call=to["id"], person=person, **{"matched": ["kana", "phone"]} | data)


def unlink(to: Message, on: str = LATER, **data: Any) -> Message:
    return message("call.unlink", on, call=to["id"], **data)


def changes(event: Any) -> dict[str, tuple[Any, Any]]:
    """What an event changed: field to (before, after)."""
    return {change.field: (change.before, change.after) for change in event.changes}


def say(centre: Centre, *told: Message, provider: str = "day") -> Receipt:
    """Several messages, one after another; the last one's receipt."""
    return [centre.say(provider, one) for one in told][-1]


def still_open(centre: Centre) -> list[bool]:
    """Of each consultation or lone contact, whether somebody still has to do something."""
    facts = fold(centre.desk().journal.records())
    return [is_open(case, facts) for case in facts.cases]


def districts(centre: Centre) -> dict[str, int]:
    """How many consultations count in each district, from the fold and from the tallies, which are equal."""
    centre.pump()
    folded: dict[str, int] = {}
    for entry in all_entries(fold(centre.desk().journal.records())):
        if entry.report == "calls-by-district":
            folded[entry.column] = folded.get(entry.column, 0) + 1
    assert {column: value for (_, column), value in centre.figures("calls-by-district").items()} == folded
    return folded


def known_at(centre: Centre, position: int) -> dict[str, int]:
    """The consultations of each district, as the ledger knew them at a position."""
    report = centre.inquiry.report("calls-by-district", known_at=position)
    cells = {column.key: report.cell("consultations", column.key) for column in report.columns if column.key != "total"}
    return {key: cell.value for key, cell in cells.items() if cell and isinstance(cell.value, int) and cell.value}


# The card


def test_what_lists_and_deadlines_need_of_a_card_stands_in_clear(centre: Centre) -> None:
    """Times, who rings back, every attempt, in the order told; and nothing of it is a reason for a flag."""
    receipt = centre.say("day", contact({"case": "A", "district": "kinuta"} | CARD, third_party=True))
    card = centre.events()[0].card

    assert codes(receipt) == ["not-registered"]
    assert (card.third_party, card.safe_until, card.medication_at) == (
        True,
        at("2025-05-12 18:00"),
        at("2025-05-13 07:00"),
    )
    assert (card.call_back.who, card.call_back.by, card.abuse_suspected) == ("day", at("2025-05-12 18:00"), True)
    assert [(each.what, each.answered, each.to) for each in card.danger] == [
        ("119", True, None),
        ("ward", False, "welfare-section"),
        ("ward", True, "welfare-section"),
    ]


def test_a_call_that_says_nothing_of_a_card_is_written_as_it_always_was(centre: Centre) -> None:
    """No new field stands in its text, so that no byte of an older event changes."""
    centre.say("day", call())

    assert b'"card"' not in bytes(centre.records()[0].data)


ODD: list[tuple[dict[str, Any], str]] = [
    ({"safe_until": "soon"}, "time-unusable"),
    ({"safe_until": "2027-01-01T00:00:00+09:00"}, "time-unusable"),
    ({"medication_at": "2025-05-12T20:00:00"}, "time-without-offset"),
    ({"call_back": "at six"}, "not-an-object"),
    ({"call_back": {"who": "山田"}}, "unknown-who"),
    ({"call_back": {"by": 7}}, "time-unusable"),
    ({"danger": {"what": "119"}}, "not-a-list"),
    ({"danger": ["119"]}, "not-an-object"),
    ({"danger": [{"what": "prayer"}]}, "unknown-what"),
    ({"danger": [{"at": SOON}]}, "missing"),
    ({"danger": [{"what": "119", "to": "みほん医師"}]}, "not-a-code"),
    ({"danger": [{"what": "119", "answered": "no"}]}, "not-true-or-false"),
    ({"danger": [{"what": "119"}] * 51}, "too-many-entries"),
    ({"abuse_suspected": "maybe"}, "not-true-or-false"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("fields", "code"), ODD)
def test_an_odd_value_on_a_card_is_flagged_and_sealed(centre: Centre, fields: dict[str, Any], code: str) -> None:
    """The call is taken; what did not fit is kept, and nowhere in clear. An attempt is never left out."""
    receipt = centre.say("day", call(**fields))
    (event,) = centre.events()

    assert (receipt.status, code in codes(receipt)) == ("accepted", True)
    assert "山田".encode() not in bytes(centre.records()[0].data)
    assert "みほん医師".encode() not in bytes(centre.records()[0].data)
    if code not in ("time-without-offset", "missing"):
        box = centre.keys.unseal(event.person, f"call.received/{centre.records()[0].id}", event.sealed)
        assert list(box) == ["raw"]
    if isinstance(fields.get("danger"), list):
        assert len(event.card.danger) == min(len(fields["danger"]), 50)


def test_an_attempt_without_a_time_is_as_of_the_call(centre: Centre) -> None:
    """So that every one has a time."""
    centre.say("day", call(danger=[{"what": "110"}]))

    assert [(each.what, each.at) for each in centre.events()[0].card.danger] == [("110", at(NOON))]


# Filled in further


def test_a_half_filled_card_is_completed_with_what_stood_there_before(centre: Centre) -> None:
    """Each field with before and after; what is told again as it stands is left out."""
    first = call("A", district=None, reasons=["health"], personal={"words": "みほん"})
    say(centre, first, add(first, district="砧", reasons=["health", "介護疲れ"], channel="relay", third_party=True))
    say(centre, add(first, district="kinuta", safe_until=SOON, personal={"phone": "000"}))
    _, once, again = centre.without_flags()

    assert changes(once) == {
        "district": (None, "kinuta"),
        "channel": ("phone", "relay"),
        "reasons": (["health"], ["health", "carer-exhausted"]),
        "third_party": (None, True),
    }
    assert changes(again) == {"safe_until": (None, SOON)}
    assert centre.keys.unseal(again.person, f"call.added/{centre.records()[-1].id}", again.sealed) == {"phone": "000"}


def test_a_card_told_again_as_it_stands_writes_nothing(centre: Centre) -> None:
    """The whole of it, attempts included; a restart does not change that."""
    first = call("A", **CARD)
    say(centre, first)
    centre.restart()

    assert say(centre, add(first, **CARD)).status == "accepted"
    assert len(centre.events()) == 1


def test_every_attempt_that_nobody_answered_is_kept(centre: Centre) -> None:
    """Told one by one, together, or with the whole card again: none is replaced, and none is doubled."""
    tries = [{"what": "ward", "at": f"2025-05-12T12:0{n}:00+09:00", "answered": False} for n in range(3)]
    first = call("A", danger=tries[:1])
    say(centre, first, add(first, danger=tries[1:2]), add(first, danger=tries), add(first, danger=tries[:1] * 2))
    centre.restart()
    say(centre, add(first, danger=[*tries, tries[0]]))

    assert [len(event.danger) for event in centre.events()[1:]] == [1, 1, 1]
    assert len({event.contact for event in centre.events()}) == 1


def test_what_does_not_fit_on_a_card_is_flagged_and_the_rest_is_added(centre: Centre) -> None:
    """Whoever types while somebody talks gets no error; the odd value is sealed with the event."""
    first = call("A")
    say(centre, first)
    receipt = say(centre, add(first, district="atlantis", abuse_suspected=True, surprise=1))
    event, record = centre.events()[1], centre.records()[1]

    assert (receipt.status, codes(receipt)) == ("accepted", ["unknown-field", "unknown-district"])
    assert changes(event) == {"abuse_suspected": (None, True)}
    assert set(centre.keys.unseal(event.person, f"call.added/{record.id}", event.sealed)["raw"]) == {
        "data.surprise",
        "data.district",
    }


def test_a_call_back_is_told_in_two_steps(centre: Centre) -> None:
    """First the hour, then who it is that rings."""
    first = call("A", call_back={"by": SOON})
    say(centre, first, add(first, call_back={"who": "night"}))

    assert changes(centre.events()[1]) == {"call_back": ({"by": SOON}, {"by": SOON, "who": "night"})}


def test_nothing_is_blanked_by_adding(centre: Centre) -> None:
    """Null, 不明 and what is left out say nothing; to blank a field is a correction."""
    first = call("A", safe_until=SOON)
    say(centre, first, add(first, district="不明", safe_until=None, not_counted=None))

    assert len(centre.events()) == 1


def test_adding_never_moves_a_call_in_time(centre: Centre) -> None:
    """The band and the year are the first contact's, whenever the card was completed."""
    first = call("A", NOON)
    say(centre, first, add(first, NIGHT, district="kinuta"))
    centre.pump()

    assert centre.figures() == {("day", "other"): 1}


def test_adding_before_its_call_waits(centre: Centre) -> None:
    """It goes on by itself."""
    first = call("A")
    assert say(centre, add(first, district="kinuta")).status == "waiting"
    say(centre, first)

    assert names(centre.events()) == ["call.received", "call.added"]


def test_a_call_that_was_taken_over_is_added_to_by_its_number(centre: Centre) -> None:
    """The last contact of the consultation; whoever knows the 受付番号 can add."""
    centre.say("night", call("A", NIGHT))
    last = centre.say("day", call(None, NEXT_DAY, number="R7-0001"))
    centre.say("day", message("call.add", LATER, number="r7-0001", medication_at="2025-05-14T21:00:00+09:00"))
    _, received, added = centre.events()

    assert added.contact == received.contact
    assert last.number == ["R7-0001"]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "data.call"),
        ({"call": 7}, "data.call"),
        ({"call": "C", "matter": 2}, "data.matter"),
        ({"call": "C", "matter": "x"}, "data.matter"),
    ],
)
def test_adding_to_what_is_not_said_is_parked(centre: Centre, data: dict[str, Any], field: str) -> None:
    """Or it would stand on somebody else's card."""
    say(centre, call(id="C"))
    receipt = say(centre, message("call.add", LATER, district="kinuta", **data))

    assert (receipt.status, receipt.field) == ("parked", field)


def test_a_lone_contact_is_added_to(centre: Centre) -> None:
    """A silent call has a card as well, and concerns nobody: a person is not added to it."""
    silent = contact(not_counted="silent", third_party=False)
    receipt = say(centre, silent, add(silent, third_party=True, person="P", personal={"note": "x"}))
    received, added = centre.events()

    assert (added.contact, added.case, changes(added)) == (received.contact, None, {"third_party": (False, True)})
    assert codes(receipt)[-1] == "matter-missing"


def test_a_person_named_late_is_as_one_named_in_the_call(centre: Centre) -> None:
    """By the sender's own reference; from one registrant to another a call goes by link alone."""
    first = call("A")
    say(centre, register("P"), register("Q"), first, add(first, person="P"))
    receipt = say(centre, add(first, person="Q"))
    person, added = centre.events()[0].person, centre.events()[3]

    assert (added.person, added.registered) == (person, True)
    assert codes(receipt) == ["other-person"]
    assert say(centre, call("A", "2025-05-14 11:00")).flags == []


def test_a_reference_named_late_is_the_persons_when_they_register(centre: Centre) -> None:
    """Who rang is who registers (domain rule 12)."""
    first = call("A")
    receipt = say(centre, first, add(first, person="P"))
    say(centre, register("P", LATER))

    assert codes(receipt) == ["unknown-person"]
    assert centre.without_flags()[-1].person == centre.without_flags()[0].person


# Corrections


def test_anything_on_a_card_is_corrected_with_before_and_after(centre: Centre) -> None:
    """Also back to not told."""
    first = call("A", reasons=["health"], **CARD)
    say(centre, first)
    say(
        centre,
        correct(
            first,
            channel="fax",
            reasons=["介護疲れ"],
            safe_until=None,
            medication_at=SOON,
            call_back={"who": "夜間受託事業者"},
            danger=[{"what": "119", "at": "2025-05-12T11:58:00+09:00"}],
            abuse_suspected=None,
            third_party=False,
        ),
    )
    centre.restart()
    say(centre, correct(first, safe_until=TOMORROW, call_back=None))
    once, again = map(changes, centre.events()[1:])

    assert once["reasons"] == (["health"], ["carer-exhausted"])
    assert once["channel"] == ("phone", "fax")
    assert once["safe_until"] == (SOON, None)
    assert once["medication_at"] == (TOMORROW, SOON)
    assert once["call_back"] == ({"by": SOON, "who": "day"}, {"who": "night"})
    assert once["abuse_suspected"] == (True, None)
    assert (len(once["danger"][0]), len(once["danger"][1])) == (3, 1)
    assert again == {"safe_until": (None, TOMORROW), "call_back": ({"who": "night"}, None)}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"channel": "pigeon"}, "data.channel"),
    ({"reasons": ["no-such"]}, "data.reasons"),
    ({"safe_until": "2025-05-12T18:00:00"}, "data.safe_until"),
    ({"medication_at": "2030-05-12T18:00:00+09:00"}, "data.medication_at"),
    ({"call_back": {"who": "somebody"}}, "data.call_back.who"),
    ({"danger": [{"what": "prayer", "at": SOON}]}, "data.danger[0].what"),
    ({"danger": [{"what": "119"}]}, "data.danger[0].at"),
    ({"danger": [{"what": "119", "at": "2025-05-12T12:00:00+09:00", "to": "やま"}]}, "data.danger[0].to"),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("data", "field"), WRONG)
def test_a_correction_of_a_card_that_cannot_be_right_is_parked(
    centre: Centre, data: dict[str, Any], field: str
) -> None:
    """Strictly: nobody waits on the line."""
    first = call("A")
    receipt = say(centre, first, correct(first, **data))

    assert (receipt.status, receipt.field) == ("parked", field)


def test_a_contact_written_under_the_wrong_consultation_is_moved_with_its_card(centre: Centre) -> None:
    """Two consultations, one contact in each; the right one is dated by it, and it can be moved back."""
    wrong = call("A", "2025-05-12 20:00", district="tamagawa", **CARD)
    say(centre, call("A", NOON), call("B", "2025-05-13 09:00", district="kinuta"), wrong)
    receipt = say(centre, correct(wrong, to="B", district="karasuyama"))
    centre.pump()
    say(centre, arrange("bed", "A", on="2025-05-13 10:00"))
    centre.pump()
    *_, corrected, moved = centre.events()

    assert names([corrected, moved]) == ["call.corrected", "contact.moved"]
    assert changes(corrected)["case"] == (corrected.case, moved.to_case)
    assert (moved.because, moved.district, moved.card.safe_until) == ("corrected", "karasuyama", at("2025-05-12 18:00"))
    assert (receipt.number, centre.figures()) == (["R7-0002"], {("day", "short-stay"): 1, ("night", "other"): 1})
    assert districts(centre) == {"kitazawa": 1, "karasuyama": 1}
    story = centre.inquiry.history(moved.to_case)
    assert [step.event for step in story.steps] == ["call.received", "contact.moved"]  # And not what was done for A.
    say(centre, correct(wrong, to="A"), add(wrong, abuse_suspected=False))
    assert districts(centre) == {"kitazawa": 1, "kinuta": 1}
    assert changes(centre.events()[-1]) == {"abuse_suspected": (True, False)}
    assert say(centre, correct(wrong, to="A")).status == "accepted"
    assert names(centre.events())[-1] == "call.added"


def test_a_contact_about_nobody_is_moved_nowhere(centre: Centre) -> None:
    """It has no consultation to leave; and what is not heard of yet is waited for."""
    silent, first = contact(not_counted="silent"), call("A")
    say(centre, silent, first)

    assert say(centre, correct(silent, to="A")).field == "data.to"
    assert say(centre, correct(silent, not_counted=None)).field == "data.not_counted"  # What counts is about somebody.
    assert say(centre, correct(silent, not_counted="wrong-number")).status == "accepted"
    assert say(centre, correct(first, to="Z")).status == "waiting"


# Links


def test_a_link_takes_two_identifiers_or_a_stated_reason(centre: Centre) -> None:
    """One alone is parked, and the reason for that says what would be taken."""
    first = call("A")
    say(centre, register(), first)
    few = say(centre, link(first, matched=["name", "name"]))
    blank = say(centre, link(first, matched=["name"], personal={"reason": " "}))
    unknown = say(centre, link(first, matched=["name", "shoe-size"]))
    stated = say(centre, link(first, matched=["name"], personal={"reason": "職員が声で確認した"}))
    event = centre.without_flags()[-1]

    assert [each.status for each in (few, blank, unknown, stated)] == ["parked", "parked", "parked", "accepted"]
    assert "personal.reason" in (few.reason or "")
    assert (event.matched, event.stated_reason, event.registered) == (("name",), True, True)
    assert "声".encode() not in bytes(centre.records()[-1].data)


def test_a_link_and_its_undoing_move_the_figures_there_and_back(centre: Centre) -> None:
    """Where no district was told the registrant's serves while it is linked; each state is known for its time."""
    first = call("A", district=None)
    say(centre, register(district="kinuta"), first, call("A", "2025-05-12 13:00", district=None))
    before = districts(centre)
    say(centre, link(first))
    linked, position = districts(centre), centre.inquiry.ledger.head()
    say(centre, call("A", "2025-05-12 11:00", district=None), unlink(first, personal={"reason": "同姓同名"}))

    assert (before, linked, districts(centre)) == ({"unknown": 1}, {"kinuta": 1}, {"unknown": 1})
    assert known_at(centre, position) == {"kinuta": 1}
    assert known_at(centre, centre.inquiry.ledger.head()) == {"unknown": 1}


def test_a_link_said_twice_is_one_link(centre: Centre) -> None:
    """And its undoing is one undoing; a restart in between changes nothing."""
    first = call("A")
    say(centre, register(), first, link(first), link(first, matched=["name", "phone"]))
    centre.restart()
    say(centre, link(first), unlink(first), unlink(first))

    assert names(centre.without_flags()) == ["person.registered", "call.received", "call.linked", "call.unlinked"]
    linked, unlinked = centre.without_flags()[2:]
    assert (linked.before, unlinked.before) == (centre.without_flags()[1].person,) * 2


def test_a_linked_call_is_linked_to_somebody_else_only_once_it_is_undone(centre: Centre) -> None:
    """So there is always one thing that stood before."""
    first = call("A")
    say(centre, register("P"), register("Q"), first, link(first, "P"))
    refused = say(centre, link(first, "Q"))
    say(centre, unlink(first))

    assert (refused.status, refused.field) == ("parked", "data.person")
    assert say(centre, link(first, "Q")).status == "accepted"


def test_what_comes_before_what_it_speaks_of_waits(centre: Centre) -> None:
    """Undoing before linking, linking before the registration and before the call: the order does not matter."""
    first = call("A")
    told = [unlink(first), link(first), first, register()]
    statuses = [centre.say("day", one).status for one in told]

    assert statuses == ["waiting", "waiting", "accepted", "accepted"]
    assert names(centre.without_flags()) == ["call.received", "person.registered", "call.linked", "call.unlinked"]
    assert centre.rows(WAITING) == []


def test_a_call_is_linked_by_the_persons_own_id(centre: Centre) -> None:
    """The night provider knows no reference of the day provider's; it found the person by searching."""
    centre.say("day", register())
    first = call("N", NIGHT)
    centre.say("night", first)
    person = centre.events()[0].person
    data = {"call": first["id"], "matched": ["kana", "birth-date"]}

    assert centre.say("night", message("call.link", NIGHT, person_id="nobody", **data)).field == "data.person_id"
    assert centre.say("night", message("call.link", NIGHT, **data)).field == "data.person"
    assert centre.say("night", message("call.link", NIGHT, person_id=person, **data)).status == "accepted"


def test_a_contact_about_nobody_is_linked_to_nobody(centre: Centre) -> None:
    """Its sender is told what to send instead."""
    silent = contact(not_counted="silent")
    receipt = say(centre, register(), silent, link(silent))

    assert (receipt.status, receipt.field) == ("parked", "data.call")
    assert "call.report" in (receipt.reason or "")


def test_a_link_by_the_number_of_a_contact_about_nobody_does_not_wait_for_ever(centre: Centre) -> None:
    """It never has a consultation under that number: the sender is told which field, also who sent it too early."""
    early, late = (
        message("call.link", LATER, id=n, number="R7-0001", person="P", matched=["kana", "phone"]) for n in "EL"
    )
    waits = say(centre, register(), early).status
    say(centre, contact(not_counted="silent"), late)
    close = say(centre, message("case.close", LATER, number="R7-0001", reason="settled"))
    told = [receipt for receipt in centre.receipts() if receipt.id in ("E", "L") and receipt.status != "waiting"]

    assert waits == "waiting"
    assert [(each.status, each.field) for each in [*told, close]] == [("parked", "data.number")] * 3
    assert all("beside_number" in (each.reason or "") for each in told)


def test_what_is_said_of_a_contact_about_nobody_by_its_number_is_added_to_it(centre: Centre) -> None:
    """As by its call.report; and a further contact that names it is a consultation of its own, flagged."""
    say(centre, contact(not_counted="silent"), message("call.add", LATER, number="R7-0001", channel="fax"))
    say(centre, message("call.correct", LATER, number="R7-0001", not_counted="wrong-number"))
    further = say(centre, contact({"number": "R7-0001"}, on=LATER))
    received, added, corrected, another = centre.events()

    assert {added.contact, corrected.contact} == {received.contact}
    assert corrected.case is None
    assert another.case is not None
    assert "unknown-number" in codes(further)


def test_who_a_silent_call_was_about_is_told_beside_it_and_linked(centre: Centre) -> None:
    """A consultation of its own, in that same contact and at its time; it stays open until somebody is reached."""
    say(centre, register(), contact(not_counted="silent", on=NIGHT))
    found = contact({"district": "kinuta"}, on=LATER, beside_number="R7-0001", not_counted="silent")
    receipt = say(centre, found)
    say(centre, message("call.link", LATER, number="R7-0002", person="P", matched=["kana", "phone"]))
    nobody, somebody, linked = (centre.events()[n] for n in (1, 2, -1))

    assert list(receipt.number) == ["R7-0002"]
    assert (somebody.contact, somebody.matter) == (nobody.contact, 2)
    assert (linked.case, linked.contact) == (somebody.case, nobody.contact)
    assert still_open(centre) == [False, True]


def test_a_silent_call_found_to_be_a_registrants_is_open_while_it_is_linked(centre: Centre) -> None:
    """Which figures depend on whose call it was: what is open, and the district where none was told."""
    silent = contact({"case": "A"}, not_counted="silent")
    say(centre, register(), silent)
    before = still_open(centre)
    say(centre, link(silent))
    linked = still_open(centre)
    say(centre, contact({"case": "A"}, on="2025-05-14 11:00", not_counted="silent"), unlink(silent, "2025-05-14 12:00"))

    assert (before, linked, still_open(centre)) == ([False], [True], [False])


# Flags


def test_a_call_told_twice_under_two_ids_is_a_possible_duplicate(centre: Centre) -> None:
    """The same consultation, or the same registrant, within three minutes; both calls are taken."""
    say(centre, register())
    same_case = [say(centre, call("A", on)) for on in (NOON, "2025-05-12 12:02", "2025-05-12 12:10")]
    same_person = [
        say(centre, call(case, on, person="P")) for case, on in (("B", "2025-05-12 13:00"), ("C", "2025-05-12 13:02"))
    ]

    assert ["possible-duplicate" in codes(each) for each in same_case] == [False, True, False]
    assert ["possible-duplicate" in codes(each) for each in same_person] == [False, True]


def test_two_matters_of_one_contact_are_no_duplicate(centre: Centre) -> None:
    """It is one contact, told once; nor are two unknown people who ring at the same moment."""
    say(centre, register())
    receipts = [
        say(centre, contact({"case": "A", "person": "P"}, {"case": "B", "person": "P"})),
        say(centre, call("C")),
    ]

    assert "possible-duplicate" not in [code for receipt in receipts for code in codes(receipt)]


@ON_ONE_STORE
def test_a_ward_may_look_for_duplicates_never(database_url: str) -> None:
    """0 minutes."""
    with Centre(database_url, with_policy(duplicate_minutes=0)) as centre:
        assert "possible-duplicate" not in codes(say(centre, call("A"), call("A")))


AGES = [
    (64, "2025-04-30 10:00", False, ["eligibility-age"]),
    (64, "2025-05-20 10:00", False, []),
    (64, "2024-05-01 10:00", True, []),
    (None, "2024-05-01 10:00", False, []),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("age", "registered", "certificate", "expected"), AGES)
def test_a_registrant_who_has_turned_65_without_a_certificate_is_flagged(
    centre: Centre, age: int | None, registered: str, certificate: bool, expected: list[str]
) -> None:
    """By the age at registration and the whole years since: the birth date is sealed; rather late than wrongly."""
    say(centre, register(on=registered, age=age, certificate=certificate))
    receipt = say(centre, call("A", "2026-04-30 12:00", person="P"))

    assert (receipt.status, codes(receipt)) == ("accepted", expected)


# Rules 1 and 2 as they happen


def test_one_contact_about_two_siblings_is_two_consultations(centre: Centre) -> None:
    """One telephone call, two persons' matters, each counted, each with its own card."""
    say(centre, contact({"case": "elder", "safe_until": SOON}, {"case": "younger", "abuse_suspected": True}))
    elder, younger = centre.events()
    centre.pump()

    assert (elder.contact, centre.figures()) == (younger.contact, {("day", "other"): 2})
    assert (elder.card.safe_until, younger.card.safe_until, younger.card.abuse_suspected) == (
        at("2025-05-12 18:00"),
        None,
        True,
    )


def test_two_callers_about_one_matter_are_one_consultation(centre: Centre) -> None:
    """The mother at noon, a neighbour at two: merged, dated by the first."""
    say(centre, call("mother", NOON), contact({"case": "neighbour"}, on="2025-05-12 18:00", third_party=True))
    say(centre, merge("neighbour", into="mother"))
    centre.pump()

    assert centre.figures() == {("day", "other"): 1}


def test_a_third_party_may_ring_about_somebody(centre: Centre) -> None:
    """It counts as any other call; that the caller is neither the person nor the family is told."""
    say(centre, contact({"case": "A"}, third_party=True))
    centre.pump()

    assert (centre.events()[0].card.third_party, centre.figures()) == (True, {("day", "other"): 1})


def test_a_silent_call_from_a_registered_number_stays_open_until_somebody_is_reached(centre: Centre) -> None:
    """Reached by ringing back, it is a consultation from then on, and its closing ends it."""
    say(centre, register(), contact({"case": "A", "person": "P"}, not_counted="無言"))
    silent = (still_open(centre), dict(centre.figures()))
    say(centre, call("A", "2025-05-12 12:30"))
    centre.pump()
    reached = (still_open(centre), centre.figures())
    say(centre, close("A", NEXT_DAY, reason="解決"))

    assert (silent, reached, still_open(centre)) == (([True], {}), ([True], {("day", "other"): 1}), [False])


@ON_ONE_STORE
@pytest.mark.parametrize("kind", ["wrong-number", "間違い", "exercise", "訓練", "enquiry"])
def test_a_wrong_number_or_an_exercise_is_listed_and_not_counted(centre: Centre, kind: str) -> None:
    """It has a number, and nobody has to do anything."""
    receipt = say(centre, contact(not_counted=kind))
    centre.pump()

    assert (receipt.number, centre.figures(), still_open(centre)) == (["R7-0001"], {}, [False])


@ON_ONE_STORE
@pytest.mark.parametrize("channel", ["relay", "電話リレー"])
def test_a_call_through_a_relay_service_counts_as_any_other(centre: Centre, channel: str) -> None:
    """How it came is kept."""
    say(centre, contact({"case": "A"}, channel=channel))
    centre.pump()

    assert (centre.events()[0].channel, centre.figures()) == ("relay", {("day", "other"): 1})


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("told", "code", "is_sealed"),
    [
        ("連絡がつかない", "unreachable", False),
        ("advice", "advice", False),
        ("own-code", "own-code", False),
        ("みほんさんの希望", "other", True),
    ],
)
def test_a_closing_has_a_reason_of_the_wards_or_one_in_free_words(
    centre: Centre, told: str, code: str, is_sealed: bool
) -> None:
    """Free words may be about somebody, so they are sealed."""
    say(centre, call("A"), close("A", reason=told))
    event, record = centre.events()[1], centre.records()[1]

    assert (event.reason, event.sealed is not None) == (code, is_sealed)
    assert "みほん".encode() not in bytes(record.data)
    assert centre.rows(PARKED) == []
