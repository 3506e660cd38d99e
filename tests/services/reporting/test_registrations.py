"""Rules 8 and 9: gross and net registrations, handbooks and age groups."""

from __future__ import annotations

from datetime import date

import pytest

from services.era import age_on, legal_age_on
from services.reporting.fold import Facts, apply, current_registrants, entries
from tests.reporting_examples import (
    activated,
    at,
    came_back,
    figures,
    given,
    left,
    not_the_same_person,
    recorded,
    registered,
    registration_corrected,
    same_person,
    with_policy,
    years,
)

KITAZAWA = {("registrants", "kitazawa"): 1}


def net(facts: Facts, before: str | None = None) -> tuple[str, ...]:
    return current_registrants(facts, facts.persons, at(before) if before else None)


def test_rule_8_gross_counts_by_the_day_of_registration() -> None:
    """The last day of March is the old fiscal year, the first of April the new one."""
    facts = given(registered("P", "2023-03-31"), registered("Q", "2023-04-01"))

    assert years(facts, "registrations") == [2022, 2023]


def test_rule_8_as_of_a_day_counts_who_was_registered_by_its_end() -> None:
    """The end of the day is exclusive; the day itself counts."""
    facts = given(registered("P", "2023-01-26"), registered("Q", "2023-01-27"))

    assert figures(facts, "registrations", before="2023-01-27 00:00") == KITAZAWA
    assert figures(facts, "registrations", before="2023-01-26 00:00") == {}


def test_rule_8_leavers_stay_in_the_gross_number_and_leave_the_net_one() -> None:
    """From the day on which they left."""
    facts = given(registered("P"), left("P", "2023-06-01"))

    assert figures(facts, "registrations") == KITAZAWA
    assert net(facts, before="2023-06-01 00:00") == ("P",)
    assert net(facts, before="2023-06-02 00:00") == ()


def test_rule_8_a_reinstatement_adds_nothing_to_the_gross_number() -> None:
    """And gives the person back to the net one, even if they left and came back on one day."""
    facts = given(registered("P"), left("P", "2023-06-01"), came_back("P", "2023-06-01"))

    assert figures(facts, "registrations") == KITAZAWA
    assert net(facts) == ("P",)


def test_rule_8_a_reinstatement_typed_in_first_does_not_undo_a_later_leaving() -> None:
    """The days decide, not the order of arrival."""
    assert net(given(registered("P"), came_back("P", "2023-03-01"), left("P", "2023-06-01"))) == ()
    assert net(given(registered("P"), left("P", "2023-06-01"), came_back("P", "2023-03-01"))) == ()


def test_rule_8_merging_removes_one_and_splitting_gives_it_back() -> None:
    """Two records of one person are one registration, in the district of the one that stays."""
    two = registered("P"), registered("Q", district="kinuta")

    assert figures(given(*two, same_person("Q", into="P")), "registrations") == KITAZAWA
    assert net(given(*two, same_person("Q", into="P"))) == ("P",)
    split = given(*two, same_person("Q", into="P"), not_the_same_person("Q", of="P"))
    assert figures(split, "registrations") == {("registrants", "kitazawa"): 1, ("registrants", "kinuta"): 1}


def test_rule_8_a_registration_merged_into_a_person_who_had_none_still_counts() -> None:
    """One person, one registration: the earliest that there is."""
    facts = given(
        registered("P"), registered("Q", "2023-05-01"), same_person("P", into="X"), same_person("Q", into="X")
    )

    assert figures(facts, "registrations") == KITAZAWA
    assert entries("person", "X", facts)[0].year == 2022


def test_rule_8_of_registrations_on_one_day_always_the_same_one_counts() -> None:
    """That with the lower id, also through a person in between, in whatever order they were merged."""
    two = registered("P"), registered("Q", district="kinuta")
    through_y = same_person("P", into="Y"), same_person("Q", into="X"), same_person("Y", into="X")

    assert figures(given(*two, *through_y), "registrations") == KITAZAWA
    assert figures(given(*two, *through_y[1:], through_y[0]), "registrations") == KITAZAWA


@pytest.mark.parametrize(("person", "into"), [("P", "R"), ("P", "P"), ("Q", "R"), ("Q", "Q")])
def test_rule_8_a_circle_of_mergings_loses_nobody(person: str, into: str) -> None:
    """R is in Q and Q in P; a merging that would close the circle changes nothing."""
    three = registered("P"), registered("Q"), registered("R")
    facts = given(*three, same_person("Q", into="P"), same_person("R", into="Q"), same_person(person, into=into))

    assert figures(facts, "registrations") == KITAZAWA


def test_rule_8_a_person_merged_elsewhere_leaves_the_first_one() -> None:
    """X had nothing but what P brought."""
    facts = given(registered("P"), same_person("P", into="X"), same_person("P", into="Y"))

    assert entries("person", "X", facts) == ()
    assert figures(facts, "registrations") == KITAZAWA


def test_rule_8_a_correction_says_what_the_form_always_should_have_said() -> None:
    """District, day, handbooks and ages, for all time."""
    told = {"district": None, "registered_on": "2023-04-01", "handbooks": ["physical"], "age": 64, "legal_age": 65}
    facts = given(registered("P", "2023-03-31"), registration_corrected("P", certificate=True, **told))

    assert figures(facts, "registrations") == {("registrants", "unknown"): 1}
    assert years(facts, "registrations") == [2023]
    assert figures(facts, "handbooks") == {("physical", "count"): 1}
    assert figures(facts, "ages") == {("60-64", "count"): 1}
    assert facts.persons["P"].certificate


def test_rule_8_a_correction_of_a_merged_record_changes_the_person_it_went_to() -> None:
    """X counts with what P brought, so a correction of P is one of X."""
    facts = given(registered("P"), same_person("P", into="Y"), same_person("Y", into="X"))
    correction = registration_corrected("P", district="kinuta")

    assert apply(facts, recorded(correction)[0], correction.event) == (("person", "X"),)
    assert entries("person", "X", facts)[0].column == "kinuta"


def test_handbooks_overlap_and_left_blank_is_not_having_none() -> None:
    """Two handbooks count twice, a blank form as 未記入, none at all nowhere."""
    facts = given(
        registered("P", handbooks=["physical", "intellectual"]),
        registered("Q", handbooks=None),
        registered("R", handbooks=[]),
    )

    assert figures(facts, "handbooks") == {
        ("physical", "count"): 1,
        ("intellectual", "count"): 1,
        ("not-stated", "count"): 1,
    }


@pytest.mark.parametrize(
    ("birth", "on", "by_birthday", "by_law"),
    [
        ("2013-04-01", "2023-03-30", "under-10", "under-10"),
        ("2013-04-01", "2023-03-31", "under-10", "10s"),  # Born on 1 April: of age, by law, on 31 March.
        ("2013-04-01", "2023-04-01", "10s", "10s"),
        ("2004-02-29", "2023-02-27", "10s", "10s"),
        ("2003-02-28", "2023-02-27", "10s", "20s"),
        ("2004-02-29", "2024-02-28", "10s", "20s"),
        ("2004-02-29", "2024-02-29", "20s", "20s"),
        ("1958-02-28", "2023-02-27", "60-64", "65-over"),
    ],
)
def test_rule_9_groups_by_the_birthday_or_by_law(birth: str, on: str, by_birthday: str, by_law: str) -> None:
    """The two policies differ on the day before the birthday."""
    born, day = date.fromisoformat(birth), date.fromisoformat(on)
    form = registered("P", on, age=age_on(born, day), legal_age=legal_age_on(born, day))

    assert figures(given(form), "ages") == {(by_birthday, "count"): 1}
    assert figures(given(form, ward=with_policy(age="legal")), "ages") == {(by_law, "count"): 1}


def test_rule_9_an_age_not_told_has_a_line_of_its_own() -> None:
    """Nobody is guessed into a group."""
    assert figures(given(registered("P", age=None)), "ages") == {("no-age", "count"): 1}


def test_a_person_keeps_the_rules_of_the_day_of_registration() -> None:
    """Who registered before the ward changed its rule stays in the group of the old rule."""
    change = activated(with_policy(age="legal"), since="2023-02-01 00:00")
    facts = given(
        registered("P", "2023-01-10", age=9, legal_age=10), registered("Q", "2023-02-01", age=9, legal_age=10), change
    )

    assert figures(facts, "ages") == {("under-10", "count"): 1, ("10s", "count"): 1}
    assert figures(given(registered("P", "2022-08-25", age=9)), "ages") == {("under-10", "count"): 1}


def test_nobody_is_registered_before_a_ward_was_activated() -> None:
    """Without rules there is no register."""
    facts = given(registered("P"))
    facts.wards.clear()

    assert entries("person", "P", facts) == ()
    assert net(facts) == ()
