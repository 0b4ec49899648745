"""Problems given by a kernel between train points."""

from __future__ import annotations

from typing import Any

from isoloss._arrays import context, conversion
from isoloss._arrays.columns import column_names, like_rows
from isoloss._arrays.context import ArrayContext
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import decompose_kernel
from isoloss.problems.linear import reduce_rows, with_test_rows
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import Units, exponent, scaled
from isoloss.problems.validation import TrainColumns, both_or_neither, read_test, read_train

__all__ = ["reduce_kernel"]


def reduce_kernel(K: Any, y: Any, K_test: Any, y_test: Any, rounding: float | None) -> Reduced:
    """Return the reduced problem of `Problem.from_kernel`."""
    K = like_rows(K)
    kind = ArrayContext.of(K=K, y=y, K_test=K_test, y_test=y_test)
    xp = kind.xp
    names = column_names(K), column_names(y)
    kernel, targets, single = read_train(kind, ("K", "y"), K, y)
    n = kernel.shape[0]
    context.shape("K", kernel, (n, n))
    test = None
    if both_or_neither(K_test=K_test, y_test=y_test):
        train = TrainColumns(n, None if single else targets.shape[1], names)
        test = read_test(kind, train, K_test, y_test, ("K_test", "y_test", "K", "y"))
    if rounding is not None:
        rounding = conversion.number("rounding", rounding)
        if not 0 <= rounding < float("inf"):
            raise ValueError(f"rounding must be finite and not negative; got {rounding!r}")
    unit, target_unit = (
        exponent(xp, name, xp.max(xp.abs(array))) for name, array in (("K", kernel), ("y", targets))
    )
    spectrum, left_out = decompose_kernel(
        xp,
        scaled(kernel, -unit),
        scaled(-targets, -target_unit),
        conversion.precision(K),
        rounding,
        unit=unit,
    )
    units = Units(unit, 2 * target_unit, target_unit - unit)
    coordinates = Coordinates.build(
        spectrum.basis,
        xp.zeros_like(targets),
        spectrum.residual,
        units.parameters,
        names=names,
    )
    problem = reduce_rows(kind, spectrum, units, coordinates, left_out, single=single)
    return problem if test is None else with_test_rows(problem, *test)
