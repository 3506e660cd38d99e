"""Who is whom: likely duplicates are pointed out, merged and parted by either name; forms, consents and eligibility."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.intake.domain import Person
from services.intake.eligibility import eligibility
from tests.desk_examples import LATER, NEXT_DAY, ON_ONE_STORE, WARD, Centre, call, codes, message, names, register
from tests.reporting_examples import at

FORM = {"name": "髙﨑 花子", "kana": "タカサキ ハナコ", "birth_date": "1985-04-30", "phone": "090-0000-1234"}


def submit(centre: Centre, person: str, provider: str = "day", **personal: Any) -> str:
    """Register somebody; returns the register's own id."""
    (found,) = centre.say(provider, register(person, personal=personal)).person
    return found


def state(centre: Centre, person: str) -> Person:
    """A registrant as the log says, folded anew."""
    desk = centre.desk()
    with desk.journal.transaction() as connection:
        found = desk._state(desk.journal.histories(connection, [person])[person])
    assert isinstance(found, Person)
    return found


ALIKE = [
    ({"name": "高崎花子", "birth_date": "S60.4.30"}, True),
    ({"kana": "たかさき　はなこ", "phone": "０９０（００００）１２３４"}, True),
    ({"birth_date": "1985/4/30", "phone": "+81 90 0000 1234"}, True),
    ({"name": "高崎 花子", "kana": "タカサキハナコ"}, False),  # One sign: somebody may have the same name.
    ({"kana": "タカサキ ハナコ"}, False),
    ({"birth_date": "1985-04-30", "phone": "090-0000-9999"}, False),
    ({"name": "高崎 一郎", "contacts": [{"phone": "090-0000-1234"}], "birth_date": "1990-01-01"}, False),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("other", "flagged"), ALIKE)
def test_two_signs_of_three_point_out_a_likely_duplicate(centre: Centre, other: dict[str, Any], flagged: bool) -> None:
    """However they are typed; registered all the same, and the event says who looks like the same person."""
    first = submit(centre, "P", **FORM)
    receipt = centre.say("day", register("Q", personal=other))

    assert receipt.status == "accepted"
    assert ("possible-duplicate" in codes(receipt)) == flagged
    assert centre.events()[1].like == ((first,) if flagged else ())


def test_a_duplicate_is_found_in_the_same_batch_and_by_another_provider(centre: Centre) -> None:
    """Before anything of it is on disk, and whoever registered the first one."""
    one, other = centre.say_all(("day", register("P", personal=FORM)), ("day", register("Q", personal=FORM)))
    third = centre.say("night", register("P", personal=FORM))

    assert [("possible-duplicate" in codes(receipt)) for receipt in (one, other, third)] == [False, True, True]
    assert centre.events()[2].like == (*one.person, *other.person)


def test_the_flag_of_a_duplicate_tells_nothing_personal(centre: Centre) -> None:
    """Neither on the receipt nor in the event."""
    submit(centre, "P", **FORM)
    receipt = centre.say("day", register("Q", personal=FORM))
    (flag,) = (flag for flag in receipt.flags if flag["code"] == "possible-duplicate")

    assert flag == {
        "code": "possible-duplicate",
        "field": "data.person",
        "accepted": "person.merge, if it is one person",
    }


def test_who_was_merged_is_pointed_out_as_whom_they_are_part_of(centre: Centre) -> None:
    """One link, not two to the same person; and after a split two again."""
    first, second = submit(centre, "P", **FORM), submit(centre, "Q", **FORM)
    centre.say("day", message("person.merge", LATER, person="P", into="Q"))
    submit(centre, "R", **FORM)
    centre.say("day", message("person.split", LATER, person="P"))
    submit(centre, "S", **FORM)
    likes = [event.like for event in centre.events() if event.name == "person.registered"]

    assert likes[2] == (second,)
    assert likes[3][:2] == (first, second)


def test_what_two_providers_registered_is_merged_and_split_by_the_registers_ids(centre: Centre) -> None:
    """Neither can use the other's reference."""
    mine, theirs = submit(centre, "P", "day", **FORM), submit(centre, "X", "night", **FORM)
    assert centre.say("day", message("person.merge", LATER, person_id=theirs, into="P")).status == "accepted"
    assert state(centre, theirs).merged_into == mine
    assert centre.say("day", message("person.split", LATER, person_id=theirs)).status == "accepted"
    assert state(centre, theirs).merged_into is None
    assert centre.say("night", message("person.merge", LATER, person="X", into_id=mine)).status == "accepted"
    assert state(centre, theirs).merged_into == mine


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"into": "P"}, "data.person"),
        ({"person": "P"}, "data.into"),
        ({"person": "P", "into_id": "00000000-0000-0000-0000-000000000000"}, "data.into_id"),
        ({"person_id": "somebody", "into": "P"}, "data.person_id"),
    ],
)
def test_a_merging_that_names_nobody_is_parked(centre: Centre, fields: dict[str, str], field: str) -> None:
    """With the field, and where an id is to be had."""
    submit(centre, "P", **FORM)
    receipt = centre.say("day", message("person.merge", LATER, **fields))

    assert (receipt.status, receipt.field) == ("parked", field)


def test_the_tables_before_during_and_after_a_merging_can_all_be_had(centre: Centre) -> None:
    """As the ledger knew them at each of its positions; gross and net."""
    submit(centre, "P", **FORM)
    theirs = submit(centre, "X", "night", **FORM)
    heads = []
    for told in (None, {"person_id": theirs, "into": "P"}, {"person_id": theirs}):
        if told:
            centre.say("day", message("person.merge" if "into" in told else "person.split", LATER, **told))
        centre.pump()
        heads.append(centre.inquiry.ledger.head())
    gross = [centre.inquiry.report("registrations", known_at=head).cells[-1].value for head in heads]

    assert gross == [2, 1, 2]
    assert centre.figures("registrations") == {("registrants", "kinuta"): 2}


def test_a_form_says_how_and_when_it_came_and_how_long_the_certificate_holds(centre: Centre) -> None:
    """Days in either calendar; the certificate's last day also from among what is personal."""
    told = {"received_on": "令和7年4月28日", "takes_effect_on": "2025-06-01", "came_by": "ファクス"}
    centre.say("day", register("P", **told, certificate=True, personal={"certificate_until": "R9.3.31"}))
    (event,) = centre.events()

    assert (event.received_on, event.takes_effect_on) == (date(2025, 4, 28), date(2025, 6, 1))
    assert (event.came_by, event.certificate_until) == ("fax", date(2027, 3, 31))


def test_what_a_form_lacks_is_one_flag_that_names_it(centre: Centre) -> None:
    """And what cannot be read is another; the form is registered."""
    receipt = centre.say(
        "day", register("P", received_on="soon", came_by="pigeon", personal={"kana": "カクウ", "phone": ""})
    )
    flags = {flag["code"]: flag["accepted"] for flag in receipt.flags}

    assert flags["form-incomplete"] == "name, address, phone, contacts"
    assert {"not-a-day", "unknown-came-by"} <= flags.keys()
    assert names(centre.events()) == ["person.registered"]


def test_a_correction_mends_what_the_form_said_of_its_days(centre: Centre) -> None:
    """Each with what stood there; `null` makes it blank; a word unknown is parked."""
    centre.say("day", register("P", received_on="2025-04-28", came_by="web"))
    changed = {"received_on": None, "takes_effect_on": "2025-06-01", "came_by": "paper"}
    centre.say(
        "day", message("registration.correct", LATER, person="P", **changed, personal={"certificate_until": "R9.3.31"})
    )
    changes = {change.field: (change.before, change.after) for change in centre.events()[1].changes}

    assert changes == {
        "received_on": ("2025-04-28", None),
        "takes_effect_on": (None, "2025-06-01"),
        "came_by": ("web", "paper"),
        "certificate_until": (None, "2027-03-31"),
    }
    assert centre.say("day", message("registration.correct", LATER, person="P", came_by="pigeon")).status == "parked"


DAY = date(2025, 5, 1)
ELIGIBLE = [
    (40, None, None, (True, "age")),
    (40, True, date(2025, 4, 30), (True, "age")),
    (70, True, None, (True, "certificate")),
    (70, None, date(2025, 5, 1), (True, "certificate")),
    (None, True, None, (True, "certificate")),
    (70, True, date(2025, 4, 30), (False, "certificate-lapsed")),
    (None, True, date(2025, 4, 30), (None, "certificate-lapsed")),
    (None, None, None, (None, "age-unknown")),
    (None, False, date(2027, 1, 1), (None, "age-unknown")),
    (65, None, None, (False, "no-certificate")),
    (65, False, None, (False, "no-certificate")),
]


@pytest.mark.parametrize(("age", "certificate", "until", "expected"), ELIGIBLE)
def test_eligibility_is_stated_with_its_reason(
    age: int | None, certificate: bool | None, until: date | None, expected: tuple[bool | None, str]
) -> None:
    """Under the ward's age by law, or a certificate that holds on the day; what is not known is said so."""
    found = eligibility(age, certificate, until, DAY, WARD)

    assert (found.eligible, found.reason) == expected


def test_a_lapsed_certificate_is_flagged_and_blocks_nothing(centre: Centre) -> None:
    """Neither the registration nor a call."""
    receipt = centre.say("day", register("P", age=70, certificate=True, certificate_until="2025-04-30"))

    assert receipt.status == "accepted"
    assert "certificate-lapsed" in codes(receipt)
    assert centre.say("day", call("A", person="P")).status == "accepted"
    assert centre.events()[1].registered


def test_the_yearly_check_is_kept_and_each_day_once(centre: Centre) -> None:
    """An older one that arrives later changes nothing; a way that is none of ours is parked."""
    person = submit(centre, "P", **FORM)
    for on in (LATER, LATER, NEXT_DAY):
        centre.say("day", message("registration.confirm", on, person="P", channel="post"))

    assert names(centre.events()) == ["person.registered", "registration.confirmed"]
    assert state(centre, person).confirmed_on == at(LATER).date()
    assert (
        centre.say("day", message("registration.confirm", LATER, person="P", channel="dream")).field == "data.channel"
    )


def test_a_consent_is_given_and_withdrawn(centre: Centre) -> None:
    """To each organisation by itself, and each once."""
    person = submit(centre, "P", **FORM)
    for verb, to in (("give", "甲"), ("give", "甲"), ("give", "乙"), ("withdraw", "甲"), ("withdraw", "甲")):
        data = {"edition": "第2版"} if verb == "give" else {}
        centre.say("day", message(f"consent.{verb}", NEXT_DAY if verb == "give" else LATER, person="P", to=to, **data))

    assert names(centre.events())[1:] == ["consent.given", "consent.given", "consent.withdrawn"]
    assert not state(centre, person).consent("甲").in_force
    assert state(centre, person).consent("乙").in_force
    assert not state(centre, person).consent("丙").in_force


@pytest.mark.parametrize("order", [("give", "withdraw"), ("withdraw", "give")])
def test_of_a_consent_and_a_withdrawal_the_later_one_counts(centre: Centre, order: tuple[str, str]) -> None:
    """Whichever arrives first: nothing is sent because a letter was slow."""
    person = submit(centre, "P", **FORM)
    for verb in order:
        centre.say("day", message(f"consent.{verb}", NEXT_DAY if verb == "give" else LATER, person="P", to="甲"))

    assert not state(centre, person).consent("甲").in_force
    centre.say("day", message("consent.give", "2025-05-20 10:00", person="P", to="甲"))
    assert state(centre, person).consent("甲").in_force


def test_a_consent_told_before_the_form_waits(centre: Centre) -> None:
    """As everything that is said of a person before."""
    assert centre.say("day", message("consent.give", LATER, person="P", to="甲")).status == "waiting"
    centre.say("day", register("P"))

    assert names(centre.events()) == ["person.registered", "consent.given"]
