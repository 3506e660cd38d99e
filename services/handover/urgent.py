"""What cannot wait for the morning does not: somebody of the ward's ladder is called, one after the other. Pure.

A call of the night that cannot wait until the day has taken it over is raised as soon as it is heard; the ladder goes
on until an attempt that was answered stands on its card, or it is acknowledged, or its consultation closed: at once
where the one who was to be called did not answer, and otherwise some minutes later.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

import msgspec

from events import Recorded
from events.morning import OfContact, UrgentAnswered, UrgentRaised, UrgentUnanswered
from services.book import Book, Due
from services.handover.night import state_of
from services.handover.register import ItemRow, Register
from services.ward import Ward

KIND = "urgent"
CALL_BACK = "call-back"

TOO_LATE = timedelta(days=1)
"""A call that could have waited until so long ago, as a paper typed in days later tells, is for the morning alone."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One matter that cannot wait: how far the ladder has come, and whether it is over.

    `before`: who was to be called until an attempt was told, which may be taken back. `by_attempt`: it is over
    because somebody answered, by the card; that may be taken back too.
    """

    next: str | None
    step: int = 0
    tries: int = 0
    told_at: datetime
    answered: bool = False
    before: str | None = None
    by_attempt: bool = False


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """What of a contact cannot wait, by its matters."""

    matters: dict[int, Alarm] = {}


UrgentEvent = UrgentRaised | UrgentUnanswered | UrgentAnswered


def after(state: Alarms | None, event: OfContact, at: datetime) -> Alarms:
    """What cannot wait, after an event."""
    matters = dict(state.matters) if state else {}
    fact: UrgentEvent = event  # type: ignore[assignment]  # There are no others of a contact.
    match fact:
        case UrgentRaised():
            matters[fact.matter] = Alarm(next=fact.next, told_at=at)
        case UrgentUnanswered():
            last = matters.get(fact.matter)
            by_attempt = last is not None and fact.tries > last.tries and fact.due_at == fact.fired_at
            before = last.next if last is not None and by_attempt else None
            told = Alarm(next=fact.next, step=fact.step, tries=fact.tries, told_at=at, before=before)
            matters[fact.matter] = told
        case UrgentAnswered():
            by_attempt = fact.because == "answered"
            over = msgspec.structs.replace(matters[fact.matter], answered=True, by_attempt=by_attempt)
            matters[fact.matter] = over
        case _:
            assert_never(fact)
    return Alarms(matters=matters)


def cannot_wait(row: ItemRow, ward: Ward) -> tuple[str, datetime] | None:
    """Why a call of the night cannot wait until the day has taken it over, and until when it can; None: it can.

    A call-back that the night provider promised itself is in good hands until then; unless its contract is over first.
    A time long before the call, which may be a slip of the pen, is named only where there is no other.
    """
    span = ward.night_span(row.night) if row.night else None
    if span is None or ward.morning is None:
        return None
    until = span[1] + timedelta(minutes=ward.morning.acknowledge)
    waits = {because: by for because, by in row.waits.items() if by < until}
    who = row.card.call_back.who if row.card and row.card.call_back else None
    contract = ward.provider_of(who) if who else None
    by = waits.get(CALL_BACK)
    if by and who and contract and ward.morning.band in contract.bands and not ward.is_over(who, by):
        waits.pop(CALL_BACK, None)
    likely = {because: by for because, by in waits.items() if by + TOO_LATE > row.at}
    return min((likely or waits).items(), key=lambda named: named[1], default=None)


def heard(row: ItemRow, record: Recorded, ward: Ward, book: Book[Any], *, is_new: bool) -> None:
    """Something new is told of a call of the night: it cannot wait, or somebody answered, or it can wait after all."""
    if ward.urgent is None or (is_new and row.card is None):
        return
    found, alarm = cannot_wait(row, ward), None if is_new else _alarm(row.contact, row.matter, book)
    if alarm is not None and not alarm.answered:
        if row.attended:
            _answer(row, "answered", _answered_by(row), _answered_at(row, record.time), book)
        elif found is None:
            _answer(row, "can-wait", None, record.time, book)
        elif _has_not_answered(row, alarm) or _was_not_called(row, alarm):
            now = record.recordedat
            _go_on(row, alarm, now, now, ward, book)
            _plan_next(_key(row, row.case), row, now, ward, book)
        return
    if found is not None and (alarm is None or not row.attended) and not _is_acknowledged(row, book):
        _plan(row, found[1], record.recordedat, book)


def _plan(row: ItemRow, until: datetime, now: datetime, book: Book[Any]) -> None:
    """Let it be raised at once, unless it is planned already, or both its time and the call are long past.

    A time long before the call is overdue, or a slip of the pen: a person must look either way.
    """
    if max(until, row.at) + TOO_LATE > now and book.planned(_key(row, row.case)) is None:
        book.plan(_key(row, row.case), now, KIND, row.contact, synthetic=row.synthetic)


def fall_due(due: Due, now: datetime, book: Book[Any]) -> None:
    """Raise what cannot wait, or call the next of the ladder."""
    _, contact, matter, of = due.key.split("/")
    register: Register = book.beside
    row, ward = register.contact(contact, of or None, int(matter)), book.ward_at(now)
    if row is None or ward.urgent is None:
        return
    alarm, found = _alarm(contact, int(matter), book), cannot_wait(row, ward)
    at = ward.local(now)
    if alarm is None or alarm.answered:
        case = register.case(row.case) if row.case else None
        if found is None or _is_acknowledged(row, book) or (case is not None and case.closed and not case.open):
            return
        following = None if row.attended else _next(row, alarm, ward, now)
        raised = UrgentRaised(**_of(row), because=found[0], by=found[1], next=following)
        book.write(raised, at)
        if row.case:
            book.name(asks(row.case), f"{contact}/{matter}", now)
        if row.attended:
            _answer(row, "answered", _answered_by(row), _answered_at(row, at), book)
            return
    else:
        _go_on(row, alarm, due.due, now, ward, book)
    _plan_next(due.key, row, now, ward, book)


def _go_on(row: ItemRow, alarm: Alarm, due: datetime, now: datetime, ward: Ward, book: Book[Any]) -> None:
    """Call the next of the ladder."""
    at = ward.local(now)
    unanswered = UrgentUnanswered(
        **_of(row),
        step=alarm.step + 1,
        tries=len(row.tries),
        next=_next(row, alarm, ward, now),
        due_at=ward.local(due),
        fired_at=at,
    )
    book.write(unanswered, at)


def _plan_next(key: str, row: ItemRow, now: datetime, ward: Ward, book: Book[Any]) -> None:
    if ward.urgent is not None:
        book.plan(key, now + timedelta(minutes=ward.urgent.every), KIND, row.contact, synthetic=row.synthetic)


def _has_not_answered(row: ItemRow, alarm: Alarm) -> bool:
    """Whether one who was to be called was, since then, and did not answer; a press on the card does not say who."""
    return len(row.tries) > alarm.tries and any(
        attempt.answered is False and attempt.at > alarm.told_at and attempt.to in (None, alarm.next)
        for attempt in row.tries
    )


def _was_not_called(row: ItemRow, alarm: Alarm) -> bool:
    """Whether the attempt for which the next is to be called was noted by mistake: then that one is not next yet."""
    return alarm.before is not None and len(row.tries) < alarm.tries


def _next(row: ItemRow, alarm: Alarm | None, ward: Ward, now: datetime) -> str | None:
    """Whom to call: who follows the one that was tried last, by the card or by the ladder; the first after the last.

    What was noted by mistake counts as if it never had been: who was to be called before it is again.
    """
    ladder = [duty.key for duty in ward.duty_at(now)]
    since = alarm.told_at if alarm else datetime.min.replace(tzinfo=UTC)
    tried = [attempt.to for attempt in row.tries if attempt.to in ladder and attempt.at > since]
    if alarm is not None and not tried:
        again = alarm.next if alarm.by_attempt else alarm.before if _was_not_called(row, alarm) else None
        if again in ladder:
            return again
    last = tried[-1] if tried else alarm.next if alarm else None
    if last in ladder:
        return ladder[(ladder.index(last) + 1) % len(ladder)]
    return ladder[0] if ladder else None


def acknowledged(row: ItemRow, provider: str, at: datetime, book: Book[Any]) -> None:
    """The day has taken it over: no further step follows."""
    _over(row, "acknowledged", provider, at, book)


def taken_back(row: ItemRow, now: datetime, ward: Ward, book: Book[Any]) -> None:
    """Nobody has taken it over after all: it is raised again, and the next of the ladder is called."""
    alarm, found = _alarm(row.contact, row.matter, book), cannot_wait(row, ward)
    if ward.urgent is not None and found is not None and not row.attended and (alarm is None or alarm.answered):
        _plan(row, found[1], now, book)


def closed(case: str, record: Recorded, book: Book[Any]) -> None:
    """Its consultation is closed: no further step follows."""
    register: Register = book.beside
    for name in book.targets(asks(case)):
        contact, matter = name.target.split("/")
        row = register.contact(contact, case, int(matter))
        if row is not None:
            _over(row, "closed", None, record.time, book)


def moved(row: ItemRow, before: str | None, now: datetime, book: Book[Any]) -> None:
    """It belongs to another consultation: the next step is planned under that, or it is raised anew for that."""
    if row.card is None:
        return
    old = _key(row, before)
    due = book.planned(old)
    if due is not None:
        book.cancel(old)
        book.plan(_key(row, row.case), due, KIND, row.contact, synthetic=row.synthetic)
        if row.case is not None and _alarm(row.contact, row.matter, book) is not None:
            book.name(asks(row.case), f"{row.contact}/{row.matter}", now)
        return
    ward, alarm = book.ward_at(row.at), _alarm(row.contact, row.matter, book)
    if row.night is None or ward.urgent is None or alarm is None or not alarm.answered:
        return
    register: Register = book.beside
    found, of = cannot_wait(row, ward), register.standing(row.case) if row.case else None
    if found is not None and of is not None and of.open and not row.attended and not _is_acknowledged(row, book):
        _plan(row, found[1], now, book)


def asks(case: str) -> str:
    """Under this name stands what of a consultation cannot wait."""
    return f"urgent-of/{case}"


def _over(row: ItemRow, because: str, to: str | None, at: datetime, book: Book[Any]) -> None:
    alarm = _alarm(row.contact, row.matter, book)
    if alarm is not None and not alarm.answered:
        _answer(row, because, to, at, book)


def _answer(row: ItemRow, because: str, to: str | None, at: datetime, book: Book[Any]) -> None:
    book.write(UrgentAnswered(**_of(row), to=to, because=because), at)
    book.cancel(_key(row, row.case))


def _alarm(contact: str, matter: int, book: Book[Any]) -> Alarm | None:
    state = book.state(contact)
    return state.matters.get(matter) if isinstance(state, Alarms) else None


def _is_acknowledged(row: ItemRow, book: Book[Any]) -> bool:
    return row.n is not None and row.night is not None and row.n in state_of(row.night, book).acknowledged


def _answered_by(row: ItemRow) -> str | None:
    return next(attempt.to for attempt in row.tries if attempt.answered)


def _answered_at(row: ItemRow, otherwise: datetime) -> datetime:
    return next((attempt.at for attempt in row.tries if attempt.answered), otherwise)


def _key(row: ItemRow, case: str | None) -> str:
    return f"{KIND}/{row.contact}/{row.matter}/{case or ''}"


def _of(row: ItemRow) -> dict[str, Any]:
    return {"contact": row.contact, "matter": row.matter, "case": row.case, "number": row.number}
