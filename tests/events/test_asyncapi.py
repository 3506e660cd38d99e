"""The AsyncAPI document says what really travels, and can be read by others' tools.

No validator is small enough to be pinned for it; so its structure is checked here, reference by reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from deploy.contract import SCHEMAS, everything
from events import known_events
from events.messages import MESSAGES
from services.subjects import event_subject, inbox_subject, receipt_subject

DOCUMENT: dict[str, Any] = msgspec.json.decode((SCHEMAS / "asyncapi.json").read_bytes())


def references(part: Any) -> Iterator[str]:
    """Every $ref in a part."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_it_is_that_of_the_vocabulary() -> None:
    """Whoever changes a message or an event runs `make schemas`."""
    assert (SCHEMAS / "asyncapi.json").read_bytes() == everything()["asyncapi.json"]


def test_every_reference_leads_somewhere() -> None:
    """Into the document itself, or to a schema beside it."""
    for reference in set(references(DOCUMENT)):
        file, _, pointer = reference.partition("#")
        if file:
            assert (SCHEMAS / file).is_file(), reference
            continue
        found = DOCUMENT
        for step in pointer.strip("/").split("/"):
            found = found[step]


def test_it_has_the_members_that_asyncapi_asks_for() -> None:
    """Version and info; each operation an action and a channel; each channel an address with its parameters."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert DOCUMENT.keys() <= {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert list(operation["channel"]) == ["$ref"]
    for channel in DOCUMENT["channels"].values():
        assert {f"{{{name}}}" in channel["address"] for name in channel["parameters"]} <= {True}
        assert channel["address"].count("{") == len(channel["parameters"])
        assert channel["messages"]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_heard_on_its_subject(name: str) -> None:
    """And answered; alone, or in a batch for its service."""
    channel = DOCUMENT["channels"][f"inbox.{name}"]
    service = MESSAGES[name].service

    assert channel["address"] == inbox_subject("{ward}", "{provider}", service, name)
    assert list(channel["messages"]) == [name, f"batch.{service}"]
    assert DOCUMENT["operations"][f"hear.{name}"]["reply"] == {"channel": {"$ref": "#/channels/receipts"}}
    batch = DOCUMENT["components"]["messages"][f"batch.{service}"]
    assert f"./messages/{name}.json" in references(batch)


@pytest.mark.parametrize("name", known_events())
def test_an_event_is_told_on_its_subject(name: str) -> None:
    """That of the service whose event it is; the ones that any service tells have it as a parameter."""
    address = DOCUMENT["channels"][f"events.{name}"]["address"]
    service = address.split(".")[2]

    assert address == event_subject("{ward}", service, name, "{case}")
    of_any = ("epoch.opened", "parked.closed")
    module = known_events()[name].__module__.split(".")[1]
    assert service == ("{service}" if name in of_any else {"morning": "handover"}.get(module, module))
    payload = DOCUMENT["components"]["messages"][name]["payload"]
    assert payload["schema"] == {"$ref": f"./events/{name}.v{known_events()[name].version}.json"}


def test_receipts_are_a_list() -> None:
    """Those that were given together."""
    schema = DOCUMENT["components"]["messages"]["receipts"]["payload"]["schema"]

    assert DOCUMENT["channels"]["receipts"]["address"] == receipt_subject("{ward}", "{provider}")
    assert schema == {"type": "array", "items": {"$ref": "./receipt.json"}}
