"""Problems whose predictions are rows times parameters, as for data and kernels."""

from __future__ import annotations

import dataclasses
from typing import Any

from isoloss._arrays.context import ArrayContext
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import LeftOut, Spectrum
from isoloss.problems.offsets import data_test
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import Units
from isoloss.problems.validation import TrainColumns, log_weights, made_dense, read_test

__all__ = ["judge_on", "reduce_rows", "with_test_rows"]

Array = Any


def reduce_rows(
    kind: ArrayContext,
    spectrum: Spectrum,
    units: Units,
    coordinates: Coordinates,
    left_out: LeftOut | None = None,
    *,
    single: bool,
) -> Reduced:
    """Return the problem of train rows with a given spectrum, without test data."""
    return Reduced(
        kind=kind,
        gamma=spectrum.curvature,
        floor=spectrum.floor,
        start_residual=spectrum.residual,
        log_weights=log_weights(kind.xp, spectrum.curvature, spectrum.residual),
        test_form=None,
        coordinates=coordinates,
        single_output=single,
        left_out=left_out,
        units=units,
    )


def judge_on(problem: Reduced, X_test: Any, y_test: Any) -> Reduced:
    """Return the problem with test data, for `Problem.with_test`."""
    coordinates = problem.coordinates
    if coordinates is None or problem.start_residual.ndim > 2:
        raise ValueError(
            "with_test needs a single problem with coordinates, as from_data, from_kernel and "
            "from_covariances build it; this is "
            + ("given by its spectra" if coordinates is None else "a batch of problems")
        )
    train = TrainColumns(
        coordinates.basis.coordinates - coordinates.intercept,
        None if problem.single_output else problem.start_residual.shape[-1],
        coordinates.names,
    )
    called = ("X_test", "y_test", "the train inputs", "the train targets")
    test = read_test(problem.kind, train, made_dense("X_test", X_test), y_test, called)
    return with_test_rows(problem, *test)


def with_test_rows(problem: Reduced, rows: Array, targets: Array) -> Reduced:
    """Return the problem with test data that have already been read."""
    xp, coordinates = problem.kind.xp, problem.coordinates
    assert coordinates is not None
    if coordinates.intercept:
        rows = xp.concat([rows, xp.ones_like(rows[:, :1])], axis=1)
    unit = problem.units.parameters
    test = data_test(xp, rows, targets, coordinates, problem.start_residual, unit)
    return dataclasses.replace(problem, test_form=test)
