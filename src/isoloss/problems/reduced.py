"""A problem once its data has been read: all that training and test loss depend on."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import dataclass
from typing import Any, Self

from isoloss._arrays.context import Kind, quiet
from isoloss.problems.coordinates import Coordinates, Parts
from isoloss.problems.decomposition import LeftOut
from isoloss.problems.test_loss import DiagonalTest, QuadraticTest
from isoloss.problems.units import (
    OWN,
    Scaled,
    Units,
    exponents,
    precision,
    returned,
    scaled,
    shifted,
    sum_of_exponentials,
)

__all__ = ["RESCALE_TARGETS", "Reduced", "Reduction"]

Array = Any

_DIVERGED = 300.0  # log of a filter whose products may leave float64
_LN2 = 0.6931471805599453
_HALF_UNIT = 2.0**-53
_FAR = 1000.0  # bits from which a level is only known by its logarithm
_LARGEST_NOISE = 2.0**900  # all that is seen beside it
RESCALE_INPUTS = "multiply the inputs (X, the kernel or the train covariance) by a power of two"
RESCALE_TARGETS = "multiply the targets (y, or start and target) by a power of two"


@dataclass(frozen=True)
class Reduction:
    """How a problem was reduced from products with its data.

    Attributes
    ----------
    rank : int
        The dimension of the space that training was restricted to.
    estimate : float
        The estimated relative error of the train and test losses that were asked for.
    passes : int
        How often the train data was read.
    """

    rank: int
    estimate: float
    passes: int


@dataclass(frozen=True, eq=False, repr=False)
class Reduced:
    """A least-squares problem in the eigenbasis of its train covariance.

    Its own numbers are near 1; ``units`` makes the user's of them.
    """

    kind: Kind
    """The array library, precision and device of what was given."""
    gamma: Array
    """`curvature` in float64 and the problem's own unit."""
    floor: Array
    """`min_train_loss` in float64 and the problem's own unit."""
    start_residual: Array
    """The residual δ(0) in the eigenbasis, shape (*batch, r, m) for m outputs."""
    log_weights: Array
    """log of γδ(0)², summed over outputs, shape (*batch, r), in the problem's own unit."""
    test_form: DiagonalTest | QuadraticTest | None
    """The test loss as a function of the filter, where there are test data."""
    coordinates: Coordinates | None
    """How residuals become the user's parameters, where there are any."""
    single_output: bool
    """Whether results leave out the axis of outputs."""
    reduction: Reduction | None = None
    """How it was reduced, if it was: by `il.from_operator`."""
    left_out: LeftOut | None = None
    """The ``directions``, of curvatures below ``curvature``, that could not be told from rounding
    errors of a kernel or covariance."""
    units: Units = OWN
    """The powers of two that convert its own numbers to the user's units."""

    @classmethod
    def _checked(cls, **fields: Any) -> Self:
        return cls(**fields).representable()

    def representable(self) -> Self:
        """Return the problem; raise ``ValueError`` if the losses at the start leave float64."""
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
        """The eigenvalues γ of the train covariance, shape (*batch, r).

        Descending, but in the order given to `from_spectra`; `from_data` and `from_kernel` leave
        out directions without curvature.
        """
        what = "the train curvature"
        return returned(self.kind, what, self.gamma, self.units.curvature, RESCALE_INPUTS)

    @property
    def min_train_loss(self) -> Array:
        """The smallest train loss that any parameters have, shape batch."""
        what = "the smallest train loss"
        return returned(self.kind, what, self.floor, self.units.train, RESCALE_TARGETS)

    @property
    @quiet
    def max_lr(self) -> Array:
        """The largest stable constant rate 1/γ₁, shape batch; infinite without any curvature."""
        xp = self.kind.xp
        top = xp.max(self.gamma, axis=-1)
        what = "max_lr (one over the largest train curvature)"
        return returned(self.kind, what, 1.0 / top, -self.units.curvature, RESCALE_INPUTS)

    @property
    @quiet
    def start_train_loss(self) -> Array:
        """The train loss at the start, shape batch."""
        own = sum_of_exponentials(self.kind.xp, self.log_weights, self.floor)
        what = "the train loss at the start"
        return returned(self.kind, what, own, self.units.train, RESCALE_TARGETS)

    @property
    @quiet
    def start_test_loss(self) -> Array:
        """The test loss at the start, shape batch."""
        zeros = 0.0 * self.gamma
        own = self.test.above_noise(self.kind.xp, 1.0 + zeros, zeros)
        what, noise = "the test loss at the start", self.test.noise
        return returned(self.kind, what, own, self.test.exponent, RESCALE_TARGETS, noise)

    def spectra(self) -> tuple[Array, Array, Array]:
        """Return what `Problem.from_spectra` was given, to the last bit: γ, λ and δ(0).

        Raises ``ValueError`` if the problem does not commute.
        """
        if not isinstance(self.test, DiagonalTest):
            raise ValueError(f"only problems given by their spectra have them; this is {self!r}")
        unit = self.units.parameters
        return (
            scaled(self.gamma, self.units.curvature),
            scaled(self.test.curvature, self.test.exponent - 2 * unit),
            scaled(self.start_residual[..., 0], unit),
        )

    def train_loss(self, log: Array) -> Array:
        """Return the train loss of filters, in float64 and the user's units.

        Parameters
        ----------
        log : array, shape (*batch, r) or (*batch, levels, r)
            The logarithms of the filters' magnitudes.

        Returns
        -------
        array, shape (*batch,) or (*batch, levels)
            The train losses.
        """
        extra = log.ndim - self.log_weights.ndim
        levels = (None,) * extra
        weights, floor = self.log_weights[(..., *levels, slice(None))], self.floor[(..., *levels)]
        own = sum_of_exponentials(self.kind.xp, weights + 2.0 * log, floor)
        return own.times(self.kind.xp, self.units.train)

    def test_loss(self, sign: Array, log: Array) -> Array:
        """Return the test loss of filters sign·exp(log), in float64 and the user's units.

        Parameters
        ----------
        sign, log : array, shape (*batch, *levels, r)
            The filters.

        Returns
        -------
        array, shape (*batch, *levels)
            The test losses.
        """
        xp, (*batch, r) = self.kind.xp, self.gamma.shape
        # with an axis of levels, even of one
        parts = (xp.reshape(part, (*batch, -1, r)) for part in (sign, log))
        return xp.reshape(self.test.loss(xp, *parts), log.shape[:-1])

    def excess(self, levels: Array) -> Scaled:
        """Return how far levels lie above the smallest train loss, in the problem's own unit.

        Parameters
        ----------
        levels : array
            Train losses in the user's units, L of them in any shape.

        Returns
        -------
        Scaled
            The excesses, shape (B, L), with even exponents: a level may lie beyond float64.
        """
        left, _, bits = self._above_floor(levels)
        return Scaled(left, bits + self.kind.xp.zeros_like(left))

    def log_excess(self, levels: Array) -> tuple[Array, Array]:
        """Return the logarithm of `excess`, and that of the largest excess within rounding.

        A level is only known to half a unit in its last place. Relative to the excess, which
        remains after the smallest train loss has been subtracted, this error is larger.

        Parameters
        ----------
        levels : array
            Train losses in the user's units, L of them in any shape.

        Returns
        -------
        tuple of array
            Both logarithms, shape (B, L); NaN for a level below every train loss.
        """
        xp, (left, there, bits) = self.kind.xp, self._above_floor(levels)
        most = xp.where(left > 0, left + _HALF_UNIT * there, left)
        far = xp.abs(bits) > _FAR
        if bool(xp.any(far)):
            near = xp.where(far, xp.zeros_like(bits), bits)
            logs = [
                xp.where(far, xp.log(part) + _LN2 * bits, xp.log(shifted(xp, part, near)))
                for part in (left, most)
            ]
            return logs[0], logs[1]
        return xp.log(shifted(xp, left, bits)), xp.log(shifted(xp, most, bits))

    def _above_floor(self, levels: Array) -> tuple[Array, Array, Array]:
        """Return the excess of levels and the levels themselves, both over 2^bits, and the bits."""
        xp, exponent = self.kind.xp, float(self.units.train)
        levels = xp.reshape(levels, (1, -1))
        finite = xp.where(xp.isfinite(levels), xp.abs(levels), xp.zeros_like(levels))
        bits = 2.0 * xp.floor(0.5 * (exponents(xp, finite) - exponent))
        bits = xp.where(finite > 0, bits, xp.zeros_like(bits))
        there = shifted(xp, levels, -(bits + exponent))
        floor = xp.reshape(self.floor, (-1, 1))
        return there - shifted(xp, floor, -bits), there, bits

    def own_unit(self) -> Self:
        """Return the problem in its own unit, without coordinates: one whose numbers are near 1."""
        noise = scaled(self.test.noise, -self.test.exponent)
        noise = self.kind.xp.clip(noise, 0.0, _LARGEST_NOISE)
        test = dataclasses.replace(self.test, noise=noise, exponent=0)
        return dataclasses.replace(self, test_form=test, coordinates=None, units=OWN)

    def filtered_residual(self, sign: Array, log: Array) -> Array:
        """Return h∘δ(0) for filters h = sign·exp(log).

        Parameters
        ----------
        sign, log : array, shape (*batch, *levels, r)
            The filters.
        """
        xp = self.kind.xp
        start = self.start_residual
        extra = log.ndim - (start.ndim - 1)
        start = start[(..., *(None,) * extra, slice(None), slice(None))]
        # in logarithms, for where only the product of filter and start fits into float64
        sizes = sum_of_exponentials(
            self.kind.xp, (log[..., None] + xp.log(xp.abs(start)))[..., None]
        )
        residual = sign[..., None] * xp.sign(start) * self.units.residual(xp, sizes)
        residual = self.kind.result(residual)
        return residual[..., 0] if self.single_output else residual

    @quiet
    def filtered_parameters(self, sign: Array, log: Array) -> tuple[Array, Array]:
        """Return coefficients and intercept for filters h = sign·exp(log).

        Counted from the start on, start + U(δ(0)(h - 1)): the train minimum may be as far away as
        small curvatures are small, and would take the digits with it.

        Parameters
        ----------
        sign, log : array, shape (*batch, *levels, r)
            The filters.
        """
        coordinates, xp = self._coordinates(), self.kind.xp
        start = self.start_residual
        start = start[(..., *(None,) * (log.ndim - (start.ndim - 1)), slice(None), slice(None))]
        top = xp.max(log, axis=-1)
        shift = xp.where((top > _DIVERGED) & (top < xp.inf), top, xp.zeros_like(top))
        filters = sign * xp.exp(log - shift[..., None])
        change = xp.where(sign > 0, xp.expm1(log), filters - 1.0)
        change = xp.where((shift == 0)[..., None], change, filters)
        moved = xp.where(start == 0, start, start * change[..., None])
        parts = coordinates.from_start(xp, moved, shift, self.units.parameters)
        return self._given(parts, tame=shift == 0)

    def user_residual(self, own: Array) -> Array:
        """Return residuals in the user's units and precision.

        Parameters
        ----------
        own : array, shape (*batch, *levels, r, m)
            The residuals in the problem's own unit.

        Returns
        -------
        array, shape (*batch, *levels, r, m)
            The residuals in the user's units.

        Raises
        ------
        ValueError
            If the user's precision cannot represent them.
        """
        kind = self.kind
        found = kind.result(self.units.residual(kind.xp, own))
        if not bool(kind.xp.all(kind.xp.isfinite(kind.plain("residual", found)))):
            raise ValueError(f"a residual overflows {precision(kind)}; rescale: {RESCALE_TARGETS}")
        return found

    def parameters(self, residual: Array, move: Array | None = None) -> tuple[Array, Array]:
        """Return coefficients and intercept for residuals in the eigenbasis.

        Parameters
        ----------
        residual : array, shape (*batch, *levels, r, m)
            The residuals, in the problem's own unit.
        move : array, shape (*levels, d, m), optional
            Added to the parameters themselves, in the problem's own unit.
        """
        coordinates, xp = self._coordinates(), self.kind.xp
        return self._given(coordinates.from_minimum(xp, residual, move, self.units.parameters))

    def _coordinates(self) -> Coordinates:
        if self.coordinates is None:
            raise ValueError(
                "a problem given by its spectra has no coordinates but its eigenbasis; "
                "use residual() instead of coef()"
            )
        return self.coordinates

    def _given(self, parts: Parts, *, tame: Array | bool = True) -> tuple[Array, Array]:
        """Return coefficients and intercept as the user has them.

        Raises ``ValueError`` if float64 cannot represent them although training is ``tame``: what a
        divergence leads to may be infinite.
        """
        kind, xp = self.kind, self.kind.xp
        coef, intercept = (
            kind.result(part[..., 0] if self.single_output else part) for part in parts[:2]
        )
        finite = xp.isfinite(kind.plain("coef", kind.result(parts.coef)))
        finite = xp.all(xp.all(finite, axis=-1), axis=-1)
        if parts.vanished or bool(xp.any(~finite & tame)):
            raise ValueError(
                f"the parameters lie beyond {precision(kind)}; rescale: multiply inputs or "
                "targets by a power of two"
            )
        return coef, intercept

    @quiet
    def __repr__(self) -> str:
        xp, r = self.kind.xp, self.gamma.shape[-1]
        batch = self.gamma.shape[:-1]
        parts = [f"{r} curvature{'s' if r != 1 else ''}"]
        unit, train = self.units.curvature, self.units.train
        top, bottom = _text(xp.max(self.gamma), unit), _text(xp.min(self.gamma), unit)
        parts[0] += f" from {top} to {bottom}" if r > 1 else f" of {top}"
        if batch:
            parts.insert(0, f"batch {tuple(batch)}")
        else:
            parts.append(f"max_lr={_text(1.0 / xp.max(self.gamma), -unit, 4)}")
            parts.append(f"start: train loss {float(self.start_train_loss):.4g}")
            if self.test_form is not None:
                parts.append(f"test loss {float(self.start_test_loss):.4g}")
            if float(self.floor) > 0:
                parts.append(f"smallest train loss {_text(self.floor, train, 4)}")
        if self.test_form is None:
            parts.append("no test data")
        if self.left_out is not None:
            count, below = self.left_out
            parts.append(f"{count} left out below {below:.1g}, as rounding")
        if self.reduction is not None:
            parts.append(f"reduced, estimated error {self.reduction.estimate:.1g}")
        return f"Problem({', '.join(parts)})"


def _text(own: Array, exponent: int, digits: int = 3) -> str:
    """Write a number times 2^exponent, also beyond float64."""
    theirs = float(scaled(own, exponent))
    if own == 0 or math.isinf(float(own)) or sys.float_info.min <= theirs < math.inf:
        return f"{theirs:.{digits}g}"
    return f"10^{(math.log2(float(own)) + exponent) * math.log10(2.0):.0f}"
