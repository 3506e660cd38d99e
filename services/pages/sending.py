"""What the pages send: a message as a role's provider, put through the door like everything that comes from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import sqlalchemy as sa

from events import SPECVERSION
from events.messages import Receipt
from services.clock import Clock, system_clock
from services.parked_desk import SOURCE
from services.seal import Secrets


class Submitted(Protocol):
    """What became of it: `state` is receipts, queued, unavailable or unreadable."""

    @property
    def state(self) -> str: ...
    @property
    def receipts(self) -> Sequence[Receipt]: ...


Submit = Callable[[str, bytes], Awaitable[Submitted]]
"""(provider, a CloudEvent in JSON or a list of them) → what became of it."""


class Backroom(NamedTuple):
    """What pages that act need: the writing services' databases to look into, the ward's keys, and the door.

    `engines` are for reading alone.
    """

    engines: Mapping[str, sa.Engine]
    secrets: Secrets
    submit: Submit
    clock: Clock = system_clock


def message(kind: str, data: Mapping[str, Any], at: datetime, *, synthetic: bool = False) -> dict[str, Any]:
    """A message of our own about what somebody does on a page at `at`."""
    envelope = {"specversion": SPECVERSION, "id": str(uuid4()), "source": SOURCE, "type": kind, "time": at.isoformat()}
    return {**envelope, **({"synthetic": True} if synthetic else {}), "data": dict(data)}
