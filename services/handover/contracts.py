"""Which provider a case falls to: by who was on duty at its first contact, and as contracts end (domain Rules 10, 11).

At 0:00 after the last day of a contract every open case passes on, day cases to the day provider, night cases to the
night provider, each by its own event. What is written down later, of before, passes on as it is heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from events.morning import CasePassed
from services.book import Book, Due
from services.handover.register import CaseRow, Register
from services.hours import DAY
from services.ward import Ward

BECAUSE = "contract"
KIND = "contract"
MOST_PASSED = 500
"""Cases that pass on in one transaction; the rest follows at once."""

SINCE = "register/since"
"""Under this name stands since when handover keeps its register. What happened before is history."""


def on_duty_at(provider: str, at: datetime, band: str, ward: Ward) -> str:
    """Who had the line: the provider that tells of it, if it was that one; else whoever did; else whoever tells."""
    if _has_line(ward, provider, at, band):
        return provider
    return next((other.id for other in ward.provider if _has_line(ward, other.id, at, band)), provider)


def _has_line(ward: Ward, provider: str, at: datetime, band: str) -> bool:
    contract = ward.provider_of(provider)
    return contract is not None and band in contract.bands and ward.is_under_contract(provider, at)


def is_of_night(owner: str, ward: Ward) -> bool | None:
    """Whether a provider works at night; None: it is none."""
    contract = ward.provider_of(owner)
    return None if contract is None or ward.morning is None else ward.morning.band in contract.bands


def successor(owner: str, band: str, at: datetime, ward: Ward) -> str | None:
    """To whom a case of this band passes at a moment; None while it need not, or cannot."""
    if not ward.is_over(owner, at):
        return None  # Not a provider's, or its contract still holds.
    others = [other for other in ward.provider if ward.is_under_contract(other.id, at)]
    return next((other.id for other in others if band in other.bands), others[0].id if others else None)


def ended_at(owner: str, ward: Ward) -> datetime:
    """The first moment after a provider's contract."""
    contract = ward.provider_of(owner)
    assert contract is not None, "it has a successor, so it is a provider whose contract ended"
    assert contract.until is not None, "as above"
    return ward.end_of(contract.until)


def pass_on(case: CaseRow, to: str, at: datetime, book: Book[Any], because: str = BECAUSE) -> None:
    """Let a case be in another's charge."""
    register: Register = book.beside
    book.write(CasePassed(case=case.case, giver=case.owner, to=to, because=because), at)
    case.owner = to
    register.keep_case(case)


def begin(now: datetime, book: Book[Any]) -> None:
    """Plan every change of a contract that is not done with, and none that was before this register."""
    since = book.targets(SINCE)
    if not since:
        book.name(SINCE, "now", now)
        since = book.targets(SINCE)
    for day in _changes(book.ward_at(now)):
        key = _key(day)
        due = book.ward_at(now).start_of(day)
        if since[0].since <= due and not book.targets(f"done/{key}") and book.planned(key) is None:
            book.plan(key, due, KIND, book.ward_at(now).id)


def _key(day: date) -> str:
    """The key of the deadline at which contracts pass on, by the first day after them."""
    return f"contract/{day.isoformat()}"


def _changes(ward: Ward) -> Iterator[date]:
    """The first day after each contract that ends."""
    yield from sorted({contract.until + DAY for contract in ward.provider if contract.until is not None})


def fall_due(due: Due, now: datetime, book: Book[Any]) -> None:
    """Let every open case whose contract is over pass on, at the moment at which it was over."""
    register: Register = book.beside
    ward = book.ward_at(now)  # Of two files the later one knows which contract ended.
    moment = ward.local(due.due)
    over = {
        contract.id
        for contract in ward.provider
        if contract.until is not None and ward.end_of(contract.until) <= moment
    }
    passing = register.in_hand(over, MOST_PASSED)
    for case in passing:
        to = successor(case.owner, case.band, moment, ward)
        if to is not None:
            pass_on(case, to, moment, book)
            book.synthetic = book.synthetic or case.synthetic
    if len(passing) == MOST_PASSED and book.written:
        book.plan(due.key, due.due, due.kind, due.about, synthetic=due.synthetic)
    else:
        book.name(f"done/{due.key}", due.about, now)


def is_history(at: datetime, book: Book[Any]) -> bool:
    """Whether it was before this register: whose a case would be by now is kept, without an event."""
    since = book.targets(SINCE)
    return not since or at < since[0].since


def heard_late(case: CaseRow, since: datetime, now: datetime, book: Book[Any]) -> None:
    """An open case of a provider whose contract is over passes on as that is heard; of history it has passed already.

    `since`: from when it is in that provider's charge and open: when it began, was opened again, or came back.
    `now`: when that was recorded. The contract is over by then, or once its other cases have passed on.
    """
    ward = book.ward_at(now)
    contract = ward.provider_of(case.owner)
    if contract is None or contract.until is None or not case.open or case.merged_into is not None:
        return
    end, moment = ward.end_of(contract.until), now
    if moment < end and book.targets(f"done/{_key(contract.until + DAY)}"):
        moment = end
    to = successor(case.owner, case.band, moment, ward)
    if to is not None:
        pass_unless_history(case, to, max(since, end), since, book)


def pass_unless_history(
    case: CaseRow, to: str, at: datetime, since: datetime, book: Book[Any], because: str = BECAUSE
) -> None:
    """Let a case be in another's charge, by an event where what led to it (`since`) was not before this register."""
    if not is_history(since, book):
        pass_on(case, to, at, book, because)
        return
    register: Register = book.beside
    case.owner = to
    register.keep_case(case)
