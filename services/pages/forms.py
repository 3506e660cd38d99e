"""What a form of our pages sends, read with a limit; and what tells one form from every other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.pages.guard import session_of
from services.pages.unseen import seen

LARGEST = 4 * 1024 * 1024
"""Bytes of a form; a parked message is written with three bytes for one at most."""

MOST_FIELDS = 100
CONTENT = "content"
"""The field of a parked message: it is another's, and stays as it was sent."""


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once (the last stands), without what nobody sees and white space around it.

    Raises:
        HTTPException: 413 where it is too large, 400 where it is no form in UTF-8.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise HTTPException(413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:  # Not UTF-8, too many fields.
        raise HTTPException(400) from error
    return {name: value.strip() if name == CONTENT else seen(value).strip() for name, value in pairs}


def key_of(form: Mapping[str, str]) -> str:
    """The hidden key with which a form is shown: a new one, or its own where it is shown again."""
    return _key(form) or str(uuid4())


def identity_of(request: Request, form: Mapping[str, str]) -> str | None:
    """Of who sends it, where to, and all its fields: the same for the very same form alone. None: it has no key."""
    session = session_of(request)
    if session is None or _key(form) is None:
        return None
    told = (session.role.key, session.who, request.url.path, request.url.query, sorted(form.items()))
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _key(form: Mapping[str, str]) -> str | None:
    given = form.get("key", "")
    return given if len(given) == 36 and given.isascii() and given.replace("-", "").isalnum() else None
