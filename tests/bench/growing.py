"""What one accepted message costs when the log is short and when it is long."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from services.database import open_engine
from services.desk import Desk
from services.hearing import CURSORS
from services.inbox import Delivery
from services.intake.rules import Rules
from services.journal import Journal
from services.process import collect_rarely
from services.seal import KeyStore, Secrets
from services.settings import Settings
from services.streams import BATCH
from services.tables import WRITER_TABLES
from tests.bench.workload import PROVIDER, calls
from tests.running import WARD

TOPOLOGY = "intake's desk and its journal on SQLite, groups of 256, without NATS; processor time"
MEASURED = 40
"""Groups over which the cost is taken, at each length."""


def costs(lengths: tuple[int, ...]) -> dict[int, float]:
    """Microseconds of processor time for one accepted message, by how many events the log holds."""
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as directory, closing(_journal(Path(directory))) as journal:
        secrets = Secrets.at(Path(directory) / "keys")
        desk = Desk(journal, Rules(), secrets, KeyStore(open_engine(f"sqlite:///{directory}/keys.db"), secrets))
        ward = Settings(ward_file=WARD, nats="", database="", keys=Path(directory)).ward()
        desk.activate(ward, ward.opens_at)
        collect_rarely()  # As every service does when it starts.
        found = {}
        for length in lengths:
            while journal.head < length - MEASURED * BATCH // 2:
                desk.take(list(islice(_deliveries(), 2_560)))
            found[length] = median(_cost(desk) for _ in range(MEASURED))
        return found


def _journal(directory: Path) -> Journal:
    return Journal(f"sqlite:///{directory}/intake.db", "intake", WARD.stem, tables=[*WRITER_TABLES, CURSORS])


def _cost(desk: Desk[Any]) -> float:
    group = list(islice(_deliveries(), BATCH))
    began = process_time()
    desk.take(group)
    return (process_time() - began) / BATCH * 1e6


def _deliveries() -> Iterator[Delivery]:
    while True:
        for body in calls(BATCH):
            yield Delivery(provider=PROVIDER, service="intake", body=body, arrived=datetime.now(UTC))
