"""Design rules 4 and 5: other services' events are heard each once, in order, without a gap; a changed log stops."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from events import ContractError, Recorded, decode, encode, encode_data
from events.epoch import EpochOpened
from services.hearing import CURSORS, Cursors, LogChanged, of_ours
from services.subjects import event_subject
from services.tables import NAMES
from tests.desk_examples import NIGHT, SEEDED, Centre, arrange, badly, call, names, offer, register

LISTENERS = pytest.mark.parametrize("listener", ["placement", "reporting"])


@pytest.fixture
def log(centre: Centre) -> list[bytes]:
    """Intake's log: the ward's file, a registration, and two calls."""
    for told in (register(), call("A"), call("B", NIGHT)):
        centre.say("day", told)
    return centre.unheard("placement")


def position(centre: Centre, listener: str) -> int:
    """How far a listener has heard intake, as its database says."""
    return sum(row["position"] for row in centre.rows(CURSORS, listener))


@LISTENERS
def test_the_next_event_is_heard_and_the_cursor_moves(centre: Centre, log: list[bytes], listener: str) -> None:
    """One transaction with what the event leads to."""
    assert centre.hear(listener, log[:2]) == set()
    assert position(centre, listener) == 2


@LISTENERS
def test_a_gap_is_held_back_and_asked_for(centre: Centre, log: list[bytes], listener: str) -> None:
    """What lies after the gap is not heard; whose log it is, is said."""
    centre.hear(listener, log[:1])

    assert centre.hear(listener, log[2:]) == {"intake"}
    assert position(centre, listener) == 1
    assert centre.hear(listener, log[1:]) == set()
    assert position(centre, listener) == 4


@LISTENERS
def test_what_comes_before_a_gap_in_one_batch_is_heard(centre: Centre, log: list[bytes], listener: str) -> None:
    """Good events are not delayed by what is missing behind them."""
    assert centre.hear(listener, [log[0], log[1], log[3]]) == {"intake"}
    assert position(centre, listener) == 2


@LISTENERS
def test_an_event_heard_before_is_ignored(centre: Centre, log: list[bytes], listener: str) -> None:
    """Redelivered one by one, in a batch, and after a restart."""
    centre.hear(listener, [*log, *log])
    centre.restart()

    assert centre.hear(listener, log) == set()
    assert position(centre, listener) == 4


@LISTENERS
def test_the_same_position_with_another_event_stops_loudly(centre: Centre, log: list[bytes], listener: str) -> None:
    """A restored backup has used the position again."""
    centre.hear(listener, log)
    other = msgspec.structs.replace(decode(log[-1]), id="another")

    with pytest.raises(LogChanged, match="yoake verify"):
        centre.hear(listener, [encode(other)])


@LISTENERS
def test_another_epoch_stops_loudly(centre: Centre, log: list[bytes], listener: str) -> None:
    """Whatever the position."""
    centre.hear(listener, log[:3])
    other = msgspec.structs.replace(decode(log[3]), epoch=2)

    with pytest.raises(LogChanged):
        centre.hear(listener, [encode(other)])
    assert position(centre, listener) == 3


def opened(last: Recorded, epoch: int = 2) -> bytes:
    """The event with which the log of `last` goes on in another epoch."""
    now = last.recordedat
    event = EpochOpened(
        ward=last.ward,
        service=last.service,
        epoch=epoch,
        continues_after=last.position,
        missing_from=now,
        missing_until=now,
    )
    changes: dict[str, Any] = {"subject": last.ward, "correlation": last.ward, "case": None, "data": encode_data(event)}
    return encode(
        msgspec.structs.replace(
            last, id=f"epoch-{epoch}", type=event.name, epoch=epoch, position=last.position + 1, **changes
        )
    )


@LISTENERS
def test_a_new_epoch_is_entered_by_the_event_that_opens_it(centre: Centre, log: list[bytes], listener: str) -> None:
    """Directly after the last event heard; what comes again from the old epoch was heard."""
    centre.hear(listener, [*log, opened(decode(log[-1])), *log])
    later = msgspec.structs.replace(decode(log[-1]), id="later", epoch=2, position=6)

    assert centre.hear(listener, [encode(later)]) == set()
    assert position(centre, listener) == 6


@LISTENERS
def test_a_new_epoch_beyond_a_gap_is_asked_for(centre: Centre, log: list[bytes], listener: str) -> None:
    """What lies before it in the old epoch is still to come."""
    centre.hear(listener, log[:2])

    assert centre.hear(listener, [opened(decode(log[-1]))]) == {"intake"}
    assert centre.hear(listener, [*log[2:], opened(decode(log[-1]))]) == set()


@LISTENERS
def test_a_new_epoch_that_begins_before_what_was_heard_ends_stops_loudly(
    centre: Centre, log: list[bytes], listener: str
) -> None:
    """The backup did not hold all that this listener has heard; and the old log must not go on after the new one."""
    centre.hear(listener, log)
    with pytest.raises(LogChanged):
        centre.hear(listener, [opened(decode(log[-2]))])

    centre.hear(listener, [opened(decode(log[-1]))])
    old = msgspec.structs.replace(decode(log[-1]), id="old", position=6)
    with pytest.raises(LogChanged):
        centre.hear(listener, [encode(old)])


@LISTENERS
def test_a_changed_log_is_noticed_after_a_restart_too(centre: Centre, log: list[bytes], listener: str) -> None:
    """The cursor on disk names the event."""
    centre.hear(listener, log)
    centre.restart()
    other = msgspec.structs.replace(decode(log[-1]), id="another")

    with pytest.raises(LogChanged):
        centre.hear(listener, [encode(other)])


@LISTENERS
def test_a_log_is_heard_from_its_first_event(centre: Centre, log: list[bytes], listener: str) -> None:
    """A listener that is new hears all, and never begins in the middle."""
    assert centre.hear(listener, log[1:]) == {"intake"}
    assert position(centre, listener) == 0


def test_the_cursor_is_in_the_transaction_of_the_effect(
    centre: Centre, log: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If what an event leads to cannot be written, it was not heard; and then it is heard again."""

    def broken(*_: object) -> None:
        raise OSError("disk")

    centre.hear("placement", log[:1])
    journal = centre.desk("placement").journal
    monkeypatch.setattr(journal, "append", broken)
    with pytest.raises(OSError, match="disk"):
        centre.hear("placement", log[1:])
    assert (position(centre, "placement"), centre.rows(NAMES, "placement")) == (1, [])

    monkeypatch.undo()
    assert centre.hear("placement", log[1:]) == set()
    assert len(centre.rows(NAMES, "placement")) > 0


def test_the_ledgers_cursor_is_in_the_transaction_of_its_rows(
    centre: Centre, log: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, root, tallies and cursor move together or not at all."""

    def broken(*_: object) -> None:
        raise OSError("disk")

    centre.hear("reporting", log[:2])
    before = centre.inquiry.end()
    monkeypatch.setattr(centre.ledger.tallies, "move", broken)
    with pytest.raises(OSError, match="disk"):
        centre.hear("reporting", log[2:])
    assert (position(centre, "reporting"), centre.inquiry.end()) == (2, before)

    monkeypatch.undo()
    centre.hear("reporting", log[2:])
    assert centre.inquiry.end()[0] == 4
    assert centre.figures() == {("day", "other"): 1, ("night", "other"): 1}


@settings(max_examples=6, **SEEDED)
@given(seed=st.integers(0, 2**32))
def test_however_badly_the_bus_carries_them_each_event_is_heard_once(centre: Centre, seed: int) -> None:
    """Shuffled, repeated, lost and asked for again."""
    for n in range(5):
        centre.say("day", call(f"{seed}-{n}"))
    centre.pump(badly(Random(seed)))

    recorded = [(record.service, record.position) for record in journals(centre)]
    ledgered = [(row.event.service, row.event.position) for row in centre.inquiry.ledger.rows()]
    assert sorted(ledgered) == sorted(recorded)
    assert position(centre, "placement") == centre.desk().journal.head


def journals(centre: Centre) -> list[Recorded]:
    """Everything that the writing services recorded, each in its order."""
    return [
        record for service in ("intake", "placement", "handover") for record in centre.desk(service).journal.records()
    ]


def test_a_listener_writes_nothing_for_events_that_it_only_takes_notice_of(centre: Centre, log: list[bytes]) -> None:
    """Placement learns of cases without repeating intake's history."""
    centre.hear("placement", log)

    assert names(centre.events("placement")) == []


RELEASED = (Path(__file__).parents[1] / "events" / "released" / "call.received.v1.json").read_bytes()


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_names_are_looked_up_by_their_key_however_few_there_are(centre: Centre) -> None:
    """The statement keeps the plan of its first times; reading the whole table, it took longer with each event."""

    def read_whole() -> int:
        with centre.engine("placement").connect() as connection:
            connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
            connection.commit()
            query = "SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = 'names'"
            return int(connection.execute(sa.text(query)).scalar_one())

    before = read_whole()
    for n in range(8):
        centre.say("day", call(f"C{n}"))
        centre.pump()
    assert read_whole() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"service": "nobody"}, "service"),
        ({"ward": "another"}, "service"),
        ({"position": 0}, "position"),
        ({"position": 2**63}, "position"),
        ({"epoch": 0}, "position"),
        ({"id": "x" * 37}, "id"),
        ({"version": 99}, "call.received"),
        ({"data": {}}, "call.received"),
        ({"case": None}, "subject"),
    ],
)
def test_what_is_no_event_of_ours_is_known_by_its_field(change: dict[str, Any], field: str) -> None:
    """On PostgreSQL a long id would come again for ever; a service that nobody knows would get a log of its own."""
    record = {**msgspec.json.decode(RELEASED), **change}
    good = decode(RELEASED)
    subject = event_subject(good.ward, "intake", good.type, good.case)
    assert of_ours(subject, RELEASED, good.ward, ("intake",)) == good
    with pytest.raises(ContractError, match=field):
        of_ours(subject, msgspec.json.encode(record), good.ward, ("intake",))


@pytest.mark.parametrize("listener", ["placement", "handover", "reporting"])
def test_what_could_not_be_heard_is_heard_later_though_the_database_could_not_be_asked(
    centre: Centre, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut as it is written, and again as we look what is on disk: nothing is taken for heard."""

    def cut(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("server closed the connection unexpectedly"))

    centre.say("day", call())
    texts, before = centre.unheard(listener), positions(centre, listener)
    with monkeypatch.context() as away:
        away.setattr(Cursors, "write", cut)
        away.setattr(Cursors, "reload", cut)
        for _ in range(2):
            with pytest.raises(sa.exc.OperationalError):
                centre.hear(listener, texts)
            assert positions(centre, listener) == before
    centre.pump()

    assert centre.unheard(listener) == []
    assert (centre.say("day", offer()).status, centre.say("day", arrange()).status) == ("accepted", "accepted")
    centre.pump()
    assert centre.figures() == {("day", "short-stay"): 1}


def positions(centre: Centre, listener: str) -> dict[str, int]:
    """How far a service says that it has heard the others."""
    return (centre.ledger if listener == "reporting" else centre.desk(listener)).cursors.positions()
