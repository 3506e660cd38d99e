"""One fault at a time, while messages arrive: pauses, deletions, locks, clocks. Nothing is lost or doubled, all mends.

The minute without NATS lasts YOAKE_FAULT_GONE seconds: 60 in `make faults`, 12 in the ordinary suite.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
import sqlalchemy as sa
from nats.js import JetStreamContext

from services.streams import ACK_WAIT
from services.subjects import EVENTS, INBOX, RECEIPTS
from tests.conftest import schemas
from tests.faults.sender import Sender
from tests.faults.stage import LONG, SERVICES, Stage
from tests.running import until

# The client leaves its socket to the collector where the server dies while it connects.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

GONE = float(os.environ.get("YOAKE_FAULT_GONE", "12"))
BEFORE, AFTER = 1.5, 1.5
"""Seconds of undisturbed sending."""

NOTICED = 15.0
"""Seconds within which a relay has noticed that EVENTS was made anew; it looks every five."""


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """The file that says by how many seconds the services' clock is wrong."""
    file = tmp_path / "clock"
    file.write_text("0")
    return file


@pytest.fixture
def stage(tmp_path: Path, clock: Path) -> Iterator[Stage]:
    with Stage(tmp_path / "data", extra={"YOAKE_TEST_CLOCK": str(clock)}) as running:
        yield running


@pytest.fixture
def sender(stage: Stage) -> Iterator[Sender]:
    """Somebody who sends steadily, and has begun a while ago."""
    with stage.sender() as sending:
        time.sleep(BEFORE)
        yield sending


def mended(stage: Stage, sender: Sender) -> None:
    """It went on by itself: what was sent, also afterwards, is there once, and all agree."""
    time.sleep(AFTER)
    stage.settle(sender)
    stage.check(sender, NOTICED)
    stage.check_by_command()


async def _with_stream(stage: Stage, what: str, *names: str) -> None:
    connection = await nats.connect(stage.url)
    js: JetStreamContext = connection.jetstream()
    await getattr(js, what)(*names)
    await connection.close()


def ask(stage: Stage, what: str, *names: str) -> None:
    """One request to JetStream, by the name of the client's own method."""
    asyncio.run(_with_stream(stage, what, *names))


@pytest.mark.parametrize("who", ["intake", *(pytest.param(name, marks=LONG) for name in SERVICES[1:]), "nats"])
def test_paused_for_longer_than_the_acknowledgement_is_waited_for(stage: Stage, sender: Sender, who: str) -> None:
    """SIGSTOP and SIGCONT: what it held is given to whoever asks next, itself included, and counts once."""
    stage.pause(who, ACK_WAIT + 3)
    mended(stage, sender)


def test_nats_gone_for_a_while(stage: Stage, sender: Sender) -> None:
    """It dies whenever it is started, for a minute: the runner goes on trying, and says so."""
    end = time.monotonic() + GONE
    while time.monotonic() < end:
        if stage.pid("nats"):
            stage.kill("nats")
        time.sleep(0.02)
    mended(stage, sender)


@LONG
def test_nats_that_hangs_is_killed_by_the_runner(stage: Stage, sender: Sender) -> None:
    """SIGSTOP without end: nothing answers, and after half a minute the server is another."""
    hanging = stage.signal("nats", signal.SIGSTOP)
    stage.says(lambda troubles: "not answered" in troubles.get("nats", ""))
    until(lambda: stage.pid("nats") not in (0, hanging), 90)
    mended(stage, sender)


@pytest.mark.parametrize("name", [EVENTS, pytest.param(RECEIPTS, marks=LONG)])
def test_a_stream_deleted_while_running_is_filled_again(stage: Stage, sender: Sender, name: str) -> None:
    """Through the server's own interface: it is declared again, and EVENTS filled from the journals, by themselves."""
    ask(stage, "delete_stream", name)
    mended(stage, sender)


@pytest.mark.parametrize("name", [EVENTS, pytest.param(RECEIPTS, marks=LONG), pytest.param(INBOX, marks=LONG)])
def test_the_files_of_a_stream_deleted_while_running(stage: Stage, sender: Sender, name: str) -> None:
    """rm -rf under the running server, which goes on as if nothing were amiss: the stream is made anew, on files."""
    files = stage.data / "nats" / "store" / "jetstream" / "YOAKE" / "streams" / name
    # Moved away at once, for the server goes on writing into a directory while that is being emptied.
    shutil.rmtree(files.rename(stage.data / "removed"))
    until(lambda: (files / "meta.inf").exists())
    mended(stage, sender)
    stage.kill("nats")
    mended(stage, sender)


@pytest.mark.parametrize(("stream", "durable"), [(INBOX, "intake"), (EVENTS, "reporting-events")])
def test_a_durable_deleted_while_running_is_made_again(stage: Stage, sender: Sender, stream: str, durable: str) -> None:
    """Who pulls is told that it is missing; the runner declares it, and nothing was skipped."""
    ask(stage, "delete_consumer", stream, durable)
    mended(stage, sender)


@pytest.mark.parametrize(
    "service",
    ["intake", *(pytest.param(name, marks=LONG) for name in ("placement", "handover", "keys")), "reporting"],
)
def test_a_database_locked_for_ten_seconds(stage: Stage, sender: Sender, service: str) -> None:
    """Another process holds BEGIN EXCLUSIVE: what arrives waits, and is taken when the lock is gone."""
    with closing(sqlite3.connect(stage.data / f"{service}.db", timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(10.5)
        other.execute("ROLLBACK")
    mended(stage, sender)


def test_postgresql_cuts_every_connection(tmp_path: Path, postgresql: str) -> None:
    """Again and again, as when it is restarted: nothing is taken for a message that cannot be processed."""
    engine = sa.create_engine(postgresql)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
    with Stage(tmp_path / "data", database=schemas(postgresql)) as stage, stage.sender() as sender:
        for _ in range(20):
            time.sleep(0.3)
            with engine.begin() as connection:
                connection.execute(sa.text(cut))
        mended(stage, sender)
    engine.dispose()


@pytest.mark.parametrize("wrong", [timedelta(hours=-1), timedelta(days=365)], ids=["an hour back", "a year ahead"])
def test_a_clock_that_is_wrong_for_a_while(stage: Stage, sender: Sender, clock: Path, wrong: timedelta) -> None:
    """Calls are taken all the same and none is flagged for its time; `recorded_at` never goes back."""
    _set(clock, wrong)
    time.sleep(3)
    stage.kill("intake")
    time.sleep(2)
    _set(clock, timedelta())
    mended(stage, sender)
    with stage.opened() as opened:
        for journal in opened.writers.values():
            times = [record.recordedat for record in journal.records()]
            assert times == sorted(times)
            assert (times[-1] > datetime.now(UTC) + timedelta(days=300)) == (wrong.days > 300)
        rows = [row.ledgered_at for row in opened.inquiry.ledger.rows()]
        assert rows == sorted(rows)
    flags = [flag for receipt in stage.receipts() for flag in receipt.flags]
    assert not [flag for flag in flags if str(flag["code"]).startswith("time-")]


def _set(clock: Path, wrong: timedelta) -> None:
    fresh = clock.with_suffix(".new")
    fresh.write_text(json.dumps(wrong.total_seconds()))
    fresh.replace(clock)
