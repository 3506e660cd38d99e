"""How a task is ended for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN = 1.0
"""Seconds until a task that did not hear of its cancellation is cancelled again; what it ends with has that long."""


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when all of them have ended; whatever they raise is theirs.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, which the NATS client waits with, swallows a
    cancellation that comes in the moment in which what it waits for is there, and the task goes on.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        over, waiting = await asyncio.wait(waiting, timeout=AGAIN)
        await asyncio.gather(*over, return_exceptions=True)
