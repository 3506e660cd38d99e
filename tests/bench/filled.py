"""Accepted, single messages, from a filled INBOX: intake against the bare script, in turns."""

from __future__ import annotations

import asyncio
import multiprocessing as mp
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.datadir import DataDirectory
from deploy.natsd import NatsServer, declare
from deploy.setting_up import prepare
from services.intake import app as intake
from tests.bench import bare
from tests.bench.workload import WARD_ID, calls, sender

TOPOLOGY = (
    "NATS and one process (intake with its relay, or the bare script) on SQLite; INBOX is filled before it starts"
)


def rates(count: int) -> dict[str, float]:
    """Messages a second of ours and of the bare script, in one round."""
    return {"ours": _rate(_intake, count), "bare": _rate(_bare, count)}


def _rate(start: Callable[[Path, str], Any], count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory:
        data = DataDirectory(Path(directory) / "data")
        prepare(data, None, None)
        server = NatsServer(data / "nats", 0)
        server.start()
        try:
            return asyncio.run(_measured(server.url, count, lambda: start(data.path, server.url)))
        finally:
            server.stop()


async def _measured(url: str, count: int, start: Callable[[], Any]) -> float:
    """From the first receipt to the last, so that starting up is not counted."""
    await declare(url, WARD_ID)
    async with sender(url) as own:
        await own.publish(calls(count), under_way=256)
        with _running(start()):
            await own.until(1)
            first = own.accepted
            await own.until(count)
    return (count - first) / (own.last - own.first)


@contextmanager
def _running(process: Any) -> Iterator[None]:
    process.start()
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()


def _intake(data: Path, url: str) -> Any:
    return mp.get_context("spawn").Process(target=_serve_intake, args=(data, url))


def _serve_intake(data: Path, url: str) -> None:
    asyncio.run(intake.build(DataDirectory(data).settings(url)).run())


def _bare(data: Path, url: str) -> Any:
    return mp.get_context("spawn").Process(target=_serve_bare, args=(data, url))


def _serve_bare(data: Path, url: str) -> None:
    asyncio.run(bare.main(url, data / "bare.db"))
