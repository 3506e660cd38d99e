"""How a service's process begins, goes on and ends; the same for all of them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from faststream import FastStream
from faststream.nats import NatsBroker

from events.ending import ended
from services.bus import check_durables
from services.health import attach
from services.hearing import LogChanged
from services.journal import SecondWriter
from services.mark import Mark, SetBack
from services.relay import EventsAhead
from services.vitals import Vitals

T = TypeVar("T")

log = logging.getLogger("yoake")


def halt(error: BaseException) -> None:
    """Stop this process at once, and say why: going on would write what must not be written."""
    log.critical("stopped: %s", error)
    logging.shutdown()
    os._exit(os.EX_SOFTWARE)


def collect_rarely() -> None:
    """What is there when a service starts stays; what a batch makes is gone after it, and hardly ever is circular."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


async def halting(work: Awaitable[T]) -> T:
    """Do this work; where a database turns out to be another's, or an older copy, the process ends."""
    try:
        return await work
    except (SecondWriter, LogChanged, EventsAhead, SetBack) as error:
        halt(error)
        raise


def living(
    broker: NatsBroker,
    vitals: Vitals,
    mark: Mark,
    begin: Callable[[], Coroutine[Any, Any, None]],
    compared: asyncio.Event,
    health: tuple[str, int] | None,
) -> FastStream:
    """A service's application. `begin` starts with the process and goes on as long; if it fails, the process ends, and
    starts anew. `compared`: this database was found to be no older than it was, so that its mark may be noted.
    """
    app, journal = FastStream(broker, logger=None), vitals.journal
    attach(app, broker, vitals, health)
    tasks: list[asyncio.Task[None]] = []

    @app.after_startup
    async def start() -> None:
        await check_durables(broker, journal.ward, journal.service)
        collect_rarely()
        tasks.append(asyncio.create_task(_going_on(begin())))

    @app.on_shutdown
    async def finish() -> None:
        await ended(tasks)
        if compared.is_set():
            await journal.run(mark.note)

    app.after_shutdown(journal.close)
    return app


async def _going_on(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:
        log.exception("this service cannot go on")
        halt(error)
        raise
