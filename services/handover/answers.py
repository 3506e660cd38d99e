"""What became of an offer: accepted, declined, taken back, returned; each where it makes sense, and once. Pure."""

from __future__ import annotations

from events.handover import HandedOver, HandoverDeclined, HandoverReturned, HandoverWithdrawn
from events.messages import HandoverAccept, HandoverDecline, HandoverReturn, HandoverWithdraw
from services.book import Said, Unusable
from services.cases import person_of, reason_of
from services.handover.offers import with_purpose
from services.handover.passing import Handover, HandoverBook, Status


def accept(said: Said, message: HandoverAccept, book: HandoverBook) -> None:
    """The other side takes the case on. Raises Waits or Unusable."""
    handover, case, known = _known(said, message.handover, book)
    if known.status == "accepted":
        return  # Accepted already.
    if known.status != "offered":
        raise Unusable("data.handover", f"{known.status} before it was accepted", "a new handover.offer")
    if said.at < known.since:
        raise Unusable("time", "before it was offered", "the time at which it was accepted")
    event = HandedOver(
        handover=handover,
        case=case,
        provider=said.provider,
        ref=known.ref,
        kind=known.kind,
        giver=said.provider,
        to=known.to,
        agency=known.agency,
    )
    book.write(event, said.at, with_purpose(message.personal, message.purpose), person_of(case, book))


def decline(said: Said, message: HandoverDecline, book: HandoverBook) -> None:
    """The other side does not take the case on. Raises Waits or Unusable."""
    handover, case, known = _known(said, message.handover, book)
    if _ends(said, known, "offered", "declined"):
        code, sealed = reason_of(message.reason, book.ward_at(said.at).refusal)
        event = HandoverDeclined(handover=handover, case=case, reason=code)
        book.write(event, said.at, sealed, person_of(case, book))


def withdraw(said: Said, message: HandoverWithdraw, book: HandoverBook) -> None:
    """The giver takes the offer back. Raises Waits or Unusable."""
    handover, case, known = _known(said, message.handover, book)
    if _ends(said, known, "offered", "withdrawn"):
        code, sealed = reason_of(message.reason, book.ward_at(said.at).refusal)
        event = HandoverWithdrawn(handover=handover, case=case, reason=code)
        book.write(event, said.at, sealed, person_of(case, book))


def give_back(said: Said, message: HandoverReturn, book: HandoverBook) -> None:
    """A case that had been taken on comes back: to its giver, or to who says so if that one's contract is over.

    Raises Waits or Unusable.
    """
    handover, case, known = _known(said, message.handover, book)
    if _ends(said, known, "accepted", "returned"):
        ward = book.ward_at(said.at)
        code, sealed = reason_of(message.reason, ward.refusal)
        giver = known.giver if ward.is_under_contract(known.giver, said.at) else said.provider
        event = HandoverReturned(handover=handover, case=case, giver=giver, reason=code)
        book.write(event, said.at, sealed, person_of(case, book))


def _known(said: Said, own: str, book: HandoverBook) -> tuple[str, str, Handover]:
    handover = book.target(f"handover/{said.provider}/{book.reference(own)}")
    case = book.target(f"case-of/{handover}")
    state = book.state(case)
    assert state is not None, "a hand-over that has a name was offered"
    book.cases.append(case)
    return handover, case, state.handovers[handover]


def _ends(said: Said, known: Handover, from_: Status, to: Status) -> bool:
    """Whether it ends now: only from the one standing in which that makes sense, and once. Raises Unusable."""
    if known.status == to:
        return False  # Said twice.
    if known.status != from_:
        raise Unusable("data.handover", f"{known.status}, so it cannot be {to}", f"a hand-over that is {from_}")
    if said.at < known.since:
        raise Unusable("time", f"before it was {from_}", "the time at which it happened")
    return True
