"""One simulated night: services, bus and providers from the evening to late the next morning, and what befalls them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from services import relay
from services.streams import durables, receipt_durables, streams
from services.subjects import EVENTS
from services.ward import Ward, load
from tests.simulation import invariants
from tests.simulation.bus import Bus
from tests.simulation.clock import Clock, Truth
from tests.simulation.disk import SLOT, Disks, Image
from tests.simulation.loop import OWNER, Endless, Loop
from tests.simulation.machine import Journal, Settings, machine
from tests.simulation.node import SERVICES, Node, Weather
from tests.simulation.provider import Provider
from tests.simulation.script import Script
from tests.simulation.story import Listener, Story
from tests.simulation.streams import Stored

WARD = Path(__file__).parents[2] / "deploy" / "wards" / "setagaya.toml"
SKIPS = 0.2
"""How many of the quiet hours pass for timers as well. They cost most, and the rest brings things close together."""

WEATHERS = ((0.0, 0, ""), (0.05, 4, ""), (0.1, 4, ""), (0.3, 8, "one"), (0.3, 8, "reporting"))
"""(the chance that the power goes at a moment where it hurts, how often it may, whose)."""

RESTS = (0.0, 0.0, 0.2, 1.0, 3.0, 8.0)
"""Seconds, at most, that everybody has for one thing before time goes on to the next."""

PUNCTUAL = 0.9
"""How often a deadline falls due in its own minute, and not only when the next thing happens."""

LOOKS = relay.CHECK + 2.0
"""Seconds until every relay has looked whether EVENTS holds what it published."""

AFTERWARDS = (35, 65, 240)
"""Minutes after everything was said: a supplement is overdue, the ward is told, and so by any clock that was wrong."""

HEALING = 600.0
"""Seconds within which everything is done once nothing stands in the way any more."""


class Outcome(NamedTuple):
    """What came of one night."""

    seed: int
    broken: list[str]
    hash: str
    story: str
    steps: int


class Night:
    """Everything there is in one night."""

    def __init__(self, script: Script, ward: Ward, grown: Grown | None = None, *, with_trace: bool = False) -> None:
        seed = script.seed
        self.seed, self.ward, self.script = seed, ward, script
        self.random = Random(f"{seed}/night")
        self.loop = Loop(Random(f"{seed}/loop"))
        self.truth = Truth(self.loop, self.script.begins)
        self.story = Story(self.truth, with_trace=with_trace)
        self.bus = Bus(self.loop, Random(f"{seed}/bus"), self.story)
        self.disks = Disks(grown.image if grown else None)
        SLOT.put(self.disks)
        self.declare()
        if grown:
            self.bus.hold(grown.held)
        ids = Random(f"{seed}/ids")

        def new_id() -> str:
            return str(UUID(int=ids.getrandbits(128), version=4))

        self.weather = Weather(Random(f"{seed}/weather"), 0.0, 0)
        settings = Settings(ward)
        self.clocks = {name: Clock(self.truth) for name in SERVICES}
        self.nodes = {
            name: Node(name, self.bus, self.clocks[name], new_id, settings, self.weather) for name in SERVICES
        }
        self.providers = {
            name: Provider(name, self.bus, ward.id, Random(f"{seed}/{name}")) for name in script.providers
        }
        self.broken: list[str] = []
        self.bus.on_done = lambda durable, done: self.broken.extend(invariants.done_too_early(self, durable, done))

    def declare(self) -> None:
        """`yoake streams`."""
        wanted = durables(self.ward.id) + receipt_durables(self.ward.id, self.script.providers)
        self.bus.declare(streams(), wanted)

    def is_quiet(self) -> bool:
        """Whether nothing is under way anywhere."""
        if not self.bus.is_up or any(durable.pending or durable.lag() for durable in self.bus.durables.values()):
            return False
        if any(provider.unanswered() for provider in self.providers.values()):
            return False
        for node in self.nodes.values():
            process = node.process
            if process is None or process.vitals is None:
                return False
            published = process.vitals.published() if process.vitals.published else process.journal.head
            if published != process.journal.head:
                return False
        return not any(self.due_at(name, self.clocks[name]()) for name in self.nodes)

    def due_at(self, service: str, now: datetime) -> bool:
        """Whether something has fallen due at a service, and had no effect yet."""
        due = self.next_due(service)
        return due is not None and due <= now

    def next_due(self, service: str) -> datetime | None:
        """When the next deadline of a service falls due."""
        if service == "reporting":
            return None
        due = self.disks.connection(service).execute("SELECT min(due) FROM deadlines").fetchone()[0]
        return None if due is None else datetime.fromisoformat(due)

    async def rest(self, most: float) -> bool:
        """Until nothing is under way, or for so many seconds; whether it is quiet."""
        until, quiet = self.loop.time() + (most if self.bus.is_up else min(most, 2.0)), 0
        while self.loop.time() < until:
            quiet = quiet + 1 if self.is_quiet() else 0
            if quiet >= 2:
                return True
            await asyncio.sleep(0.3)
        return False

    async def go_to(self, moment: datetime) -> None:
        """Let time pass until then; mostly everybody is there when something falls due meanwhile."""
        while self.random.random() < PUNCTUAL:
            due = [due for name in SERVICES if (due := self.next_due(name)) and self.truth() < due < moment]
            if not due:
                break
            await self._pass(min(due))
            await self.rest(2.0)
        await self._pass(moment)

    async def _pass(self, moment: datetime) -> None:
        if self.random.random() < SKIPS:
            self.truth.skip_until(moment)
        else:
            self.truth.sleep_until(moment)
        await asyncio.sleep(0)

    def heal(self) -> None:
        """From now on nothing stands in anybody's way."""
        self.story.tell("—", "from here on nothing fails any more")
        self.weather.left = 0
        self.bus.slow = 0.0
        if not self.bus.is_up:
            self.bus.start()
        self.declare()
        for name, node in self.nodes.items():
            self.clocks[name].wrong_by = timedelta(0)
            node.restarts = True
            node.start()
        for provider in self.providers.values():
            provider.online()

    async def pass_by(self) -> None:
        """The night itself."""
        befalls = _faults(self)
        for node in self.nodes.values():
            node.start()
        for provider in self.providers.values():
            provider.online()
        moments: list[tuple[datetime, int, Callable[[], None]]] = [(at, 0, what) for at, what in befalls]
        moments += [(saying.at, 1, self._saying(saying)) for saying in self.script.said]
        moments.sort(key=lambda entry: entry[:2])
        await self.rest(self.random.choice((0.0, 3.0, 15.0)))
        following = [at for at, _, _ in moments[1:]] + [self.script.ends]
        for (at, _, what), then in zip(moments, following, strict=True):
            await self.go_to(at)
            what()
            await self.rest(min(self.random.choice(RESTS), (then - self.truth()).total_seconds()))
        await self.go_to(self.script.ends)
        self.heal()
        await asyncio.sleep(LOOKS if self.bus.has_lost else 0.0)
        quiet = await self.rest(HEALING)
        for provider in self.providers.values():
            provider.ask()
        for minutes in AFTERWARDS:
            quiet = quiet and await self.rest(HEALING)
            self.truth.sleep_until(self.script.ends + timedelta(minutes=minutes))
            await asyncio.sleep(1.0)
        if not (quiet and await self.rest(HEALING)):
            self.broken += invariants.lag(self)

    def end(self) -> None:
        """Let go of everything."""
        for node in self.nodes.values():
            if node.process:
                node.process.is_dead = True
        self.loop.close()
        self.disks.scrap()

    def _saying(self, saying: Any) -> Callable[[], None]:
        def say() -> None:
            letter = saying.letter
            about = f" ({letter.about})" if letter.about else ""
            self.story.tell(saying.provider, f"writes down {letter.id or 'something'}{about}")
            self.providers[saying.provider].put(letter)

        return say


def _faults(night: Night) -> list[tuple[datetime, Callable[[], None]]]:
    """What befalls whom, and when."""
    random = night.random
    found: list[tuple[datetime, Callable[[], None]]] = []
    night.weather.chance, night.weather.left, whom = random.choice(WEATHERS)
    night.weather.victim = random.choice(SERVICES) if whom == "one" else whom
    night.bus.slow = random.choice((0.0, 0.0, 0.05, 1.0))
    for provider in night.providers.values():
        provider.badly = random.choice((0.0, 0.1, 0.5))
    length = night.script.ends - night.script.begins
    for _ in range(random.choice((0, 1, 2, 3, 4, 6))):
        at = night.script.begins + length * random.random()
        lasts = timedelta(seconds=random.choice((1, 5, 20, 300, 3_600, 7 * 3_600)) * (0.5 + random.random()))
        if night.script.said and random.random() < 0.5:  # In the middle of something.
            at = random.choice(night.script.said).at - timedelta(microseconds=1)
            found.append((at, random.choice((_trip, _blink, _clock_back))(night, random)))
            continue
        begin, end = random.choice(LASTING)(night, random)
        found += [(at, begin), (min(at + lasts, night.script.ends), end)]
    return found


Fault = tuple[Callable[[], None], Callable[[], None]]


def _down(night: Night, random: Random) -> Fault:
    """A service is switched off, and on again."""
    node = night.nodes[random.choice(SERVICES)]

    def off() -> None:
        node.restarts = False
        node.dies("as it is switched off")

    def on() -> None:
        node.restarts = True
        node.start()

    return off, on


def _bus_down(night: Night, random: Random) -> Fault:
    power = random.random() < 0.5

    def off() -> None:
        if night.bus.is_up:
            night.bus.stop(power=power)

    def on() -> None:
        if not night.bus.is_up:
            night.bus.start()

    return off, on


def _offline(night: Night, random: Random) -> Fault:
    provider = night.providers[random.choice(("day", "night", "night"))]
    return provider.offline, provider.online


def _clock(night: Night, random: Random) -> Fault:
    name = random.choice(SERVICES)
    jump = _clock_of(night, name, random.choice((-7_200, -90, -5, 5, 90, 7_200)))

    def right() -> None:
        night.clocks[name].wrong_by = timedelta(0)
        night.story.tell(name, "its clock is set right")

    return jump, right


def _clock_back(night: Night, random: Random) -> Callable[[], None]:
    """A service's clock is set back while things are under way."""
    return _clock_of(night, random.choice((*SERVICES, "intake")), -random.choice((2, 90, 3_600)))


def _clock_of(night: Night, name: str, seconds: int) -> Callable[[], None]:
    def jump() -> None:
        night.clocks[name].wrong_by += timedelta(seconds=seconds)
        night.story.tell(name, f"its clock jumps by {seconds:+} s")

    return jump


def _cut(night: Night, random: Random) -> Fault:
    node = night.nodes[random.choice(SERVICES)]

    def cut() -> None:
        if node.process and node.process.connection:
            night.story.tell(node.name, "its connection breaks")
            node.process.connection.broke()

    def mend() -> None:
        if node.process and node.process.connection:
            node.process.connection.reconnect()

    return cut, mend


def _trip(night: Night, random: Random) -> Callable[[], None]:
    """A service dies while things are under way, and is back at once."""
    node, when = night.nodes[random.choice((*SERVICES, "reporting"))], random.random()
    return lambda: night.bus.later(when, lambda: node.dies("in the middle of everything"))


def _blink(night: Night, random: Random) -> Callable[[], None]:
    """A service's connection breaks while things are under way, and is made again at once."""
    node, when, back = night.nodes[random.choice((*SERVICES, "reporting"))], random.random(), 0.2 + random.random()

    def break_() -> None:
        if node.process and node.process.connection:
            night.story.tell(node.name, "its connection breaks for a moment")
            node.process.connection.broke()
            night.bus.later(back, node.process.connection.reconnect)

    return lambda: night.bus.later(when, break_)


def _no_events(night: Night, random: Random) -> Fault:
    return lambda: night.bus.delete(EVENTS), night.declare


LASTING = (_down, _down, _bus_down, _bus_down, _offline, _clock, _clock, _cut, _no_events, _no_events)
"""What goes on for a while, each as often as it stands here."""


class Grown(NamedTuple):
    """What stands on the disks and on the bus before a night: a ward's file in force, heard by all."""

    image: Image
    held: dict[str, list[Stored]]


@cache
def ward() -> Ward:
    """The ward of these nights."""
    return load(WARD)


@cache
def grown(evening: date) -> Grown:
    """Made once for each evening in each process of ours, by services that start for the first time."""
    with machine():
        Journal.makes_schema = True
        night = Night(Script(0, ward(), evening), ward())
        night.loop.run(_first_start(night))
        Journal.makes_schema = False
    held = {name: list(stream.messages.values()) for name, stream in night.bus.streams.items()}
    found = Grown(Image(night.disks.contents()), held)
    night.end()
    return found


async def _first_start(night: Night) -> None:
    for node in night.nodes.values():
        node.start()
    night.heal()
    if not await night.rest(60):
        raise Endless("the services do not even start")
    for provider in night.providers.values():
        provider.offline()


def play(seed: int, *, with_trace: bool = False, listen: bool = False) -> Outcome:
    """Let one night pass, and look at what it left."""
    script = Script(seed, ward())
    before = grown(script.evening)
    with machine():
        night = Night(script, ward(), before, with_trace=with_trace)
        logger = logging.getLogger("yoake")
        listener = Listener(night.story, lambda: getattr(getattr(OWNER.get(), "node", None), "name", "—"))
        if listen:
            logger.addHandler(listener)
        try:
            night.loop.run(night.pass_by())
        except Endless as error:
            night.broken.append(str(error))
        finally:
            logger.removeHandler(listener)
        try:
            night.broken += invariants.broken(night)
        except Exception as error:  # A night can leave so little that it cannot even be read.
            night.broken.append(f"what is left cannot be read: {error!r}")
            if listen:
                raise
    night.end()
    return Outcome(seed, night.broken, night.story.hash(), night.story.text(night.ward.local), night.loop.steps)
