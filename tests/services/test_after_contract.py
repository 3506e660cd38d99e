"""Rule 11: after its contract's end a provider may send only what occurred before, whichever message it is.

Every message stands in exactly one of the lists here, so that for a new one it has to be decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.messages import MESSAGES
from services import flagged
from services.book import OUTSIDE_CONTRACT
from services.intake.rules import TAKEN_AFTER_CONTRACT
from services.tables import FLAGS
from tests.desk_examples import GROUND, ON_ONE_STORE, Centre, Message, at, call, codes, message, register
from tests.morning_examples import acknowledge, evening, item

BEFORE, AFTER, TODAY = "2025-03-31 23:59", "2025-04-01 00:00", "2025-04-04 12:00"
SINCE = "a time while the contract was in force; what is done since, a provider under contract says"
LAST_NIGHT, LATER_NIGHT = "2025-03-31", "2025-04-01"
AGENCY = {"case": "A", "kind": "agency", "to": "ぽーときたざわ", **GROUND}
TWO = {"by": "架空 花子", "checked_by": "架空 次郎"}

PARKED: dict[str, dict[str, Any]] = {
    "registration.correct": {"person": "P", "district": "kitazawa"},
    "registration.withdraw": {"person": "P"},
    "registration.reinstate": {"person": "left"},
    "registration.confirm": {"person": "P"},
    "consent.give": {"person": "P", "to": "架空事業所"},
    "person.merge": {"person": "P", "into": "Q"},
    "person.split": {"person": "part"},
    "call.correct": {"call": "call-A", "district": "kinuta"},
    "call.link": {"call": "call-A", "person": "P", "matched": ["name", "phone"]},
    "call.unlink": {"call": "call-linked"},
    "flag.resolve": {"call": "call-A", "code": "not-registered", "resolution": "confirmed"},
    "case.close": {"case": "A"},
    "case.merge": {"case": "A", "into": "B"},
    "case.split": {"case": "part"},
    "placement.arrange": {"case": "A", "placement": "new", "kind": "short-stay"},
    "placement.cancel": {"placement": "bed"},
    "handover.offer": {**AGENCY, "case": "B", "handover": "new"},
    "handover.send": {"handover": "offered", "how": "by-hand", "pages": 2, "personal": TWO},
    "handover.recall": {"handover": "offered", "reason": "wrong-content"},
    "handover.deliver": {"handover": "offered", "how": "phone"},
    "handover.see": {"handover": "offered"},
    "handover.accept": {"handover": "offered"},
    "handover.complete": {**AGENCY, "case": "B", "handover": "new"},
    "handover.decline": {"handover": "offered"},
    "handover.withdraw": {"handover": "offered"},
    "handover.return": {"handover": "given"},
    "case.note": {"case": "A", "personal": {"note": "隣人が付き添う"}},
}
"""Only a provider under contract does it. Done before the end it is taken, however late it is told."""

FLAGGED: dict[str, Message] = {
    "registration.submit": register("new", AFTER),
    "call.report": call("new", AFTER),
    "call.add": message("call.add", AFTER, call="call-A", personal={"words": "架空"}),
    "consent.withdraw": message("consent.withdraw", AFTER, person="Q", to="架空事業所"),
}
"""Never refused: a call, what is added to it, a form; and a word against sharing, which protects the person."""

BY_NIGHT: dict[str, dict[str, Any]] = {"shift.close": {"last": 3}, "exchange.count": {"contacts": 1}}
"""About a night: it is the night that has to be within the contract, whenever it is told."""

BY_DAY = {
    "item.acknowledge": acknowledge(1, AFTER, night=LAST_NIGHT),
    "item.undo": item("undo", 1, AFTER, night=LAST_NIGHT, reason="架空"),
    "item.question": item("question", 1, AFTER, night=LAST_NIGHT, question="架空"),
    "item.done": item("done", 1, AFTER, night=LAST_NIGHT),
}
"""Of the morning: parked as of anybody who does not take over from the night, by `provider`."""

OF_ITS_OWN = {"item.answer", "parked.close"}
"""What it is asked about its own calls, and what of its own was parked: nobody else answers, or closes, that."""


OF_A_PERSON = {
    **{kind: PARKED[kind] for kind in ("registration.withdraw", "registration.reinstate", "registration.confirm")},
    "consent.give": PARKED["consent.give"],
    "consent.withdraw": FLAGGED["consent.withdraw"]["data"],
}


DONE = (
    "registration.withdrawn",
    "registration.reinstated",
    "registration.confirmed",
    "consent.given",
    "consent.withdrawn",
)


@pytest.fixture
def centre(database_url: str) -> Iterator[Centre]:
    """The old contractor's people, calls, placements and hand-overs of its last days; it is days later."""
    with evening(database_url, "2025-03-28 09:00") as running:
        for n, person in enumerate(("P", "Q", "left", "part")):
            running.say("contractor", register(person, f"2025-03-28 10:0{n}"))
        for n, case in enumerate(("A", "B", "part", "linked", "done")):
            running.say("contractor", call(case, f"2025-03-28 11:0{n}", id=f"call-{case}"))
        past: list[Message] = [
            message("registration.withdraw", "2025-03-28 12:00", person="left"),
            message("person.merge", "2025-03-28 12:01", person="part", into="Q"),
            message("consent.give", "2025-03-28 12:02", person="Q", to="架空事業所"),
            message("call.link", "2025-03-28 12:03", call="call-linked", person="Q", matched=["name", "phone"]),
            message("case.merge", "2025-03-28 12:04", case="part", into="B"),
        ]
        running.pump()
        past += [
            message("placement.arrange", "2025-03-28 13:00", case="A", placement="bed", kind="short-stay"),
            message(
                "handover.offer",
                "2025-03-28 13:01",
                **AGENCY,
                handover="offered",
                answer_by="2025-06-30T12:00:00+09:00",
            ),
            message("handover.send", "2025-03-28 13:02", handover="offered", how="by-hand", pages=2, personal=TWO),
            message("handover.complete", "2025-03-28 13:03", **{**AGENCY, "case": "done"}, handover="given"),
        ]
        for one in past:
            assert running.say("contractor", one).status == "accepted", one["type"]
        running.say("contractor", call("N", "2025-03-31 23:40", id="call-N"))
        running.tick(TODAY)
        yield running


def everything(centre: Centre) -> list[str]:
    """What all three have recorded."""
    return [record.type for service in ("intake", "placement", "handover") for record in centre.records(service)]


def test_of_every_message_it_is_decided() -> None:
    """A new message stands in one of these lists, or nobody has thought of what the old provider may do with it."""
    lists = (PARKED, FLAGGED, BY_NIGHT, BY_DAY, OF_ITS_OWN)

    assert sorted(name for each in lists for name in each) == sorted(MESSAGES)
    assert {*FLAGGED, "shift.close"} == TAKEN_AFTER_CONTRACT


@ON_ONE_STORE
@pytest.mark.parametrize("kind", PARKED)
def test_what_is_done_from_midnight_on_is_parked(centre: Centre, kind: str) -> None:
    """With the reason, and who does it now; what was done a minute before is taken, days later as well."""
    stood = everything(centre)
    after = centre.say("contractor", message(kind, AFTER, **PARKED[kind]))

    assert (after.status, after.field) == ("parked", "time")
    assert after.reason == f"time: {OUTSIDE_CONTRACT}; accepted: {SINCE}"
    assert everything(centre) == stood
    assert centre.say("contractor", message(kind, BEFORE, **PARKED[kind])).status == "accepted"
    assert len(everything(centre)) > len(stood)


@ON_ONE_STORE
@pytest.mark.parametrize("begins", ["2025-03-31 23:50", "2025-04-01 00:00"])
def test_what_is_done_before_the_contract_began_is_parked_as_well(centre: Centre, begins: str) -> None:
    """Ten minutes early: a place and a hand-over are not its own yet; its call is flagged, its form taken."""
    early = begins != AFTER
    said = [
        centre.say("night", call("early", begins)),
        centre.say("night", register("early", begins)),
        centre.say("night", message("placement.arrange", begins, case="early", placement="b", kind="short-stay")),
        centre.say("night", message("handover.offer", begins, **{**AGENCY, "case": "early"}, handover="o")),
        centre.say("night", message("call.correct", begins, number="R6-0001", district="kinuta")),
    ]

    assert ["outside-contract" in codes(each) for each in said[:2]] == [early, False]
    assert [each.status for each in said[:2]] == ["accepted", "accepted"]
    for each in said[2:]:
        assert (each.status == "parked", each.field) == ((True, "time") if early else (False, None))
        assert not early or OUTSIDE_CONTRACT in str(each.reason)


@ON_ONE_STORE
@pytest.mark.parametrize("kind", FLAGGED)
def test_what_is_never_refused_is_taken_and_flagged(centre: Centre, kind: str) -> None:
    """The flag stands open until somebody has looked at it; of what was a minute before there is none."""
    other = {"registration.submit": {"person": "other"}, "consent.withdraw": {"to": "ほかの架空事業所"}}.get(kind, {})
    told = FLAGGED[kind] | {"id": "before", "time": at(BEFORE).isoformat(), "data": FLAGGED[kind]["data"] | other}
    before = centre.say("contractor", told)
    stood, opened = everything(centre), flags(centre)
    after = centre.say("contractor", FLAGGED[kind])

    assert (before.status, "outside-contract" in codes(before)) == ("accepted", False)
    assert (after.status, "outside-contract" in codes(after)) == ("accepted", True)
    assert len(everything(centre)) > len(stood)
    assert flags(centre) == opened + 1


def flags(centre: Centre) -> int:
    """How many such flags stand open, in the table and in the one made again from the log."""
    written = centre.rows(FLAGS)
    flagged.rebuild(centre.desk().journal)
    assert centre.rows(FLAGS) == written
    return sum(row["code"] == "outside-contract" and not row["resolved_at"] for row in written)


@ON_ONE_STORE
def test_a_word_against_sharing_holds_whoever_passes_it_on(centre: Centre) -> None:
    """Nothing goes there on Q's consent any more; the flag is resolved by the provider that has Q now."""
    agreed = {"number": "R6-0004", "kind": "agency", "to": "架空事業所", "basis": "consent"}
    centre.pump()
    held = centre.say("day", message("handover.offer", "2025-04-03 10:00", handover="1", **agreed))
    centre.say("day", message("handover.withdraw", "2025-04-03 11:00", handover="1"))
    centre.say("contractor", message("consent.withdraw", "2025-04-04 10:00", person="Q", to="架空事業所"))
    centre.pump()
    sent = centre.say("day", message("handover.offer", "2025-04-05 10:00", handover="2", **agreed))
    (event,) = (each for each in centre.events() if each.name == "consent.withdrawn")
    looked = {"person_id": event.person, "code": "outside-contract", "resolution": "confirmed"}

    assert (held.status, sent.status, sent.field) == ("accepted", "parked", "data.basis")
    assert centre.say("day", message("flag.resolve", "2025-04-06 10:00", **looked)).status == "accepted"
    assert flags(centre) == 0


@ON_ONE_STORE
@pytest.mark.parametrize("kind", BY_NIGHT)
def test_a_night_that_began_under_contract_is_told_of_whenever(centre: Centre, kind: str) -> None:
    """Its last night ended after midnight: in the morning it says what it counted; of later nights it says nothing."""
    last, later = (
        centre.say("contractor", message(kind, "2025-04-02 09:00", night=night, **BY_NIGHT[kind]))
        for night in (LAST_NIGHT, LATER_NIGHT)
    )

    assert (last.status, later.status, later.field) == ("accepted", "parked", "data.night")


@ON_ONE_STORE
@pytest.mark.parametrize("kind", BY_DAY)
def test_of_the_morning_the_old_provider_says_nothing(centre: Centre, kind: str) -> None:
    """Nothing happens to an item; of whoever takes over from the night it is taken."""
    if kind in ("item.undo", "item.done"):
        centre.say("day", acknowledge(1, "2025-04-01 08:41", night=LAST_NIGHT))
    stood = everything(centre)
    old = centre.say("contractor", BY_DAY[kind])
    new = centre.say("day", BY_DAY[kind] | {"time": at("2025-04-01 08:50").isoformat()})

    assert (old.status, old.field, new.status) == ("parked", "provider", "accepted")
    assert len(everything(centre)) > len(stood)


@ON_ONE_STORE
def test_what_is_its_own_the_old_provider_still_settles(centre: Centre) -> None:
    """A question about its own call, and what it had sent and was parked."""
    centre.say("day", item("question", 1, "2025-04-01 08:50", night=LAST_NIGHT, question="架空"))
    answered = centre.say("contractor", item("answer", 1, "2025-04-01 09:30", night=LAST_NIGHT, answer="架空"))
    centre.say("contractor", message("call.correct", AFTER, call="call-A", district="kinuta"))
    closing = message("parked.close", "2025-04-02 10:00", parked="intake-1", reason="not-ours")

    assert answered.status == "accepted"
    assert centre.say("contractor", closing).status == "accepted"


@ON_ONE_STORE
@pytest.mark.parametrize("kind", OF_A_PERSON)
def test_whoever_is_under_contract_does_it_by_the_registers_own_id(centre: Centre, kind: str) -> None:
    """Those whom the old provider registered would otherwise be out of everybody's reach."""
    person = centre.events()[2 if kind == "registration.reinstate" else 1].person
    data = {name: value for name, value in OF_A_PERSON[kind].items() if name != "person"}
    receipt = centre.say("day", message(kind, "2025-04-03 10:00", person_id=person, **data))
    nobody = centre.say("day", message(kind, "2025-04-03 10:00", person_id="x", **data))
    neither = centre.say("day", message(kind, "2025-04-03 10:00", **data))

    assert receipt.status == "accepted"
    assert [each.person for each in centre.without_flags() if each.name in DONE][-1] == person
    assert (nobody.field, neither.field) == ("data.person_id", "data.person")


def bed(centre: Centre) -> str:
    """Our id of the bed that the old provider had arranged."""
    return str(centre.events("placement")[0].placement)


@ON_ONE_STORE
@pytest.mark.parametrize("provider", ["day", "night"])
def test_what_the_old_provider_had_arranged_is_cancelled_by_whoever_has_the_case_now(
    centre: Centre, provider: str
) -> None:
    """By our id: the reference under which it was arranged is the old provider's alone."""
    own = bed(centre)
    early, late = (
        centre.say(provider, message("placement.cancel", when, placement_id=own))
        for when in (BEFORE, "2025-04-03 10:00")
    )
    old = centre.say("contractor", message("placement.cancel", AFTER, placement_id=own))

    assert (early.status, early.field, late.status) == ("parked", "time", "accepted")
    assert late.case == [centre.events("placement")[0].case]
    assert (old.status, old.field) == ("parked", "time")
    assert [event.name for event in centre.events("placement")] == ["placement.arranged", "placement.cancelled"]


@ON_ONE_STORE
@pytest.mark.parametrize("first", ["contractor", "day"])
def test_a_bed_is_given_up_once_whichever_provider_is_heard_first(centre: Centre, first: str) -> None:
    """The old one had cancelled it a minute before midnight, and says so only after the new one did; or before."""
    said = {
        "contractor": message("placement.cancel", BEFORE, placement="bed"),
        "day": message("placement.cancel", "2025-04-01 09:00", placement_id=bed(centre)),
    }
    for provider in sorted(said, key=lambda one: one != first):
        assert centre.say(provider, said[provider]).status == "accepted"
    centre.restart()
    again = centre.say("day", message("placement.cancel", "2025-04-02 09:00", placement_id=bed(centre)))

    cancelled = [record for record in centre.records("placement") if record.type == "placement.cancelled"]
    assert again.status == "accepted"
    assert [record.time for record in cancelled] == [at(BEFORE if first == "contractor" else "2025-04-01 09:00")]


@ON_ONE_STORE
def test_an_agency_that_has_the_case_is_told_what_the_new_provider_cancelled(centre: Centre) -> None:
    """Arranged by the old provider after the agency had taken the case on, given up by the new one: two notes."""
    arranged = message("placement.arrange", "2025-03-28 14:00", case="done", placement="later", kind="supporter")
    centre.say("contractor", arranged)
    own = centre.events("placement")[-1].placement
    centre.say("day", message("placement.cancel", "2025-04-03 10:00", placement_id=own))
    centre.pump()

    noted = [event for event in centre.events("handover") if event.name == "handover.noted-late"]
    assert [(event.what, event.placement, event.provider) for event in noted] == [
        ("placement.arranged", own, "contractor"),
        ("placement.cancelled", own, "day"),
    ]


@ON_ONE_STORE
def test_a_form_whose_day_is_corrected_to_within_the_contract_needs_nobody_any_more(centre: Centre) -> None:
    """The day was a slip; corrected, its flag goes by itself, and comes of no other day."""
    receipt = centre.say("contractor", register("new", "2025-04-10 10:00"))
    person = {"person_id": receipt.person[0]}
    centre.say("day", message("registration.correct", "2025-04-11 10:00", **person, registered_on="2025-04-09"))
    still = flags(centre)
    centre.say("day", message("registration.correct", "2025-04-11 10:01", **person, registered_on="2025-03-10"))

    assert (still, flags(centre)) == (1, 0)
