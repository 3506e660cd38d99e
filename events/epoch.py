"""What every writing service records once after a restore: that its log goes on in a new epoch."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from events import Event, vocabulary


class EpochOpened(Event, frozen=True, kw_only=True):
    """Everything was restored together, and this service's log goes on after `continues_after`.

    It is the first event of `epoch`. What arrived after `missing_from` (the backup's moment) and before
    `missing_until` (the restore's) may be missing; both UTC. Who heard more of the epoch before than
    `continues_after` holds what this log no longer does, and must stop.
    """

    name: ClassVar[str] = "epoch.opened"
    ward: str
    service: str
    epoch: int
    continues_after: int
    missing_from: datetime
    missing_until: datetime

    @property
    def about(self) -> str:
        return self.ward


vocabulary(EpochOpened)
