"""The nights of which handover's journal tells, for whoever looks. Reading only; what was read once stays read."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import date, datetime

import msgspec
import sqlalchemy as sa

from events import Event, Recorded, decode, event_of
from events.handover import (
    PASSING_KINDS,
    HandedOver,
    HandoverDeclined,
    HandoverOffered,
    HandoverReturned,
    HandoverWithdrawn,
)
from events.intake import night_id
from events.morning import (
    CasePassed,
    DeadlinePassed,
    DeadlineSettled,
    ExchangeCounted,
    ItemAcknowledged,
    ItemAnswered,
    ItemDone,
    ItemQuestioned,
    ItemUnacknowledged,
    OfContact,
    OfNight,
    StatementIssued,
    UrgentAnswered,
    UrgentRaised,
    UrgentUnanswered,
)
from services.journal import LogReader
from services.pages.nights import Night, night_of

OF_A_NIGHT = (
    StatementIssued,
    ItemAcknowledged,
    ItemUnacknowledged,
    ItemQuestioned,
    ItemAnswered,
    ItemDone,
    DeadlinePassed,
    DeadlineSettled,
    ExchangeCounted,
)
OF_A_CASE = (HandoverOffered, HandedOver, HandoverDeclined, HandoverWithdrawn, HandoverReturned)
OF_A_CONTACT = (UrgentRaised, UrgentUnanswered, UrgentAnswered)
PAGE = 2_000
RECENT = 31
"""Nights of which it is still looked whether everything was done."""


class Returned(msgspec.Struct, frozen=True):
    """A hand-over that came back from an agency (差戻し), and nothing was done about since."""

    case: str
    record: Recorded


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A call that cannot wait, and nobody who can act has answered. `next`: whom of the ladder to call now.

    `because`: `safe-until`, `medication` or `call-back`, due at `by`; `tries`: attempts told so far. `since`: from when
    on `next` is to be called.
    """

    number: str
    about: str
    contact: str
    matter: int
    because: str
    by: datetime
    next: str | None
    since: datetime
    tries: int = 0


class NightLog:
    """The nights, by handover's journal. Every method asks the database: never on the event loop."""

    def __init__(self, handover: sa.Engine) -> None:
        self._log = LogReader(handover)
        self._lock = threading.Lock()
        self._after = 0
        self._known: dict[date, Night] = {}
        self._issued: set[date] = set()
        self._returned: dict[str, Recorded] = {}
        self._agencies: set[str] = set()
        self._alarms: dict[tuple[str, int], Alarm] = {}

    def nights(self) -> list[date]:
        """Those with a statement, the newest first."""
        with self._lock:
            self._read_on()
            return sorted(self._issued, reverse=True)

    def night(self, night: date) -> Night | None:
        """One of them; None: it has no statement."""
        with self._lock:
            self._read_on()
            return self._folded([night]).get(night)

    def newest(self) -> Night | None:
        """The last night with a statement."""
        return next(iter(self.recent(1)), None)

    def recent(self, most: int = RECENT) -> list[Night]:
        """The last nights with a statement, the newest first."""
        with self._lock:
            self._read_on()
            nights = sorted(self._issued, reverse=True)[:most]
            folded = self._folded(nights)
            return [folded[night] for night in nights]

    def returned(self) -> list[Returned]:
        """What came back, and was offered to nobody since; the oldest first."""
        with self._lock:
            self._read_on()
            return [Returned(case, record) for case, record in self._returned.items()]

    def alarms(self) -> list[Alarm]:
        """What cannot wait just now, the most urgent first."""
        with self._lock:
            self._read_on()
            return sorted(self._alarms.values(), key=lambda alarm: alarm.by)

    def _read_on(self) -> None:
        """What was recorded since the last look. A journal that was set back is read from its beginning."""
        table = self._log.log
        names = [event.name for event in (*OF_A_NIGHT, CasePassed, *OF_A_CASE, *OF_A_CONTACT)]
        with self._log.engine.connect() as connection:
            head = connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
            if head < self._after:
                self._after = 0
                self._known.clear()
                self._issued.clear()
                self._returned.clear()
                self._agencies.clear()
                self._alarms.clear()
            while self._after < head:
                span = sa.and_(table.c.id > self._after, table.c.id <= min(head, self._after + PAGE))
                query = sa.select(table.c.state).where(span, table.c.topic.in_(names)).order_by(table.c.id)
                for row in connection.execute(query):
                    self._take(decode(bytes(row.state)))
                self._after = min(head, self._after + PAGE)

    def _take(self, record: Recorded) -> None:
        event = event_of(record)
        if isinstance(event, OfNight):
            self._known.pop(event.night, None)
            if isinstance(event, StatementIssued):
                self._issued.add(event.night)
        elif isinstance(event, CasePassed):
            if event.night is not None:
                self._known.pop(event.night, None)
        elif isinstance(event, OfContact):
            self._alarm(event, record.time)
        elif record.case:
            self._hand(event, record.case, record)

    def _hand(self, event: Event, case: str, record: Recorded) -> None:
        """What an agency gave back. A morning's hand-over goes back as its acknowledgement is undone: that is ours."""
        if isinstance(event, HandoverOffered | HandedOver) and event.kind in PASSING_KINDS:
            self._agencies.add(event.handover)
        if not isinstance(event, HandoverReturned):
            self._returned.pop(case, None)
        elif event.handover in self._agencies:
            self._returned[case] = record

    def _alarm(self, event: OfContact, at: datetime) -> None:
        key = event.contact, event.matter
        match event:
            case UrgentRaised():
                self._alarms[key] = Alarm(
                    number=event.number,
                    about=event.case or event.contact,
                    contact=event.contact,
                    matter=event.matter,
                    because=event.because,
                    by=event.by,
                    next=event.next,
                    since=at,
                )
            case UrgentUnanswered() if known := self._alarms.get(key):
                self._alarms[key] = msgspec.structs.replace(known, next=event.next, since=at, tries=event.tries)
            case UrgentAnswered():
                self._alarms.pop(key, None)
            case _:
                pass

    def _folded(self, wanted: Collection[date]) -> dict[date, Night]:
        missing = {night_id(night): night for night in wanted if night not in self._known}
        if missing:
            with self._log.engine.connect() as connection:
                for about, records in self._log.histories(connection, missing).items():
                    if found := night_of(records):
                        self._known[missing[about]] = found
        found_all = {night: self._known[night] for night in wanted if night in self._known}
        for old in sorted(self._known)[: -2 * RECENT]:
            del self._known[old]
        return found_all
