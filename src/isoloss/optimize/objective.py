"""The objective of a design: a test loss as a function of a shape's parameters."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.optimize.constraints import Constraints, Goal, Limits
from isoloss.optimize.losses import Losses
from isoloss.optimize.ordering import calm_order
from isoloss.optimize.shapes import Shape
from isoloss.problems.problem import Problem

__all__ = ["Candidate", "Objective"]

Floats = npt.NDArray[np.float64]

_LONGEST = 4.0  # the longest flow, as a multiple of the best flow without steps
_SHORTEST = 1e-6
_LOW = 0.6  # filters of degree below this share of the curvatures are compressed
_SAFETY = 0.5  # nats below the largest amplification where the penalty begins
_FAILED = 1e10
_WRONG = 1e-3  # candidates with larger violations of the constraints are ranked last


class Candidate(NamedTuple):
    """Parameters z of a shape; starts of one ``kind`` tend to lead to the same optimum."""

    kind: int
    wrong: bool
    loss: float
    shape: Shape
    z: Floats

    @property
    def merit(self) -> tuple[bool, float]:
        """The key by which candidates are ranked, lowest first."""
        return self.wrong, self.loss


class Objective:
    """The signed test loss of a goal, plus a penalty on amplification, as a function of z.

    z holds a shape's parameters and, for the goal "best" with flow, the log of the flow's time.
    Losses of low-degree filters are compressed unless ``exact``.
    """

    def __init__(self, problem: Problem, goal: Goal, limits: Limits, *, exact: bool) -> None:
        self.problem, self.goal, self.limits, self.exact = problem, goal, limits, exact
        self.losses = losses = Losses(problem._reduced)
        self._compressed: dict[int, Losses] = {}
        self.sign = -1.0 if goal.name == "highest" else 1.0
        log_level = -math.inf
        if goal.level is None:
            moving = losses.gamma[losses.gamma > 0]
            times = np.geomspace(1e-3 / moving.max(), 10.0 / moving.min(), 100)
            alone = losses.tests(np.exp(-2.0 * losses.gamma * times[:, None]))
            self.time = float(times[np.argmin(alone)])
        else:
            log_level = math.log(goal.level - float(problem._reduced.floor)) - losses.log_start
            self.time = losses.flow_time(np.ones_like(losses.gamma), log_level)
        self.shortest, self.longest = _SHORTEST * self.time, _LONGEST * self.time
        self.constraints = Constraints(losses, goal, limits, log_level)

    @cached_property
    def root(self) -> tuple[Floats, Floats]:
        """The factor R of the test form, and z with Rᵀz = b."""
        return self.losses.root()

    def bounds(self, shape: Shape) -> list[tuple[float, float]]:
        """Return the lowest and highest value of each entry of z."""
        bounds = list(zip(shape.low, shape.high, strict=True))
        if self.constraints.timed:
            bounds.append((math.log(self.shortest), math.log(self.longest)))
        return bounds

    def order(self, rates: Floats) -> npt.NDArray[np.intp]:
        """Return the order of free rates: rising if the growth of the residual is limited."""
        if self.limits.growth is not None:
            return np.argsort(rates)
        return calm_order(self.losses.gamma, rates)

    def candidate(self, kind: int, shape: Shape, z: Floats) -> Candidate:
        """Return a candidate, rated by its value and its violation of the constraints."""
        excess = self.constraints.excess(shape, z)
        return Candidate(kind, excess > _WRONG, self.loss(shape, z) + excess, shape, z)

    def loss(self, shape: Shape, z: Floats) -> float:
        """Return the value alone."""
        u, time = self.constraints.split(z)
        rates, losses = shape.rates(u), self._losses_of(shape)
        if self.constraints.lands:
            h = losses.filter_within(rates, shape.counts, self.constraints.log_level)
        elif self.goal.level is not None:
            h = losses.filter_at(rates, shape.counts, self.constraints.log_level)
        else:
            h = losses.filter(rates, shape.counts, time)
        beyond, _ = self._beyond(rates, shape.counts)
        loss = self.sign * losses.test(h) + beyond**2
        return loss if math.isfinite(loss) else _FAILED

    def value(self, shape: Shape, z: Floats) -> tuple[float, Floats]:
        """Return the value and its gradient."""
        u, time = self.constraints.split(z)
        rates = shape.rates(u)
        if self.constraints.lands:
            value = self.losses.value_within(rates, shape.counts, self.constraints.log_level)
        elif self.goal.level is not None:
            value = self.losses.value_at(rates, shape.counts, self.constraints.log_level)
        else:
            value = self._losses_of(shape).value(rates, shape.counts, time)
        beyond, by_rates = self._beyond(rates, shape.counts)
        by_rates = value.by_rates + 2.0 * self.sign * beyond * by_rates
        gradient = self.sign * (by_rates @ shape.slopes(u))
        if self.constraints.timed:
            gradient = np.append(gradient, self.sign * value.by_time * time)
        loss = self.sign * value.loss + beyond**2
        if not math.isfinite(loss) or not np.isfinite(gradient).all():
            return _FAILED, np.zeros_like(z)
        return loss, gradient

    def _beyond(self, rates: Floats, counts: Floats) -> tuple[float, Floats]:
        """Return the log of the amplification beyond the limit, with derivatives in the rates."""
        amplified, by_rates = self.losses.amplification(rates, counts)
        return max(amplified - math.log(self.limits.amplification) + _SAFETY, 0.0), by_rates

    def _losses_of(self, shape: Shape) -> Losses:
        """Return the losses, compressed if the shape's filters are polynomials of low degree."""
        if self.goal.level is not None or self.exact:
            return self.losses
        degree = int(min(shape.counts.sum(), self.losses.gamma.size))
        if self.goal.flow:  # enough terms to give the flow's exponential to the last digit
            degree += math.ceil(math.sqrt(80.0 * self.losses.top * self.longest))
        if degree not in self._compressed:
            low = degree < _LOW * self.losses.gamma.size
            self._compressed[degree] = self.losses.compressed(degree) if low else self.losses
        return self._compressed[degree]
