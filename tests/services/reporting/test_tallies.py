"""Design rule 10: the tallies are the fold of the ledger, however it grew; thrown away, they come out the same."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.facts import Entry
from services.reporting.fold import all_entries
from services.reporting.tallies import ENTRIES, FACTS, stored_cells, stored_entries, stored_whole
from tests.desk_examples import (
    LATER,
    NEXT_DAY,
    NIGHT,
    NOON,
    ON_ONE_STORE,
    SEEDED,
    WARD,
    Centre,
    Message,
    answer,
    arrange,
    badly,
    call,
    cancel,
    close,
    contact,
    correct,
    merge,
    message,
    offer,
    register,
    with_policy,
)

CASES, PERSONS, TIMES = "ABC", "PQ", [NOON, NIGHT, NEXT_DAY, LATER, "2025-03-31 23:00"]
KINDS = ["agency", "section", "morning", "information"]
WARDS = [WARD, with_policy(unit="contact"), with_policy(cancelled="any", handover="offered"), with_policy(age="legal")]


def history(random: Random) -> list[Message]:
    """Anything that providers may say about a few cases and persons, sensible or not."""
    calls = [call(random.choice(CASES), random.choice(TIMES), person=random.choice([None, *PERSONS])) for _ in range(6)]
    told = calls + [said for _ in range(4) for said in random.sample(_round(random, calls), k=5)]
    random.shuffle(told)
    return told


def _round(random: Random, calls: list[Message]) -> list[Message]:
    """One message of each kind, about whatever comes up."""
    case, other, person = random.choice(CASES), random.choice(CASES), random.choice(PERSONS)
    on, wrong, place, passing = random.choice(TIMES), random.choice(calls), random.choice("bh"), random.choice("xy")
    return [
        register(person, random.choice(["2025-03-31 10:00", "2025-04-01 10:00"]), age=random.choice([9, 65])),
        contact(on=on, not_counted="silent"),
        contact({"case": case}, {"case": other}, on=on),
        correct(wrong, district=random.choice(["kinuta", None])),
        correct(wrong, occurred_at="2025-03-31T14:00:00Z", not_counted="exercise"),
        close(case, on),
        merge(case, into=other),
        message("case.split", LATER, case=case),
        message("person.merge", LATER, person=person, into=random.choice(PERSONS)),
        message("person.split", LATER, person=person),
        message("registration.correct", LATER, person=person, district="tamagawa", handbooks=None),
        message("registration.withdraw", LATER, person=person),
        arrange(place, case, random.choice(["short-stay", "supporter"]), on),
        cancel(place, LATER),
        offer(passing, case, random.choice(KINDS), on),
        answer(random.choice(["accept", "decline", "withdraw", "return"]), passing, LATER),
    ]


def play(centre: Centre, random: Random) -> None:
    """Say a history in groups of any size, some of it twice, with the bus at its worst and the rules changing."""
    centre.clock.now = centre.clock.now.replace(day=20)
    told = history(random)
    told += random.choices(told, k=4)
    for n, one in enumerate(told):
        centre.say("day", one)
        if random.random() < 0.25:
            centre.pump(badly(random))
        if n == 15:
            centre.activate(random.choice(WARDS), centre.clock.now.replace(day=random.choice([12, 13, 14])))
    centre.pump(badly(random))


def kept(centre: Centre) -> tuple[Counter[Entry], dict[Any, int]]:
    """Entries and cells as the tallies keep them."""
    with centre.engine("reporting").connect() as connection:
        return Counter(stored_entries(connection)), stored_cells(connection)


def folded(centre: Centre) -> tuple[Counter[Entry], dict[Any, int]]:
    """Entries and cells from the whole ledger, from nothing."""
    found = all_entries(centre.inquiry.facts())
    return Counter(found), dict(Counter((entry.report, entry.year, entry.row, entry.column) for entry in found))


@settings(max_examples=4, **SEEDED)
@given(seed=st.integers(0, 2**32))
def test_tallies_kept_along_equal_the_fold_of_the_whole_ledger(databases: Callable[[], str], seed: int) -> None:
    """Over anything that may be said, in any interleaving, with duplicates and gaps, in batches of any size."""
    with Centre(databases()) as centre:
        play(centre, Random(seed))

        assert kept(centre) == folded(centre)
        with centre.engine("reporting").connect() as connection:
            assert stored_whole(connection).position == centre.inquiry.ledger.head()


def test_tallies_go_on_after_a_restart(centre: Centre) -> None:
    """Half of a history before it, half after."""
    random = Random(7)
    for n, one in enumerate(history(random)):
        centre.say("day", one)
        centre.pump()
        if n % 6 == 0:
            centre.restart()

    assert kept(centre) == folded(centre)


def test_tallies_rebuilt_are_the_same(centre: Centre) -> None:
    """Facts, entries, cells: row by row, byte by byte."""
    play(centre, Random(3))
    before = everything(centre)
    rebuild(centre)

    assert everything(centre) == before
    assert len(before) > 10


def test_tallies_that_were_tampered_with_come_right_again(centre: Centre) -> None:
    """They are disposable; what is lost or bent is folded again."""
    play(centre, Random(3))
    before = everything(centre)
    with centre.engine("reporting").begin() as connection:
        connection.execute(sa.text("DELETE FROM entries"))
        connection.execute(sa.text("UPDATE cells SET value = value + 1"))
    assert kept(centre) != folded(centre)
    rebuild(centre)

    assert everything(centre) == before


def test_a_rebuilt_tally_goes_on(centre: Centre) -> None:
    """What comes after it is counted on top."""
    centre.say("day", call("A"))
    centre.pump()
    rebuild(centre)
    centre.say("day", call("B"))
    centre.pump()

    assert centre.figures() == {("day", "other"): 2}


def rebuild(centre: Centre) -> None:
    """As `yoake rebuild` does."""
    with centre.ledger.journal.transaction() as connection:
        centre.ledger.tallies.rebuild(connection, (row.event for row in centre.inquiry.ledger.rows()))


def everything(centre: Centre) -> list[Any]:
    """Every row of the tallies."""
    rows = [tuple(row.values()) for table in (FACTS, ENTRIES) for row in centre.rows(table, "reporting")]
    return [*rows, sorted(kept(centre)[1].items())]


def test_each_cell_knows_whom_it_counts(centre: Centre) -> None:
    """As many members as the figure says."""
    play(centre, Random(5))
    entries, cells = kept(centre)
    members = Counter(key for entry in entries if (key := (entry.report, entry.year, entry.row, entry.column)))

    assert dict(members) == cells


STEPS: list[tuple[str, Message, dict[tuple[str, str], int]]] = [
    ("a night's call", call("A", NIGHT), {("night", "other"): 1}),
    ("a place on the next day", arrange("bed", "A"), {("night", "short-stay"): 1}),
    ("a supporter as well", arrange("helper", "A", "supporter"), {("night", "both"): 1}),
    ("the bed is given up before it began", cancel("bed", NEXT_DAY), {("night", "both"): 1}),
    ("another call", call("B", NOON), {("day", "other"): 1, ("night", "both"): 1}),
    ("about the same matter", merge("B", into="A"), {("day", "both"): 1}),
    ("or not", message("case.split", LATER, case="B"), {("day", "other"): 1, ("night", "both"): 1}),
    ("passed on", offer("x", "B"), {("day", "other"): 1, ("night", "both"): 1}),
    ("and taken", answer("accept", "x"), {("day", "handed-over"): 1, ("night", "both"): 1}),
    ("and returned", answer("return", "x"), {("day", "other"): 1, ("night", "both"): 1}),
]


def test_each_event_moves_its_figure(centre: Centre) -> None:
    """From column to column, step by step."""
    for what, told, expected in STEPS:
        centre.say("day", told)
        centre.pump()
        assert centre.figures() == expected, what


def test_figures_fall_to_nothing_and_the_cell_is_gone(centre: Centre) -> None:
    """A call that turns out to be an exercise counts nowhere."""
    wrong = call("A")
    centre.say("day", wrong)
    centre.pump()
    centre.say("day", correct(wrong, not_counted="exercise"))
    centre.pump()

    assert centre.figures() == {}


def test_a_changed_rule_counts_everything_again(centre: Centre) -> None:
    """What lies under it moves in the transaction of its event, whatever it was before."""
    play(centre, Random(11))
    for ward in WARDS:
        centre.activate(ward)
        centre.pump()
        assert kept(centre) == folded(centre)


@ON_ONE_STORE
def test_the_order_in_which_services_are_heard_changes_no_figure(databases: Callable[[], str]) -> None:
    """A placement may reach the ledger before its call."""
    figures = []
    for order in itertools.permutations(["intake", "placement", "handover"]):
        with Centre(databases()) as centre:
            for told in (call("A", NIGHT), arrange(), offer(), answer("accept")):
                centre.say("day", told)
            for listener in ("placement", "handover"):
                centre.hear(listener, centre.unheard(listener))
            for service in order:
                centre.ledger.hear([text for _, text in centre.desk(service).journal.read()])
            figures.append(centre.figures())

    assert figures == [{("night", "short-stay"): 1}] * 6


def test_what_was_arranged_after_a_closing_belongs_to_the_next_consultation_in_any_order(database_url: str) -> None:
    """A call, its closing, a call again, a bed and a hand-over since: the second has them, whatever came first."""
    orders = list(itertools.permutations(range(6)))
    with Centre(database_url) as centre:
        for n, order in enumerate(Random(4).sample(orders, 12)):
            ref = f"A{n}"
            said = [
                call(ref, "2025-05-12 10:00", district="kinuta"),
                close(ref, "2025-05-12 11:00"),
                call(ref, "2025-05-12 12:00", district="kitazawa"),
                arrange(f"bed-{n}", ref, on="2025-05-12 13:00"),
                offer(f"offer-{n}", ref, on="2025-05-12 14:00"),
                answer("accept", f"offer-{n}", on="2025-05-12 15:00"),
            ]
            for place in order:
                centre.say("day", said[place])
                centre.pump()
        assert centre.figures() == {("day", "short-stay"): 12, ("day", "other"): 12}
        assert centre.figures("calls-by-district") == {
            ("consultations", "kitazawa"): 12,
            ("consultations", "kinuta"): 12,
        }
