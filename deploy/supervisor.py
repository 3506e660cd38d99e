"""Starts NATS, the services and the front, starts again what ends or hangs, and stops everything in order."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing as mp
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

import msgspec

from deploy import front
from deploy.access import Access
from deploy.datadir import DataDirectory, Running
from deploy.nats_watch import NatsWatch
from deploy.natsd import NatsServer, declare_now, end_with_parent, stop_stray
from deploy.ports import LOOPBACK, StartError, free_port
from deploy.restarts import Restarts
from services.credentials import FILE as CREDENTIALS
from services.credentials import SUBSCRIBERS, Credentials
from services.handover import app as handover
from services.intake import app as intake
from services.logs import log_to
from services.placement import app as placement
from services.reporting import app as reporting
from services.settings import FRONT, SERVICES, Settings


class Runs(Protocol):
    """A service, or the front: what FastStream calls an application."""

    def after_startup(self, hook: Callable[[], Awaitable[None]]) -> object: ...

    async def run(self) -> None: ...

    def exit(self) -> None: ...


BUILDS: dict[str, Callable[[Settings], Any]] = {
    "intake": intake.build,
    "placement": placement.build,
    "handover": handover.build,
    "reporting": reporting.build,
    FRONT: front.build,
}
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
BEAT = 1.0
"""Seconds between a service's signs of life."""

HUNG = 60.0
"""Seconds without a sign of life after which a service is killed and started again."""

FORK = mp.get_context("fork")

log = logging.getLogger("yoake.runner")


class Supervisor:
    """One running Yoake, from the inside. `pipe` hears where it runs, and ends it when it closes."""

    def __init__(self, data: DataDirectory, ports: tuple[int, int], published: Path | None, pipe: Connection) -> None:
        self._data, self._pipe, self._pages_port, self._published = data, pipe, ports[1], published
        settings = data.settings()
        self._ward = settings.ward()
        files = (Credentials(settings.keys / name) for name in (CREDENTIALS, SUBSCRIBERS))
        access = Access(data / "nats", self._ward, *files)
        self._nats = NatsServer(data / "nats", ports[0], access)
        self._children = [_Child(service) for service in BUILDS]
        self._health = {service: free_port() for service in SERVICES} | {FRONT: ports[1]}
        self._said: Running | None = None

    def start(self) -> None:
        """Bring everything up; the pipe then hears where it can be reached.

        Raises:
            NatsError, CredentialsError, StartError: something does not start; says what and why.
        """
        (self._data / "logs").mkdir(exist_ok=True)
        log_to(self._data / "logs" / "runner.log", "runner")
        stop_stray(self._data / "nats")
        self._nats.start()
        providers = [provider.id for provider in self._ward.provider]
        subscribers = [each.key for each in self._ward.subscriber if each.way == "nats"]
        declare_now(self._nats.url, self._ward.id, providers, subscribers)
        self._watch = NatsWatch(self._nats, self._ward.id, providers, subscribers)
        self._settings = self._data.settings(self._nats.url, (LOOPBACK, self._pages_port), self._published)
        for child in self._children:
            self._start(child)
        self._wait_for_all()
        self._publish()
        self._pipe.send(self._said)

    def watch(self) -> None:
        """Keep everything running until the other end of the pipe closes."""
        while True:
            wait([self._pipe, *(child.process.sentinel for child in self._children if child.process)], timeout=0.2)
            if self._pipe.poll():
                return
            self._tend()
            self._publish()

    def stop(self) -> None:
        """The services first, so that they finish what they have begun; NATS last."""
        self._data.set_running(None)
        processes = [child.process for child in self._children if child.process is not None]
        for process in processes:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in processes:
            process.join(max(0.1, until - time.monotonic()))
            if process.is_alive():
                process.kill()
        self._nats.stop()

    def _wait_for_all(self) -> None:
        until = time.monotonic() + READY_SECONDS - 5
        while waited := [child.service for child in self._children if not child.served]:
            self._tend()
            for child in self._children:
                if child.process is None and not (child.killed or child.served):
                    raise StartError(child.refused or f"{child.service} ended; see {self._data / 'logs'}")
            if time.monotonic() > until:
                raise StartError(f"{', '.join(waited)} did not start; see {self._data / 'logs'}")
            time.sleep(0.02)

    def _tend(self) -> None:
        """See to everybody, and start again what may be started again."""
        self._watch.look()
        for child in self._children:
            child.look()
            if child.process is None and child.restarts.due():
                self._start(child)

    def _start(self, child: _Child) -> None:
        settings = msgspec.structs.replace(
            self._settings,
            nats=self._nats.url_of(child.service),
            health=(LOOPBACK, self._health[child.service]),
        )
        child.start(settings, self._data / "logs")

    def _publish(self) -> None:
        """Say who runs and what is wrong, where that changed; on a full disk it is said when there is room again."""
        running = Running(
            pid=os.getpid(),
            nats=self._nats.url,
            pages=f"http://{LOOPBACK}:{self._pages_port}/",
            services={child.service: child.process.pid or 0 for child in self._children if child.process},
            health={service: f"http://{LOOPBACK}:{port}/" for service, port in self._health.items()},
            troubles=self._watch.troubles | {child.service: t for child in self._children if (t := child.trouble)},
        )
        if running == self._said:
            return
        with suppress(OSError):
            self._data.set_running(running)
            self._said = running


class _Child:
    """One service's process, or the front's, and when it may be started again."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.process: BaseProcess | None = None
        self.restarts = Restarts()
        self.ready = self.served = self.killed = False
        self.refused = ""

    @property
    def trouble(self) -> str:
        """What is wrong with it, for whoever asks; empty while nothing is."""
        if self.process is None or not self.ready:
            ended = f"ended {self.restarts.times} times in a row" if self.restarts.times > 1 else "is started again"
            return f"{ended}: {self.refused or f'see logs/{self.service}.log'}"
        return ""

    def start(self, settings: Settings, logs: Path) -> None:
        self._pipe, theirs = FORK.Pipe(duplex=False)
        self.ready, self._heard = False, time.monotonic()
        self.process = FORK.Process(target=_serve, args=(self.service, settings, logs, theirs, os.getpid()))
        self.process.start()
        theirs.close()
        self.restarts.started()

    def _hear(self) -> None:
        """Take in its signs of life: "ready", why it cannot start, or just that it lives."""
        with suppress(EOFError, OSError):
            while self._pipe.poll():
                said = str(self._pipe.recv())
                self._heard = time.monotonic()
                self.ready = self.ready or said == READY
                self.served = self.served or self.ready
                self.refused = "" if self.ready else said.strip()

    def look(self) -> None:
        """Note that it ended; end it if it hangs."""
        if self.process is None:
            return
        self._hear()
        if self.process.is_alive() and time.monotonic() - self._heard > HUNG:
            log.warning("%s has given no sign of life for %.0f s; it is killed", self.service, HUNG)
            self.process.kill()
            self.process.join()
        if not self.process.is_alive():
            self._hear()
            code = self.process.exitcode or 0
            log.warning("%s ended with %s; it is started again", self.service, code)
            self.killed = code < 0
            self.restarts.ended(killed=self.killed)
            self._pipe.close()
            self.process = None


READY, LIVES = "ready", " "


def _serve(service: str, settings: Settings, logs: Path, pipe: Connection, supervisor: int) -> None:
    """One service, in its own process; it ends with the supervisor, and holds nothing that the next one needs."""
    end_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log_to(logs / f"{service}.log", service, settings.log)
    os.set_blocking(pipe.fileno(), False)  # A supervisor that does not listen must not hold up the service.
    try:
        app: Runs = BUILDS[service](settings)
    except (RuntimeError, ValueError) as error:
        log.critical("%s", error)
        _tell(pipe, f"{service} cannot start: {error}")
        sys.exit(os.EX_CONFIG)

    @app.after_startup
    async def tell() -> None:
        _tell(pipe, READY)

    asyncio.run(_run(app, pipe, supervisor))


def _tell(pipe: Connection, what: str) -> None:
    with suppress(OSError):
        pipe.send(what)


async def _run(app: Runs, pipe: Connection, supervisor: int) -> None:
    """Run until told to stop, or until the supervisor is gone."""

    async def live() -> None:
        while os.getppid() == supervisor:  # No event tells that a parent is gone.
            _tell(pipe, LIVES)
            await asyncio.sleep(BEAT)
        app.exit()

    living = asyncio.create_task(live())
    await app.run()
    living.cancel()
