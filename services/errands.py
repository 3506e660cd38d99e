"""What the reporting service is asked to do about a subscriber, and what it answers: over NATS, from wherever."""

from __future__ import annotations

from typing import Literal

import msgspec
import nats.errors
from nats.aio.client import Client

from services.subjects import subscribers_subject

PATIENCE = 10.0

What = Literal["enable", "retry", "skip", "replay", "test"]


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """`position`: of the ledger. Of one delivery (`skip`; `retry` without it: of all), or from which on (`replay`)."""

    do: What
    subscriber: str
    position: int | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: how many deliveries are sent (again), or the number of the test message; or why nothing."""

    count: int = 0
    position: int | None = None
    refused: str = ""


class NotDone(RuntimeError):
    """Nobody did it; says why and what to do."""


async def ask(client: Client, ward: str, errand: Errand) -> Outcome:
    """Have it done.

    Raises:
        NotDone: the reporting service does not answer, or refuses.
    """
    try:
        answer = await client.request(subscribers_subject(ward), msgspec.json.encode(errand), timeout=PATIENCE)
    except (nats.errors.Error, OSError) as error:
        raise NotDone("the reporting service does not answer: see `yoake status`") from error
    outcome = msgspec.json.decode(answer.data, type=Outcome)
    if outcome.refused:
        raise NotDone(outcome.refused)
    return outcome
