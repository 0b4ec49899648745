"""Families of schedules as functions of a few bounded parameters, for the optimizer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.schedule import Schedule

__all__ = ["NEGLIGIBLE", "SMALLEST", "Decreasing", "Free", "Shape"]

Floats = npt.NDArray[np.float64]

SMALLEST = 1e-7
"""The smallest rate, as a share of the largest stable one."""

NEGLIGIBLE = 1e-6
"""Rates up to this share of the largest stable one may be left out."""

_STEEPEST = -6.0  # log of the steepest drop from one rate to the next


class Shape(ABC):
    """Rates as a function of parameters u; ``low`` and ``high`` are their bounds."""

    counts: Floats
    low: Floats
    high: Floats
    reorders = False
    """Whether the rates may be taken in any order."""

    @abstractmethod
    def rates(self, u: Floats) -> Floats:
        """Return the rates (n,)."""

    @abstractmethod
    def slopes(self, u: Floats) -> Floats:
        """Return the derivatives of the rates (n, parameters)."""

    @abstractmethod
    def parameters(self, rates: Floats) -> Floats:
        """Return parameters whose rates are close to the given ones."""

    def resized(self, count: int) -> Shape | None:
        """Return the same family with fewer steps, if its optimum can be extended."""
        del count
        return None

    def with_last(self, u: Floats, rate: float) -> Floats:
        """Return parameters with the last rate near ``rate``, if it has a parameter of its own."""
        del rate
        return u

    def padding(self, used: int) -> Floats:
        """Return parameters that extend an optimum with fewer steps to an equally good one here."""
        return self.low[used:]

    def schedule(self, u: Floats, least: float = 0.0) -> Schedule:
        """Return the schedule, without flow, and without rates of at most ``least``."""
        rates = self.rates(u)
        kept = rates > least
        if kept.any() and (self.counts == 1).all():
            return Schedule(GradientDescent(rates[kept]))
        pairs = zip(rates[kept], self.counts[kept], strict=True)
        return Schedule(*(GradientDescent(lr, int(count)) for lr, count in pairs))


class Free(Shape):
    """Independent rates, given by their logarithms, each repeated ``counts`` times if given.

    The order and number of repeated rates are fixed: one rate if annealed, two if two-rate.
    """

    def __init__(
        self, count: int, stable: float, largest: float, counts: Sequence[int] | None = None
    ) -> None:
        self.range = stable, largest
        self.reorders = counts is None
        self.counts = np.ones(count) if counts is None else np.array(counts, dtype=float)
        self.low = np.full(count, math.log(min(SMALLEST * stable, largest)))
        self.high = np.full(count, math.log(largest))

    def rates(self, u: Floats) -> Floats:
        """Return the exponentials of the parameters."""
        return np.exp(u)

    def slopes(self, u: Floats) -> Floats:
        """Return the rates on a diagonal."""
        return np.diag(np.exp(u))

    def parameters(self, rates: Floats) -> Floats:
        """Return the logarithms of the rates."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.clip(np.log(rates), self.low, self.high))

    def with_last(self, u: Floats, rate: float) -> Floats:
        """Return parameters with another last rate, unless rates are repeated."""
        return np.append(u[:-1], math.log(rate)) if self.reorders else u

    def resized(self, count: int) -> Shape | None:
        """Return the same with another number of rates."""
        return Free(count, *self.range) if self.reorders else None


class Decreasing(Shape):
    """Rates that never rise, given by the logs of the first rate and of successive ratios."""

    def __init__(self, count: int, stable: float, largest: float) -> None:
        self.range = stable, largest
        self.counts, self._up_to = np.ones(count), np.tri(count)
        self.low = np.full(count, _STEEPEST)
        self.high = np.zeros(count)
        self.low[0] = math.log(min(SMALLEST * stable, largest))
        self.high[0] = math.log(largest)

    def rates(self, u: Floats) -> Floats:
        """Return the products of the first rate and the ratios."""
        return np.exp(np.cumsum(u))

    def slopes(self, u: Floats) -> Floats:
        """Return each rate for the parameters up to its own."""
        return self.rates(u)[:, None] * self._up_to

    def parameters(self, rates: Floats) -> Floats:
        """Return the parameters of the rates, sorted in descending order."""
        with np.errstate(divide="ignore"):
            logs = np.clip(-np.sort(-np.log(rates)), self.low[0], self.high[0])
        return np.asarray(np.clip(np.diff(logs, prepend=0.0), self.low, self.high))

    def with_last(self, u: Floats, rate: float) -> Floats:
        """Return parameters with the last rate near ``rate``, and not above the one before it."""
        ratio = np.clip(math.log(rate) - u[:-1].sum(), self.low[-1], self.high[-1])
        return np.append(u[:-1], ratio)

    def resized(self, count: int) -> Shape:
        """Return the same with another number of rates."""
        return Decreasing(count, *self.range)
