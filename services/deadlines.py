"""What must happen at a time if nothing happens before: rows beside the log, written with the event that made them.

A deadline is planned, moved and given up in the transaction of an event, and taken away in the transaction
of what it leads to. So it holds through a crash and through a weekend switched off: it falls due once, perhaps late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from services.book import Due
from services.database import insert_rows
from services.tables import DEADLINES

Deadlines = Mapping[str, Due | None]
"""What becomes of each by its key: planned, or moved; None: given up."""


_EARLIEST = sa.select(DEADLINES).order_by(DEADLINES.c.due, DEADLINES.c.key).limit(1)
_PLANNED = sa.select(DEADLINES).where(DEADLINES.c.key == sa.bindparam("key"))
_GIVE_UP = sa.delete(DEADLINES).where(DEADLINES.c.key == sa.bindparam("key"))


def earliest(connection: sa.Connection, without: Iterable[str] = ()) -> Due | None:
    """The one that is due first; of those due at once, the first by its key."""
    query = _EARLIEST
    if left_out := sorted(without):
        query = query.where(DEADLINES.c.key.not_in(left_out))
    row = connection.execute(query).one_or_none()
    return None if row is None else _due(row)


def planned(connection: sa.Connection, key: str) -> Due | None:
    """The deadline of this key, if there is one."""
    row = connection.execute(_PLANNED, {"key": key}).one_or_none()
    return None if row is None else _due(row)


def write(connection: sa.Connection, deadlines: Deadlines) -> None:
    """Plan, move and give up, within the transaction of what led to it."""
    gone = [{"key": key} for key, due in deadlines.items() if due is None]
    if gone:
        connection.execute(_GIVE_UP, gone)
    rows = [(due.key, _text(due.due), due.kind, due.about, due.synthetic) for due in deadlines.values() if due]
    insert_rows(connection, DEADLINES, rows, taken="replaces")


def _text(moment: datetime) -> str:
    """UTC and always as long, so that the order of the texts is that of the times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _due(row: sa.Row[tuple[object, ...]]) -> Due:
    return Due(
        key=row.key, kind=row.kind, about=row.about, due=datetime.fromisoformat(row.due), synthetic=row.synthetic
    )
