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
from services.database import found
from services.intake.nights import Numbers, Told
from services.numbering import MOST_OF_A_NIGHT
from services.tables import HEARD, PARKED, WAITING

LOG = sa.table("stored_events", sa.column("id"), sa.column("topic"), sa.column("state"))
PAGE = 2_000
MOST_SOURCES = 1_000


def _of_source(table: sa.Table) -> sa.ColumnElement[bool]:
    """Of one source, those whose number lies within a range."""
    return sa.and_(
        table.c.provider == sa.bindparam("provider"),
        table.c.source == sa.bindparam("source"),
        table.c.sequence.between(sa.bindparam("first"), sa.bindparam("last")),
    )


_CALLS = (
    sa.select(LOG.c.id, LOG.c.state)
    .where(sa.or_(*(LOG.c.topic == kind.name for kind in (CallReceived, CallCorrected))))
    .where(LOG.c.id > sa.bindparam("after"))
    .order_by(LOG.c.id)
    .limit(PAGE)
)
_HEAD = sa.select(sa.func.max(LOG.c.id))
_STATE = sa.select(LOG.c.state).where(LOG.c.id == sa.bindparam("position"))
_NEXT_SOURCE = sa.select(sa.func.min(HEARD.c.source)).where(
    HEARD.c.provider == sa.bindparam("provider"), HEARD.c.source > sa.bindparam("last")
)
_SAME = sa.and_(*(HEARD.c[name] == WAITING.c[name] for name in ("provider", "source", "id")))
_NUMBERS = sa.select(HEARD.c.sequence, WAITING.c.n).outerjoin_from(HEARD, WAITING, _SAME).where(_of_source(HEARD))
_RECEIPTS = sa.select(HEARD.c.sequence, HEARD.c.receipt).where(_of_source(HEARD))
_PARKED = sa.select(PARKED.c.sequence, PARKED.c.closed, PARKED.c.arrived).where(_of_source(PARKED))


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
        return found(self._connection, _HEAD)[0][0] or 0

    def before(self, moment: datetime) -> int:
        """The last position that was recorded before a moment; both clocks of the log only go forward."""
        low, high = 0, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._recorded(middle) < moment else (low, middle - 1)
        return low

    def _recorded(self, position: int) -> datetime:
        row = found(self._connection, _STATE, position=position)[0]
        return msgspec.json.decode(bytes(row.state), type=_When).recordedat

    def calls(self, after: int, began: datetime, ended: datetime) -> Iterator[Told]:
        """The calls of this time, and all corrections of calls, behind a position; a page at a time."""
        is_last = False
        while not is_last:
            page = found(self._connection, _CALLS, after=after)
            is_last = len(page) < PAGE
            for row in page:
                record = decode(bytes(row.state))
                if record.type == CallCorrected.name or began <= record.time <= ended:
                    event = event_of(record)
                    assert isinstance(event, CallReceived | CallCorrected), "nothing else was asked for"
                    yield Told(record.time, event, record.causation)
                after = row.id

    def source(self, provider: str, public: str, as_public: Callable[[str], str]) -> str | None:
        """A sender's own source by what may stand of it in clear; there are few, each found behind the one before."""
        last = ""
        for _ in range(MOST_SOURCES):
            following = found(self._connection, _NEXT_SOURCE, provider=provider, last=last)[0][0]
            if following is None:
                return None
            if as_public(following) == public:
                return str(following)
            last = following
        return None

    def numbers(self, provider: str, source: str, first: int, last: int) -> Numbers:
        """What is there of these numbers. What waits, or was put aside by a person, did come."""
        came = found(self._connection, _NUMBERS, provider=provider, source=source, first=first, last=last)
        heard = {row.sequence for row in came}
        waiting = {row.sequence for row in came if row.n is not None}
        parked = found(self._connection, _PARKED, provider=provider, source=source, first=first, last=last)
        open_ = {row.sequence for row in parked if row.closed is None} - heard
        aside = {row.sequence for row in parked if row.closed is not None} - open_
        return Numbers(_runs((heard | aside) - waiting), sorted(open_), sorted(waiting))

    def first_since(self, provider: str, source: str, last: int, moment: datetime) -> int | None:
        """The smallest number up to `last` that arrived since a moment."""
        near = {"provider": provider, "source": source, "first": last - MOST_OF_A_NIGHT, "last": last}
        heard = found(self._connection, _RECEIPTS, **near)
        since = [row.sequence for row in heard if _answered(row.receipt) >= moment]
        parked = found(self._connection, _PARKED, **near)
        since += [row.sequence for row in parked if datetime.fromisoformat(row.arrived) >= moment]
        return min(since, default=None)


def _answered(receipt: Any) -> datetime:
    return msgspec.json.decode(bytes(receipt), type=_Answered).at


def _runs(numbers: set[int]) -> list[Range]:
    return merged((number, number) for number in numbers)
