"""Convert filters and residuals to the user's units and coordinates."""

from __future__ import annotations

from typing import Any

from isoloss._arrays.context import quiet
from isoloss.problems.coordinates import Coordinates, Parameters
from isoloss.problems.reduced import RESCALE_TARGETS, Reduced
from isoloss.problems.units import precision, sum_of_exponentials

__all__ = ["filtered_parameters", "filtered_residual", "parameters_of", "user_residual"]

Array = Any

_DIVERGED = 300.0  # log of a filter whose products may leave float64


def filtered_residual(problem: Reduced, sign: Array, log: Array) -> Array:
    """Return h∘δ(0) for filters h = sign·exp(log), shape (*batch, *levels, r)."""
    xp, start = problem.kind.xp, _start(problem, log)
    # logarithms, as float64 may hold only the product of filter and start
    sizes = sum_of_exponentials(xp, (log[..., None] + xp.log(xp.abs(start)))[..., None])
    residual = sign[..., None] * xp.sign(start) * problem.units.residual(xp, sizes)
    residual = problem.kind.result(residual)
    return residual[..., 0] if problem.single_output else residual


@quiet
def filtered_parameters(problem: Reduced, sign: Array, log: Array) -> tuple[Array, Array]:
    """Return coefficients and intercept for filters h = sign·exp(log), shape (*batch, *levels, r).

    They are computed from the start, as start + U(δ(0)(h - 1)): if small curvatures put the train
    minimum far away, computing from there would lose digits.
    """
    coordinates, xp = _coordinates(problem), problem.kind.xp
    start = _start(problem, log)
    top = xp.max(log, axis=-1)
    shift = xp.where((top > _DIVERGED) & (top < xp.inf), top, 0.0)
    filters = sign * xp.exp(log - shift[..., None])
    change = xp.where(sign > 0, xp.expm1(log), filters - 1.0)
    change = xp.where((shift == 0)[..., None], change, filters)
    moved = xp.where(start == 0, start, start * change[..., None])
    parts = coordinates.from_start(xp, moved, shift, problem.units.parameters)
    return _given(problem, parts, tame=shift == 0)


def user_residual(problem: Reduced, own: Array) -> Array:
    """Convert residuals (*batch, *levels, r, m) from the problem's own unit to the user's.

    Raises ``ValueError`` if the user's precision cannot represent them.
    """
    kind = problem.kind
    found = kind.result(problem.units.residual(kind.xp, own))
    if not bool(kind.xp.all(kind.xp.isfinite(kind.plain("residual", found)))):
        raise ValueError(f"a residual overflows {precision(kind)}; rescale: {RESCALE_TARGETS}")
    return found


def parameters_of(
    problem: Reduced, residual: Array, move: Array | None = None
) -> tuple[Array, Array]:
    """Return coefficients and intercept for residuals (*batch, *levels, r, m) in the eigenbasis.

    ``move`` (*levels, d, m) is added to the parameters. Both are in the problem's own unit.
    """
    coordinates, xp = _coordinates(problem), problem.kind.xp
    return _given(problem, coordinates.from_minimum(xp, residual, move, problem.units.parameters))


def _start(problem: Reduced, log: Array) -> Array:
    """Return the start's residual with additional axes for the levels of filters."""
    start = problem.start_residual
    return start[(..., *(None,) * (log.ndim + 1 - start.ndim), slice(None), slice(None))]


def _coordinates(problem: Reduced) -> Coordinates:
    if problem.coordinates is None:
        raise ValueError(
            "a problem given by its spectra has no coordinates but its eigenbasis; "
            "use residual() instead of coef()"
        )
    return problem.coordinates


def _given(
    problem: Reduced, parts: Parameters, *, tame: Array | bool = True
) -> tuple[Array, Array]:
    """Return coefficients and intercept in the user's precision.

    Raises ``ValueError`` if this precision cannot represent them although training is ``tame``;
    where training diverges, they may be infinite.
    """
    kind, xp = problem.kind, problem.kind.xp
    coef, intercept = (
        kind.result(part[..., 0] if problem.single_output else part) for part in parts[:2]
    )
    finite = xp.isfinite(kind.plain("coef", kind.result(parts.coef)))
    finite = xp.all(xp.all(finite, axis=-1), axis=-1)
    if parts.vanished or bool(xp.any(~finite & tame)):
        raise ValueError(
            f"the parameters lie beyond {precision(kind)}; rescale: multiply inputs or "
            "targets by a power of two"
        )
    return coef, intercept
