"""Whether the streams and durables hold what the journals say, and nothing else."""

from __future__ import annotations

from collections import defaultdict

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from deploy.natsd import connect
from deploy.opened import Opened, pages, readable
from services.streams import durables
from services.subjects import EVENTS


async def verify_streams(url: str, opened: Opened) -> list[str]:
    """Every difference between EVENTS and the journals, and every durable that is missing."""
    connection = await connect(url)
    try:
        js = connection.jetstream()
        found = await _durables(js, opened.ward)
        try:
            held, strange = await held_by_events(js, opened.ward)
        except nats.js.errors.NotFoundError:
            return [*found, "stream EVENTS is missing: `yoake streams --refill` makes it again"]
        found += strange
        for name, journal in opened.writers.items():
            own = held.get(name, {})
            for position, text in pages(journal):
                if position not in own:
                    found.append(f"stream EVENTS: {name} {position} is missing")
                elif own.pop(position) != text:
                    found.append(f"stream EVENTS: {name} {position} differs from the journal's")
            found += [f"stream EVENTS: {name} {position} is not in the journal" for position in sorted(own)]
        return found
    finally:
        await connection.close()


async def _durables(js: JetStreamContext, ward: str) -> list[str]:
    missing = []
    for stream, durable in durables(ward):
        try:
            await js.consumer_info(stream, str(durable.durable_name))
        except nats.js.errors.NotFoundError:
            missing.append(f"durable {durable.durable_name} of {stream} is missing: `yoake streams` makes it again")
    return missing


async def held_by_events(js: JetStreamContext, ward: str) -> tuple[dict[str, dict[int, bytes]], list[str]]:
    """(the events in EVENTS by service and position, what is in it that should not be)."""
    held: dict[str, dict[int, bytes]] = defaultdict(dict)
    strange: list[str] = []
    left = (await js.stream_info(EVENTS)).state.messages
    reading = await js.pull_subscribe(f"events.{ward}.>", stream=EVENTS)
    while left > 0:
        try:
            messages = await reading.fetch(min(left, 500), timeout=2)
        except nats.errors.TimeoutError:
            break
        for message in messages:
            left -= 1
            await message.ack()
            record = readable(message.data)
            if record is None:
                strange.append(f"stream EVENTS: {message.subject} holds what is no event of ours")
            elif held[record.service].setdefault(record.position, message.data) != message.data:
                strange.append(f"stream EVENTS: {record.service} {record.position} is there twice, and differs")
    await reading.unsubscribe()
    return held, strange
