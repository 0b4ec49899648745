"""A problem once its data has been read: all that training and test loss depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from isoloss._checks import Kind, quiet
from isoloss.coordinates import Coordinates
from isoloss.decomposition import LeftOut
from isoloss.testloss import DiagonalTest, QuadraticTest

__all__ = ["Reduced", "Reduction"]

Array = Any

_DIVERGED = 300.0  # log of a filter whose products may leave float64


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
    """A least-squares problem in the eigenbasis of its train covariance."""

    kind: Kind
    """The array library, precision and device of what was given."""
    gamma: Array
    """`curvature` in float64."""
    floor: Array
    """`min_train_loss` in float64."""
    start_residual: Array
    """The residual δ(0) in the eigenbasis, shape (*batch, r, m) for m outputs."""
    log_weights: Array
    """log of γδ(0)², summed over outputs, shape (*batch, r)."""
    test: DiagonalTest | QuadraticTest
    """The test loss as a function of the filter."""
    coordinates: Coordinates | None
    """How residuals become the user's parameters, where there are any."""
    single_output: bool
    """Whether results leave out the axis of outputs."""
    reduction: Reduction | None = None
    """How it was reduced, if it was: by `Problem.from_operator`."""
    left_out: LeftOut | None = None
    """What could not be told from the rounding of a kernel or covariance: so many ``directions``,
    of curvatures below ``curvature``."""

    @classmethod
    def _checked(cls, **fields: Any) -> Self:
        problem = cls(**fields)
        if not bool(problem.kind.xp.all(problem.kind.xp.isfinite(4.0 * problem.gamma))):
            raise ValueError("the train curvature overflows float64; rescale the problem")
        home = problem.kind.home
        for name in ("start_train_loss", "start_test_loss"):
            if not bool(home.all(home.isfinite(getattr(problem, name)))):
                raise ValueError(f"the {name} overflows float64; rescale the problem")
        return problem

    @property
    def curvature(self) -> Array:
        """The eigenvalues γ of the train covariance, shape (*batch, r).

        Descending, but in the order given to `from_spectra`; `from_data` and `from_kernel` leave
        out directions without curvature.
        """
        return self.kind.result(self.gamma)

    @property
    def min_train_loss(self) -> Array:
        """The smallest train loss that any parameters have, shape batch."""
        return self.kind.result(self.floor)

    @property
    @quiet
    def max_lr(self) -> Array:
        """The largest stable constant rate 1/γ₁, shape batch; infinite without any curvature."""
        xp = self.kind.xp
        top = xp.max(self.gamma, axis=-1)
        return self.kind.result(1.0 / top)

    @property
    @quiet
    def start_train_loss(self) -> Array:
        """The train loss at the start, shape batch."""
        xp = self.kind.xp
        return self.kind.result(self.floor + xp.sum(xp.exp(self.log_weights), axis=-1))

    @property
    @quiet
    def start_test_loss(self) -> Array:
        """The test loss at the start, shape batch."""
        xp = self.kind.xp
        zeros = 0.0 * self.gamma
        return self.kind.result(self.test.loss(xp, 1.0 + zeros, zeros))

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
        sizes = xp.exp(log[..., None] + xp.log(xp.abs(start)))
        residual = self.kind.result(sign[..., None] * xp.sign(start) * sizes)
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
        return self._given(coordinates.from_start(xp, moved, shift))

    def parameters(self, residual: Array, move: Array | None = None) -> tuple[Array, Array]:
        """Return coefficients and intercept for residuals in the eigenbasis.

        Parameters
        ----------
        residual : array, shape (*batch, *levels, r[, m])
            The residuals.
        move : array, shape (*levels, d, m), optional
            Added to the parameters themselves.
        """
        coordinates = self._coordinates()
        residual = self.kind.plain("residual", residual)
        if self.single_output:
            residual = residual[..., None]
        return self._given(coordinates.from_minimum(residual, move))

    def _coordinates(self) -> Coordinates:
        if self.coordinates is None:
            raise ValueError(
                "a problem given by its spectra has no coordinates but its eigenbasis; "
                "use residual() instead of coef()"
            )
        return self.coordinates

    def _given(self, parts: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return coefficients and intercept as the user has them."""
        coef, intercept = (part[..., 0] if self.single_output else part for part in parts)
        return self.kind.result(coef), self.kind.result(intercept)

    def __repr__(self) -> str:
        xp, r = self.kind.xp, self.gamma.shape[-1]
        batch = self.gamma.shape[:-1]
        parts = [f"{r} curvature{'s' if r != 1 else ''}"]
        top, bottom = float(xp.max(self.gamma)), float(xp.min(self.gamma))
        parts[0] += f" from {top:.3g} to {bottom:.3g}" if r > 1 else f" of {top:.3g}"
        if batch:
            parts.insert(0, f"batch {tuple(batch)}")
        else:
            parts.append(f"max_lr={float(self.max_lr):.4g}")
            parts.append(
                f"start: train loss {float(self.start_train_loss):.4g}, "
                f"test loss {float(self.start_test_loss):.4g}"
            )
            if float(self.floor) > 0:
                parts.append(f"smallest train loss {float(self.floor):.4g}")
        if self.left_out is not None:
            count, below = self.left_out
            parts.append(f"{count} left out below {below:.1g}, as rounding")
        if self.reduction is not None:
            parts.append(f"reduced, estimated error {self.reduction.estimate:.1g}")
        return f"Problem({', '.join(parts)})"
