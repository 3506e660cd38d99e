"""What was parked, made readable for whoever mends it."""

from __future__ import annotations

from typing import Any

import msgspec

from services.clock import system_clock
from services.inbox import BYTE_ORDER_MARK, Delivery, Item, items
from services.reading import opened as unsealed
from services.seal import Secrets

ENCODINGS = ("utf-8", "cp932")


class Content(msgspec.Struct, frozen=True):
    """What was parked, unsealed, and in which encoding it could be read; `note` says what could not."""

    text: str
    encoding: str
    note: str | None = None


def read_content(body: bytes, secrets: Secrets) -> Content:
    """A parked body as a text: JSON with its personal parts unsealed, or what can be read of it."""
    for encoding in ENCODINGS:
        try:
            text = body.removeprefix(BYTE_ORDER_MARK).decode(encoding)
        except UnicodeDecodeError:
            continue
        note = None if encoding == "utf-8" else "not UTF-8; shown as cp932, as Excel on Windows writes it"
        return Content(_plain(text, secrets), encoding, note)
    text = body.decode("utf-8", errors="backslashreplace")
    return Content(text, "unknown", r"neither UTF-8 nor cp932; what cannot be read stands as \x..")


def _plain(text: str, secrets: Secrets) -> str:
    delivery = Delivery(provider="", service="", body=text.encode(), arrived=system_clock())
    found = [_fields(delivery, item, secrets) for item in items(delivery)]
    if any(fields is None for fields in found):
        return text
    shown = found[0] if len(found) == 1 and not text.lstrip().startswith("[") else found
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()


def _fields(delivery: Delivery, item: Item, secrets: Secrets) -> dict[str, Any] | None:
    if not item.fields:
        return None
    return unsealed(delivery, item, secrets).fields if isinstance(item.fields.get("data"), dict) else item.fields
