"""Messages from outside, read with care: what can be said of one before any rule looks at it.

Pure. A message that cannot be parsed, or has no source and id, is garbled and gets parked. A call
or a registration with an odd time is taken all the same, with a flag; every other message needs a
usable time. Reasons name the field and what would be accepted, never a personal value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

import msgspec

from events.intake import Flag
from events.messages import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_ID_LENGTH, MAX_MESSAGE_BYTES, MAX_NESTING, MESSAGES
from services.book import Unusable
from services.era import folded
from services.ward import Ward

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

LENIENT = ("call.report", "registration.submit")
"""Messages that are recorded whatever their fields look like."""

MOST_SEQUENCE = 2**63 - 1
"""The largest number that a sender's sequence can come to."""

AHEAD = timedelta(hours=24)
"""How far in our future a clock elsewhere may be before its time is unusable."""

PROMISED = timedelta(days=366)
"""How far ahead of us a time may lie that is about the future: until when it is safe, by when somebody rings back."""

MOST_PROVIDER = 40
"""Characters of a provider's name."""

SPECVERSION = "1.0"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

A_TIME = "a time with its offset, such as 2025-04-01T02:10:00+09:00"


class Delivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One NATS message of INBOX: who sent it (by its subject), to which service, its bytes."""

    provider: str
    service: str
    body: bytes
    arrived: datetime
    delivery: str | None = None


def delivered(subject: str, body: bytes, arrived: datetime, *, named: str | None = None) -> Delivery:
    """A message of INBOX as it came. Who it is from is what its subject says, which the server has authorised.

    A provider's name or a delivery's that no table could hold belongs to nobody whom a ward knows;
    the first becomes a digest, the second is left out.
    """
    _, _, provider, service, *_ = subject.split(".")
    if len(provider) > MOST_PROVIDER or not provider.isprintable():
        provider = f"h-{sha256(provider.encode(errors='backslashreplace')).hexdigest()[:32]}"
    delivery = named if _name(named) else None
    return Delivery(provider=provider, service=service, body=body, arrived=arrived, delivery=delivery)


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message out of a delivery: its bytes, and what could be read of them.

    `identity` is the sender's (source, id), where the message has both. `mended`: a call or a
    registration in which a number out of range or half a character stands as a text.
    """

    body: bytes
    fields: dict[str, Any] = {}
    identity: tuple[str, str] | None = None
    garbled: Unusable | None = None
    mended: bool = False


def items(delivery: Delivery) -> Iterator[Item]:
    """The messages of a delivery; see `parsed`."""
    return parsed(delivery.body)


def parsed(text: bytes) -> Iterator[Item]:
    """The messages of what somebody sent: one CloudEvent, or a JSON list of them."""
    body = text.removeprefix(BYTE_ORDER_MARK)
    if body.lstrip()[:1] != b"[":
        yield _item(body, MAX_MESSAGE_BYTES)
        return
    try:
        if len(body) > MAX_BATCH_BYTES:
            raise Unusable("batch", "too large", f"up to {MAX_BATCH_BYTES} bytes")
        batch = msgspec.json.decode(body, type=list[msgspec.Raw])
        if not batch:
            raise Unusable("batch", "empty", "at least one message")
        if len(batch) > MAX_BATCH_ITEMS:
            raise Unusable("batch", "too many messages", f"up to {MAX_BATCH_ITEMS}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        yield Item(body=text, garbled=_not_json(text, error))
    except Unusable as unusable:
        yield Item(body=text, garbled=unusable)
    else:
        for raw in batch:
            yield _item(bytes(raw), MAX_MESSAGE_BYTES)


def _item(body: bytes, limit: int) -> Item:
    if len(body) > limit:
        return Item(body=body, garbled=Unusable("message", "too large", f"up to {limit} bytes"))
    mended = False
    try:
        fields = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # A DecodeError is one; so is a number of 5,000 digits.
        fields, mended = _read_leniently(body), True
        if fields is None:
            return Item(body=body, garbled=_not_json(body, error))
    if not isinstance(fields, dict):
        return Item(body=body, garbled=Unusable("message", "not a JSON object", "a CloudEvent, see events/README.md"))
    names = (fields.get("source"), fields.get("id"))
    identity = cast("tuple[str, str]", names) if all(map(_name, names)) else None
    try:
        _check_envelope(fields, identity, body)
    except Unusable as unusable:
        return Item(body=body, fields=fields, identity=identity, garbled=unusable)
    return Item(body=body, fields=fields, identity=identity, mended=mended)


def _read_leniently(body: bytes) -> dict[str, Any] | None:
    """A call or a registration whose JSON is good, though a number in it fits no number or a character is cut in two.

    These stand as texts then, which are flagged where they stand in a field. None for anything else.
    """
    try:
        read = json.loads(body.decode(), parse_int=_whole, parse_float=_number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return _whole_characters(read) if isinstance(read, dict) and read.get("type") in LENIENT else None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_ID_LENGTH else digits


def _number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _whole_characters(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case list():
            return [_whole_characters(entry) for entry in value]
        case dict():
            return {_whole_characters(key): _whole_characters(entry) for key, entry in value.items()}
        case _:
            return value


def _not_json(body: bytes, error: Exception) -> Unusable:
    try:
        body.decode()
    except UnicodeDecodeError:
        return Unusable("message", "not UTF-8", "JSON in UTF-8 (a file from Excel is often cp932)")
    where = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Unusable("message", f"not JSON: {where}", "one CloudEvent in JSON, or a list of them")


def _check_envelope(fields: dict[str, Any], identity: tuple[str, str] | None, body: bytes) -> None:
    for place in ("id", "source") if identity is None else ():
        value = fields.get(place)
        if not isinstance(value, str) or not value:
            raise Unusable(place, "missing" if value is None else "not a text", "a text that this sender uses once")
        if not _name(value):
            fault = "too long" if len(value) > MAX_ID_LENGTH else "with control characters in it"
            raise Unusable(place, fault, f"up to {MAX_ID_LENGTH} printable characters")
    if not isinstance(fields.get("type"), str) or fields["type"] not in MESSAGES:
        raise Unusable("type", "missing" if fields.get("type") is None else "unknown", ", ".join(MESSAGES))
    if fields["type"] in LENIENT:
        return  # Recorded whatever it holds; see `services.reading`.
    if fields.get("specversion") != SPECVERSION:
        fault = "missing" if fields.get("specversion") is None else "another version"
        raise Unusable("specversion", fault, SPECVERSION)
    if not isinstance(fields.get("data"), dict):
        raise Unusable(
            "data", "missing" if fields.get("data") is None else "not an object", "the fields of the message"
        )
    if too_deep(fields, body):
        raise Unusable("data", "nested too deeply", f"up to {MAX_NESTING} levels")


def _name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH and not _CONTROL.search(value)


def sequence_of(fields: dict[str, Any]) -> int | None:
    """The sender's own number of a message, 1, 2, 3 …, also where it came as a header's text; None if it has none."""
    value = fields.get("sequence")
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 < value <= MOST_SEQUENCE else None


def too_deep(value: object, text: bytes) -> bool:
    """Whether lists and objects are nested beyond what is read; few brackets in its text settle it at once."""
    return text.count(b"{") + text.count(b"[") > MAX_NESTING and depth(value) > MAX_NESTING


def depth(value: object) -> int:
    """How deeply lists and objects are nested; told level by level, so that no depth is too much."""
    level, layer = 0, [value]
    while layer := [
        child
        for node in layer
        if isinstance(node, dict | list)
        for child in (node.values() if isinstance(node, dict) else node)
    ]:
        level += 1
    return level


def moment(
    text: object, ward: Ward, arrived: datetime, *, field: str, promised: bool = False
) -> tuple[datetime | None, tuple[Flag, ...]]:
    """When it happened, as the ward's own clock says, or None; and what is odd about it.

    A time without an offset is read on the ward's clock, and flagged. Unusable is what is no time,
    what lies before the ward's register opened, and what lies more than a day ahead of us; a year, where
    it is a time `promised`, which may lie ahead.
    """
    ahead = PROMISED if promised else AHEAD
    try:
        read = datetime.fromisoformat(folded(text)) if isinstance(text, str) else None
        local = None if read is None else ward.local(read) if read.tzinfo else read.replace(tzinfo=ward.zone)
        usable = local is not None and ward.opens_at <= local <= arrived + ahead
    except (ValueError, OverflowError):
        usable = False
    if not usable:
        return None, (Flag(code="time-unusable", field=field, accepted=A_TIME),)
    assert read is not None, "a usable time was read"
    assert local is not None, "a usable time was read"
    flags: tuple[Flag, ...] = () if read.tzinfo else (Flag(code="time-without-offset", field=field, accepted=A_TIME),)
    if local > arrived and not promised:
        flags += (Flag(code="time-ahead", field=field, accepted="a time that has passed"),)
    return local, flags
