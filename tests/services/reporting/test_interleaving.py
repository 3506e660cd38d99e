"""The order in which the services' logs arrive changes nothing, and neither does folding bit by bit."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from events import Recorded, event_of
from services.reporting.fold import EVERYTHING, Entry, Facts, all_entries, apply, entries, fold
from tests.reporting_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    WARD,
    Happened,
    activated,
    arranged,
    at,
    came_back,
    cancelled,
    closed,
    contact,
    contact_corrected,
    contact_moved,
    declined,
    handed_over,
    left,
    merged,
    not_the_same_person,
    offered,
    recorded,
    registered,
    registration_corrected,
    returned,
    same_person,
    split,
    with_policy,
    withdrawn,
)

CASES = st.sampled_from(["A", "B", "C"])
PERSONS = st.sampled_from(["P", "Q"])
TIMES = st.sampled_from([NOON, NIGHT, NEXT_DAY, LATER])
AGENCIES = st.sampled_from(["agency", "section", "morning", "information"])

INTAKE = st.one_of(
    st.builds(contact, CASES, TIMES, id=st.sampled_from("xyz"), not_counted=st.sampled_from([None, "silent"])),
    st.builds(contact_corrected, st.sampled_from("xyz"), CASES, district=st.sampled_from([None, "kinuta"])),
    st.builds(contact_corrected, st.sampled_from("xyz"), CASES, time=TIMES.map(lambda on: at(on).isoformat())),
    st.builds(contact_moved, st.sampled_from("xyz"), CASES, to=CASES),
    st.builds(merged, CASES, into=CASES),
    st.builds(split, CASES, of=CASES),
    st.builds(closed, CASES, TIMES),
    st.builds(registered, PERSONS, st.sampled_from(["2023-03-31", "2023-04-01"])),
    st.builds(registration_corrected, PERSONS, age=st.sampled_from([None, 65])),
    st.builds(left, PERSONS),
    st.builds(came_back, PERSONS),
    st.builds(same_person, PERSONS, into=PERSONS),
    st.builds(not_the_same_person, PERSONS, of=PERSONS),
    st.builds(activated, st.sampled_from([WARD, with_policy(unit="contact"), with_policy(cancelled="any")])),
)
PLACEMENT = st.one_of(
    st.builds(arranged, st.sampled_from(["short-stay", "supporter"]), TIMES, case=CASES),
    st.builds(cancelled, st.sampled_from(["short-stay", "supporter"]), TIMES, case=CASES),
)
HANDOVER = st.one_of(
    *(st.builds(said, AGENCIES, TIMES, case=CASES) for said in (offered, handed_over, declined, withdrawn, returned))
)
LOGS = st.tuples(*(st.lists(log, max_size=12) for log in (INTAKE, PLACEMENT, HANDOVER))).map(
    lambda logs: [recorded(*_with_rules(logs[0])), recorded(*logs[1]), recorded(*logs[2])]
)


def _with_rules(intake: list[Happened]) -> list[Happened]:
    return [activated(WARD), *intake]


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[Recorded], list[Recorded]]:
    """Two ledgers of the same three logs; each service's own order is kept."""
    logs = draw(LOGS)
    turns = [service for service, log in enumerate(logs) for _ in log]
    return _interleaved(logs, turns), _interleaved(logs, draw(st.permutations(turns)))


def _interleaved(logs: list[list[Recorded]], turns: list[int]) -> list[Recorded]:
    waiting = [iter(log) for log in logs]
    return [next(waiting[service]) for service in turns]


@given_any(interleavings())
@settings(deadline=None)
def test_any_interleaving_of_the_logs_gives_the_same_facts(ledgers: tuple[list[Recorded], list[Recorded]]) -> None:
    """The same entries, and for each case and person the same bytes."""
    one, other = map(fold, ledgers)

    assert sorted(all_entries(one)) == sorted(all_entries(other))
    for case, facts in one.cases.items():
        assert msgspec.json.encode(facts) == msgspec.json.encode(other.cases[case])
    assert one.persons == other.persons


@given_any(interleavings())
@settings(deadline=None)
def test_entries_kept_up_to_date_equal_the_fold_from_nothing(ledgers: tuple[list[Recorded], list[Recorded]]) -> None:
    """Replacing only what `apply` names never misses a change."""
    facts = Facts()
    kept: defaultdict[tuple[str, str], tuple[Entry, ...]] = defaultdict(tuple)
    for length, record in enumerate(ledgers[1], start=1):
        changed = apply(facts, record, event_of(record))
        if changed is EVERYTHING:
            changed = tuple([("case", case) for case in facts.cases] + [("person", person) for person in facts.persons])
        kept.update({member: entries(*member, facts) for member in changed})

        from_nothing = all_entries(fold(ledgers[1][:length]))
        assert sorted(entry for some in kept.values() for entry in some) == sorted(from_nothing)


class Stored(dict[str, Any]):
    """Facts as a database keeps them: what was changed and not assigned back is lost."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, copy.deepcopy(value))

    def get(self, key: str, default: Any = None) -> Any:
        """A copy, as if just read."""
        return copy.deepcopy(super().get(key, default))


@given_any(interleavings())
@settings(deadline=None)
def test_every_change_is_assigned_back(ledgers: tuple[list[Recorded], list[Recorded]]) -> None:
    """Facts that live in a database come out as those in memory."""
    in_memory, stored = fold(ledgers[0]), Facts(cases=Stored(), persons=Stored())
    for record in ledgers[0]:
        apply(stored, record, event_of(record))

    assert stored.cases == in_memory.cases
    assert stored.persons == in_memory.persons


@given_any(interleavings())
@settings(deadline=None)
def test_entries_are_unique(ledgers: tuple[list[Recorded], list[Recorded]]) -> None:
    """A tally may keep them under a unique key."""
    found = all_entries(fold(ledgers[0]))

    assert len(found) == len(set(found))


@given_any(interleavings())
@settings(deadline=None)
def test_facts_survive_being_stored(ledgers: tuple[list[Recorded], list[Recorded]]) -> None:
    """What a case or a person is, is the same after JSON and back."""
    facts = fold(ledgers[0])

    for member in (*facts.cases.values(), *facts.persons.values()):
        assert msgspec.json.decode(msgspec.json.encode(member), type=type(member)) == member
