"""The list of flags (確認事項), for whoever looks: read from intake's own table, whether or not intake runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from events import Recorded, decode, event_of
from events.intake import CallReceived, PersonRegistered
from services.journal import log_of, originator
from services.tables import FLAGS

Key = tuple[str, int, str, str]
"""(holder, matter, code, field): by these a flag is known."""


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


def flags(
    engine: sa.Engine, *, everything: bool = False, code: str | None = None, most: int = 0, skip: int = 0
) -> list[Flagged]:
    """The oldest flags first; only those that are open, unless `everything`. `most` 0: all."""
    query = sa.select(FLAGS).order_by(FLAGS.c.opened_at, FLAGS.c.holder, FLAGS.c.matter, FLAGS.c.code, FLAGS.c.field)
    query = query.limit(most).offset(skip) if most else query
    with engine.connect() as connection:
        rows = connection.execute(query.where(*_wanted(everything, code))).all()
    return [Flagged(*row) for row in rows]


def counts(engine: sa.Engine, *, everything: bool = False, code: str | None = None) -> dict[str, int]:
    """How many of each code."""
    query = sa.select(FLAGS.c.code, sa.func.count()).group_by(FLAGS.c.code).order_by(FLAGS.c.code)
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query.where(*_wanted(everything, code)))}


def one(engine: sa.Engine, key: Key) -> Flagged | None:
    """One flag, open or resolved; None: there is none."""
    columns = (FLAGS.c.holder, FLAGS.c.matter, FLAGS.c.code, FLAGS.c.field)
    with engine.connect() as connection:
        row = connection.execute(
            sa.select(FLAGS).where(*(column == value for column, value in zip(columns, key, strict=True)))
        ).one_or_none()
    return Flagged(*row) if row else None


class Named(NamedTuple):
    """How a provider names the record of a flag in a message. `synthetic`: the record is made up."""

    data: dict[str, Any]
    synthetic: bool


def named_by(engine: sa.Engine, wanted: Iterable[Flagged], provider: str) -> dict[Key, Named]:
    """How a provider names the records of these flags: as its own, or else by 受付番号 or the register's id.

    By number the same flag of every contact of the consultation is meant. What it cannot name is left out.
    """
    flags = list(wanted)
    histories = _histories(engine, {flag.about for flag in flags})
    found = {}
    for flag in flags:
        records = histories.get(flag.about, [])
        if data := _own(flag, records, provider) or _by_ours(flag, records):
            found[key_of(flag)] = Named(data, records[-1].synthetic)
    return found


def key_of(flag: Flagged) -> Key:
    """By what it is known."""
    return flag.holder, flag.matter, flag.code, flag.field


def _own(flag: Flagged, records: Sequence[Recorded], provider: str) -> dict[str, Any] | None:
    for record in records:
        event = event_of(record) if record.type in (CallReceived.name, PersonRegistered.name) else None
        match event:
            case CallReceived(contact=flag.holder, matter=flag.matter, provider=from_) if from_ == provider:
                source, _, call = record.causation.removeprefix(f"message:{provider}/").rpartition("#")
                return {"source": source, "call": call, "matter": flag.matter}
            case PersonRegistered(person=flag.holder, provider=from_) if from_ == provider:
                return {"person": event.ref}
    return None


def _by_ours(flag: Flagged, records: Sequence[Recorded]) -> dict[str, Any] | None:
    """By a name that we gave, which everybody may use; a contact about nobody has none."""
    if any(record.type == PersonRegistered.name and record.subject == flag.holder for record in records):
        return {"person_id": flag.holder}
    is_case = any(record.case == flag.about for record in records)
    return {"number": flag.number} if flag.number and is_case else None


def _histories(engine: sa.Engine, abouts: Collection[str]) -> dict[str, list[Recorded]]:
    log, wanted = log_of(engine), {originator(about): about for about in abouts}
    query = sa.select(log.c.originator_id, log.c.state).where(log.c.originator_id.in_(wanted)).order_by(log.c.id)
    found = defaultdict(list)
    with engine.connect() as connection:
        for row in connection.execute(query) if wanted else ():
            found[wanted[row.originator_id]].append(decode(bytes(row.state)))
    return found


def _wanted(everything: bool, code: str | None) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = [] if everything else [FLAGS.c.resolved_at.is_(None)]
    return [*wanted, FLAGS.c.code == code] if code else wanted
