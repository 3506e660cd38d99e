"""What handover records: cases offered and handed over, each with its kind.

Kinds: `morning` (朝の引継ぎ: night to day provider, as the first item of an open case is acknowledged), `agency` and
`section` (関係機関への引継ぎ), `escalation` and `information` (情報提供のみ).
Only agency and section ever count in a table.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from events import Event, vocabulary

MORNING = "morning"
KINDS = (MORNING, "agency", "section", "escalation", "information")

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


HOW = ("phone", "fax", "mail", "visit", "web")
"""By which way something was sent, or an answer came: most agencies have a telephone and a fax, and no system."""


class HandoverOffered(_OfCase, frozen=True, kw_only=True):
    """Somebody was asked to take the case on (依頼中). `agency`: its key in the directory, where it is named there.

    `basis`: `consent`, or one of the ward's list: on what something about a person may go there; None: the ward's file
    has no such list. `answer_by`: until when the offer stands; None: until it is answered or taken back.
    """

    name: ClassVar[str] = "handover.offered"
    provider: str
    ref: str | None = None
    kind: str
    to: str
    agency: str | None = None
    basis: str | None = None
    answer_by: datetime | None = None
    sealed: str | None = None


BY_PAPER = ("fax", "post", "by-hand")
"""By which way a sheet is sent: nobody types a number, it is the directory's."""

MOST_PAGES = 200
"""Of one sheet, with its cover."""

RECALLED = ("misdialled", "wrong-receiver", "wrong-content", "other")
"""Why a sheet is asked back (誤送信・回収)."""


class HandoverSent(_OfCase, frozen=True, kw_only=True):
    """A sheet with its cover went out, as two people had checked: the `sending`-th of this hand-over, from 1.

    To whom is as the directory had it on that day: `to` in its word, `agency` its key, `fax` its number. Who sent it
    and who checked it is sealed. Whether it came is said by `handover.delivered`.
    """

    name: ClassVar[str] = "handover.sent"
    provider: str
    sending: int
    how: str
    to: str
    agency: str | None = None
    fax: str | None = None
    pages: int
    sealed: str | None = None


class HandoverRecalled(_OfCase, frozen=True, kw_only=True):
    """A sheet went where it should not have, or said what it should not have, and is asked back (誤送信・回収).

    `how` it was asked back. `collected`: whether it is back or was destroyed; None: not known yet. Said again, it is
    what is known by then.
    """

    name: ClassVar[str] = "handover.recalled"
    provider: str
    sending: int
    reason: str
    how: str | None = None
    collected: bool | None = None
    sealed: str | None = None


class HandoverDelivered(_OfCase, frozen=True, kw_only=True):
    """It came to the other side, `how`. Said again, it was sent again."""

    name: ClassVar[str] = "handover.delivered"
    provider: str
    how: str
    sealed: str | None = None


class HandoverSeen(_OfCase, frozen=True, kw_only=True):
    """Somebody on the other side has looked at it, and has not answered yet."""

    name: ClassVar[str] = "handover.seen"
    provider: str
    how: str | None = None
    sealed: str | None = None


class HandedOver(_OfCase, frozen=True, kw_only=True):
    """The other side took the case on (受諾). `giver` handed over, `to` received, as `provider` said.

    `basis`: as in the offer. `how` the acceptance came. What it is for, what was agreed and by whom are sealed.
    """

    name: ClassVar[str] = "handed-over"
    provider: str
    ref: str | None = None
    kind: str
    giver: str
    to: str
    agency: str | None = None
    basis: str | None = None
    how: str | None = None
    sealed: str | None = None


class HandoverDeclined(_OfCase, frozen=True, kw_only=True):
    """The other side did not take the case on (受諾不可)."""

    name: ClassVar[str] = "handover.declined"
    provider: str | None = None
    reason: str | None = None
    how: str | None = None
    sealed: str | None = None


class HandoverWithdrawn(_OfCase, frozen=True, kw_only=True):
    """The giver took the offer back (取下げ). `accepted-elsewhere`: somebody else took the case on first.

    `giver`: an acceptance had been recorded that came after this by its own time; the case is this giver's again.
    """

    name: ClassVar[str] = "handover.withdrawn"
    provider: str | None = None
    giver: str | None = None
    reason: str | None = None
    how: str | None = None
    sealed: str | None = None


class HandoverExpired(_OfCase, frozen=True, kw_only=True):
    """Nobody answered in time (期限切れ): the offer stands no longer. `fired_at`: when that was noticed."""

    name: ClassVar[str] = "handover.expired"
    due_at: datetime
    fired_at: datetime


class HandoverAnsweredLate(_OfCase, frozen=True, kw_only=True):
    """An answer came to what was settled already. It is kept, and changes nothing.

    `said`: `accepted`, `declined`, `withdrawn` or `returned`. `because`: what it came after: one of these, `expired`,
    or `accepted-elsewhere`.
    """

    name: ClassVar[str] = "handover.answered-late"
    provider: str
    said: str
    because: str
    reason: str | None = None
    how: str | None = None
    sealed: str | None = None


class HandoverNotedLate(_OfCase, frozen=True, kw_only=True):
    """Something happened on a case that an agency has taken on: a late note, of which the new owner must be told.

    `what`: the event that says so, and `provider`: whose it is. An event of intake is about a `contact`; one of
    placement about a `placement`, of the ward's kind `placement_kind`. `owner`: whose case it is. Version 1 was about
    contacts alone.
    """

    name: ClassVar[str] = "handover.noted-late"
    version: ClassVar[int] = 2
    contact: str | None = None
    placement: str | None = None
    placement_kind: str | None = None
    provider: str
    what: str
    owner: str


class HandoverReturned(_OfCase, frozen=True, kw_only=True):
    """A case that had been taken on came back (差戻し) to `giver`: the hand-over no longer counts."""

    name: ClassVar[str] = "handover.returned"
    provider: str | None = None
    giver: str | None = None
    reason: str | None = None
    how: str | None = None
    sealed: str | None = None


HandoverEvent = (
    HandoverOffered
    | HandoverSent
    | HandoverRecalled
    | HandoverDelivered
    | HandoverSeen
    | HandedOver
    | HandoverDeclined
    | HandoverWithdrawn
    | HandoverExpired
    | HandoverAnsweredLate
    | HandoverNotedLate
    | HandoverReturned
)

vocabulary(
    HandoverOffered,
    HandoverSent,
    HandoverRecalled,
    HandoverDelivered,
    HandoverSeen,
    HandedOver,
    HandoverDeclined,
    HandoverWithdrawn,
    HandoverExpired,
    HandoverAnsweredLate,
    HandoverNotedLate,
    HandoverReturned,
)
