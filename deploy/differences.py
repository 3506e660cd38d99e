"""What a changed ward's file would change: by the keys of its entries, so that one new column is one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from services.ward import Label, Ward

Kind = Literal["added", "removed", "changed", "order"]
WORDS: dict[Kind, Label] = {
    "added": Label("追加", "added"),
    "removed": Label("削除", "removed"),
    "changed": Label("変更", "changed"),
    "order": Label("順序", "order"),
}
_NAMING = (("key",), ("id",), ("from",), ("word",), ("on",), ("band", "start"))
"""What names an entry of a list, by the kind of entry."""


class Difference(msgspec.Struct, frozen=True):
    """One change. `place` is a path of keys: outcome.home-help.rank; `label` what the entry there is called."""

    place: str
    kind: Kind
    before: Any = None
    after: Any = None
    label: Label | None = None

    def __str__(self) -> str:
        """In both languages, on one line."""
        word, name = WORDS[self.kind], f" ({self.label.ja} / {self.label.en})" if self.label else ""
        values = {
            "added": "" if self.after is None else f": {_shown(self.after)}",
            "removed": "" if self.before is None else f": {_shown(self.before)}",
            "changed": f": {_shown(self.before)} → {_shown(self.after)}",
            "order": f": {_shown(self.before)} → {_shown(self.after)}",
        }
        return f"{word.en} {word.ja}  {self.place}{name}{values[self.kind]}"


def differences(before: Ward, after: Ward) -> list[Difference]:
    """All that differs, in the order of the file."""
    return list(_differ("", before.content(), after.content(), None))


def _differ(place: str, before: Any, after: Any, label: Label | None) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differ(f"{place}.{key}" if place else key, before.get(key), after.get(key), label)
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        yield from _differ_in_list(place, list(before), list(after), label)
    elif before is None:
        yield Difference(place, "added", after=after, label=label)
    elif after is None:
        yield Difference(place, "removed", before=before, label=label)
    else:
        yield Difference(place, "changed", before, after, label)


def _differ_in_list(place: str, before: list[Any], after: list[Any], label: Label | None) -> Iterator[Difference]:
    old, new = ({_name(entry): entry for entry in entries} for entries in (before, after))
    if len(old) < len(before) or len(new) < len(after):  # Names that stand twice name nothing.
        yield Difference(place, "changed", before, after, label)
        return
    for name, entry in old.items():
        if name not in new:
            yield _whole(place, "removed", name, entry, label)
        elif isinstance(entry, dict):
            yield from _differ(f"{place}.{name}", entry, new[name], _label(entry) or label)
    for name, entry in new.items():
        if name not in old:
            yield _whole(place, "added", name, entry, label)
    kept, now = [name for name in old if name in new], [name for name in new if name in old]
    if kept != now:
        yield Difference(place, "order", kept, now, label)


def _whole(place: str, kind: Literal["added", "removed"], name: str, entry: Any, label: Label | None) -> Difference:
    """An entry that came or went; of one without a label its values are told."""
    if not isinstance(entry, dict):
        told, at = entry, place
    else:
        told, at = None if "label" in entry else entry, f"{place}.{name}"
        label = _label(entry) or label
    if kind == "removed":
        return Difference(at, kind, before=told, label=label)
    return Difference(at, kind, after=told, label=label)


def _name(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    naming = next((fields for fields in _NAMING if all(field in entry for field in fields)), tuple(entry))
    return " ".join(
        "/".join(value) if isinstance(value, list | tuple) else str(value)
        for value in (entry[field] for field in naming)
    )


def _label(entry: dict[str, Any]) -> Label | None:
    label = entry.get("label")
    return Label(**label) if isinstance(label, dict) else None


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items() if each is not None)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return repr(value)
