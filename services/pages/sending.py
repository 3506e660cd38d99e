"""What the pages send: a message as a role's provider, put through the door like everything that comes from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

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


M = TypeVar("M")

KEPT = timedelta(hours=1)
MOST = 4_000
"""Forms whose messages are remembered; beyond that the oldest is forgotten."""


class Told(NamedTuple):
    """A message that is ready for the door."""

    provider: str
    body: bytes

    @property
    def causation(self) -> str:
        """How the events that come of it name it."""
        told = msgspec.json.decode(self.body)
        return f"message:{self.provider}/{told['source']}#{told['id']}"


class Made:
    """The messages that were made of the forms of the last hour, in memory alone."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[datetime, Told]] = {}

    def of(self, identity: str | None, now: datetime) -> Told | None:
        """What was made of this form; None: nothing, or too long ago."""
        made, told = self._made.get(identity or "", (now, None))
        return told if now - made < KEPT else None

    def keep(self, identity: str, told: Told, now: datetime) -> Told:
        """Remember it; of two that were made at once the first stands."""
        if known := self.of(identity, now):
            return known
        self._made.pop(identity, None)  # What is remembered anew is the newest.
        self._made[identity] = (now, told)
        oldest = next(iter(self._made))
        while len(self._made) > MOST or now - self._made[oldest][0] >= KEPT:
            del self._made[oldest]
            oldest = next(iter(self._made))
        return told


class Backroom(msgspec.Struct, frozen=True):
    """What pages that act need: the writing services' databases to look into, the ward's keys, and the door.

    `engines` are for reading alone.
    """

    engines: Mapping[str, sa.Engine]
    secrets: Secrets
    submit: Submit
    clock: Clock = system_clock
    made: Made = msgspec.field(default_factory=Made)

    async def once(self, identity: str | None, make: Callable[[], Told | M]) -> Told | M:
        """What `make` makes of a form. Of the very same form again it is the very same message, id and time included,
        which the services hear once: whoever does not know whether it arrived may send it again.

        `identity`: of the form, as `forms.identity_of` has it; None: what is made is not remembered.
        """
        if known := self.made.of(identity, self.clock()):
            return known
        made = await run_in_threadpool(make)
        return self.made.keep(identity, made, self.clock()) if identity and isinstance(made, Told) else made


def message(kind: str, data: Mapping[str, Any], at: datetime, *, synthetic: bool = False) -> dict[str, Any]:
    """A message of our own about what somebody does on a page at `at`."""
    envelope = {"specversion": SPECVERSION, "id": str(uuid4()), "source": SOURCE, "type": kind, "time": at.isoformat()}
    return {**envelope, **({"synthetic": True} if synthetic else {}), "data": dict(data)}
