"""Nights as intake closed them, and what providers said of their own numbers: states, and what an event makes of them.

Pure. A night is known by the day on which it began; which calls are of it follows from their first clock.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from events.intake import Feed, NightClosed, ShiftClosed

MOST_SHIFTS = 500
"""Closings of one provider that are kept in mind: more than a year's."""


class Night(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A closed night, as its last edition says. `contacts` None: they are too many to be listed."""

    edition: int
    closed_at: datetime
    count: int
    digest: str
    position: int
    contacts: frozenset[str] | None
    feeds: tuple[Feed, ...]


class Shifts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A provider's closings, in the order of their nights; and by source the largest number up to which it closed."""

    closed: tuple[ShiftClosed, ...] = ()
    upto: dict[str, int] = {}

    def of(self, night: date) -> tuple[ShiftClosed, ...]:
        """How it closed a night: once for each source of its messages."""
        return tuple(shift for shift in self.closed if shift.night == night)

    def before(self, night: date, source: str) -> ShiftClosed | None:
        """The closing before this night's."""
        return next((shift for shift in reversed(self.numbered(source)) if shift.night < night), None)

    def after(self, night: date, source: str) -> ShiftClosed | None:
        """The closing after this night's."""
        return next((shift for shift in self.numbered(source) if shift.night > night), None)

    def holding(self, source: str, sequence: int) -> ShiftClosed | None:
        """The closing within which a number was given."""
        return next(
            (shift for shift in self.numbered(source) if shift.last is not None and shift.last >= sequence), None
        )

    def numbered(self, source: str) -> list[ShiftClosed]:
        """Its closings with a last number, the earliest night first."""
        return [shift for shift in self.closed if shift.source == source and shift.last is not None]


def closed(event: NightClosed, at: datetime) -> Night:
    """A night after it was closed, or closed again."""
    return Night(
        edition=event.edition,
        closed_at=at,
        count=event.count,
        digest=event.digest,
        position=event.position,
        contacts=frozenset(event.contacts) if len(event.contacts) == event.count else None,
        feeds=event.feeds,
    )


def after_closing(state: Shifts | None, event: ShiftClosed) -> Shifts:
    """A provider's closings after one more; of one night and source the last word stands."""
    before = state or Shifts()
    others = [shift for shift in before.closed if (shift.night, shift.source) != (event.night, event.source)]
    stand = sorted([*others, event], key=lambda shift: (shift.night, shift.source))[-MOST_SHIFTS:]
    numbered = [shift.last for shift in stand if shift.source == event.source and shift.last is not None]
    upto = before.upto | {event.source: max(numbered, default=0)}
    return Shifts(closed=tuple(stand), upto=upto)
