"""Design rules 1, 3, 5, 8 and 11: the journal is append-only, its positions are last + 1, its clock never goes back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from events import Recorded, decode, encode
from events.intake import CaseClosed
from services.database import DatabaseError, open_engine
from services.journal import META, Draft, Journal, JournalError, SecondWriter
from tests.desk_examples import WARD, Clock, seeded_ids


def happened(case: str = "A") -> Draft:
    return Draft(
        event=CaseClosed(case=case, reason="settled"), occurred_at=Clock()(), causation="message:day/adapter#1"
    )


def written(journal: Journal, *cases: str) -> list[Recorded]:
    """Events about these cases, in one transaction."""
    with journal.transaction() as connection:
        return journal.append(connection, [happened(case) for case in cases])


def broken(journal: Journal, *cases: str) -> None:
    """The same, but the disk fails before the commit."""
    with journal.transaction() as connection:
        journal.append(connection, [happened(case) for case in cases])
        raise OSError("disk")


@pytest.fixture
def url(database_url: str) -> str:
    return database_url.replace("{service}", "intake")


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    opened = Journal(url, "intake", WARD.id, clock=Clock(), new_id=seeded_ids())
    yield opened
    opened.close()


@pytest.fixture
def second(url: str, journal: Journal) -> Iterator[Journal]:
    """Another process that believes it is the writer."""
    opened = Journal(url, "intake", WARD.id, clock=Clock(), new_id=seeded_ids(2))
    yield opened
    opened.close()


def test_positions_are_last_plus_one(journal: Journal) -> None:
    """From 1, over transactions of any size, so that a gap always means loss."""
    for cases in (["A"], ["B", "C"], [], ["D"]):
        written(journal, *cases)

    assert [record.position for record in journal.records()] == [1, 2, 3, 4]
    assert journal.head == journal.last_position() == 4


def test_positions_go_on_after_a_restart(journal: Journal, url: str) -> None:
    """The head is what stands on disk."""
    written(journal, "A", "B")
    again = Journal(url, "intake", WARD.id, clock=Clock(), new_id=seeded_ids(2))
    (record,) = written(again, "C")
    again.close()

    assert record.position == 3


def test_what_is_read_is_byte_for_byte_what_was_recorded(journal: Journal) -> None:
    """The same bytes stand in the journal, on the bus and in the ledger."""
    records = written(journal, "A", "B")

    assert [text for _, text in journal.read()] == [encode(record) for record in records]
    assert [decode(text) for _, text in journal.read()] == records


def test_reading_starts_and_ends_where_it_is_told(journal: Journal) -> None:
    """After a position, up to one, at most so many."""
    written(journal, "A", "B", "C", "D")

    assert [position for position, _ in journal.read(after=1, limit=2)] == [2, 3]
    assert [record.position for record in journal.records(after=1, upto=3)] == [2, 3]


def test_a_history_holds_what_was_written_about_one_thing(journal: Journal) -> None:
    """In its order, and an empty one for what nothing is known of."""
    written(journal, "A", "B", "A")
    with journal.transaction() as connection:
        found = journal.histories(connection, ["A", "Z"])

    assert [record.position for record in found["A"]] == [1, 3]
    assert found["Z"] == []


def test_a_second_writer_is_fenced(journal: Journal, second: Journal) -> None:
    """The primary key refuses a position twice; the log holds the first writer's events alone."""
    written(journal, "A")
    with pytest.raises(SecondWriter, match="another process"):
        written(second, "B")

    assert [record.subject for record in journal.records()] == ["A"]
    assert written(journal, "C")[0].position == 2


def test_a_second_writer_leaves_nothing_of_its_transaction(journal: Journal, second: Journal) -> None:
    """Not even what it wrote into tables of its own before."""
    written(journal, "A")

    def write() -> None:
        with second.transaction() as connection:
            connection.execute(sa.insert(META).values(key="mark", value="second"))
            second.append(connection, [happened("B")])

    with pytest.raises(SecondWriter):
        write()
    with journal.engine.connect() as connection:
        keys = set(connection.execute(sa.select(META.c.key)).scalars())

    assert "mark" not in keys


@pytest.mark.parametrize("change", ["UPDATE stored_events SET topic = 'x'", "DELETE FROM stored_events"])
def test_the_log_is_append_only(journal: Journal, change: str) -> None:
    """The database itself refuses; corrections are events."""
    written(journal, "A")
    with pytest.raises(sa.exc.DBAPIError, match=r"append-only|permission"), journal.engine.begin() as connection:
        connection.execute(sa.text(change))

    assert [record.subject for record in journal.records()] == ["A"]


def test_the_log_cannot_be_emptied_at_once(journal: Journal) -> None:
    """PostgreSQL has a statement for it that no row trigger would see."""
    if journal.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    written(journal, "A")
    with pytest.raises(sa.exc.DBAPIError, match=r"append-only|permission"), journal.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE stored_events"))

    assert journal.last_position() == 1


def test_the_log_is_append_only_after_a_restart_too(journal: Journal, second: Journal) -> None:
    """Opening a journal again sets up nothing twice and takes nothing away."""
    written(journal, "A")
    with pytest.raises(sa.exc.DBAPIError), second.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM stored_events"))

    assert journal.last_position() == 1


def test_a_new_file_that_another_process_is_opening_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses at once to begin its write-ahead log there; three services open the key store at one moment."""
    other = sqlite3.connect(tmp_path / "keys.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.3, other.execute, ["COMMIT"])
    letting_go.start()
    open_engine(f"sqlite:///{tmp_path}/keys.db").dispose()
    letting_go.join()
    other.close()


def test_a_journal_is_opened_while_another_process_writes_it(journal: Journal, url: str) -> None:
    """Whoever only looks waits for no lock of the writer: `yoake status` and a writer once ended in a deadlock."""
    impatient = url.replace("search_path", "lock_timeout%3D1000%20-csearch_path")
    with journal.transaction() as connection:
        journal.append(connection, [happened()])
        Journal(impatient, "intake", WARD.id).close()


def test_a_transaction_that_fails_leaves_nothing_behind(journal: Journal) -> None:
    """The head in memory included: the next event gets the position."""
    written(journal, "A")
    with pytest.raises(OSError, match="disk"):
        broken(journal, "B", "C")

    assert (journal.head, journal.last_position()) == (1, 1)
    assert written(journal, "D")[0].position == 2


def test_recorded_at_never_goes_back(journal: Journal) -> None:
    """A clock that is set back does not reorder what the system learned."""
    clock = journal.clock
    assert isinstance(clock, Clock)
    for hours in (0, -5, 1):
        clock.now += timedelta(hours=hours)
        written(journal, "A")
    moments = [record.recordedat for record in journal.records()]

    assert moments == sorted(moments)


def test_recorded_at_never_goes_back_over_a_restart(journal: Journal, url: str) -> None:
    """The last moment is read from the log itself."""
    (before,) = written(journal, "A")
    slow = Clock()
    slow.now -= timedelta(days=1)
    again = Journal(url, "intake", WARD.id, clock=slow, new_id=seeded_ids(2))
    (after,) = written(again, "B")
    again.close()

    assert after.recordedat == before.recordedat


def test_what_a_failed_transaction_recorded_does_not_hold_the_clock(journal: Journal) -> None:
    """A moment that was never written is no moment."""
    clock = journal.clock
    assert isinstance(clock, Clock)
    now = clock.now
    clock.now += timedelta(days=1)
    with pytest.raises(OSError, match="disk"):
        broken(journal, "A")
    clock.now = now

    assert journal.now() == now


async def test_a_commit_wakes_the_relay(journal: Journal) -> None:
    """Reading does not; and the work is done off the event loop."""
    await journal.run(journal.last_position)
    assert not journal.committed.is_set()
    await journal.run(written, journal, "A")

    assert journal.committed.is_set()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"service": "placement"}, "of the service 'intake'"),
        ({"ward": "nerima"}, "of the ward 'setagaya'"),
    ],
)
def test_a_journal_belongs_to_one_service_and_one_ward(
    journal: Journal, url: str, changed: dict[str, Any], says: str
) -> None:
    """Pointing to the wrong database is refused before anything is written."""
    with pytest.raises(JournalError, match=says):
        Journal(url, **{"service": "intake", "ward": journal.ward} | changed)


def test_a_journal_of_a_newer_release_is_refused(journal: Journal, url: str) -> None:
    """It says what to do."""
    with journal.engine.begin() as connection:
        connection.execute(sa.update(META).where(META.c.key == "format").values(value="99"))

    with pytest.raises(JournalError, match="use the release that wrote it"):
        Journal(url, "intake", journal.ward)


def test_an_epoch_is_kept(journal: Journal, url: str) -> None:
    """A log that was restored from a backup gets another one, and its events say so."""
    with journal.engine.begin() as connection:
        connection.execute(sa.update(META).where(META.c.key == "epoch").values(value="2"))
    again = Journal(url, "intake", journal.ward)
    (record,) = written(again, "A")
    again.close()

    assert record.epoch == 2


@pytest.mark.parametrize("url", ["nonsense", "nosuch://place/name", "sqlite:////no/such/place/intake.db"])
def test_a_database_that_cannot_be_used_is_named(url: str) -> None:
    """One line of what is wrong, and no traceback of the library."""
    with pytest.raises(DatabaseError):
        Journal(url, "intake", WARD.id)


def test_a_connection_that_is_cut_within_a_transaction_is_made_again(journal: Journal) -> None:
    """What the writer sees is the error after which messages come again; the next transaction has a new connection."""
    if journal.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no connection that could be cut")
    written(journal, "A")

    def write() -> None:
        with journal.transaction() as connection:
            own = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            with journal.engine.connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
            journal.append(connection, [happened("B")])

    with pytest.raises(sa.exc.OperationalError):
        write()

    assert written(journal, "C")[0].position == 2
