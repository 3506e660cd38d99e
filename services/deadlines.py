"""What must happen at a time if nothing happens before: rows beside the log, written with the event that made them.

A deadline is planned, moved and given up in the transaction of an event, and taken away in the transaction
of what it leads to. So it holds through a crash and through a weekend switched off: it falls due once, perhaps late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from services.book import Due
from services.database import change, found, insert_rows
from services.tables import DEADLINES

Deadlines = Mapping[str, Due | None]
"""What becomes of each by its key: planned, or moved; None: given up."""


_EARLIEST = sa.select(DEADLINES).order_by(DEADLINES.c.due, DEADLINES.c.key).limit(1)
_PLANNED = sa.select(DEADLINES).where(DEADLINES.c.key == sa.bindparam("key"))
_GIVE_UP = sa.delete(DEADLINES).where(DEADLINES.c.key == sa.bindparam("key"))


def earliest(connection: sa.Connection, without: Iterable[str] = ()) -> Due | None:
    """The one that is due first; of those due at once, the first by its key."""
    if left_out := sorted(without):
        rows = connection.execute(_EARLIEST.where(DEADLINES.c.key.not_in(left_out))).all()
    else:
        rows = found(connection, _EARLIEST)
    return _due(rows[0]) if rows else None


def planned(connection: sa.Connection, key: str) -> Due | None:
    """The deadline of this key, if there is one."""
    rows = found(connection, _PLANNED, key=key)
    return _due(rows[0]) if rows else None


def write(connection: sa.Connection, deadlines: Deadlines) -> None:
    """Plan, move and give up, within the transaction of what led to it."""
    change(connection, _GIVE_UP, [{"key": key} for key, due in deadlines.items() if due is None])
    rows = [(due.key, _text(due.due), due.kind, due.about, due.synthetic) for due in deadlines.values() if due]
    insert_rows(connection, DEADLINES, rows, taken="replaces")


def _text(moment: datetime) -> str:
    """UTC and always as long, so that the order of the texts is that of the times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _due(row: sa.Row[tuple[object, ...]]) -> Due:
    return Due(
        key=row.key, kind=row.kind, about=row.about, due=datetime.fromisoformat(row.due), synthetic=row.synthetic
    )
