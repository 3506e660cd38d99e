"""What handover records of a night and its morning: statements, what became of each item, deadlines, who is in charge.

A night is named by the day on which it began, and everything of it is about `night_id(night)`. An item is
known by its night and its number `n`: 1, 2, 3 … over the statement and its supplements. Everything here is in
clear but for the sealed boxes: who acknowledged, and what was asked and answered.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import msgspec

from events import Event, vocabulary
from events.intake import night_id

VERDICTS = ("agree", "unconfirmed", "differ")
"""件数照合: 一致, 未確認, 不一致あり."""

DIFFERENCES = (
    "not-received",
    "unreadable",
    "waiting",
    "calls",
    "not-held",
    "not-recorded",
    "not-stated",
    "overdue",
    "exchange",
)
"""Which two hops differ. `not-received`: numbers of the provider's that never came; `unreadable`: numbers that came and
are parked; `waiting`: numbers that wait for something; `calls`: as many as the provider counts itself, and as many as
are held of it; `not-held`: contacts that intake recorded and handover does not hold; `not-recorded`: the reverse;
`not-stated`: contacts that no edition names; `overdue`: items not acknowledged in time; `exchange`: contacts that the
telephone exchange counted and nobody entered, or the reverse."""


NOTED_PARTS = ("note", "may_ring", "promised", "not_promise")
"""Of a `case.noted`, what is in its box: each a text, and at least one of them is there."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One call of the night as an edition lists it. `at` is the first clock.

    `further`: 続報, not the first contact of its consultation. `not_counted`: as in `call.received`. `wait_until`: the
    earliest of safe-until, next medication and promised call-back. `attended`: somebody of the ward answered for it at
    night. `late`: it came after the night's statement. `writing`: still being written as the night ended (記入中).
    """

    n: int
    contact: str
    matter: int = 1
    case: str | None = None
    number: str
    provider: str
    at: datetime
    further: bool = False
    not_counted: str | None = None
    wait_until: datetime | None = None
    attended: bool = False
    late: bool = False
    writing: bool = False


class Hops(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How many at each hop: messages for the first two, then contacts, then items. None: not known (未確認)."""

    sent: int | None = None
    received: int | None = None
    recorded: int | None = None
    held: int = 0
    stated: int = 0
    items: int = 0
    acknowledged: int = 0
    exchange: int | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A difference by name: the provider's numbers, 受付番号, contact ids or item numbers, whatever it is about.

    `what` is one of DIFFERENCES; `count` how many, of which the first hundred are named. Of `calls` and `exchange`,
    `named` are the two counts: as told, and as held.
    """

    what: str
    provider: str | None = None
    named: tuple[str, ...] = ()
    count: int


class OfNight(Event, frozen=True, kw_only=True):
    """An event of one night."""

    night: date

    @property
    def about(self) -> str:
        return night_id(self.night)


class StatementIssued(OfNight, frozen=True, kw_only=True):
    """夜間引継書: edition 0, or a supplement (追加分), with only the items that no earlier edition has.

    `due_at`: the end of the night, or when a late call came; the event's own time is when it was issued. `new`: how
    many 相談 began in that night, all editions together. `acknowledge_by`: until when each item must be acknowledged.
    `givers` to `receiver`: providers.
    """

    name: ClassVar[str] = "statement.issued"
    edition: int
    began_at: datetime
    ended_at: datetime
    due_at: datetime
    items: tuple[Item, ...] = ()
    new: int = 0
    hops: Hops
    differences: tuple[Difference, ...] = ()
    verdict: str
    acknowledge_by: datetime
    givers: tuple[str, ...] = ()
    receiver: str


class OfItem(OfNight, frozen=True, kw_only=True):
    """Something that became of one item. `item` 0: of a quiet night's statement as a whole."""

    item: int
    contact: str | None = None
    matter: int = 1
    case: str | None = None
    provider: str
    sealed: str | None = None

    @property
    def case_id(self) -> str | None:
        return self.case


class ItemAcknowledged(OfItem, frozen=True, kw_only=True):
    """受領: a named worker (sealed) took it over, with a note. Not yet acted on.

    `from_owner` to `to_owner`: in whose charge (担当) the case was, and is from now on; None where nothing passed.
    """

    name: ClassVar[str] = "item.acknowledged"
    from_owner: str | None = None
    to_owner: str | None = None


class ItemUnacknowledged(OfItem, frozen=True, kw_only=True):
    """取り消す: it was acknowledged by mistake; what had passed is back (`to_owner`)."""

    name: ClassVar[str] = "item.unacknowledged"
    from_owner: str | None = None
    to_owner: str | None = None


class ItemQuestioned(OfItem, frozen=True, kw_only=True):
    """照会: the day asks the night something about it."""

    name: ClassVar[str] = "item.questioned"


class ItemAnswered(OfItem, frozen=True, kw_only=True):
    """回答: the night answers."""

    name: ClassVar[str] = "item.answered"


class ItemDone(OfItem, frozen=True, kw_only=True):
    """What was left for the morning is done."""

    name: ClassVar[str] = "item.done"


class DeadlinePassed(OfNight, frozen=True, kw_only=True):
    """A step of the ladder was due and not everything of an edition was acknowledged: somebody is told.

    `items`: those not acknowledged, 0 for a quiet night's statement. `due_at` as planned, `fired_at` when it was
    noticed. `also`: the steps before it that fired in the same moment, so that one message names them all.
    """

    name: ClassVar[str] = "deadline.passed"
    edition: int
    step: str
    to: str
    due_at: datetime
    fired_at: datetime
    items: tuple[int, ...]
    also: tuple[str, ...] = ()


class DeadlineSettled(OfNight, frozen=True, kw_only=True):
    """What somebody had been told of is in hand: everything that the step named is acknowledged.

    `in_time`: by the first clock it had been acknowledged before it was due; only the word of it came later.
    """

    name: ClassVar[str] = "deadline.settled"
    edition: int
    step: str
    to: str
    items: tuple[int, ...]
    in_time: bool = False


class ExchangeCounted(OfNight, frozen=True, kw_only=True):
    """How many calls the telephone exchange counted in that night (電話の着信)."""

    name: ClassVar[str] = "exchange.counted"
    provider: str
    contacts: int


class CasePassed(Event, frozen=True, kw_only=True):
    """A case is in another's charge (担当) from this moment: `because` the contract passed on (`contract`), or it was
    merged with one that somebody had taken over or on (`merged`), or was taken apart from it again (`split`), or its
    item had been acknowledged while there was nothing to pass (`acknowledged`): then `night` and `item` say which.
    """

    name: ClassVar[str] = "case.passed"
    case: str
    giver: str
    to: str
    because: str
    night: date | None = None
    item: int | None = None

    @property
    def about(self) -> str:
        return night_id(self.night) if self.night else self.case  # As the acknowledgement by which it passes.

    @property
    def case_id(self) -> str | None:
        return self.case


class OfContact(Event, frozen=True, kw_only=True):
    """Something about a call that cannot wait."""

    contact: str
    matter: int = 1
    case: str | None = None
    number: str

    @property
    def about(self) -> str:
        return self.contact

    @property
    def case_id(self) -> str | None:
        return self.case


class UrgentRaised(OfContact, frozen=True, kw_only=True):
    """A call cannot wait for the morning. `because`: `safe-until`, `medication` or `call-back`, due at `by`."""

    name: ClassVar[str] = "urgent.raised"
    because: str
    by: datetime
    next: str | None = None


class UrgentUnanswered(OfContact, frozen=True, kw_only=True):
    """Nobody who can act has answered yet. `next`: whom of the ladder to call now; `tries`: attempts told so far."""

    name: ClassVar[str] = "urgent.unanswered"
    step: int
    tries: int
    next: str | None = None
    due_at: datetime
    fired_at: datetime


class UrgentAnswered(OfContact, frozen=True, kw_only=True):
    """Somebody who can act answered (`to`, as told), or it was taken over by the day. No further step follows."""

    name: ClassVar[str] = "urgent.answered"
    to: str | None = None
    because: str = "answered"


class CaseNoted(Event, frozen=True, kw_only=True):
    """今夜の申し送り: what the night must know of a case, sealed: `note`, `may_ring`, `promised`, `not_promise`.

    `until`: the last night for which it holds; None: until it is said anew, or the case is closed.
    """

    name: ClassVar[str] = "case.noted"
    case: str
    provider: str
    until: date | None = None
    sealed: str | None = None

    @property
    def about(self) -> str:
        return self.case

    @property
    def case_id(self) -> str | None:
        return self.case


class EveningIssued(OfNight, frozen=True, kw_only=True):
    """今夜の申し送り as it stood before the night began: the open cases, and those with a note that holds then.

    In the order in which they began; of more than 5,000 those that began last. `due_at`: some minutes before the night;
    the event's own time is when it was issued.
    """

    name: ClassVar[str] = "evening.issued"
    due_at: datetime
    cases: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()


MorningEvent = (
    StatementIssued
    | ItemAcknowledged
    | ItemUnacknowledged
    | ItemQuestioned
    | ItemAnswered
    | ItemDone
    | DeadlinePassed
    | DeadlineSettled
    | ExchangeCounted
    | CasePassed
    | UrgentRaised
    | UrgentUnanswered
    | UrgentAnswered
    | CaseNoted
    | EveningIssued
)

vocabulary(
    StatementIssued,
    ItemAcknowledged,
    ItemUnacknowledged,
    ItemQuestioned,
    ItemAnswered,
    ItemDone,
    DeadlinePassed,
    DeadlineSettled,
    ExchangeCounted,
    CasePassed,
    UrgentRaised,
    UrgentUnanswered,
    UrgentAnswered,
    CaseNoted,
    EveningIssued,
)
