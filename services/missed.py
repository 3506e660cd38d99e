"""What a service's durable has acknowledged and its database does not hold: the database was set back.

An event is acknowledged only once it is committed. So where the durable is further than the cursor, the
database is an older copy; JetStream will not deliver those events again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from events import ContractError, Recorded, decode
from services.hearing import Cursors
from services.subjects import EVENTS, HEARS

RETRY = 0.5

log = logging.getLogger("yoake.missed")


async def missed(js: JetStreamContext, ward: str, service: str, cursors: Cursors) -> dict[str, int]:
    """The services of whose events some are missing here, and the first position missing of each.

    Asks until NATS answers. What is found is looked at twice: between two questions EVENTS may have been made anew,
    and then a number of the old one names another event in the new one.
    """
    while True:
        try:
            found = await _missed(js, ward, service, cursors)
            return found and await _missed(js, ward, service, cursors)
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            log.warning("%s: EVENTS cannot be compared yet: %s", service, error or type(error).__name__)
            await asyncio.sleep(RETRY)


async def _missed(js: JetStreamContext, ward: str, service: str, cursors: Cursors) -> dict[str, int]:
    # Before the durable is asked: what is published between the two would seem to be acknowledged.
    lasts = [await _held(js, 0, f"events.{ward}.{source}.>") for source in HEARS[service]]
    try:
        durable = await js.consumer_info(EVENTS, f"{service}-events")
    except nats.js.errors.NotFoundError:
        return {}  # It is declared again, and then delivers everything.
    floor = durable.ack_floor.stream_seq if durable.ack_floor else 0
    is_through = floor and not durable.num_pending and not durable.num_ack_pending
    # A durable that hears one source more than it did is past what that had said: it begins no earlier for it.
    acknowledged = [last for last in lasts if last is not None and (is_through or last.sequence <= floor)]
    if floor and (at_floor := await _held(js, floor, "")) is not None:
        acknowledged.append(at_floor)
    found = {}
    for last in (one.event for one in acknowledged):
        if last.position > cursors.position(last.service):
            found[last.service] = cursors.position(last.service) + 1
    return found


class _Held(NamedTuple):
    """An event of EVENTS, and its place there."""

    sequence: int
    event: Recorded


async def _held(js: JetStreamContext, sequence: int, subject: str) -> _Held | None:
    """An event that EVENTS holds: at a sequence, or else the last on a subject; None if it is no event."""
    try:
        message = await (js.get_msg(EVENTS, sequence) if sequence else js.get_last_msg(EVENTS, subject))
        return _Held(message.seq or 0, decode(message.data or b""))
    except (nats.js.errors.NotFoundError, ContractError):
        return None
