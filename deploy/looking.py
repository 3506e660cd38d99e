"""What is degraded, as seen from outside: each service is asked, and what does not answer is looked at."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator

import msgspec
import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from deploy.datadir import DataDirectory, Running, is_alive
from deploy.natsd import NatsError, connect
from events import ContractError, decode
from services.clock import system_clock
from services.degraded import FULL_SHARE, Degraded, Disk, Facts, Ready, Stream, degraded, worst_first
from services.journal import Journal
from services.logs import last_words
from services.settings import FRONT, SERVICES
from services.streams import durables
from services.subjects import EVENTS, WRITERS

PATIENCE = 2.0
"""Seconds until a service or JetStream counts as not answering."""


class StreamStatus(msgspec.Struct, frozen=True):
    """How full a stream is. `alarm`: over half; a full INBOX takes no more, and a full EVENTS stops the relays."""

    stream: str
    messages: int
    bytes: int
    limit: int
    alarm: bool


class Bus(msgspec.Struct, frozen=True):
    """What NATS says: `lags` by durable, and under `published/SERVICE` how far each relay is."""

    facts: Facts
    lags: dict[str, int] = {}
    streams: list[StreamStatus] = []


async def look_at_bus(url: str, ward: str) -> Bus:
    """How NATS and JetStream are, in a few seconds at most."""
    try:
        connection = await connect(url)
    except NatsError:
        return Bus(Facts(connected=False))
    try:
        js = connection.jetstream(timeout=PATIENCE)
        streams = [_filled(info) for info in await js.streams_info()]
        lags, missing = await _lags(js, ward)
        filled = tuple(Stream(one.stream, one.bytes, one.limit) for one in streams)
        return Bus(Facts(missing=missing, streams=filled), lags, sorted(streams, key=lambda one: one.stream))
    except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
        return Bus(Facts(jetstream=False))
    finally:
        await connection.close()


def _filled(info: nats.js.api.StreamInfo) -> StreamStatus:
    used, limit = info.state.bytes, info.config.max_bytes or 0
    return StreamStatus(str(info.config.name), info.state.messages, used, limit, alarm=used > limit * FULL_SHARE)


async def _lags(js: JetStreamContext, ward: str) -> tuple[dict[str, int], tuple[str, ...]]:
    found: dict[str, int] = {}
    missing = []
    for stream, durable in durables(ward):
        name = str(durable.durable_name)
        try:
            info = await js.consumer_info(stream, name)
            found[name] = (info.num_pending or 0) + (info.num_ack_pending or 0)
        except nats.js.errors.NotFoundError:
            missing.append(name)
    for service in WRITERS:
        found[f"published/{service}"] = await _published(js, ward, service)
    return found, tuple(missing)


async def _published(js: JetStreamContext, ward: str, service: str) -> int:
    try:
        return decode((await js.get_last_msg(EVENTS, f"events.{ward}.{service}.>")).data or b"").position
    except (nats.js.errors.NotFoundError, ContractError):
        return 0


def what_is_degraded(
    data: DataDirectory, running: Running | None, journals: dict[str, Journal], bus: Bus | None
) -> list[Degraded]:
    """Everything that is degraded, the worst first. `journals` are those that can be read; `bus` None: none runs."""
    own = degraded(msgspec.structs.replace(bus.facts if bus else Facts(), disk=_disk(data)))
    said = [one for service in SERVICES for one in _of_service(data, running, service, journals.get(service))]
    if running is not None:
        said += _of_process(data, running, Facts(service=FRONT))
    return worst_first(_once([*own, *said], {one.code for one in own}))


def _once(found: list[Degraded], codes: set[str]) -> Iterator[Degraded]:
    """What all services have in common is not said again for each of them."""
    yield from (one for one in found if not one.service or one.code not in codes - {"missing"})


def _of_service(data: DataDirectory, running: Running | None, service: str, journal: Journal | None) -> list[Degraded]:
    facts = Facts(
        service=service,
        database_missing=journal is None,
        clock_behind=journal.clock_behind() if journal else 0.0,
    )
    return degraded(facts) if running is None else _of_process(data, running, facts)


def _of_process(data: DataDirectory, running: Running, facts: Facts) -> list[Degraded]:
    """What a process says of itself; of one that says nothing, what is known from outside."""
    service = facts.service
    halted = last_words(data / "logs" / f"{service}.log", system_clock())
    if halted or not (pid := running.services.get(service)) or not is_alive(pid):
        return degraded(msgspec.structs.replace(facts, running=False, halted=halted))
    answer = _asked(running.health[service]) if service in running.health else None
    if answer is None:
        return degraded(msgspec.structs.replace(facts, answers=service not in running.health))
    return answer.degraded + degraded(msgspec.structs.replace(facts, clock_behind=0.0))


def _asked(address: str) -> Ready | None:
    try:
        with urllib.request.urlopen(f"{address}readyz", timeout=PATIENCE) as answer:  # noqa: S310  (loopback, our own)
            return msgspec.json.decode(answer.read(), type=Ready)
    except urllib.error.HTTPError as error:
        with error:
            return msgspec.json.decode(error.read(), type=Ready)
    except OSError:
        return None


def _disk(data: DataDirectory) -> Disk:
    usage = shutil.disk_usage(data.path)
    return Disk(usage.free, usage.total)
