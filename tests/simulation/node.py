"""One service of the night: it runs, its power goes at the worst moments, and it is started again."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Callable
from random import Random
from typing import Any

import nats.errors
import sqlalchemy as sa

from services.bus import check_durables
from services.handover import app as handover
from services.intake import app as intake
from services.placement import app as placement
from services.reporting import app as reporting
from tests.simulation.bus import Bus
from tests.simulation.clock import Clock
from tests.simulation.connection import Connection
from tests.simulation.loop import OWNER, PowerCut
from tests.simulation.machine import Settings

BUILT: dict[str, Callable[[Any], Any]] = {
    "intake": intake.build,
    "placement": placement.build,
    "handover": handover.build,
    "reporting": reporting.build,
}
SERVICES = tuple(BUILT)
REFUSED = 0.5
"""How often a disk refuses a commit, rather than that the power goes before it."""


class Weather:
    """When the power goes: at each moment where it would hurt, with a chance, so many times in one night."""

    def __init__(self, random: Random, chance: float, left: int) -> None:
        self._random, self.chance, self.left = random, chance, left
        self.victim = ""
        """Whom alone it strikes, if not everybody."""

    def strikes(self, name: str) -> bool:
        """Whether it goes now, for this service."""
        if self.left and self.victim in ("", name) and self._random.random() < self.chance:
            self.left -= 1
            return True
        return False


class Process:
    """One life of a service: from its start until its power goes."""

    def __init__(self, node: Node, number: int) -> None:
        self.node, self.number = node, number
        self.clock, self.new_id = node.clock, node.new_id
        self.is_dead = False
        self.connection: Connection | None = None
        self.vitals: Any = None
        self.journal: Any = None

    def commits(self, moment: str) -> None:
        """The writer thread is about to commit, or has. Raises PowerCut."""
        if self.is_dead:
            raise PowerCut
        if moment == "after":
            self.node.bus.story.note("commit", self.node.name, self.journal.head if self.journal else 0)
        if not self.node.weather.strikes(self.node.name):
            return
        if moment == "before" and self.node.random.random() < REFUSED:
            self.node.bus.story.tell(self.node.name, "its disk refuses a commit")
            raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("database or disk is full"))
        self.node.dies(f"{moment} a commit")
        raise PowerCut

    async def point(self, moment: str, subject: str) -> None:
        """Something is about to be sent, or has been."""
        if not subject.startswith(("events.", "receipts.", "$JS.ACK.")):
            return
        if self.node.weather.strikes(self.node.name):
            what = "an acknowledgement" if subject.startswith("$JS.ACK.") else f"publishing {subject.split('.')[0]}"
            self.node.dies(f"{moment} {what}")
        if self.is_dead:
            await asyncio.get_running_loop().create_future()  # For ever: nothing of it runs again.

    def halts(self, error: BaseException) -> None:
        """It stops by itself, because going on would do harm."""
        if not isinstance(error, sa.exc.OperationalError):  # A full disk is nobody's fault.
            self.node.halted.append(f"{type(error).__name__}: {error}")
        self.node.dies(f"stops by itself: {type(error).__name__}: {error}")


class Node:
    """A service, through all its lives."""

    def __init__(
        self, name: str, bus: Bus, clock: Clock, new_id: Callable[[], str], settings: Settings, weather: Weather
    ) -> None:
        self.name, self.bus, self.clock, self.new_id = name, bus, clock, new_id
        self.settings, self.weather = settings, weather
        self.process: Process | None = None
        self.halted: list[str] = []
        self.restarts = True
        self.lives = 0
        self.random = Random(bus.random.random())

    def start(self) -> None:
        """Begin a life, unless there is one."""
        if self.process is not None:
            return
        self.lives += 1
        self.process = process = Process(self, self.lives)
        context = contextvars.copy_context()
        context.run(OWNER.set, process)
        self.bus.loop.create_task(self._live(process), context=context)

    async def _live(self, process: Process) -> None:
        while not self.bus.is_up:  # noqa: ASYNC110  (as a client does)
            await asyncio.sleep(0.5)
        try:
            broker, vitals, begin = BUILT[self.name](self.settings)
            process.journal = vitals.journal
            process.connection = Connection(self.bus, f"{self.name}-{self.lives}", process.point)
            await broker.begin(process.connection)
            await check_durables(broker, vitals.journal.ward, self.name)
        except (nats.errors.Error, sa.exc.OperationalError) as error:
            self.dies(f"as it starts: {error!r}")
            return
        process.vitals = vitals
        try:
            await begin()
        except Exception as error:
            process.halts(error)

    def dies(self, how: str) -> None:
        """The power of its process goes."""
        process, self.process = self.process, None
        if process is None:
            return
        process.is_dead = True
        self.bus.story.tell(self.name, f"its power goes {how}" if not how.startswith("stops") else how)
        if process.connection is not None:
            process.connection.close()
        if self.restarts:
            self.bus.later(self.random.random() * self.random.choice((0.5, 3.0)), self.start)

    def head(self) -> int:
        """Where its journal ends; 0 while it does not run."""
        return self.process.journal.head if self.process and self.process.journal else 0
