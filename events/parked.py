"""What every service that takes messages records when a person closes one that was parked."""

from __future__ import annotations

from typing import ClassVar

from events import Event, vocabulary


class ParkedClosed(Event, frozen=True, kw_only=True):
    """A person decided that a parked message, or one in conflict, stays as it is: it never had an effect.

    `parked` is its number at the desk (`intake-3`), `provider` who had sent it, `closed_by` who closed it.
    `digest` is keyed, over what was parked, so that the row can be told to be the same. `reason` is a
    code, `other` where the words are sealed.
    """

    name: ClassVar[str] = "parked.closed"
    closing: str
    parked: str
    provider: str
    digest: str
    kind: str
    field: str
    closed_by: str
    reason: str
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.closing


vocabulary(ParkedClosed)
