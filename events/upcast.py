"""Old versions of events, read as today's: one step per version, from plain data to plain data.

A step never reads a clock, a setting or a sealed field, so that a log means the same for ever.
Every version that was ever released keeps an example in `tests/events/released/`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from events import ContractError

type_and_version = tuple[str, int]
Step = Callable[[dict[str, Any]], dict[str, Any]]


def _as_it_was(fields: dict[str, Any]) -> dict[str, Any]:
    """What was always there may be missing from now on; who wrote the earlier version has told it."""
    return fields


STEPS: dict[type_and_version, Step] = {("handover.noted-late", 1): _as_it_was}
"""`STEPS["call.received", 1]` turns the fields of version 1 into those of version 2."""


def raise_version(name: str, stored: int, current: int, data: msgspec.Raw) -> dict[str, Any]:
    """The fields of an event of version `stored`, as version `current` has them.

    Raises:
        ContractError: the event is newer than this release, or a step is missing.
    """
    if stored > current:
        raise ContractError(f"{name} version {stored} is newer than this release, which reads up to {current}")
    fields: dict[str, Any] = msgspec.json.decode(data)
    for version in range(stored, current):
        step = STEPS.get((name, version))
        if step is None:
            raise ContractError(f"{name} version {version} cannot be read: no upcast to {version + 1}")
        fields = step(fields)
    return fields
