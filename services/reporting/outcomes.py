"""The one outcome of a consultation: which placements and hand-overs count, and what they make (Rules 5 to 7). Pure.

`as_of` is always exclusive and on the first clock; None means everything.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, assert_never

from services.reporting.facts import CaseFacts, HandoverFacts, PlacementFacts, known_by
from services.ward import Ward


class Outcome(NamedTuple):
    """The column. `pending`: in the last one while a hand-over that could count is asked for.

    `both`: under a placement although the case was handed over too.
    """

    key: str
    pending: bool = False
    both: bool = False


def outcome(case: CaseFacts, ward: Ward, as_of: datetime | None) -> Outcome:
    """The column of a consultation by what had happened before `as_of`, under a ward's rules."""
    last = ward.by_rank[-1].key
    if not case.placements and not case.handovers:
        return Outcome(last)
    countable = {kind for column in ward.outcome for kind in column.handed_over}
    passings = [passing for passing in case.handovers.values() if passing.kind in countable]
    arranged = frozenset(place.kind or "" for place in case.placements.values() if _place_counts(place, ward, as_of))
    handed = frozenset(passing.kind or "" for passing in passings if _passing_counts(passing, ward, as_of))
    key = ward.outcome_of(arranged, handed)
    return Outcome(
        key,
        pending=key == last and any(_waits(passing, as_of) for passing in passings),
        both=bool(handed) and any(column.key == key and column.arranged for column in ward.outcome),
    )


def _place_counts(place: PlacementFacts, ward: Ward, as_of: datetime | None) -> bool:
    """The centre arranged it, and it was not given up before it began."""
    if place.by != "centre" or place.arranged_at is None or not known_by(place.arranged_at, as_of):
        return False
    if place.cancelled_at is None or not known_by(place.cancelled_at, as_of):
        return True
    match ward.policy.cancelled:
        case "before-start":
            return place.cancelled_at >= (place.begins_at or place.arranged_at)
        case "any":
            return False
        case _:
            assert_never(ward.policy.cancelled)


def _passing_counts(passing: HandoverFacts, ward: Ward, as_of: datetime | None) -> bool:
    accepted, returned = _stands(passing, as_of), known_by(passing.returned_at, as_of)
    match ward.policy.handover:
        case "accepted":
            return accepted and not returned
        case "offered":
            over = (passing.declined_at, passing.withdrawn_at, passing.expired_at)
            offered = known_by(passing.offered_at, as_of) and not any(known_by(end, as_of) for end in over)
            return (accepted or offered) and not returned
        case "ever":
            return accepted
        case _:
            assert_never(ward.policy.handover)


def _stands(passing: HandoverFacts, as_of: datetime | None) -> bool:
    """It was accepted, and had not been taken back before by its own time: the two can cross in the post."""
    if passing.accepted_at is None or not known_by(passing.accepted_at, as_of):
        return False
    withdrawn = passing.withdrawn_at
    return withdrawn is None or withdrawn >= passing.accepted_at or not known_by(withdrawn, as_of)


def _waits(passing: HandoverFacts, as_of: datetime | None) -> bool:
    ends = (passing.accepted_at, passing.declined_at, passing.withdrawn_at, passing.expired_at)
    return known_by(passing.offered_at, as_of) and not any(known_by(end, as_of) for end in ends)
