"""An adapter with the kit, as a process that may be killed at any moment: it puts, it notes, it sends."""

from __future__ import annotations

import asyncio
import os

from events.courier import Courier
from events.outbox import Outbox
from events.over_nats import OverNats
from tests.running import call

PROVIDER, WARD, SOURCE = "contractor", "setagaya", "/test/desk"
PACE = 0.005
"""Seconds between two calls."""

UNSURE = 3
"""How many of the last calls are put again at a start: whether they had been put, nobody remembers."""


def adapter(box: str, url: str, noted: str) -> None:
    """Put one call after another while sending, and write down the number of each when `put` has returned."""
    asyncio.run(_adapter(box, url, noted))


async def _adapter(box: str, url: str, noted: str) -> None:
    outbox = Outbox(box)
    notes = os.open(noted, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    sending = asyncio.create_task(Courier(outbox, OverNats(url, WARD, PROVIDER)).run(stay=True))
    number = max(1, outbox.sources().get(SOURCE, 0) - UNSURE)
    while not sending.done():
        await asyncio.to_thread(outbox.put, call(number))
        os.write(notes, f"{number}\n".encode())
        number += 1
        await asyncio.sleep(PACE)
    await sending
