"""How providers closed their nights (夜間を締める), by intake's journal, for whoever looks: also before any statement.

Reading only; what was read once stays read. Every method asks a database: never on the event loop.
"""

from __future__ import annotations

import threading
from datetime import date, datetime

import msgspec
import sqlalchemy as sa

from events import Recorded, event_of
from events.intake import ShiftClosed
from services.pages.following import Following
from services.pages.terms import Terms


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A provider closed a night for one source of its messages, at `at` of the first clock. None: it did not say."""

    provider: str
    source: str
    at: datetime
    last: int | None
    calls: int | None


class Closings:
    """The last word of each provider on each night and source."""

    def __init__(self, intake: sa.Engine) -> None:
        self._following, self._lock = Following(intake, (ShiftClosed,)), threading.Lock()
        self._known: dict[tuple[str, date], dict[str, Closed]] = {}

    def of(self, provider: str, night: date) -> list[Closed]:
        """How a provider closed a night, once for each source; the earliest first."""
        with self._lock:
            self._following.read_on(self._take, self._known.clear)
            return sorted(self._known.get((provider, night), {}).values(), key=lambda closed: closed.at)

    def _take(self, record: Recorded) -> None:
        event = event_of(record)
        if isinstance(event, ShiftClosed):
            self._known.setdefault((event.provider, event.night), {})[event.source] = Closed(
                provider=event.provider, source=event.source, at=record.time, last=event.last, calls=event.calls
            )


def closed_in_words(closed: Closed, terms: Terms) -> str:
    """By whom, when, and with which counts."""
    counts = [terms.screen("closed_calls", n=closed.calls)] if closed.calls is not None else []
    counts += [terms.screen("closed_last", n=closed.last)] if closed.last is not None else []
    return terms.listed([terms.provider(closed.provider), terms.moment(closed.at), *counts])
