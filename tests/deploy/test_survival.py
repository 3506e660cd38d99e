"""A feed through the adapter kit while things die, and what a start finds. Steady senders: tests/faults."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import nats
import pytest

from deploy.datadir import DataDirectory, Running
from deploy.natsd import NatsServer, declare_now
from deploy.opened import Opened
from deploy.setting_up import prepare
from events import event_of
from tests.conftest import schemas
from tests.running import (
    GROUND,
    alive,
    call,
    environment,
    message,
    pid_of,
    placed,
    running,
    settled,
    total,
    until,
    up,
    write_lines,
    yoake,
)

SERVICES = ("intake", "placement", "handover", "reporting")


def in_the_middle(data: Path, then: Callable[[], None]) -> threading.Thread:
    """Do something as soon as a part of a feed was taken."""

    def waiting() -> None:
        with closing(sqlite3.connect(f"file:{data}/intake.db?mode=ro", uri=True)) as database:
            until(lambda: database.execute("SELECT count(*) FROM heard").fetchone()[0] > 10)
        then()

    thread = threading.Thread(target=waiting)
    thread.start()
    return thread


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def sixty(tmp_path: Path) -> Path:
    """Sixty calls, each with a short stay that comes before its call in the file."""
    return write_lines(tmp_path / "sixty.jsonl", [m for n in range(60) for m in (placed(n), call(n))])


def everything_is_equal(data: Path) -> None:
    verified = yoake("verify", "--data", data)
    assert verified.returncode == 0, verified.stdout
    assert "streams too" in verified.stdout


def test_a_feed_outlives_a_killed_service(data: Path, sixty: Path) -> None:
    """SIGKILL of intake in the middle of a feed: the adapter kit sends again what has no receipt."""
    with up(data):
        killer = in_the_middle(data, lambda: os.kill(pid_of(data, "intake"), signal.SIGKILL))
        fed = yoake("feed", sixty, "--as", "contractor", "--data", data, "--json")
        killer.join()
        assert fed.returncode == 0, fed.stderr
        assert fed.json["accepted"] + fed.json["known"] == 120
        until(lambda: settled(data))
        assert total(data) == total(data, "short-stay") == 60
        everything_is_equal(data)


def test_postgresql_survives_the_same(data: Path, sixty: Path, postgresql: str) -> None:
    """On PostgreSQL, a database for each service: intake and the ledger killed in the middle of a feed."""
    with up(data, "--database", schemas(postgresql)):
        for service, after in (("intake", 0.5), ("reporting", 1.0)):
            threading.Timer(after, lambda name=service: os.kill(pid_of(data, name), signal.SIGKILL)).start()
        fed = yoake("feed", sixty, "--as", "contractor", "--data", data, "--json")
        assert fed.returncode == 0, fed.stderr
        until(lambda: settled(data))
        assert total(data) == total(data, "short-stay") == 60
        everything_is_equal(data)
        assert yoake("rebuild", "--data", data).returncode == 0
        assert yoake("case", "contractor/C-1", "--data", data).returncode == 0


def test_a_feed_while_a_service_is_stopped_goes_on_when_it_returns(data: Path, sixty: Path) -> None:
    """Placement hangs (SIGSTOP): calls are accepted all the same; its messages are answered once it goes on."""
    with up(data):
        pid = pid_of(data, "placement")
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(3, os.kill, (pid, signal.SIGCONT)).start()
        fed = yoake("feed", sixty, "--as", "contractor", "--data", data, "--json")
        assert fed.json["accepted"] == 120
        until(lambda: settled(data))
        assert total(data, "short-stay") == 60


def test_a_killed_nats_server_comes_back_with_everything(data: Path, sixty: Path) -> None:
    """SIGKILL of NATS in the middle of a feed; the runner starts it again and the feed goes on."""
    with up(data):
        nats_pid = int((data / "nats" / "nats.pid").read_text())
        killer = in_the_middle(data, lambda: os.kill(nats_pid, signal.SIGKILL))
        fed = yoake("feed", sixty, "--as", "contractor", "--data", data, "--json")
        killer.join()
        assert fed.returncode == 0, fed.stderr
        until(lambda: settled(data))
        assert total(data, "short-stay") == 60
        everything_is_equal(data)


def test_a_killed_runner_takes_everything_with_it_and_starts_again(data: Path, sixty: Path) -> None:
    """SIGKILL of `yoake up` itself: services and NATS end too, and the next start goes on from there."""
    with up(data) as process:
        found = running(data)
        assert found is not None
        pids = [found["pid"], *found["services"].values(), int((data / "nats" / "nats.pid").read_text())]
        assert yoake("feed", sixty, "--as", "contractor", "--data", data).returncode == 0
        process.kill()
        until(lambda: not any(map(alive, pids)))
    with up(data):
        assert yoake("feed", sixty, "--as", "contractor", "--data", data, "--json").json["known"] == 120
        until(lambda: settled(data))
        everything_is_equal(data)


def test_events_deleted_whole_while_running_is_refilled(data: Path, sixty: Path) -> None:
    """The stream is deleted: it is declared again, filled from the journals, and nothing is counted twice."""
    with up(data):
        assert yoake("feed", sixty, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
        asyncio.run(_delete_events(data))
        refilled = yoake("streams", "--refill", "--data", data)
        assert refilled.returncode == 0, refilled.stderr
        until(lambda: settled(data))
        everything_is_equal(data)
        assert total(data) == 60


async def _delete_events(data: Path) -> None:
    found = running(data)
    assert found is not None
    connection = await nats.connect(found["nats"])
    await connection.jetstream().delete_stream("EVENTS")
    await connection.close()


def test_a_handover_that_never_heard_placements_catches_up_by_itself(data: Path) -> None:
    """As an earlier release left it: nothing about placements in its database, and a durable that is past them.

    What was arranged then is known when an acceptance is told that was given before it, and so is what comes now.
    """
    with up(data):
        feed(data, call(1), placed(1))
        until(lambda: heard_of(data, "placement") == 1)
        feed(data, call(2))
        until(lambda: heard_of(data, "intake") == 3)
    with closing(sqlite3.connect(data / "handover.db")) as database, database:
        assert database.execute("DELETE FROM cursors WHERE service = 'placement'").rowcount == 1
        assert database.execute("DELETE FROM names WHERE key GLOB 'plac*' OR key GLOB 'kind-of*'").rowcount == 3
    with up(data):
        until(lambda: heard_of(data, "placement") == 1)
        feed(data, taken_on(1), taken_on(2), placed(2))
        until(lambda: len(late_notes(data)) == 2)
        until(lambda: settled(data))
        assert late_notes(data) == [("S-1", "placement.arranged"), ("S-2", "placement.arranged")]
        everything_is_equal(data)


def feed(data: Path, *messages: dict[str, Any]) -> None:
    """Sent, accepted, and heard of by everybody."""
    file = write_lines(data.with_name("more.jsonl"), messages)
    assert yoake("feed", file, "--as", "contractor", "--data", data).returncode == 0
    until(lambda: settled(data))


def taken_on(number: int) -> dict[str, Any]:
    """An agency took on the case of `call(number)` half an hour before the bed was arranged."""
    told = {"case": f"C-{number}", "handover": f"H-{number}", "kind": "agency", "to": "架空相談支援事業所", **GROUND}
    return message(f"taken-{number}", "handover.complete", f"2023-06-{1 + number % 28:02}T10:30:00+09:00", told)


def heard_of(data: Path, source: str) -> int:
    """How far handover has heard a service."""
    with closing(sqlite3.connect(f"file:{data}/handover.db?mode=ro", uri=True)) as database:
        row = database.execute("SELECT position FROM cursors WHERE service = ?", (source,)).fetchone()
    return row[0] if row else 0


def late_notes(data: Path) -> list[tuple[str, str]]:
    """The late notes about placements: the sender's reference of each, and what."""
    directory = DataDirectory(data)
    with closing(Opened(directory.settings(), directory.kept().ward)) as books:
        events: list[Any] = [event_of(row.event) for row in books.inquiry.ledger.rows()]
    refs = {event.placement: event.ref for event in events if event.name == "placement.arranged"}
    noted = [event for event in events if event.name == "handover.noted-late"]
    return [(refs[event.placement], event.what) for event in noted if event.placement]


def test_the_files_of_events_deleted_while_off_are_refilled_at_the_start(data: Path, sixty: Path) -> None:
    """EVENTS is disposable: its files may go, and the next start has it whole again by itself."""
    with up(data):
        assert yoake("feed", sixty, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
    shutil.rmtree(data / "nats" / "store" / "jetstream" / "YOAKE" / "streams" / "EVENTS")
    with up(data):
        until(lambda: yoake("verify", "--data", data).returncode == 0)
        assert total(data) == 60


def test_a_journal_that_was_set_back_is_noticed_and_publishes_nothing(data: Path, tmp_path: Path) -> None:
    """Intake's database is restored from an older copy: it stops and says why; the ledger and the tables stay."""
    with up(data):
        first = write_lines(tmp_path / "first.jsonl", [call(n) for n in range(10)])
        assert yoake("feed", first, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
    older = (data / "intake.db").read_bytes()
    with up(data):
        second = write_lines(tmp_path / "second.jsonl", [call(n) for n in range(10, 20)])
        assert yoake("feed", second, "--as", "contractor", "--data", data).returncode == 0
        until(lambda: settled(data))
    for file in data.glob("intake.db*"):
        file.unlink()
    (data / "intake.db").write_bytes(older)
    with up(data):
        until(lambda: "was restored from an older copy" in (data / "logs" / "intake.log").read_text())
        verified = yoake("verify", "--data", data)
        assert verified.returncode == 1
        assert "ledger: intake 12 is not in the journal" in verified.stdout
        assert total(data) == 20


def test_ctrl_c_stops_everything_and_leaves_nothing_behind(data: Path) -> None:
    """After Ctrl-C no process of ours is left, and the directory says that nobody runs."""
    with up(data) as process:
        found = running(data)
        assert found is not None
        pids = [found["pid"], *found["services"].values(), int((data / "nats" / "nats.pid").read_text())]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert not any(map(alive, pids))
        assert running(data) is None


@pytest.fixture
def alone(data: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """NATS, and each service run with `faststream run`, as in production."""

    directory = DataDirectory(data)
    prepare(directory, None, None)
    server = NatsServer(directory / "nats", 0)
    server.start()
    declare_now(server.url, "setagaya")
    settings = directory.settings(server.url)
    processes = {
        service: subprocess.Popen(
            [str(Path(sys.executable).with_name("faststream")), "run", f"services.{service}.main:app", "--factory"],
            env=environment() | settings.environment() | {"YOAKE_PAGES": "127.0.0.1:0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for service in SERVICES
    }
    directory.set_running(Running(pid=os.getpid(), nats=server.url, pages=""))
    yield processes
    for process in processes.values():
        process.terminate()
        process.communicate(timeout=30)
    server.stop()


def test_each_service_also_runs_alone(alone: dict[str, subprocess.Popen[str]], data: Path, sixty: Path) -> None:
    """The same `build()` under `faststream run`: four processes that only NATS connects."""
    fed = yoake("feed", sixty, "--as", "contractor", "--data", data, "--json")
    assert fed.returncode == 0, fed.stderr
    until(lambda: settled(data))
    assert total(data, "short-stay") == 60
    everything_is_equal(data)
    alone["intake"].kill()
    alone["intake"].communicate()
    time.sleep(0.2)
    assert [service for service, process in alone.items() if process.poll() is not None] == ["intake"]
