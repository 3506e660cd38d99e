"""Which flags (確認事項) are open: a table beside the log, written with each event, and made again from the log.

A flag is known by whose it is (a contact and which of its matters, or a registration), its code and its
field. The same one told again by a later event is open again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from events import Event, Recorded, event_of
from events.intake import CallReceived, ContactMoved, FlagReopened, FlagResolved
from services.database import insert_rows
from services.journal import Journal
from services.tables import FLAGS

Flags = dict[tuple[str, str | None], bool]
"""(code, field) to whether it is open, in the order in which they came."""

PAGE = 2_000


def concerns(event: Event) -> bool:
    """Whether an event opens, resolves, reopens or moves flags."""
    if type(event) is CallReceived:  # Nearly every event is one, and this is asked of each.
        return bool(event.flags)
    return isinstance(event, FlagResolved | FlagReopened | ContactMoved) or bool(getattr(event, "flags", ()))


def write(connection: sa.Connection, told: Sequence[tuple[Recorded, Event]]) -> None:
    """Let the table hear these events, within the transaction that records them."""
    insert_rows(connection, FLAGS, _rows_of_calls(told))
    for record, event in told:
        if not isinstance(event, CallReceived):
            _hear(connection, record, event)


def _rows_of_calls(told: Sequence[tuple[Recorded, Event]]) -> list[tuple[Any, ...]]:
    """Those of the calls, which are fresh: nothing of theirs can be there. Written together, they share their time."""
    times: dict[datetime, str] = {}
    rows: list[tuple[Any, ...]] = []
    for record, event in told:
        if type(event) is CallReceived:
            opened = times.get(record.recordedat) or times.setdefault(record.recordedat, record.recordedat.isoformat())
            own = (event.about, event.number, opened, None, None, None)
            keys = dict.fromkeys((flag.code, flag.field or "") for flag in event.flags)
            rows += [(event.contact, event.matter, *key, *own) for key in keys]
    return rows


def _hear(connection: sa.Connection, record: Recorded, event: Event) -> None:
    match event:
        case FlagResolved():
            said = {"resolved_at": record.recordedat.isoformat(), "resolution": event.resolution, "by": event.provider}
            connection.execute(sa.update(FLAGS).where(*_one(event)).values(said))
        case FlagReopened():
            again = {"resolved_at": None, "resolution": None, "by": None}
            connection.execute(sa.update(FLAGS).where(*_one(event)).values(again))
        case ContactMoved():
            there = {"about": event.to_case, "number": event.to_number}
            connection.execute(sa.update(FLAGS).where(_is(event.contact, event.matter)).values(there))
        case _:
            insert_rows(connection, FLAGS, _rows(record, event), taken="replaces")


def _rows(record: Recorded, event: Any) -> list[tuple[Any, ...]]:
    """One for each flag of an event, open."""
    holder, matter, number = _holder(event), getattr(event, "matter", 1), getattr(event, "number", None) or ""
    opened = record.recordedat.isoformat()
    keys = dict.fromkeys((flag.code, flag.field or "") for flag in event.flags)
    return [(holder, matter, *key, event.about, number, opened, None, None, None) for key in keys]


def _holder(event: Any) -> str:
    found: str = getattr(event, "contact", None) or event.person
    return found


def _one(event: FlagResolved | FlagReopened) -> tuple[sa.ColumnElement[bool], ...]:
    one = (FLAGS.c.code == event.code, FLAGS.c.field == (event.field or ""))
    return _is(_holder(event), event.matter), *one


def _is(holder: str, matter: int) -> sa.ColumnElement[bool]:
    return sa.and_(FLAGS.c.holder == holder, FLAGS.c.matter == matter)


def flags_of(connection: sa.Connection, holder: str, matter: int, unwritten: Iterable[Event]) -> Flags:
    """The flags of one record, those of events that this transaction has yet to write included."""
    query = sa.select(FLAGS).where(_is(holder, matter)).order_by(FLAGS.c.opened_at, FLAGS.c.code, FLAGS.c.field)
    found: Flags = {(row.code, row.field or None): row.resolved_at is None for row in connection.execute(query)}
    for event in unwritten:
        if not concerns(event) or isinstance(event, ContactMoved):
            continue
        if (_holder(event), getattr(event, "matter", 1)) == (holder, matter):
            found.update(_effects(event))
    return found


def _effects(event: Any) -> Iterator[tuple[tuple[str, str | None], bool]]:
    if isinstance(event, FlagResolved | FlagReopened):
        yield (event.code, event.field), isinstance(event, FlagReopened)
    else:
        yield from (((flag.code, flag.field), True) for flag in event.flags)


def fill(journal: Journal) -> None:
    """Make the table from the log where it is empty: a log that is older than the table, or a table that was lost."""
    with journal.engine.connect() as connection:
        if journal.head == 0 or connection.execute(sa.select(FLAGS.c.holder).limit(1)).first() is not None:
            return
    rebuild(journal)


def rebuild(journal: Journal) -> None:
    """Throw the table away and make it again from the log, within one transaction."""
    with journal.engine.begin() as connection:
        connection.execute(sa.delete(FLAGS))
        page: list[tuple[Recorded, Event]] = []
        for record in journal.records():
            if _may_concern(record):
                event = event_of(record)
                page += [(record, event)] if concerns(event) else []
            if len(page) >= PAGE:
                write(connection, page)
                page = []
        write(connection, page)


def _may_concern(record: Recorded) -> bool:
    """Without reading the whole event: most of a log is about no flag."""
    return record.type in (FlagResolved.name, FlagReopened.name, ContactMoved.name) or b'"flags":' in bytes(record.data)
