"""What a form of our pages sends, read with a limit."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

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
