"""What intake's own log and tables say of a night: read when a night is closed, in the transaction that closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from events import decode, event_of
from events.intake import CallCorrected, CallReceived
from events.manifest import Range, merged
from services.intake.nights import Numbers, Told
from services.numbering import MOST_OF_A_NIGHT
from services.tables import HEARD, PARKED, WAITING

LOG = sa.table("stored_events", sa.column("id"), sa.column("topic"), sa.column("state"))
PAGE = 2_000
MOST_SOURCES = 1_000

_CALLS = (
    sa.select(LOG.c.id, LOG.c.state)
    .where(LOG.c.topic.in_((CallReceived.name, CallCorrected.name)), LOG.c.id > sa.bindparam("after"))
    .order_by(LOG.c.id)
    .limit(PAGE)
)
_HEAD = sa.select(sa.func.max(LOG.c.id))


class _When(msgspec.Struct):
    recordedat: datetime


class _Answered(msgspec.Struct):
    at: datetime


class NightLog:
    """Reads within one transaction. Writes nothing."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def write(self, connection: sa.Connection) -> None:
        """Nothing is kept beside the log."""

    def head(self) -> int:
        """The last position of the log."""
        return self._connection.execute(_HEAD).scalar() or 0

    def before(self, moment: datetime) -> int:
        """The last position that was recorded before a moment; both clocks of the log only go forward."""
        low, high = 0, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._recorded(middle) < moment else (low, middle - 1)
        return low

    def _recorded(self, position: int) -> datetime:
        state = self._connection.execute(sa.select(LOG.c.state).where(LOG.c.id == position)).scalar_one()
        return msgspec.json.decode(bytes(state), type=_When).recordedat

    def calls(self, after: int, began: datetime, ended: datetime) -> Iterator[Told]:
        """The calls of this time, and all corrections of calls, behind a position; a page at a time."""
        while page := self._connection.execute(_CALLS, {"after": after}).all():
            for row in page:
                record = decode(bytes(row.state))
                if record.type == CallCorrected.name or began <= record.time <= ended:
                    event = event_of(record)
                    assert isinstance(event, CallReceived | CallCorrected), "nothing else was asked for"
                    yield Told(record.time, event, record.causation)
            after = page[-1].id

    def source(self, provider: str, public: str, as_public: Callable[[str], str]) -> str | None:
        """A sender's own source by what may stand of it in clear; there are few, each found behind the one before."""
        last = ""
        for _ in range(MOST_SOURCES):
            found = self._next_source(provider, last)
            if found is None:
                return None
            if as_public(found) == public:
                return found
            last = found
        return None

    def _next_source(self, provider: str, last: str) -> str | None:
        query = sa.select(sa.func.min(HEARD.c.source)).where(HEARD.c.provider == provider, HEARD.c.source > last)
        found: str | None = self._connection.execute(query).scalar()
        return found

    def numbers(self, provider: str, source: str, first: int, last: int) -> Numbers:
        """What is there of these numbers. What waits, or was put aside by a person, did come."""
        own = sa.and_(HEARD.c.provider == provider, HEARD.c.source == source, HEARD.c.sequence.between(first, last))
        heard = set(self._connection.execute(sa.select(HEARD.c.sequence).where(own)).scalars())
        same = sa.and_(*(HEARD.c[name] == WAITING.c[name] for name in ("provider", "source", "id")))
        waits = sa.select(HEARD.c.sequence).join(WAITING, same).where(own)
        waiting = set(self._connection.execute(waits).scalars())
        there = sa.and_(PARKED.c.provider == provider, PARKED.c.source == source)
        asked = sa.select(PARKED.c.sequence, PARKED.c.closed).where(there, PARKED.c.sequence.between(first, last))
        parked = self._connection.execute(asked).all()
        open_ = {row.sequence for row in parked if row.closed is None} - heard
        aside = {row.sequence for row in parked if row.closed is not None} - open_
        return Numbers(_runs((heard | aside) - waiting), sorted(open_), sorted(waiting))

    def first_since(self, provider: str, source: str, last: int, moment: datetime) -> int | None:
        """The smallest number up to `last` that arrived since a moment."""
        near = (last - MOST_OF_A_NIGHT, last)
        own = sa.and_(HEARD.c.provider == provider, HEARD.c.source == source, HEARD.c.sequence.between(*near))
        heard = self._connection.execute(sa.select(HEARD.c.sequence, HEARD.c.receipt).where(own))
        since = [row.sequence for row in heard if _answered(row.receipt) >= moment]
        there = sa.and_(PARKED.c.provider == provider, PARKED.c.source == source, PARKED.c.sequence.between(*near))
        parked = self._connection.execute(sa.select(PARKED.c.sequence, PARKED.c.arrived).where(there))
        since += [row.sequence for row in parked if datetime.fromisoformat(row.arrived) >= moment]
        return min(since, default=None)


def _answered(receipt: Any) -> datetime:
    return msgspec.json.decode(bytes(receipt), type=_Answered).at


def _runs(numbers: set[int]) -> list[Range]:
    return merged((number, number) for number in numbers)
