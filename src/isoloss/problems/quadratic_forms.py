"""The test loss as a quadratic form in the filter h of a schedule.

Each kind of test loss knows its own unit: what it computes, times 2^exponent and plus the noise, is
the user's test loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.problems.basis import Basis
from isoloss.problems.units import Scaled, exponents, scaled, shifted, sum_of_exponentials

__all__ = ["Centre", "DiagonalTest", "Offset", "QuadraticTest"]

Array = Any
Floats = npt.NDArray[np.float64]

_LN2 = 0.6931471805599453
_SCALED = 300.0  # nats from which filters, and bits from which losses, are scaled before squares


@dataclass(frozen=True, eq=False)
class DiagonalTest:
    """The commuting case: Σ λ_i δ_i(0)² h_i² + noise."""

    curvature: Array
    """Test curvature λ, shape (*batch, r)."""
    log_weights: Array
    """log of λδ(0)², shape (*batch, r)."""
    noise: Array
    """The variance of the label noise, in the user's units."""
    exponent: int = 0

    def loss(self, xp: Any, sign: Array, log: Array) -> Array:
        """Return the test loss of filters sign·exp(log), (*batch, r) or (*batch, levels, r).

        It is in the user's units.
        """
        extra = log.ndim - self.log_weights.ndim
        own = self.above_noise(xp, sign, log)
        return own.times(xp, self.exponent) + _insert(self.noise, extra)

    def above_noise(self, xp: Any, sign: Array, log: Array) -> Scaled:
        """Return the same without noise, over 2^exponent."""
        del sign  # squares do not see it
        weights = _insert(self.log_weights, log.ndim - self.log_weights.ndim, 1)
        return sum_of_exponentials(xp, weights + 2.0 * log)


class Offset(NamedTuple):
    """A test residual (*batch, q, m), to be multiplied by 2^exponent."""

    residual: Array
    exponent: int


class Centre(NamedTuple):
    """The linear and constant parts of a test loss about one point, for a residual 2^exponent."""

    linear: Array
    """b, shape (*batch, r)."""
    constant: Array
    """c, shape batch."""
    exponent: Array
    """Whole numbers, shape batch."""

    def at(self, extra: int) -> Centre:
        """Return it with ``extra`` axes of length 1 for levels."""
        return Centre(
            _insert(self.linear, extra, 1),
            _insert(self.constant, extra),
            _insert(self.exponent, extra),
        )


@dataclass(frozen=True, eq=False)
class QuadraticTest:
    """Any test distribution: ‖F (h∘δ(0)) + G‖² + noise for outputs in columns.

    It is expanded both about the train minimum (v = h) and about the start (v = h - 1) as
    c + 2bᵀv + vᵀMv; each filter is evaluated about the centre where less cancels. Directions and
    constants are brought to order one by powers of two of their own, so that no square of a small
    one is lost: a filter that diverges along it may make it large.
    """

    factor: Array
    """F, shape (*batch, q, r)."""
    minimum: Offset
    """G, the test residual at the train minimum."""
    form: Array
    """M = FᵀF ∘ δ(0)δ(0)ᵀ, shape (*batch, r, r), of directions over 2^sizes."""
    sizes: Array
    """Whole numbers, shape (*batch, r)."""
    centres: tuple[Centre, Centre]
    """About the minimum and about the start."""
    noise: Array
    """The variance of the label noise, in the user's units."""
    null_inputs: tuple[Array, Basis] | None
    """Test inputs over √n_test and the basis, where directions without curvature were dropped."""
    exponent: int = 0

    @classmethod
    def build(
        cls,
        xp: Any,
        *,
        factor: Array,
        residual: Array,
        start: Offset,
        minimum: Offset,
        noise: Array,
        exponent: int = 0,
        null_inputs: tuple[Array, Basis] | None = None,
    ) -> QuadraticTest:
        """Expand ‖F (h∘δ(0)) + G‖² about both centres."""
        transpose = xp.matrix_transpose
        batch = factor.shape[:-2]
        wide, deep = (
            exponents(xp, xp.max(xp.abs(array), axis=axis))
            for array, axis in ((factor, -2), (residual, -1))
        )
        columns = shifted(xp, factor, -wide[..., None, :])
        rows = shifted(xp, residual, -deep[..., :, None])
        centres = []
        for offset in (minimum, start):
            there = xp.broadcast_to(offset.residual, (*batch, *offset.residual.shape[-2:]))
            size = exponents(xp, xp.max(xp.abs(there), axis=(-2, -1)))
            there = shifted(xp, there, -size[..., None, None])
            centres.append(
                Centre(
                    xp.sum(rows * (transpose(columns) @ there), axis=-1),
                    xp.sum(there**2, axis=(-2, -1)),
                    size + float(offset.exponent),
                )
            )
        g = minimum.residual
        return cls(
            factor=factor,
            minimum=minimum._replace(residual=xp.broadcast_to(g, (*batch, *g.shape[-2:]))),
            form=(transpose(columns) @ columns) * (rows @ transpose(rows)),
            sizes=wide + deep,
            centres=(centres[0], centres[1]),
            noise=noise,
            exponent=exponent,
            null_inputs=null_inputs,
        )

    def about_minimum(self) -> tuple[Floats, Floats, float]:
        """Return M, b and c about the minimum of one problem of NumPy arrays, over 2^exponent."""
        size = np.ldexp(1.0, np.asarray(self.sizes).astype(np.int64))
        centre, unit = self.centres[0], int(self.centres[0].exponent)
        form = np.asarray(self.form) * size * size[:, None]
        linear = scaled(np.asarray(centre.linear) * size, unit)
        return form, linear, scaled(float(centre.constant), 2 * unit)

    def loss(self, xp: Any, sign: Array, log: Array) -> Array:
        """Return the test loss of filters sign·exp(log), (*batch, r) or (*batch, levels, r).

        It is in the user's units.
        """
        extra = log.ndim - self.sizes.ndim
        own = self.above_noise(xp, sign, log)
        return own.times(xp, self.exponent) + _insert(self.noise, extra)

    def above_noise(self, xp: Any, sign: Array, log: Array) -> Scaled:
        """Return the same without noise, over 2^exponent."""
        extra = log.ndim - self.sizes.ndim
        if extra == 0:
            own = self.above_noise(xp, sign[..., None, :], log[..., None, :])
            return Scaled(own.value[..., 0], own.bits[..., 0])
        sizes = _insert(self.sizes, extra, 1)
        diagonal = _insert(xp.linalg.diagonal(self.form), extra, 1)
        minimum, start = (centre.at(extra) for centre in self.centres)
        tame = xp.max(log, axis=-1) <= _SCALED
        filters = sign * xp.exp(log)
        moved = xp.where(sign > 0, xp.expm1(log), filters - 1.0)
        moved = xp.where(tame[..., None], moved, xp.zeros_like(moved))
        log_moved = xp.log(xp.abs(moved))
        shift, start_shift = (
            _shift(xp, diagonal, logs, sizes, centre)
            for logs, centre in ((log, minimum), (log_moved, start))
        )
        v = _directions(xp, (filters, sign, log), sizes, shift)
        v_start = _directions(xp, (moved, xp.sign(moved), log_moved), sizes, start_shift)
        # Rounding errors are in proportion to these sums; take the centre with the smaller one.
        size, size_start = (
            xp.log(
                _power(xp, 2.0 * (c.exponent - s)) * c.constant + xp.sum(diagonal * w**2, axis=-1)
            )
            + 2.0 * _LN2 * s
            for c, s, w in ((minimum, shift, v), (start, start_shift, v_start))
        )
        about_start = tame & (size_start < size)
        v = xp.where(about_start[..., None], v_start, v)
        shift = xp.where(about_start, start_shift, shift)
        size = xp.where(about_start, start.exponent, minimum.exponent) - shift
        root = _power(xp, size)
        constant = xp.where(about_start, start.constant, minimum.constant) * root * root
        linear = xp.where(about_start[..., None], start.linear, minimum.linear)
        linear = root * xp.sum(v * linear, axis=-1)
        loss = constant + 2.0 * linear + xp.sum(v * (v @ self.form), axis=-1)
        loss = xp.where(loss < 0, xp.zeros_like(loss), loss)
        return Scaled(loss, 2.0 * shift)


def _shift(xp: Any, diagonal: Array, logs: Array, sizes: Array, centre: Centre) -> Array:
    """Return the bits by which residuals are scaled before they are squared; mostly 0."""
    seen = (diagonal > 0) & (logs > -xp.inf)
    nothing = -xp.inf + xp.zeros_like(logs)
    top = xp.max(xp.where(seen, xp.round(logs / _LN2) + sizes, nothing), axis=-1)
    offset = xp.where(centre.constant > 0, centre.exponent, -xp.inf + 0.0 * centre.exponent)
    top = xp.where(top > offset, top, offset + xp.zeros_like(top))
    return xp.where((xp.abs(top) > _SCALED) & xp.isfinite(top), top, xp.zeros_like(top))


def _directions(xp: Any, filters: tuple[Array, Array, Array], sizes: Array, shift: Array) -> Array:
    """Return values = sign·exp(log) times 2^(sizes - shift), which may fit where they do not."""
    values, sign, log = filters
    if not bool(xp.any(shift != 0)):
        return shifted(xp, values, sizes)
    bits = sizes - shift[..., None]
    tame = (xp.abs(log) < _SCALED) | (log == -xp.inf)
    usual = shifted(xp, xp.where(tame, values, xp.zeros_like(values)), bits)
    return xp.where(tame, usual, sign * xp.exp(log + _LN2 * bits))


def _power(xp: Any, bits: Array) -> Array:
    return shifted(xp, xp.ones_like(bits), bits)


def _insert(array: Array, extra: int, trailing: int = 0) -> Array:
    """Insert ``extra`` axes of length 1 before the last ``trailing`` ones."""
    where = (..., *(None,) * extra, *(slice(None),) * trailing)
    return array[where]
