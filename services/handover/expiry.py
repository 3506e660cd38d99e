"""An offer that nobody answers expires: a deadline, planned with the offer. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from events.handover import HandoverExpired
from services.book import Due, Said
from services.handover.passing import HandoverBook, Known

KIND = "handover.answer"

SETTLING = timedelta(hours=1)
"""An offer that is told only after its answer was due waits so long for what was told of it since."""


def key_of(handover: str) -> str:
    """The key of the deadline of an offer."""
    return f"answer/{handover}"


def plan(handover: str, answer_by: datetime, said: Said, book: HandoverBook) -> None:
    """Let an offer expire if nothing is heard by then."""
    due = answer_by if answer_by > said.arrived else said.arrived + SETTLING
    book.plan(key_of(handover), due, KIND, handover, synthetic=said.synthetic)


def give_up(handover: str, book: HandoverBook) -> None:
    """It is answered, or nobody is asked any longer."""
    if book.planned(key_of(handover)) is not None:
        book.cancel(key_of(handover))


def is_after(known: Known, said: Said) -> bool:
    """Whether an answer comes too late: after it was due by its sender's clock, and an offer still open by ours too.

    What has arrived in time was given in time, however far ahead the sender's clock is.
    """
    offer = known.handover
    if offer.answer_by is None or said.at <= offer.answer_by:
        return False
    return offer.status == "expired" or (offer.status == "offered" and said.arrived > offer.answer_by)


def fall_due(due: Due, now: datetime, book: HandoverBook) -> None:
    """Nobody has answered by then."""
    case = book.target(f"case-of/{due.about}")
    state = book.state(case)
    assert state is not None, "an offer that waits was made"
    expire(Known(due.about, case, state.handovers[due.about]), now, book)


def expire(known: Known, now: datetime, book: HandoverBook) -> None:
    """Let an offer have expired when its answer was due, as is noticed only now."""
    answer_by = known.handover.answer_by
    if known.handover.status == "offered" and answer_by is not None:
        due_at = max(answer_by, known.handover.since)
        book.write(HandoverExpired(handover=known.id, case=known.case, due_at=answer_by, fired_at=now), due_at)
    give_up(known.id, book)
