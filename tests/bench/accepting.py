"""How durable accepts are counted: the same messages for all, one after another or from several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol
from uuid import uuid4

import msgspec
from joserfc.jwk import ECKey

from events.seal import seal

GROUP = 256
"""As many messages as the bus hands over at once."""

_serial = count(1)


class Run(msgspec.Struct):
    """What one round saw. `seconds` on the wall; `latencies` in seconds, of each commit."""

    accepted: int
    seconds: float
    latencies: list[float]
    warmed: int = 0

    @property
    def rate(self) -> float:
        """Durable accepts in a second."""
        return self.accepted / self.seconds


class Way(Protocol):
    """One way of accepting messages durably."""

    name: str

    def run(self, warm: float, seconds: float) -> Run:
        """Accept for `warm` seconds unmeasured, then for `seconds` measured; at least one commit each."""

    def stored(self) -> int:
        """How many accepted messages are in the store."""

    def close(self) -> None:
        """Let go of the database."""


class Messages:
    """Reports of synthetic (架空) calls, each of a consultation of its own; sealed ahead, as the adapter kit does."""

    def __init__(self, key: ECKey) -> None:
        personal = [{"name": f"架空 {n:03}", "phone": "000-0000-0000", "told": "家族が急病"} for n in range(GROUP)]
        self._sealed = [seal(one, key) for one in personal]

    def one(self) -> dict[str, Any]:
        """A message as its fields; no two have the same id or case."""
        own, n = uuid4().hex, next(_serial)
        now = datetime.now(UTC).isoformat()
        matter = {"case": f"C-{own}", "district": "kitazawa", "personal": self._sealed[n % GROUP]}
        return {
            "specversion": "1.0",
            "id": own,
            "source": "/bench/desk",
            "type": "call.report",
            "time": now,
            "entered": now,
            "synthetic": True,
            "data": {"channel": "phone", "matters": [matter]},
        }

    def body(self) -> bytes:
        """A message as JSON."""
        return msgspec.json.encode(self.one())


def in_turn(accept: Callable[[], None], group: int, warm: float, seconds: float) -> Run:
    """One commit after another, each of `group` messages."""
    warmed = _until(accept, warm)
    start = time.perf_counter()
    latencies = _until(accept, seconds)
    return Run(group * len(latencies), time.perf_counter() - start, latencies, group * len(warmed))


def at_once(accepts: Sequence[Callable[[], None]], warm: float, seconds: float) -> Run:
    """The same from as many threads as there are callables, one message to a commit."""
    warmed_up = threading.Barrier(len(accepts) + 1)

    def work(accept: Callable[[], None]) -> tuple[list[float], list[float]]:
        warmed = _until(accept, warm)
        warmed_up.wait()
        return warmed, _until(accept, seconds)

    with ThreadPoolExecutor(len(accepts)) as threads:
        futures = [threads.submit(work, accept) for accept in accepts]
        warmed_up.wait()
        start = time.perf_counter()
        results = [future.result() for future in futures]
        took = time.perf_counter() - start
    latencies = [one for _, measured in results for one in measured]
    return Run(len(latencies), took, latencies, sum(len(warmed) for warmed, _ in results))


def _until(accept: Callable[[], None], seconds: float) -> list[float]:
    """The seconds that each call took, until so many have passed; at least one call."""
    latencies: list[float] = []
    start = before = time.perf_counter()
    while not latencies or before - start < seconds:
        accept()
        now = time.perf_counter()
        latencies.append(now - before)
        before = now
    return latencies
