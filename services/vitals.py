"""How one service is: what it noticed of itself, its metrics, and whether it is ready.

The paths that carry messages only note a number or a time, once for each commit and each pull; a
look every second asks what is not known without asking, and everything is judged when somebody asks.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import nats.errors
import nats.js.errors
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from services.degraded import SILENT_SECONDS, STUCK_SECONDS, Degraded, Disk, Facts, Receiver, degraded, is_ready
from services.journal import Journal
from services.streams import durables
from services.tables import PARKED, RECEIPTS, WAITING

if TYPE_CHECKING:
    from nats.aio.client import Client

    from services.hearing import Cursors

LOOK = 1.0
ANSWER = 2.0
COUNT = 5.0
"""Seconds between looks, until an answer counts as none, and between counts of what waits and is parked."""

STALLED = 20.0
SLOW = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

log = logging.getLogger("yoake.vitals")


class Progress:
    """Since when something has had work and got nowhere."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._done = 0

    def look(self, left: int, done: int, now: float) -> None:
        """Note how much is left, and how far it has come."""
        if not left:
            self._since = None
        elif self._since is None or done != self._done:
            self._since = now
        self._done = done

    def stuck(self, now: float) -> float:
        """Seconds without progress; 0 while there is some, or nothing to do."""
        return 0.0 if self._since is None else now - self._since


class Vitals:
    """What one service knows of itself. `committed` is called in the writer thread, the rest on the event loop."""

    def __init__(
        self,
        journal: Journal,
        *,
        client: Callable[[], Client] | None = None,
        published: Callable[[], int | None] | None = None,
        cursors: Cursors | None = None,
        further: Callable[[], dict[str, Any]] | None = None,
        receivers: Callable[[], tuple[Receiver, ...]] = tuple,
    ) -> None:
        """`client` None: looked at without NATS. `further` asks the database for more facts, in a thread;
        `receivers` asks nobody: how far the subscribers are, as last seen."""
        self.journal, self.service = journal, journal.service
        self._client, self.published, self.cursors, self._further = client, published, cursors, further
        self.receivers = receivers
        own = (self.service, f"{self.service}-events") if client else ()
        self._durables = [(s, str(d.durable_name)) for s, d in durables(journal.ward) if d.durable_name in own]
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "yoake_commit_seconds", "How long a commit takes", buckets=SLOW, registry=self.registry
        )
        self._rows = Counter("yoake_commit_rows", "Events written, all commits together", registry=self.registry)
        self._gauges = {
            name: Gauge(f"yoake_{name}", text, labels, registry=self.registry)
            for name, text, labels in (
                ("inbox_lag", "Messages in INBOX not taken yet", ("durable",)),
                ("events_lag", "Events of others not heard yet", ("durable",)),
                ("waiting", "Messages about something not heard of yet", ()),
                ("parked", "Messages that a person must look at", ("kind",)),
                ("receipts_pending", "Receipts not published yet", ()),
            )
        }
        self.registry.register(_Now(self))
        self._write_failed = ""
        self._probing: float | None = None
        self._asked = {name: time.monotonic() for _, name in self._durables}
        self._jetstream, self._looked = True, client is None
        self._missing: tuple[str, ...] = ()
        self._relay, self._taken = Progress(), {name: Progress() for _, name in self._durables}
        self._counted = 0.0
        journal.vitals = self

    def committed(self, rows: int, seconds: float) -> None:
        """A transaction of `rows` events was committed; the commit alone took `seconds`."""
        self._write_failed = ""
        self._rows.inc(rows)
        self._seconds.observe(seconds)

    def not_committed(self, error: BaseException) -> None:
        """A transaction failed; only what the database itself refused says something of it."""
        if isinstance(error, sa.exc.OperationalError):
            text = str(error.orig).lower()
            known = {"lock": "locked", "full": "full", "space": "full"}
            self._write_failed = next((kind for word, kind in known.items() if word in text), "failed")

    def asked(self, durable: str) -> None:
        """A pull loop asked for messages, and the server answered."""
        self._asked[durable] = time.monotonic()

    @property
    def head(self) -> int:
        """The journal's last position."""
        return self.journal.head

    def is_healthy(self) -> bool:
        """Whether the writer thread gets on; that the event loop does is what an answer shows."""
        return self._waits() < STUCK_SECONDS

    def degraded(self) -> list[Degraded]:
        """What is not as it should be, at this moment. It may ask the database: never on the event loop."""
        further = self._further() if self._further else {}
        return degraded(msgspec.structs.replace(self.facts(), **further))

    def encoded(self) -> bytes:
        """What is degraded here, as one service tells another; without asking the database."""
        return msgspec.json.encode(degraded(self.facts()))

    def facts(self) -> Facts:
        """What is known at this moment."""
        now = time.monotonic()
        connected = self._connected()
        published = self.published() if self.published else None
        return Facts(
            service=self.service,
            looked=self._looked,
            connected=connected,
            jetstream=self._jetstream,
            missing=self._missing,
            silent=tuple(name for name, at in self._asked.items() if connected and now - at > SILENT_SECONDS),
            stalled=tuple(name for name, each in self._taken.items() if each.stuck(now) > STALLED),
            relay_behind=self._relay.stuck(now),
            relay_lag=self.journal.head - (published or 0),
            write_failed=self._write_failed,
            write_waits=self._waits(),
            clock_behind=self.journal.clock_behind(),
            disk=disk_of(self.journal.engine.url),
            receivers=self.receivers(),
        )

    async def watch(self) -> None:
        """Look, for ever."""
        probing: asyncio.Task[None] | None = None
        while True:
            try:
                if probing is None or probing.done():
                    probing = asyncio.create_task(self._probe())
                await self._look()
            except Exception:  # To look is never a reason to stop.
                log.exception("a look failed")
            await asyncio.sleep(LOOK)

    async def _look(self) -> None:
        now = time.monotonic()
        if self.published:
            published = self.published()
            self._relay.look(self.journal.head - (published or 0), published or 0, now)
        if self._client is None or not self._connected():
            return
        missing: list[str] = []
        for stream, durable in self._durables:
            try:
                info = await self._client().jetstream(timeout=ANSWER).consumer_info(stream, durable)
            except nats.js.errors.NotFoundError as error:
                missing.append(stream if error.err_code == NO_STREAM else durable)
                continue
            except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
                self._jetstream = not self._connected()
                return
            left = (info.num_pending or 0) + (info.num_ack_pending or 0)
            self._taken[durable].look(left, info.ack_floor.stream_seq if info.ack_floor else 0, now)
            self._gauges["events_lag" if durable.endswith("-events") else "inbox_lag"].labels(durable).set(left)
        self._jetstream, self._looked, self._missing = True, True, tuple(dict.fromkeys(missing))

    async def _probe(self) -> None:
        """Whether the database would take a write, asked through the writer thread as a write would be."""
        self._probing = time.monotonic()
        try:
            await self.journal.run(self._try_to_write)
            if self._write_failed == "locked" or self.journal.engine.dialect.name != "sqlite":
                self._write_failed = ""
        except sa.exc.DBAPIError as error:
            self.not_committed(error)
        finally:
            self._probing = None
        await asyncio.sleep(COUNT)

    def _try_to_write(self) -> None:
        with self.journal.engine.connect() as connection:
            begin = "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "SELECT 1"
            connection.exec_driver_sql(begin)
            if self.published:
                self._count(connection)
            connection.rollback()

    def _count(self, connection: sa.Connection) -> None:
        def rows(table: sa.Table) -> int:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

        query = sa.select(PARKED.c.kind, sa.func.count()).where(PARKED.c.closed.is_(None)).group_by(PARKED.c.kind)
        kinds = {row[0]: row[1] for row in connection.execute(query)}
        for kind in ("parked", "conflict"):
            self._gauges["parked"].labels(kind).set(kinds.get(kind, 0))
        self._gauges["waiting"].set(rows(WAITING))
        self._gauges["receipts_pending"].set(rows(RECEIPTS))

    def reconnects(self) -> int:
        """How often the connection to NATS was made again."""
        with suppress(Exception):  # Before the first connection there is no client to ask.
            return int(self._client().stats["reconnects"]) if self._client else 0
        return 0

    def _waits(self) -> float:
        return 0.0 if self._probing is None else time.monotonic() - self._probing

    def _connected(self) -> bool:
        if self._client is None:
            return True
        with suppress(Exception):  # Before the first connection there is no client to ask.
            return bool(self._client().is_connected)
        return False


NO_STREAM = 10059
"""JetStream's code for a stream that is not there; a durable that is not there has another."""


class _Now:
    """Figures that are read when somebody asks for them."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The figures of this moment."""
        vitals = self._vitals
        head = vitals.journal.head
        yield GaugeMetricFamily("yoake_journal_position", "Events in the journal", value=head)
        if vitals.service == "reporting":
            yield GaugeMetricFamily("yoake_ledger_position", "Events in the ledger", value=head)
        if vitals.published:
            published = vitals.published() or 0
            yield GaugeMetricFamily("yoake_published_position", "The last event in EVENTS", value=published)
            yield GaugeMetricFamily("yoake_relay_lag", "Events not in EVENTS yet", value=head - published)
        if vitals.cursors:
            heard = GaugeMetricFamily("yoake_heard_position", "Events heard of a service", labels=["source"])
            for source, position in sorted(vitals.cursors.positions().items()):
                heard.add_metric([source], position)
            yield heard
        yield from _of_receivers(vitals.receivers())
        again = vitals.reconnects()
        yield GaugeMetricFamily("yoake_nats_reconnects", "How often NATS was found again", value=again)
        yield GaugeMetricFamily("yoake_ready", "1 if ready", value=int(is_ready(vitals.degraded())))

    def describe(self) -> list[Any]:
        """Nothing is known before somebody asks."""
        return []


def _of_receivers(receivers: tuple[Receiver, ...]) -> Iterable[GaugeMetricFamily]:
    if not receivers:
        return
    texts = {
        "lag": "Deliveries to a subscriber that it has not acknowledged",
        "behind_seconds": "For how long the first of them has waited",
        "disabled": "1 if nothing is sent to it",
    }
    for name, text in texts.items():
        family = GaugeMetricFamily(f"yoake_subscriber_{name}", text, labels=["subscriber"])
        for one in receivers:
            values = {"lag": one.open, "behind_seconds": one.seconds, "disabled": float(bool(one.disabled))}
            family.add_metric([one.key], values[name])
        yield family


def disk_of(url: sa.URL) -> Disk | None:
    """The disk under an SQLite file; None for a database elsewhere."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    try:
        usage = shutil.disk_usage(Path(url.database).parent)
    except OSError:
        return None
    return Disk(usage.free, usage.total)
