"""The HTTP door as an OpenAPI 3.1 document, from the same structs that it answers with."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from events import BATCH_CONTENT_TYPE, CONTENT_TYPE
from events.messages import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_ID_LENGTH
from services.intake.answers import PROBLEM_TYPE, PROBLEMS, Answer, Problem

Schema = dict[str, Any]

COMPONENTS = "#/components/schemas/"
RETRY: Schema = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
CHALLENGE: Schema = {"WWW-Authenticate": {"schema": {"type": "string"}}}

DESCRIPTION = f"""\
Messages in, receipts out; events/README.md explains each message. A message is known by the provider
whose token came with it, its `source` and its `id`: sent again, it adds nothing. A status of 200 or 201 means
that it is committed, and what became of it is in the receipt; 202, that it is safe in the queue; any other,
that the sender still has to keep it. A body has up to {MAX_BATCH_BYTES} bytes and {MAX_BATCH_ITEMS} messages.
"""


def document(messages: Mapping[str, Schema]) -> Schema:
    """The whole document. `messages`: the JSON Schema of each CloudEvent by the name of the message."""
    _, answers = msgspec.json.schema_components([Answer, Problem], ref_template=COMPONENTS + "{name}")
    for described in answers.values():
        described["description"] = inspect.cleandoc(described.get("description", ""))
    parts: dict[str, Schema] = {}
    for name, schema in messages.items():
        parts |= {part: _moved(inner) for part, inner in schema.get("$defs", {}).items()}
        parts[name] = _moved({key: value for key, value in schema.items() if key not in ("$schema", "$defs")})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Yoake: messages over HTTP", "version": "1", "description": DESCRIPTION},
        "security": [{"token": []}],
        "paths": {"/v1/messages": {"post": _messages(messages)}, "/v1/receipts": {"get": _receipts()}},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted((parts | answers).items())),
        },
    }


def _moved(schema: Any) -> Any:
    """With its references to where the parts of an OpenAPI document stand."""
    match schema:
        case dict():
            return {
                key: value.replace("#/$defs/", COMPONENTS) if key == "$ref" else _moved(value)
                for key, value in schema.items()
            }
        case list():
            return [_moved(each) for each in schema]
        case _:
            return schema


def _messages(messages: Mapping[str, Schema]) -> Schema:
    one = {"oneOf": [{"$ref": COMPONENTS + name} for name in messages]}
    content = {
        CONTENT_TYPE: {"schema": one},
        BATCH_CONTENT_TYPE: {"schema": {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_BATCH_ITEMS}},
        "application/json": {"schema": {"description": "The `data` of a message; its attributes stand in headers."}},
    }
    attributes = [_attribute(name) for name in ("specversion", "id", "source", "type", "time", "entered", "synthetic")]
    return {
        "operationId": "sendMessages",
        "summary": "Send one message or several.",
        "description": (
            f"Structured ({CONTENT_TYPE}), batched ({BATCH_CONTENT_TYPE}) or binary (application/json, attributes in "
            "ce- headers, percent-encoded where they are not ASCII). In a batch each message that can be read is taken."
        ),
        "parameters": attributes,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _answer("Every message was known already; nothing was added."),
            "201": _answer(
                "Committed. A receipt may say `parked` or `conflict`: it is kept, and a person looks at it."
            ),
            "202": _answer("Safe in the queue; some have no receipt yet. Ask /v1/receipts, or send again.", RETRY),
            **_problems(400, 401, 405, 413, 415, 503),
        },
    }


def _receipts() -> Schema:
    name = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}
    return {
        "operationId": "findReceipts",
        "summary": "What became of a message.",
        "parameters": [
            {"name": field, "in": "query", "required": True, "schema": name, "description": f"The message's `{field}`."}
            for field in ("source", "id")
        ],
        "responses": {"200": _answer("Its receipt, and one for each content that waits for a person.")}
        | _problems(400, 401, 404, 405, 503),
    }


def _attribute(name: str) -> Schema:
    description = "In binary mode: the attribute of the CloudEvent."
    return {"name": f"ce-{name}", "in": "header", "schema": {"type": "string"}, "description": description}


def _answer(what: str, headers: Schema | None = None) -> Schema:
    content = {"application/json": {"schema": {"$ref": COMPONENTS + "Answer"}}}
    return {"description": what, "content": content} | ({"headers": headers} if headers else {})


def _problems(*statuses: int) -> Schema:
    found = {}
    for status in statuses:
        titles = " ".join(title for known, title in PROBLEMS.values() if known == status)
        found[str(status)] = {
            "description": titles,
            "content": {PROBLEM_TYPE: {"schema": {"$ref": COMPONENTS + "Problem"}}},
        }
        headers = {401: CHALLENGE, 503: RETRY}.get(status)
        if headers:
            found[str(status)]["headers"] = headers
    return found
