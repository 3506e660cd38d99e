"""Keeps the list of hand-overs to agencies beside the log, from what the log says, in the transaction that moved it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from events import Recorded, decode, event_of, known_events
from events.handover import AGENCY_KINDS, HandoverDeclined, HandoverEvent, HandoverReturned, HandoverWithdrawn
from services.database import found, found_among, insert_rows
from services.handover.passing import Case, Handover, after
from services.journal import LogReader, log_of
from services.late_notes import late_notes
from services.passings import HANDOVERS, text_of

PAGE = 200

_ANY = sa.select(HANDOVERS.c.handover).limit(1)


@cache
def _in_order(log: sa.Table) -> sa.Select[tuple[bytes]]:
    return sa.select(log.c.state).order_by(log.c.id)


class Listed:
    """What of the list one transaction changes: the cases that were touched are read again, and their rows written."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._touched: dict[str, None] = {}

    def touch(self, events: Iterable[object]) -> None:
        """Note of which cases something was written."""
        self._touched |= {event.case: None for event in events if isinstance(event, HandoverEvent)}

    def fill(self) -> None:
        """Make the list where there is none: the log is older than the list, or it was lost."""
        if found(self._connection, _ANY):
            return
        log = log_of(self._connection.engine)
        ours = sorted(name for name, kind in known_events().items() if issubclass(kind, HandoverEvent))
        for row in found_among(self._connection, _in_order(log), log.c.topic, ours):
            self.touch([event_of(decode(bytes(row.state)))])

    def write(self, connection: sa.Connection) -> None:
        """Write the rows of the cases that were touched."""
        cases = list(self._touched)
        for start in range(0, len(cases), PAGE):
            histories = LogReader(connection.engine).histories(connection, cases[start : start + PAGE])
            rows = [row for case, history in histories.items() for row in _rows(case, history)]
            insert_rows(connection, HANDOVERS, rows, taken="replaces")


Row = tuple[object, ...]


def _rows(case: str, history: Iterable[Recorded]) -> list[Row]:
    state: Case | None = None
    records: dict[str, list[Recorded]] = {}
    reasons: dict[str, str | None] = {}
    synthetic = False
    for record in history:
        event = event_of(record)
        if isinstance(event, HandoverEvent):
            state = after(state, event, record.time)
            synthetic = synthetic or record.synthetic
            records.setdefault(event.handover, []).append(record)
            if isinstance(event, HandoverDeclined | HandoverWithdrawn | HandoverReturned):
                reasons[event.handover] = event.reason
    found = state.handovers if state else {}
    return [
        _row(own, case, known, reasons.get(own), _noted(records[own], known), synthetic=synthetic)
        for own, known in found.items()
        if known.kind in AGENCY_KINDS
    ]


def _noted(records: list[Recorded], known: Handover) -> datetime | None:
    """When the last was recorded of which they must be told, or were."""
    return max((note.record.recordedat for note in late_notes(records, known.status)), default=None)


def _row(own: str, case: str, known: Handover, reason: str | None, noted: datetime | None, *, synthetic: bool) -> Row:
    return (
        own,
        case,
        known.giver,
        known.kind,
        known.to,
        known.agency,
        known.status,
        text_of(known.since),
        text_of(known.offered_at),
        text_of(known.answer_by),
        text_of(known.delivered_at),
        text_of(known.seen_at),
        text_of(noted),
        known.basis,
        reason,
        synthetic,
    )
