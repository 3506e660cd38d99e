"""What follows where nobody acknowledged: a reminder, then the ward, as the ward's file has it. Pure.

Each step of each edition fires once, from the time at which it should have been issued, and names what nobody took
over; and once more for what is undone after that. It informs and transfers nothing (domain Rule 10). Whoever was told
of something is told when it is in hand.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from events.intake import night_id
from events.morning import DeadlinePassed, DeadlineSettled
from services.book import Book, Due
from services.handover.comparison import Edition, outstanding
from services.handover.night import Night, of_key, own, state_of
from services.handover.register import Register
from services.ward import Ward

KIND = "step"


def plan(night: date, edition: Edition, ward: Ward, book: Book[Any], *, from_: datetime | None = None) -> None:
    """Plan the steps of an edition. `from_`: none before this moment, as where an acknowledgement was undone."""
    state = state_of(night, book)
    untold = {n for n in edition.numbers if n not in state.acknowledged}
    for step in ward.morning.step if ward.morning else ():
        key = f"{KIND}/{night}/{edition.edition}/{step.key}"
        if not untold <= _told((edition.edition, step.key), state) and book.planned(key) is None:
            due = edition.acknowledge_by + timedelta(minutes=step.after)
            book.plan(key, max(due, from_ or due), KIND, night_id(night), synthetic=book.synthetic)


def fall_due(due: Due, now: datetime, book: Book[Any]) -> None:
    """Say what nobody has acknowledged; nothing where everything is."""
    _, _, number, key = due.key.split("/", 3)
    night, ward = of_key(due.key), book.ward_at(now)
    state = state_of(night, book)
    steps = {step.key: step for step in ward.morning.step} if ward.morning else {}
    if key not in steps:
        return  # The ward's file has no such step any more.
    edition, told = state.editions[int(number)], _told((int(number), key), state)
    register: Register = book.beside
    left = [n for n in outstanding(edition, own(register.of_night(night)), state.acknowledged) if n not in told]
    if left:
        event = DeadlinePassed(
            night=night,
            edition=edition.edition,
            step=key,
            to=steps[key].to,
            due_at=ward.local(due.due),
            fired_at=ward.local(now),
            items=tuple(left),
            also=_also(edition.edition, due.due, state),
        )
        book.write(event, ward.local(now))


def _told(step: tuple[int, str], state: Night) -> frozenset[int]:
    """Of which items whoever is told by a step knows that nobody has taken them over, and not yet that somebody has."""
    passed = state.passed.get(step)
    return frozenset() if passed is None or passed.settled else frozenset(passed.items)


def _also(edition: int, due_at: datetime, state: Night) -> tuple[str, ...]:
    """The steps before it that somebody was told of only when this one was due as well: one message names them all."""
    return tuple(
        step
        for (of, step), told in state.passed.items()
        if of == edition and told.fired_at >= due_at and not told.settled
    )


def settle(night: date, known_at: datetime, book: Book[Any]) -> None:
    """Whoever was told of something learns that everything of it is acknowledged now, perhaps in time all along."""
    state = state_of(night, book)
    for (edition, step), told in state.passed.items():
        if told.settled or any(n not in state.acknowledged for n in told.items):
            continue
        in_time = all(state.acknowledged[n].at <= told.due_at for n in told.items)
        event = DeadlineSettled(night=night, edition=edition, step=step, to=told.to, items=told.items, in_time=in_time)
        book.write(event, known_at)
