"""A real Yoake in processes of its own, for tests of what crosses a border: NATS, SQLite, PostgreSQL, signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.forked import Forked, begin

YOAKE = str(Path(sys.executable).with_name("yoake"))
WARD = Path(__file__).parents[1] / "deploy" / "wards" / "setagaya.toml"
PATIENCE = 40.0
GROUND: dict[str, Any] = {"basis": "legal-duty", "personal": {"reason": "架空の理由"}}
"""On what something about a person may go to somebody, in the sample ward."""

Process = Forked | subprocess.Popen[bytes]


class Finished(subprocess.CompletedProcess[str]):
    """A command that ended: its exit status, what it printed, what it complained of."""

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def yoake(*arguments: object, timeout: float = 120) -> Finished:
    """Run a command to its end, in a process forked from one that has imported it."""
    words = [*map(str, arguments)]
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        running = begin("commands", words, environment(), out, err)
        try:
            running.wait(timeout)
        finally:
            running.kill()
        for file in (out, err):
            file.seek(0)
        return Finished(words, running.wait(), out.read(), err.read())


def yoake_anew(*arguments: object, timeout: float = 120) -> Finished:
    """Run a command as the installed program, which imports what it needs."""
    command = [YOAKE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment())
    return Finished(done.args, done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    """This environment without a word of ours, and wide enough for tables."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return own | {"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"}


@contextmanager
def up(data: Path, *options: object, **variables: str) -> Iterator[Process]:
    """`yoake up` on a directory, on free ports, until the block ends; it must end in good order.

    With variables of its own it is begun anew: some are read as it is imported.
    """
    arguments = ["up", "--data", str(data), "--port", "0", "--nats-port", "0", *map(str, options)]
    with said_by(data).open("w") as said:
        process: Process
        if variables:
            process = subprocess.Popen([YOAKE, *arguments], stdout=said, stderr=said, env=environment() | variables)
        else:
            process = begin("up", arguments, environment(), said, said)
        try:
            until(lambda: running(data) is not None or process.poll() is not None)
            assert process.poll() is None, said_by(data).read_text()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def said_by(data: Path) -> Path:
    """What `yoake up` on a directory printed."""
    return data.with_name(f"{data.name}.said")


def running(data: Path) -> dict[str, Any] | None:
    """Where the Yoake of a directory runs; None while it does not."""
    file = data / "running.json"
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found if alive(found["pid"]) else None


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_of(data: Path, service: str) -> int:
    """The process of one service."""
    found = running(data)
    assert found is not None, "Yoake runs"
    pid: int = found["services"][service]
    return pid


def until(done: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Wait until something holds; fail when it does not in time."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


async def eventually(done: Callable[[], Any], patience: float = PATIENCE) -> None:
    """`until`, while others on the same loop go on."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


def write_lines(file: Path, messages: Sequence[dict[str, Any] | bytes]) -> Path:
    """A JSON Lines file; `bytes` stand in it as they are."""
    lines = [m if isinstance(m, bytes) else json.dumps(m, ensure_ascii=False).encode() for m in messages]
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


def message(id_: str, type_: str, time_: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One adapter message of the test's own sender."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/test/desk",
        "type": type_,
        "time": time_,
        "entered": time_,
        "synthetic": True,
        "data": data,
        **more,
    }


def call(number: int, **matter: Any) -> dict[str, Any]:
    """One first contact, by day, under the reference C-<number>."""
    matter = {"case": f"C-{number}", "district": "kitazawa", "personal": {"name": f"見本 {number}"}, **matter}
    when = f"2023-06-{1 + number % 28:02}T10:{number % 60:02}:00+09:00"
    return message(f"call-{number}", "call.report", when, {"matters": [matter]})


def placed(number: int) -> dict[str, Any]:
    """A short stay for the case of `call(number)`."""
    data = {"case": f"C-{number}", "placement": f"S-{number}", "kind": "short-stay"}
    return message(f"stay-{number}", "placement.arrange", f"2023-06-{1 + number % 28:02}T11:00:00+09:00", data)


def total(data: Path, column: str = "total") -> int:
    """One figure of the table of calls for fiscal year 2023."""
    report = yoake("report", "calls", "--fy", "2023", "--format", "json", "--data", data).json
    figure: int = next(c["value"] for c in report["cells"] if c["row"] == "2023/total" and c["column"] == column)
    return figure


def settled(data: Path) -> bool:
    """Whether nothing is under way any more, and the ledger holds everything."""
    status = yoake("status", "--json", "--data", data)
    if status.returncode:
        return False
    lags = [s[lag] for s in status.json["services"] for lag in ("relay_lag", "inbox_lag", "events_lag")]
    return bool(status.json["ledger"]["complete"]) and not any(lags)
