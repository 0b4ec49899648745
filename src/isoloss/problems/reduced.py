"""A problem reduced to everything that training and test loss depend on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from isoloss._arrays.context import ArrayContext, quiet
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import LeftOut
from isoloss.problems.quadratic_forms import DiagonalTest, QuadraticTest
from isoloss.problems.units import (
    OWN,
    Scaled,
    Units,
    exponents,
    returned,
    scaled,
    shifted,
    sum_of_exponentials,
)

__all__ = ["RESCALE_INPUTS", "RESCALE_TARGETS", "Reduced", "Reduction", "RowsAlong", "TrainRows"]

Array = Any

_LN2 = 0.6931471805599453
_HALF_UNIT = 2.0**-53
_FAR = 1000.0  # levels beyond this many bits are represented only by their logarithm
_LARGEST_NOISE = 2.0**900  # larger noise is clipped, as nothing is visible beside it
RESCALE_INPUTS = "multiply the inputs (X, the kernel or the train covariance) by a power of two"
RESCALE_TARGETS = "multiply the targets (y, or start and target) by a power of two"


@dataclass(frozen=True)
class Reduction:
    """How a problem was reduced from products with its data.

    Attributes
    ----------
    rank : int
        The dimension of the space to which training was restricted.
    estimate : float
        The estimated relative error of the requested train and test losses.
    passes : int
        How often the train data was read.
    holds_start : bool
        Whether the space holds the parameters at the start, so that weight decay stays in it.
    """

    rank: int
    estimate: float
    passes: int
    holds_start: bool


@dataclass(frozen=True, eq=False)
class TrainRows:
    """The user's train data, as they were given: a copy would double the memory."""

    inputs: Any
    targets: Any
    intercept: bool
    """Whether the inputs are to have a column of ones."""
    together: int = 1
    """How many rows, one after the other, a minibatch takes as one: the outputs of one input."""


@dataclass(frozen=True, eq=False)
class RowsAlong:
    """Train rows (n, r) along the directions, and the errors (n, m) at the train minimum.

    Both are in the problem's own unit.
    """

    rows: Array
    errors: Array
    together: int
    """As for `TrainRows`."""


@dataclass(frozen=True, eq=False, repr=False)
class Reduced:
    """A least-squares problem in the eigenbasis of its train covariance.

    Its own numbers are near 1; ``units`` converts them to the user's units.
    """

    kind: ArrayContext
    """The array library, precision and device of the user's arguments."""
    gamma: Array
    """`curvature` in float64 and the problem's own unit."""
    floor: Array
    """`min_train_loss` in float64 and the problem's own unit."""
    start_residual: Array
    """The residual δ(0) in the eigenbasis, shape (*batch, r, m) for m outputs."""
    log_weights: Array
    """log of γδ(0)², summed over outputs, shape (*batch, r), in the problem's own unit."""
    test_form: DiagonalTest | QuadraticTest | None
    """The test loss as a function of the filter, if there are test data."""
    coordinates: Coordinates | None
    """The map from residuals to the user's parameters, if there are any."""
    single_output: bool
    """Whether results have no axis of outputs."""
    reduction: Reduction | None = None
    """How `il.from_operator` reduced the problem; None for other problems."""
    left_out: LeftOut | None = None
    """Directions indistinguishable from rounding errors of a kernel or covariance, if any."""
    units: Units = OWN
    """The powers of two that convert the problem's own numbers to the user's units."""
    origin: Array | None = None
    """The parameters at the start in the eigenbasis, as `start_residual`.

    None stands for those of the coordinates, or for 0 if there are none.
    """
    rows: TrainRows | RowsAlong | None = None
    """The train data, if they are rows in memory."""
    is_population: bool = False
    """Whether train and test losses are those of distributions, not of rows."""

    def representable(self) -> Self:
        """Return the problem; raise ``ValueError`` if the start's losses overflow or underflow."""
        _ = self.start_train_loss, None if self.test_form is None else self.start_test_loss
        return self

    @property
    def test(self) -> DiagonalTest | QuadraticTest:
        """The test loss as a function of the filter."""
        if self.test_form is None:
            raise ValueError(
                "this problem has no test data; call problem.with_test(X_test, y_test)"
            )
        return self.test_form

    @property
    def curvature(self) -> Array:
        """As `Problem.curvature`."""
        what = "the train curvature"
        return returned(self.kind, what, self.gamma, self.units.curvature, RESCALE_INPUTS)

    @property
    def min_train_loss(self) -> Array:
        """As `Problem.min_train_loss`."""
        what = "the smallest train loss"
        return returned(self.kind, what, self.floor, self.units.train, RESCALE_TARGETS)

    @property
    @quiet
    def max_lr(self) -> Array:
        """As `Problem.max_lr`."""
        xp = self.kind.xp
        top = xp.max(self.gamma, axis=-1)
        what = "max_lr (one over the largest train curvature)"
        return returned(self.kind, what, 1.0 / top, -self.units.curvature, RESCALE_INPUTS)

    @property
    @quiet
    def start_train_loss(self) -> Array:
        """As `Problem.start_train_loss`."""
        own = sum_of_exponentials(self.kind.xp, self.log_weights, self.floor)
        what = "the train loss at the start"
        return returned(self.kind, what, own, self.units.train, RESCALE_TARGETS)

    @property
    @quiet
    def start_test_loss(self) -> Array:
        """As `Problem.start_test_loss`."""
        zeros = 0.0 * self.gamma[..., None, :]
        own = self.test.above_noise(self.kind.xp, 1.0 + zeros, zeros)
        own = Scaled(own.value[..., 0], own.bits[..., 0])
        what, noise = "the test loss at the start", self.test.noise
        return returned(self.kind, what, own, self.test.exponent, RESCALE_TARGETS, noise)

    def train_loss(self, log: Array) -> Array:
        """Return the train losses of filters ±exp(log), (*batch, *levels, r), in the user's units.

        The losses are in float64.
        """
        levels = (None,) * (log.ndim - self.log_weights.ndim)
        weights, floor = self.log_weights[(..., *levels, slice(None))], self.floor[(..., *levels)]
        own = sum_of_exponentials(self.kind.xp, weights + 2.0 * log, floor)
        return own.times(self.kind.xp, self.units.train)

    def test_loss(self, sign: Array, log: Array) -> Array:
        """Return the test losses of filters sign·exp(log), as `train_loss` does."""
        xp, (*batch, r) = self.kind.xp, self.gamma.shape
        own = self.test.above_noise(xp, *(xp.reshape(h, (*batch, -1, r)) for h in (sign, log)))
        found = own.times(xp, self.test.exponent) + self.test.noise[..., None]
        return xp.reshape(found, log.shape[:-1])

    def excess(self, levels: Array) -> Scaled:
        """Return how far L levels lie above the smallest train loss, in the problem's own unit.

        Levels are in the user's units and have any shape. The excesses are (B, L), with even
        exponents, because a level may lie beyond float64.
        """
        left, _, bits = self._above_floor(levels)
        return Scaled(left, bits + self.kind.xp.zeros_like(left))

    def log_excess(self, levels: Array) -> tuple[Array, Array]:
        """Return the logarithm of `excess`, and that of the largest excess within rounding.

        A level is only known to half a unit in its last place. Relative to the excess that remains
        after subtracting the smallest train loss, this error is larger. Both results are (B, L),
        and NaN for a level below every train loss.
        """
        xp, (left, there, bits) = self.kind.xp, self._above_floor(levels)
        most = xp.where(left > 0, left + _HALF_UNIT * there, left)
        near = xp.where(xp.abs(bits) > _FAR, 0.0, bits)
        far = _LN2 * (bits - near)
        return xp.log(shifted(xp, left, near)) + far, xp.log(shifted(xp, most, near)) + far

    def _above_floor(self, levels: Array) -> tuple[Array, Array, Array]:
        """Return the excess of levels and the levels, both divided by 2^bits, and the bits."""
        xp, exponent = self.kind.xp, float(self.units.train)
        levels = xp.reshape(levels, (1, -1))
        finite = xp.where(xp.isfinite(levels), xp.abs(levels), 0.0)
        bits = 2.0 * xp.floor(0.5 * (exponents(xp, finite) - exponent))
        bits = xp.where(finite > 0, bits, 0.0)
        there = shifted(xp, levels, -(bits + exponent))
        floor = xp.reshape(self.floor, (-1, 1))
        return there - shifted(xp, floor, -bits), there, bits

    def own_unit(self) -> Self:
        """Return the problem in its own unit, with numbers near 1 and without coordinates."""
        noise = scaled(self.test.noise, -self.test.exponent)
        noise = self.kind.xp.clip(noise, 0.0, _LARGEST_NOISE)
        test = dataclasses.replace(self.test, noise=noise, exponent=0)
        return dataclasses.replace(self, test_form=test, coordinates=None, units=OWN)
