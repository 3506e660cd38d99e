"""What a subscriber is told of an event: whether it is for it, and the text that it gets.

It gets the event's clear fields. Our own boxes are left out: nobody outside can open them, and none is to try. What
it may read about a person goes along with an offer and a hand-over, sealed to its own key, as it stands at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from events import SPECVERSION, Recorded
from events.handover import AGENCY_KINDS
from events.seal import public_key, seal
from services.reporting.deliveries import Told
from services.subscribers import TOLD, WITH_PERSONAL, Subscriber
from services.ward import Ward

LEFT_OUT = frozenset({"sealed", "content"})
"""Fields of our events that no subscriber gets: our boxes, and the whole of a ward's file."""

History = Callable[[str], Iterable[Recorded]]
"""Everything that the ledger holds about a case, in its order."""

Personal = Callable[[Recorded], dict[str, Any]]
"""What is known about the person of a hand-over, when it is offered or made."""


class Telling:
    """Tells one subscriber of events, as they come out of the ledger."""

    def __init__(self, subscriber: Subscriber, history: History, personal: Personal, ward: Ward) -> None:
        """`ward`: on whose bases something about a person may go."""
        self.subscriber, self._history, self._personal, self._ward = subscriber, history, personal, ward
        self._key = public_key(msgspec.json.encode(subscriber.public_key)) if subscriber.public_key else None

    def tell(self, position: int, record: Recorded) -> Told | None:
        """What it is told of an event at a position of the ledger; None: it is not for it."""
        if record.type not in self.subscriber.events or not self._is_for(record):
            return None
        data: dict[str, Any] = without_ours(msgspec.json.decode(record.data))
        if sealed := self._sealed(record):
            data["personal"] = sealed
        return Told(
            id=record.id,
            event=record.type,
            about=record.case or record.subject,
            case=record.case,
            body=_text(position, record, data),
        )

    def _is_for(self, record: Recorded) -> bool:
        """Narrowed to some hand-overs, it hears of these, and of cases that have one of them."""
        data = msgspec.json.decode(record.data)
        if self.subscriber.whom and record.type in TOLD:
            return data["to"] in self.subscriber.whom
        if not self.subscriber.is_narrowed:
            return True
        own = data.get("handover")
        if isinstance(own, str) and "kind" in data:
            return self.subscriber.hears_of(data["kind"], data.get("agency"))
        if record.case is None:
            return True
        found = {id_: (kind, agency) for id_, kind, agency in handovers(self._history(record.case))}
        meant = [found[own]] if own in found else [] if own else found.values()
        return any(self.subscriber.hears_of(kind, agency) for kind, agency in meant)

    def _sealed(self, record: Recorded) -> str | None:
        if self._key is None or not self.subscriber.personal or not self._may_go(record):
            return None
        known = self._personal(record)
        told = {name: known[name] for name in self.subscriber.personal if name in known}
        return seal(told, self._key) if told else None

    def _may_go(self, record: Recorded) -> bool:
        """Whether it was checked that something about the person may go: on which basis, where the ward lists any."""
        if record.type not in WITH_PERSONAL:
            return False
        data = msgspec.json.decode(record.data)
        return data["kind"] in AGENCY_KINDS and (not self._ward.basis or data.get("basis") is not None)


def handovers(records: Iterable[Recorded]) -> Iterator[tuple[str, str, str | None]]:
    """(id, kind, the directory's key of the receiver) of every hand-over of a case."""
    for record in records:
        if record.type in WITH_PERSONAL:
            data = msgspec.json.decode(record.data)
            yield data["handover"], data["kind"], data.get("agency")


def without_ours(value: Any) -> Any:
    """The same without what no subscriber gets, however deep it stands."""
    match value:
        case dict():
            return {name: without_ours(each) for name, each in value.items() if name not in LEFT_OUT}
        case list():
            return [without_ours(each) for each in value]
        case _:
            return value


def _text(position: int, record: Recorded, data: dict[str, Any]) -> bytes:
    """A CloudEvent. `ledgerposition` orders it among all that this ward's subscribers are told."""
    told = {
        "specversion": SPECVERSION,
        "id": record.id,
        "source": record.source,
        "type": record.type,
        "version": record.version,
        "subject": record.subject,
        "time": record.time,
        "recordedat": record.recordedat,
        "datacontenttype": "application/json",
        "ward": record.ward,
        "service": record.service,
        "case": record.case,
        "correlation": record.correlation,
        "ledgerposition": position,
        "synthetic": record.synthetic,
        "data": data,
    }
    return msgspec.json.encode({name: value for name, value in told.items() if value is not None})
