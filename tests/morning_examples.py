"""The nouns of nights and mornings: a centre on an evening, what is said of items, and what became of a night.

Tonight is that of Monday, 12 May 2025, unless a test says otherwise: 17:00 to 8:30.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from services.handover.register import CASES, ItemRow, Register, items_of
from services.reporting.fold import fold, is_open
from services.ward import Ward
from tests.desk_examples import WARD, Centre, Message, at, message

TONIGHT = "2025-05-12"
ENDED = "2025-05-13 08:30"
ISSUED = "2025-05-13 08:31"
"""Intake has closed the night by then, and if it had not, nobody waits any longer."""

OVERDUE = "2025-05-13 09:00"
WORKER = "当番職員"


def evening(url: str, on: str = "2025-05-12 12:00", ward: Ward = WARD) -> Centre:
    """A centre whose ward's file comes into force now, so that the coming night is its first."""
    centre = Centre(url, None)
    centre.clock.now = at(on)
    centre.activate(ward)
    centre.tick()
    return centre


def without(ward: Ward, *parts: str) -> Ward:
    """The ward's file without some of its tables."""
    return msgspec.structs.replace(ward, **dict.fromkeys(parts))


def item(verb: str, n: int, on: str = "2025-05-13 08:41", *, night: str = TONIGHT, **personal: Any) -> Message:
    """Something said of an item: acknowledge, undo, question, answer or done; by a worker with a name, unless None."""
    told = {"worker": WORKER} | personal
    kept = {field: value for field, value in told.items() if value is not None}
    data: dict[str, Any] = {"personal": kept} if kept else {}
    return message(f"item.{verb}", on, night=night, item=n, **data)


def acknowledge(n: int, on: str = "2025-05-13 08:41", *, night: str = TONIGHT, **personal: Any) -> Message:
    return item("acknowledge", n, on, night=night, **personal)


def tell(centre: Centre, *said: tuple[str, Message]) -> list[Any]:
    """Say these, one after the other, and let everybody hear; returns the receipts."""
    receipts = []
    for provider, one in said:
        receipts.append(centre.say(provider, one))
        centre.tick()
    return receipts


OF_THE_EVENING = ("evening.issued",)
"""What is said before each night; a test of mornings names it where it is about it."""


def recorded(centre: Centre, *names: str) -> list[Any]:
    """What handover recorded, of these names, in its order; of none: everything but what was for the evening."""
    events = centre.events("handover")
    return [event for event in events if event.name in names or not (names or event.name in OF_THE_EVENING)]


def statements(centre: Centre) -> list[Any]:
    """The statements and supplements, in their order."""
    return recorded(centre, "statement.issued")


def numbers(statement: Any) -> list[str]:
    """The 受付番号 of a statement's items, in their order."""
    return [each.number for each in statement.items]


def clock(moment: Any) -> str:
    """A time as a sentence has it."""
    return f"{moment.astimezone(WARD.zone):%d %H:%M}"


def owners(centre: Centre) -> dict[str, str]:
    """In whose charge each consultation is, by its 受付番号."""
    return {row["number"]: row["owner"] for row in centre.rows(CASES, "handover")}


def held(centre: Centre, night: str = TONIGHT) -> list[ItemRow]:
    """What handover holds of a night."""
    with centre.engine("handover").connect() as connection:
        return items_of(connection, date.fromisoformat(night))


def still_open(centre: Centre) -> list[str]:
    """The numbers that everybody sees as open: in handover's list, and by the ledger."""
    centre.pump()
    numbers = {event.case: event.number for event in centre.events() if event.name == "call.received"}
    numbers |= {event.to_case: event.to_number for event in centre.events() if event.name == "contact.moved"}
    with centre.engine("handover").connect() as connection:
        listed = {numbers[row.case] for row in Register(connection).in_hand()}
    facts = fold(centre.desk().journal.records())
    assert listed == {number for case, number in numbers.items() if is_open(case, facts)}
    return sorted(listed)
