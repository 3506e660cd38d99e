"""`yoake streams --refill`, `rebuild` and `rebuild --index`: what can be made again, made again."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from deploy.natsd import connect, declare
from deploy.opened import Opened
from deploy.verify_index import compare_index, key_store
from deploy.verify_streams import held_by_events
from services.blind import BlindIndex
from services.intake import identifiers
from services.publishing import Publisher, as_published
from services.reporting.tallies import CELLS, ENTRIES, FACTS, Tallies


async def refill(url: str, opened: Opened) -> dict[str, int]:
    """Publish again what EVENTS lacks, from the first gap on; how many of each service."""
    await declare(url, opened.ward)
    connection = await connect(url)
    try:
        js = connection.jetstream(timeout=30)
        held, _ = await held_by_events(js, opened.ward)
        publisher = Publisher(connection)
        again, done = time.time_ns(), {}
        for name, journal in opened.writers.items():
            own = held.get(name, {})
            first = next((n for n in range(1, journal.last_position() + 1) if n not in own), None)
            done[name] = 0
            while first is not None and (page := journal.read(first - 1 + done[name], 500)):
                await publisher.publish([as_published(text, again) for _, text in page])
                done[name] += len(page)
        return done
    finally:
        await connection.close()


def rebuild(opened: Opened) -> bool:
    """Fold the tallies again from the ledger; whether they are as they were before."""
    journal = opened.ledger
    tallies = Tallies(journal.engine)
    with journal.transaction() as connection:
        if journal.engine.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE facts, entries, cells IN ACCESS EXCLUSIVE MODE"))
        before = _all_rows(connection)
        tallies.rebuild(connection, (row.event for row in opened.inquiry.ledger.rows()))
        return before == _all_rows(connection)


def rebuild_index(opened: Opened) -> bool:
    """Make the index of persons again from intake's log; whether it was as it is now. Nothing else may write it.

    Raises:
        deploy.verify_index.NoKeys: nobody can read here what persons are found by.
    """
    journal = opened.writers["intake"]
    with key_store(opened) as (secrets, keys):
        before = compare_index(opened)
        index = BlindIndex(journal, secrets, keys, identifiers)
        with journal.engine.begin() as connection:
            index.throw_away(connection)
        while index.fill():
            pass
    return not (before.differences or before.unchecked)


def _all_rows(connection: Any) -> list[Any]:
    rows: list[Any] = []
    for table in (FACTS, ENTRIES, CELLS):
        found = connection.execute(sa.select(table)).all()
        rows.append(sorted(tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found))
    rows[-1] = [row for row in rows[-1] if row[-1]]  # A cell that fell back to nothing is no cell.
    return rows
