"""A journal as whoever only looks follows it: read once from its beginning, and on from there at every look."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlalchemy as sa

from events import Event, Recorded, decode
from services.journal import LogReader

PAGE = 2_000
"""Positions of the log that are read at once."""


class Following:
    """One log, and the kinds of events that are wanted of it. Not for several threads at once: the caller locks."""

    def __init__(self, engine: sa.Engine, kinds: Iterable[type[Event]]) -> None:
        self.log = LogReader(engine)
        self._names = [kind.name for kind in kinds]
        self._after = 0

    def read_on(self, take: Callable[[Recorded], None], forget: Callable[[], None]) -> None:
        """Hand over what was recorded since the last look. A log that was set back is told anew: `forget` first."""
        table = self.log.log
        with self.log.engine.connect() as connection:
            head = connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
            if head < self._after:
                forget()
                self._after = 0
            while self._after < head:
                upto = min(head, self._after + PAGE)
                span = sa.and_(table.c.id > self._after, table.c.id <= upto)
                query = sa.select(table.c.state).where(span, table.c.topic.in_(self._names)).order_by(table.c.id)
                for row in connection.execute(query):
                    take(decode(bytes(row.state)))
                self._after = upto
