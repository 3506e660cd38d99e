"""What the reporting service is asked to do about a subscriber, and what it answers: over NATS, from wherever."""

from __future__ import annotations

from typing import Literal
from uuid import uuid4

import msgspec
import nats.errors
from nats.aio.client import Client

from services.subjects import subscribers_subject

TRY = 2.0
TRIES = 5
"""Seconds for an answer, and how often it is asked: NATS loses what is on its way while it reads its users again."""

What = Literal["enable", "retry", "skip", "replay", "test"]


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """`position`: of the ledger. Of one delivery (`skip`; `retry` without it: of all), or from which on (`replay`).

    `id`: what is asked again under it is not done again.
    """

    do: What
    subscriber: str
    position: int | None = None
    id: str = msgspec.field(default_factory=lambda: uuid4().hex)


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
    asked = msgspec.json.encode(errand)
    for tried in range(1, TRIES + 1):
        try:
            answer = await client.request(subscribers_subject(ward), asked, timeout=TRY)
            break
        except (nats.errors.Error, OSError) as error:
            if tried == TRIES or not isinstance(error, TimeoutError):
                raise NotDone("the reporting service does not answer: see `yoake status`") from error
    outcome = msgspec.json.decode(answer.data, type=Outcome)
    if outcome.refused:
        raise NotDone(outcome.refused)
    return outcome
