"""Everything on one machine: NATS and the four services, each a process of its own, on loopback only.

The processes are forked from one that has imported everything, which keeps memory and start-up
small; each builds its service with the same `build()` that `faststream run` uses. A supervisor
starts again what ends, and ends everything when the process that began it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing as mp
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
from faststream import FastStream

from deploy.datadir import DataDirectory, Running
from deploy.natsd import NatsError, NatsServer, declare_now, stop_stray
from deploy.ports import LOOPBACK, StartError, free_port
from services.handover import app as handover
from services.intake import app as intake
from services.logs import log_to
from services.placement import app as placement
from services.reporting import app as reporting
from services.settings import SERVICES, Settings

BUILDS: dict[str, Callable[[Settings], FastStream]] = {
    "intake": intake.build,
    "placement": placement.build,
    "handover": handover.build,
    "reporting": reporting.build,
}
LOOK = 5.0
"""Seconds between looks at whether the streams are there."""

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
LONGEST_PAUSE = 30.0

_FORK = mp.get_context("fork")


class Embedded:
    """A running Yoake, as the process that began it sees it. Use it as a context."""

    def __init__(self, data: DataDirectory, *, nats_port: int, pages_port: int, published: Path | None = None) -> None:
        self._data = data
        self._ports = (nats_port, pages_port or free_port())
        self._published = published

    def __enter__(self) -> Running:
        """Start everything and wait until it serves.

        Raises:
            StartError: it does not; says why.
        """
        self._ours, theirs = _FORK.Pipe()
        self._supervisor = _FORK.Process(
            target=_supervise, args=(self._data, self._ports, self._published, theirs, self._ours)
        )
        gc.collect()
        gc.freeze()  # What is imported stays, and the collector must not touch it: each touched page is copied.
        self._supervisor.start()
        theirs.close()
        try:
            if not self._ours.poll(READY_SECONDS):
                raise StartError(f"the services did not start within {READY_SECONDS:.0f} s; see {self._data / 'logs'}")
            answer = self._ours.recv()
        except EOFError as error:
            raise StartError(f"the runner ended at once; see {self._data / 'logs'}") from error
        except BaseException:
            self._stop()
            raise
        if isinstance(answer, str):
            self._stop()
            raise StartError(answer)
        assert isinstance(answer, Running), "the supervisor says where it runs, or why not"
        return answer

    def __exit__(self, *_: object) -> None:
        self._stop()

    def wait_for_ctrl_c(self) -> bool:
        """Wait for Ctrl-C; False if everything ended by itself before."""
        try:
            self._supervisor.join()
        except KeyboardInterrupt:
            return True
        return False

    def _stop(self) -> None:
        self._ours.close()
        self._supervisor.join(STOP_SECONDS + 10)
        if self._supervisor.is_alive():
            self._supervisor.kill()


def _supervise(
    data: DataDirectory, ports: tuple[int, int], published: Path | None, pipe: Connection, theirs: Connection
) -> None:
    theirs.close()
    os.setsid()  # Ctrl-C would reach everybody at once; the order of stopping is ours.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    supervisor = _Supervisor(data, ports, published, pipe)
    try:
        supervisor.start()
        supervisor.watch()
    except (NatsError, StartError) as error:
        with suppress(OSError):
            pipe.send(str(error))
    finally:
        supervisor.stop()


class _Child:
    """One service's process, and when it may be started again."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.process: BaseProcess | None = None
        self.pause = 0.5
        self.due = 0.0

    def ended(self) -> None:
        """Note that it ended by itself; the next start comes later each time."""
        self.due = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


class _Supervisor:
    """Starts NATS and the services, starts again what ends, stops them in order."""

    def __init__(self, data: DataDirectory, ports: tuple[int, int], published: Path | None, pipe: Connection) -> None:
        self._data, self._pipe, self._pages_port, self._published = data, pipe, ports[1], published
        self._nats = NatsServer(data / "nats", ports[0])
        self._children = [_Child(service) for service in SERVICES]
        self._looked = 0.0
        self._health = {service: free_port() for service in SERVICES}

    def start(self) -> None:
        """Bring everything up; the pipe then hears where it can be reached."""
        (self._data / "logs").mkdir(exist_ok=True)
        log_to(self._data / "logs" / "runner.log", "runner")
        stop_stray(self._data / "nats")
        self._nats.start()
        self._ward = self._data.settings().ward().id
        declare_now(self._nats.url, self._ward)
        self._settings = self._data.settings(self._nats.url, (LOOPBACK, self._pages_port), self._published)
        ready = {child.service: self._fork(child) for child in self._children}
        self._wait_for(ready)
        self._pipe.send(self._publish())

    def watch(self) -> None:
        """Keep everything running until the other end of the pipe closes."""
        while True:
            processes = [child.process for child in self._children if child.process is not None]
            wait([self._pipe, *(process.sentinel for process in processes)], timeout=0.5)
            if self._pipe.poll():
                return
            self._restart()

    def stop(self) -> None:
        """The services first, so that they finish what they have begun; NATS last."""
        processes = [child.process for child in self._children if child.process is not None]
        for process in processes:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in processes:
            process.join(max(0.1, until - time.monotonic()))
            if process.is_alive():
                process.kill()
        self._nats.stop()
        self._data.set_running(None)

    def _fork(self, child: _Child) -> Connection:
        ours, theirs = _FORK.Pipe(duplex=False)
        settings = msgspec.structs.replace(self._settings, health=(LOOPBACK, self._health[child.service]))
        child.process = _FORK.Process(
            target=_serve, args=(child.service, settings, self._data / "logs", theirs, os.getpid()), daemon=False
        )
        child.process.start()
        theirs.close()
        return ours

    def _wait_for(self, ready: dict[str, Connection]) -> None:
        until = time.monotonic() + READY_SECONDS - 5
        for service, pipe in ready.items():
            if not pipe.poll(max(0.0, until - time.monotonic())):
                raise StartError(f"{service} did not start; see {self._data / 'logs' / (service + '.log')}")
            try:
                answer = pipe.recv()
            except EOFError:
                answer = f"{service} ended; see {self._data / 'logs' / (service + '.log')}"
            if answer != "ready":
                raise StartError(answer)
            pipe.close()

    def _publish(self) -> Running:
        running = Running(
            pid=os.getpid(),
            nats=self._nats.url,
            pages=f"http://{LOOPBACK}:{self._pages_port}/",
            services={child.service: child.process.pid or 0 for child in self._children if child.process},
            health={service: f"http://{LOOPBACK}:{port}/" for service, port in self._health.items()},
        )
        self._data.set_running(running)
        return running

    def _restart(self) -> None:
        changed = False
        if not self._nats.alive():
            logging.warning("nats-server ended; it is started again")
            self._nats.start()
        for child in self._children:
            if child.process is not None and not child.process.is_alive():
                logging.warning("%s ended with %s; it is started again", child.service, child.process.exitcode)
                child.process = None
                child.ended()
            if child.process is None and time.monotonic() >= child.due:
                self._fork(child).close()
                changed = True
        if changed:
            self._publish()
        if time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            with suppress(NatsError, OSError, TimeoutError):
                for done in declare_now(self._nats.url, self._ward):
                    logging.warning("%s", done)


def _serve(service: str, settings: Settings, logs: Path, ready: Connection, supervisor: int) -> None:
    """One service, in its own process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log_to(logs / f"{service}.log", service, settings.log)
    try:
        app = BUILDS[service](settings)
    except (RuntimeError, ValueError) as error:
        logging.critical("%s", error)
        with suppress(OSError):
            ready.send(f"{service} cannot start: {error}")
        sys.exit(os.EX_CONFIG)

    @app.after_startup
    async def tell() -> None:
        with suppress(OSError):
            ready.send("ready")
        ready.close()

    asyncio.run(_run(app, supervisor))


async def _run(app: FastStream, supervisor: int) -> None:
    """Run until told to stop, or until the supervisor is gone."""

    async def orphaned() -> None:
        while os.getppid() == supervisor:  # noqa: ASYNC110  (no event tells that a parent is gone)
            await asyncio.sleep(1)
        app.exit()

    watching = asyncio.create_task(orphaned())
    await app.run()
    watching.cancel()
