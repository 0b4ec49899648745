"""Residuals of train and test data, scaled to order one before anything is squared."""

from __future__ import annotations

from typing import Any

from isoloss.problems.basis import Basis
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.quadratic_forms import Offset, QuadraticTest
from isoloss.problems.units import exponent, scaled

__all__ = ["data_test", "difference", "residual", "test_of_products"]

Array = Any


def difference(xp: Any, first: Array, second: Array) -> Offset:
    """Return first - second, with the exponent that scales it to order one."""
    unit = max(_unit(xp, first), _unit(xp, second))
    return _normal(xp, scaled(first, -unit) - scaled(second, -unit), unit)


def residual(xp: Any, rows: Offset, start: Array, targets: Array) -> Offset:
    """Return rows @ start - targets for ``rows`` that stand for their residual · 2^exponent."""
    started = _unit(xp, start)
    moves = bool(xp.any(start != 0))
    unit = _unit(xp, targets)
    if moves:
        unit = (
            max(unit, started + rows.exponent)
            if bool(xp.any(targets != 0))
            else started + rows.exponent
        )
    predicted = scaled(rows.residual @ scaled(start, -started), started + rows.exponent - unit)
    return _normal(xp, predicted - scaled(targets, -unit), unit)


def data_test(
    xp: Any,
    rows: Array,
    targets: Array,
    coordinates: Coordinates,
    start_residual: Array,
    unit: int,
) -> QuadraticTest:
    """Return the test loss of data whose predictions are ``rows`` times the parameters.

    Parameters change by the residual in the coordinates' basis, times 2^unit.
    """
    basis, start = coordinates.basis, coordinates.start
    wide = exponent(xp, "X_test", xp.max(xp.abs(rows)))
    shrink = rows.shape[0] ** -0.5
    inputs = scaled(rows, -wide) / rows.shape[0] ** 0.5
    factor = basis.project(inputs)
    at_start = residual(xp, Offset(inputs, wide), start, targets * shrink)
    inputs_too = (inputs, basis) if coordinates.null_space else None
    return _quadratic(xp, Offset(factor, wide), at_start, start_residual, unit, inputs_too)


def test_of_products(
    xp: Any, factor: Array, at_start: Array, start_residual: Array, unit: int
) -> QuadraticTest:
    """Return the test loss of data that is known only through products.

    ``factor`` (q, r), times 2^unit, is the change of test predictions for each direction of the
    residual; ``at_start`` (q, m) is the test residual at the start.
    """
    return _quadratic(
        xp, _normal(xp, factor, 0), _normal(xp, at_start, 0), start_residual, unit, None
    )


def _quadratic(
    xp: Any,
    factor: Offset,
    at_start: Offset,
    start_residual: Array,
    unit: int,
    null_inputs: tuple[Array, Basis] | None,
) -> QuadraticTest:
    own = factor.exponent + unit
    above = max(at_start.exponent - own, 0)
    at_minimum = scaled(at_start.residual, at_start.exponent - own - above) - scaled(
        factor.residual @ start_residual, -above
    )
    return QuadraticTest.build(
        xp,
        factor=factor.residual,
        residual=start_residual,
        start=at_start._replace(exponent=at_start.exponent - own),
        minimum=Offset(at_minimum, above),
        noise=xp.zeros_like(start_residual[0, 0]),
        exponent=2 * own,
        null_inputs=null_inputs,
    )


def _unit(xp: Any, array: Array) -> int:
    return exponent(xp, "the residual", xp.max(xp.abs(array), axis=(-2, -1)))


def _normal(xp: Any, array: Array, unit: int) -> Offset:
    more = _unit(xp, array)
    return Offset(scaled(array, -more), unit + more)
