"""As much of JSON Schema as our schemas use; a word that it does not know is an error, so that nothing is missed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

Schema = dict[str, Any]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
SILENT = {"$schema", "$defs", "title", "description", "default"}


def faults(value: Any, schema: Schema, whole: Schema, at: str = "$") -> Iterator[str]:
    """What is wrong with a value, by its place."""
    for word, told in schema.items():
        match word:
            case "$ref":
                yield from faults(value, whole["$defs"][told.removeprefix("#/$defs/")], whole, at)
            case "type":
                if not isinstance(value, TYPES[told]) or (told == "integer" and isinstance(value, bool)):
                    yield f"{at}: not of type {told}"
            case "const":
                if value != told:
                    yield f"{at}: not {told!r}"
            case "anyOf":
                if all(list(faults(value, choice, whole, at)) for choice in told):
                    yield f"{at}: none of the choices"
            case "minLength" | "maxLength":
                if isinstance(value, str) and (len(value) < told if word == "minLength" else len(value) > told):
                    yield f"{at}: of another length"
            case "minItems" | "maxItems":
                if isinstance(value, list) and (len(value) < told if word == "minItems" else len(value) > told):
                    yield f"{at}: of another length"
            case "prefixItems":
                for number, (one, each) in enumerate(zip(value if isinstance(value, list) else [], told, strict=False)):
                    yield from faults(one, each, whole, f"{at}[{number}]")
            case "minimum":
                if isinstance(value, int) and value < told:
                    yield f"{at}: below {told}"
            case "format":
                if not _well_formed(value, told):
                    yield f"{at}: not a {told}"
            case "items" if told is False:
                pass  # Nothing stands behind the `prefixItems`: `maxItems` says so.
            case "items":
                for number, one in enumerate(value if isinstance(value, list) else []):
                    yield from faults(one, told, whole, f"{at}[{number}]")
            case "properties" | "required" | "additionalProperties":
                if isinstance(value, dict):
                    yield from _members(value, word, schema, whole, at)
            case _:
                assert word in SILENT, f"{word} is not a word that our schemas used so far"


def _members(value: dict[str, Any], word: str, schema: Schema, whole: Schema, at: str) -> Iterator[str]:
    known = schema.get("properties", {})
    if word == "properties":
        for name in value.keys() & known.keys():
            yield from faults(value[name], known[name], whole, f"{at}.{name}")
    elif word == "required":
        yield from (f"{at}.{name}: missing" for name in schema[word] if name not in value)
    else:
        allowed = schema[word]
        for name in value.keys() - known.keys():
            yield from [f"{at}.{name}: unknown"] if allowed is False else faults(value[name], allowed, whole, at)


def _well_formed(value: Any, form: str) -> bool:
    if not isinstance(value, str):
        return True  # What it is instead is the type's to say.
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2025-04-01") if form == "date" else moment.tzinfo is not None
