"""What a rule sees while it decides: states, names and the ward; and what it writes.

A book lives for one transaction. Rules ask it for the state of a case or a person, resolve a
sender's own references, and write events into it; nothing here does I/O (the journal hands in the
loaders), so that rules stay plain functions of what they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from events import Event
from events.intake import Flag
from services.ward import Ward

S = TypeVar("S")

UNREADABLE = "unreadable"
"""Under this name stands what a sender gave for `personal` and is none."""


class Waits(Exception):
    """The message speaks of something not heard of yet; `key` is its name."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Unusable(Exception):
    """The message can never be used as it is."""

    def __init__(self, field: str, reason: str, accepted: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" + (f"; accepted: {accepted}" if accepted else ""))
        self.field, self.reason, self.accepted = field, reason, accepted


class Said(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message as a rule gets it: who said it, when it happened, what it says.

    `data` has its personal parts unsealed. `at` is when it happened (with the ward's offset),
    `arrived` when we got it, `entered` when somebody wrote it down, where the sender says so. `sequence`: the sender's
    own number of it.
    """

    provider: str
    source: str
    id: str
    type: str
    at: datetime
    arrived: datetime
    entered: datetime | None = None
    synthetic: bool = False
    data: dict[str, Any]
    flags: tuple[Flag, ...] = ()
    raw: dict[str, Any] = {}
    sequence: int | None = None

    @property
    def causation(self) -> str:
        return f"message:{self.provider}/{self.source}#{self.id}"


class Identifier(NamedTuple):
    """Something by which a person can be found, folded; in clear, so it is in memory alone and never stored."""

    kind: str
    value: str


ByField = Mapping[str, frozenset[Identifier]]
"""The identifiers that each personal field gives."""


class Name(msgspec.Struct, frozen=True, gc=False):
    """What a reference stands for, and since when."""

    target: str
    since: datetime


class Written(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that a rule wrote, before it has a position. `personal` is sealed for `subject`."""

    event: Event
    at: datetime
    personal: dict[str, Any] | None = None
    subject: str | None = None


class Due(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A deadline. `key` names it, `kind` says what to do, `about` with what; only ids and codes stand in them."""

    key: str
    kind: str
    about: str
    due: datetime
    synthetic: bool = False

    def __post_init__(self) -> None:
        fits = len(self.key) <= 200 and len(self.kind) <= 40 and len(self.about) <= 64  # As wide as the table.
        if not fits or self.due.tzinfo is None:
            raise ValueError("a deadline's key, kind or about is too long, or its time is without an offset")

    @property
    def causation(self) -> str:
        return f"deadline:{self.key}"


class Shelf(NamedTuple, Generic[S]):
    """Whence a book has what it does not hold itself: one for all the books of a transaction."""

    ward: Callable[[datetime], Ward]
    load: Callable[[str], S | None]
    evolve: Callable[[S | None, Event, datetime], S | None]
    names: Callable[[str], list[Name]]
    count: Callable[[str], int]
    new_id: Callable[[], str]
    reference: Callable[[str], str]
    same: Callable[[Identifier], Sequence[str]]
    flags: Callable[[str, int], dict[tuple[str, str | None], bool]]
    planned: Callable[[str], Due | None]
    beside: Any


class Book(Generic[S]):
    """States and names as they are, what this transaction adds included.

    `beside`: what stands in a service's own tables (`Rules.beside`); None where it has none.
    """

    def __init__(self, shelf: Shelf[S]) -> None:
        self.ward_at, self.reference, self.same, self.flags_of = shelf.ward, shelf.reference, shelf.same, shelf.flags
        self.beside = shelf.beside
        self._shelf = shelf
        self._states: dict[str, S | None] = {}
        self._counts: dict[str, int] = {}
        self.named: dict[str, list[Name]] = {}
        self.indexed: dict[str, dict[str, frozenset[Identifier]]] = {}
        self.written: list[Written] = []
        self.deadlines: dict[str, Due | None] = {}
        self.synthetic = False
        """Set by a rule where what falls due turns out to be about synthetic data."""
        self.persons: list[str] = []
        self.cases: list[str] = []
        self.numbers: list[str] = []
        self.flags: list[Flag] = []

    def new_id(self) -> str:
        """A fresh id, of which nothing is known yet."""
        fresh = self._shelf.new_id()
        self._states[fresh] = None
        return fresh

    def state(self, about: str) -> S | None:
        """A case's, person's or contact's state; None if nothing is known of it."""
        if about not in self._states:
            self._states[about] = self._shelf.load(about)
        return self._states[about]

    def targets(self, key: str) -> list[Name]:
        """What a name stands for, the earliest first; empty if nothing."""
        stored, own = self._shelf.names(key), self.named.get(key, ())
        found = [*stored, *own]
        if len(found) > 1:
            found.sort(key=lambda name: (name.since, name.target))
        return found

    def target(self, key: str) -> str:
        """What a name stands for.

        Raises:
            Waits: nothing has this name yet.
        """
        found = self.targets(key)
        if not found:
            raise Waits(key)
        return found[-1].target

    def name(self, key: str, target: str, since: datetime, *, fresh: bool = False) -> None:
        """Let a name stand for something, from a moment on. `fresh`: nothing can have this name yet."""
        if fresh or all(name.target != target for name in self.targets(key)):
            self.named.setdefault(key, []).append(Name(target, since))

    def index(self, person: str, found_by: ByField) -> None:
        """Let a person be found by this from now on; each field given takes the place of what it gave before."""
        self.indexed.setdefault(person, {}).update(found_by)

    def next_number(self, series: str) -> int:
        """The next number of a series: 1, 2, 3 …"""
        last = self._counts.get(series)
        number = self._counts[series] = (self._shelf.count(series) if last is None else last) + 1
        return number

    def write(
        self, event: Event, at: datetime, personal: dict[str, Any] | None = None, subject: str | None = None
    ) -> None:
        """Let something have happened."""
        self.written.append(Written(event=event, at=at, personal=personal or None, subject=subject))
        self._states[event.about] = self._shelf.evolve(self.state(event.about), event, at)

    def note(self, event: Event, at: datetime, personal: dict[str, Any] | None = None) -> None:
        """Let something have happened that is about no case, person or contact: no state follows from it."""
        self.written.append(Written(event=event, at=at, personal=personal or None, subject=event.about))

    def plan(self, key: str, due: datetime, kind: str, about: str, *, synthetic: bool = False) -> None:
        """Let something fall due at a time (`Rules.fall_due`); the one of this key, if there is one, is moved there."""
        self.deadlines[key] = Due(key=key, kind=kind, about=about, due=due, synthetic=synthetic)

    def cancel(self, key: str) -> None:
        """Let what was planned under this key not fall due; nothing where there is none."""
        self.deadlines[key] = None

    def planned(self, key: str) -> datetime | None:
        """When what was planned under this key falls due; None where there is none."""
        due = self.deadlines[key] if key in self.deadlines else self._shelf.planned(key)
        return due.due if due else None

    @property
    def counts(self) -> dict[str, int]:
        """The series that moved, and where they stand."""
        return self._counts

    @property
    def states(self) -> dict[str, S | None]:
        """The states looked at or changed."""
        return self._states


OUTSIDE_CONTRACT = "outside the sender's contract"


def is_after_contract(said: Said, book: Book[Any]) -> bool:
    """Whether something happened when its sender's contract was over (domain Rule 11)."""
    return book.ward_at(said.at).is_over(said.provider, said.at)


def within_contract(said: Said, book: Book[Any]) -> None:
    """A provider tells of what was while its contract was in force; one that the ward's file does not know, of all.

    Raises:
        Unusable: it tells of something after its contract's end, or before it began.
    """
    if is_after_contract(said, book):
        accepted = "a time while the contract was in force; what is done since, a provider under contract says"
        raise Unusable("time", OUTSIDE_CONTRACT, accepted)
    if book.ward_at(said.at).is_yet_to_begin(said.provider, said.at):
        raise Unusable("time", OUTSIDE_CONTRACT, "a time while the contract was in force")


def told(data: dict[str, Any], kind: type[S]) -> S:
    """A message's fields, strictly: for everything but calls and registrations, which are never refused.

    Raises:
        Unusable: a field is missing, unknown or of the wrong type; names it.
    """
    known = _fields(kind)  # type: ignore[arg-type]
    unknown = sorted(data.keys() - known)
    if unknown:
        plain = unknown[0].isascii() and unknown[0].replace("_", "").isalnum() and len(unknown[0]) <= 40
        raise Unusable(f"data.{unknown[0]}" if plain else "data", "not a field of this message", ", ".join(known))
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise Unusable(f"data.{path.rstrip('`')}" if path else _missing(reason), reason) from error


@cache
def _fields(kind: type[Any]) -> dict[str, None]:
    """Their names, in order; to find them out costs more than to read the message."""
    return dict.fromkeys(field.encode_name for field in msgspec.structs.fields(kind))


def _missing(reason: str) -> str:
    return f"data.{reason.split('`')[1]}" if "missing required field" in reason else "data"


def one_of(field: str, value: str, allowed: Iterable[str]) -> str:
    """A value out of a list.

    Raises:
        Unusable: it is none of them.
    """
    choices = list(allowed)
    if value not in choices:
        raise Unusable(field, "not one of the known values", ", ".join(choices))
    return value
