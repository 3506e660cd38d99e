"""The place in a message that something is about, in words. Pure."""

from __future__ import annotations

import re

from services.pages.terms import Terms

_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d{1,3})\])?")
SILENT = ("data", "personal", "matters")
"""Steps that tell a coordinator nothing."""


def place_in_words(field: str, terms: Terms, *, is_known: bool = True) -> str:
    """`data.matters[1].district` is 地域（2）; what no list names stands under its own name.

    Not `is_known`: the message has no such field, and its name stands in quotes, whatever else is called so.
    """
    words, last = [], ""
    steps = _STEP.findall(field)
    for n, (name, number) in enumerate(steps, start=1):
        last = f"{int(number) + 1}" if number else last
        if not is_known and n == len(steps) > 1:
            words.append(f"「{name}」" if terms.language == "ja" else f"“{name}”")
        elif name not in SILENT:
            words.append(terms.screen(WHOLE[name]) if name in WHOLE else _word(name, terms))
    place = "›".join(words)
    if not last or last == "1":
        return place
    return f"{place}（{last}）" if terms.language == "ja" else f"{place} ({last})"


WHOLE = {
    "message": "place_message",
    "batch": "place_batch",
    "id": "place_id",
    "source": "place_source",
    "type": "place_type",
    "specversion": "place_specversion",
}
"""Places in the envelope of a message."""


def _word(name: str, terms: Terms) -> str:
    field = terms.field(name)
    return field if field != name else terms.personal(name)
