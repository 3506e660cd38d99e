"""What somebody else recorded on a card while it was open here: another window's, or another worker's. Pure.

Nothing of it is lost, whoever came later: both stand in the history. But who writes over it has to be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from services.intake.from_page import MOMENTS, FromPage
from services.pages.terms import Terms

END = 250
"""Of a long text, so many characters of its beginning and of its end."""

OF_TIME = frozenset({*MOMENTS, "call_back_by"})


def recorded_meanwhile(told: FromPage, stands: Mapping[str, Any], terms: Terms) -> dict[str, str]:
    """By field, in words, what stands there that the card never showed, and that it is about to write over.

    `stands`: the values of the card as it is recorded, by the names of its fields, for whoever sees them.
    """
    return {name: _in_words(name, stands[name], terms) for name in _strange(told, stands)}


def _strange(told: FromPage, stands: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told.fields.items():
        there = stands.get(name)
        if _is_said(there) and _plain(there) not in map(_plain, [value, *told.known.get(name, [])]):
            yield name


def _is_said(value: Any) -> bool:
    return isinstance(value, str | list) and bool(value)


def _plain(value: Any) -> object:
    """As it is compared: a field of one line has no others, and reasons have no order."""
    if isinstance(value, list):
        return frozenset(value)
    return " ".join(_abridged(value).split()) if isinstance(value, str) else value


def _abridged(text: str) -> str:
    """A long text as the page sends it to be compared: what it knows never makes a card too large to be read."""
    return text if len(text) <= 2 * END + 1 else f"{text[:END]}…{text[-END:]}"


def _in_words(name: str, value: Any, terms: Terms) -> str:
    match name:
        case "reasons":
            return terms.listed(terms.word("reason", key) for key in value)
        case "district":
            return terms.district(value)
        case "call_back_who":
            return terms.provider(value)
        case "channel" | "not_counted":
            return terms.code(value)
        case _ if name in OF_TIME:
            return terms.moment(datetime.fromisoformat(value).replace(tzinfo=terms.ward.zone))
        case _:
            return str(value)
