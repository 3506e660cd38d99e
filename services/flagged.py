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
from services.database import change, found, insert_rows
from services.journal import Journal
from services.tables import FLAGS

Flags = dict[tuple[str, str | None], bool]
"""(code, field) to whether it is open, in the order in which they came."""

PAGE = 2_000

_ANY = sa.select(FLAGS.c.holder).limit(1)
_ALL_GONE = sa.delete(FLAGS)
_HOLDERS = sa.and_(FLAGS.c.holder == sa.bindparam("of_holder"), FLAGS.c.matter == sa.bindparam("of_matter"))
_ONE = sa.and_(_HOLDERS, FLAGS.c.code == sa.bindparam("of_code"), FLAGS.c.field == sa.bindparam("of_field"))
_FLAGS = sa.select(FLAGS).where(_HOLDERS).order_by(FLAGS.c.opened_at, FLAGS.c.code, FLAGS.c.field)
_PUT = sa.update(FLAGS).where(_HOLDERS).values(about=sa.bindparam("to"), number=sa.bindparam("under"))
_SETTLE = (
    sa.update(FLAGS)
    .where(_ONE)
    .values(resolved_at=sa.bindparam("at"), resolution=sa.bindparam("as"), by=sa.bindparam("by_whom"))
)


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
            at = record.recordedat.isoformat()
            change(connection, _SETTLE, [{**_one(event), "at": at, "as": event.resolution, "by_whom": event.provider}])
        case FlagReopened():
            change(connection, _SETTLE, [{**_one(event), "at": None, "as": None, "by_whom": None}])
        case ContactMoved():
            there = {"to": event.to_case, "under": event.to_number}
            change(connection, _PUT, [{**_of(event.contact, event.matter), **there}])
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


def _one(event: FlagResolved | FlagReopened) -> dict[str, object]:
    return {**_of(_holder(event), event.matter), "of_code": event.code, "of_field": event.field or ""}


def _of(holder: str, matter: int) -> dict[str, object]:
    return {"of_holder": holder, "of_matter": matter}


def flags_of(connection: sa.Connection, holder: str, matter: int, unwritten: Iterable[Event]) -> Flags:
    """The flags of one record, those of events that this transaction has yet to write included."""
    rows = found(connection, _FLAGS, **_of(holder, matter))
    flags: Flags = {(row.code, row.field or None): row.resolved_at is None for row in rows}
    for event in unwritten:
        if not concerns(event) or isinstance(event, ContactMoved):
            continue
        if (_holder(event), getattr(event, "matter", 1)) == (holder, matter):
            flags.update(_effects(event))
    return flags


def _effects(event: Any) -> Iterator[tuple[tuple[str, str | None], bool]]:
    if isinstance(event, FlagResolved | FlagReopened):
        yield (event.code, event.field), isinstance(event, FlagReopened)
    else:
        yield from (((flag.code, flag.field), True) for flag in event.flags)


def fill(journal: Journal) -> None:
    """Make the table from the log where it is empty: a log that is older than the table, or a table that was lost."""
    with journal.engine.connect() as connection:
        if journal.head == 0 or found(connection, _ANY):
            return
    rebuild(journal)


def rebuild(journal: Journal) -> None:
    """Throw the table away and make it again from the log, within one transaction."""
    with journal.engine.begin() as connection:
        connection.execute(_ALL_GONE)
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
