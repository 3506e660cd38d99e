"""AsyncAPI 3.0 of everything on NATS, written from the vocabulary: events/schema/asyncapi.json.

It describes Yoake: what it receives on INBOX, and what it sends, receipts and events. Messages refer to
the JSON Schemas beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from events import BATCH_CONTENT_TYPE, CONTENT_TYPE, Event
from events.adapter import DELIVERY
from events.messages import MAX_BATCH_ITEMS, Message
from services.subjects import WRITERS, event_subject, inbox_subject, receipt_subject

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
PARAMETERS = {
    "ward": "the ward's id, as in its file",
    "provider": "who is sending, as signed on; a provider of the ward's file",
    "service": "the service whose log it is",
    "case": "the consultation's id; _ where there is none",
}

Json = dict[str, Any]


def asyncapi(messages: Mapping[str, type[Message]], events: Mapping[str, type[Event]], version: str) -> Json:
    """The whole document; the same vocabulary gives the same document."""
    inbox = {f"inbox.{name}": _inbox_channel(kind) for name, kind in messages.items()}
    told = {f"events.{name}": _event_channel(kind) for name, kind in events.items()}
    receipts = _channel(receipt_subject("{ward}", "{provider}"), ["receipts"], "Our answers to one provider.")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Yoake",
            "version": version,
            "description": "What adapters say, and what Yoake answers and tells. See events/README.md.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {**inbox, "receipts": receipts, **told},
        "operations": {
            **{f"hear.{name}": _operation("receive", f"inbox.{name}", answered=True) for name in messages},
            "answer": _operation("send", "receipts"),
            **{f"tell.{name}": _operation("send", f"events.{name}") for name in events},
        },
        "components": {"messages": _messages(messages, events), "parameters": _parameters()},
    }


def _inbox_channel(kind: type[Message]) -> Json:
    address = inbox_subject("{ward}", "{provider}", kind.service, kind.name)
    return _channel(address, [kind.name, f"batch.{kind.service}"], _words(kind))


def _event_channel(kind: type[Event]) -> Json:
    module = kind.__module__.rpartition(".")[2]
    service = "handover" if module == "morning" else module
    address = event_subject("{ward}", service if service in WRITERS else "{service}", kind.name, "{case}")
    return _channel(address, [kind.name], _words(kind))


def _channel(address: str, messages: list[str], description: str) -> Json:
    parameters = {name: _to("parameters", name) for name in PARAMETERS if f"{{{name}}}" in address}
    named = {name: _to("messages", name) for name in messages}
    return {"address": address, "description": description, "messages": named, "parameters": parameters}


def _operation(action: str, channel: str, *, answered: bool = False) -> Json:
    made: Json = {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}
    return {**made, "reply": {"channel": {"$ref": "#/channels/receipts"}}} if answered else made


def _messages(messages: Mapping[str, type[Message]], events: Mapping[str, type[Event]]) -> Json:
    said = {name: _message(name, f"./messages/{name}.json", _words(kind)) for name, kind in messages.items()}
    for one in said.values():
        one["headers"] = {"type": "object", "properties": {DELIVERY: {"type": "string", "maxLength": 200}}}
    told = {
        name: _message(name, f"./events/{name}.v{kind.version}.json", _words(kind)) for name, kind in events.items()
    }
    receipts = _message("receipts", "./receipt.json", "Receipts that were given together.")
    receipts["payload"]["schema"] = {"type": "array", "items": receipts["payload"]["schema"]}
    receipts["contentType"] = "application/json"
    batches = {f"batch.{service}": _batch(service, messages) for service in WRITERS}
    return {**said, **batches, "receipts": receipts, **told}


def _message(name: str, schema: str, summary: str) -> Json:
    payload = {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": schema}}
    return {"name": name, "summary": summary, "contentType": CONTENT_TYPE, "payload": payload}


def _batch(service: str, messages: Mapping[str, type[Message]]) -> Json:
    batch = _message(f"batch.{service}", "", f"Several messages for {service}, in one.")
    choices = [{"$ref": f"./messages/{name}.json"} for name, kind in messages.items() if kind.service == service]
    batch["payload"]["schema"] = {"type": "array", "maxItems": MAX_BATCH_ITEMS, "items": {"anyOf": choices}}
    return {**batch, "contentType": BATCH_CONTENT_TYPE}


def _parameters() -> Json:
    return {name: {"description": words} for name, words in PARAMETERS.items()}


def _to(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _words(kind: type[Any]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
