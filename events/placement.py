"""What placement records: a bed, a supporter or a helper that was arranged, or cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from events import Event, vocabulary


class PlacementArranged(Event, frozen=True, kw_only=True):
    """A place was arranged (利用調整). `kind` is one of the ward's placement kinds.

    `by` is `centre`, or `agency` for what an agency arranged on its own, which counts nowhere.
    `begins_at` is when the stay or the visit starts; None: at once, at the event's own time.
    """

    name: ClassVar[str] = "placement.arranged"
    placement: str
    case: str
    provider: str
    ref: str | None = None
    kind: str
    facility: str | None = None
    by: str = "centre"
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class PlacementCancelled(Event, frozen=True, kw_only=True):
    """An arranged place was given up. It stops counting only if that was before it began."""

    name: ClassVar[str] = "placement.cancelled"
    placement: str
    case: str
    reason: str | None = None
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


PlacementEvent = PlacementArranged | PlacementCancelled

vocabulary(PlacementArranged, PlacementCancelled)
