"""件数照合: what the night sent, intake recorded, handover holds, was stated and acknowledged, compared. Pure.

Compared by id at every hop, never by counts alone: two mistakes do not make up for one another. A difference is a
named list. The same comparison serves a statement as it is issued and the page that shows how it stands now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec

from events.intake import Feed, NightClosed
from events.morning import Difference, Hops, Item

MOST_NAMED = 100
"""So many of a difference are named; of more there is the count."""

QUIET = 0
"""The number under which a statement without an item is acknowledged as a whole."""


class Held(NamedTuple):
    """A contact about one matter, as handover holds it for a night."""

    contact: str
    matter: int
    number: str
    channel: str = "phone"
    provider: str = ""


class Edition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A statement or a supplement: what it lists, and until when that must be acknowledged.

    `ready`: the night's end, where the night's first statement was issued then; None where it came late, as after a
    power cut, and of a supplement: what is on it may have been taken over by telephone before.
    """

    edition: int
    acknowledge_by: datetime
    ready: datetime | None = None
    items: tuple[Item, ...] = ()

    @property
    def numbers(self) -> list[int]:
        """Under which numbers it is acknowledged; a quiet night's statement as a whole."""
        return [item.n for item in self.items] or [QUIET]


class Compared(NamedTuple):
    """How many there are at each hop, what differs, and the word for it."""

    hops: Hops
    differences: tuple[Difference, ...]
    verdict: str


def compare(
    closing: NightClosed | None,
    held: Sequence[Held],
    stated: Sequence[Edition],
    acknowledged: Collection[int],
    exchange: int | None,
    now: datetime,
) -> Compared:
    """How a night stands at a moment.

    `closing`: the last word of intake's on that night. `stated`: every edition so far. `acknowledged`: the numbers
    of the items that were. `exchange`: what the telephone exchange counted. Whose time was corrected so that it is
    another night's is no longer held here, and no longer compared, wherever it was printed.
    """
    contacts = {row.contact: row.number for row in held}
    own = {(row.contact, row.matter) for row in held}
    items = [item for edition in stated for item in edition.items if (item.contact, item.matter) in own]
    listed = {(item.contact, item.matter) for item in items}
    unlisted = {row.contact: row.number for row in held if (row.contact, row.matter) not in listed}
    phoned = len({row.contact for row in held if row.channel == "phone"})
    hops = Hops(
        sent=_sent(closing),
        received=sum(feed.received for feed in closing.feeds) if closing else None,
        recorded=closing.count if closing else None,
        held=len(contacts),
        stated=len(contacts) - len(unlisted),
        items=len(items),
        acknowledged=sum(item.n in acknowledged for item in items),
        exchange=exchange,
    )
    differences = tuple(
        difference
        for difference in (
            *_of_feeds(closing, held),
            *_of_records(closing, contacts),
            _named("not-stated", unlisted.values()),
            _named("overdue", map(str, sorted(_overdue(stated, own, acknowledged, now)))),
            _of_exchange(exchange, phoned),
        )
        if difference is not None and difference.count
    )
    is_proved = closing is not None and all(feed.closed for feed in closing.feeds)
    return Compared(hops, differences, "differ" if differences else "agree" if is_proved else "unconfirmed")


def outstanding(edition: Edition, own: Collection[tuple[str, int]], acknowledged: Collection[int]) -> list[int]:
    """The items of an edition that nobody acknowledged and that are of this night still, in their order."""
    if not edition.items:
        return [] if QUIET in acknowledged else [QUIET]
    return [item.n for item in edition.items if item.n not in acknowledged and (item.contact, item.matter) in own]


def _overdue(
    stated: Sequence[Edition], own: Collection[tuple[str, int]], acknowledged: Collection[int], now: datetime
) -> Iterator[int]:
    for edition in stated:
        if edition.acknowledge_by < now:
            yield from outstanding(edition, own, acknowledged)


def _sent(closing: NightClosed | None) -> int | None:
    """By the providers' own word; not known while one of them has not closed its night."""
    if closing is None or not all(feed.closed for feed in closing.feeds):
        return None
    return sum(_numbered(feed) for feed in closing.feeds)


def _numbered(feed: Feed) -> int:
    """How many numbers of this night came, or should have come, to intake."""
    if feed.first is None or feed.last is None:
        return 0
    return max(0, feed.last - feed.first + 1 - feed.elsewhere)


def _of_feeds(closing: NightClosed | None, held: Sequence[Held]) -> Iterator[Difference | None]:
    """What a provider sent and intake could not record, by the provider's own numbers; and what it counts itself."""
    for feed in closing.feeds if closing else ():
        yield _named("not-received", _numbers(feed.missing), feed.provider, sum(b - a + 1 for a, b in feed.missing))
        yield _named("unreadable", map(str, feed.parked), feed.provider)
        yield _named("waiting", map(str, feed.waiting), feed.provider)
    yield from _of_calls(closing, held)


def _of_calls(closing: NightClosed | None, held: Sequence[Held]) -> Iterator[Difference | None]:
    """What a provider counts itself, all its sources together: of which source a contact held is, is not known.

    While one of them has not told its count, the others' say nothing of the whole; unless that one sent nothing.
    """
    sources: dict[str, list[Feed]] = {}
    for feed in closing.feeds if closing else ():
        sources.setdefault(feed.provider, []).append(feed)
    for provider, feeds in sources.items():
        told = [feed.calls for feed in feeds if feed.calls is not None]
        untold = [feed for feed in feeds if feed.calls is None and not (feed.closed and _numbered(feed) == 0)]
        own = len({row.contact for row in held if row.provider == provider})
        if told and not untold and sum(told) != own:
            counted = (str(sum(told)), str(own))
            yield Difference(what="calls", provider=provider, named=counted, count=abs(sum(told) - own))


def _numbers(ranges: Iterable[tuple[int, int]]) -> Iterator[str]:
    return (str(number) for first, last in ranges for number in range(first, last + 1))


def _of_records(closing: NightClosed | None, contacts: dict[str, str]) -> Iterator[Difference | None]:
    """What intake recorded and handover does not hold, or the reverse; by the digest where the list is too long."""
    if closing is None:
        return
    if len(closing.contacts) == closing.count:
        yield _named("not-held", sorted(set(closing.contacts) - contacts.keys()))
        yield _named("not-recorded", [contacts[contact] for contact in sorted(contacts.keys() - set(closing.contacts))])
    elif digest_of(contacts) != closing.digest:
        yield Difference(what="not-held", count=max(1, abs(closing.count - len(contacts))))


def digest_of(contacts: Iterable[str]) -> str:
    """SHA-256 over contact ids in their order, each on a line of its own."""
    return sha256("".join(f"{contact}\n" for contact in sorted(contacts)).encode()).hexdigest()


def _of_exchange(exchange: int | None, phoned: int) -> Difference | None:
    """Calls that the exchange counted and nobody entered; or the reverse."""
    if exchange is None or exchange == phoned:
        return None
    return Difference(what="exchange", named=(str(exchange), str(phoned)), count=abs(exchange - phoned))


def _named(what: str, names: Iterable[str], provider: str | None = None, count: int | None = None) -> Difference:
    """A difference by name, as far as it can be named; a count of 0 is none."""
    first: list[str] = []
    for name in names:
        if len(first) == MOST_NAMED and count is not None:
            break
        first.append(name)
    return Difference(
        what=what,
        provider=provider,
        named=tuple(first[:MOST_NAMED]),
        count=len(first) if count is None else count,
    )
