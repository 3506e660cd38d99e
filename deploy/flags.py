"""`yoake flags`: what somebody should look at (確認事項), read from intake's own table, whether or not it runs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from rich.table import Table

from deploy.opened import Opened
from deploy.output import out
from services.tables import FLAGS


class Flagged(msgspec.Struct, frozen=True):
    """One flag. `holder` is a contact's or a person's id; `number` the 受付番号, where there is one.

    `opened_at` and `resolved_at` are UTC, of the record; `by` is the provider who resolved it, `resolution` how.
    """

    holder: str
    matter: int
    code: str
    field: str
    about: str
    number: str
    opened_at: str
    resolved_at: str | None
    resolution: str | None
    by: str | None


def flags(books: Opened, *, everything: bool, code: str | None, most: int) -> list[Flagged]:
    """The oldest flags first; only those that are open, unless `everything`."""
    query = sa.select(FLAGS).order_by(FLAGS.c.opened_at, FLAGS.c.holder, FLAGS.c.matter, FLAGS.c.code, FLAGS.c.field)
    query = query.limit(most) if most else query
    with books.writers["intake"].engine.connect() as connection:
        rows = connection.execute(query.where(*_wanted(everything, code))).all()
    return [Flagged(*row) for row in rows]


def counts(books: Opened, *, everything: bool, code: str | None) -> dict[str, int]:
    """How many of each code."""
    query = sa.select(FLAGS.c.code, sa.func.count()).group_by(FLAGS.c.code).order_by(FLAGS.c.code)
    with books.writers["intake"].engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query.where(*_wanted(everything, code)))}


def _wanted(everything: bool, code: str | None) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = [] if everything else [FLAGS.c.resolved_at.is_(None)]
    return [*wanted, FLAGS.c.code == code] if code else wanted


def print_flags(found: Sequence[Flagged], counted: dict[str, int]) -> None:
    """A line for each, and under them how many there are of each code."""
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("受付番号", "確認事項 / code", "field", "since (UTC)", "resolved"):
        table.add_column(column, overflow="fold")
    for flag in found:
        resolved = f"{flag.resolution} {flag.by} {(flag.resolved_at or '')[:16]}" if flag.resolved_at else ""
        table.add_row(flag.number or flag.holder, flag.code, flag.field, flag.opened_at[:16], resolved)
    if found:
        out.print(table)
    total = sum(counted.values())
    listed = ", ".join(f"{code} {count}" for code, count in counted.items())
    out.print(f"{total}件 / {total} flags{': ' if listed else ''}{listed}", markup=False, soft_wrap=True)
    if len(found) < total:
        out.print(f"The oldest {len(found)} are shown; --limit 0 shows all, --code CODE one kind.", markup=False)
