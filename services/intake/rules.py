"""Intake's rules, for the desk: what is decided about what, and by which file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from events import Event, Recorded
from events.messages import ShiftClose
from services.book import Due, Said, told, within_contract
from services.intake import calls, consents, identifiers, identity, nights, people
from services.intake.domain import IntakeBook, State, evolve
from services.intake.night_log import NightLog

TAKEN_AFTER_CONTRACT = frozenset({"call.report", "call.add", "registration.submit", "consent.withdraw", "shift.close"})
"""What is taken though it happened after its sender's contract (domain Rule 11): calls and forms are never refused, and
a word against sharing always holds; each with a flag. A closing tells of a night, which has to be within the contract.
"""


class Rules:
    """Intake's rules, for the desk."""

    identifying = identifiers
    tables = ()

    def decide(self, said: Said, book: IntakeBook) -> None:
        """Let a message have its effect. Raises Waits or Unusable."""
        if said.type not in TAKEN_AFTER_CONTRACT:
            within_contract(said, book)
        match said.type.partition(".")[0]:
            case "call" | "case" | "flag":
                calls.decide(said, book)
            case "shift":
                nights.close_shift(said, told(said.data, ShiftClose), book)
            case "person":
                identity.decide(said, book)
            case "consent":
                consents.decide(said, book)
            case _:
                people.decide(said, book)
        nights.heard(said, book)

    def evolve(self, state: State | None, event: Event, at: datetime) -> State | None:
        """The state after an event."""
        return evolve(state, event, at)

    def hear(self, record: Recorded, event: Event, book: IntakeBook) -> None:
        """Intake listens to nobody but the senders."""

    def asks(self, event: Event) -> Iterable[str]:
        """So it asks for nothing."""
        return ()

    def expect(self, heard: object, book: object) -> None:
        """There is nothing beside the log to be read."""

    def begin(self, now: datetime, book: IntakeBook) -> None:
        """The next night is always going to be closed."""
        nights.begin(now, book)

    def fall_due(self, due: Due, now: datetime, book: IntakeBook) -> None:
        """Nights are closed, nothing else."""
        nights.fall_due(due, now, book)

    def beside(self, connection: sa.Connection) -> NightLog:
        """What a night's closing asks of the log."""
        return NightLog(connection)
