"""How many there were up to each of several days, when tables fix sums between some of them.

A count that only grows, with known differences between days, is a system of difference
constraints: `Cuts` keeps it closed, so that the first claim that cannot hold is found with the
claims that forbid it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import inf
from random import Random

from deploy.history.figures import TOTAL, Claim, Claims, Contradiction


class Cuts:
    """What is possible for one column: `most[i][j]` bounds what was added between days i and j."""

    def __init__(self, days: Sequence[date]) -> None:
        """`days` rise; the first is the opening, when the count is 0."""
        self.days = list(days)
        size = range(len(self.days))
        self.most: list[list[float]] = [[0 if later <= day else inf for later in size] for day in size]
        self.because: list[list[tuple[str, ...]]] = [[() for _ in size] for _ in size]

    def between(self, i: int, j: int) -> tuple[float, float]:
        """The fewest and the most that can have been added between days i and j."""
        return -self.most[j][i], self.most[i][j]

    def take(self, claim: Claim) -> None:
        """Believe a claim.

        Raises:
            Contradiction: what was believed before does not allow it.
        """
        i = self._index(claim.start or self.days[0])
        j = self._index(claim.end)
        least, most = self.between(i, j)
        if claim.value > most:
            raise Contradiction(f"{claim.place}: {claim.value}, but {self._reasons(i, j)} at most {most}")
        if claim.value < least and not claim.floor:
            raise Contradiction(f"{claim.place}: {claim.value}, but {self._reasons(j, i)} at least {least}")
        self._tighten(j, i, -claim.value, claim.place)
        if not claim.floor:
            self._tighten(i, j, claim.value, claim.place)

    def _index(self, day: date) -> int:
        return self.days.index(max(day, self.days[0]))

    def _reasons(self, i: int, j: int) -> str:
        known = [reason for reason in self.because[i][j] if reason]
        return f"{' with '.join(known)} allows" if known else f"before {self.days[0]}, or backwards, there is"

    def _tighten(self, i: int, j: int, most: int, place: str) -> None:
        before = [row[:] for row in self.most]
        reasons = [row[:] for row in self.because]
        size = range(len(self.days))
        for a in size:
            for b in size:
                if before[a][i] + most + before[j][b] < self.most[a][b]:
                    self.most[a][b] = before[a][i] + most + before[j][b]
                    self.because[a][b] = tuple(dict.fromkeys((*reasons[a][i], place, *reasons[j][b])))


def settle(days: Sequence[date], claims: Claims, weights: Mapping[str, int], rng: Random) -> dict[str, list[int]]:
    """How many of each column were added before each day (the first is 0), as the claims want it.

    What the claims leave open is kept small, and spread over the columns by their weights.

    Raises:
        Contradiction: the claims cannot all hold.
    """
    cuts = {column: Cuts(days) for column in claims}
    for column, told in claims.items():
        for claim in told:
            cuts[column].take(claim)
    columns = [column for column in claims if column != TOTAL]
    for j in range(1, len(days)):
        bounds = {column: cuts[column].between(0, j) for column in columns}
        total = _total(days[j], bounds, cuts[TOTAL], j)
        chosen = _spread(total, bounds, weights, rng)
        for column, value in {**chosen, TOTAL: total}.items():
            cuts[column].take(Claim("", None, days[j], value))
    return {column: [int(cuts[column].most[0][j]) for j in range(len(days))] for column in columns}


def _total(day: date, bounds: Mapping[str, tuple[float, float]], total: Cuts, j: int) -> int:
    """The smallest sum of the columns that the table's totals allow."""
    least, most = total.between(0, j)
    fewest, highest = (sum(bound[side] for bound in bounds.values()) for side in (0, 1))
    if max(least, fewest) > min(most, highest):
        raise Contradiction(
            f"before {day}: the totals want {least} to {most}, but the districts allow {fewest} to {highest}"
        )
    return int(max(least, fewest))


def _spread(
    total: int, bounds: Mapping[str, tuple[float, float]], weights: Mapping[str, int], rng: Random
) -> dict[str, int]:
    """Each column's lowest count, and what is left of the total by chance, where there is room."""
    chosen = {column: int(least) for column, (least, _) in bounds.items()}
    for _ in range(total - sum(chosen.values())):
        roomy = [column for column in chosen if chosen[column] < bounds[column][1]]
        chosen[rng.choices(roomy, [weights[column] for column in roomy])[0]] += 1
    return chosen
