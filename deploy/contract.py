"""`python -m deploy.contract`: the published JSON Schemas of events/schema/, written from the vocabulary.

One file for each message, for each event in its present version, for the receipt and for the manifest; the
schema is of the whole CloudEvent. `asyncapi.json` says on which subjects they travel, `openapi.json` describes
the HTTP door. With `--check` nothing is written: what is out of date is named, exit status 1.
A message that its schema accepts can be read; whether the ward knows the words in it, the receipt says.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import msgspec

from deploy.asyncapi import asyncapi
from deploy.openapi import document
from events import SPECVERSION, Event, Recorded, known_events
from events.manifest import Manifest
from events.messages import MAX_ID_LENGTH, MESSAGES, Message, Receipt

SCHEMAS = Path(__file__).parents[1] / "events" / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_OLD_VERSION = re.compile(r"events/(?P<name>.+)\.v(?P<version>\d+)\.json")


def documents() -> dict[str, bytes]:
    """Every schema by its path within events/schema/; the same vocabulary gives the same bytes."""
    messages = {f"messages/{name}.json": message_schema(kind) for name, kind in MESSAGES.items()}
    events = {f"events/{name}.v{kind.version}.json": event_schema(kind) for name, kind in known_events().items()}
    openapi = document({name: message_schema(kind) for name, kind in MESSAGES.items()})
    found = {**messages, **events, "receipt.json": receipt_schema(), "manifest.json": manifest_schema()}
    found["openapi.json"] = openapi
    return {path: _written(found[path]) for path in sorted(found)}


def everything() -> dict[str, bytes]:
    """Every schema, and the AsyncAPI document that refers to them."""
    whole = tomllib.loads((SCHEMAS.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return documents() | {"asyncapi.json": _written(asyncapi(MESSAGES, known_events(), whole["project"]["version"]))}


def _written(document: Schema) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def message_schema(kind: type[Message]) -> Schema:
    """What an adapter sends: the envelope that we ask for, and the fields of the message, no others."""
    data, parts = _described(kind)
    for part in (data, *parts.values()):
        part["additionalProperties"] = False
    properties = {
        "specversion": {"const": SPECVERSION},
        "id": _NAME,
        "source": _NAME,
        "type": {"const": kind.name},
        "time": _MOMENT,
        "entered": _MOMENT,
        "synthetic": {"type": "boolean", "default": False},
        "datacontenttype": {"const": "application/json"},
        "sequence": {"type": "integer", "minimum": 1},
        "data": data,
    }
    needed = ["specversion", "id", "source", "type", "time", "data"]
    return _document(kind.name, properties, needed, parts)


def event_schema(kind: type[Event]) -> Schema:
    """What a listener gets. Later releases may add fields: a listener leaves alone what it does not know."""
    data, parts = _described(kind)
    envelope, _ = _described(Recorded)
    fixed = {"specversion": SPECVERSION, "type": kind.name, "version": kind.version}
    properties = {
        name: {**field, "const": fixed[name]} if name in fixed else field
        for name, field in envelope["properties"].items()
    }
    return _document(kind.name, {**properties, "data": data}, envelope["required"], parts)


def receipt_schema() -> Schema:
    """What answers a message."""
    receipt, parts = _described(Receipt)
    return _document("receipt", receipt["properties"], receipt["required"], parts)


def manifest_schema() -> Schema:
    """What `yoake manifest PROVIDER --json` prints."""
    manifest, parts = _described(Manifest)
    return _document("manifest", manifest["properties"], manifest["required"], parts)


def _document(name: str, properties: Schema, needed: Sequence[str], parts: Mapping[str, Schema]) -> Schema:
    whole = {"$schema": DIALECT, "title": name, "type": "object", "properties": properties, "required": list(needed)}
    return {**whole, "$defs": parts} if parts else whole


def _described(kind: type[msgspec.Struct]) -> tuple[Schema, dict[str, Schema]]:
    """The schema of a struct, and those of the structs inside it by name."""
    _, found = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for part in found.values():
        part["description"] = inspect.cleandoc(part["description"])
    for part in _structs(kind):
        properties = found[part.__name__]["properties"]
        for field in msgspec.structs.fields(part):
            if datetime in (field.type, *get_args(field.type)):
                properties[field.encode_name] = _as_moment(properties[field.encode_name])
    own = found.pop(kind.__name__)
    return {key: value for key, value in own.items() if key != "title"}, dict(sorted(found.items()))


def _structs(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    """A struct, and those inside it."""
    inner = {each for field in msgspec.structs.fields(kind) for each in (field.type, *get_args(field.type))}
    parts = {each for each in inner if isinstance(each, type) and issubclass(each, msgspec.Struct)}
    return {kind}.union(*(_structs(part) for part in parts))


def _as_moment(field: Schema) -> Schema:
    """The library leaves the format of a time with an optional offset open; ours always has one."""
    if "anyOf" in field:
        return {**field, "anyOf": [_as_moment(choice) for choice in field["anyOf"]]}
    return {**field, "format": "date-time"} if field.get("type") == "string" else field


def out_of_date(directory: Path) -> list[str]:
    """What differs between a directory and the vocabulary; schemas of earlier versions of events may stay."""
    wanted = everything()
    have = {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*.json")}
    changed = [path for path, content in wanted.items() if have.get(path) != content]
    return sorted(changed + [path for path in have.keys() - wanted.keys() if not _is_earlier(path)])


def _is_earlier(path: str) -> bool:
    match = _OLD_VERSION.fullmatch(path)
    kind = known_events().get(match["name"]) if match else None
    return match is not None and kind is not None and int(match["version"]) < kind.version


def write(directory: Path) -> None:
    """Write every schema, and remove those of messages and events that are no longer there."""
    wanted = everything()
    for path in out_of_date(directory):
        if path in wanted:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(wanted[path])
        else:
            (directory / path).unlink()


def main(arguments: Sequence[str] | None = None, directory: Path = SCHEMAS) -> int:
    """Write the schemas, or with `--check` name those that are out of date."""
    parser = argparse.ArgumentParser(prog="python -m deploy.contract", description="The schemas of events/schema/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if something is out of date")
    found = out_of_date(directory)
    if not parser.parse_args(arguments).check:
        write(directory)
        return 0
    for path in found:
        sys.stderr.write(f"{directory / path} is out of date: run `make schemas`\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
