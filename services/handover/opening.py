"""What the day acknowledged while there was nothing to pass is the day's once there is (domain Rule 10). Pure.

A silent call, one that did not count, or one whose consultation was closed is acknowledged (受領) and stays where it
was. If that consultation opens later, nobody by day would have it in hand: it passes by an event of its own, unless an
item of it still waits, which passes it as it is acknowledged.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from events.morning import CasePassed
from services.book import Book
from services.handover import contracts
from services.handover.firsts import parts_of
from services.handover.night import state_of
from services.handover.register import CaseRow, Register
from services.ward import Ward

ACKNOWLEDGED = "acknowledged"


class Taken(NamedTuple):
    """An item that is acknowledged: when, which, and by whom."""

    at: datetime
    night: date
    item: int
    provider: str


def take_over(case: CaseRow, at: datetime, now: datetime, book: Book[Any]) -> None:
    """Let an open case of the night's be whoever's acknowledged it first, where all its items are acknowledged.

    `at`: when that happened which may have opened it; `now`: when that was recorded.
    """
    opened, case.opened = case.opened, False
    ward = book.ward_at(now)
    if not case.open or case.merged_into is not None or not contracts.is_of_night(case.owner, ward):
        return
    taken = _taken(case, book)
    to = _taker(taken, now, ward, opened=opened) if taken else None
    if taken is None or to is None or to == case.owner:
        return
    passed = CasePassed(
        case=case.case, giver=case.owner, to=to, because=ACKNOWLEDGED, night=taken.night, item=taken.item
    )
    book.write(passed, max(at, taken.at))
    register: Register = book.beside
    case.owner = to
    register.keep_case(case)
    contracts.heard_late(case, at, now, book)


def _taken(case: CaseRow, book: Book[Any]) -> Taken | None:
    """The first acknowledgement of it; None: there is none, or an item waits, be it for its statement."""
    register: Register = book.beside
    found = []
    for part in parts_of([case.case], register)[case.case]:
        for row in register.contacts_of(part.case):
            if row.night is None:
                continue  # By day, or before there were statements.
            known = state_of(row.night, book).acknowledged.get(row.n) if row.n is not None else None
            if row.n is None or known is None:
                return None
            found.append(Taken(known.at, row.night, row.n, known.provider))
    return min(found, default=None)


def _taker(taken: Taken, now: datetime, ward: Ward, *, opened: bool) -> str | None:
    """Who acknowledged it, or who works by day now that that contract is over; None: the contract's end passed it on.

    What was open as a contract ended went to whom its band says; only what opened since goes to the day.
    """
    if ward.is_under_contract(taken.provider, now):
        return taken.provider
    night = ward.morning.band if ward.morning else None
    by_day = (
        other.id
        for other in ward.provider
        if ward.is_under_contract(other.id, now) and any(band != night for band in other.bands)
    )
    return next(by_day, None) if opened else None
