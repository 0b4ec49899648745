"""The test loss as a quadratic form in the filter h of a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss.basis import Basis

Array = Any

# Filters beyond exp(±300) are scaled before they are squared.
_SCALED = 300.0


@dataclass(frozen=True, eq=False)
class DiagonalTest:
    """The commuting case: Σ λ_i δ_i(0)² h_i² + noise."""

    curvature: Array
    """Test curvature λ, shape (*batch, r)."""
    log_weights: Array
    """log of λδ(0)², shape (*batch, r)."""
    noise: Array

    def loss(self, xp: Any, sign: Array, log: Array) -> Array:
        """Return the test loss of filters sign·exp(log), (*batch, r) or (*batch, levels, r)."""
        del sign  # squares do not see it
        extra = log.ndim - self.log_weights.ndim
        weights = _insert(self.log_weights, extra, 1)
        return xp.sum(xp.exp(weights + 2.0 * log), axis=-1) + _insert(self.noise, extra)


@dataclass(frozen=True, eq=False)
class QuadraticTest:
    """Any test distribution: ‖F (h∘δ(0)) + G‖² + noise for outputs in columns.

    It is expanded both about the train minimum (v = h) and about the start (v = h - 1) as
    c + 2bᵀv + vᵀMv; each filter is evaluated about the centre where less cancels.
    """

    factor: Array
    """F, shape (*batch, q, r)."""
    at_minimum: Array
    """G, the test residual at the train minimum, shape (*batch, q, m)."""
    form: Array
    """M = FᵀF ∘ δ(0)δ(0)ᵀ, shape (*batch, r, r)."""
    linear: tuple[Array, Array]
    """b about the minimum and about the start, shape (*batch, r) each."""
    constant: tuple[Array, Array]
    noise: Array
    still_inputs: tuple[Array, Basis] | None
    """Test inputs over √n_test and the basis, where directions without curvature were dropped."""

    @classmethod
    def build(
        cls,
        xp: Any,
        *,
        factor: Array,
        residual: Array,
        at_start: Array,
        at_minimum: Array,
        noise: Array,
        still_inputs: tuple[Array, Basis] | None = None,
    ) -> QuadraticTest:
        """Expand ‖F (h∘δ(0)) + G‖² about both centres."""
        transpose = xp.matrix_transpose
        batch = factor.shape[:-2]
        at_minimum = xp.broadcast_to(at_minimum, (*batch, *at_minimum.shape[-2:]))
        at_start = xp.broadcast_to(at_start, (*batch, *at_start.shape[-2:]))
        form = (transpose(factor) @ factor) * (residual @ transpose(residual))
        return cls(
            factor=factor,
            at_minimum=at_minimum,
            form=form,
            linear=(
                xp.sum(residual * (transpose(factor) @ at_minimum), axis=-1),
                xp.sum(residual * (transpose(factor) @ at_start), axis=-1),
            ),
            constant=(
                xp.sum(at_minimum**2, axis=(-2, -1)),
                xp.sum(at_start**2, axis=(-2, -1)),
            ),
            noise=noise,
            still_inputs=still_inputs,
        )

    def loss(self, xp: Any, sign: Array, log: Array) -> Array:
        """Return the test loss of filters sign·exp(log), (*batch, r) or (*batch, levels, r)."""
        extra = log.ndim - self.linear[0].ndim
        if extra == 0:
            return self.loss(xp, sign[..., None, :], log[..., None, :])[..., 0]
        top = xp.max(log, axis=-1)
        shift = xp.where(xp.abs(top) > _SCALED, top, xp.zeros_like(top))
        shift = xp.where(xp.isfinite(shift), shift, xp.zeros_like(top))
        filters = sign * xp.exp(log - shift[..., None])
        moved = xp.where(sign > 0, xp.expm1(log), filters - 1.0)
        diagonal = _insert(xp.linalg.diagonal(self.form), extra, 1)
        constants = [_insert(value, extra) for value in self.constant]
        # Rounding errors are in proportion to these sums; take the centre with the smaller one.
        size = constants[0] + xp.sum(diagonal * filters**2, axis=-1)
        size_start = constants[1] + xp.sum(diagonal * moved**2, axis=-1)
        about_start = (shift == 0) & (size_start < size)
        v = xp.where(about_start[..., None], moved, filters)
        constant = xp.where(about_start, constants[1], constants[0])
        linears = [_insert(value, extra, 1) for value in self.linear]
        linear = xp.sum(v * xp.where(about_start[..., None], linears[1], linears[0]), axis=-1)
        quadratic = xp.sum(v * (v @ self.form), axis=-1)
        linear = xp.where(linear == 0, linear, 2.0 * xp.exp(shift) * linear)
        # log form: a huge scale times an exact zero is zero
        scaled = xp.exp(
            xp.log(xp.where(quadratic > 0, quadratic, xp.zeros_like(quadratic))) + 2.0 * shift
        )
        quadratic = xp.where(shift == 0, quadratic, scaled)
        loss = xp.where(xp.isfinite(quadratic), constant + linear + quadratic, quadratic)
        return xp.where(loss > 0, loss, xp.zeros_like(loss)) + _insert(self.noise, extra)


def _insert(array: Array, extra: int, trailing: int = 0) -> Array:
    """Insert ``extra`` axes of length 1 before the last ``trailing`` ones."""
    where = (..., *(None,) * extra, *(slice(None),) * trailing)
    return array[where]
