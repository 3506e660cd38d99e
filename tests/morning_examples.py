"""The nouns of nights and mornings: a centre on an evening, what is said of items, and what became of a night."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.handover.register import CASES, items_of
from services.ward import Ward
from tests.desk_examples import WARD, Centre, Message, at, message

EVENING = "2025-05-12 17:00"
TONIGHT = "2025-05-12"
MORNING = "2025-05-13 08:30"
ISSUED = "2025-05-13 08:31"
"""The statement waits so long for intake's closing, where that does not come."""
DUE = "2025-05-13 09:00"


def evening(url: str, on: str = "2025-05-12 12:00", ward: Ward = WARD) -> Centre:
    """A centre whose ward's file comes into force now, so that this night is its first."""
    centre = Centre(url, None)
    centre.clock.now = at(on)
    centre.activate(ward)
    centre.tick()
    return centre


def item(verb: str, n: int, on: str = "2025-05-13 08:41", *, night: str = TONIGHT, **personal: Any) -> Message:
    """Something said of an item: acknowledge, undo, question, answer or done. By default by a worker with a name."""
    told = {"worker": "当番職員"} | personal
    return message(f"item.{verb}", on, night=night, item=n, personal={k: v for k, v in told.items() if v is not None})


def acknowledge(n: int, on: str = "2025-05-13 08:41", *, night: str = TONIGHT, **personal: Any) -> Message:
    return item("acknowledge", n, on, night=night, **personal)


def told(centre: Centre, provider: str, *said: Message) -> list[Any]:
    """Say these, and let everybody hear; returns the receipts."""
    receipts = [centre.say(provider, one) for one in said]
    centre.tick()
    return receipts


def kinds(centre: Centre, *names: str) -> list[Any]:
    """What handover recorded, of these names, in its order."""
    return [event for event in centre.events("handover") if not names or event.name in names]


def statements(centre: Centre) -> list[Any]:
    """The statements and supplements, in their order."""
    return kinds(centre, "statement.issued")


def numbers(statement: Any) -> list[str]:
    """The 受付番号 of a statement's items, in their order."""
    return [item.number for item in statement.items]


def owners(centre: Centre) -> dict[str, str]:
    """In whose charge each consultation is, by its 受付番号."""
    return {row["number"]: row["owner"] for row in centre.rows(CASES, "handover")}


def held(centre: Centre, night: str = TONIGHT) -> list[Any]:
    """What handover holds of a night."""
    with centre.engine("handover").connect() as connection:
        return items_of(connection, date.fromisoformat(night))
