"""What a statement shows of one call: the form in which intake hands it to whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from events.intake import Attempt, Card
from events.morning import Item
from services.pages.nights import Key


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call, about one person's matter, as last corrected. Times are on the first clock.

    `number` is that of the consultation to which it belongs now. `written`: when it was recorded, for one that was
    entered late. `personal` are the card's texts by their names on the card; `shut`: there are some, and they stay
    closed, since whoever looks may not see them or no key opens them; `lost`: the latter. `registrant`: the name on
    the register. `persons`: whom it was ever about; one of their keys opens what was said of it. `attempts`: what was
    done because of a danger, and of each whether it was noted by mistake. `flags`: how many are open. `closed_at`:
    when the consultation was closed.
    """

    number: str
    case: str | None
    at: datetime
    written: datetime | None = None
    not_counted: str | None = None
    district: str | None = None
    registered: bool = False
    registrant: str | None = None
    person: str | None = None
    persons: tuple[str, ...] = ()
    card: Card = Card()
    attempts: tuple[tuple[Attempt, bool], ...] = ()
    personal: dict[str, str] = {}
    shut: bool = False
    lost: bool = False
    flags: int = 0
    closed_at: datetime | None = None
    first: bool = False


class Calls(Protocol):
    """Looks calls up."""

    def __call__(self, items: Sequence[Item], *, personal: bool) -> Mapping[Key, Call]:
        """The calls of these items, by contact and matter; with what is personal only where it is asked for."""

    def numbers(self, cases: Sequence[str]) -> Mapping[str, str]:
        """The 受付番号 of consultations."""
