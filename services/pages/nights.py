"""A night and its morning as they stand: its statements, and what was said of each item. Pure, from events alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

import msgspec

from events import Recorded, event_of
from events.intake import Feed
from events.morning import (
    CasePassed,
    DeadlinePassed,
    DeadlineSettled,
    Difference,
    ExchangeCounted,
    Hops,
    Item,
    ItemAcknowledged,
    ItemAnswered,
    ItemDone,
    ItemQuestioned,
    ItemUnacknowledged,
    OfItem,
    StatementIssued,
)

WHOLE = 0
"""The number under which a quiet night's statement is acknowledged as a whole."""

Key = tuple[str, int]
"""(contact, matter): by these a call of a night is known."""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was said of an item: `what` is the event's name, `at` when, `recorded` when the system knew.

    `sealed` is opened with the keys of one of `subjects`, bound to `identity`. `cause`: the message that said it.
    """

    what: str
    at: datetime
    recorded: datetime
    provider: str
    identity: str
    sealed: str | None
    subjects: tuple[str, ...]
    cause: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One item, in the edition that names it; `item` None: a quiet night's statement as a whole.

    `gone`: its time was corrected since, so that it is another night's, or none's. `passed_later`: its consultation
    was not the night's and open as it was acknowledged, and passed by that acknowledgement since.
    """

    n: int
    item: Item | None
    edition: int
    acknowledge_by: datetime
    words: tuple[Word, ...] = ()
    gone: bool = False
    passed_later: bool = False

    @property
    def acknowledged(self) -> Word | None:
        """Who took it over; None: nobody, or it was undone."""
        return self._last(ItemAcknowledged.name)

    @property
    def undone(self) -> Word | None:
        """Who took that back; None: nobody did, or it was taken over again."""
        return self._last(ItemUnacknowledged.name)

    def _last(self, what: str) -> Word | None:
        names = (ItemAcknowledged.name, ItemUnacknowledged.name)
        last = next((word for word in reversed(self.words) if word.what in names), None)
        return last if last and last.what == what else None

    @property
    def done(self) -> Word | None:
        """Who said that what was left for the morning is done."""
        for word in reversed(self.words):
            if word.what == ItemUnacknowledged.name:
                return None
            if word.what == ItemDone.name:
                return word
        return None

    @property
    def talk(self) -> tuple[Word, ...]:
        """The questions and answers, in the order in which they came."""
        return tuple(word for word in self.words if word.what in (ItemQuestioned.name, ItemAnswered.name))

    @property
    def is_asked(self) -> bool:
        """Whether the last question has no answer yet."""
        return bool(self.talk) and self.talk[-1].what == ItemQuestioned.name

    @property
    def is_answered(self) -> bool:
        """Whether the last question was answered."""
        return bool(self.talk) and self.talk[-1].what == ItemAnswered.name

    @property
    def is_counted(self) -> bool:
        """Whether it is about somebody's matter: only then something may be left for the morning."""
        return self.item is not None and (self.item.not_counted is None or self.passed_later)

    @property
    def is_left(self) -> bool:
        """Taken over, and what was left for the morning is not done yet."""
        return self.is_counted and self.acknowledged is not None and self.done is None

    def is_overdue(self, now: datetime) -> bool:
        """Whether it should have been taken over by now."""
        return not self.gone and self.acknowledged is None and now > self.acknowledge_by


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """An edition as it was issued: `at` on the first clock."""

    statement: StatementIssued
    at: datetime
    recorded: datetime


class Informed(msgspec.Struct, frozen=True):
    """A step of the ladder that was due, and the id under which subscribers were told of it."""

    id: str
    step: DeadlinePassed


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one night that handover recorded, in the order in which it did."""

    night: date
    editions: tuple[Issued, ...] = ()
    entries: tuple[Entry, ...] = ()
    passed: tuple[Informed, ...] = ()
    settled: tuple[DeadlineSettled, ...] = ()
    exchange: ExchangeCounted | None = None
    synthetic: bool = False

    @property
    def newest(self) -> Issued:
        """The last edition."""
        return self.editions[-1]

    def entry(self, n: int) -> Entry | None:
        """The item with this number."""
        return next((entry for entry in self.entries if entry.n == n), None)

    def told(self, n: int) -> list[Informed]:
        """The steps of the ladder that named an item, in their order."""
        return [each for each in self.passed if n in each.step.items]

    def as_held(self, own: frozenset[Key]) -> Night:
        """The same, with those items marked that are not of this night any more."""
        entries = (
            msgspec.structs.replace(e, gone=e.item is not None and (e.item.contact, e.item.matter) not in own)
            for e in self.entries
        )
        return msgspec.structs.replace(self, entries=tuple(entries))

    def upto(self, edition: int) -> Night:
        """The night as a copy of that edition shows it: without what later editions added."""
        return msgspec.structs.replace(
            self,
            editions=tuple(one for one in self.editions if one.statement.edition <= edition),
            entries=tuple(entry for entry in self.entries if entry.edition <= edition),
        )


def night_of(records: Iterable[Recorded]) -> Night | None:
    """A night from what was recorded about it; None: no statement was issued yet."""
    night: Night | None = None
    early: list[tuple[Recorded, ExchangeCounted]] = []
    for record in records:
        event = event_of(record)
        match event:
            case StatementIssued():
                night = _issued(night, record, event)
            case OfItem() if night:
                night = _said(night, record, event)
            case CasePassed() if night:
                night = _passed_later(night, event)
            case DeadlinePassed() if night:
                night = msgspec.structs.replace(night, passed=(*night.passed, Informed(record.id, event)))
            case DeadlineSettled() if night:
                night = msgspec.structs.replace(night, settled=(*night.settled, event))
            case ExchangeCounted():
                if night is None:  # It may be counted before the statement is issued.
                    early.append((record, event))
                else:
                    night = msgspec.structs.replace(night, exchange=event)
            case _:
                pass  # What else is about a night, such as the evening's notes, has a page of its own.
    if night and night.exchange is None and early:
        night = msgspec.structs.replace(night, exchange=early[-1][1])
    return night


def _issued(night: Night | None, record: Recorded, event: StatementIssued) -> Night:
    night = night or Night(night=event.night)
    by = event.acknowledge_by
    new = [Entry(n=item.n, item=item, edition=event.edition, acknowledge_by=by) for item in event.items]
    if not event.items and not night.editions:
        new = [Entry(n=WHOLE, item=None, edition=event.edition, acknowledge_by=by)]
    return msgspec.structs.replace(
        night,
        editions=(*night.editions, Issued(statement=event, at=record.time, recorded=record.recordedat)),
        entries=(*night.entries, *new),
        synthetic=night.synthetic or record.synthetic,
    )


def _said(night: Night, record: Recorded, event: OfItem) -> Night:
    subjects = (event.case, event.contact, event.about)
    word = Word(
        what=event.name,
        at=record.time,
        recorded=record.recordedat,
        provider=event.provider,
        identity=f"{record.type}/{record.id}",
        sealed=event.sealed,
        subjects=tuple(subject for subject in subjects if subject),
        cause=record.causation,
    )
    entries = tuple(
        msgspec.structs.replace(entry, words=(*entry.words, word)) if entry.n == event.item else entry
        for entry in night.entries
    )
    return msgspec.structs.replace(night, entries=entries)


def _passed_later(night: Night, event: CasePassed) -> Night:
    entries = (
        msgspec.structs.replace(entry, passed_later=True) if entry.n == event.item else entry for entry in night.entries
    )
    return msgspec.structs.replace(night, entries=tuple(entries))


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """件数照合 at a moment. `own`: the calls that are of this night still, whatever was printed. `owners`: in whose
    charge (担当) each case is. `feeds`: what each provider sent, as intake closed the night; None: it did not yet."""

    verdict: str
    hops: Hops
    differences: tuple[Difference, ...] = ()
    own: frozenset[Key] = frozenset()
    owners: dict[str, str] = {}
    feeds: tuple[Feed, ...] | None = None


Heard = Mapping[str, frozenset[str]]
"""Which subscribers have acknowledged something, by its id; nothing where nobody has, or it is not known."""


Stands = Callable[[Night, datetime], Standing]
"""How a night stands at a moment: by the comparison with which statements are issued."""
