"""What comes through the door leaves it without a personal word in clear, whatever the sender made of `personal`."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from joserfc.jwk import ECKey

from events.adapter import sealed
from events.seal import seal
from services.book import UNREADABLE
from services.inbox import Item

_JWE = re.compile(r"[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def sealed_text(item: Item, key: ECKey) -> bytes:
    """A readable message as it may stand in INBOX; as it came, where nothing in it was in clear.

    Raises:
        RecursionError: it is nested too deeply to be written again.
    """
    safe = sealed(item.fields, key)
    data = safe.get("data")
    if isinstance(data, dict):
        data = _closed(data, key)
        if isinstance(data.get("matters"), list):
            data = {**data, "matters": [_closed(m, key) if isinstance(m, dict) else m for m in data["matters"]]}
        safe = {**safe, "data": data}
    return item.body if safe == item.fields else msgspec.json.encode(safe)


def _closed(part: dict[str, Any], key: ECKey) -> dict[str, Any]:
    """What should be an object and is a text or a list may be personal too; the service flags it."""
    personal = part.get("personal")
    if personal is None or (isinstance(personal, str) and _JWE.fullmatch(personal)):
        return part
    return {**part, "personal": seal({UNREADABLE: personal}, key)}
