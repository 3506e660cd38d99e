"""What the centre arranges or cancels on a case that an agency has: a late note to that agency. Pure.

Placement's log and intake's come on ways of their own, and an acceptance may be told hours after it was given. So
everything arranged is remembered as names, and looked at again whenever it may have become an agency's: as it is heard
of, as an acceptance is told, as consultations are merged. Which of these comes last makes no difference, and no agency
is told of the same thing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from events import Event, Recorded
from events.handover import HandoverNotedLate
from events.intake import CaseMerged
from events.placement import PlacementArranged, PlacementCancelled
from services.book import Name
from services.handover.late import sender
from services.handover.owners import agency_owner
from services.handover.passing import HandoverBook, Known, holder_of
from services.handover.together import all_of, course_key

OfPlace = PlacementArranged | PlacementCancelled
NEVER_TOLD = "agency"
"""`by` of what an agency arranged itself, once the case is an agency's: the owner knows of it."""

JOINED = ("into/", "part/")
"""What is said of a case as it becomes one with another."""


def placed_key(case: str) -> str:
    """Under this name stands what was arranged and cancelled for a case, and when."""
    return f"placed/{case}"


def asks(event: OfPlace) -> Iterable[str]:
    """What was said of its consultation. Of most of them nothing, and then nothing else is asked."""
    return (course_key(event.case),)


def hear(record: Recorded, event: Event, book: HandoverBook) -> None:
    """Take notice of what is arranged and cancelled, and tell an agency that has the case."""
    match event:
        case PlacementArranged():
            if event.by != NEVER_TOLD:
                _remember(record, event, event.provider, book)
            book.name(f"kind-of/{event.placement}", event.kind, record.time, fresh=True)
        case PlacementCancelled():  # It does not say whose doing that was; a facility rings the centre by night.
            _remember(record, event, sender(record), book)
        case CaseMerged(into=whole):
            tell(whole, book)
            return
        case _:
            return
    if book.targets(course_key(event.case)):
        tell(event.case, book)


def _remember(record: Recorded, event: OfPlace, provider: str, book: HandoverBook) -> None:
    what = f"{event.name}/{event.placement}"
    book.name(placed_key(event.case), what, record.time, fresh=True)
    book.name(what, provider, record.time, fresh=True)


def tell(case: str, book: HandoverBook) -> None:
    """Whoever has a case now must be told of what was arranged and cancelled since they took it on, and once."""
    holder = holder_of(case, book)
    if holder is None:
        return
    told_key = f"told/{holder.id}"
    told = {name.target for name in book.targets(told_key)}
    for one in all_of(case, book):
        for name in book.targets(placed_key(one)):
            if name.since > holder.handover.since and name.target not in told:
                book.name(told_key, name.target, name.since, fresh=True)
                book.write(_note(holder, name.target, book), _theirs_since(one, holder, name, book))


def _theirs_since(case: str, holder: Known, arranged: Name, book: HandoverBook) -> datetime:
    """Since when it concerns them: it may have been arranged for a case that was merged with theirs only later."""
    if case == holder.case:
        return arranged.since
    joined = [name.since for name in book.targets(course_key(case)) if name.target.partition("/")[2].startswith(JOINED)]
    return max([arranged.since, *joined])


def _note(holder: Known, remembered: str, book: HandoverBook) -> HandoverNotedLate:
    what, _, placement = remembered.partition("/")
    return HandoverNotedLate(
        handover=holder.id,
        case=holder.case,
        placement=placement,
        placement_kind=book.target(f"kind-of/{placement}"),
        provider=book.target(remembered),
        what=what,
        owner=agency_owner(holder.handover.agency, holder.handover.to),
    )
