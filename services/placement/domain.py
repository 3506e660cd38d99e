"""What was arranged and what was cancelled. The fourth column, 併用, follows from these; nobody types it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

import msgspec

from events import Event, Recorded
from events.messages import PlacementArrange, PlacementCancel
from events.placement import PlacementArranged, PlacementCancelled, PlacementEvent
from services.book import Book, Due, Said, Unusable, one_of, told, within_contract
from services.cases import learn, named, names_given, organisation, person_of, reason_of


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """One arranged place."""

    arranged: PlacementArranged
    arranged_at: datetime
    cancelled_at: datetime | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What was arranged for one consultation, by placement id."""

    placements: dict[str, Placement] = {}


PlacementBook = Book[Case]

LONGEST_ID = 64
"""Characters of an id. What is longer is none of ours, and is not looked up."""


def decide(said: Said, book: PlacementBook) -> None:
    """Let a message about a placement have its effect.

    Raises:
        Waits: it speaks of a case or a placement not heard of yet.
        Unusable: it cannot be used as it is.
    """
    within_contract(said, book)
    match said.type:
        case "placement.arrange":
            _arrange(said, told(said.data, PlacementArrange), book)
        case "placement.cancel":
            _cancel(said, told(said.data, PlacementCancel), book)
        case _:
            raise Unusable("type", "unknown")


def _arrange(said: Said, message: PlacementArrange, book: PlacementBook) -> None:
    ward = book.ward_at(said.at)
    kind = one_of("data.kind", message.kind, (placement.key for placement in ward.placement))
    by = one_of("data.by", message.by, ("centre", "agency"))
    begins_at, ends_at = _when("begins_at", message.begins_at), _when("ends_at", message.ends_at)
    if begins_at and ends_at and ends_at <= begins_at:
        raise Unusable("data.ends_at", "not after the beginning", "a later time")
    case = named(said, message.case, message.number, book)
    book.cases.append(case)
    ref = book.reference(message.placement)
    key = f"placement/{said.provider}/{ref}"
    if book.targets(key):
        raise Unusable(
            "data.placement", "arranged already under this reference", "a new reference, or placement.cancel"
        )
    placement = book.new_id()
    event = PlacementArranged(
        placement=placement,
        case=case,
        provider=said.provider,
        ref=ref,
        kind=kind,
        facility=organisation("data.facility", message.facility) if message.facility else None,
        by=by,
        begins_at=begins_at,
        ends_at=ends_at,
    )
    book.name(key, placement, said.at)
    book.name(f"case-of/{placement}", case, said.at, fresh=True)
    book.write(event, said.at, message.personal if isinstance(message.personal, dict) else None, person_of(case, book))


def _when(field: str, moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Unusable(f"data.{field}", "without an offset", "a time such as 2025-04-01T13:00:00+09:00")
    return moment


def _cancel(said: Said, message: PlacementCancel, book: PlacementBook) -> None:
    placement = _meant(said, message, book)
    case = book.target(f"case-of/{placement}")
    book.cases.append(case)
    state = book.state(case)
    assert state is not None, "a placement that has a name was arranged"
    known = state.placements[placement]
    if said.at < known.arranged_at:
        raise Unusable("time", "before it was arranged", "the time at which it was given up")
    if known.cancelled_at is None:
        reason, sealed = reason_of(message.reason, book.ward_at(said.at).refusal)
        event = PlacementCancelled(placement=placement, case=case, reason=reason)
        book.write(event, said.at, sealed, person_of(case, book))


def _meant(said: Said, message: PlacementCancel, book: PlacementBook) -> str:
    """The place that is meant: the sender's own, or any by our id, since whoever arranged it may be under no contract
    any more, and by night a facility rings whoever answers. Raises Waits or Unusable.
    """
    if message.placement:
        return book.target(f"placement/{said.provider}/{book.reference(message.placement)}")
    if message.placement_id is None:
        ways = "`placement` (your own reference) or `placement_id` (our id)"
        raise Unusable("data.placement", "missing", ways)
    if len(message.placement_id) > LONGEST_ID or not book.targets(f"case-of/{message.placement_id}"):
        raise Unusable("data.placement_id", "there is no placement under this id", "an id as its events say it")
    return message.placement_id


def evolve(state: Case | None, event: Event, at: datetime) -> Case:
    """What is arranged for a case after an event."""
    fact: PlacementEvent = event  # type: ignore[assignment]  # Placement's journal holds nothing else.
    placements = dict(state.placements) if state else {}
    match fact:
        case PlacementArranged():
            placements[fact.placement] = Placement(arranged=fact, arranged_at=at)
        case PlacementCancelled():
            placements[fact.placement] = msgspec.structs.replace(placements[fact.placement], cancelled_at=at)
        case _:
            assert_never(fact)
    return Case(placements=placements)


class Rules:
    """Placement's rules, for the desk."""

    identifying = None
    tables = ()

    def decide(self, said: Said, book: Book[Any]) -> None:
        """Let a message have its effect. Raises Waits or Unusable."""
        decide(said, book)

    def evolve(self, state: Case | None, event: Event, at: datetime) -> Case | None:
        """The state after an event."""
        return evolve(state, event, at)

    def hear(self, record: Recorded, event: Event, book: Book[Any]) -> None:
        """Learn of cases from intake's calls."""
        learn(event, record.time, book)

    def asks(self, event: Event) -> Iterable[str]:
        """The names that a call gives."""
        return names_given(event)

    def expect(self, heard: object, book: object) -> None:
        """There is nothing beside the log to be read."""

    def begin(self, now: datetime, book: Book[Any]) -> None:
        """Nothing must always be planned here."""

    def fall_due(self, due: Due, now: datetime, book: Book[Any]) -> None:
        """Nothing is planned here."""

    def beside(self, connection: object) -> None:
        """There are no tables of its own."""
