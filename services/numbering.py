"""A sender's own numbers as a service's tables have them: in runs, and not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from events import event_of
from events.intake import ShiftClosed, shifts_id
from events.manifest import Range, gaps, merged
from services.inbox import MOST_SEQUENCE
from services.journal import LogReader
from services.tables import HEARD, PARKED, WAITING

MOST_OF_A_NIGHT = 10_000
"""Numbers back from its last one within which a source's numbers of a night are looked for."""

MOST_RANGES = 1_000
"""Ranges that a closing may name; beyond these the first are left out."""


def heard(provider: str) -> sa.Select[Any]:
    """(source, sequence) of what was heard from a provider."""
    return sa.select(HEARD.c.source, HEARD.c.sequence).where(HEARD.c.provider == provider)


def beside(provider: str) -> dict[str, sa.Select[Any]]:
    """(source, sequence) of what waits, and of what a person must look at or has looked at."""
    same = sa.and_(*(HEARD.c[name] == WAITING.c[name] for name in ("provider", "source", "id")))
    waiting = sa.select(WAITING.c.source, HEARD.c.sequence).select_from(WAITING.outerjoin(HEARD, same))
    parked = sa.select(PARKED.c.source, PARKED.c.sequence).where(PARKED.c.provider == provider)
    still = PARKED.c.closed.is_(None)
    return {
        "waiting": waiting.where(WAITING.c.provider == provider),
        "parked": parked.where(still, PARKED.c.kind != "conflict"),
        "conflicts": parked.where(still, PARKED.c.kind == "conflict"),
        "closed": parked.where(PARKED.c.closed.is_not(None)),
    }


def runs(asked: sa.Select[Any]) -> sa.Select[Any]:
    """(source, first, last) of each run of consecutive numbers among (source, sequence) rows."""
    rows = asked.subquery()
    numbers = sa.select(rows.c.source, rows.c.sequence).where(rows.c.sequence.is_not(None)).distinct().subquery()
    place = sa.func.row_number().over(partition_by=numbers.c.source, order_by=numbers.c.sequence)
    islands = sa.select(numbers.c.source, numbers.c.sequence, (numbers.c.sequence - place).label("island")).subquery()
    ends = sa.func.min(islands.c.sequence), sa.func.max(islands.c.sequence)
    return sa.select(islands.c.source, *ends).group_by(islands.c.source, islands.c.island)


def without(ranges: Sequence[Range], others: Sequence[Range]) -> list[Range]:
    """The numbers of merged ranges that are in none of the others, which are merged."""
    last = max((last for _, last in ranges), default=0)
    free = gaps(others, last)
    return [(max(a, c), min(b, d)) for a, b in ranges for c, d in free if max(a, c) <= min(b, d)]


def elsewhere(own: sa.Engine, others: Iterable[sa.Engine], provider: str, source: str, last: int) -> list[Range]:
    """Which of a source's numbers, up to its last of a night, came to other services than the `own` one, and not there.

    Also what waits there or is parked: it did come.
    """
    near = (last - MOST_OF_A_NIGHT, last)
    there = merged(run for engine in others for run in _came(engine, provider, source, near))
    here = merged(_came(own, provider, source, near))
    return without(there, here)[-MOST_RANGES:]


def bounds(own: sa.Engine, provider: str, source: str, night: date) -> Range:
    """Between which last numbers that of a night must be, by how nights before and after it were closed.

    `own`: of the service that closes nights; `source` as its events have it.
    """
    log = LogReader(own)
    with log.engine.connect() as connection:
        records = log.histories(connection, [shifts_id(provider)])[shifts_id(provider)]
    stand = {e.night: e.last for e in map(event_of, records) if isinstance(e, ShiftClosed) and e.source == source}
    told = [(day, last) for day, last in sorted(stand.items()) if last is not None]
    before, after = [n for day, n in told if day < night], [n for day, n in told if day > night]
    return before[-1] if before else 0, after[0] if after else MOST_SEQUENCE


def _came(engine: sa.Engine, provider: str, source: str, near: Range) -> list[Range]:
    found: list[Range] = []
    with engine.connect() as connection:
        for table in (HEARD, PARKED):
            of = sa.and_(table.c.provider == provider, table.c.source == source, table.c.sequence.between(*near))
            asked = sa.select(table.c.source, table.c.sequence).where(of)
            found += [(first, last) for _, first, last in connection.execute(runs(asked))]
    return found
