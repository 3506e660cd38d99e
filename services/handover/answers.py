"""What became of an offer, each answer where it makes sense: the earlier one by its own time stands. Pure.

Agencies have no system as a rule, so the giver tells what they said, and when. Two answers may cross in the post:
each is kept, and which one stands does not depend on which was told first.
"""

from __future__ import annotations

from typing import Any

from events.handover import (
    HandedOver,
    HandoverDeclined,
    HandoverDelivered,
    HandoverReturned,
    HandoverSeen,
    HandoverWithdrawn,
)
from events.messages import (
    HandoverAccept,
    HandoverDecline,
    HandoverDeliver,
    HandoverRecall,
    HandoverReturn,
    HandoverSee,
    HandoverSend,
    HandoverWithdraw,
)
from services.book import Said, Unusable
from services.cases import person_of, reason_of
from services.handover import expiry, late
from services.handover.offers import how_of, personal_of, take_on, with_purpose
from services.handover.passing import HandoverBook, Known, holder_of
from services.late_notes import ELSEWHERE

Told = (
    HandoverSend
    | HandoverRecall
    | HandoverDeliver
    | HandoverSee
    | HandoverAccept
    | HandoverDecline
    | HandoverWithdraw
    | HandoverReturn
)


def deliver(said: Said, message: HandoverDeliver, book: HandoverBook) -> None:
    """It came to the other side. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how = how_of(message.how) or ""
    check_time(said, known)
    event = HandoverDelivered(handover=known.id, case=known.case, provider=said.provider, how=how)
    book.write(event, said.at, personal_of(message.personal), person_of(known.case, book))


def see(said: Said, message: HandoverSee, book: HandoverBook) -> None:
    """Somebody on the other side has looked at it. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how = how_of(message.how)
    check_time(said, known)
    event = HandoverSeen(handover=known.id, case=known.case, provider=said.provider, how=how)
    book.write(event, said.at, personal_of(message.personal), person_of(known.case, book))


def accept(said: Said, message: HandoverAccept, book: HandoverBook) -> None:
    """The other side takes the case on. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how, personal = how_of(message.how), with_purpose(message.personal, message.purpose)
    handover = known.handover
    if handover.status in ("declined", "returned"):
        raise Unusable("data.handover", f"{handover.status} before it was accepted", "a new handover.offer")
    if handover.status == "accepted":
        _again(said, known, "accepted", how, personal, book)
        return
    check_time(said, known)
    is_elsewhere = handover.passes and holder_of(known.case, book) is not None
    because = ELSEWHERE if is_elsewhere else _settled(said, known, book)
    if because is not None:
        late.answered(said, known, "accepted", because, book, how=how, personal=personal)
        return
    event = HandedOver(
        handover=known.id,
        case=known.case,
        provider=said.provider,
        ref=handover.ref,
        kind=handover.kind,
        giver=handover.giver,
        to=handover.to,
        agency=handover.agency,
        basis=handover.basis,
        how=how,
    )
    take_on(event, said.at, personal, said.provider, book)
    if handover.status == "withdrawn":  # It crossed the withdrawal, and came first.
        late.overtaken(known, "withdrawn", "accepted", handover.since, handover.giver, book)


def decline(said: Said, message: HandoverDecline, book: HandoverBook) -> None:
    """The other side does not take the case on. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how, (reason, personal) = how_of(message.how), _reason(said, message.reason, message.personal, book)
    if known.handover.status == "declined":
        _again(said, known, "declined", how, personal, book, reason=reason)
        return
    _check_standing(known, ("offered", "withdrawn", "expired"), "offered", "declined")
    check_time(said, known)
    if because := _settled(said, known, book):
        late.answered(said, known, "declined", because, book, reason=reason, how=how, personal=personal)
        return
    event = HandoverDeclined(handover=known.id, case=known.case, provider=said.provider, reason=reason, how=how)
    book.write(event, said.at, personal, person_of(known.case, book))
    expiry.give_up(known.id, book)


def withdraw(said: Said, message: HandoverWithdraw, book: HandoverBook) -> None:
    """The giver takes the offer back. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how, (reason, personal) = how_of(message.how), _reason(said, message.reason, message.personal, book)
    handover = known.handover
    if handover.status == "withdrawn":
        return  # Said twice.
    standings = ("offered", "expired", "accepted") if handover.offered_at else ("offered", "expired")
    _check_standing(known, standings, "offered", "withdrawn")
    check_time(said, known)
    because = "accepted" if handover.status == "accepted" and said.at >= handover.since else _settled(said, known, book)
    if because is not None:
        late.answered(said, known, "withdrawn", because, book, reason=reason, how=how, personal=personal)
        return
    undone = handover.status == "accepted"  # It crossed the acceptance, and came first.
    event = HandoverWithdrawn(
        handover=known.id,
        case=known.case,
        provider=said.provider,
        giver=_back_to(said, known, book) if undone else None,
        reason=reason,
        how=how,
    )
    book.write(event, said.at, personal, person_of(known.case, book))
    expiry.give_up(known.id, book)
    if undone:
        late.overtaken(known, "accepted", "withdrawn", handover.since, handover.giver, book)


def give_back(said: Said, message: HandoverReturn, book: HandoverBook) -> None:
    """A case that had been taken on comes back. Raises Waits or Unusable."""
    known = meant(said, message, book)
    how, (reason, personal) = how_of(message.how), _reason(said, message.reason, message.personal, book)
    if known.handover.status == "returned":
        _again(said, known, "returned", how, personal, book, reason=reason)
        return
    _check_standing(known, ("accepted",), "accepted", "returned")
    if said.at < known.handover.since:
        raise Unusable("time", "before it was accepted", "the time at which it happened")
    event = HandoverReturned(
        handover=known.id,
        case=known.case,
        provider=said.provider,
        giver=_back_to(said, known, book),
        reason=reason,
        how=how,
    )
    book.write(event, said.at, personal, person_of(known.case, book))


def meant(said: Said, message: Told, book: HandoverBook) -> Known:
    """The hand-over that is meant: the sender's own, or any by our id. Raises Waits or Unusable."""
    if message.handover:
        handover = book.target(f"handover/{said.provider}/{book.reference(message.handover)}")
    elif message.handover_id:
        handover = message.handover_id
        if not book.targets(f"case-of/{handover[:64]}"):
            raise Unusable("data.handover_id", "there is no hand-over under this id", "an id as its events say it")
    else:
        ways = "`handover` (your own reference) or `handover_id` (our id)"
        raise Unusable("data.handover", "missing", ways)
    case = book.target(f"case-of/{handover}")
    state = book.state(case)
    assert state is not None, "a hand-over that has a name was offered"
    book.cases.append(case)
    return Known(handover, case, state.handovers[handover])


def check_time(said: Said, known: Known) -> None:
    """Nothing comes of an offer before it was made. Raises Unusable."""
    if known.handover.offered_at is not None and said.at < known.handover.offered_at:
        raise Unusable("time", "before it was offered", "the time at which it happened")


def _check_standing(known: Known, allowed: tuple[str, ...], first: str, wanted: str) -> None:
    """Where an answer makes no sense at all, a person must look at it."""
    if known.handover.status not in allowed:
        now = known.handover.status
        raise Unusable("data.handover", f"{now}, so it cannot be {wanted}", f"a hand-over that is {first}")


def _settled(said: Said, known: Known, book: HandoverBook) -> str | None:
    """What came before this answer, by the times of both; None: nothing, and the answer stands."""
    handover = known.handover
    if expiry.is_after(known, said):
        expiry.expire(known, said.arrived, book)
        return "expired"
    if handover.status == "withdrawn" and said.at >= handover.since:
        return "withdrawn"
    return None


def _again(
    said: Said,
    known: Known,
    what: str,
    how: str | None,
    personal: dict[str, Any] | None,
    book: HandoverBook,
    *,
    reason: str | None = None,
) -> None:
    """The same answer a second time: kept where it says by whom or which way, such as by fax after the telephone."""
    if how or personal:
        late.answered(said, known, what, what, book, reason=reason, how=how, personal=personal)


def _reason(
    said: Said, given: str | None, personal: dict[str, Any] | str | None, book: HandoverBook
) -> tuple[str | None, dict[str, Any] | None]:
    """(the reason as everybody may read it, what is sealed)"""
    code, words = reason_of(given, book.ward_at(said.at).refusal)
    return code, (personal_of(personal) or {}) | (words or {}) or None


def _back_to(said: Said, known: Known, book: HandoverBook) -> str:
    """Whose the case is again: its giver's, or who says so where that one's contract is over."""
    giver = known.handover.giver
    return giver if book.ward_at(said.at).is_under_contract(giver, said.at) else said.provider
