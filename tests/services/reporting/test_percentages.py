"""Rule 9: shares of a whole, with one decimal."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.percentages import percentages

COUNTS = st.lists(st.integers(0, 2_000), min_size=1, max_size=9).filter(any)


@given(COUNTS)
def test_rule_9_half_up_is_the_nearest_tenth_and_the_upper_one_of_two(counts: list[int]) -> None:
    """In tenths: at most a half above the exact share, and less than a half below it."""
    for count, share in zip(counts, percentages(counts, "half-up"), strict=True):
        above = round(share * 10) - Fraction(1000 * count, sum(counts))
        assert -Fraction(1, 2) < above <= Fraction(1, 2)


@given(COUNTS)
def test_rule_9_the_largest_remainders_make_up_100(counts: list[int]) -> None:
    """Each share is the exact one cut off or one tenth more, and whoever got more had no smaller a remainder."""
    whole = sum(counts)
    tenths = [round(share * 10) for share in percentages(counts, "to-100")]
    more = {
        place: tenth - 1000 * count // whole for place, (tenth, count) in enumerate(zip(tenths, counts, strict=True))
    }
    remainders = [1000 * count % whole for count in counts]

    assert sum(tenths) == 1000
    assert set(more.values()) <= {0, 1}
    assert min((remainders[place] for place in more if more[place]), default=whole) >= max(
        (remainders[place] for place in more if not more[place]), default=0
    )
