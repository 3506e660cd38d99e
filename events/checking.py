"""What an adapter can be told about a message before it is sent: names the field, its fault and what is accepted.

The ward judges again, and knows its own words; this only spares a sender the way there and back. A
call and a registration are kept whatever is said here: they are never refused.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any

import msgspec

from events import SPECVERSION
from events.messages import MAX_ID_LENGTH, MAX_MESSAGE_BYTES, MAX_NESTING, MESSAGES, Matter, Message

NEVER_REFUSED = ("call.report", "registration.submit")
"""Messages that are kept and recorded whatever their fields look like."""

MOST_NAMED = 5
"""Unknown fields that are named at once."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Unfit(ValueError):
    """A message that the ward could only put aside; says the field, what is wrong and what would be accepted."""


def writable(message: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The message as JSON can hold it, and what was odd: in a call or a registration such a value becomes a text.

    Raises:
        Unfit: any other message with such a value, or one that nests without end.
    """
    try:
        plain: dict[str, Any] = msgspec.to_builtins(message)
        msgspec.json.encode(plain)
    except (TypeError, ValueError, OverflowError) as error:
        fault = f"message: cannot be written as JSON ({type(error).__name__}); accepted: texts, numbers, lists, times"
        if message.get("type") not in NEVER_REFUSED:
            raise Unfit(fault) from error
        return _as_texts(message), [fault]
    except RecursionError as error:
        raise Unfit(f"message: nests too deeply; accepted: up to {MAX_NESTING} levels") from error
    return plain, []


def _as_texts(value: Any) -> Any:
    match value:
        case dict():
            return {str(_as_texts(name)): _as_texts(entry) for name, entry in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_as_texts(entry) for entry in value]
        case None | bool():
            return value
        case int() | float():
            return value if abs(value) < 2**63 else str(value)
        case _:
            try:
                text = msgspec.to_builtins(value)
            except (TypeError, ValueError):
                text = value
            return str(text).encode(errors="backslashreplace").decode()


def told(message: dict[str, Any]) -> list[str]:
    """Everything that the ward would have to flag or put aside; empty where there is nothing to say."""
    kind = MESSAGES.get(str(message.get("type")))
    if kind is None:
        fault = "missing" if message.get("type") is None else "unknown"
        return [f"type: {fault}; accepted: {', '.join(MESSAGES)}"]
    found = [
        f"{field}: {fault}; accepted: 1 to {MAX_ID_LENGTH} printable characters"
        for field in ("id", "source")
        if (fault := _name_fault(message.get(field)))
    ]
    if message.get("specversion") != SPECVERSION:
        found.append(f"specversion: not {SPECVERSION}; accepted: {SPECVERSION}")
    found += [
        f"{field}: {fault}; accepted: a time with its offset, such as 2025-04-01T02:10:00+09:00"
        for field in ("time", "entered")
        if (fault := _time_fault(message.get(field), needed=field == "time"))
    ]
    return found + _data_faults(message.get("data"), kind)


def _name_fault(value: object) -> str:
    if value is None:
        return "missing"
    if not isinstance(value, str):
        return "not a text"
    return "" if usable_name(value) else "empty, too long or with control characters in it"


def usable_name(value: object) -> bool:
    """Whether this can be a message's `id` or `source`."""
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH and not _CONTROL.search(value)


def as_name(value: object) -> str:
    """A name for what cannot be one: a number's digits, or a digest, the same each time it is put."""
    if isinstance(value, int) and not isinstance(value, bool) and usable_name(str(value)):
        return str(value)
    return f"x-{hashlib.sha256(repr(value).encode(errors='backslashreplace')).hexdigest()[:32]}"


def _time_fault(value: object, *, needed: bool) -> str:
    if value is None:
        return "missing" if needed else ""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None:
        return "no time"
    return "" if read.tzinfo else "without its offset"


def _data_faults(data: object, kind: type[Message]) -> list[str]:
    if not isinstance(data, dict):
        return [f"data: {'missing' if data is None else 'not an object'}; accepted: the fields of {kind.name}"]
    found = _unknown(data, kind, "data")
    matters = data.get("matters") if kind.name == "call.report" else None
    for n, matter in enumerate(matters if isinstance(matters, list) else []):
        found += _unknown(matter, Matter, f"data.matters[{n}]") if isinstance(matter, dict) else []
    try:
        msgspec.convert(data, kind)
    except (ValueError, RecursionError) as error:  # Its words name the field and the types, never the value.
        found.append(f"data: {error}; accepted: see {kind.name} in events/README.md")
    return found


def _unknown(part: dict[str, Any], kind: type[msgspec.Struct], at: str) -> list[str]:
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    unknown = [name for name in part if name not in known]
    plain = sorted(f"{at}.{name}" for name in unknown if _speakable(name))[:MOST_NAMED]
    found = [f"{', '.join(plain)}: not a field of this message; accepted: {', '.join(known)}"] if plain else []
    if not all(map(_speakable, unknown)):
        found.append(f"{at}: a field that is none of this message's; accepted: {', '.join(known)}")
    return found


def _speakable(name: str) -> bool:
    """Whether a field's name can be repeated: another one may itself be personal."""
    return name.isascii() and name.replace("_", "").isalnum() and len(name) <= 40


def too_large(body: bytes) -> list[str]:
    """Whether a message as it is sent is more than the ward reads."""
    if len(body) <= MAX_MESSAGE_BYTES:
        return []
    return [f"message: {len(body)} bytes; accepted: up to {MAX_MESSAGE_BYTES}"]
