"""What the entries of a ward's file are made of: a key for messages, and a word in both languages for people."""

from __future__ import annotations

import msgspec


class Label(msgspec.Struct, frozen=True):
    """A word in the two languages of the screens."""

    ja: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.en if language == "en" else self.ja


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file that takes no key it does not know."""


class Keyed(Strict, frozen=True, kw_only=True):
    """Something that messages name by `key` and people by `label`; `also` are further words for it."""

    key: str
    label: Label
    also: tuple[str, ...] = ()
