"""Problems given by their two covariances."""

from __future__ import annotations

from typing import Any

from isoloss._arrays import conversion
from isoloss._arrays.context import ArrayContext
from isoloss.problems.basis import Basis
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import LeftOut
from isoloss.problems.offsets import difference
from isoloss.problems.quadratic_forms import Offset, QuadraticTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.semidefinite import decompose_semidefinite
from isoloss.problems.units import Units, exponent, scaled
from isoloss.problems.validation import log_weights, read_covariances, read_noise

__all__ = ["reduce_covariances"]


def reduce_covariances(
    train_cov: Any,
    test_cov: Any,
    start: Any,
    target: Any,
    train_target: Any,
    noise: Any,
    train_noise: Any,
) -> Reduced:
    """Return the reduced problem of `Problem.from_covariances`."""
    given = {"train_cov": train_cov, "test_cov": test_cov, "start": start, "target": target}
    if train_target is not None:
        given["train_target"] = train_target
    kind = ArrayContext.of(**given, noise=noise, train_noise=train_noise)
    xp = kind.xp
    arrays, batch, size = read_covariances(kind, given)
    units = {}
    for name in ("train_cov", "test_cov"):
        units[name] = exponent(xp, name, xp.max(xp.abs(arrays[name]), axis=(-2, -1)))
        arrays[name] = scaled(arrays[name], -units[name])
    train_unit, test_unit = units["train_cov"], units["test_cov"]
    gamma, basis, left_out, below = decompose_semidefinite(
        xp,
        "train_cov",
        arrays["train_cov"],
        conversion.precision(train_cov),
        exponent=train_unit,
    )
    judged = decompose_semidefinite(
        xp, "test_cov", arrays["test_cov"], conversion.precision(test_cov), exponent=test_unit
    )
    root = xp.sqrt(judged.eigenvalues)[..., :, None] * xp.matrix_transpose(judged.vectors)
    first, goal = arrays["start"][..., None], arrays["target"][..., None]
    limit = goal if train_target is None else arrays["train_target"][..., None]
    moved, start, minimum = (
        difference(xp, one, other) for one, other in ((first, limit), (first, goal), (limit, goal))
    )
    unit = moved.exponent
    gamma = xp.broadcast_to(gamma, (*batch, size))
    residual = xp.broadcast_to(xp.matrix_transpose(basis) @ moved.residual, (*batch, size, 1))
    return Reduced(
        kind=kind,
        gamma=gamma,
        floor=scaled(read_noise(kind, "train_noise", train_noise, batch), -train_unit - 2 * unit),
        start_residual=residual,
        log_weights=log_weights(xp, gamma, residual),
        test_form=QuadraticTest.build(
            xp,
            factor=xp.broadcast_to(root @ basis, (*batch, size, size)),
            residual=residual,
            start=Offset(root @ start.residual, start.exponent - unit),
            minimum=Offset(root @ minimum.residual, minimum.exponent - unit),
            noise=read_noise(kind, "noise", noise, batch),
            exponent=test_unit + 2 * unit,
        ),
        coordinates=Coordinates(Basis(basis), first, limit),
        single_output=True,
        left_out=LeftOut(left_out, scaled(below, train_unit)) if left_out else None,
        units=Units(train_unit, train_unit + 2 * unit, unit),
        is_population=True,
    )
