"""What a ward holds of a provider's feed, and the comparison with what the provider has sent.

Numbers are those of the provider's own sequence, 1, 2, 3 … for each source; a range is (first, last),
both included. `yoake manifest PROVIDER --json` makes one; `python -m events.kit prove` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

Range = tuple[int, int]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What is held from one source.

    `verdict`: `complete` (every number from 1 to `last` was heard), `gaps` (some never were), or
    `not-proved` (messages without a number, or one number on several, so that a gap need not show).
    `held` are the numbers heard and taken, also those that wait; `waiting`, `parked` and `conflicts` the
    numbers that somebody or something is still waited for; `closed` those that a person has put aside.
    """

    source: str
    verdict: str
    messages: int
    last: int
    held: list[Range] = []
    gaps: list[Range] = []
    waiting: list[Range] = []
    parked: list[Range] = []
    conflicts: list[Range] = []
    closed: list[Range] = []
    unnumbered: int = 0
    waiting_messages: int = 0
    parked_messages: int = 0
    conflict_messages: int = 0
    numbers_used_twice: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is held from one provider. `unreadable`: parked so that not even a source could be read."""

    ward: str
    provider: str
    at: datetime
    sources: list[Feed]
    unreadable: int = 0


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A source's own count beside the ward's: `missing` are the numbers given and not heard of there."""

    source: str
    last: int
    missing: list[Range]
    verdict: str


def merged(runs: Iterable[Range]) -> list[Range]:
    """Ranges in any order, overlapping or not, as the fewest that hold the same numbers."""
    found: list[Range] = []
    for first, last in sorted(runs):
        if found and first <= found[-1][1] + 1:
            if last > found[-1][1]:
                found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def gaps(ranges: Sequence[Range], last: int) -> list[Range]:
    """The numbers from 1 to `last` that are in none of these ranges, which are merged."""
    found, expected = [], 1
    for begin, end in ranges:
        if begin > last:
            break
        if begin > expected:
            found.append((expected, begin - 1))
        expected = end + 1
    return [*found, (expected, last)] if expected <= last else found


def size(ranges: Iterable[Range]) -> int:
    """How many numbers ranges hold, which are merged."""
    return sum(last - first + 1 for first, last in ranges)


def prove(manifest: Manifest, given: dict[str, int]) -> list[Proof]:
    """Whether the ward has heard every number that was given, source by source."""
    feeds = {feed.source: feed for feed in manifest.sources}
    return [_proof(feeds.get(source), source, last) for source, last in sorted(given.items())]


def _proof(feed: Feed | None, source: str, last: int) -> Proof:
    heard = merged([*feed.held, *feed.parked, *feed.conflicts, *feed.closed]) if feed else []
    missing = gaps(heard, last)
    beyond = feed is not None and feed.last > last
    unsure = feed is not None and (feed.verdict == "not-proved" or beyond)
    return Proof(
        source=source, last=last, missing=missing, verdict="gaps" if missing else "not-proved" if unsure else "complete"
    )
