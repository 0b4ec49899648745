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
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two schedules at equal train loss, at the levels that both reach.

    Attributes
    ----------
    name, other : str
        The names of the schedule and of the other schedule, with which it is compared.
    levels : array, shape (L,)
        The levels of the comparison.
    reached : array of bool, shape (2, L)
        Whether the schedule, and the other one, reach each level.
    difference : array, shape (L,)
        The test loss of the schedule divided by the other's, minus 1; NaN at levels that either
        does not reach.
    """

    name: str
    other: str
    levels: Floats
    reached: Bools
    difference: Floats

    @property
    def is_compared(self) -> Bools:
        """Whether both reach each level."""
        return np.asarray(self.reached.all(axis=0))

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
            return f"{names}: no level that both reach ({self._missed})."
        ends = dict.fromkeys(signed_percent(end) for end in (found.min(), found.max()))
        return (
            f"{names}: test loss lower at {self.lower}, higher at {self.higher}, no difference at "
            f"{self.same} of {total} level{'s' * (total > 1)} ({' to '.join(ends)})"
            + f"; not compared: {self._missed}" * (found.size < total)
            + "."
        )

    @property
    def _missed(self) -> str:
        """At how many levels one of the two, or both, miss the level."""
        own, theirs = self.reached
        missed = {
            f"that only {self.name} reaches": own & ~theirs,
            f"that only {self.other} reaches": theirs & ~own,
            "that neither reaches": ~own & ~theirs,
        }
        return ", ".join(
            f"{levels.sum()} {which}" for which, levels in missed.items() if levels.any()
        )

    def __repr__(self) -> str:
        counts = f"{self.lower} lower, {self.higher} higher, {self.same} without a difference"
        return f"Pair({self.name!r} against {self.other!r}: {counts})"


def pairs_of(schedules: Sequence[Stops], start: float) -> tuple[Pair, ...]:
    """Return all pairs of schedules, given the start's test loss."""
    return tuple(_pair(one, other, start) for other, one in itertools.combinations(schedules, 2))


def _pair(one: Stops, other: Stops, start: float) -> Pair:
    reached = np.array([one.reached, other.reached])
    ratio = quotient(one.test_loss, other.test_loss, start)
    difference = np.where(reached.all(axis=0), ratio - 1.0, np.nan)
    return Pair(one.name, other.name, one.levels, reached, difference)
