"""Equal minibatch steps of fresh Gaussian rows, without momentum, at a cost that ignores how many.

The variances are those of `gaussian_constant`. Every covariance of two directions obeys a
recursion of its own, V_ij ← f_ij V_ij + cγ_iγ_j μ_iμ_j with f_ij = a_i a_j + cγ_iγ_j and c = 4η²/B,
which is solved by doubling.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.flow import resting
from isoloss.dynamics.moments.gaussian_constant import ConstantRate, MeanSquares
from isoloss.dynamics.moments.leaping import leap
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.noise import GaussianNoise
from isoloss.dynamics.moments.signed_exponentials import first_below
from isoloss.dynamics.moments.state import Moments, Move, StepRule, move, variances

__all__ = ["mean_squares", "take_equal_gaussian_steps", "variances_of"]

Floats = npt.NDArray[np.float64]


def take_equal_gaussian_steps(
    crossings: Crossings,
    moments: Moments,
    lr: float,
    steps: int,
    decay: float,
    noise: GaussianNoise,
) -> Moments:
    """Take equal steps, stop at the levels that they end at, and return the end.

    The rate and the weight decay are in the problem's own unit.
    """
    run = _EqualSteps(crossings.model, lr, decay, noise)
    return leap(crossings, run, moments, steps)


class _EqualSteps:
    """Steps that are all alike, in the problem's own unit."""

    def __init__(self, model: Model, lr: float, decay: float, noise: GaussianNoise) -> None:
        self.model, self.lr, self.decay, self.noise = model, lr, decay, noise
        self.rate = ConstantRate(model.curvature, lr, noise.batch_size, decay)
        self.rest = resting(model, decay)

    def step(self, moments: Moments) -> Move:
        """Return one step."""
        model = self.model
        spread = self.noise.covariance(moments.mean * model.residual, moments.covariance)
        rule = StepRule(weight_decay=self.decay)
        return move(moments, rule, model.curvature, model.minimum, spread)

    def first_below(self, moments: Moments, bar: float, steps: int) -> int | None:
        """Return the first of some steps at or below an excess train loss."""
        terms = self.rate.excess(
            self._variances(moments), self._squares(moments), self.noise.label_noise
        )
        return first_below(
            terms.coefficients,
            terms.log_rates,
            bar,
            steps,
            slopes=terms.slopes,
            negative=terms.negative,
        )

    def after(self, moments: Moments, steps: int) -> Moments:
        """Return the moments after some steps."""
        if not steps:
            return moments
        label_noise = self.noise.label_noise
        spread, growth = self.rate.variances(
            steps, self._variances(moments), self._squares(moments), label_noise
        )
        if growth:
            return Moments(np.full_like(moments.mean, np.inf))
        u = self.lr * (2.0 * self.model.curvature + self.decay)
        gone = moments.mean - self.rest
        powers = np.where((u > 1) & (steps % 2 == 1), -1.0, 1.0) * np.exp(self.rate.log_a * steps)
        mean = self.rest + powers[:, None] * gone
        if not self.noise.is_full:
            return Moments(mean, covariance=spread)
        covariance = self._covariance(moments, gone, u, steps)
        np.fill_diagonal(covariance, spread)
        return Moments(mean, covariance=covariance)

    def _variances(self, moments: Moments) -> Floats:
        return variances_of(moments, self.model.curvature.size)

    def _squares(self, moments: Moments) -> MeanSquares:
        return mean_squares(self.model, moments.mean, self.rest)

    def _covariance(self, moments: Moments, gone: Floats, u: Floats, steps: int) -> Floats:
        """Return the covariances of different directions; the diagonal has no meaning.

        Powers are kept as 1 less themselves, as those of almost flat directions stay near 1.
        """
        model, residual = self.model, self.model.residual
        coupling = 4.0 * self.lr**2 / self.noise.batch_size * np.outer(*[model.curvature] * 2)
        column, row = np.broadcast_arrays(u[:, None], u[None, :])
        both = column + row - column * row
        gone, rest = gone * residual, self.rest * residual
        sources = [(both, gone @ gone.T)]
        if self.decay:
            mixed = gone @ rest.T
            sources += [(column, mixed), (row, mixed.T), (0.0 * both, rest @ rest.T)]
        found: Floats = np.zeros_like(both)
        for fall, size in sources:
            found += size * coupling * _power_sum(fall, both - coupling, steps)
        if moments.covariance is not None:
            found += (1.0 - _fallen(both - coupling, steps)) * moments.covariance
        return found


def mean_squares(model: Model, mean: Floats, rest: Floats) -> MeanSquares:
    """Return the squares of a mean residual, apart from and at the point of rest."""
    gone, still = (mean - rest) * model.residual, rest * model.residual
    products = (gone, gone), (2.0 * gone, still), (still, still)
    return MeanSquares(*(np.sum(x * y, axis=1) for x, y in products))


def variances_of(moments: Moments, size: int) -> Floats:
    """Return the diagonal of a covariance; zeros if there is none."""
    return np.zeros(size) if moments.covariance is None else variances(moments.covariance)


def _fallen(fall: Floats, steps: int) -> Floats:
    """Return 1 - (1 - fall)^steps."""
    found = np.zeros_like(fall)
    for bit in bin(steps)[2:]:
        found = found * (2.0 - found)
        if bit == "1":
            found = found + fall * (1.0 - found)
    return found


def _power_sum(fall: Floats, other: Floats, steps: int) -> Floats:
    """Return Σ_s x^s y^(steps - 1 - s) for x = 1 - fall and y = 1 - other."""
    total, x, y = np.zeros_like(fall), np.zeros_like(fall), np.zeros_like(fall)
    for bit in bin(steps)[2:]:
        total = total * (2.0 - x - y)
        x, y = x * (2.0 - x), y * (2.0 - y)
        if bit == "1":
            total = (1.0 - fall) * total + (1.0 - y)
            x, y = x + fall * (1.0 - x), y + other * (1.0 - y)
    return total
