"""Of what an agency must still be told about a hand-over, from what was recorded of it. Pure.

A telling covers what had been recorded by the time at which it was given. By its own time a note may be earlier and
heard of only later, as where a sender had no line; and a telling may be written down from paper hours after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from events import Recorded, event_of
from events.handover import (
    HandoverAnsweredLate,
    HandoverDelivered,
    HandoverNotedLate,
    HandoverSeen,
    HandoverSent,
    HandoverWithdrawn,
)

ELSEWHERE = "accepted-elsewhere"
"""Why an offer is taken back without anybody's doing: somebody else took the case on first."""

TOO_LATE = ("expired", "withdrawn")
"""The standings in which they are told what became of an offer: that they accepted too late, or that it is withdrawn
because another has the case."""


class LateNote(NamedTuple):
    """Something of which they must be told. `told`: the telling that covered it first; None: they do not know yet."""

    record: Recorded
    told: Recorded | None


def late_notes(records: Sequence[Recorded], status: str) -> list[LateNote]:
    """All that they must be told, or were, in the order in which it was recorded.

    `records`: everything about one hand-over, in its order; `status`: how it stands by them.
    """
    events = [(record, event_of(record)) for record in records]
    tellings = sorted((record for record, event in events if isinstance(event, HandoverDelivered)), key=_when)
    reached = any(isinstance(event, HandoverDelivered | HandoverSent | HandoverSeen) for _, event in events)
    return [
        LateNote(record, next((telling for telling in tellings if covers(telling.time, record)), None))
        for record, event in events
        if _is_to_be_told(event, status, reached=reached)
    ]


def covers(told_at: datetime, note: Recorded) -> bool:
    """Whether who was told at this time was told of that as well."""
    return note.recordedat <= told_at


def _when(record: Recorded) -> datetime:
    return record.time


def _is_to_be_told(event: object, status: str, *, reached: bool) -> bool:
    """`reached`: they have a paper of it, or know of it otherwise; whom nothing reached needs no telling."""
    match event:
        case HandoverNotedLate():
            return status == "accepted"
        case HandoverAnsweredLate(said="accepted"):
            return status in TOO_LATE
        case HandoverWithdrawn(reason=why):
            return status == "withdrawn" and why == ELSEWHERE and reached
        case _:
            return False
