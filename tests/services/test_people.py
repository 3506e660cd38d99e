"""Domain rules 8 and 9: registrations, whose form may be half empty, with ages counted as the law and the tables do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk_examples import LATER, NEXT_DAY, ON_ONE_STORE, Centre, codes, message, names, register

MERGE = ("P", "Q")


WHOLE: dict[str, Any] = {
    "name": "架空 一郎",
    "kana": "カクウ イチロウ",
    "address": "架空町1-1-1",
    "phone": "000-0000-0001",
    "contacts": [{"name": "架空 母", "relation": "母", "phone": "000-0000-0002"}],
}
"""What makes a form complete, beside its date of birth and its district."""


def ages(centre: Centre, birth_date: Any, on: str) -> tuple[int | None, int | None]:
    """(age for the tables, legal age) of a person who registers on a day."""
    told = register(on=on, personal={"birth_date": birth_date})
    del told["data"]["age"]
    centre.say("day", told)
    (event,) = centre.events()
    return event.age, event.legal_age


AGES = [
    ("1985-04-01", "2025-03-30 10:00", (39, 39)),
    ("1985-04-01", "2025-03-31 10:00", (39, 40)),
    ("1985-04-01", "2025-04-01 10:00", (40, 40)),
    ("2004-02-29", "2025-02-27 10:00", (20, 20)),
    ("2004-02-29", "2025-02-28 10:00", (20, 21)),
    ("2004-02-29", "2025-03-01 10:00", (21, 21)),
    ("2004-02-29", "2024-02-28 10:00", (19, 20)),
    ("2004-02-29", "2024-02-29 10:00", (20, 20)),
    ("2025-05-12", "2025-05-12 10:00", (0, 0)),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("birth_date", "on", "expected"), AGES)
def test_the_legal_age_rises_on_the_day_before_the_birthday(
    centre: Centre, birth_date: str, on: str, expected: tuple[int, int]
) -> None:
    """Who was born on 1 April is of age on 31 March; who was born on 29 February has a birthday each year."""
    assert ages(centre, birth_date, on) == expected


@ON_ONE_STORE
@pytest.mark.parametrize(
    "typed", ["1985-04-30", "1985/4/30", "１９８５．４．３０", "昭和60年4月30日", "S60.4.30", "昭和６０年４月３０日"]
)
def test_a_birth_date_is_read_as_people_type_it(centre: Centre, typed: str) -> None:
    """Either calendar, in any width."""
    assert ages(centre, typed, "2025-05-01 10:00") == (40, 40)


@ON_ONE_STORE
@pytest.mark.parametrize("typed", ["昭和60年4月31日", "2025-13-01", "2199-01-01", "1890-01-01", "about 40", 7, []])
def test_a_birth_date_that_does_not_exist_is_flagged(centre: Centre, typed: Any) -> None:
    """The registration stands; the date can be corrected later."""
    told = register(personal={"birth_date": typed})
    del told["data"]["age"]
    receipt = centre.say("day", told)

    assert receipt.status == "accepted"
    assert "birth-date-unusable" in codes(receipt)
    assert centre.events()[0].age is None


@ON_ONE_STORE
@pytest.mark.parametrize(("typed", "age"), [(40, 40), ("４０", 40), ("40", 40), (0, 0), (125, 125)])
def test_an_age_is_read_in_any_width(centre: Centre, typed: Any, age: int) -> None:
    """For a sender that does not know the date."""
    centre.say("day", register(age=typed))

    assert centre.events()[0].age == age


@ON_ONE_STORE
@pytest.mark.parametrize("typed", [126, -1, "forty", 40.5, True, "0000000009999", "0" * 5_000 + "9", [40]])
def test_an_age_that_nobody_has_is_flagged(centre: Centre, typed: Any) -> None:
    """And not counted in any group."""
    receipt = centre.say("day", register(age=typed, personal=WHOLE))

    assert (receipt.status, codes(receipt)) == ("accepted", ["personal-in-clear", "not-a-number"])
    assert centre.events()[0].age is None


ELIGIBLE = [
    (64, None, False),
    (65, None, True),
    (65, False, True),
    (65, True, False),
    (90, True, False),
]


@ON_ONE_STORE
@pytest.mark.parametrize(("age", "certificate", "flagged"), ELIGIBLE)
def test_65_or_over_without_a_certificate_is_flagged(
    centre: Centre, age: int, certificate: bool | None, flagged: bool
) -> None:
    """Registered all the same; a person decides."""
    receipt = centre.say("day", register(age=age, certificate=certificate))

    assert ("eligibility-age" in codes(receipt)) == flagged


def test_eligibility_goes_by_the_legal_age(centre: Centre) -> None:
    """65 by law on the day before the birthday."""
    told = register(on="2025-05-11 10:00", personal={"birth_date": "1960-05-12"})
    receipt = centre.say("day", told)

    assert "eligibility-age" in codes(receipt)
    assert (centre.events()[0].age, centre.events()[0].legal_age) == (64, 65)


def test_handbooks_left_blank_are_not_none(centre: Centre) -> None:
    """未記入 is one thing, an empty list another."""
    blank, none = register("P"), register("Q", handbooks=[])
    del blank["data"]["handbooks"]
    centre.say("day", blank)
    centre.say("day", none)

    assert [event.handbooks for event in centre.events()] == [None, ()]


def test_half_a_form_is_registered_and_says_what_is_missing(centre: Centre) -> None:
    """Nothing but the day is needed."""
    receipt = centre.say("day", message("registration.submit", "2025-05-01 10:00"))

    assert (receipt.status, codes(receipt)) == ("accepted", ["missing"] * 3 + ["form-incomplete"])
    assert names(centre.events()) == ["person.registered"]


def test_what_is_not_known_of_a_form_is_flagged_and_the_rest_stands(centre: Centre) -> None:
    """One handbook of two that the ward knows."""
    receipt = centre.say("day", register(handbooks=["身体", "driving licence"], district="atlantis", certificate="yes"))
    (event,) = centre.events()

    assert (event.handbooks, event.district, event.certificate) == (("physical",), None, None)
    assert set(codes(receipt)) == {"unknown-handbooks", "unknown-district", "not-true-or-false", "form-incomplete"}


def test_a_person_is_registered_once_under_one_reference(centre: Centre) -> None:
    """A second form in a new message is parked, with what to send instead."""
    centre.say("day", register("P"))
    receipt = centre.say("day", register("P", "2025-05-02 10:00"))

    assert (receipt.status, receipt.field) == ("parked", "data.person")
    assert "registration.correct" in (receipt.reason or "")
    assert len(centre.events()) == 1


def test_two_providers_registrants_are_two_persons(centre: Centre) -> None:
    """A reference belongs to its provider."""
    centre.say("day", register("P"))
    centre.say("night", register("P"))
    one, other = centre.events()

    assert one.person != other.person


def test_a_correction_says_what_stood_on_the_form_and_what_stands_there_now(centre: Centre) -> None:
    """With the ages that follow from the date of birth; the date itself stays sealed."""
    centre.say("day", register("P", age=40))
    told = message(
        "registration.correct",
        LATER,
        person="P",
        district="玉川",
        handbooks=["知的"],
        certificate=True,
        registered_on="2025-04-30",
        personal={"birth_date": "1985-05-01"},
    )
    centre.say("day", told)
    changes = {change.field: (change.before, change.after) for change in centre.events()[1].changes}

    assert changes == {
        "district": ("kinuta", "tamagawa"),
        "handbooks": (["physical"], ["intellectual"]),
        "certificate": (False, True),
        "registered_on": ("2025-05-01", "2025-04-30"),
        "age": (40, 39),
    }


def test_a_correction_of_a_correction_starts_from_what_stands_there_now(centre: Centre) -> None:
    """Also after a restart, from the log alone."""
    centre.say("day", register("P", district="kinuta"))
    for district in ("tamagawa", "karasuyama"):
        centre.say("day", message("registration.correct", LATER, person="P", district=district))
        centre.restart()

    assert [event.changes[0].before for event in centre.events()[1:]] == ["kinuta", "tamagawa"]


@ON_ONE_STORE
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"district": "atlantis"}, "data.district"),
        ({"handbooks": ["driving"]}, "data.handbooks"),
        ({"registered_on": "2199-01-01"}, "data.registered_on"),
        ({"registered_on": "2001-01-01"}, "data.registered_on"),
        ({"personal": {"birth_date": "昭和60年4月31日"}}, "data.personal.birth_date"),
        ({"personal": {"birth_date": "2099-01-01"}}, "data.personal.birth_date"),
        ({"personal": {"birth_date": "1890-01-01"}}, "data.personal.birth_date"),
        ({"personal": {"birth_date": "昭和99年1月1日"}}, "data.personal.birth_date"),
        ({"certificate": "yes"}, "data.certificate"),
    ],
)
def test_a_correction_that_cannot_be_right_is_parked(centre: Centre, changes: dict[str, Any], field: str) -> None:
    """Nothing changes, and its reason names the field."""
    centre.say("day", register("P"))
    receipt = centre.say("day", message("registration.correct", LATER, person="P", **changes))

    assert (receipt.status, receipt.field) == ("parked", field)
    assert len(centre.events()) == 1


def test_leaving_and_coming_back_are_events_and_each_happens_once(centre: Centre) -> None:
    """Said twice in two messages, nothing is added."""
    centre.say("day", register("P"))
    for _ in range(2):
        centre.say("day", message("registration.withdraw", NEXT_DAY, person="P", reason="moved-away"))
    for _ in range(2):
        centre.say("day", message("registration.reinstate", LATER, person="P"))

    assert names(centre.events()) == ["person.registered", "registration.withdrawn", "registration.reinstated"]


def test_a_reason_for_leaving_is_one_of_three(centre: Centre) -> None:
    """The reason of the parked message lists them."""
    centre.say("day", register("P"))
    receipt = centre.say("day", message("registration.withdraw", LATER, person="P", reason="bored"))

    assert receipt.reason == "data.reason: not one of the known values; accepted: withdrawn, moved-away, died"


def test_two_records_of_one_person_are_merged_and_split(centre: Centre) -> None:
    """Each an event, and each once."""
    for person in MERGE:
        centre.say("day", register(person))
    for _ in range(2):
        centre.say("day", message("person.merge", LATER, person="Q", into="P"))
    for _ in range(2):
        centre.say("day", message("person.split", LATER, person="Q"))

    assert names(centre.events()[2:]) == ["person.merged", "person.split"]


def test_a_person_is_not_merged_into_themselves_or_in_a_circle(centre: Centre) -> None:
    """Both records would vanish from the register."""
    for person in MERGE:
        centre.say("day", register(person))
    centre.say("day", message("person.merge", LATER, person="Q", into="P"))

    assert centre.say("day", message("person.merge", LATER, person="P", into="Q")).status == "parked"
    assert centre.say("day", message("person.merge", LATER, person="P", into="P")).status == "parked"


def test_what_is_said_of_a_person_before_the_form_waits(centre: Centre) -> None:
    """A correction, a leaving, a merging: each goes on when the forms came."""
    centre.say("day", message("person.merge", LATER, person="Q", into="P"))
    centre.say("day", message("registration.withdraw", LATER, person="P"))
    for person in MERGE:
        centre.say("day", register(person))

    assert sorted(names(centre.events()))[:1] == ["person.merged"]
    assert sorted(names(centre.events()))[-1:] == ["registration.withdrawn"]
