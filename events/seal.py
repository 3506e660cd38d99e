"""How an adapter seals what is personal before it leaves: a JWE to the ward's inbox key.

ECDH-ES with A256GCM over P-256, compact form. Only the ward's services hold the private half, so
INBOX, its files and its backups hold nothing personal in clear.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from events.messages import MAX_BATCH_BYTES

HEADER = {"alg": "ECDH-ES", "enc": "A256GCM"}

_READS = jwe.JWERegistry()
_READS.max_ciphertext_length = MAX_BATCH_BYTES
"""The library seals any length, and by itself opens 65,536 characters alone; nothing longer than this is ever sent."""

_ONE_AT_A_TIME = Lock()
"""The library works on objects that all its calls share: two threads at once sealed what nobody could open."""


class Unreadable(ValueError):
    """A sealed text that this key does not open."""


def new_key() -> ECKey:
    """A fresh inbox key; its public half goes to the adapters."""
    return ECKey.generate_key("P-256")


def public_key(text: str | bytes) -> ECKey:
    """Read a key from its JWK."""
    return ECKey.import_key(msgspec.json.decode(text))


def seal(personal: dict[str, Any], key: ECKey) -> str:
    """Personal fields, sealed to the ward."""
    with _ONE_AT_A_TIME:
        return jwe.encrypt_compact(HEADER, msgspec.json.encode(personal), key)


def unseal(sealed: str, key: ECKey) -> dict[str, Any]:
    """Personal fields as they were before sealing.

    Raises:
        Unreadable: not a JWE, not for this key, or not an object inside.
    """
    try:
        with _ONE_AT_A_TIME:
            plain = jwe.decrypt_compact(sealed, key, registry=_READS).plaintext
        return msgspec.json.decode(plain or b"", type=dict[str, Any])
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unreadable("not sealed to this ward's key") from error


def sealed(message: dict[str, Any], key: ECKey | None) -> dict[str, Any]:
    """The message with its personal parts sealed to the ward."""
    data = message.get("data")
    if key is None or not isinstance(data, dict):
        return message
    data = _part_sealed(data, key)
    if isinstance(data.get("matters"), list):
        matters = [_part_sealed(matter, key) if isinstance(matter, dict) else matter for matter in data["matters"]]
        data = {**data, "matters": matters}
    return {**message, "data": data}


def _part_sealed(part: dict[str, Any], key: ECKey) -> dict[str, Any]:
    personal = part.get("personal")
    return {**part, "personal": seal(personal, key)} if isinstance(personal, dict) else part


def in_clear(message: dict[str, Any]) -> bool:
    """Whether a personal part of it is not sealed."""
    data = message.get("data")
    matters = data.get("matters") if isinstance(data, dict) else None
    parts = [data, *(matters if isinstance(matters, list) else [])]
    return any(isinstance(part, dict) and isinstance(part.get("personal"), dict) for part in parts)
