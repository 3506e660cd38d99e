"""events/README.md as data: its sections, the tables and the examples in them; and how a type is written there."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args

import msgspec

from events.intake import Attempt, CallBack, Card, Change, Feed, Flag
from events.messages import Danger, Matter
from events.morning import Difference, Hops, Item

EVENTS = Path(__file__).parents[2] / "events"
PAGE = (EVENTS / "README.md").read_text(encoding="utf-8")

WORDS: dict[Any, str] = {
    str: "text",
    bool: "true/false",
    int: "whole number",
    datetime: "time",
    date: "day",
    Any: "anything",
    msgspec.Raw: "object",
    dict[str, Any]: "object",
    list[str]: "list of texts",
    tuple[str, ...]: "list of texts",
    list[Matter]: "list of matters",
    tuple[Flag, ...]: "list of flags",
    tuple[Change, ...]: "list of changes",
    Card: "card",
    CallBack: "call-back",
    list[Danger]: "list of attempts",
    tuple[Attempt, ...]: "list of attempts",
    list[dict[str, str | None]]: "list of flags",
    list[tuple[int, int]]: "list of ranges",
    tuple[tuple[int, int], ...]: "list of ranges",
    tuple[int, ...]: "list of whole numbers",
    tuple[Feed, ...]: "list of feeds",
    tuple[Item, ...]: "list of items",
    Hops: "hops",
    tuple[Difference, ...]: "list of differences",
}


class Row(NamedTuple):
    """A line of a table of fields, without its meaning."""

    field: str
    type: str
    needed: bool


def part(heading: str) -> str:
    """Everything under a heading of the second level, with its sections."""
    found = re.search(rf"^## {heading}\n.*?(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"events/README.md has no part {heading}"
    return found[0]


def section(heading: str, within: str = PAGE) -> str:
    """The text under a heading, up to the next one. A name such as `case.split` is a message's and an event's."""
    found = re.search(rf"^#+ `?{re.escape(heading)}`?\n(.*?)(?=^#{{2,4}} |\Z)", within, re.DOTALL | re.MULTILINE)
    assert found, f"events/README.md has no section {heading}"
    return found[1]


def described(text: str) -> list[str]:
    """The names that have a section of their own, in their order."""
    return re.findall(r"^#### `(.+)`$", text, re.MULTILINE)


def tables(text: str) -> list[list[Row]]:
    """The tables of fields in a text."""
    bodies = re.findall(r"^\| field \| type .*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[_row(line) for line in body.splitlines()] for body in bodies]


def _row(line: str) -> Row:
    name, kind, needed = (cell.strip() for cell in line.split("|")[1:4])
    return Row(name.strip("`"), kind, needed == "yes")


def first_column(text: str, heading: str) -> list[str]:
    """The first column of the table whose first heading this is."""
    body = text.split(f"| {heading} |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(.+?)` \|", body, re.MULTILINE)


def examples(text: str) -> list[Any]:
    """What stands in the blocks of JSON and of JSON Lines of a text."""
    found: list[Any] = []
    for lines, block in re.findall(r"^```json(l?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        found += [msgspec.json.decode(one) for one in (block.splitlines() if lines else [block])]
    return found


def messages() -> list[dict[str, Any]]:
    """Every message that the page shows, those of a batch one by one."""
    flat = [one for example in examples(PAGE) for one in (example if isinstance(example, list) else [example])]
    return [one for one in flat if "specversion" in one and "position" not in one]


def rows(kind: type[msgspec.Struct]) -> list[Row]:
    """The table that a struct should have."""
    return [Row(field.encode_name, in_words(field.type), field.required) for field in msgspec.structs.fields(kind)]


def in_words(kind: Any) -> str:
    """How the page writes a type; a field that may be null and may be left out as well says so."""
    choices = set(get_args(kind)) if NoneType in get_args(kind) or msgspec.UnsetType in get_args(kind) else {kind}
    plain = choices - {NoneType, msgspec.UnsetType}
    text = "object or sealed text" if plain == {str, dict[str, Any]} else WORDS[plain.pop()]
    return f"{text} or null" if {NoneType, msgspec.UnsetType} <= choices else text
