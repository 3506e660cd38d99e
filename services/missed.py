"""What a service's durable has acknowledged and its database does not hold: the database was set back.

An event is acknowledged only once it is committed. So where the durable is further than the cursor, the
database is an older copy; JetStream will not deliver those events again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from events import ContractError, decode
from services.hearing import Cursors
from services.streams import EVENTS, HEARS

RETRY = 0.5

log = logging.getLogger("yoake.missed")


async def missed(js: JetStreamContext, ward: str, service: str, cursors: Cursors) -> dict[str, int]:
    """The services of whose events some are missing here, and the first position missing of each.

    Asks until NATS answers.
    """
    while True:
        try:
            return await _missed(js, ward, service, cursors)
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            log.warning("%s: EVENTS cannot be compared yet: %s", service, error or type(error).__name__)
            await asyncio.sleep(RETRY)


async def _missed(js: JetStreamContext, ward: str, service: str, cursors: Cursors) -> dict[str, int]:
    try:
        durable = await js.consumer_info(EVENTS, f"{service}-events")
    except nats.js.errors.NotFoundError:
        return {}  # It is declared again, and then delivers everything.
    found = {}
    for sequence, subject in _acknowledged(durable, ward, service):
        try:
            message = await (js.get_msg(EVENTS, sequence) if sequence else js.get_last_msg(EVENTS, subject))
            last = decode(message.data or b"")
        except (nats.js.errors.NotFoundError, ContractError):
            continue
        if last.position > cursors.position(last.service):
            found[last.service] = cursors.position(last.service) + 1
    return found


def _acknowledged(durable: ConsumerInfo, ward: str, service: str) -> Iterator[tuple[int, str]]:
    """(sequence or 0, subject of which the last is meant) of events that were acknowledged for certain."""
    floor = durable.ack_floor.stream_seq if durable.ack_floor else 0
    if floor:
        yield floor, ""
    if floor and not durable.num_pending and not durable.num_ack_pending:
        for source in HEARS[service]:
            yield 0, f"events.{ward}.{source}.>"
