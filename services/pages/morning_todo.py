"""What is to be done about a night's items, and what is left of earlier ones. Reading only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from services.pages.morning_acts import Side
from services.pages.night_call import Call, Calls
from services.pages.night_clock import NightClock
from services.pages.night_log import NightLog
from services.pages.nights import Entry, Key, Night, Stands
from services.pages.terms import Terms


class Pointer(msgspec.Struct, frozen=True):
    """A place on the morning's pages, or a case: what it is called, and where it is."""

    name: str
    night: str = ""
    n: int = 0
    case: str = ""


class Group(msgspec.Struct, frozen=True):
    """Items that are of one kind; `word` is what the page calls it, `alarm` whether it cannot wait."""

    word: str
    pointers: tuple[Pointer, ...]
    alarm: bool = False


class Todo(msgspec.Struct, frozen=True):
    """Everything that is left, first what cannot wait."""

    groups: tuple[Group, ...]


def todo(
    nights: NightLog,
    night: Night,
    stands: Stands,
    calls: Mapping[Key, Call],
    look_up: Calls,
    side: Side,
    now: datetime,
    terms: Terms,
) -> Todo:
    """What is left of a night and of the nights before it, and what came back; for whoever stands on this side."""
    here = [entry for entry in night.entries if not (entry.gone or _is_closed(entry, calls))]
    earlier = [each for each in nights.recent() if each.night < night.night and any(map(_is_open, each.entries))]
    before = [each.as_held(stands(each, now).own) for each in earlier]
    left = [(each, entry) for each in before for entry in each.entries if _is_open(entry)]
    known = look_up([entry.item for _, entry in left if entry.item], personal=False) if left else {}
    left = [(each, entry) for each, entry in left if entry.acknowledged is None or not _is_closed(entry, known)]
    asked = [(night, entry) for entry in here if entry.is_asked] + [each for each in left if each[1].is_asked]
    back = nights.returned() if side.takes else []
    numbers = look_up.numbers([each.case for each in back]) if back else {}

    def of(which: Sequence[Entry]) -> tuple[Pointer, ...]:
        return tuple(_pointer(night, entry, calls, terms, here=True) for entry in which)

    def of_nights(which: Sequence[tuple[Night, Entry]]) -> tuple[Pointer, ...]:
        found = {**calls, **known}
        return tuple(_pointer(each, entry, found, terms, here=each is night) for each, entry in which)

    def is_mine(entry: Entry) -> bool:
        owner = owners.get(entry.item.case) if entry.item and entry.item.case else None
        return side.provider is not None and owner == side.provider

    owners = stands(night, now).owners
    taken = [entry for entry in here if entry.is_left]
    overdue = [entry for entry in here if entry.is_overdue(now)]
    groups = (
        Group("todo_overdue", of(overdue), alarm=True),
        Group("todo_waiting", of([e for e in here if e.acknowledged is None and e.done is None and e not in overdue])),
        Group("todo_to_answer" if side.gives else "todo_asked", of_nights(asked), alarm=side.gives),
        Group("todo_answered", of([entry for entry in here if entry.is_answered and entry.done is None])),
        Group("todo_returned", tuple(Pointer(numbers.get(e.case, "?"), case=e.case) for e in back), alarm=True),
        Group("todo_mine", of([entry for entry in taken if is_mine(entry)])),
        Group("todo_left", of([entry for entry in taken if not is_mine(entry)])),
        Group("todo_before", of_nights(left)),
    )
    return Todo(tuple(group for group in groups if group.pointers))


def _is_open(entry: Entry) -> bool:
    return not entry.gone and entry.done is None and (entry.acknowledged is None or entry.is_left or entry.is_asked)


def _is_closed(entry: Entry, calls: Mapping[Key, Call]) -> bool:
    """Taken over, and its consultation was closed since: nothing is left of it."""
    if entry.item is None or entry.acknowledged is None:
        return False
    call = calls.get((entry.item.contact, entry.item.matter))
    return call is not None and call.closed_at is not None


def _pointer(night: Night, entry: Entry, calls: Mapping[Key, Call], terms: Terms, *, here: bool) -> Pointer:
    item = entry.item
    call = calls.get((item.contact, item.matter)) if item else None
    number = call.number if call else item.number if item else ""
    name = " ".join(
        filter(None, (terms.screen("nth_item", n=entry.n) if item else terms.screen("quiet_short"), number))
    )
    if not here:
        name = f"{NightClock(terms, night.night).day(night.night)} {name}"
    return Pointer(name, "" if here else night.night.isoformat(), entry.n)
