"""A service that runs on its own says how it is: what is taken from it turns /readyz, until it is given back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from nats.js import JetStreamContext

from deploy.datadir import DataDirectory
from deploy.natsd import NatsServer, declare_now
from deploy.ports import free_port
from deploy.setting_up import prepare
from deploy.signing_in import link
from tests.running import environment, until, yoake

WARD = "setagaya"


class Alone:
    """NATS and single services under `faststream run`, without a runner that would mend what a test breaks."""

    def __init__(self, path: Path) -> None:
        self.directory = DataDirectory(path)
        prepare(self.directory, None, None)
        self.server = NatsServer(self.directory / "nats", 0)
        self.server.start()
        declare_now(self.server.url, WARD)
        self._ports: dict[str, int] = {}
        self._pages = free_port()
        self.staff: httpx.Client | None = None
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: str) -> None:
        """Start one service; its log is a file beside the data."""
        port = self._ports.setdefault(service, self._pages if service == "front" else free_port())
        own = {"YOAKE_HEALTH": f"127.0.0.1:{port}", "YOAKE_PAGES": f"127.0.0.1:{self._pages}"}
        command = ["faststream", "run", f"services.{service}.main:app", "--factory"]
        if service == "front":
            command = ["uvicorn", "deploy.front:app", "--factory", "--port", str(port)]
        with self.log(service).open("ab") as said:
            self.processes[service] = subprocess.Popen(
                [str(Path(sys.executable).with_name(command[0])), *command[1:]],
                env=environment() | self.directory.settings(self.server.url).environment() | own,
                stdout=said,
                stderr=said,
            )

    def stop(self, service: str) -> None:
        """Stop one service in good order."""
        self.processes[service].terminate()
        self.processes[service].wait(30)

    def log(self, service: str) -> Path:
        return self.directory.path.with_name(f"{service}.said")

    def get(self, service: str, path: str) -> tuple[int, str]:
        """Ask a service; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[service]}/{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def page(self, address: str) -> str:
        """One of the front's pages, as the ward's staff see it."""
        if self.staff is None:
            home = f"http://127.0.0.1:{self._pages}"
            self.staff = httpx.Client(base_url=home, headers={"Origin": home})
            self.staff.post(link(self.directory.settings(), home, "ward"))
        return self.staff.get(address, timeout=10).text

    def is_ready(self, service: str) -> bool:
        return self.get(service, "readyz")[0] == 200

    def reasons(self, service: str) -> set[str]:
        """The codes of what is degraded; each reason says in both languages what to do."""
        status, text = self.get(service, "readyz")
        found: list[dict[str, Any]] = json.loads(text)["degraded"] if text else []
        assert all(one[word] for one in found for word in ("ja", "en", "do_ja", "do_en"))
        assert status in (0, 503 if any(one["level"] != "notice" for one in found) else 200)
        return {one["code"] for one in found}

    def jetstream(self, work: Callable[[JetStreamContext], Awaitable[Any]]) -> None:
        """Do something to JetStream, as somebody with every right would."""

        async def run() -> None:
            connection = await nats.connect(self.server.url)
            await work(connection.jetstream())
            await connection.close()

        asyncio.run(run())


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    """Intake runs and is ready."""
    here = Alone(tmp_path / "data")
    here.start("intake")
    until(lambda: here.is_ready("intake"))
    yield here
    if here.staff:
        here.staff.close()
    for process in here.processes.values():
        if process.poll() is None:
            process.terminate()
            process.wait(30)
    here.server.stop()


def test_without_nats_a_service_is_healthy_and_not_ready(alone: Alone) -> None:
    """NATS stops and starts again at the same port; so it was reconnected to once."""
    alone.server.stop()
    until(lambda: "nats-gone" in alone.reasons("intake"))
    assert alone.get("intake", "healthz") == (200, "ok")

    alone.server.start()
    until(lambda: alone.is_ready("intake"))
    assert "yoake_nats_reconnects 1.0" in alone.get("intake", "metrics")[1]


def test_a_durable_deleted_while_running_is_missed_until_it_is_declared_again(alone: Alone) -> None:
    """Ping would still be fine; readiness is not ping."""
    alone.jetstream(lambda js: js.delete_consumer("INBOX", "intake"))
    until(lambda: "missing" in alone.reasons("intake"))
    assert "intake がありません。" in alone.get("intake", "readyz")[1]

    declare_now(alone.server.url, WARD)
    until(lambda: alone.is_ready("intake"))


def test_events_deleted_while_running_is_missed_until_it_is_there_again(alone: Alone) -> None:
    """Placement hears EVENTS: it names the stream, not only its own durable."""
    alone.start("placement")
    until(lambda: alone.is_ready("placement"))
    alone.jetstream(lambda js: js.delete_stream("EVENTS"))
    until(lambda: "missing" in alone.reasons("placement"))
    assert "EVENTS" in alone.get("placement", "readyz")[1]

    declare_now(alone.server.url, WARD)
    until(lambda: alone.is_ready("placement"))


def test_a_locked_database_is_said_until_it_is_let_go(alone: Alone) -> None:
    """Another program holds the journal; a write that waits is late, and one that failed is stopped."""
    other = sqlite3.connect(alone.directory / "intake.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    until(lambda: "database-locked" in alone.reasons("intake"))

    other.execute("ROLLBACK")
    other.close()
    until(lambda: alone.is_ready("intake"))


def test_a_journal_that_was_set_back_says_so_and_answers_no_longer(alone: Alone) -> None:
    """Its last words name the reason, as a line that status reads."""
    alone.stop("intake")
    for file in alone.directory.path.glob("intake.db*"):
        file.unlink()
    alone.start("intake")
    assert alone.processes["intake"].wait(30) == os.EX_SOFTWARE
    last = [json.loads(line) for line in alone.log("intake").read_text().splitlines()][-1]
    assert (last["level"], last["service"]) == ("critical", "intake")
    assert "restored from an older copy" in last["text"]


def test_a_paused_service_is_what_the_front_names(alone: Alone) -> None:
    """SIGSTOP: the service cannot say anything, so the front says that it does not answer; the light is out."""
    for service in ("placement", "handover", "reporting", "front"):
        alone.start(service)
    for service in alone.processes:
        until(lambda name=service: alone.is_ready(name))  # type: ignore[misc]
    pid = alone.processes["placement"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: "placement: it runs and does not answer." in alone.page("/status?lang=en"))
        assert "● Stopped" in words(alone.page("/?lang=en"))
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: "● Normal" in words(alone.page("/status?lang=en")))


def test_the_metrics_name_services_and_durables_alone(alone: Alone) -> None:
    """Everything that is documented is there, and a label never says whom a message is about."""
    text = alone.get("intake", "metrics")[1]
    for name in ("journal_position", "published_position", "relay_lag", "inbox_lag", "waiting", "parked", "ready"):
        assert f"\nyoake_{name}" in text
    for name in ("commit_seconds_bucket", "commit_rows_total", "receipts_pending", "nats_reconnects"):
        assert f"\nyoake_{name}" in text
    labels = {part.split("=")[0] for line in text.splitlines() if "{" in line for part in _labels(line)}
    assert labels == {"durable", "kind", "le"}


def words(page: str) -> str:
    """What a reader sees of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def _labels(line: str) -> list[str]:
    return line.partition("{")[2].partition("}")[0].split(",")


def test_a_database_that_is_gone_is_no_reason_for_status_to_make_one(alone: Alone, tmp_path: Path) -> None:
    """It is named, and nothing is created by looking."""
    alone.stop("intake")
    shutil.move(alone.directory / "intake.db", tmp_path / "moved.db")
    said = yoake("status", "--data", alone.directory.path, "--json")
    assert said.returncode == 0, said.stderr
    assert ("intake", "database-missing") in {(one["service"], one["code"]) for one in said.json["degraded"]}
    assert not (alone.directory / "intake.db").exists()
