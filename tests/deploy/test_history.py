"""The synthetic history yields the published tables, cell by cell, and refuses those that contradict themselves."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.history import Contradiction, plan, read_examples
from deploy.history.hours import moment_in
from events.messages import MESSAGES
from services.reporting.published import Published, load
from services.ward import Policy, fiscal_year
from tests.history_examples import (
    DISTRICTS,
    POLICIES,
    SETAGAYA,
    WARDS,
    YEARS_SHOWN,
    Count,
    consistent_tables,
    invented,
    table,
)

PUBLISHED = load(WARDS / "setagaya-published.toml")
EXAMPLES = read_examples(WARDS / "setagaya-published.toml")
DAY = timedelta(days=1)


@pytest.mark.parametrize("seed", range(21))
def test_the_published_tables_come_out_exactly(seed: int) -> None:
    """Whatever the seed, every published cell is what the history counts."""
    count = Count(plan(PUBLISHED, SETAGAYA, seed, EXAMPLES), SETAGAYA)

    assert [count.rows(table) for table in PUBLISHED] == [table.rows for table in PUBLISHED]


def test_the_same_seed_gives_the_same_history() -> None:
    """A history can be made again from its tables, its ward and its seed; another seed makes another."""
    history = plan(PUBLISHED, SETAGAYA, 7, EXAMPLES)

    assert plan(PUBLISHED, SETAGAYA, 7, EXAMPLES) == history
    assert [sent.message["time"] for sent in plan(PUBLISHED, SETAGAYA, 8, EXAMPLES)] != [
        sent.message["time"] for sent in history
    ]


def test_every_message_keeps_to_the_contract() -> None:
    """Strictly: each field is one that the message has, and of its type."""
    for _, message in plan(PUBLISHED, SETAGAYA, 1, EXAMPLES):
        kind = MESSAGES[message["type"]]
        assert set(message["data"]) <= set(kind.__struct_fields__)
        msgspec.convert(message["data"], kind)


def test_messages_come_in_the_order_in_which_they_were_entered() -> None:
    """Numbered as they are sent, each entered after it happened, and marked as synthetic."""
    messages = [sent.message for sent in plan(PUBLISHED, SETAGAYA, 1, EXAMPLES)]

    assert [message["entered"] for message in messages] == sorted(message["entered"] for message in messages)
    assert [message["id"] for message in messages] == [f"{n:04}" for n in range(1, len(messages) + 1)]
    assert all(message["time"] < message["entered"] and message["synthetic"] for message in messages)


def test_nothing_is_named_before_it_was_told() -> None:
    """A person, a case, a place and a hand-over are told of before another message names them."""
    known: set[str] = set()
    for _, message in plan(PUBLISHED, SETAGAYA, 3, EXAMPLES):
        data, new = message["data"], {"call.report", "registration.submit", "placement.arrange"}
        named = [data.get(key) for key in ("person", "case", "placement", "handover")]
        persons = [matter.get("person") for matter in data.get("matters", ())]
        assert {ref for ref in persons if ref} <= known
        if message["type"] == "placement.arrange" or message["type"] in ("handover.offer", "handover.complete"):
            assert data["case"] in known
        elif message["type"] not in new:
            assert {ref for ref in named if ref} <= known
        known |= {ref for ref in named if ref} | {matter["case"] for matter in data.get("matters", ())}


def test_the_two_examples_of_the_fifteen_are_told() -> None:
    """A Monday at ten, carer in hospital, short stay; a Thursday at one, carer away, the one supporter by then."""
    count = Count(plan(PUBLISHED, SETAGAYA, 5, EXAMPLES), SETAGAYA)
    early = [matter for matter in count.matters.values() if matter.at.date() <= date(2023, 1, 20)]
    told = {
        (matter.at.weekday(), matter.at.hour, matter.reasons[0], count.outcome(matter), book)
        for matter in early
        if matter.person and count.persons[matter.person].group == "50s"
        for book in count.persons[matter.person].handbooks
    }

    assert (0, 10, "carer-ill", "short-stay", "intellectual") in told
    assert (3, 13, "carer-away", "supporter", "physical") in told
    assert [count.outcome(matter) for matter in early].count("supporter") == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_night_coordination_is_arranged_on_the_following_day(seed: int) -> None:
    """Facilities decide by day: three night calls of the fiscal year 2023 were coordinated, each the day after."""
    count = Count(plan(PUBLISHED, SETAGAYA, seed, EXAMPLES), SETAGAYA)
    nights = [
        matter
        for matter in count.matters.values()
        if SETAGAYA.band_of(matter.at) == "night" and count.outcome(matter) in ("short-stay", "supporter", "home-help")
    ]
    places = [(matter, place["at"]) for matter in nights for place in matter.placed.values()]

    assert [matter.reasons for matter in nights] == [["carer-away"]] * 3
    assert all(at.date() == matter.at.date() + DAY and SETAGAYA.band_of(at) == "day" for matter, at in places)


@pytest.mark.parametrize("seed", range(10))
def test_a_night_call_that_leads_to_a_placement_comes_before_midnight(seed: int) -> None:
    """Then "the following day" is the same by the clock and by the night, without any example saying so."""
    count = Count(plan(PUBLISHED, SETAGAYA, seed), SETAGAYA)
    night = [matter for matter in count.matters.values() if SETAGAYA.band_of(matter.at) == "night"]

    assert all(matter.at.hour >= 17 for matter in night if count.outcome(matter) not in ("other", "handed-over"))


def test_a_history_has_more_in_it_than_its_tables_count() -> None:
    """Further contacts, silent calls, corrections, late entries, closings: what a real record has."""
    messages = [sent.message for sent in plan(PUBLISHED, SETAGAYA, 2, EXAMPLES)]
    kinds = Counter(message["type"] for message in messages)
    calls = [message["data"] for message in messages if message["type"] == "call.report"]
    delays = [
        datetime.fromisoformat(message["entered"]) - datetime.fromisoformat(message["time"]) for message in messages
    ]
    contacts = Counter(matter["case"] for call in calls for matter in call.get("matters", ()))

    assert kinds["case.close"] > 50
    assert 1 <= kinds["call.correct"] <= 2
    assert kinds["placement.cancel"] >= 1
    assert max(contacts.values()) == 2
    assert any(call.get("not_counted") for call in calls)
    assert max(delays) > timedelta(hours=12)


def test_agencies_and_the_section_work_on_weekdays() -> None:
    """The centre is open every day; those to whom it hands over are not."""
    sent = plan(PUBLISHED, SETAGAYA, 2, EXAMPLES)
    times = [message["time"] for _, message in sent if message["type"].startswith("handover.")]

    assert all(datetime.fromisoformat(time).weekday() < 5 for time in times)


def test_a_history_of_one_contractor_has_no_hand_over_between_providers() -> None:
    """Until March 2025 one contractor worked day and night."""
    sent = plan(PUBLISHED, SETAGAYA, 2, EXAMPLES)

    assert {provider for provider, _ in sent} == {"contractor"}
    assert "morning" not in {message["data"].get("kind") for _, message in sent}


def changed(number: int, row: str, column: str, value: float | None) -> list[Published]:
    """The published tables with one figure changed."""
    table = PUBLISHED[number]
    values = tuple(value if key == column else old for key, old in zip(table.columns, table.rows[row], strict=True))
    rows = {**table.rows, row: values}
    return [*PUBLISHED[:number], table._replace(rows=rows), *PUBLISHED[number + 1 :]]


def moved(number: int, row: str, changes: dict[str, int]) -> list[Published]:
    """The published tables with several figures of a row changed at once, so that its sum may still hold."""
    tables = list(PUBLISHED)
    for column, by in changes.items():
        table = tables[number]
        values = tuple(
            (old or 0) + by if key == column else old for key, old in zip(table.columns, table.rows[row], strict=True)
        )
        tables[number] = table._replace(rows={**table.rows, row: values})
    return tables


EARLY, NOT_OPEN, AS_OF, CALLED, BOOKS, AGES, YEARS, CALLS = range(8)

CONTRADICTIONS = {
    "a row's total": (
        changed(AS_OF, "registrants", "total", 109),
        ["registrations as of 2023-01-26, registrants, total: 109", "108"],
    ),
    "a row's total of calls": (changed(CALLS, "2022/day", "total", 20), ["calls 2022-2023, 2022/day, total: 20", "21"]),
    "a total row": (
        moved(CALLS, "2023/total", {"both": 1, "other": -1}),
        ["calls 2022-2023, 2023/total, both: 4", "sum to 3"],
    ),
    "above the fiscal year": (
        moved(AS_OF, "registrants", {"karasuyama": 3, "kitazawa": -3}),
        ["registrations as of 2023-01-26, registrants, karasuyama", "9", "2022, karasuyama: 7"],
    ),
    "falling": (
        moved(EARLY, "registrants", {"kinuta": 8, "kitazawa": -8}),
        ["registrations as of 2022-09-26, registrants, kinuta", "9", "as of 2023-01-26, registrants, kinuta: 8"],
    ),
    "more calls than the years allow": (
        moved(CALLED, "consultations", {"kitazawa": 10, "total": 10}),
        ["calls-by-district as of 2023-01-26, consultations, total", "25", "2022/total, total: 23"],
    ),
    "ages and registrants": (
        [*PUBLISHED[:AGES], PUBLISHED[AGES]._replace(columns=("count",), rows={
            row: (values[0] if row != "10s" else 12,) for row, values in PUBLISHED[AGES].rows.items()
        }), *PUBLISHED[AGES + 1 :]],
        ["ages as of 2023-01-26, total, count", "109", "registrations as of 2023-01-26, registrants, total", "108"],
    ),
    "a percentage": (
        changed(AGES, "30s", "percent", 26.0),
        ["ages as of 2023-01-26, 30s, percent: 26.0", "28 of 108 is 25.9"],
    ),
    "too many handbooks": (
        changed(BOOKS, "intellectual", "count", 106),
        ["handbooks as of 2023-01-26, intellectual, count", "3 left blank", "109", "108"],
    ),
    "too many left blank": (
        changed(BOOKS, "not-stated", "count", 109),
        ["handbooks as of 2023-01-26, not-stated, count", "109", "108"],
    ),
    "before the line opened": (
        changed(NOT_OPEN, "consultations", "kitazawa", 1),
        ["calls-by-district as of 2022-09-26, consultations, kitazawa: 1", "2022-10-01", "－"],
    ),
    "not in operation, but it was": (
        changed(CALLED, "consultations", "setagaya", None),
        ["calls-by-district as of 2023-01-26, consultations, setagaya: －", "2022-10-01"],
    ),
    "a negative count": (
        changed(CALLS, "2022/day", "both", -1),
        ["calls 2022-2023, 2022/day, both: -1", "below 0"],
    ),
    "half a person": (
        changed(AS_OF, "registrants", "kinuta", 8.5),
        ["registrations as of 2023-01-26, registrants, kinuta: 8.5", "whole number"],
    ),
    "an unknown row": (
        [PUBLISHED[BOOKS]._replace(rows={**PUBLISHED[BOOKS].rows, "blue": (1,)})],
        ["handbooks as of 2023-01-26", "'blue'", "physical"],
    ),
    "an unknown column": (
        [PUBLISHED[CALLS]._replace(columns=(*PUBLISHED[CALLS].columns[:5], "x", "total"))],
        ["calls 2022-2023", "unknown column 'x'", "other"],
    ),
    "a missing district": (
        [PUBLISHED[EARLY]._replace(columns=("kitazawa",), rows={"registrants": (14,)})],
        ["registrations as of 2022-09-26", "'setagaya' is missing"],
    ),
    "a year's calls by district": (
        [
            *PUBLISHED,
            PUBLISHED[CALLED]._replace(as_of=None, years=range(2022, 2023), rows={"2022": (2, 10, 6, 2, 1, 1, 22)}),
        ],
        ["calls-by-district 2022, 2022, total", "22", "calls 2022-2023, 2022/total, total", "23"],
    ),
    "two tables of one cell": (
        [*PUBLISHED, PUBLISHED[CALLS]._replace(years=range(2022, 2023), rows={
            "2022/day": (3, 1, 0, 1, 8, 8, 21), "2022/night": (0, 0, 0, 0, 1, 1, 2)
        })],
        ["2022/day, short-stay", "4", "3"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_tables_that_contradict_themselves_are_refused(case: str) -> None:
    """The refusal names the table, the row, the column and both numbers."""
    tables, named = CONTRADICTIONS[case]

    with pytest.raises(Contradiction) as refusal:
        plan(tables, SETAGAYA, 1)

    assert [words for words in named if words not in str(refusal.value)] == [], refusal.value


def test_an_example_that_no_cell_has_is_refused() -> None:
    """The tables come first: an example may not add a consultation."""
    never = msgspec.structs.replace(EXAMPLES[0], outcome="both")

    with pytest.raises(Contradiction, match="day, both"):
        plan(PUBLISHED, SETAGAYA, 1, [never])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), policy=POLICIES, seed=st.integers(0, 10_000))
def test_consistent_tables_of_any_ward_come_out_exactly(data: st.DataObject, policy: Policy, seed: int) -> None:
    """No district, band, outcome, policy or combination of tables is special."""
    ward = invented(policy)

    tables = data.draw(consistent_tables(ward))
    count = Count(plan(tables, ward, seed), ward)

    assert [count.rows(each) for each in tables] == [each.rows for each in tables]


def test_each_message_is_sent_by_a_provider_under_contract() -> None:
    """After a contract ends its provider sends nothing that happened later, and each case keeps one sender."""
    ward, until = invented(Policy()), date(2024, 9, 30)
    cells = {f"{year}/{band}": (8, 8, 8, 8, 8) for year in YEARS_SHOWN for band in ("early", "late", "night")}
    calls = table("calls", [entry.key for entry in ward.outcome], cells)
    none = table("calls-by-district", DISTRICTS, {"consultations": (120, 0, 0, 0)}, as_of=until - DAY * 2)
    many = table("calls-by-district", DISTRICTS, {"consultations": (120, 90, 0, 0)}, as_of=until)
    people = table("registrations", DISTRICTS[:3], {"2023": (60, 60, 60), "2024": (60, 60, 60)})
    senders: dict[str, set[str]] = {}
    for provider, message in plan([calls, none, many, people], ward, 4):
        contract, day = ward.provider_of(provider), datetime.fromisoformat(message["time"]).date()
        assert contract is not None
        assert contract.from_ <= day <= (contract.until or day)
        if "case" in message["data"]:
            senders.setdefault(message["data"]["case"], set()).add(provider)

    assert {len(providers) for providers in senders.values()} == {1}
    assert set().union(*senders.values()) == {"dawn", "sun", "moon"}


@pytest.mark.parametrize("seed", range(30))
def test_no_call_falls_where_the_fiscal_year_is_a_matter_of_policy(seed: int) -> None:
    """The small hours of 1 April are in the new year by the clock, in the old one by the evening: none falls there."""
    at = moment_in(SETAGAYA, "night", date(2023, 4, 1), date(2023, 4, 2), Random(seed))

    assert at is not None
    assert fiscal_year(SETAGAYA.night_of(at)) == fiscal_year(at.date()) == 2023
