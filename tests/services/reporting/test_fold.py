"""Rules 1 to 7, 12 and 13 of the counting: what a consultation counts as, and what counts nothing."""

from __future__ import annotations

import pytest

from services.reporting.fold import EVERYTHING, Facts, apply, entries, fold, has_both, is_open, pending
from tests.reporting_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    WARD,
    activated,
    arranged,
    at,
    cancelled,
    closed,
    contact,
    contact_corrected,
    contact_moved,
    declined,
    figures,
    given,
    handed_over,
    merged,
    offered,
    recorded,
    returned,
    split,
    with_policy,
    withdrawn,
    years,
)

DAY_OTHER = {("day", "other"): 1}
NIGHT_OTHER = {("night", "other"): 1}


def test_rule_1_a_further_contact_is_recorded_and_not_counted() -> None:
    """Two contacts of one case are one consultation."""
    facts = given(contact("A", NOON), contact("A", NIGHT))

    assert len(facts.cases["A"].contacts) == 2
    assert figures(facts) == DAY_OTHER


def test_rule_1_the_first_contact_is_the_earliest_by_its_own_time() -> None:
    """A first contact that arrives after the further one still gives the band."""
    facts = given(contact("A", NIGHT), contact("A", NOON))

    assert figures(facts) == DAY_OTHER


def test_rule_1_contacts_of_the_same_minute_go_by_arrival() -> None:
    """Of two contacts at the same time the one that arrived first gives the district."""
    facts = given(contact("A", id="z", district="kinuta"), contact("A", id="a", district="tamagawa"))

    assert figures(facts, "calls-by-district") == {("consultations", "kinuta"): 1}


def test_rule_1_every_contact_counts_where_the_ward_says_so() -> None:
    """The alternative unit: each contact in its own band, all under the case's outcome."""
    facts = given(contact("A", NOON), contact("A", NIGHT), arranged(), ward=with_policy(unit="contact"))

    assert figures(facts) == {("day", "short-stay"): 1, ("night", "short-stay"): 1}


def test_rule_1_one_contact_about_two_people_is_two() -> None:
    """The same contact under two cases counts under both."""
    facts = given(contact("A", id="call"), contact("B", id="call"))

    assert figures(facts) == {("day", "other"): 2}


def test_rule_1_two_callers_about_one_matter_are_one() -> None:
    """A merged case counts nothing; what was done under it counts for the one that stays."""
    facts = given(contact("A", NIGHT), contact("B", NOON), arranged(case="B"), merged("B", into="A"))

    assert figures(facts) == {("day", "short-stay"): 1}
    assert entries("case", "B", facts) == ()


def test_rule_1_a_merged_contact_counts_once_for_a_ward_that_counts_contacts() -> None:
    """One contact about two matters that were one matter is one contact."""
    history = contact("A", id="call"), contact("B", id="call"), merged("B", into="A")

    assert figures(given(*history, ward=with_policy(unit="contact"))) == DAY_OTHER


@pytest.mark.parametrize("into", ["A", "B"])
def test_rule_1_a_contact_merged_with_itself_counts_if_it_did_under_either(into: str) -> None:
    """One contact about two matters, an enquiry and a real one, that were one matter."""
    enquiry, real = contact("A", id="call", not_counted="enquiry"), contact("B", id="call")
    other = "B" if into == "A" else "A"

    assert figures(given(enquiry, real, merged(other, into=into))) == DAY_OTHER


def test_rule_1_merging_goes_on_through_what_was_merged_before() -> None:
    """C into B, B into A: one consultation, with the placement of C."""
    history = contact("A"), contact("B"), contact("C"), arranged(case="C"), merged("C", into="B"), merged("B", into="A")

    assert figures(given(*history)) == {("day", "short-stay"): 1}


def test_rule_1_a_merging_undone_gives_the_consultation_back() -> None:
    """Merged and split again: two consultations, each with its own outcome."""
    history = contact("A"), contact("B", NIGHT), arranged(case="B"), merged("B", into="A"), split("B", of="A")

    assert figures(given(*history)) == {("day", "other"): 1, ("night", "short-stay"): 1}


@pytest.mark.parametrize(("case", "into"), [("A", "C"), ("A", "A"), ("B", "C"), ("B", "B")])
def test_rule_1_a_circle_of_mergings_loses_no_consultation(case: str, into: str) -> None:
    """C is in B and B in A; a merging that would close the circle changes nothing."""
    history = contact("A"), contact("B"), contact("C"), merged("B", into="A"), merged("C", into="B")

    assert figures(given(*history, merged(case, into))) == DAY_OTHER


def test_rule_1_a_case_merged_elsewhere_leaves_the_first_one() -> None:
    """B into A, then into C: A has lost what B brought."""
    history = contact("A"), contact("B"), contact("C"), arranged(case="B"), merged("B", into="A"), merged("B", into="C")

    assert figures(given(*history)) == {("day", "other"): 1, ("day", "short-stay"): 1}


def test_rule_1_a_moved_contact_counts_where_it_went() -> None:
    """The first contact of A belonged to B: A is counted by its next one."""
    facts = given(contact("A", NOON, id="first"), contact("A", NIGHT), contact_moved("first", "A", to="B"))

    target = facts.cases["B"]

    assert figures(facts) == {("night", "other"): 1, ("day", "other"): 1}
    assert (target.number, target.person, target.names) == ("R7-0002", "P", (("day", "ref-B"),))


def test_rule_1_a_moved_contact_that_was_never_heard_of_counts_all_the_same() -> None:
    """The event repeats what the contact was."""
    assert figures(given(contact_moved("first", "A", to="B", on=NIGHT))) == NIGHT_OTHER


def test_rule_1_two_matters_of_one_contact_under_one_case_are_one() -> None:
    """The sender said that they are one person's matter; the first telling gives the district."""
    told_twice = contact("A", id="call", district="kinuta"), contact("A", id="call", district="tamagawa")

    assert figures(given(*told_twice, ward=with_policy(unit="contact")), "calls-by-district") == {
        ("consultations", "kinuta"): 1
    }


@pytest.mark.parametrize("kind", ["silent", "wrong-number", "enquiry", "exercise"])
def test_rule_2_a_contact_of_these_kinds_counts_nothing(kind: str) -> None:
    """件数外: kept, and in no table."""
    facts = given(contact("A", not_counted=kind))

    assert len(facts.cases["A"].contacts) == 1
    assert figures(facts) == {}


@pytest.mark.parametrize("kind", ["silent", "wrong-number", "enquiry", "exercise"])
def test_rule_2_a_kind_that_the_ward_left_out_is_counted(kind: str) -> None:
    """The alternative policy: an empty list counts every kind."""
    assert figures(given(contact("A", not_counted=kind), ward=with_policy(not_counted=()))) == DAY_OTHER


def test_rule_2_a_silent_call_about_nobody_counts_nothing() -> None:
    """A silent call from an unknown number has no case; it stands under its own id."""
    facts = given(contact(None, id="silent-1", not_counted="silent"))

    assert figures(facts) == {}
    assert not is_open("silent-1", facts)


def test_rule_2_the_first_contact_that_counts_gives_the_band() -> None:
    """A silent call at noon, spoken to at night: a night consultation."""
    assert figures(given(contact("A", NOON, not_counted="silent"), contact("A", NIGHT))) == NIGHT_OTHER


def test_rule_2_a_silent_call_from_a_registered_number_stays_open() -> None:
    """Open until somebody is reached, or it is closed."""
    silent = contact("A", NIGHT, not_counted="silent", registered=True)

    assert is_open("A", given(silent))
    assert not is_open("A", given(silent, contact("A", NEXT_DAY, not_counted="wrong-number")))
    assert not is_open("A", given(silent, closed("A")))


def test_rule_2_a_silent_call_is_closed_where_the_ward_says_so() -> None:
    """The alternative policy, and an unregistered number under either."""
    silent = contact("A", NIGHT, not_counted="silent", registered=True)

    assert not is_open("A", given(silent, ward=with_policy(silent_registered="closed")))
    assert not is_open("A", given(contact("A", NIGHT, not_counted="silent")))


def test_rule_2_a_consultation_is_open_until_it_is_closed_after_its_last_contact() -> None:
    """A contact after the closing opens it again; a contact before it, typed in late, does not."""
    assert is_open("A", given(contact("A")))
    assert not is_open("A", given(contact("A"), closed("A", LATER)))
    assert not is_open("A", given(contact("A", NOON), closed("A", NOON)))
    assert not is_open("A", given(contact("A"), closed("A", LATER), contact("A", NIGHT)))
    assert is_open("A", given(contact("A"), closed("A", NEXT_DAY), contact("A", LATER)))


def test_rule_2_an_ended_part_does_not_close_an_open_whole() -> None:
    """B was closed and merged into A; A still needs somebody, until A is closed."""
    history = contact("A"), contact("B"), closed("B", NEXT_DAY), merged("B", into="A")

    assert is_open("A", given(*history))
    assert not is_open("A", given(*history, closed("A")))
    assert not is_open("B", given(*history))


@pytest.mark.parametrize(
    ("on", "band"),
    [
        ("2025-03-31 17:05", "day"),
        ("2025-04-01 17:05", "night"),
        ("2025-04-01 08:29:59", "night"),
        ("2025-04-01 08:30:00", "day"),
        ("2025-04-01 17:00:00", "night"),
    ],
)
def test_rule_3_the_band_by_the_hours_in_force(on: str, band: str) -> None:
    """17:15 until March 2025, 17:00 from April; each band begins on its first second."""
    assert figures(given(contact("A", on))) == {(band, "other"): 1}


@pytest.mark.parametrize(("on", "band"), [("2025-04-01 08:30:00", "night"), ("2025-04-01 17:00:00", "day")])
def test_rule_3_a_call_on_the_edge_belongs_to_the_band_before_where_the_ward_says_so(on: str, band: str) -> None:
    """The alternative edges: (start, end]."""
    assert figures(given(contact("A", on), ward=with_policy(edges="end"))) == {(band, "other"): 1}


def test_rule_3_a_call_typed_in_late_keeps_its_band() -> None:
    """A night call written down in the morning is a night call."""
    assert figures(given(contact("A", NIGHT, entered="2025-05-13 09:00"))) == NIGHT_OTHER


def test_rule_3_an_old_call_keeps_the_rules_of_its_time() -> None:
    """A ward that began to count exercises in 2025 does not count those of 2024."""
    change = activated(with_policy(not_counted=()), since="2025-04-01 00:00")
    exercises = contact("A", "2024-05-01 12:00", not_counted="exercise"), contact("B", NOON, not_counted="exercise")

    assert figures(given(*exercises, change)) == DAY_OTHER


def test_rule_3_rules_hold_from_their_first_moment() -> None:
    """At 0:00 of 1 April the new ones; before the first ones ever, those."""
    change = activated(with_policy(not_counted=()), since="2025-04-01 00:00")
    exercise = contact("A", "2025-04-01 00:00", not_counted="exercise")

    assert figures(given(exercise, change)) == NIGHT_OTHER
    assert figures(given(contact("A", "2022-08-25 12:00"), change)) == DAY_OTHER


@pytest.mark.parametrize(("period", "year"), [("clock", 2025), ("evening", 2024)])
def test_rule_4_three_in_the_morning_on_1_april(period: str, year: int) -> None:
    """By the clock it is the new fiscal year; by the evening on which the night began, the old one."""
    assert years(given(contact("A", "2025-04-01 03:00"), ward=with_policy(period=period))) == [year]


def test_rule_4_the_outcome_comes_from_after_the_periods_end() -> None:
    """A call of March, placed in April: a short stay of the old year."""
    facts = given(contact("A", "2025-03-31 20:00"), arranged(on="2025-04-01 10:00"))

    assert years(facts) == [2024]
    assert figures(facts) == {("night", "short-stay"): 1}


def test_rule_5_a_bed_on_the_next_day_leaves_a_night_call_a_night_call() -> None:
    """Band and outcome are two things."""
    assert figures(given(contact("A", NIGHT), arranged(on=NEXT_DAY))) == {("night", "short-stay"): 1}


@pytest.mark.parametrize(
    ("kinds", "outcome"),
    [
        (["supporter", "short-stay", "home-help"], "both"),
        (["home-help", "short-stay"], "short-stay"),
        (["home-help", "supporter"], "supporter"),
        (["home-help"], "home-help"),
        ([], "other"),
    ],
)
def test_rule_6_one_column_by_precedence(kinds: list[str], outcome: str) -> None:
    """併用 before 短期入所 before 専門サポーター before 居宅介護, in whatever order they were arranged."""
    assert figures(given(contact("A"), *(arranged(kind) for kind in kinds))) == {("day", outcome): 1}


def test_rule_6_a_placement_goes_before_a_hand_over() -> None:
    """It stands under the placement, and the report can say that it had both."""
    facts = given(contact("A"), arranged("home-help"), handed_over())

    assert figures(facts) == {("day", "home-help"): 1}
    assert has_both("A", facts)
    assert figures(facts, "both") == {("consultations", "count"): 1}


def test_rule_6_a_placement_alone_or_with_a_morning_hand_over_is_not_both() -> None:
    """Only a placement and a hand-over that count make both."""
    assert not has_both("A", given(contact("A")))
    assert not has_both("A", given(contact("A"), handed_over()))
    assert not has_both("A", given(contact("A"), arranged()))
    assert not has_both("A", given(contact("A"), arranged(), handed_over("morning")))


def test_rule_6_a_part_given_up_before_it_began_does_not_count() -> None:
    """The stay was to begin on the 20th and was cancelled on the 14th."""
    history = contact("A"), arranged(begins="2025-05-20 10:00"), cancelled(on=LATER)

    assert figures(given(*history)) == DAY_OTHER


def test_rule_6_a_part_given_up_after_it_began_counts() -> None:
    """It kept life going for a while; without a beginning it began at once. At its beginning it had begun."""
    assert figures(given(contact("A"), arranged(begins=LATER), cancelled(on=LATER))) == {("day", "short-stay"): 1}
    assert figures(given(contact("A"), arranged(begins=NIGHT), cancelled(on=LATER))) == {("day", "short-stay"): 1}
    assert figures(given(contact("A"), arranged(), cancelled(on=LATER))) == {("day", "short-stay"): 1}


def test_rule_6_a_cancelled_part_never_counts_where_the_ward_says_so() -> None:
    """The alternative policy."""
    history = contact("A"), arranged(begins=NIGHT), cancelled(on=LATER)

    assert figures(given(*history, ward=with_policy(cancelled="any"))) == DAY_OTHER


def test_rule_6_what_an_agency_arranges_moves_nothing() -> None:
    """The centre did not coordinate it."""
    assert figures(given(contact("A"), handed_over(), arranged(by="agency"))) == {("day", "handed-over"): 1}


@pytest.mark.parametrize("kind", ["agency", "section"])
def test_rule_7_an_accepted_hand_over_to_an_agency_or_the_section_counts(kind: str) -> None:
    """引継ぎ from the day on which it was accepted."""
    assert figures(given(contact("A"), handed_over(kind))) == {("day", "handed-over"): 1}


@pytest.mark.parametrize("kind", ["morning", "escalation", "information"])
def test_rule_7_these_hand_overs_never_count(kind: str) -> None:
    """Or every night call would be one; nor are they in hand."""
    assert figures(given(contact("A", NIGHT), handed_over(kind))) == NIGHT_OTHER
    assert not pending("A", given(contact("A", NIGHT), offered(kind)))
    assert not pending("A", given(contact("A", NIGHT)))


def test_rule_7_an_offered_hand_over_is_other_and_in_hand() -> None:
    """うち対応中, until there is an answer."""
    facts = given(contact("A"), offered())

    assert figures(facts) == DAY_OTHER
    assert figures(facts, "pending") == {("consultations", "count"): 1}
    assert pending("A", facts)


@pytest.mark.parametrize("answer", [declined(), withdrawn(), handed_over(on=LATER)])
def test_rule_7_an_answer_ends_being_in_hand(answer: object) -> None:
    """Accepted, declined or taken back."""
    assert not pending("A", given(contact("A"), offered(), answer))  # type: ignore[arg-type]  # A case of parametrize.


def test_rule_7_a_return_undoes_a_hand_over() -> None:
    """差戻し: その他 again, and not in hand."""
    facts = given(contact("A"), offered(), handed_over(), returned())

    assert figures(facts) == DAY_OTHER
    assert not pending("A", facts)


def test_rule_7_a_return_undoes_nothing_where_the_ward_says_ever() -> None:
    """The alternative policy; an offer alone is not enough for it."""
    ever = with_policy(handover="ever")

    assert figures(given(contact("A"), handed_over(), returned(), ward=ever)) == {("day", "handed-over"): 1}
    assert figures(given(contact("A"), offered(), ward=ever)) == DAY_OTHER


def test_rule_7_an_offer_counts_where_the_ward_says_offered() -> None:
    """The other alternative; declined, taken back or returned undo it."""
    ward = with_policy(handover="offered")

    assert figures(given(contact("A"), offered(), ward=ward)) == {("day", "handed-over"): 1}
    for undoing in ([declined()], [withdrawn()], [handed_over(), returned()]):
        assert figures(given(contact("A"), offered(), *undoing, ward=ward)) == DAY_OTHER


def test_rule_12_an_unregistered_caller_counts_in_the_district_as_told() -> None:
    """Or under 不明; a further contact that knows better changes nothing."""
    facts = given(contact("A", district="kinuta"), contact("B", district=None), contact("B", NIGHT, district="kinuta"))

    assert figures(facts, "calls-by-district") == {("consultations", "kinuta"): 1, ("consultations", "unknown"): 1}


def test_rule_12_only_a_correction_changes_the_district() -> None:
    """And it changes it for all time."""
    facts = given(contact("A", id="first", district="kinuta"), contact_corrected("first", district="tamagawa"))

    assert figures(facts, "calls-by-district", before=NEXT_DAY) == {("consultations", "tamagawa"): 1}


def test_a_corrected_kind_of_contact_counts_or_stops_counting() -> None:
    """An exercise that was taken for a call, and a call that was taken for an exercise."""
    was_exercise = contact("A", id="first"), contact_corrected("first", not_counted="exercise")
    was_call = contact("A", id="first", not_counted="exercise"), contact_corrected("first", not_counted=None)

    assert figures(given(*was_exercise)) == {}
    assert figures(given(*was_call)) == DAY_OTHER


def test_a_corrected_time_moves_the_consultation_for_all_time() -> None:
    """It was at night all along: known now as of any day."""
    facts = given(contact("A", id="first"), contact_corrected("first", time=at(NIGHT).isoformat()))

    assert figures(facts) == NIGHT_OTHER
    assert figures(facts, before=NIGHT) == {}


def test_rule_13_a_later_event_moves_the_figure_known_now_and_not_the_one_known_then() -> None:
    """The figure of the earlier prefix of the ledger stays what it was."""
    ledger = recorded(activated(WARD), contact("A"), arranged())

    assert figures(fold(ledger[:2])) == DAY_OTHER
    assert figures(fold(ledger)) == {("day", "short-stay"): 1}


def test_rule_13_as_of_a_day_only_what_had_happened_counts() -> None:
    """The same events, on the first clock: before the call, before the bed, and after."""
    facts = given(contact("A", NOON), arranged(on=NEXT_DAY), handed_over(on=NEXT_DAY))

    assert figures(facts, before="2025-05-12 12:00") == {}
    assert figures(facts, before="2025-05-12 12:01") == DAY_OTHER
    assert figures(facts, before=LATER) == {("day", "short-stay"): 1}


def test_rule_13_a_cancelling_or_a_return_after_the_day_undoes_nothing_yet() -> None:
    """As of the day between, the stay was arranged and the hand-over stood."""
    stay = given(contact("A"), arranged(begins="2025-05-20 10:00"), cancelled(on=LATER))
    passed_on = given(contact("A"), offered(), handed_over(), returned(on=LATER))

    assert figures(stay, before=LATER) == {("day", "short-stay"): 1}
    assert figures(passed_on, before=LATER) == {("day", "handed-over"): 1}


def test_a_placement_heard_before_its_call_waits_for_it() -> None:
    """Services are heard in any order; alone, a placement counts nothing."""
    assert figures(given(arranged())) == {}
    assert figures(given(arranged(), handed_over(), contact("A"))) == {("day", "short-stay"): 1}


def test_nothing_is_counted_before_a_ward_was_activated() -> None:
    """The rules are heard from intake too; what came before them is not lost."""
    ledger = recorded(arranged(), contact("A"), activated(WARD))

    assert figures(fold(ledger[:2])) == {}
    assert figures(fold(ledger)) == {("day", "short-stay"): 1}


def test_apply_says_whose_entries_may_have_changed() -> None:
    """The case, the one that it is a part of, both ends of a move; all of them when the rules change."""
    history = activated(WARD), contact("A"), contact("B"), merged("B", into="A"), arranged(case="B"), closed("A")
    facts = Facts()
    changed = [
        apply(facts, record, happened.event) for record, happened in zip(recorded(*history), history, strict=True)
    ]

    assert changed[0] is EVERYTHING
    assert changed[1:] == [
        (("case", "A"),),
        (("case", "B"),),
        (("case", "B"), ("case", "A")),
        (("case", "A"),),
        (),
    ]


def test_a_case_keeps_what_the_senders_called_it() -> None:
    """Its number, the senders' own names and how many events concerned it."""
    case = given(contact("A"), contact("A", NIGHT), arranged()).cases["A"]

    assert (case.number, case.names) == ("R7-0001", (("day", "ref-A"),))


def test_a_case_knows_its_person_as_soon_as_somebody_says_so() -> None:
    """A further contact may say who it is about, and one that does not takes nothing back."""
    facts = given(contact("A", NOON), contact("A", NIGHT, person="P"), contact("A", NEXT_DAY))

    assert facts.cases["A"].person == "P"


def test_one_synthetic_record_makes_the_whole_synthetic() -> None:
    """架空データ is said as soon as there is any."""
    assert fold(recorded(contact("A"), synthetic=True)).synthetic
    assert not fold(recorded(contact("A"))).synthetic
