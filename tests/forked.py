"""`yoake` in processes forked from one that has imported everything: a second of work less for each command.

Each is a process as any other, with its own end. Only importing is not its own: what looks at that, or at
variables that are read as it is imported, begins one anew.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO

MOST = 100_000
"""Bytes of what one is asked to run."""


class Forked:
    """A command that runs: as much of `subprocess.Popen` as the tests use."""

    def __init__(self, told: socket.socket) -> None:
        self.returncode: int | None = None
        self._told, self.pid = told, int(told.recv(MOST))

    def poll(self) -> int | None:
        """Its exit status, if it has ended; as `subprocess` has it."""
        return self._heard(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not in these seconds.
        """
        status = self._heard(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("yoake", timeout or 0)
        return status

    def _heard(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = int(self._told.recv(MOST))
            except (BlockingIOError, TimeoutError):
                return None
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """A process that has imported everything, and forks. Its hashes of strings are its own, as any process's are."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=dict(environment), stdin=subprocess.DEVNULL
            )
        atexit.register(self._end)

    def _end(self) -> None:
        self._ours.close()
        self._process.wait()

    def begin(self, arguments: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]) -> Forked:
        """Run `yoake` with these arguments, printing into two files."""
        asked = json.dumps([arguments, dict(environment), os.getcwd()]).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._ours, [asked], [theirs.fileno(), out.fileno(), err.fileno()])
        return Forked(ours)


_FORKS: dict[str, Forks] = {}


def begin(purpose: str, arguments: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]) -> Forked:
    """Run `yoake`, forked by the one for this purpose; different purposes have different hashes."""
    if purpose not in _FORKS:
        _FORKS[purpose] = Forks(environment)
    return _FORKS[purpose].begin(arguments, environment, out, err)


def _serve(control: socket.socket) -> bool:
    """Fork whenever asked; True in the process that was forked, False once nobody can ask any more."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([control.fileno(), *running], [], [])[0]:
            if ready in running:
                _say_how_it_ended(ready, *running.pop(ready))
                continue
            asked, files, _, _ = socket.recv_fds(control, MOST, 3)
            if not asked:
                return False
            told = socket.socket(fileno=files[0])
            if (pid := os.fork()) == 0:
                for ending, (_, others) in running.items():
                    os.close(ending)
                    others.close()
                told.close()
                control.close()
                _become(json.loads(asked), *files[1:])
                return True
            told.send(str(pid).encode())
            running[os.pidfd_open(pid)] = pid, told
            for file in files[1:]:
                os.close(file)


def _say_how_it_ended(ending: int, pid: int, told: socket.socket) -> None:
    os.close(ending)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with told, suppress(BrokenPipeError):  # Nobody may be waiting for it any more.
        told.send(str(status).encode())


def _become(asked: tuple[list[str], dict[str, str], str], out: int, err: int) -> None:
    sys.argv[1:], environment, place = asked
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(place)
    for file, number in ((out, 1), (err, 2)):
        os.dup2(file, number)
        os.close(file)


def _import_everything() -> None:
    import deploy

    for module in pkgutil.iter_modules(deploy.__path__, "deploy."):
        import_module(module.name)
    gc.collect()
    gc.freeze()  # The collector must not touch what is shared: each touched page is copied.


if __name__ == "__main__":
    _import_everything()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.argv[0] = str(Path(sys.executable).with_name("yoake"))
    if _serve(socket.socket(fileno=int(sys.argv.pop(1)))):
        import_module("deploy.cli").main()
