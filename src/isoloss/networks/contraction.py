"""The problem of rows that are known only by products with them, made from their kernel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays.context import ArrayContext, quiet
from isoloss.networks.jacobian import JacobianProducts
from isoloss.problems.basis import Basis
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import LeftOut, decompose_kernel
from isoloss.problems.linear import reduce_rows
from isoloss.problems.offsets import test_of_products
from isoloss.problems.problem import Problem
from isoloss.problems.reduced import RowsAlong
from isoloss.problems.semidefinite import own_rounding
from isoloss.problems.units import Units, exponent, scaled

__all__ = ["problem_by_kernel"]

Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(float).eps)
_NUMBERS = 2**25  # the largest block of J that is made at once, a quarter of a GB
_NOTHING = 1e-12  # of the start: a smaller part of it outside the rows' span is rounding


@dataclass(frozen=True, eq=False)
class _ProductBasis(Basis):
    """The directions Xᵀ core of rows X known by products, and perhaps one outside their span.

    Only `full` makes an array as large as the whole basis.
    """

    products: JacobianProducts | None = None
    outside: Any = None
    """A direction (p, 1) orthogonal to the rows, or none (p, 0)."""

    @property
    def full(self) -> Floats:  # not cached: it is large
        """The directions, as one array."""
        return self.combine(np.eye(self.core.shape[1] + self.outside.shape[1]))

    @property
    def coordinates(self) -> int:
        """The number p of coordinates."""
        return len(self.outside)

    def project(self, vectors: Floats) -> Floats:
        """Return ``vectors @ basis``."""
        assert self.products is not None
        return np.hstack([(self.products @ vectors.T).T @ self.core, vectors @ self.outside])

    def combine(self, amounts: Floats) -> Floats:
        """Return ``basis @ amounts`` for amounts (*levels, r, m)."""
        assert self.products is not None
        rank = self.core.shape[1]
        columns = np.moveaxis(amounts, -2, 0)
        shape, flat = columns.shape[1:], columns.reshape(len(columns), -1)
        found = self.products.H @ (self.core @ flat[:rank]) + self.outside @ flat[rank:]
        return np.moveaxis(found.reshape(-1, *shape), 0, -2)


@quiet
def problem_by_kernel(
    start: Floats,
    outputs: int,
    train: tuple[JacobianProducts, Floats],
    test: tuple[JacobianProducts, Floats] | None = None,
) -> Problem:
    """Return the problem of rows X and their residual ρ at a start: losses ‖X(θ - θ₀) + ρ‖²/N.

    Its directions are V = XᵀUS^(-1) for the kernel XXᵀ = US²Uᵀ, and that of the part of the start
    outside their span, along which only weight decay moves the parameters.
    """
    kind = ArrayContext.of()
    xp, (products, rho) = kind.xp, train
    kernel, across = _kernels(products, None if test is None else test[0], outputs)
    unit = exponent(xp, "the kernel", np.max(np.abs(kernel)))
    unit += unit % 2  # its root is a power of two, too
    target_unit = exponent(xp, "the residual", np.max(np.abs(rho)))
    spectrum, left_out = decompose_kernel(
        xp, scaled(kernel, -unit), scaled(rho[:, None], -target_unit), _EPS, unit=unit
    )
    hidden = min(products.shape) - int(np.sum(spectrum.curvature > 0))
    if left_out is None and hidden:
        below = own_rounding(len(rho), spectrum.curvature[0])
        left_out = LeftOut(hidden, scaled(float(below), unit))
    dual = spectrum.basis.core  # US^(-1), in the problem's own unit
    core = scaled(dual, -(unit // 2))
    along, outside = _split(products, core, start)
    size = float(np.linalg.norm(outside))
    beyond = size > _NOTHING * float(np.linalg.norm(start))
    direction = outside[:, None] / size if beyond else np.empty((start.size, 0))
    spectrum = spectrum._replace(
        curvature=np.append(spectrum.curvature, [0.0] * beyond),
        residual=np.concatenate([spectrum.residual, np.zeros((int(beyond), 1))]),
        basis=_ProductBasis(core, None, products, direction),
    )
    units = Units(unit, 2 * target_unit, target_unit - unit // 2)
    coordinates = Coordinates.build(
        spectrum.basis, start[:, None], spectrum.residual, units.parameters
    )
    problem = reduce_rows(kind, spectrum, units, coordinates, left_out, single=True)
    rows = np.pad(dual * spectrum.curvature[: dual.shape[1]] * len(rho), ((0, 0), (0, int(beyond))))
    errors = rows @ spectrum.residual - scaled(rho[:, None], -target_unit)
    origin = scaled(np.append(along, [size] * beyond), -units.parameters)[:, None]
    test_form = None
    if test is not None:
        shrink = len(test[1]) ** -0.5
        factor = np.hstack([across @ core, test[0] @ direction])
        test_form = test_of_products(
            xp, shrink * factor, shrink * test[1][:, None], spectrum.residual, units.parameters
        )
    return Problem(
        dataclasses.replace(
            problem,
            rows=RowsAlong(rows, errors, outputs),
            origin=origin,
            test_form=test_form,
        ).representable()
    )


def _kernels(
    train: JacobianProducts, test: JacobianProducts | None, outputs: int
) -> tuple[Floats, Floats]:
    """Return the kernels between train rows, and between test and train rows, block by block."""
    count, size = train.shape
    kernel = np.empty((count, count))
    across = np.empty((0 if test is None else test.shape[0], count))
    inputs = max(1, _NUMBERS // (size * outputs))
    for first in range(0, count // outputs, inputs):
        place = slice(first, min(first + inputs, count // outputs))
        columns = slice(place.start * outputs, place.stop * outputs)
        some = train.of_rows(place, np.eye(columns.stop - columns.start))
        kernel[:, columns] = train @ some
        if test is not None:
            across[:, columns] = test @ some
    return 0.5 * (kernel + kernel.T), across


def _split(products: JacobianProducts, core: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Return the start along the directions Xᵀ core, and the part of it outside their span."""
    along, rest = np.zeros(core.shape[1]), start
    for _ in range(2):  # two passes are enough (W. Kahan)
        part = core.T @ (products @ rest)
        along, rest = along + part, rest - products.H @ (core @ part)
    return along, rest
