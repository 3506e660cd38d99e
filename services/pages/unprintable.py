"""Characters for which a print has no glyph, such as emoji: they are named in brackets there. Pure.

A box in the place of a character looks like a fault of the printer, and the reader cannot know what is missing. The
page shows what was typed, and what is kept stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from services.pages.words import SCREEN

_JOINED = "\ufe0e\ufe0f\u200d\U000e0020-\U000e007f"
"""What joins pictures into one, or says how one is to look: no glyphs of their own."""

_KEYCAP = re.compile("\ufe0f?\u20e3")
_TESTED = ("L", "N", "S", "C")
_NOT_TESTED = ("Cc", "Cf")
OWN = "Co"
"""The category of 外字, somebody's own characters: what a font has there is never what was meant."""

_ALIKE = range(0x23BE, 0x23CD)
"""Signs of dentistry, of which each takes the same room as the box; the font has them."""

_FRAMES = range(0x2500, 0x2600)
"""Lines and blocks, of which the same is true."""

MOST_NAMED = 3
"""Characters that are named each by its code; of more it is said how many they are."""


def doubtful(text: str) -> list[str]:
    """Each character that a Japanese font may lack, once."""
    return sorted(each for each in set(text) if not each.isascii() and _is_doubtful(each))


def _is_doubtful(character: str) -> bool:
    kind = unicodedata.category(character)
    if not kind.startswith(_TESTED) or kind in _NOT_TESTED or ord(character) in _ALIKE or ord(character) in _FRAMES:
        return False
    try:
        character.encode("cp932")
    except UnicodeEncodeError:
        return True
    return kind == OWN


def named(text: str, missing: Collection[str], language: str) -> str:
    """The text, with what has no glyph named in brackets; pictures that stand together are one."""
    text = _KEYCAP.sub("", text)
    missing = sorted({*missing, *(each for each in text if unicodedata.category(each) == OWN)})
    for word, of in (("printed_emoji", filter(_is_picture, missing)), ("", missing)):
        if found := "".join(map(re.escape, of)):
            runs = re.compile(f"[{found}]([{found}{_JOINED}]*)")
            text = runs.sub(lambda run, word=word: _in_brackets(run[0], word, language), text)  # type: ignore[misc]
    return text


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk")


def _in_brackets(run: str, word: str, language: str) -> str:
    if word:
        return SCREEN[word][language]
    letters = [each for each in run if unicodedata.category(each) not in ("Cf", "Mn")]
    if len(letters) > MOST_NAMED:
        return SCREEN["printed_letters"][language].format(n=len(letters))
    codes = " ".join(f"U+{ord(each):04X}" for each in letters)
    return SCREEN["printed_letter"][language].format(codes=codes)
