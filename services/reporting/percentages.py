"""Shares of a whole in per cent with one decimal, reckoned in whole numbers all the way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never


def percentages(counts: Sequence[int], policy: Literal["half-up", "to-100"]) -> list[float]:
    """Each count's share of their sum; all 0.0 where there is nothing.

    `half-up` is 四捨五入 and may not sum to 100; `to-100` gives the tenths left over to the largest
    remainders. A float would round 0.05 by its own lights, so it comes last.
    """
    whole = sum(counts)
    if whole == 0:
        return [0.0 for _ in counts]
    match policy:
        case "half-up":
            tenths = [(2000 * count + whole) // (2 * whole) for count in counts]
        case "to-100":
            tenths = _largest_remainders(counts, whole)
        case _:
            assert_never(policy)
    return [tenth / 10 for tenth in tenths]


def _largest_remainders(counts: Sequence[int], whole: int) -> list[int]:
    """Rounded down, and the tenths left over given to the largest remainders, in the order of the counts."""
    tenths = [1000 * count // whole for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda place: -(1000 * counts[place] % whole))
    for place in by_remainder[: 1000 - sum(tenths)]:
        tenths[place] += 1
    return tenths
