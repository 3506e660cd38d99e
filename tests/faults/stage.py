"""A running Yoake that is knocked over, and started again by a service manager; and what must hold afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import nats.errors
import pytest
import sqlalchemy as sa

from deploy.datadir import DataDirectory
from deploy.natsd import NatsError
from deploy.opened import Opened
from deploy.ports import free_port
from deploy.status import Status, status
from deploy.verify import verify
from events.messages import Receipt
from events.seal import public_key
from services.journal import Journal
from services.tables import HEARD, PARKED, WAITING
from tests.faults.sender import PROVIDER, Sender
from tests.running import YOAKE, alive, environment, running, until, yoake

SERVICES = ("intake", "placement", "handover", "reporting")
VICTIMS = (*SERVICES, "front", "nats", "runner", "supervisor")
WARD = "setagaya"
SETTLE = 90.0
LONG = pytest.mark.skipif("YOAKE_FAULT_KILLS" not in os.environ, reason="takes long: `make faults` does it")
EFFECTS = {"call": "call.received", "stay": "placement.arranged", "offer": "handover.offered", "accept": "handed-over"}


class Stage:
    """`yoake up` on a directory, started again whenever it ends, as a service manager would. Use it as a context."""

    def __init__(self, data: Path, *, database: str | None = None, extra: Mapping[str, str] | None = None) -> None:
        self.data, self.kills = data, 0
        self.url = ""
        """Where its NATS is, with the password of whoever may do everything; the same however often it is started."""
        options = ["--database", database] if database else []
        self._command = [YOAKE, "up", "--data", str(data), "--port", "0", "--nats-port", str(free_port())]
        self._command += options
        self._environment = environment() | dict(extra or {})
        self._over = threading.Event()
        self._manager = threading.Thread(target=self._manage, name="service-manager")

    def __enter__(self) -> Stage:
        self._said = self.data.with_name(f"{self.data.name}.said").open("a")
        self._start()
        self._manager.start()
        self.wait_until_up()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._manager.join()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._said.close()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=self._said, stderr=self._said, env=self._environment, start_new_session=True
        )

    def _manage(self) -> None:
        while not self._over.wait(0.1):
            if self._process.poll() is not None:
                self._start()

    def sender(self, **options: Any) -> Sender:
        """Somebody who sends here, steadily, from the moment the block begins."""
        key = public_key((self.data / "keys" / "inbox.pub.jwk").read_bytes())
        return Sender(self.url, WARD, key, **options)

    def pid(self, who: str) -> int:
        """A process of ours: a service, `nats`, the `runner` (the command) or its `supervisor`; 0 if there is none."""
        if who == "runner":
            return self._process.pid
        with suppress(OSError, ValueError, KeyError):
            if who == "nats":
                found = int((self.data / "nats" / "nats.pid").read_text())
            else:
                told = json.loads((self.data / "running.json").read_text())
                found = int(told["pid"] if who == "supervisor" else told["services"][who])
            if str(self.data) in Path(f"/proc/{found}/cmdline").read_text() and alive(found):
                return found
        return 0

    def signal(self, who: str, what: signal.Signals) -> int:
        """Send a signal to one of ours, as soon as it is there; its process."""
        try:
            until(lambda: self.pid(who), SETTLE)
        except AssertionError as error:
            said, logged = self.data.with_name(f"{self.data.name}.said"), self.data / "logs" / "runner.log"
            ends = [file.read_text()[-2000:] for file in (said, logged) if file.exists()]
            raise AssertionError("\n".join([f"{who} is not there", *ends])) from error
        pid = self.pid(who)
        with suppress(ProcessLookupError):
            os.kill(pid, what)
        return pid

    def kill(self, who: str) -> None:
        """SIGKILL."""
        self.signal(who, signal.SIGKILL)
        self.kills += 1

    def pause(self, who: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        pid = self.signal(who, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def wait_until_up(self) -> None:
        """Wait until it says where it runs, with every service."""
        until(lambda: (found := running(self.data)) and found["services"].keys() == {*SERVICES, "front"}, SETTLE)
        found = running(self.data)
        assert found is not None, "it said so just now"
        self.url = found["nats"]

    def opened(self) -> closing[Opened]:
        """Its journals, for looking."""
        return closing(Opened(DataDirectory(self.data).settings(), WARD))

    def status(self) -> Status | None:
        """What `yoake status` finds; None while it cannot be asked."""
        with suppress(NatsError, OSError, RuntimeError, nats.errors.Error):
            return status(DataDirectory(self.data))
        return None

    def settle(self, sender: Sender, patience: float = SETTLE) -> float:
        """Wait until nothing is under way any more; how many seconds it took."""
        began = time.monotonic()
        sender.rest()
        try:
            until(lambda: sender.quiet and self._settled(), patience)
        except AssertionError as error:
            raise AssertionError(f"not settled in {patience} s: {sender.quiet=} {self.status()}") from error
        return time.monotonic() - began

    def _settled(self) -> bool:
        found = self.status()
        if found is None or found.ledger is None or not found.ledger.complete or not found.streams:
            return False
        lags = [lag for s in found.services for lag in (s.relay_lag, s.inbox_lag, s.events_lag, s.waiting)]
        return not any(lags)

    def receipts(self) -> list[Receipt]:
        """What every message that was heard was answered."""
        with self.opened() as opened:
            return [receipt for journal in opened.writers.values() for receipt in _receipts(journal)]

    def check(self, sender: Sender, patience: float = 0.0) -> None:
        """Everything that was sent is there exactly once, in the journals, the ledger and the tallies; all agree.

        `patience`: seconds in which what differs may still come to agree by itself.
        """
        end = time.monotonic() + patience
        while (found := self._differences(sender)) and time.monotonic() < end:
            time.sleep(0.5)
        assert not found, "\n".join(found[:40])

    def _differences(self, sender: Sender) -> list[str]:
        with self.opened() as opened:
            return [
                *_lost_or_doubled(opened, sender),
                *_uncounted(opened, sender),
                *verify(opened, self.url).differences,
            ]

    def check_by_command(self) -> None:
        """`yoake verify`, as a person would call it."""
        verified = yoake("verify", "--data", self.data)
        assert verified.returncode == 0, verified.stdout
        assert "streams too" in verified.stdout

    def says(self, what: Callable[[dict[str, str]], bool], patience: float = SETTLE) -> None:
        """Wait until the runner says of its troubles what is expected."""
        until(lambda: (found := running(self.data)) is not None and what(found.get("troubles", {})), patience)


def _lost_or_doubled(opened: Opened, sender: Sender) -> Iterator[str]:
    heard: dict[str, str] = {}
    effects: Counter[tuple[str, str]] = Counter()
    for name, journal in opened.writers.items():
        heard.update({str(receipt.id): receipt.status for receipt in _receipts(journal)})
        with journal.engine.connect() as connection:
            for table in (PARKED, WAITING):
                for row in connection.execute(sa.select(table.c.id)):
                    yield f"{name}: {row.id} is {table.name}"
        effects.update((record.causation, record.type) for record in journal.records())
    for own_id, said in sender.sent.items():
        if heard.get(own_id) != "accepted":
            promised = own_id in sender.promised
            yield f"{own_id}: {heard.get(own_id, 'lost')}; INBOX had {'' if promised else 'not '}acknowledged it"
        wanted = EFFECTS[own_id.partition("-")[0]]
        times = effects[f"message:{PROVIDER}/{said['source']}#{own_id}", wanted]
        if times != 1:
            yield f"{own_id} led to {wanted} {times} times"
    for own_id, answer in sender.answered.items():
        if answer not in ("accepted", "known", "waiting"):
            yield f"{own_id} was answered {answer}"
    for own_id in heard.keys() - sender.sent.keys():
        yield f"{own_id} was heard, and nobody sent it"


def _receipts(journal: Journal) -> list[Receipt]:
    with journal.engine.connect() as connection:
        rows = connection.execute(sa.select(HEARD.c.receipt)).scalars()
        return [msgspec.json.decode(bytes(row), type=Receipt) for row in rows]


def _uncounted(opened: Opened, sender: Sender) -> Iterator[str]:
    ids = Counter(row.event.id for row in opened.inquiry.ledger.rows())
    yield from (f"the ledger holds the event {event} {times} times" for event, times in ids.items() if times != 1)
    report = opened.inquiry.report("calls", years=range(2023, 2024))
    counted = {cell.column: cell.value for cell in report.cells if cell.row == "2023/total"}
    for column in ("total", "short-stay"):
        if counted[column] != sender.cases:
            yield f"the table counts {counted[column]} in {column}, and {sender.cases} were sent"
