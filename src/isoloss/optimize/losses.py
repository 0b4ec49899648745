"""Losses of a schedule and their derivatives in its rates.

A schedule here has ``rates`` (n,), each repeated ``counts`` (n,) times, and a flow of time T:
h(γ) = Π_j (1 - 2η_jγ)^(c_j) · e^(-2γT). So ∂h/∂η_j = -2γ c_j h/(1 - 2η_jγ) and ∂h/∂T = -2γh.
"""

from __future__ import annotations

import copy
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev
from scipy.optimize import brentq

from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import Reduced

__all__ = ["Losses", "Value"]

Floats = npt.NDArray[np.float64]

_TINY = 1e-150  # replaces a factor of exactly 0, whose derivative would be 0/0
_ROUNDING = 1e-13
_RANK = 1e-15
_MAX_NEWTON = 100


class Value(NamedTuple):
    """A test loss with its derivatives in the rates and the flow's time."""

    loss: float
    by_rates: Floats
    by_time: float
    time: float


class Losses:
    """Train and test losses of one problem of NumPy arrays, as functions of rates and time.

    The problem, rates and times are in the problem's own unit. Train losses are multiples of the
    start's excess, ``exp(log_start)``; test losses are multiples of the start's, ``scale``.
    """

    def __init__(self, problem: Reduced) -> None:
        self.gamma = np.asarray(problem.gamma, dtype=float)
        self.top = float(self.gamma.max())
        weights = np.asarray(problem.log_weights, dtype=float)
        self.log_start = float(np.logaddexp.reduce(weights))
        self.weights = np.exp(weights - self.log_start)
        test, self.scale = problem.test, float(problem.start_test_loss) or 1.0
        self.diagonal = isinstance(test, DiagonalTest)
        if isinstance(test, DiagonalTest):
            logs = np.asarray(test.log_weights, dtype=float)
            self.form = np.exp(logs - math.log(self.scale))
            self.linear = np.zeros_like(self.gamma)
            self.constant = float(test.noise) / self.scale
        else:
            form, linear, constant = test.about_minimum()
            self.form, self.linear = form / self.scale, linear / self.scale
            self.constant = (constant + float(test.noise)) / self.scale

    def compressed(self, degree: int) -> Losses:
        """Return losses for polynomial filters of a degree, given by their values at few nodes.

        Values at degree + 1 Chebyshev nodes determine such a filter, so the test form shrinks to
        that size. The train losses of the result are meaningless.
        """
        if degree + 1 >= self.gamma.size:
            return self
        angles = (np.arange(degree + 1) + 0.5) * np.pi / (degree + 1)
        at_nodes = chebyshev.chebvander(np.cos(angles), degree)
        everywhere = chebyshev.chebvander(2.0 * self.gamma / self.top - 1.0, degree)
        spread = everywhere @ np.linalg.inv(at_nodes)
        small = copy.copy(self)
        small.gamma = 0.5 * self.top * (1.0 + np.cos(angles))
        small.diagonal = False
        small.form = spread.T @ (
            self.form[:, None] * spread if self.diagonal else self.form @ spread
        )
        small.linear = spread.T @ self.linear
        return small

    def applied(self, filters: Floats) -> Floats:
        """Return the test form times filters (..., r)."""
        return np.asarray(filters * self.form if self.diagonal else filters @ self.form)

    def root(self) -> tuple[Floats, Floats]:
        """Return R with M = RᵀR for the test form M, and z with Rᵀz = b."""
        if self.diagonal:
            return np.diag(np.sqrt(self.form)), np.zeros_like(self.gamma)
        eigenvalues, vectors = np.linalg.eigh(self.form)
        sizes = np.sqrt(np.maximum(eigenvalues, 0.0))
        kept = sizes > _RANK * sizes.max()
        z = np.where(kept, vectors.T @ self.linear / np.where(kept, sizes, 1.0), 0.0)
        return sizes[:, None] * vectors.T, z

    def tests(self, filters: Floats) -> Floats:
        """Return the test losses of filters (..., r)."""
        quadratic = filters * (self.applied(filters) + 2.0 * self.linear)
        return np.asarray(quadratic.sum(axis=-1) + self.constant)

    def factors(self, rates: Floats) -> Floats:
        """Return 1 - 2ηγ, shape (..., n, r), never exactly 0."""
        factors = 1.0 - 2.0 * rates[..., None] * self.gamma
        return np.where(np.abs(factors) < _TINY, _TINY, factors)

    def filter(self, rates: Floats, counts: Floats, time: float | Floats) -> Floats:
        """Return the filters (..., r) of rates (..., n) and times (...)."""
        signs, logs = _product(self.factors(rates), counts)
        return np.asarray(signs * np.exp(logs - 2.0 * self.gamma * np.asarray(time)[..., None]))

    def filter_at(self, rates: Floats, counts: Floats, log_level: float) -> Floats:
        """Return the filter where the flow after the steps meets a level."""
        return self._met(self.factors(rates), counts, log_level)[0]

    def filter_within(self, rates: Floats, counts: Floats, log_level: float) -> Floats:
        """Return the filter where the last step, shortened, meets a level."""
        return self._shortened(self.factors(rates), _earlier(counts), log_level)[0]

    def test(self, h: Floats) -> float:
        """Return the test loss of one filter."""
        return float(h @ (self.applied(h) + self.linear + self.linear) + self.constant)

    def value(self, rates: Floats, counts: Floats, time: float) -> Value:
        """Return the test loss after the steps and a flow, with derivatives."""
        factors = self.factors(rates)
        h = self._flowed(*_product(factors, counts), time)
        return self._value(h, (-2.0 * self.gamma) * counts[:, None] / factors, time)

    def _value(self, h: Floats, steps: Floats, time: float) -> Value:
        """Return the test loss of a filter, given the derivatives (n, r) of log h in the rates."""
        pull = self.applied(h) + self.linear
        slope = 2.0 * pull * h
        return Value(
            float(h @ (pull + self.linear) + self.constant),
            steps @ slope,
            float(slope @ (-2.0 * self.gamma)),
            time,
        )

    def value_at(self, rates: Floats, counts: Floats, log_level: float) -> Value:
        """Return the test loss where the flow meets a level, with derivatives.

        The time depends on the rates: ∂T/∂η = -(∂L/∂η)/(∂L/∂T) for the train loss L. ``log_level``
        is the log of the excess over the start's. A flow that starts below the level takes no time.
        """
        factors = self.factors(rates)
        h, time = self._met(factors, counts, log_level)
        steps = (-2.0 * self.gamma) * counts[:, None] / factors
        value = self._value(h, steps, time)
        shares = self.weights * h**2
        fall = float(shares @ (-2.0 * self.gamma))
        if time == 0 or fall == 0:
            return value
        by_rates = value.by_rates - value.by_time * (steps @ shares) / fall
        return value._replace(by_rates=by_rates, by_time=0.0)

    def value_within(self, rates: Floats, counts: Floats, log_level: float) -> Value:
        """Return the test loss where the last step, shortened, meets a level, with derivatives.

        The rate s of that step depends on the others as the flow's time does in `value_at`. Where
        no step meets the level, s is the rate that comes nearest to it.
        """
        factors, earlier = self.factors(rates), _earlier(counts)
        h, before = self._shortened(factors, earlier, log_level)
        steps = (-2.0 * self.gamma) * earlier[:, None] / factors
        value = self._value(h, steps, 0.0)
        moved = -2.0 * self.gamma * before  # the derivative of h in s
        by_last = 2.0 * float((self.applied(h) + self.linear) @ moved)
        fall = float(self.weights @ (h * moved))
        if fall >= 0:
            return value._replace(by_time=0.0)
        by_rates = value.by_rates - by_last * (steps @ (self.weights * h**2)) / fall
        return value._replace(by_rates=by_rates, by_time=0.0)

    def _flowed(self, signs: Floats, logs: Floats, time: float) -> Floats:
        return np.asarray(signs * np.exp(logs - 2.0 * self.gamma * time))

    def _met(self, factors: Floats, counts: Floats, log_level: float) -> tuple[Floats, float]:
        """Return the filter of steps and the flow to a level, and the flow's time."""
        signs, logs = _product(factors, counts)
        time = self.flow_time(signs * np.exp(logs), log_level)
        return self._flowed(signs, logs, time), time

    def _shortened(
        self, factors: Floats, earlier: Floats, log_level: float
    ) -> tuple[Floats, Floats]:
        """Return the filters after the shortened last step to a level, and before it."""
        signs, logs = _product(factors, earlier)
        before = signs * np.exp(logs)
        rate = self.last_rate(before, log_level)
        return before * (1.0 - 2.0 * self.gamma * rate), before

    def last_rate(self, before: Floats, log_level: float) -> float:
        """Return the smallest rate at which a step from filter ``before`` ends at a level.

        If none does, it is the rate at which the step ends lowest.
        """
        shares = self.weights * before**2
        straight, curved = (float(shares @ (2.0 * self.gamma) ** k) for k in (1, 2))
        if curved <= 0:
            return 0.0
        over = max(float(shares.sum()) - math.exp(log_level), 0.0)
        inside = straight**2 - curved * over
        return over / (straight + math.sqrt(inside)) if inside > 0 else straight / curved

    def flow_time(self, before: Floats, log_level: float) -> float:
        """Return the time, at least 0, that a flow takes from filter ``before`` to a level."""
        # a lower bound is the latest time at which a single term falls to the level; the log of the
        # sum is convex in time, so Newton's method rises from there to the root without passing it
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights) + 2.0 * np.log(np.abs(before))
        moves = (self.gamma > 0) & np.isfinite(logs)
        rates, logs = 4.0 * self.gamma[moves], logs[moves]
        if not rates.size:
            return 0.0
        time = max(float(((logs - log_level) / rates).max()), 0.0)
        for _ in range(_MAX_NEWTON):
            terms = np.exp(logs - rates * time - log_level)
            total = terms.sum()
            move = float(np.log(total) * total / (rates @ terms)) if total > 0 else 0.0
            time = max(time + move, 0.0)
            if abs(move) <= _ROUNDING * time or time == 0:
                return time
        return _enclosed(logs - log_level, rates, time)

    def amplification(self, rates: Floats, counts: Floats) -> tuple[float, Floats]:
        """Return the log of the largest growth of an error, with derivatives in the rates.

        Π max(1, |1 - 2ηγ|) at the largest curvature bounds the growth for any order of the steps.
        """
        grown = np.maximum(2.0 * rates * self.top - 1.0, 1.0)
        slopes = np.where(grown > 1.0, 2.0 * self.top / grown, 0.0)
        return float(counts @ np.log(grown)), counts * slopes

    def path(self, rates: Floats, counts: Floats) -> tuple[Floats, Floats]:
        """Return the log of the excess train loss over the start's after the steps at each rate.

        The derivatives have shape (n, n).
        """
        factors = self.factors(rates)
        logs = np.cumsum(counts[:, None] * np.log(np.abs(factors)), axis=0)
        with np.errstate(over="ignore"):
            shares = self.weights * np.exp(2.0 * logs)
        totals = shares.sum(axis=1)
        totals = np.where(totals > 0, totals, np.finfo(float).tiny)
        steps = -4.0 * self.gamma * counts[:, None] / factors
        slopes = np.tril((shares / totals[:, None]) @ steps.T)
        return np.log(totals), slopes


def _product(factors: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return signs and logs (..., r) of the product of factors (..., n, r), each to its count."""
    odd = (factors < 0) & (counts[:, None] % 2 == 1)
    negative = np.logical_xor.reduce(odd, axis=-2)
    return np.where(negative, -1.0, 1.0), counts @ np.log(np.abs(factors))


def _earlier(counts: Floats) -> Floats:
    """Return how often each rate is repeated before the last step."""
    return np.asarray(counts - (np.arange(counts.size) == counts.size - 1))


def _enclosed(logs: Floats, rates: Floats, early: float) -> float:
    """Return the time at which Σ exp(logs - rates·t) falls to 1, where Newton is too slow.

    At the time ``early`` the sum is at least 1.
    """

    def above(time: float) -> float:
        return float(np.logaddexp.reduce(logs - rates * time))

    if above(early) <= 0:  # only by rounding
        return early
    late = 2.0 * early
    while above(late) > 0:
        late *= 2.0
    return float(brentq(above, early, late, xtol=_ROUNDING * early, rtol=_ROUNDING, maxiter=1000))
