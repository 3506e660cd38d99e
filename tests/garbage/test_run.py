"""Some of `make garbage`: every kind many times, on both databases, among good messages."""

from __future__ import annotations

import tracemalloc
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from events.messages import MESSAGES, Receipt
from services.tables import HEARD, WAITING
from tests.desk_examples import ON_ONE_STORE, RULES, SEEDED, Centre, at
from tests.garbage import messages
from tests.garbage.kinds import KINDS, Garbage, parked
from tests.garbage.messages import MARK, good
from tests.garbage.running import parked_rows, send, wrong

COUNT = 2_500
"""On each of two databases."""


def test_all_of_it_is_answered_as_the_contract_says(centre: Centre) -> None:
    """Each good one accepted, each bad one recorded with a flag or parked with a reason; no personal word in clear."""
    outcome = send(centre, COUNT, seed := Random().randrange(10**9))
    failures = sorted(outcome.failures, key=lambda failure: len(failure.garbage.body))
    assert not failures, f"seed {seed}: {len(failures)}, the shortest: {failures[0]}"
    assert outcome.good > COUNT / 10
    assert outcome.counts["good", "accepted"] == outcome.good
    assert {kind for kind, _ in outcome.counts} == {"good", *KINDS}
    centre.pump()
    assert centre.ledger.journal.last_position() == sum(
        centre.desk(service).journal.last_position() for service in RULES
    )
    assert MARK not in centre.on_disk().decode(errors="ignore")


@ON_ONE_STORE
def test_no_kind_stops_what_comes_behind(centre: Centre) -> None:
    """A good call behind it is accepted; what is parked stands where a person finds it, what was taken is known."""
    centre.pump()
    random = Random(3)
    for kind in KINDS:
        garbage = KINDS[kind](random)
        parked_before, heard_before = parked_rows(centre), len(centre.rows(HEARD, garbage.service))
        receipts = centre.say_all((garbage.provider, garbage.body), to=garbage.service)
        good_one = centre.say("day", good("call.report", random))
        assert good_one.status == "accepted", kind
        parked_now = sum(receipt.status in ("parked", "conflict") for receipt in receipts)
        assert parked_rows(centre) - parked_before <= parked_now  # The same bytes without a name are kept once.
        assert bool(parked_now) <= bool(parked_rows(centre)), kind
        heard = sum(receipt.status in ("accepted", "waiting") for receipt in receipts)
        heard += garbage.service == "intake"  # The good one.
        assert len(centre.rows(HEARD, garbage.service)) - heard_before == heard, kind


@ON_ONE_STORE
def test_garbage_twice_is_answered_twice_and_kept_once(centre: Centre) -> None:
    """The bus may tell it again: nothing is added, and there is an answer each time."""
    centre.pump()
    random = Random(7)
    for kind in KINDS:
        garbage = KINDS[kind](random)
        first = centre.say_all((garbage.provider, garbage.body), to=garbage.service)
        counts = [len(centre.rows(table, garbage.service)) for table in (HEARD, WAITING)] + [parked_rows(centre)]
        again = centre.say_all((garbage.provider, garbage.body), to=garbage.service)
        assert len(again) == len(first), kind
        assert [len(centre.rows(table, garbage.service)) for table in (HEARD, WAITING)] + [
            parked_rows(centre)
        ] == counts, kind


@ON_ONE_STORE
def test_memory_does_not_grow_with_what_was_parked(centre: Centre) -> None:
    """A sender that is wrong for a whole night costs disk, not memory."""
    send(centre, 600, seed=1)
    tracemalloc.start()
    try:
        send(centre, 600, seed=2)
        before, _ = tracemalloc.get_traced_memory()
        send(centre, 600, seed=3)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 8 * 1024 * 1024


def test_the_contract_s_tables_are_those_of_the_generator() -> None:
    """A message that is new in the contract is garbled here as well."""
    assert list(messages.FIELDS) == list(MESSAGES)
    for name, fields in messages.FIELDS.items():
        assert set(fields) | {"personal"} >= set(MESSAGES[name].__struct_fields__), name


def test_a_wrong_answer_is_seen() -> None:
    """The checks themselves: another status, another field, no reason, too few answers, an echo."""
    garbage = Garbage(body=b"", expects=(parked("time"),))
    right = Receipt(
        provider="day", status="parked", service="intake", at=at("2025-05-12 12:00"), field="time", reason="time: x"
    )
    assert wrong(garbage, (right,)) == []
    assert wrong(garbage, ()) == ["0 receipts for 1 messages"]
    for change in ({"status": "accepted"}, {"field": "id"}, {"reason": "no"}, {"reason": f"time: {MARK}"}):
        assert wrong(garbage, (msgspec.structs.replace(right, **change),)), change


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([MARK, "\x00", "😀", "sealed"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@ON_ONE_STORE
@settings(max_examples=100, deadline=None, suppress_health_check=SEEDED["suppress_health_check"])
@given(data=st.data())
def test_any_value_in_any_place_of_any_message_has_one_answer(centre: Centre, data: st.DataObject) -> None:
    """What hypothesis thinks of: one receipt, a call recorded, and never a fault of ours."""
    random = data.draw(st.randoms(use_true_random=False))
    message = good(data.draw(st.sampled_from(list(messages.FIELDS))), random)
    places = [
        "time",
        "entered",
        "specversion",
        "synthetic",
        "data",
        *(f"data.{f}" for f in messages.FIELDS[message["type"]]),
    ]
    for place in data.draw(st.lists(st.sampled_from([*places, "data.personal", "data.x"]), min_size=1, max_size=4)):
        outer, _, inner = place.partition(".")
        value = data.draw(values)
        if not inner:
            message[outer] = value
        elif isinstance(message["data"], dict):
            message["data"][inner] = value
    centre.clock.now = at("2025-05-12 12:00")
    (receipt,) = centre.say_all(("day", message), to=messages.service_of(message["type"]))
    assert "cannot process" not in (receipt.reason or "")
    if message["type"] == "call.report":
        assert receipt.status == "accepted"
