"""From a row to a message, or to what is wrong with it. Pure: the same row gives the same message, for ever."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from deploy.importing.mapping import Field, Kind, Mapping, Path_, steps_of
from deploy.importing.sheets import NO_VALUE
from deploy.importing.values import EPOCH, day_of, moment_of, text_of, truth_of
from events.messages import MAX_ID_LENGTH
from services.era import folded
from services.inbox import SPECVERSION

IN_A_CELL: dict[str, str] = {
    "time": "R7.11.15 1:50, 2025-11-15 01:50, 25:50",
    "day": "R7.4.10, 令和7年4月10日, 2025-04-10",
    "truth": "○, ×, 有, 無",
}
"""What a person may write in a cell that is read as such, in every language."""

Digest = Callable[[bytes], str]
"""A keyed digest of a text that may be personal."""

_SEPARATORS = re.compile(r"[、,，;；\n]+")
_UNREADABLE = re.compile(r"\\x[0-9a-f]{2}|[\ufffd\ue000-\uf8ff]")
"""Bytes that were no character, and characters that only the machine which wrote them has (外字)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NO_ZERO = re.compile(r"[1-9]\d{8,9}")
MARKS_OF_NONE = frozenset({"", "-", "－", "―", "ー"})


class Finding(msgspec.Struct, frozen=True):
    """Something to look at. `columns` are places in the row, `accepted` what would be taken; no value is repeated.

    `held`: the row was not sent because of it. `reason`: what a rule says of a message that it cannot use.
    Of a cell that was edited since it was taken, `own_value` is what it says and `held_value` what is held; both are
    None elsewhere, and are shown to nobody but whoever has the sheet.
    """

    code: str
    columns: tuple[int, ...] = ()
    accepted: str | None = None
    reason: str | None = None
    held: bool = False
    other_row: int | None = None
    held_value: str | None = None
    own_value: str | None = None


class Made(msgspec.Struct):
    """A row's message, and what is to be looked at. Without an id there is no message."""

    row: int
    message: dict[str, Any] | None
    findings: list[Finding]


class Maker:
    """Makes messages of rows, by a mapping and where its columns are in this sheet."""

    def __init__(
        self,
        mapping: Mapping,
        places: dict[str, int],
        zone: ZoneInfo,
        digest: Digest,
        *,
        epoch: datetime = EPOCH,
        synthetic: bool = False,
    ) -> None:
        self._mapping, self._places, self._zone, self._digest, self._epoch = mapping, places, zone, digest, epoch
        self._synthetic = mapping.synthetic or synthetic
        self._fields = [(field, field.path, self._of(field.reads)) for field in mapping.field]

    def _of(self, names: Sequence[str]) -> tuple[int, ...]:
        return tuple(self._places[name] for name in names)

    def make(self, row: int, cells: Sequence[Any]) -> Made:
        """One row's message. A value that does not fit goes as it stands; what cannot go so the checker says."""
        made = Made(row, None, [])
        own_id = self._id(cells, made)
        message: dict[str, Any] = {
            "specversion": SPECVERSION,
            "id": own_id,
            "source": self._mapping.source,
            "type": self._mapping.type,
        }
        if self._synthetic:
            message["synthetic"] = True
        message["data"] = {}
        for field, path, places in self._fields:
            value = self._value(field, [_cell(cells, place) for place in places], places, made)
            if value is not None:
                _put(message, path, value)
        _close_gaps(message["data"])
        if own_id is not None:
            made.message = message
        return made

    def columns_of(self, flagged: str | None) -> tuple[int, ...]:
        """Which columns feed the field that a flag names, or the nearest one above or below it."""
        if flagged is None:
            return ()
        exact = [places for field, _, places in self._fields if field.to == flagged]
        below = [places for field, _, places in self._fields if field.to.startswith((f"{flagged}.", f"{flagged}["))]
        found = exact or ([] if flagged == "data" else below)
        return tuple(dict.fromkeys(place for places in found for place in places))

    def leaves(self, place: str) -> list[tuple[Path_, tuple[int, ...]]]:
        """The columns that feed a place or something inside it, and where inside."""
        if any(field.to == place for field, _, _ in self._fields):
            return [((), self.columns_of(place))]
        inside = (f"{place}.", f"{place}[")
        steps = steps_of(place)
        return [(path[len(steps) :], columns) for field, path, columns in self._fields if field.to.startswith(inside)]

    def kind_of(self, flagged: str | None) -> Kind | None:
        """As what the cells of a field are read; None: no column feeds it."""
        return next((field.as_ for field, _, _ in self._fields if field.to == flagged), None)

    def _id(self, cells: Sequence[Any], made: Made) -> str | None:
        places = self._of(self._mapping.id.columns)
        parts = [folded(text_of(_cell(cells, place))) for place in places]
        how = self._mapping.id.digest
        if not all(parts) if how == "none" else not any(parts):
            made.findings.append(Finding("no-id", places, held=True))
            return None
        joined = "\x1f".join(parts).encode(errors="backslashreplace")
        if how != "none":
            return sha256(joined).hexdigest()[:32] if how == "plain" else self._digest(joined)[:32]
        own = "-".join(parts)
        if len(own) > MAX_ID_LENGTH or _CONTROL.search(own) or NO_VALUE in own:
            made.findings.append(Finding("id-unusable", places, f"1–{MAX_ID_LENGTH}", held=True))
            return None
        return own

    def _value(self, field: Field, cells: list[Any], places: tuple[int, ...], made: Made) -> Any:
        if field.constant is not None:
            return field.constant
        for place, cell in zip(places, cells, strict=True):
            if cell == NO_VALUE:
                made.findings.append(Finding("no-result", (place,), held=field.to == "time"))
            elif isinstance(cell, str) and _UNREADABLE.search(cell):
                made.findings.append(Finding("unreadable", (place,)))
        cells = [None if cell == NO_VALUE else cell for cell in cells]
        if field.as_ == "marks":
            return self._marks(field, cells)
        if not any(text_of(cell) for cell in cells):
            return None
        if len(cells) == 1 and field.words:
            known = {folded(word).casefold(): value for word, value in field.words.items()}
            plain = folded(text_of(cells[0])).casefold()
            if plain in known:
                return known[plain]
        return self._converted(field, cells, places, made)

    def _converted(self, field: Field, cells: list[Any], places: tuple[int, ...], made: Made) -> Any:
        text = " ".join(part for part in map(text_of, cells) if part)
        match field.as_:
            case "time":
                moment = moment_of(cells, self._epoch)
                if moment is None:
                    return text
                return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).isoformat()
            case "day":
                day = day_of(cells[0], self._epoch)
                if day is None:
                    made.findings.append(Finding("not-a-day", places, IN_A_CELL["day"]))
                return day.isoformat() if day else text
            case "truth":
                truth = truth_of(text)
                return text if truth is None else truth
            case "whole":
                plain = folded(text)
                return int(plain) if plain.isdecimal() and len(plain) <= 15 else text
            case "list":
                return self._list(field, text)
            case "digest":
                parts = "\x1f".join(folded(text_of(cell)) for cell in cells)
                return f"h-{self._digest(parts.encode(errors='backslashreplace'))[:24]}"
            case _ if field.path[-1] == "phone":
                return _with_its_zero(text)
            case _:
                return text if field.is_personal else folded(text)

    def _list(self, field: Field, text: str) -> list[Any]:
        words = {folded(word).casefold(): value for word, value in field.words.items()}
        if folded(text) in {folded(word) for word in field.none}:
            return []
        parts = [folded(part) for part in _SEPARATORS.split(text)]
        return [words.get(part.casefold(), part) for part in parts if part]

    def _marks(self, field: Field, cells: list[Any]) -> list[str] | None:
        """The words of the marked columns; None where none is, unless one of them says that there is none."""
        texts = [text_of(cell) for cell in cells]
        marked = [
            word
            for word, text in zip(field.marks.values(), texts, strict=True)
            if text not in MARKS_OF_NONE and truth_of(text) is not False and folded(text) not in field.none
        ]
        said_none = any(folded(text) in {folded(word) for word in field.none} for text in texts if text)
        return marked or ([] if said_none else None)


def _with_its_zero(text: str) -> str:
    """A telephone number, with the 0 that a spreadsheet takes away where it keeps it as a number: all begin with it."""
    return f"0{folded(text)}" if _NO_ZERO.fullmatch(folded(text)) else text


def _cell(cells: Sequence[Any], place: int) -> Any:
    return cells[place] if place < len(cells) else None


def _put(target: Any, path: Path_, value: Any) -> None:
    """Let a value stand at a place, with the objects and lists around it."""
    for step, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            while len(target) <= step:
                target.append({})
            target = target[step]
        else:
            target = target.setdefault(step, empty)
    last = path[-1]
    if isinstance(last, int):
        target.append(value)
    else:
        target[last] = value


def _close_gaps(value: Any) -> None:
    """Entries of a list for which no cell had anything are left out."""
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, list):
            part[:] = [entry for entry in part if entry != {}]
        if isinstance(part, dict | list):
            _close_gaps(part)
