"""Design rules 2, 4, 6 and 7: heard twice is heard once, nothing is dropped, and nothing holds up what is behind it."""

from __future__ import annotations

import gc
import weakref
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.seal import seal
from services import desk
from services.group import Group
from services.intake import calls, consultations
from services.tables import HEARD, NAMES, PARKED, WAITING
from tests.desk_examples import (
    LATER,
    NIGHT,
    NOON,
    ON_ONE_STORE,
    SECRETS,
    SEEDED,
    Centre,
    Message,
    answer,
    arrange,
    call,
    cancel,
    close,
    contact,
    correct,
    message,
    names,
    offer,
    register,
    with_policy,
)


def test_a_message_heard_twice_has_one_effect_and_two_receipts(centre: Centre) -> None:
    """The second receipt says `known`, and names the same case and number."""
    told = call()
    first, second = centre.say("day", told), centre.say("day", told)

    assert names(centre.events()) == ["call.received"]
    assert (first.status, second.status) == ("accepted", "known")
    assert (second.case, second.number) == (first.case, first.number)


def test_a_message_heard_twice_in_one_batch_has_one_effect(centre: Centre) -> None:
    """The first counts although it is not committed yet."""
    told = call()
    receipts = centre.say_all(("day", told), ("day", told))

    assert names(centre.events()) == ["call.received"]
    assert [receipt.status for receipt in receipts] == ["accepted", "known"]


def test_a_message_heard_before_a_restart_is_still_heard(centre: Centre) -> None:
    """The memory is on disk, and is for ever: it does not end with a window of time."""
    told = call()
    centre.say("day", told)
    centre.restart()
    centre.say("day", call("B", "2029-05-12 12:00"))

    assert centre.say("day", told).status == "known"
    assert len(centre.events()) == 2


def test_a_message_sealed_again_is_the_same_message(centre: Centre) -> None:
    """Every JWE of the same words has other bytes; what counts is what the message says."""
    told = call(id="call-1", personal=seal({"name": "夜明花子"}, SECRETS.inbox))
    again = call(id="call-1", personal=seal({"name": "夜明花子"}, SECRETS.inbox))
    centre.say("day", told)

    assert told != again
    assert centre.say("day", again).status == "known"


def test_another_order_of_the_fields_is_the_same_message(centre: Centre) -> None:
    """JSON objects have no order."""
    told = call()
    centre.say("day", told)

    assert centre.say("day", dict(reversed(told.items()))).status == "known"


@settings(max_examples=6, **SEEDED)
@given(seed=st.integers(0, 2**32))
def test_in_any_order_and_any_number_of_times_each_message_has_its_one_effect(centre: Centre, seed: int) -> None:
    """Shuffled, repeated and in batches of any size: as many calls as were told."""
    random, before = Random(seed), len(centre.events())
    told = [call(f"{seed}-{n}", random.choice([NOON, NIGHT])) for n in range(6)]
    heard = random.sample(told * 3, k=18)
    while heard:
        size = random.randint(1, 7)
        centre.say_all(*(("day", one) for one in heard[:size]))
        heard = heard[size:]

    assert len(centre.events()) == before + 6


def test_two_providers_may_use_the_same_id(centre: Centre) -> None:
    """Who the sender is, is part of what a message is called."""
    centre.say("day", call(id="1"))

    assert centre.say("night", call(id="1", on=NIGHT)).status == "accepted"
    assert len(centre.events()) == 2


def test_one_provider_may_use_the_same_id_in_two_sources(centre: Centre) -> None:
    """So is the source."""
    centre.say("day", call(id="1"))

    assert centre.say("day", call("B", id="1") | {"source": "sheet"}).status == "accepted"


def test_the_provider_is_the_authenticated_one(centre: Centre) -> None:
    """What a message claims about its sender is not read."""
    centre.say("day", call(id="1") | {"provider": "night"})

    assert [event.provider for event in centre.events()] == ["day"]


def test_the_same_id_with_other_content_is_a_conflict_that_somebody_sees(centre: Centre) -> None:
    """It is kept and shown; what was recorded stays as it is."""
    first = centre.say("day", call(id="1"))
    before = centre.rows(HEARD), centre.rows(NAMES), centre.records()
    second = centre.say("day", call("B", id="1"))

    assert (second.status, second.id, second.field) == ("conflict", "1", "id")
    assert [row["kind"] for row in centre.rows(PARKED)] == ["conflict"]
    assert (centre.rows(HEARD), centre.rows(NAMES), centre.records()) == before
    assert centre.say("day", call(id="1")).number == first.number


def test_a_conflict_is_kept_once_however_often_it_is_sent(centre: Centre) -> None:
    """The list that a person sees does not grow by resending."""
    centre.say("day", call(id="1"))
    for _ in range(3):
        centre.say("day", call("B", id="1"))

    assert len(centre.rows(PARKED)) == 1


def test_one_bad_item_of_a_batch_is_parked_and_the_others_are_accepted(centre: Centre) -> None:
    """Good messages behind are not delayed."""
    receipts = centre.say_all(("day", [call("A"), close("A", reason=7), call("B")]))

    assert [receipt.status for receipt in receipts] == ["accepted", "parked", "accepted"]
    assert receipts[1].field == "data.reason"


def test_a_batch_that_is_no_json_is_parked_whole(centre: Centre) -> None:
    """It has no items to tell apart; its reason says where it breaks."""
    receipt = centre.say("day", b'[{"id": "1"}, {"id":')

    assert (receipt.status, receipt.field) == ("parked", "message")
    assert len(centre.rows(PARKED)) == 1


GARBLED = [
    b"",
    b"\x00",
    b"{}",
    b"[1]",
    b"null",
    b'{"id": "1"',
    b'{"id": "1", "source": "s", "type": "case.close"}',
    b'{"id": "1", "source": "s", "type": "no.such", "data": {}}',
    "相談".encode("cp932"),
    b"[" * 10_000,
]


@ON_ONE_STORE
@pytest.mark.parametrize("body", GARBLED)
def test_poison_is_parked_once_and_what_is_behind_goes_through(centre: Centre, body: bytes) -> None:
    """However often it comes; and its receipt says which field is wrong."""
    behind = call()
    for _ in range(2):
        receipts = centre.say_all(("day", body), ("day", behind), to="intake")

    assert receipts[0].status == "parked"
    assert receipts[0].field
    assert len(centre.rows(PARKED)) == 1
    assert names(centre.events()) == ["call.received"]


NONCHARACTER = "\ufffe"
UGLY = ["\u0000", "x" * 200, "1\n2", "相談-1", "'; DROP TABLE heard; --", NONCHARACTER, "\U0001f4de"]


@pytest.mark.parametrize("ugly", UGLY)
def test_no_id_and_no_reference_holds_up_what_is_behind_it(centre: Centre, ugly: str) -> None:
    """A text that a database will not store is no reason to stop; an id that nobody can read is parked."""
    odd = call(ugly, id=ugly, person=ugly, district=ugly, number=ugly)
    receipts = centre.say_all(("day", odd), ("day", call("B")))

    assert receipts[-1].status == "accepted"
    assert receipts[0].status == ("accepted" if ugly.isprintable() or ugly == NONCHARACTER else "parked")


@pytest.mark.parametrize("ugly", UGLY)
def test_no_odd_field_of_a_call_keeps_it_from_being_recorded(centre: Centre, ugly: str) -> None:
    """Whatever characters there are in it."""
    odd = call(ugly, person=ugly, district=ugly, number=ugly, reasons=[ugly], personal={ugly: ugly})

    assert centre.say("day", odd).status == "accepted"


@pytest.mark.parametrize("ugly", UGLY)
def test_no_odd_field_of_a_strict_message_holds_up_what_is_behind_it(centre: Centre, ugly: str) -> None:
    """A field's name may be as odd as its value; its reason still says that the field is unknown."""
    odd = message("case.close", LATER) | {"data": {"case": "A", ugly * 2: 1}}
    receipts = centre.say_all(("day", odd), ("day", call("B")))

    assert receipts[0].status == "parked"
    assert "not a field of this message" in (receipts[0].reason or "")
    assert names(centre.events()) == ["call.received"]


def test_a_personal_word_as_the_name_of_a_field_is_not_repeated(centre: Centre) -> None:
    """A reason names the field, and echoes nothing that might be a person's name."""
    receipt = centre.say("day", message("case.close", LATER) | {"data": {"case": "A", "夜明花子": 1}})

    assert receipt.status == "parked"
    assert "夜明花子" not in f"{receipt.reason}{receipt.field}{centre.rows(PARKED)}"


def test_a_parked_message_comes_again_mended_and_is_settled(centre: Centre) -> None:
    """The same id is accepted, because the first had no effect; the parked row is closed and stays."""
    centre.say("day", call())
    assert centre.say("day", close("A", id="close-1", reason=7)).status == "parked"
    assert centre.say("day", close("A", id="close-1")).status == "accepted"

    (row,) = centre.rows(PARKED)
    assert row["closed"] is not None


def test_a_parked_message_is_settled_after_a_restart_too(centre: Centre) -> None:
    """What is parked is remembered on disk."""
    centre.say("day", b'{"id": "1", "source": "adapter", "type": "case.close"}')
    centre.restart()
    centre.say("day", call(id="1"))

    (row,) = centre.rows(PARKED)
    assert row["closed"] is not None


def test_a_message_on_the_wrong_subject_is_parked_with_the_right_one(centre: Centre) -> None:
    """Each service consumes its own part of INBOX, and only that."""
    receipt = centre.say("day", call(), to="placement")
    centre.pump()
    receipt = centre.say("day", call(), to="placement")

    assert receipt.status == "parked"
    assert "intake" in (receipt.reason or "")


def test_who_is_unknown_is_turned_away(centre: Centre) -> None:
    """The receipt names who would be heard."""
    receipt = centre.say("stranger", call())

    assert (receipt.status, receipt.field) == ("parked", "provider")
    assert centre.events() == []


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls about case B make the rule break, after it has written."""
    rule = calls._report

    def slip(said: Any, book: Any) -> None:
        rule(said, book)
        if said.data["matters"][0]["case"] == "B":
            raise RuntimeError("a slip")

    monkeypatch.setattr(calls, "_report", slip)


@pytest.mark.usefixtures("fault")
def test_a_fault_of_ours_in_one_message_parks_it_alone(centre: Centre) -> None:
    """The transaction of all fails; then they are tried one by one."""
    receipts = centre.say_all(("day", call("A")), ("day", call("B")), ("day", call("C")))

    assert [receipt.status for receipt in receipts] == ["accepted", "parked", "accepted"]
    assert [event.case_ref for event in centre.events()] == ["A", "C"]


@pytest.mark.usefixtures("fault")
def test_a_fault_of_ours_in_one_item_of_a_batch_parks_it_alone(centre: Centre) -> None:
    """A sender's list is no reason to park its good calls."""
    centre.say_all(("day", [call("A"), call("B"), call("C")]))

    assert [event.case_ref for event in centre.events()] == ["A", "C"]
    assert len(centre.rows(PARKED)) == 1


@pytest.mark.usefixtures("fault")
def test_what_a_fault_parked_is_settled_when_the_fault_is_mended(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes sent again after an update are accepted."""
    told = call("B")
    centre.say("day", told)
    monkeypatch.undo()

    assert centre.say("day", told).status == "accepted"
    assert [row["closed"] is None for row in centre.rows(PARKED)] == [False]


def test_a_fault_in_what_waits_does_not_park_the_call_that_wakes_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiting message that breaks a rule is parked by itself; the call is recorded."""

    def slip(*_: Any) -> None:
        raise RuntimeError("a slip")

    centre.say("day", close("A"))
    monkeypatch.setattr(consultations, "close", slip)
    receipt = centre.say("day", call("A"))

    assert receipt.status == "accepted"
    assert names(centre.events()) == ["call.received"]
    assert centre.rows(WAITING) == []
    assert len(centre.rows(PARKED)) == 1


def test_a_message_about_an_unknown_case_waits_and_goes_on_by_itself(centre: Centre) -> None:
    """Its receipt says that it waits; another comes when it went on."""
    waiting = centre.say("day", close("A", id="close-1"))
    assert (waiting.status, waiting.reason) == ("waiting", "waits for case/day/A")
    assert len(centre.rows(WAITING)) == 1
    _, went_on = centre.say_all(("day", call("A")))

    assert (went_on.id, went_on.status) == ("close-1", "accepted")
    assert names(centre.events()) == ["call.received", "case.closed"]
    assert centre.rows(WAITING) == []


def test_what_waits_goes_on_in_the_same_batch(centre: Centre) -> None:
    """It may stand before what it waits for."""
    receipts = centre.say_all(("day", close("A")), ("day", call("A")))

    assert [receipt.status for receipt in receipts] == ["waiting", "accepted", "accepted"]
    assert centre.rows(WAITING) == []


def test_what_waits_goes_on_after_a_restart(centre: Centre) -> None:
    """Waiting is on disk, sealed."""
    centre.say("day", close("A"))
    centre.restart()
    centre.say("day", call("A"))

    assert names(centre.events()) == ["call.received", "case.closed"]


def test_what_waits_for_two_things_waits_twice(centre: Centre) -> None:
    """A correction of a call about to be merged, say: one after the other."""
    centre.say("day", message("case.merge", LATER, id="merge-1", case="A", into="B"))
    _, still = centre.say_all(("day", call("A")))
    _, done = centre.say_all(("day", call("B")))

    assert (still.status, still.reason) == ("waiting", "waits for case/day/B")
    assert (done.id, done.status) == ("merge-1", "accepted")


def test_what_waits_is_heard_once_too(centre: Centre) -> None:
    """Sent again while it waits, and after it went on."""
    told = close("A")
    assert [centre.say("day", told).status for _ in range(2)] == ["waiting", "waiting"]
    centre.say("day", call("A"))

    assert centre.say("day", told).status == "known"
    assert names(centre.events()) == ["call.received", "case.closed"]


def test_what_waits_is_told_apart_by_its_content(centre: Centre) -> None:
    """Other content under the same id is a conflict, although the first had no effect yet."""
    centre.say("day", close("A", id="close-1"))

    assert centre.say("day", close("B", id="close-1")).status == "conflict"


def test_what_waited_and_cannot_be_used_is_parked_and_may_come_again_mended(centre: Centre) -> None:
    """Only when the case was heard of could it be seen that the correction names a matter it does not have."""
    wrong = call("A", id="call-1")
    correction = message("call.correct", LATER, id="correct-1", call="call-1", matter=7, district="kinuta")
    centre.say("day", correction)
    _, parked = centre.say_all(("day", wrong))
    mended = centre.say("day", {**correction, "data": {"call": "call-1", "district": "kinuta"}})

    assert (parked.id, parked.status) == ("correct-1", "parked")
    assert mended.status == "accepted"
    assert names(centre.events()) == ["call.received", "call.corrected"]


def test_placement_and_handover_wait_for_a_case_that_intake_tells_them_of(centre: Centre) -> None:
    """Messages may overtake the events of another service."""
    assert centre.say("day", arrange()).status == "waiting"
    assert centre.say("day", offer()).status == "waiting"
    centre.say("day", call())
    centre.pump()

    assert names(centre.events("placement")) == ["placement.arranged"]
    assert names(centre.events("handover")) == ["handover.offered"]


def test_a_fault_in_what_waits_does_not_stop_the_hearing_of_events(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message that breaks a rule must not keep a service from hearing of every later case."""

    def slip(*_: Any) -> None:
        raise RuntimeError("a slip")

    centre.say("day", arrange())
    monkeypatch.setattr("services.placement.domain._arrange", slip)
    centre.say("day", call())
    centre.pump()

    assert len(centre.rows(PARKED, "placement")) == 1


def test_everything_waits_until_a_ward_is_in_force(database_url: str) -> None:
    """A service that starts before intake has told it of the ward loses nothing."""
    with Centre(database_url, ward=None) as centre:
        assert centre.say("day", arrange()).reason == "waits for ward"
        centre.activate(with_policy())
        centre.say("day", call())
        centre.pump()

        assert names(centre.events("placement")) == ["placement.arranged"]


def test_a_changed_ward_file_is_history(centre: Centre) -> None:
    """What happened before keeps its rules; what happens after has the new ones."""
    changed = with_policy(not_counted=("silent",))
    centre.say("day", call("A"))
    centre.clock.now = centre.clock.now.replace(hour=20)
    centre.activate(changed, since=centre.clock.now)
    centre.restart()

    desk = centre.desk()
    assert desk.ward_at(centre.clock.now) == changed
    assert desk.ward_at(centre.clock.now.replace(hour=1)) == with_policy()


def test_a_failed_transaction_leaves_nothing_in_memory(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken database is tried again; states, names and numbers are those on disk."""
    centre.say("day", call("A"))
    journal = centre.desk().journal
    monkeypatch.setattr(journal, "append", _broken)
    for told in (call("B"), close("A")):
        with pytest.raises(OSError, match="disk"):
            centre.say("day", told)
    monkeypatch.undo()

    assert centre.say("day", call("B")).number == ["R7-0002"]
    assert centre.say("day", close("A")).status == "accepted"


def _broken(*_: Any) -> None:
    raise OSError("disk")


def test_every_reason_of_a_parked_message_names_its_field(centre: Centre) -> None:
    """And what would be accepted in its place."""
    centre.say("day", call())
    wrong: list[Message] = [
        close("A", reason=7),
        correct(call(), district="atlantis") | {"type": "registration.correct"},
        message("case.close", LATER),
        contact() | {"type": "case.split"},
        close("A") | {"time": "yesterday"},
    ]

    for told in wrong:
        receipt = centre.say("day", told)
        assert receipt.status == "parked", told
        assert receipt.field
        assert receipt.reason


def test_answers_to_what_was_asked_before_go_on_in_their_order(centre: Centre) -> None:
    """An acceptance, a cancelling: each waits for what it is about, whichever comes first."""
    for told in (answer("accept"), cancel(), offer(), arrange()):
        centre.say("day", told)
    centre.say("day", register())
    centre.say("day", call())
    centre.pump()

    assert names(centre.events("handover")) == ["handover.offered", "handed-over"]
    assert names(centre.events("placement")) == ["placement.arranged", "placement.cancelled"]


@ON_ONE_STORE
def test_what_a_transaction_held_is_gone_with_it(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the collector, which a service lets come rarely."""
    held: list[weakref.ref[Group]] = []

    class Watched(Group):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            held.append(weakref.ref(self))

    monkeypatch.setattr(desk, "Group", Watched)
    gc.disable()
    try:
        centre.say("day", call())
        assert [each() for each in held] == [None] * len(held)
        assert held
    finally:
        gc.enable()
