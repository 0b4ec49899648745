"""The test loss as a quadratic form in the filter h of a schedule.

Each kind of test loss has its own unit: the user's test loss is the computed value times
2^exponent, plus the noise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
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
_USUAL = 290.0  # bits within which nothing needs to be scaled
_WIDE, _BLOCKS = 256, 4  # forms of so many directions are computed in blocks
_SCALED = 300.0  # filters beyond these nats and losses beyond these bits are scaled before squaring


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

    def above_noise(self, xp: Any, sign: Array, log: Array) -> Scaled:
        """Return the test losses, without noise, of filters sign·exp(log), (*batch, levels, r)."""
        del sign  # signs do not affect squares
        return sum_of_exponentials(xp, self.log_weights[..., None, :] + 2.0 * log)


class Offset(NamedTuple):
    """A test residual (*batch, q, m), to be multiplied by 2^exponent."""

    residual: Array
    exponent: int


class Centre(NamedTuple):
    """The linear and constant parts of a test loss about one point, for residuals · 2^exponent."""

    linear: Array
    """b, shape (*batch, r)."""
    constant: Array
    """c, shape batch."""
    exponent: Array
    """Integers, shape batch."""


class _Expansion(NamedTuple):
    """A test loss c + 2bᵀv + vᵀMv about one centre, divided by 4^shift."""

    v: Array
    affine: Array
    """c + 2bᵀv."""
    shift: Array
    log_size: Array
    """log of c + Σ M_ii v_i², not divided by 4^shift; rounding errors are proportional to it."""


@dataclass(frozen=True, eq=False)
class QuadraticTest:
    """Any test distribution: ‖F (h∘δ(0)) + G‖² + noise for outputs in columns.

    The loss is expanded about the train minimum (v = h) and about the start (v = h - 1) as
    c + 2bᵀv + vᵀMv; each filter uses the centre with less cancellation. Each direction and
    constant has its own power of two that scales it to order one, so that squares of small ones do
    not underflow: a filter that diverges along such a direction may make it large.
    """

    factor: Array
    """F, shape (*batch, q, r)."""
    minimum: Offset
    """G, the test residual at the train minimum."""
    form: Array
    """M = FᵀF ∘ δ(0)δ(0)ᵀ, shape (*batch, r, r), with directions divided by 2^sizes."""
    sizes: Array
    """Integers, shape (*batch, r)."""
    centres: tuple[Centre, Centre]
    """The expansions about the minimum and about the start."""
    noise: Array
    """The variance of the label noise, in the user's units."""
    null_inputs: tuple[Array, Basis] | None
    """Test inputs / √n_test and the basis, if directions without curvature were dropped."""
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

    def above_noise(self, xp: Any, sign: Array, log: Array) -> Scaled:
        """Return the test losses, without noise, of filters sign·exp(log), (*batch, levels, r)."""
        filters = sign * xp.exp(log)
        tame = xp.max(log, axis=-1) <= _SCALED  # larger filters do not differ from filters minus 1
        moved = xp.expm1(log)
        if not bool(xp.all(sign > 0)):
            moved = xp.where(sign > 0, moved, filters - 1.0)
        if not bool(xp.all(tame)):
            moved = xp.where(tame[..., None], moved, 0.0)
        minimum = self._about(xp, self.centres[0], filters, lambda: (sign, log))
        start = self._about(
            xp, self.centres[1], moved, lambda: (xp.sign(moved), xp.log(xp.abs(moved)))
        )
        nearer = tame & (start.log_size < minimum.log_size)
        v = minimum.v
        if bool(xp.any(nearer)):
            v = xp.where(nearer[..., None], start.v, v)
        affine = xp.where(nearer, start.affine, minimum.affine)
        loss = affine + self._form_of(xp, v)
        shift = xp.where(nearer, start.shift, minimum.shift)
        return Scaled(xp.where(loss < 0, 0.0, loss), 2.0 * shift)

    def _about(
        self, xp: Any, centre: Centre, values: Array, parts: Callable[[], tuple[Array, Array]]
    ) -> _Expansion:
        """Expand the test loss about a centre, from which filters differ by ``values``.

        ``parts`` returns their signs and the logs of their sizes.
        """
        sizes = self.sizes[..., None, :]
        diagonal = xp.linalg.diagonal(self.form)[..., None, :]
        c, exponent = centre.constant[..., None], centre.exponent[..., None]
        v = shifted(xp, values, sizes)
        shift = xp.zeros_like(exponent + v[..., 0])
        if not _fits(xp, v, c, exponent):
            # scale before squaring, as values are far from 1, which is rare
            sign, log = parts()
            seen = (diagonal > 0) & (log > -xp.inf)
            top = xp.max(xp.where(seen, xp.round(log / _LN2) + sizes, -xp.inf), axis=-1)
            top = xp.maximum(top, xp.where(c > 0, exponent, -xp.inf))
            shift = xp.where((xp.abs(top) > _SCALED) & xp.isfinite(top), top, 0.0)
            v = _directions(xp, (values, sign, log), sizes, shift)
        bits = exponent - shift
        root = shifted(xp, xp.ones_like(bits), bits)
        c = c * root * root
        log_size = xp.log(c + xp.vecdot(v * v, diagonal)) + 2.0 * _LN2 * shift
        return _Expansion(
            v, c + 2.0 * (root * xp.vecdot(v, centre.linear[..., None, :])), shift, log_size
        )

    def _form_of(self, xp: Any, v: Array) -> Array:
        """Return vᵀMv for rows v (*batch, levels, r): by symmetry, from half of M's blocks."""
        r = v.shape[-1]
        edges = [r * k // _BLOCKS for k in range(_BLOCKS + 1)] if r >= _WIDE else [0, r]
        found = 0.0
        for first, last in itertools.pairwise(edges):
            own = v[..., first:last]
            rows = own @ self.form[..., first:last, first:last]
            if first:
                rows = rows + (2.0 * v[..., :first]) @ self.form[..., :first, first:last]
            found = found + xp.sum(rows * own, axis=-1)
        return found


def _fits(xp: Any, v: Array, c: Array, exponent: Array) -> bool:
    """Whether no value or constant of an expansion needs to be scaled before it is squared."""
    top = xp.max(xp.abs(v), axis=-1)
    constant = xp.abs(exponent) < _USUAL
    small = (top > 2.0**-_USUAL) | ((c > 0) & constant)
    return bool(xp.all(small & (top < 2.0**_USUAL) & (constant | (c == 0))))


def _directions(xp: Any, filters: tuple[Array, Array, Array], sizes: Array, shift: Array) -> Array:
    """Return sign·exp(log) times 2^(sizes - shift), which may fit into float64 if values do not."""
    values, sign, log = filters
    if not bool(xp.any(shift != 0)):
        return shifted(xp, values, sizes)
    bits = sizes - shift[..., None]
    tame = (xp.abs(log) < _SCALED) | (log == -xp.inf)
    usual = shifted(xp, xp.where(tame, values, 0.0), bits)
    return xp.where(tame, usual, sign * xp.exp(log + _LN2 * bits))
