"""Does what is asked about a subscriber: send again, from a point on, a test; try again; leave one out; begin again."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import sqlalchemy as sa

from services.errands import Errand, Outcome
from services.journal import Journal
from services.reporting.deliveries import NoSuchDelivery, trial_message
from services.reporting.delivering import Delivering
from services.reporting.to_nats import FAULTS

KEPT = 100

log = logging.getLogger("yoake.deliveries")


class Doing:
    """Answers errands; one whose answer was lost on its way is asked again, and not done again."""

    def __init__(self, journal: Journal, delivering: Delivering) -> None:
        self._journal, self._delivering = journal, delivering
        self._last: dict[str, asyncio.Task[Outcome]] = {}

    async def answer(self, asked: bytes) -> bytes:
        """Do one errand. What cannot be done is answered with its reason."""
        try:
            errand = msgspec.json.decode(asked, type=Errand)
        except msgspec.DecodeError as error:
            return msgspec.json.encode(Outcome(refused=f"not an errand: {error}"))
        if errand.id not in self._last:
            self._last[errand.id] = asyncio.create_task(self._outcome(errand))
            if len(self._last) > KEPT:
                del self._last[next(iter(self._last))]
        return msgspec.json.encode(await self._last[errand.id])

    async def _outcome(self, errand: Errand) -> Outcome:
        try:
            outcome = await self._done(errand)
            log.info("done: %s", errand.do, extra={"id": errand.subscriber, "position": errand.position})
        except NoSuchDelivery as error:
            return Outcome(refused=str(error))
        except (*FAULTS, sa.exc.DBAPIError) as error:
            log.warning("an errand failed: %s", type(error).__name__)
            return Outcome(refused="NATS or the database cannot be used now: see `yoake status`, and try again")
        return outcome

    async def _done(self, errand: Errand) -> Outcome:
        key, position, run = errand.subscriber, errand.position, self._journal.run
        way, deliveries = self._delivering.ways.get(key), self._delivering.deliveries
        if way is None:
            known = ", ".join(self._delivering.ways) or "none"
            raise NoSuchDelivery(f"{key}: the ward's file has no such subscriber; it has {known}")
        outcome = Outcome()
        match errand.do:
            case "enable":
                outcome = Outcome(count=await run(deliveries.enable, key))
            case "retry":
                if await run(deliveries.is_disabled, key):
                    raise NoSuchDelivery(f"{key} is sent nothing any more (410): `yoake subscriber enable {key}` first")
                outcome = Outcome(count=await run(deliveries.retry, key, position))
            case "skip":
                await run(deliveries.skip, key, _needed(position))
            case "replay":
                outcome = Outcome(count=await self._delivering.replay(key, _needed(position)))
            case "test":
                now, ward = self._journal.now(), self._journal.ward
                told = trial_message(way.subscriber, ward, now, self._journal.new_id())
                outcome = Outcome(position=await run(deliveries.put_test, key, told))
        self._delivering.wake(key)
        return outcome


def _needed(position: int | None) -> int:
    if position is None:
        raise NoSuchDelivery("position: missing; give a position of the ledger")
    return position
