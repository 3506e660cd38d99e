"""CloudEvents over HTTP in binary mode: attributes in `ce-` headers, the data as the body. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import msgspec

from services.book import Unusable

PREFIX = b"ce-"
WHOLE = re.compile(r"\d{1,18}", re.ASCII)
A_HEADER = "UTF-8, percent-encoded as the CloudEvents HTTP binding says"


def has_attributes(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request has attributes of a CloudEvent among its headers."""
    return any(name.lower().startswith(PREFIX) for name, _ in headers)


def structured(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """The same CloudEvent in structured mode, with its data byte for byte as it came.

    Headers are texts: `synthetic` and `sequence` become what they are in JSON.

    Raises:
        Unusable: an attribute is given twice or is not UTF-8, or the body is no JSON.
    """
    attributes: dict[str, str | int | bool] = {}
    for header, value in headers:
        name = header.lower().removeprefix(PREFIX).decode("latin-1")
        if not header.lower().startswith(PREFIX) or name == "data":
            continue
        if name in attributes:
            raise Unusable("a header ce-…", "given twice", "each attribute once")
        attributes[name] = _typed(name, _decoded(value))
    envelope = msgspec.json.encode(attributes)
    if not body.strip():
        return envelope
    if not _is_json(body):
        raise Unusable("data", "not JSON", "the fields of the message, as a JSON object")
    return envelope[:-1] + (b"," if attributes else b"") + b'"data":' + body.strip() + b"}"


def _decoded(value: bytes) -> str:
    text = value.strip()
    if len(text) > 1 and text[:1] == text[-1:] == b'"':
        text = re.sub(rb"\\(.)", rb"\1", text[1:-1])
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Unusable("a header ce-…", "not UTF-8", A_HEADER) from None


def _typed(name: str, text: str) -> str | int | bool:
    if name == "synthetic" and text in ("true", "false"):
        return text == "true"
    if name == "sequence" and WHOLE.fullmatch(text):
        return int(text)
    return text


def _is_json(body: bytes) -> bool:
    """Whether it is one JSON value, also with a number or half a character in it that is flagged later."""
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Unusable("message", "not UTF-8", "JSON in UTF-8 (a file from Excel is often cp932)") from None
    try:
        msgspec.json.decode(body)
    except (ValueError, RecursionError):
        try:
            json.loads(body, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            return False
    return True
