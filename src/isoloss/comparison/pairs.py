"""Every pair of schedules in a comparison, at the levels that both reach."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import signed_percent
from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.outcomes import Stops
from isoloss.comparison.yardsticks import quotient

__all__ = ["Pair", "pairs_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two schedules at equal train loss, at the levels that both reach.

    Attributes
    ----------
    name, other : str
        The names of the schedule and of the other schedule, with which it is compared.
    levels : array, shape (L,)
        The levels of the comparison.
    difference : array, shape (L,)
        The test loss of the schedule divided by the other's, minus 1; NaN at levels that either
        does not reach.
    """

    name: str
    other: str
    levels: Floats
    difference: Floats

    @property
    def is_compared(self) -> npt.NDArray[np.bool_]:
        """Whether both reach each level."""
        return ~np.isnan(self.difference)

    @property
    def lower(self) -> int:
        """The number of levels at which the schedule's test loss is lower."""
        return int((self.difference < -NO_DIFFERENCE).sum())

    @property
    def higher(self) -> int:
        """The number of levels at which the schedule's test loss is higher."""
        return int((self.difference > NO_DIFFERENCE).sum())

    @property
    def same(self) -> int:
        """The number of levels at which the two test losses count as equal."""
        return int(self.is_compared.sum()) - self.lower - self.higher

    @property
    def sentence(self) -> str:
        """Where the test loss is lower and where it is higher, and by how much."""
        names, total = f"{self.name} against {self.other}", len(self.levels)
        found = self.difference[self.is_compared]
        if not found.size:
            return f"{names}: no level that both reach."
        ends = dict.fromkeys(signed_percent(end) for end in (found.min(), found.max()))
        missing = total - found.size
        return (
            f"{names}: test loss lower at {self.lower}, higher at {self.higher}, no difference at "
            f"{self.same} of {total} level{'s' * (total > 1)} ({' to '.join(ends)})"
            + f"; {missing} not reached by both" * (missing > 0)
            + "."
        )

    def __repr__(self) -> str:
        counts = f"{self.lower} lower, {self.higher} higher, {self.same} without a difference"
        return f"Pair({self.name!r} against {self.other!r}: {counts})"


def pairs_of(schedules: Sequence[Stops], start: float) -> tuple[Pair, ...]:
    """Return all pairs of schedules, given the start's test loss."""
    return tuple(_pair(one, other, start) for other, one in itertools.combinations(schedules, 2))


def _pair(one: Stops, other: Stops, start: float) -> Pair:
    both = one.reached & other.reached
    ratio = quotient(one.test_loss, other.test_loss, start)
    return Pair(one.name, other.name, one.levels, np.where(both, ratio - 1.0, np.nan))
