"""Characters that nobody sees: they make an empty name look written, and turn a line around. Pure."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
_TURNS = dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def seen(text: str) -> str:
    """What somebody typed, without control and format characters; new lines, as one character, and tabs stay."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(each for each in text.replace("\r\n", "\n") if each in _KEPT or not _is_unseen(each))


def straight(text: str) -> str:
    """A text for a page, a print or a terminal, without what turns the direction of writing around."""
    return text if text.isascii() else text.translate(_TURNS)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf")
