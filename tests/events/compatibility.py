"""What would break somebody who relies on a schema that was released."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

Schema = dict[str, Any]

REMARKS = ("description", "title", "default", "$schema")


def broken(old: Schema, new: Schema, *, heard: bool) -> list[str]:
    """The fields that were removed, given another type, or are asked for anew.

    `heard`: others read these (events, receipts), so a field that was always there has to stay so.
    """
    return list(_broken(_whole(old, old), _whole(new, new), "", heard))


def incompatible(released: Path, today: dict[str, bytes], kept: Path) -> list[str]:
    """What would break somebody, over all that was released: where, and what.

    `today`: the schemas of the present vocabulary; `kept`: where those of earlier versions of events still are.
    """
    found = []
    for path in sorted(released.rglob("*.json")):
        name = path.relative_to(released).as_posix()
        text = today.get(name) or (name.startswith("events/") and (kept / name).exists() and (kept / name).read_bytes())
        if not text:
            found.append(f"{name}: gone")
            continue
        old, new = msgspec.json.decode(path.read_bytes()), msgspec.json.decode(text)
        found += [f"{name}{fault}" for fault in broken(old, new, heard=not name.startswith("messages/"))]
    return found


def _whole(part: Any, document: Schema) -> Any:
    """A schema with what it refers to put in place, and without the words for people."""
    if isinstance(part, list):
        return [_whole(one, document) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _whole(document["$defs"][part["$ref"].removeprefix("#/$defs/")], document)
    properties = {"properties": {name: _whole(value, document) for name, value in part.get("properties", {}).items()}}
    rest = {word: _whole(value, document) for word, value in part.items() if word not in (*REMARKS, "$defs")}
    return {**rest, **properties} if "properties" in part else rest


def _broken(old: Any, new: Any, at: str, heard: bool) -> Iterator[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield f"{at}: another type"
        return
    was, now = set(old.get("required", ())), set(new.get("required", ()))
    yield from (f"{at}.{name}: needed now" for name in sorted(now - was))
    yield from (f"{at}.{name}: not always there now" for name in sorted(was - now) if heard)
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, field in before.items():
        if name in after:
            yield from _broken(field, after[name], f"{at}.{name}", heard)
        else:
            yield f"{at}.{name}: gone"
    yield from _broken(old.get("items"), new.get("items"), f"{at}[]", heard)
    if _rest(old) != _rest(new):
        yield f"{at}: another type"


def _rest(schema: Schema) -> Schema:
    """What is left of a schema without what is compared part by part."""
    return {word: value for word, value in schema.items() if word not in ("properties", "required", "items")}
