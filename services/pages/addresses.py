"""What stands behind the ? of an address: read, or refused with its name and what is accepted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from starlette.exceptions import HTTPException

from services.era import folded, parse_date
from services.keyed import Label
from services.pages.words import SCREEN

MOST_DIGITS = 6

PARTS = {
    "night": "address_of_night",
    "edition": "address_of_edition",
    "page": "address_of_page",
    "since": "address_of_since",
}
"""What each part of an address is called."""


class UnreadableAddress(HTTPException):
    """400: `said` tells which part of the address cannot be read, and what is accepted, but not what stood there."""

    def __init__(self, name: str, accepted: Label) -> None:
        super().__init__(400)
        word, what = SCREEN["address_wrong"], SCREEN[PARTS[name]]
        self.said = Label(
            word.ja.format(what=what.ja, name=name, accepted=accepted.ja),
            word.en.format(what=what.en, name=name, accepted=accepted.en),
        )


def day_in(query: Mapping[str, str], name: str) -> date | None:
    """A day as people write it; None: none is asked for. Raises UnreadableAddress."""
    given = query.get(name, "").strip()
    try:
        return parse_date(given[:40]) if given else None
    except ValueError:
        raise UnreadableAddress(name, SCREEN["address_day"]) from None


def whole_in(query: Mapping[str, str], name: str, least: int = 0) -> int | None:
    """A whole number from `least` on, in digits of any width; None: none is asked for. Raises UnreadableAddress."""
    given = folded(query.get(name, "")).strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= MOST_DIGITS and int(given) >= least):
        word = SCREEN["address_number"]
        accepted = Label(word.ja.format(least=least), word.en.format(least=least))
        raise UnreadableAddress(name, accepted)
    return int(given)
