"""`yoake verify`: everything compared with everything that should equal it."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from deploy.opened import Opened, pages, readable
from deploy.setback import older_than_marks, set_back
from deploy.verify_index import Compared, compare_index
from deploy.verify_streams import verify_streams
from events import ContractError, decode
from events.messages import Receipt
from services.hearing import Cursors
from services.journal import Journal, originator
from services.reporting.fold import all_entries
from services.reporting.ledger import CASE_ROWS, TREE, concerned
from services.reporting.merkle import Frontier, leaf_hash
from services.reporting.tallies import FACTS, stored_cells, stored_entries, stored_whole
from services.tables import HEARD, SERIES


def verify(opened: Opened, url: str | None) -> Compared:
    """Compare everything with everything that should equal it; names every difference, and what was not compared."""
    if url and not any(older_than_marks(opened.settings, opened.writers, opened.ledger)):
        opened.settle()  # Whose database was set back stands still, and comes to rest at no time.
    found = [
        *set_back(opened.settings, opened.writers, opened.ledger),
        *_journals(opened),
        *_ledger(opened),
        *_tallies(opened),
    ]
    index = compare_index(opened)
    found += index.differences
    found += asyncio.run(verify_streams(url, opened)) if url else []
    return Compared(found, index.unchecked)


def _journals(opened: Opened) -> Iterator[str]:
    for name, journal in opened.writers.items():
        expected = 1
        for position, text in pages(journal):
            for missing in range(expected, position):
                yield f"journal {name}: position {missing} is missing"
            expected = position + 1
            try:
                record = decode(text)
            except ContractError as error:
                yield f"journal {name} {position}: {error}"
                continue
            if (record.service, record.position) != (name, position):
                yield f"journal {name} {position}: its event says {record.service} {record.position}"
        yield from _filed(name, journal)
        yield from _heard(name, journal)


def _filed(name: str, journal: Journal) -> Iterator[str]:
    """Whether each event is filed under what it is about, by its own name."""
    columns = (journal.log.c.id, journal.log.c.originator_id, journal.log.c.topic, journal.log.c.state)
    with journal.engine.connect() as connection:
        for row in connection.execute(sa.select(*columns).order_by(journal.log.c.id)):
            record = readable(bytes(row.state))
            if record is not None and (row.originator_id, row.topic) != (originator(record.subject), record.type):
                yield f"journal {name} {row.id}: filed as {row.topic} {row.originator_id}, and it is {record.type}"


def _heard(name: str, journal: Journal) -> Iterator[str]:
    """Whether every message that caused an event is remembered as heard, and every number counted."""
    causes = {record.causation for record in journal.records() if record.causation.startswith("message:")}
    with journal.engine.connect() as connection:
        heard = connection.execute(sa.select(HEARD.c.provider, HEARD.c.receipt)).all()
        series = {row.key: row.last for row in connection.execute(sa.select(SERIES))}
    receipts = [msgspec.json.decode(bytes(row.receipt), type=Receipt) for row in heard]
    known = {f"message:{receipt.provider}/{receipt.source}#{receipt.id}" for receipt in receipts}
    for cause in sorted(causes - known):
        if "/h-" not in cause and "#h-" not in cause:  # An id that may be a name stands in events as a digest.
            yield f"heard {name}: {cause.removeprefix('message:')} led to an event and is not remembered"
    numbers = {number for receipt in receipts for number in receipt.number}
    if name == "intake" and len(numbers) > sum(series.values()):
        yield f"series intake: {len(numbers)} numbers were given, and {sum(series.values())} are counted"


def _ledger(opened: Opened) -> Iterator[str]:
    held: dict[str, dict[int, bytes]] = defaultdict(dict)
    frontier, expected = Frontier(), 1
    for text in opened.inquiry.ledger.texts():
        frontier.append(leaf_hash(text))
        entry = msgspec.json.decode(text, type=_Row)
        if entry.position != expected:
            yield f"ledger: position {expected} is missing; {entry.position} stands there"
        expected = entry.position + 1
        record = decode(entry.event)
        if record.position in held[record.service]:
            yield f"ledger {entry.position}: {record.service} {record.position} stands here a second time"
        held[record.service][record.position] = bytes(entry.event)
    with opened.ledger.engine.connect() as connection:
        stored = connection.execute(sa.select(TREE.c.frontier)).scalar()
    kept = Frontier.decode(bytes(stored)) if stored else Frontier()
    if kept.root() != frontier.root():
        yield f"ledger: its rows hash to {frontier.root().hex()}, and the tree says {kept.root().hex()}"
    yield from _against_journals(opened, held)


class _Row(msgspec.Struct):
    position: int
    event: msgspec.Raw


def _against_journals(opened: Opened, held: dict[str, dict[int, bytes]]) -> Iterator[str]:
    for name, journal in opened.writers.items():
        own = held.pop(name, {})
        for position, text in pages(journal):
            if position not in own:
                yield f"ledger: {name} {position} is missing"
            elif own.pop(position) != text:
                yield f"ledger: {name} {position} differs from the journal's"
        for position in sorted(own):
            yield f"ledger: {name} {position} is not in the journal"
    for name in sorted(held):
        yield f"ledger: holds events of {name!r}, which is no service of ours"


def _tallies(opened: Opened) -> Iterator[str]:
    folded = all_entries(opened.inquiry.facts())
    with opened.ledger.engine.connect() as connection:
        entries, cells = stored_entries(connection), stored_cells(connection)
        position = stored_whole(connection).position
    yield from _facts(opened)
    yield from _case_rows(opened)
    if position != opened.inquiry.ledger.head():
        yield f"tallies: they go up to {position}, and the ledger to {opened.inquiry.ledger.head()}"
    for entry in sorted(set(folded) - set(entries)):
        yield f"tallies: {_named(entry)} counts {entry.member} by the fold, and does not on disk"
    for entry in sorted(set(entries) - set(folded)):
        yield f"tallies: {_named(entry)} counts {entry.member} on disk, and does not by the fold"
    counted = Counter((entry.report, entry.year, entry.row, entry.column) for entry in folded)
    for cell in sorted(counted.keys() | cells.keys()):
        if counted[cell] != cells.get(cell, 0):
            yield f"tallies: the cell {cell} is {cells.get(cell, 0)} on disk and {counted[cell]} by the fold"


def _facts(opened: Opened) -> Iterator[str]:
    """Whether what is known of each case and person is what the ledger says."""
    folded = opened.inquiry.facts()
    wanted = {("case", key): msgspec.json.encode(value) for key, value in folded.cases.items()}
    wanted |= {("person", key): msgspec.json.encode(value) for key, value in folded.persons.items()}
    with opened.ledger.engine.connect() as connection:
        rows = connection.execute(sa.select(FACTS).where(FACTS.c.kind != "whole")).all()
    have = {(row.kind, row.id): bytes(row.body) for row in rows}
    for kind, member in sorted(wanted.keys() | have.keys()):
        if wanted.get((kind, member)) != have.get((kind, member)):
            yield f"tallies: what is known of the {kind} {member} differs from the fold"


def _case_rows(opened: Opened) -> Iterator[str]:
    """Whether every history finds its rows, and every cursor stands where the ledger's rows end."""
    wanted: set[tuple[str, int]] = set()
    last: dict[str, int] = {}
    for row in opened.inquiry.ledger.rows():
        wanted |= {(about, row.position) for about in concerned(row.event)}
        last[row.event.service] = max(last.get(row.event.service, 0), row.event.position)
    with opened.ledger.engine.connect() as connection:
        have = {(row.case_id, row.position) for row in connection.execute(sa.select(CASE_ROWS))}
    for about, position in sorted(wanted ^ have):
        fault = "lacks" if (about, position) in wanted else "invents"
        yield f"ledger {position}: the index of histories {fault} {about}"
    cursors = Cursors(opened.ledger.engine)
    for name, position in sorted(last.items()):
        if cursors.position(name) != position:
            yield f"ledger: it holds {name} up to {position}, and its cursor says {cursors.position(name)}"


def _named(entry: Any) -> str:
    return f"{entry.report} {entry.year} {entry.row}/{entry.column}"
