"""The floor: the same bytes through the same parts, and no domain. Run as a process: `python -m tests.bench.bare`.

It pulls as many at once as our services do, writes the same tables with the same pragmas in one transaction, then
acknowledges, publishes the events to EVENTS and the receipts to RECEIPTS, and waits for the server's answers. It reads
nothing, decides nothing and numbers only the rows.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from uuid import uuid4

import nats
import nats.errors

from services.database import CACHE_KIB, CHECKPOINT_PAGES
from services.publishing import Publisher
from services.streams import BATCH
from services.subjects import EVENTS, RECEIPTS, event_subject, receipt_subject
from tests.bench.workload import PROVIDER, WARD_ID

EVENT = b"x" * 820
"""As long as a `call.received` of the benchmarks' messages."""

RECEIPT = b'{"provider":"contractor","source":"/test/desk","id":"call-%d","status":"accepted","service":"intake",'
RECEIPT += b'"at":"2026-01-01T00:00:00.000000Z","case":["00000000-0000-0000-0000-00000000000e"],"number":["R5-0001"]}'

TABLES = """
CREATE TABLE stored_events (id INTEGER PRIMARY KEY, originator_id BLOB NOT NULL, originator_version INTEGER NOT NULL,
  topic TEXT NOT NULL, state BLOB NOT NULL);
CREATE UNIQUE INDEX by_originator ON stored_events (originator_id, originator_version);
CREATE TABLE heard (provider TEXT, source TEXT, id TEXT, digest TEXT, receipt BLOB, PRIMARY KEY (provider, source, id))
  WITHOUT ROWID;
CREATE TABLE receipts (n INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT, body BLOB);
"""


async def main(url: str, database: Path) -> None:
    """Take in messages until killed."""
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"cache_size=-{CACHE_KIB}",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(TABLES)
    client = await nats.connect(url)
    js = client.jetstream()
    publisher = Publisher(client)
    pulling = await js.pull_subscribe_bind("intake", "INBOX")
    position = 0
    while True:
        try:
            messages = await pulling.fetch(BATCH, timeout=1)
        except nats.errors.TimeoutError:
            continue
        places = range(position + 1, position + len(messages) + 1)
        position = places[-1]
        receipts = [RECEIPT % n for n in places]
        letter = b"[" + b",".join(receipts) + b"]"
        events = [(n, uuid4().bytes, n, "call.received", EVENT) for n in places]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)", events)
        heard = [(PROVIDER, "/test/desk", f"call-{n}", "0" * 64, receipts[i]) for i, n in enumerate(places)]
        connection.executemany("INSERT INTO heard VALUES (?, ?, ?, ?, ?)", heard)
        connection.execute("INSERT INTO receipts (provider, body) VALUES (?, ?)", (PROVIDER, letter))
        connection.execute("COMMIT")
        for message in messages:
            await message.ack()
        await publisher.publish([(receipt_subject(WARD_ID, PROVIDER), letter, {"Nats-Expected-Stream": RECEIPTS})])
        connection.execute("DELETE FROM receipts")
        subject = event_subject(WARD_ID, "intake", "call.received", "00000000-0000-0000-0000-00000000000e")
        headers = {"Nats-Expected-Stream": EVENTS}
        await publisher.publish([(subject, EVENT, headers | {"Nats-Msg-Id": str(uuid4())}) for _ in messages])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
