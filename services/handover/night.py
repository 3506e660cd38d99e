"""A night as it stands: its statement and supplements, what became of each item, and who was told of what. Pure.

A statement is planned for the end of each night; the next one is planned as one is issued. Nights that had ended
before this service was first there are history, and get none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, assert_never

import msgspec

from events import Recorded
from events.intake import NightClosed, night_id
from events.morning import (
    CasePassed,
    DeadlinePassed,
    DeadlineSettled,
    EveningIssued,
    ExchangeCounted,
    Item,
    ItemAcknowledged,
    ItemAnswered,
    ItemDone,
    ItemQuestioned,
    ItemUnacknowledged,
    OfNight,
    StatementIssued,
)
from services.book import Book
from services.handover.comparison import Edition
from services.handover.register import ItemRow, Register
from services.hours import DAY
from services.ward import Ward

ON_TIME = timedelta(minutes=2)
"""A statement that was issued so long after the night's end, at most, was there for the morning."""

FIRST = "night/first"
"""Under this name stands the first night that gets a statement."""

STATEMENT, SUPPLEMENT = "statement", "supplement"


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who took an item over, and when by the first clock."""

    provider: str
    at: datetime


class Passed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A step that somebody was told of; `settled`: and that it is in hand."""

    to: str
    due_at: datetime
    fired_at: datetime
    items: tuple[int, ...]
    settled: bool = False


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """One night, as its events leave it.

    `questions`: how many of each item wait for an answer. `charge`: which cases have passed to whom by being
    acknowledged, at once or as they opened after it, and from whom. `exchange`: what was said last of the telephone
    exchange's count.
    """

    editions: tuple[Edition, ...] = ()
    items: dict[int, Item] = {}
    acknowledged: dict[int, Acknowledged] = {}
    questions: dict[int, int] = {}
    done: frozenset[int] = frozenset()
    charge: dict[str, tuple[str, str]] = {}
    passed: dict[tuple[int, str], Passed] = {}
    exchange: int | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether its statement lists nothing."""
        return bool(self.editions) and not self.editions[0].items


NightEvent = (
    StatementIssued
    | ItemAcknowledged
    | ItemUnacknowledged
    | ItemQuestioned
    | ItemAnswered
    | ItemDone
    | DeadlinePassed
    | DeadlineSettled
    | ExchangeCounted
    | EveningIssued
    | CasePassed
)


def after(state: Night | None, event: OfNight | CasePassed, at: datetime) -> Night:
    """A night after an event. With a thousand items each step costs a copy of the one part that changes."""
    night = state or Night()
    fact: NightEvent = event  # type: ignore[assignment]  # There are no others of a night.
    match fact:
        case StatementIssued():
            ready = fact.due_at if fact.edition == 0 and at - fact.due_at <= ON_TIME else None
            by = fact.acknowledge_by
            edition = Edition(edition=fact.edition, acknowledge_by=by, ready=ready, items=fact.items)
            items = night.items | {item.n: item for item in fact.items}
            return msgspec.structs.replace(night, editions=(*night.editions, edition), items=items)
        case ItemAcknowledged():
            known = night.acknowledged | {fact.item: Acknowledged(provider=fact.provider, at=at)}
            charge = night.charge
            if fact.case and fact.from_owner and fact.to_owner:
                charge = charge | {fact.case: (fact.from_owner, fact.to_owner)}
            return msgspec.structs.replace(night, acknowledged=known, charge=charge)
        case ItemUnacknowledged():
            left = {n: each for n, each in night.acknowledged.items() if n != fact.item}
            charge = {case: each for case, each in night.charge.items() if not (fact.to_owner and case == fact.case)}
            return msgspec.structs.replace(night, acknowledged=left, charge=charge, done=night.done - {fact.item})
        case ItemQuestioned():
            asked = night.questions | {fact.item: night.questions.get(fact.item, 0) + 1}
            return msgspec.structs.replace(night, questions=asked)
        case ItemAnswered():
            return msgspec.structs.replace(night, questions=night.questions | {fact.item: 0})
        case ItemDone():
            return msgspec.structs.replace(night, done=night.done | {fact.item})
        case DeadlinePassed():
            before = night.passed.get((fact.edition, fact.step))
            told = Passed(to=fact.to, due_at=fact.due_at, fired_at=fact.fired_at, items=fact.items)
            if before is not None and not before.settled:  # What was undone since is told as well.
                both = tuple(sorted({*before.items, *fact.items}))
                told = msgspec.structs.replace(told, due_at=before.due_at, items=both)
            return msgspec.structs.replace(night, passed=night.passed | {(fact.edition, fact.step): told})
        case DeadlineSettled():
            key = (fact.edition, fact.step)
            settled = msgspec.structs.replace(night.passed[key], settled=True)
            return msgspec.structs.replace(night, passed=night.passed | {key: settled})
        case ExchangeCounted():
            return msgspec.structs.replace(night, exchange=fact.contacts)
        case EveningIssued():
            return night
        case CasePassed():
            return msgspec.structs.replace(night, charge=night.charge | {fact.case: (fact.giver, fact.to)})
        case _:
            assert_never(fact)


def state_of(night: date, book: Book[Any]) -> Night:
    """A night as it stands, also before anything is known of it."""
    state = book.state(night_id(night))
    return state if isinstance(state, Night) else Night()


def of_key(key: str) -> date:
    """The night that a deadline's key names: `statement/2025-11-14`."""
    return date.fromisoformat(key.split("/")[1])


def own(rows: Iterable[ItemRow]) -> set[tuple[str, int]]:
    """What is of this night still, whatever was printed."""
    return {(row.contact, row.matter) for row in rows}


def kept(band: str, at: datetime, ward: Ward, book: Book[Any]) -> date | None:
    """The night of which a call of this moment is an item; None: of none, as by day, or in a night that is history."""
    if ward.morning is None or band != ward.morning.band:
        return None
    night = ward.night_of(at)
    return night if is_kept(night, book) else None


def is_kept(night: date, book: Book[Any]) -> bool:
    """Whether this night gets a statement, or will."""
    first = book.targets(FIRST)
    return bool(first) and first[0].target <= night.isoformat()


def begin(now: datetime, book: Book[Any]) -> None:
    """Plan the next statement where none is planned: of the first night that is not over yet, or of what was left."""
    ward = book.ward_at(now)
    coming = ward.night_ending_after(now)
    if coming is None:
        return
    if not book.targets(FIRST):
        book.name(FIRST, coming.isoformat(), now)
    first = date.fromisoformat(book.targets(FIRST)[0].target)
    night = coming
    while True:
        due = book.planned(f"{STATEMENT}/{night}")
        if due is not None and (night != coming or due <= now):
            _give_time(night, due, now, book)
            return  # The one that is planned plans the next.
        if due is not None or night <= first or state_of(night - DAY, book).editions:
            break
        night -= DAY
    plan(night, ward, book)


def _give_time(night: date, due: datetime, now: datetime, book: Book[Any]) -> None:
    """Everything was off as it was due: intake, which starts in the same moment, has its time to close the night."""
    register: Register = book.beside
    morning = book.ward_at(now).morning
    if due <= now and morning is not None and register.closing(night) is None:
        book.plan(f"{STATEMENT}/{night}", now + timedelta(seconds=morning.grace), STATEMENT, night_id(night))


def plan(night: date, ward: Ward, book: Book[Any], *, synthetic: bool = False) -> None:
    """Plan the statement of a night, or of the first that is one after it."""
    span = ward.night_span(night)
    if span is None or ward.morning is None:
        following = ward.night_ending_after(ward.end_of(night))
        span = ward.night_span(following) if following else None
        night = following or night
    if span is not None and ward.morning is not None:
        due = span[1] + timedelta(seconds=ward.morning.grace)
        book.plan(f"{STATEMENT}/{night}", due, STATEMENT, night_id(night), synthetic=synthetic)


def late(row: ItemRow, record: Recorded, ward: Ward, book: Book[Any]) -> None:
    """An item of a night whose statement was issued without it: it goes onto a supplement, with others of this moment.

    The supplement waits a moment, as the statement does, so that intake can close the night again.
    """
    assert row.night is not None, "it is an item of a night"
    if ward.morning is None or not state_of(row.night, book).editions:
        return
    key = f"{SUPPLEMENT}/{row.night}"
    if book.planned(key) is None:
        due = record.recordedat + timedelta(seconds=ward.morning.grace)
        book.plan(key, due, SUPPLEMENT, night_id(row.night), synthetic=record.synthetic)


def closed(event: NightClosed, record: Recorded, book: Book[Any]) -> None:
    """Intake closed a night: what waited for that need not wait any longer."""
    register: Register = book.beside
    register.close(event)
    for kind in (STATEMENT, SUPPLEMENT):
        key = f"{kind}/{event.night}"
        due = book.planned(key)
        if due is not None and event.ended_at <= record.recordedat < due:
            book.plan(key, record.recordedat, kind, night_id(event.night), synthetic=record.synthetic)
