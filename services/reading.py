"""From a parsed message to what a rule gets: personal parts unsealed, time settled, flags noted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from events.intake import Flag
from events.messages import MAX_NESTING, addressed
from events.seal import Unreadable, unseal
from services.book import UNREADABLE, Said, Unusable
from services.era import folded
from services.inbox import LENIENT, MOST_SEQUENCE, SPECVERSION, Delivery, Item, moment, sequence_of, too_deep
from services.seal import Secrets
from services.ward import Ward

A_VALUE = "numbers that fit 64 bits, and whole characters"
A_NUMBER = f"a whole number, 1 to {MOST_SEQUENCE}"
A_JWE = "a JWE to the ward's inbox key"

_CANONICAL = msgspec.json.Encoder(order="sorted")

_OUR_NUMBER = ("number",)
_REFERENCES = {
    "number": _OUR_NUMBER,
    "into_number": _OUR_NUMBER,
    "case": ("case",),
    "into": ("case", "registered"),
    "person": ("person", "registered"),
    "placement": ("placement",),
    "handover": ("handover",),
}
"""What a field of a message may name."""


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One readable message: `fields` is the CloudEvent with its personal parts unsealed."""

    delivery: Delivery
    item: Item
    key: tuple[str, str, str]
    """(authenticated provider, source, id): what makes a message heard before."""
    fields: dict[str, Any]
    digest: str
    flags: tuple[Flag, ...]
    names: tuple[str, ...] = ()
    """What a rule may ask for; see `_names`."""
    sequence: int | None = None


def opened(delivery: Delivery, item: Item, secrets: Secrets) -> Message:
    """Unseal a message. The digest is over what it says, so that sealing or numbering it again changes nothing."""
    fields = dict(item.fields)
    flags: list[Flag] = []
    if fields.get("specversion") != SPECVERSION:
        flags.append(Flag(code="unknown-version", field="specversion", accepted=SPECVERSION))
    if item.mended:
        flags.append(Flag(code="value-unreadable", field="data", accepted=A_VALUE))
    data = fields.get("data")
    if not isinstance(data, dict) or too_deep(data, item.body):
        flags.append(Flag(code="data-unusable", field="data", accepted=f"an object of up to {MAX_NESTING} levels"))
        data = {"unusable": msgspec.json.encode(data).decode()}
    data = fields["data"] = dict(data)
    if isinstance(data.get("matters"), list):
        data["matters"] = [dict(matter) if isinstance(matter, dict) else matter for matter in data["matters"]]
    parts = _parts(data)
    for place, part in parts:
        if part.get("personal") is not None:
            part["personal"], odd = _unsealed(part["personal"], f"{place}.personal", secrets)
            flags += odd
    sequence = None
    if "sequence" in fields:
        sequence = sequence_of(fields)
        if sequence is None and fields["sequence"] is not None:
            flags.append(Flag(code="sequence-unusable", field="sequence", accepted=A_NUMBER))
        del fields["sequence"]
    digest = secrets.digest(_CANONICAL.encode(fields))
    assert item.identity is not None, "a message without an identity is garbled"
    return Message(
        delivery=delivery,
        item=item,
        key=(delivery.provider, *item.identity),
        fields=fields,
        digest=digest,
        flags=tuple(flags),
        names=tuple(_names(parts, delivery.provider, secrets)),
        sequence=sequence,
    )


def _parts(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    matters = data.get("matters")
    inner = matters if isinstance(matters, list) else []
    return [("data", data)] + [(f"data.matters[{n}]", part) for n, part in enumerate(inner) if isinstance(part, dict)]


def _names(parts: list[tuple[str, dict[str, Any]]], provider: str, secrets: Secrets) -> Iterator[str]:
    """The names that a rule may ask for: those of the sender's own references and of our numbers.

    They are read together for a whole batch; what a rule asks for beyond these is read when it asks.
    """
    for _, part in parts:
        for field, value in part.items():
            kinds = _REFERENCES.get(field)
            if kinds is None or not isinstance(value, str) or not value:
                continue
            if kinds == _OUR_NUMBER:
                yield f"number/{public(folded(value).upper(), secrets)}"
            else:
                for kind in kinds:
                    yield f"{kind}/{provider}/{public(value, secrets)}"


def _unsealed(personal: object, field: str, secrets: Secrets) -> tuple[dict[str, Any], list[Flag]]:
    unreadable = Flag(code="personal-unreadable", field=field, accepted=A_JWE)
    match personal:
        case str():
            try:
                opened = unseal(personal, secrets.inbox)
            except Unreadable:
                return {UNREADABLE: personal}, [unreadable]
            return opened, [unreadable] if opened.keys() == {UNREADABLE} else []  # The door sealed what it could not.
        case dict():
            return personal, [Flag(code="personal-in-clear", field=field, accepted=A_JWE)]
        case _:
            return {UNREADABLE: personal}, [unreadable]


def said(message: Message, ward: Ward, secrets: Secrets) -> Said:
    """What a rule gets to see.

    Raises:
        Unusable: sent to the wrong service, by somebody the ward does not know, or without a usable
            time where the message needs one.
    """
    fields, delivery = message.fields, message.delivery
    service = addressed(fields)
    if service != delivery.service:
        raise Unusable("type", f"not for {delivery.service}", f"send it to {service}")
    if ward.provider_of(delivery.provider) is None:
        raise Unusable("provider", "not known to the ward", ", ".join(provider.id for provider in ward.provider))
    at, flags = moment(fields.get("time"), ward, delivery.arrived, field="time")
    if at is None and fields["type"] not in LENIENT:
        raise Unusable("time", "missing or unusable", flags[0].accepted)
    entered, odd = _entered(fields, ward, delivery.arrived)
    return Said(
        provider=delivery.provider,
        source=public(fields["source"], secrets),
        id=public(fields["id"], secrets),
        type=fields["type"],
        at=at or ward.local(delivery.arrived),
        arrived=delivery.arrived,
        entered=entered,
        synthetic=fields.get("synthetic") is True,
        data=fields["data"],
        flags=message.flags + flags + odd,
        raw={} if at else {"time": fields.get("time")},
        sequence=message.sequence,
    )


def _entered(fields: dict[str, Any], ward: Ward, arrived: datetime) -> tuple[datetime | None, tuple[Flag, ...]]:
    if fields.get("entered") is None:
        return None, ()
    return moment(fields["entered"], ward, arrived, field="entered")


def public(own: str, secrets: Secrets) -> str:
    """A sender's own id or reference as it may stand in an event: as it is, or a keyed digest if it might be a name."""
    return own if is_plain(own) else f"h-{secrets.digest(own.encode())[:24]}"


def is_plain(own: str) -> bool:
    """Whether a sender's id or reference is surely nobody's name, and may be shown as it is."""
    return own.isascii() and own.isprintable() and " " not in own and len(own) <= 64
