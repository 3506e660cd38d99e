"""Intake's rules, for the desk: what is decided about what, and by which file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from events import Event, Recorded
from services.book import Due, Said
from services.intake import calls, consents, identifiers, identity, people
from services.intake.domain import IntakeBook, State, evolve


class Rules:
    """Intake's rules, for the desk."""

    identifying = identifiers
    tables = ()

    def decide(self, said: Said, book: IntakeBook) -> None:
        """Let a message have its effect. Raises Waits or Unusable."""
        match said.type.partition(".")[0]:
            case "call" | "case" | "flag":
                calls.decide(said, book)
            case "person":
                identity.decide(said, book)
            case "consent":
                consents.decide(said, book)
            case _:
                people.decide(said, book)

    def evolve(self, state: State | None, event: Event, at: datetime) -> State | None:
        """The state after an event."""
        return evolve(state, event, at)

    def hear(self, record: Recorded, event: Event, book: IntakeBook) -> None:
        """Intake listens to nobody but the senders."""

    def asks(self, event: Event) -> Iterable[str]:
        """So it asks for nothing."""
        return ()

    def begin(self, now: datetime, book: IntakeBook) -> None:
        """Nothing must always be planned here."""

    def fall_due(self, due: Due, now: datetime, book: IntakeBook) -> None:
        """Nothing is planned here."""

    def beside(self, connection: object) -> None:
        """There are no tables of its own."""
