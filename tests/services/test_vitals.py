"""What a journal's faults look like to whoever watches it; a real SQLite, without a service around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import generate_latest

from services.journal import Journal
from services.vitals import Progress, Vitals

NOW = datetime(2025, 4, 1, 2, 10, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal of intake."""
    opened = Journal(f"sqlite:///{tmp_path}/intake.db", "intake", "w", clock=lambda: NOW)
    yield opened
    opened.close()


def write(journal: Journal, rows: int, at: datetime = NOW) -> None:
    """Commit some rows of a kilobyte."""
    with journal.transaction() as connection:
        journal.store(
            connection, [(f"about-{n}", "x", b'{"recordedat": "%s"}' % (b" " * 1000)) for n in range(rows)], at
        )


def codes(vitals: Vitals) -> list[str]:
    return [one.code for one in vitals.degraded() if one.code != "disk-low"]


def test_a_full_disk_is_said_until_a_commit_succeeds(journal: Journal) -> None:
    """SQLite itself refuses to grow, as on a full disk; trying to begin a transaction would not show it."""
    vitals = Vitals(journal)
    _room(journal)
    with pytest.raises(sa.exc.OperationalError):
        write(journal, 200)
    assert codes(vitals) == ["database-full"]

    _room(journal, 1_000_000)
    write(journal, 200)
    assert codes(vitals) == []


def _room(journal: Journal, most: int = 0) -> None:
    """Let the database grow to so many pages; 0: no further than now."""
    with journal.engine.connect() as connection:
        have = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most or have}")


def test_every_commit_is_counted_once(journal: Journal) -> None:
    """Rows and commits, not messages; what was rolled back is in neither."""
    vitals = Vitals(journal)
    write(journal, 3)
    write(journal, 2)
    with pytest.raises(ZeroDivisionError), journal.transaction():
        _ = 1 / 0
    text = generate_latest(vitals.registry).decode()

    assert "yoake_commit_rows_total 5.0" in text
    assert "yoake_commit_seconds_count 2.0" in text
    assert "yoake_journal_position 5.0" in text
    assert codes(vitals) == []


def test_a_clock_that_went_back_is_said(journal: Journal) -> None:
    """The last row was written an hour from now."""
    vitals = Vitals(journal)
    write(journal, 1, NOW + timedelta(hours=1))

    assert codes(vitals) == ["clock-back"]


def test_two_services_in_one_process_share_no_metric(journal: Journal, tmp_path: Path) -> None:
    """Each has a registry of its own."""
    other = Journal(f"sqlite:///{tmp_path}/placement.db", "placement", "w")
    first, second = Vitals(journal), Vitals(other)
    write(journal, 1)

    assert "yoake_journal_position 1.0" in generate_latest(first.registry).decode()
    assert "yoake_journal_position 0.0" in generate_latest(second.registry).decode()
    other.close()


def test_progress_is_what_moves_while_something_is_left() -> None:
    """Stuck counts from the last time that anything moved, and not at all while there is nothing to do."""
    progress = Progress()
    progress.look(0, 5, now=0)
    assert progress.stuck(100) == 0
    progress.look(3, 5, now=100)
    progress.look(3, 5, now=110)
    assert progress.stuck(115) == 15
    progress.look(2, 6, now=120)
    assert progress.stuck(121) == 1
    progress.look(0, 8, now=130)
    assert progress.stuck(200) == 0
