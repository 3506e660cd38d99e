"""What handover records: cases offered and handed over, each with its kind.

Kinds: `morning` (朝の引継ぎ, night to day provider), `agency` and `section` (関係機関への引継ぎ),
`escalation` and `information` (情報提供のみ). Only agency and section ever count in a table.
"""

from __future__ import annotations

from typing import ClassVar

from events import Event, vocabulary

KINDS = ("morning", "agency", "section", "escalation", "information")

PASSING_KINDS = ("agency", "section")
"""Once accepted, the case is the receiver's; these alone count."""

AGENCY_KINDS = (*PASSING_KINDS, "information")
"""Something about a person goes to somebody of the directory (送付先名簿)."""


class _OfCase(Event, frozen=True, kw_only=True):
    """An event of one hand-over of one case."""

    handover: str
    case: str

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class HandoverOffered(_OfCase, frozen=True, kw_only=True):
    """Somebody was asked to take the case on (依頼中). `agency`: its key in the directory, where it is named there."""

    name: ClassVar[str] = "handover.offered"
    provider: str
    ref: str | None = None
    kind: str
    to: str
    agency: str | None = None
    sealed: str | None = None


class HandedOver(_OfCase, frozen=True, kw_only=True):
    """The other side took the case on (受諾). `giver` handed over, `to` received."""

    name: ClassVar[str] = "handed-over"
    provider: str
    ref: str | None = None
    kind: str
    giver: str
    to: str
    agency: str | None = None
    sealed: str | None = None


class HandoverDeclined(_OfCase, frozen=True, kw_only=True):
    """The other side did not take the case on (受諾不可)."""

    name: ClassVar[str] = "handover.declined"
    reason: str | None = None
    sealed: str | None = None


class HandoverWithdrawn(_OfCase, frozen=True, kw_only=True):
    """The giver took the offer back (取下げ)."""

    name: ClassVar[str] = "handover.withdrawn"
    reason: str | None = None
    sealed: str | None = None


class HandoverReturned(_OfCase, frozen=True, kw_only=True):
    """A case that had been taken on came back (差戻し) to `giver`: the hand-over no longer counts."""

    name: ClassVar[str] = "handover.returned"
    giver: str | None = None
    reason: str | None = None
    sealed: str | None = None


HandoverEvent = HandoverOffered | HandedOver | HandoverDeclined | HandoverWithdrawn | HandoverReturned

vocabulary(HandoverOffered, HandedOver, HandoverDeclined, HandoverWithdrawn, HandoverReturned)
