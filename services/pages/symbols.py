"""The short symbol of an id that has no number: what people compare by eye, the same on every page. Pure."""

from __future__ import annotations

LENGTH = 8


def symbol(identity: str) -> str:
    """The last eight characters, which are drawn: an id begins with the time at which it was given."""
    return identity[-LENGTH:]
