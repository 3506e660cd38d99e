"""The contract between Yoake's services: what an event is, and how it is written and read.

An event is one JSON text, a CloudEvent 1.0 in structured form. The same bytes stand in the
service's journal, on the bus and in the ledger, so that anybody can compare them. The names of
the events are promises: `call.received` is never renamed, and every version ever released can
still be read (`events.upcast`).

Times carry their offset. `time` is when the thing happened (`occurred_at`, the first clock);
`recordedat` is when the service wrote it down (the second clock, UTC, never going back).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec

SPECVERSION: Final = "1.0"
CONTENT_TYPE = "application/cloudevents+json"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"


class ContractError(ValueError):
    """Bytes that claim to be an event of ours and are not."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What happened, without when and where it was written; the subclasses are the vocabulary.

    `name` and `version` are stored for ever. `sealed` fields hold an AES-256-GCM box, base64;
    no rule and no fold reads one.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    def about(self) -> str:
        """The id of what the event is about: a case, a contact without one, a person or a ward."""
        raise TypeError(f"{type(self).__name__} does not say what it is about")

    @property
    def case_id(self) -> str | None:
        """The consultation concerned, where there is one."""
        return None


class Recorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event as it was written: a CloudEvent 1.0 with our extension attributes.

    `causation` names what made it happen: `message:<provider>/<source>#<id>` or `event:<id>`.
    `correlation` is the case id, or else what the event is about. `position` counts 1, 2, 3 … in
    the service's journal, within `epoch`.
    """

    specversion: str
    id: str
    source: str
    type: str
    version: int
    subject: str
    time: datetime
    recordedat: datetime
    ward: str
    service: str
    epoch: int
    position: int
    case: str | None = None
    causation: str
    correlation: str
    synthetic: bool = False
    data: msgspec.Raw


class Occurred(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a fold reads of a recorded event. It decodes from the same text, in half the time."""

    type: str
    version: int
    time: datetime
    service: str
    position: int
    synthetic: bool = False
    data: msgspec.Raw


_ENCODER = msgspec.json.Encoder(order="deterministic")
_RECORDED = msgspec.json.Decoder(Recorded)
_VOCABULARY: dict[str, type[Event]] = {}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {}


def vocabulary(*kinds: type[Event]) -> None:
    """Make event classes known by their stored names.

    Raises:
        ContractError: two classes claim the same name.
    """
    for kind in kinds:
        if _VOCABULARY.setdefault(kind.name, kind) is not kind:
            raise ContractError(f"the name {kind.name} is taken")
        _DECODERS[kind.name] = msgspec.json.Decoder(kind)


def known_events() -> dict[str, type[Event]]:
    """Every event by its stored name, in the order of the names."""
    return dict(sorted(_VOCABULARY.items()))


def encode_data(event: Event) -> msgspec.Raw:
    """The event's own fields as JSON; equal events give equal bytes."""
    return msgspec.Raw(_ENCODER.encode(event))


def encode(record: Recorded) -> bytes:
    """The one text of a recorded event."""
    return _ENCODER.encode(record)


def decode(text: bytes | str) -> Recorded:
    """Read the envelope; the event itself stays unread until `event_of`.

    Raises:
        ContractError: the text is not a CloudEvent of ours; says which field.
    """
    try:
        return _RECORDED.decode(text)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"not a recorded event: {error}") from error


def event_of(record: Recorded | Occurred) -> Event:
    """The event inside a record, brought up to today's version.

    Raises:
        ContractError: a name or a version that this release does not know, or fields that do not fit.
    """
    kind = _VOCABULARY.get(record.type)
    if kind is None:
        raise ContractError(f"unknown event {record.type!r}; this release knows {', '.join(known_events())}")
    try:
        if record.version == kind.version:
            return _DECODERS[record.type].decode(record.data)  # type: ignore[no-any-return]  # msgspec types decoders with Any.
        return msgspec.convert(upcast.raise_version(record.type, record.version, kind.version, record.data), kind)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"{record.type} at {record.service} {record.position}: {error}") from error


from events import epoch, handover, intake, morning, parked, placement, upcast  # noqa: E402  (the vocabulary fills itself on import)

__all__ = [
    "BATCH_CONTENT_TYPE",
    "CONTENT_TYPE",
    "ContractError",
    "Event",
    "Occurred",
    "Recorded",
    "decode",
    "encode",
    "encode_data",
    "epoch",
    "event_of",
    "handover",
    "intake",
    "known_events",
    "morning",
    "parked",
    "placement",
    "vocabulary",
]
