"""What stands for tonight by handover's and placement's journals: notes, hand-overs to agencies, places arranged.

Reading only; what was read once stays read. Every method asks a database: never on the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Literal

import msgspec
import sqlalchemy as sa

from events import Recorded, event_of
from events.handover import (
    PASSING_KINDS,
    HandedOver,
    HandoverDeclined,
    HandoverExpired,
    HandoverOffered,
    HandoverReturned,
    HandoverWithdrawn,
)
from events.morning import CaseNoted, EveningIssued
from events.placement import PlacementArranged, PlacementCancelled
from services.pages.following import Following

OF_HANDOVER = (
    CaseNoted,
    EveningIssued,
    HandoverOffered,
    HandedOver,
    HandoverDeclined,
    HandoverWithdrawn,
    HandoverExpired,
    HandoverReturned,
)
OF_PLACEMENT = (PlacementArranged, PlacementCancelled)
ISSUED_KEPT = 31
"""Evenings that are remembered."""

ANSWERED_KEPT = 500
"""Hand-overs that were answered, and are remembered for whoever holds a printed copy."""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """A note about a case: `at` by the first clock, `recorded` when the system knew. Its words are in the box."""

    case: str
    provider: str
    at: datetime
    recorded: datetime
    until: date | None
    identity: str
    sealed: str | None

    def holds(self, night: date) -> bool:
        """Whether the night is to know it."""
        return self.until is None or night <= self.until


Standing = Literal["offered", "accepted", "declined", "withdrawn", "expired", "returned"]


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-over to an agency or the section: how it stands, and since when; `recorded`: when the system knew."""

    case: str
    handover: str
    kind: str
    to: str
    standing: Standing
    at: datetime
    recorded: datetime


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """A place that was arranged. `cancelled` None: it stands. `changed`: when the system last heard of it."""

    case: str
    placement: str
    kind: str
    facility: str | None
    begins: datetime
    ends: datetime | None
    cancelled: datetime | None = None
    changed: datetime


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """The evening's own list, as it was issued: `at` on the first clock."""

    night: date
    due_at: datetime
    at: datetime
    cases: tuple[str, ...]


class EveningLog:
    """The notes and what else stands for a night, over two databases."""

    def __init__(self, handover: sa.Engine, placement: sa.Engine) -> None:
        self._handover, self._placement = Following(handover, OF_HANDOVER), Following(placement, OF_PLACEMENT)
        self._lock = threading.Lock()
        self._notes: dict[str, list[Noted]] = {}
        self._handed: dict[str, Handed] = {}
        self._answered: list[Handed] = []
        self._stays: dict[str, Stay] = {}
        self._issued: dict[date, Issued] = {}

    def notes(self) -> Mapping[str, Noted]:
        """The note that stands about each case, whether or not it still holds: the last one by the first clock."""
        with self._lock:
            self._read_on_handover()
            return {case: notes[-1] for case, notes in self._notes.items()}

    def note_of(self, cases: Collection[str]) -> Noted | None:
        """The last note about any of these cases, which are one: those that were merged into it are parts of it."""
        standing = self.notes()
        found = [standing[case] for case in cases if case in standing]
        return max(found, key=lambda note: note.at, default=None)

    def handed(self) -> list[Handed]:
        """The hand-overs that wait for an answer, and those by which an agency has a case; the oldest first."""
        with self._lock:
            self._read_on_handover()
            return sorted(self._handed.values(), key=lambda each: (each.at, each.handover))

    def answered(self, since: datetime) -> list[Handed]:
        """What was answered, taken back, or let pass after a moment of the second clock, as it went out."""
        with self._lock:
            self._read_on_handover()
            return [each for each in self._answered if each.recorded > since]

    def issued(self, night: date) -> Issued | None:
        """The evening's own list; None: it was not issued, or not yet."""
        with self._lock:
            self._read_on_handover()
            return self._issued.get(night)

    def stays(self, begins: datetime, ends: datetime) -> list[Stay]:
        """The places that reach into a span of time, those that were cancelled too; the earliest first."""
        with self._lock:
            self._placement.read_on(self._take_placed, self._stays.clear)
            found = [s for s in self._stays.values() if s.begins < ends and (s.ends is None or begins < s.ends)]
        return sorted(found, key=lambda stay: (stay.begins, stay.placement))

    def _read_on_handover(self) -> None:
        self._handover.read_on(self._take_handed, self._forget)

    def _forget(self) -> None:
        self._notes.clear()
        self._handed.clear()
        self._answered.clear()
        self._issued.clear()

    def _take_handed(self, record: Recorded) -> None:
        match event_of(record):
            case CaseNoted() as event:
                self._note(record, event)
            case EveningIssued() as event:
                night, due = event.night, event.due_at
                self._issued[night] = Issued(night=night, due_at=due, at=record.time, cases=event.cases)
                for old in sorted(self._issued)[:-ISSUED_KEPT]:
                    del self._issued[old]
            case HandoverOffered() as event:
                self._handed[event.handover] = Handed(
                    case=event.case,
                    handover=event.handover,
                    kind=event.kind,
                    to=event.to,
                    standing="offered",
                    at=record.time,
                    recorded=record.recordedat,
                )
            case HandedOver() as event:
                self._accept(record, event)
            case HandoverDeclined() as event:
                self._end(record, event.handover, "declined")
            case HandoverWithdrawn() as event:
                self._end(record, event.handover, "withdrawn")
            case HandoverExpired() as event:
                self._end(record, event.handover, "expired")
            case HandoverReturned() as event:
                self._end(record, event.handover, "returned")
            case _:
                pass  # Only these are asked for.

    def _accept(self, record: Recorded, event: HandedOver) -> None:
        """With an offer before it or without, and also after the offer had run out; the morning's is another matter."""
        handed = Handed(
            case=event.case,
            handover=event.handover,
            kind=event.kind,
            to=event.to,
            standing="accepted",
            at=record.time,
            recorded=record.recordedat,
        )
        was_offered = self._handed.pop(event.handover, None) is not None
        if event.kind in PASSING_KINDS:
            self._handed[event.handover] = handed
        if was_offered or event.kind in PASSING_KINDS:
            self._remember(handed)

    def _end(self, record: Recorded, handover: str, standing: Standing) -> None:
        if known := self._handed.pop(handover, None):
            ended = msgspec.structs.replace(known, standing=standing, at=record.time, recorded=record.recordedat)
            self._remember(ended)

    def _remember(self, handed: Handed) -> None:
        self._answered = [*self._answered[-ANSWERED_KEPT:], handed]

    def _note(self, record: Recorded, event: CaseNoted) -> None:
        note = Noted(
            case=event.case,
            provider=event.provider,
            at=record.time,
            recorded=record.recordedat,
            until=event.until,
            identity=f"{record.type}/{record.id}",
            sealed=event.sealed,
        )
        notes = [*self._notes.get(event.case, ()), note]
        self._notes[event.case] = sorted(notes, key=lambda each: each.at)  # Of two at once the one recorded later.

    def _take_placed(self, record: Recorded) -> None:
        match event_of(record):
            case PlacementArranged() as event:
                self._stays[event.placement] = Stay(
                    case=event.case,
                    placement=event.placement,
                    kind=event.kind,
                    facility=event.facility,
                    begins=event.begins_at or record.time,
                    ends=event.ends_at,
                    changed=record.recordedat,
                )
            case PlacementCancelled() as event:
                if stay := self._stays.get(event.placement):
                    self._stays[event.placement] = msgspec.structs.replace(
                        stay, cancelled=record.time, changed=record.recordedat
                    )
            case _:
                pass  # As above.
