"""What tonight's notes show of one consultation: the form in which intake hands it to whoever shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Protocol

import msgspec


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must happen by a time. `what`: call-back, safe-until or medication, as in `urgent.raised`.

    `who`: the provider that promised; `text`: a number to ring, or what is to be taken. `recorded`: when it was told.
    """

    what: str
    at: datetime
    who: str | None = None
    text: str | None = None
    recorded: datetime


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a registrant, first things first. `facts`: texts under their names on the form.

    `contacts`: whom to ring, in order, each as relation, name, number and note.
    """

    person: str
    name: str | None
    kana: str | None
    age: int | None
    status: str
    facts: tuple[tuple[str, str], ...]
    contacts: tuple[tuple[str, ...], ...]


class TonightCase(msgspec.Struct, frozen=True, kw_only=True):
    """A consultation as it stands; what was merged into it is a part of it. Times `…recorded` are of the second clock.

    `registrant`: whom it is about, if that is one; `name`: as told on a card. `subjects`: whose keys may open what is
    said of it.
    `parts`: what was merged into it, as far as it was asked for. `attempts`: what was added to a card as done because
    of a danger, by its code, and when it was recorded.
    """

    case: str
    number: str
    began_at: datetime
    began_recorded: datetime
    called_at: datetime
    called_recorded: datetime
    closed_at: datetime | None = None
    closed_recorded: datetime | None = None
    is_meant: bool = True
    district: str | None = None
    reasons: tuple[str, ...] = ()
    name: str | None = None
    registrant: str | None = None
    known: Known | None = None
    promises: tuple[Promise, ...] = ()
    subjects: tuple[str, ...] = ()
    synthetic: bool = False
    parts: tuple[str, ...] = ()
    attempts: tuple[tuple[str, datetime], ...] = ()

    @property
    def is_open(self) -> bool:
        """対応中: not closed, and about somebody."""
        return self.closed_at is None and self.is_meant


class Cases(Protocol):
    """Looks consultations up."""

    def __call__(self, cases: Collection[str], on: date, *, personal: bool) -> Mapping[str, TonightCase]:
        """These, each under the id asked for; what was merged into another is that other. `on`: for ages.

        With what is personal only where it is asked for.
        """

    def numbered(self, number: str) -> TonightCase | None:
        """The one with this 受付番号, without what is personal; what was merged into another is that other."""

    def since(self, position: int) -> list[str]:
        """Those of which a call was recorded after a position of intake's log."""
