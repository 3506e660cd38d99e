"""The whole of `yoake up`, live: how many are accepted, how many seen in the tallies, how soon, at what cost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import sqlalchemy as sa

from deploy.datadir import DataDirectory
from services.database import open_engine
from services.reporting.tallies import stored_whole
from tests.bench.workload import Sender, batches, calls, sender
from tests.running import running, up, yoake

TOPOLOGY = "`yoake up`: NATS, four services and the sender, on this machine"
LOOK = 0.001


class Live:
    """One running Yoake, made new for a round."""

    def __init__(self, data: Path, own: Sender) -> None:
        self.sender = own
        self._engine = open_engine(DataDirectory(data).settings().database_of("reporting"))

    def tallied(self) -> int:
        """How many events the tallies hold."""
        with self._engine.connect() as connection:
            return connection.execute(sa.text("SELECT max(id) FROM stored_events")).scalar() or 0

    async def until_tallied(self, position: int) -> float:
        """Wait until the tallies hold an event; returns when that was seen."""
        async with asyncio.timeout(300):
            while self.tallied() < position:  # noqa: ASYNC110  (another process writes it)
                await asyncio.sleep(LOOK)
        return perf_counter()

    def close(self) -> None:
        """Check that the tallies go as far as the ledger, and let go of the database."""
        with self._engine.connect() as connection:
            assert stored_whole(connection).position == self.tallied()
        self._engine.dispose()


def on(database: str | None, work: Callable[[Live], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """Do something with a running Yoake of its own."""
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory:
        data = Path(directory) / "data"
        with up(data, *(("--database", database) if database else ())):
            return asyncio.run(_with_sender(data, work))


async def _with_sender(data: Path, work: Callable[[Live], Awaitable[dict[str, float]]]) -> dict[str, float]:
    found = running(data)
    assert found is not None, "it runs"
    async with sender(found["nats"]) as own:
        live = Live(data, own)
        try:
            await own.publish(calls(300), under_way=64)  # Everything is warm, and the ward's file was heard.
            await own.until(300)
            await live.until_tallied(301)
            return await work(live)
        finally:
            live.close()


def singles(count: int) -> Callable[[Live], Awaitable[dict[str, float]]]:
    """Single messages as fast as INBOX takes them."""

    async def work(live: Live) -> dict[str, float]:
        before, bodies = live.sender.accepted, calls(count)
        began = await live.sender.publish(bodies, under_way=256)
        accepted = await live.sender.until(before + count)
        seen = await live.until_tallied(before + 1 + count)
        return {"accepted": count / (accepted - began), "tallied": count / (seen - began)}

    return work


def batched(count: int, size: int) -> Callable[[Live], Awaitable[dict[str, float]]]:
    """CloudEvents batches as fast as INBOX takes them."""

    async def work(live: Live) -> dict[str, float]:
        before, bodies = live.sender.accepted, batches(count, size)
        began = await live.sender.publish(bodies, under_way=8)
        accepted = await live.sender.until(before + count * size)
        seen = await live.until_tallied(before + 1 + count * size)
        return {"accepted": count * size / (accepted - began), "tallied": count * size / (seen - began)}

    return work


def paced(count: int, per_second: int) -> Callable[[Live], Awaitable[dict[str, float]]]:
    """One message after another at a steady pace: milliseconds from publishing to the tallies."""

    async def work(live: Live) -> dict[str, float]:
        sent: list[float] = []
        took: list[float] = []
        before = live.sender.accepted + 1
        sending = asyncio.create_task(_pace(live.sender, calls(count), per_second, sent))
        while len(took) < count:
            held, now = live.tallied() - before, perf_counter()
            took += [(now - at) * 1000 for at in sent[len(took) : held]]
            await asyncio.sleep(LOOK)
        await sending
        ranks = quantiles(took, n=100)
        return {"p50": ranks[49], "p99": ranks[98]}

    return work


async def _pace(own: Sender, bodies: list[bytes], per_second: int, sent: list[float]) -> None:
    began = perf_counter()
    for n, body in enumerate(bodies):
        await asyncio.sleep(max(0.0, began + n / per_second - perf_counter()))
        sent.append(perf_counter())
        await own.publish([body], under_way=1)


def at_rest(database: str | None) -> dict[str, float]:
    """Seconds from `yoake up` to the first receipt, and the memory of everything afterwards (PSS, MB)."""
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory:
        data = Path(directory) / "data"
        began = perf_counter()
        with up(data, *(("--database", database) if database else ())) as process:
            first = asyncio.run(_first_receipt(data)) - began
            yoake("status", "--data", data)
            return {"start": first, "memory": sum(map(_pss, [process.pid, *_below(process.pid)])) / 1e6}


async def _first_receipt(data: Path) -> float:
    found = running(data)
    assert found is not None, "it runs"
    async with sender(found["nats"]) as own:
        await own.publish(calls(1), under_way=1)
        return await own.until(1)


def _below(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for file in files for child in file.read_text().split()]
    return [found for child in children for found in (child, *_below(child))]


def _pss(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
