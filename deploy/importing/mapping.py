"""The mapping file: which column of a sheet feeds which field of a message, and how its id is made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from events.messages import MAX_ID_LENGTH, MESSAGES
from services import toml_file
from services.toml_file import FileError

Kind = Literal["text", "list", "marks", "truth", "whole", "day", "time", "digest"]
Digest = Literal["none", "plain", "keyed"]

_STEP = re.compile(r"\.?([a-z][a-z0-9_-]*)|\[(\d{1,2})\]")
OF_THE_ENVELOPE = ("time", "entered")

Path_ = tuple[str | int, ...]


class MappingError(FileError):
    """A mapping file that cannot be used; says on which line, why, and what is accepted."""


def steps_of(place: str) -> Path_:
    """A place, step by step."""
    return tuple(name or int(number) for name, number in _STEP.findall(place))


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of the message, `to` its place: `time`, `data.district`, `data.matters[0].case`.

    It has one of `columns`, `constant` and `marks`. `as`: `text` (several columns are joined with a space),
    `list` (split at 、, commas and line breaks), `marks` (each marked column adds its word), `truth`, `whole`,
    `day`, `time` (one column, or one with the date and one with the time), `digest` (a keyed digest: a reference
    made of personal columns).
    `words` translates what stands in the cell, in any width; `none` lists what says, in a list, that there is none.
    """

    to: str
    columns: tuple[str, ...] = ()
    as_: Kind = msgspec.field(name="as", default="text")
    constant: Any = None
    marks: dict[str, str] = {}
    words: dict[str, Any] = {}
    none: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The headings of the columns that it reads."""
        return (*self.columns, *self.marks)

    @property
    def path(self) -> Path_:
        """Its place, step by step: ("data", "matters", 0, "case")."""
        return steps_of(self.to)

    @property
    def is_personal(self) -> bool:
        """Whether it is sealed; what is not is read in any width."""
        return "personal" in self.path


class Id(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a row's id is made: of the columns as they are, joined with -, or of their digest, `keyed` or `plain`.

    Only a `keyed` digest may be of anything personal: it needs this data directory's keys, and is the same ever after.
    """

    columns: tuple[str, ...]
    digest: Digest = "none"


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sheet of a workbook (the first, if not said), and of how many rows its heading is."""

    name: str | None = None
    heading_rows: int = 1


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping file. `type` is the message, `source` that of every message, part of what makes it known."""

    type: str
    source: str
    id: Id
    field: tuple[Field, ...]
    synthetic: bool = False
    sheet: Where = Where()

    @property
    def columns(self) -> list[str]:
        """Every heading that is read, once."""
        return list(dict.fromkeys([*self.id.columns, *(name for field in self.field for name in field.reads)]))


def load(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        MappingError: it cannot be used.
    """
    content, lines = toml_file.read(path, MappingError, "a mapping file (TOML), such as deploy/sheets/roster.toml")
    try:
        mapping = toml_file.shaped(content, Mapping, MappingError)
        _check(mapping)
    except MappingError as error:
        raise error.located(path, lines) from error
    return mapping


def _check(mapping: Mapping) -> None:
    if mapping.type not in MESSAGES:
        raise MappingError(f"type {mapping.type!r} is no message; accepted: {', '.join(MESSAGES)}", "type")
    if not 0 < len(mapping.source) <= MAX_ID_LENGTH:
        raise MappingError(f"source: up to {MAX_ID_LENGTH} characters, such as /roster/2024", "source")
    if not mapping.id.columns:
        raise MappingError("id.columns: at least one column", "id", "columns")
    if not 1 <= mapping.sheet.heading_rows <= 5:
        raise MappingError("sheet.heading_rows: 1 to 5", "sheet", "heading_rows")
    known = {f.encode_name for f in msgspec.structs.fields(MESSAGES[mapping.type])}
    for number, field in enumerate(mapping.field):
        _check_field(field, known, ("field", number))
    places = [field.to for field in mapping.field]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise MappingError(f"{place} is fed twice", "field", number, "to")
    if "time" not in places:
        raise MappingError("no field feeds `time`: when it happened", "field")


def _check_field(field: Field, known: set[str], at: tuple[str | int, ...]) -> None:
    ways = [bool(field.columns), bool(field.marks), field.constant is not None]
    if sum(ways) != 1 or bool(field.marks) != (field.as_ == "marks"):
        raise MappingError(f'{field.to}: give one of columns, constant and marks (marks with as = "marks")', *at)
    steps, written = field.path, "".join(match[0] for match in _STEP.finditer(field.to))
    if written != field.to or not steps:
        raise MappingError(f"to = {field.to!r}: a place such as time, data.district or data.matters[0].case", *at, "to")
    if steps[0] == "data" and len(steps) > 1 and steps[1] not in known:
        raise MappingError(f"{field.to}: the message has no {steps[1]}; it has {', '.join(sorted(known))}", *at, "to")
    if steps[0] != "data" and field.to not in OF_THE_ENVELOPE:
        raise MappingError(f"{field.to}: time, entered, or a field under data", *at, "to")
    if field.to in OF_THE_ENVELOPE and field.as_ != "time":
        raise MappingError(f'{field.to}: as = "time"', *at)
    if field.as_ == "time" and len(field.columns) > 2:
        raise MappingError(f"{field.to}: one column, or one with the date and one with the time", *at, "columns")
