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

HEADER = {"alg": "ECDH-ES", "enc": "A256GCM"}

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
            plain = jwe.decrypt_compact(sealed, key).plaintext
        return msgspec.json.decode(plain or b"", type=dict[str, Any])
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unreadable("not sealed to this ward's key") from error
