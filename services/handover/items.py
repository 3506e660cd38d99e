"""What becomes of the items of a night: acknowledged by name, asked about, answered, done (朝の引継ぎ). Pure.

受領 takes an open case into the charge of whoever took it over, once (domain Rule 10); it is not yet acted on. All of
this may be told long after it happened, as from paper: it holds by its own time, and is known from when it came.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from events.handover import MORNING, HandedOver, HandoverReturned
from events.intake import night_id
from events.messages import ExchangeCount, ItemAcknowledge, ItemAnswer, ItemDone, ItemQuestion, ItemUndo
from events.morning import (
    ExchangeCounted,
    Item,
    ItemAcknowledged,
    ItemAnswered,
    ItemQuestioned,
    ItemUnacknowledged,
    OfItem,
)
from events.morning import ItemDone as ItemWasDone
from services.book import OUTSIDE_CONTRACT, Book, Said, Unusable, Waits, one_of, told
from services.cases import person_of
from services.handover import contracts, ladder, urgent
from services.handover.comparison import QUIET
from services.handover.night import STATEMENT, Night, is_kept, state_of
from services.handover.passing import known_of
from services.handover.register import CaseRow, Register
from services.handover.together import all_of
from services.ward import Ward

MOST_LETTERS = 100
"""Of a worker's name."""

BY_NIGHT = "a provider under contract that works at night"
BY_DAY = "a provider under contract that does not only work at night"

Message = ItemAcknowledge | ItemUndo | ItemQuestion | ItemAnswer | ItemDone


class _Place:
    """The item that a message names, on the statement of its night."""

    def __init__(self, said: Said, message: Message, book: Book[Any]) -> None:
        """Raises Waits: the statement is not issued yet. Raises Unusable: there is no such night, or no such item."""
        self.ward = _ward(said, message.night, book)
        self.n, self.night, self.said, self.book = message.item, message.night, said, book
        self.state: Night = state_of(message.night, book)
        if not self.state.editions:
            raise Waits(f"{STATEMENT}/{message.night}")
        if message.item not in self.state.items and not (message.item == QUIET and self.state.is_quiet):
            raise Unusable("data.item", "not on the statement of this night", "one of its numbers; 0 where it has none")
        self.item: Item | None = self.state.items.get(message.item)
        self.personal = message.personal if isinstance(message.personal, dict) else {}
        register: Register = book.beside
        row = register.contact(self.item.contact, self.item.case, self.item.matter) if self.item else None
        self.row = row
        case = row.case if row else self.item.case if self.item else None
        self.case: CaseRow | None = register.standing(case) if case else None
        self.case_id = case = self.case.case if self.case else case
        if case:
            book.cases.append(case)

    def write(self, kind: type[OfItem], **more: Any) -> None:
        """Let it have happened to this item."""
        event = kind(
            night=self.night,
            item=self.n,
            contact=self.item.contact if self.item else None,
            matter=self.item.matter if self.item else 1,
            case=self.case_id,
            provider=self.said.provider,
            **more,
        )
        subject = self.item.contact if self.item else night_id(self.night)
        if self.case_id:
            subject = person_of(self.case_id, self.book)
        self.book.write(event, self.said.at, self.personal or None, subject)

    def needs(self, *fields: str) -> None:
        """Raises Unusable where one of these is not told."""
        for field in fields:
            value = self.personal.get(field)
            if not isinstance(value, str) or not value.strip():
                raise Unusable(f"data.personal.{field}", "missing", _ACCEPTED[field])
            if field == "worker" and len(value) > MOST_LETTERS:
                raise Unusable(f"data.personal.{field}", "too long", f"up to {MOST_LETTERS} characters")

    def stands_as(self, seen: str | None) -> bool:
        """Whether it stands as its sender saw it. Raises Unusable where that is no way to stand."""
        is_acknowledged, is_done = self.n in self.state.acknowledged, self.n in self.state.done
        stands = "done" if is_done else "acknowledged" if is_acknowledged else None
        return seen is None or one_of("data.seen", seen, ("acknowledged", "done")) == stands

    def by_day(self) -> None:
        """Raises Unusable where the night itself says what the day has to say."""
        if not _works(self.said, self.ward, at_night=False):
            raise Unusable("provider", "not the one that takes over from the night", BY_DAY)


_ACCEPTED = {"worker": "the name of who says so", "question": "what is asked", "answer": "what is answered"}


def decide(said: Said, book: Book[Any]) -> None:
    """Let a message about an item of a night have its effect.

    Raises:
        Waits: the statement of that night is not issued yet.
        Unusable: it cannot be used as it is.
    """
    match said.type:
        case "item.acknowledge":
            _acknowledge(_Place(said, told(said.data, ItemAcknowledge), book))
        case "item.undo":
            undo = told(said.data, ItemUndo)
            _undo(_Place(said, undo, book), undo.seen)
        case "item.question":
            _question(_Place(said, told(said.data, ItemQuestion), book))
        case "item.answer":
            _answer(_Place(said, told(said.data, ItemAnswer), book))
        case "item.done":
            done = told(said.data, ItemDone)
            _done(_Place(said, done, book), done.seen)
        case "exchange.count":
            _count(said, told(said.data, ExchangeCount), book)
        case _:
            raise Unusable("type", "unknown")


def _acknowledge(place: _Place) -> None:
    place.needs("worker")
    place.by_day()
    said, item, case = place.said, place.item, place.case
    if item is not None and said.at < item.at:
        raise Unusable("time", "before the call itself", "when it was taken over")
    edition = next(each for each in place.state.editions if place.n in each.numbers)
    if edition.ready is not None and said.at < edition.ready <= said.arrived:  # What came before it waited for it.
        raise Unusable("time", "before the statement was issued", f"{_clock(edition.ready, place.ward)} or later")
    if place.n in place.state.acknowledged:
        return  # Acknowledged already, by whomever.
    passes = case is not None and case.open and _is_nights(case.owner, said.provider, place.ward)
    if case is not None and passes:
        place.write(ItemAcknowledged, from_owner=case.owner, to_owner=said.provider)
    else:
        place.write(ItemAcknowledged)
    if place.row is not None:
        urgent.acknowledged(place.row, said.provider, said.at, place.book)
    ladder.settle(place.night, place.ward.local(said.arrived), place.book)
    if case is not None and passes:
        given = HandedOver(
            handover=place.book.new_id(),
            case=case.case,
            provider=said.provider,
            kind=MORNING,
            giver=case.owner,
            to=said.provider,
        )
        place.book.write(given, said.at)
        _pass(case, said.provider, place.book)


def _clock(moment: datetime, ward: Ward) -> str:
    return ward.local(moment).isoformat(timespec="minutes")


def _undo(place: _Place, seen: str | None) -> None:
    place.by_day()
    if not place.stands_as(seen) or place.n not in place.state.acknowledged:
        return  # Somebody has said more of it meanwhile; or it is not acknowledged: what was undone is undone.
    back = _back(place)
    case = place.case
    if case is not None and back is not None:
        place.write(ItemUnacknowledged, from_owner=case.owner, to_owner=back)
    else:
        place.write(ItemUnacknowledged)
    if place.row is not None:
        urgent.taken_back(place.row, place.said.arrived, place.ward, place.book)
    for edition in place.state.editions:
        if place.n in edition.numbers:
            ladder.plan(place.night, edition, place.ward, place.book, from_=place.said.arrived)
    if case is not None and back is not None:
        for known in known_of(case.case, place.book):
            given = known.handover
            if (given.kind, given.status, given.giver, given.to) == (MORNING, "accepted", back, case.owner):
                place.book.write(
                    HandoverReturned(handover=known.id, case=known.case, provider=place.said.provider, giver=back),
                    place.said.at,
                )
                if (part := place.book.beside.case(known.case)) is not None and part.case != case.case:
                    _pass(part, back, place.book)  # Taken apart again, it is not passed a second time.
        _pass(case, back, place.book)
        contracts.heard_late(case, place.said.at, place.said.arrived, place.book)


def _back(place: _Place) -> str | None:
    """To whom the case goes back; None where nothing had passed, or it passed on since, or another item of it holds.

    A part of it may have been acknowledged before it was one; what began by day was the day's all along.
    """
    case, state = place.case, place.state
    if case is None:
        return None
    whole = [case.case]
    if place.ward.morning and case.band == place.ward.morning.band:
        whole = all_of(case.case, place.book)
    charge = next((state.charge[one] for one in whole if one in state.charge), None)
    if charge is None or case.owner != charge[1]:
        return None
    others = [item for n, item in state.items.items() if n in state.acknowledged and n != place.n]
    return None if any(_is_of(item, whole, place.book) for item in others) else charge[0]


def _is_of(item: Item, whole: list[str], book: Book[Any]) -> bool:
    """Whether a call is of one of these consultations, wherever it has been moved since it was stated."""
    register: Register = book.beside
    row = register.contact(item.contact, item.case, item.matter)
    return (row.case if row else item.case) in whole


def _pass(case: CaseRow, to: str, book: Book[Any]) -> None:
    register: Register = book.beside
    case.owner = to
    register.keep_case(case)


def _question(place: _Place) -> None:
    place.needs("worker", "question")
    place.by_day()
    place.write(ItemQuestioned)


def _answer(place: _Place) -> None:
    place.needs("worker", "answer")
    asked = place.item.provider if place.item else None
    if place.said.provider != asked and not _works(place.said, place.ward, at_night=True):
        raise Unusable("provider", "not the one that was asked", BY_NIGHT)
    if not place.state.questions.get(place.n):
        raise Unusable("data.item", "nobody has asked about it", "an item with an open question")
    place.write(ItemAnswered)


def _done(place: _Place, seen: str | None) -> None:
    place.needs("worker")
    place.by_day()
    if not place.stands_as(seen):
        return  # Done already, or undone meanwhile.
    if place.n not in place.state.acknowledged:
        raise Unusable("data.item", "not acknowledged yet", "item.acknowledge first")
    if place.n not in place.state.done:
        place.write(ItemWasDone)


def _count(said: Said, message: ExchangeCount, book: Book[Any]) -> None:
    """What the telephone exchange counted, for the whole night; what was said last holds.

    Whenever it is told, it tells of the night: so that has to have begun before its sender's contract was over.
    """
    ward = _ward(said, message.night, book)
    span = ward.night_span(message.night)
    if span is not None and ward.is_over(said.provider, span[0]):
        raise Unusable("data.night", OUTSIDE_CONTRACT, "a night that began while the contract was in force")
    if message.contacts < 0:
        raise Unusable("data.contacts", "less than none", "0, 1, 2, …")
    if state_of(message.night, book).exchange != message.contacts:
        event = ExchangeCounted(night=message.night, provider=said.provider, contacts=message.contacts)
        book.write(event, said.at)


def _ward(said: Said, night: date, book: Book[Any]) -> Ward:
    """The rules in force. Raises Unusable: there is no statement of this night, and never will be."""
    ward = book.ward_at(said.at)
    span = ward.night_span(night)
    if span is None or not is_kept(night, book):
        raise Unusable("data.night", "no statement is kept of this night", "the day on which the night began")
    if span[0] > said.arrived:
        raise Unusable("data.night", "it has not begun yet", "the day on which the night began")
    return ward


def _works(said: Said, ward: Ward, *, at_night: bool) -> bool:
    """Whether the sender was under contract then, and works at night, or at other times as well."""
    contract, night = ward.provider_of(said.provider), ward.morning.band if ward.morning else None
    if contract is None or not ward.is_under_contract(said.provider, said.at):
        return False
    return night in contract.bands if at_night else any(band != night for band in contract.bands)


def _is_nights(owner: str, taker: str, ward: Ward) -> bool:
    """Whether a case in this provider's charge passes to whoever acknowledges it."""
    return owner != taker and bool(contracts.is_of_night(owner, ward))
