"""Problems given by rows of train data."""

from __future__ import annotations

import dataclasses
from typing import Any

from isoloss._arrays import context, conversion
from isoloss._arrays.columns import column_names, entries_in_order
from isoloss._arrays.context import ArrayContext
from isoloss.problems.chunks import fewer_rows, is_chunked
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import RTOL, decompose
from isoloss.problems.linear import reduce_rows, with_test_rows
from isoloss.problems.offsets import residual as residual_of
from isoloss.problems.quadratic_forms import Offset
from isoloss.problems.reduced import Reduced, TrainRows
from isoloss.problems.units import Units, exponent, scaled
from isoloss.problems.validation import (
    TrainColumns,
    both_or_neither,
    made_dense,
    read_test,
    read_train,
)

__all__ = ["reduce_data"]


def reduce_data(
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    start: Any = None,
    fit_intercept: bool = False,
    rtol: float = RTOL,
) -> Reduced:
    """Return the reduced problem of `Problem.from_data`."""
    rtol = conversion.number("rtol", rtol)
    if not 0 < rtol < 1:
        raise ValueError(f"rtol must be between 0 and 1; got {rtol!r}")
    tested = both_or_neither(X_test=X_test, y_test=y_test)
    if is_chunked(X, y, X_test, y_test):
        few = fewer_rows(X, y, X_test, y_test, intercept=fit_intercept)
        problem = reduce_data(*few, start=start, rtol=rtol)
        assert problem.coordinates is not None
        coordinates = dataclasses.replace(problem.coordinates, intercept=fit_intercept)
        return dataclasses.replace(problem, coordinates=coordinates, rows=None)
    X, X_test = made_dense("X", X), made_dense("X_test", X_test)
    kind = ArrayContext.of(X=X, y=y, X_test=X_test, y_test=y_test, start=start)
    xp = kind.xp
    names = column_names(X), column_names(y)
    inputs, targets, single = read_train(kind, ("X", "y"), X, y)
    test = None
    if tested:
        train = TrainColumns(inputs.shape[1], None if single else targets.shape[1], names)
        test = read_test(kind, train, X_test, y_test, ("X_test", "y_test", "X", "y"))
    rows = TrainRows(X, y, bool(fit_intercept))
    if fit_intercept:
        inputs = xp.concat([inputs, xp.ones_like(inputs[:, :1])], axis=1)
    d, m = inputs.shape[1], targets.shape[1]
    if start is None:
        first = xp.zeros((d, m), dtype=xp.float64, device=kind.device)
    else:
        first = kind.array("start", entries_in_order("start", start, "X", names[0]))
        why = f" to fit {d} parameters" + (" (the last is the intercept)" if fit_intercept else "")
        context.shape("start", first, (d,) if single else (d, m), why)
        first = first[:, None] if single else first
    unit = exponent(xp, "X", xp.max(xp.abs(inputs)))
    inputs = scaled(inputs, -unit)
    residual = residual_of(xp, Offset(inputs, unit), first, targets)
    spectrum = decompose(xp, inputs, residual.residual, rtol)
    rank = int(xp.sum(xp.astype(spectrum.curvature > 0, xp.int64)))
    units = Units(2 * unit, 2 * residual.exponent, residual.exponent - unit)
    coordinates = Coordinates.build(
        spectrum.basis,
        first,
        spectrum.residual,
        units.parameters,
        intercept=bool(fit_intercept),
        names=names,
        null_space=rank < d,
    )
    problem = reduce_rows(kind, spectrum, units, coordinates, single=single)
    problem = dataclasses.replace(problem, rows=rows)
    return problem if test is None else with_test_rows(problem, *test)
