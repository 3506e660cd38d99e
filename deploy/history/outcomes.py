"""What must happen for the ward's rules to put a consultation under one outcome and no other."""

from __future__ import annotations

from random import Random

from services.ward import Outcome, Ward


def outcome(ward: Ward, key: str) -> Outcome:
    """The ward's outcome with this key."""
    return next(entry for entry in ward.outcome if entry.key == key)


def kinds_for(ward: Ward, key: str) -> list[str]:
    """The kinds of hand-over that lead to the outcome, once everything that it wants is arranged."""
    wanted = outcome(ward, key)
    arranged = frozenset(wanted.arranged)
    return [kind for kind in wanted.handed_over if ward.outcome_of(arranged, frozenset({kind})) == key]


def reachable(ward: Ward, key: str) -> bool:
    """Whether any history at all ends under the outcome."""
    wanted = outcome(ward, key)
    if wanted.handed_over:
        return bool(kinds_for(ward, key))
    return ward.outcome_of(frozenset(wanted.arranged), frozenset()) == key


def counting_kinds(ward: Ward) -> list[str]:
    """The kinds of hand-over that any outcome counts, in the order of the file."""
    return list(dict.fromkeys(kind for entry in ward.outcome for kind in entry.handed_over))


def as_well(ward: Ward, key: str, rng: Random) -> str | None:
    """A kind of hand-over that a coordinated consultation can have as well without leaving its column."""
    arranged = frozenset(outcome(ward, key).arranged)
    kinds = [kind for kind in counting_kinds(ward) if ward.outcome_of(arranged, frozenset({kind})) == key]
    return rng.choice(kinds) if kinds else None
