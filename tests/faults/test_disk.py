"""A disk that is full, and one that fails to sync. Where a user may not bring that about, the skip says why."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.stage import LONG, SERVICES, Stage
from tests.running import yoake

# The client leaves its socket to the collector where the server dies while it connects.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOM = "64m"
MAY_MOUNT = sys.platform == "linux" and os.geteuid() == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB."""
    if not MAY_MOUNT:
        pytest.skip("a small disk is made by mounting a tmpfs, for which one must be root on Linux")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk is made by mounting a tmpfs, which is not allowed here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take all the room that is left; the file that takes it."""
    filler = place / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"0" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk_is_said_and_goes_on_by_itself_when_there_is_room(small: Path) -> None:
    """Nothing is acknowledged that was not kept. NATS alone would refuse for ever: the runner starts it again."""
    with Stage(small / "data") as stage, stage.sender() as sender:
        time.sleep(2)
        filler = fill(small)
        stage.says(lambda troubles: "make room" in troubles.get("nats", ""))
        assert "make room" in yoake("status", "--data", stage.data).stdout
        time.sleep(3)
        filler.unlink()
        stage.says(lambda troubles: not troubles)
        time.sleep(2)
        stage.settle(sender)
        stage.check(sender)
        stage.check_by_command()


@contextmanager
def failing(pid: int, calls: int, said: Path) -> Iterator[None]:
    """Let every third of a process's syncs fail, up to a number of calls, as a disk does that is about to die."""
    if shutil.which("strace") is None:
        pytest.skip("syncs are made to fail by strace, which is not installed")
    what = f"inject=fsync,fdatasync:error=EIO:when=1..{calls}+3"
    command = ["strace", "-f", "-qq", "-o", str(said), "-e", "trace=fsync,fdatasync", "-e", what, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    if tracer.poll() is not None and not _injected(said):  # It also ends with a server that its first failure ended.
        _, why = tracer.communicate()
        pytest.skip(f"syncs are made to fail by strace, which may not trace here: {why.strip()}")
    yield
    if tracer.poll() is None:
        tracer.send_signal(signal.SIGINT)
    tracer.communicate(timeout=30)
    assert _injected(said), "some sync did fail"


def _injected(said: Path) -> bool:
    return said.exists() and "INJECTED" in said.read_text()


@LONG
@pytest.mark.parametrize("who", [*SERVICES, "nats"])
def test_syncs_that_fail(tmp_path: Path, who: str) -> None:
    """What could not be synced was not accepted; it is tried again, and nothing is lost or doubled, a kill included."""
    with Stage(tmp_path / "data") as stage, stage.sender() as sender:
        time.sleep(1.5)
        with failing(stage.pid(who), 60, tmp_path / "traced"):
            time.sleep(5)
            stage.kill(who)
        time.sleep(1.5)
        stage.settle(sender)
        stage.check(sender)
        stage.check_by_command()
