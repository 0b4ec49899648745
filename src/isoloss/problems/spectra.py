"""Problems given by their spectra: the commuting case."""

from __future__ import annotations

from typing import Any

from isoloss._arrays import context
from isoloss._arrays.context import ArrayContext
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import Units, exponent, scaled
from isoloss.problems.validation import read_noise

__all__ = ["reduce_spectra", "spectra_of"]

Array = Any


def reduce_spectra(
    train: Any, test: Any, start: Any, target: Any, noise: Any, train_noise: Any
) -> Reduced:
    """Return the reduced problem of `Problem.from_spectra`."""
    given = {"train": train, "test": test, "start": start}
    if target is not None:
        given["target"] = target
    kind = ArrayContext.of(**given, noise=noise, train_noise=train_noise)
    xp = kind.xp
    arrays = {name: kind.array(name, value) for name, value in given.items()}
    for name in ("train", "test"):
        context.nonnegative(xp, name, arrays[name])
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    if not all(shapes.values()) or any(0 in found for found in shapes.values()):
        raise ValueError(f"train, test and start need at least one entry each; got {shapes}")
    units = {name: exponent(xp, name, arrays[name]) for name in ("train", "test", "start")}
    units["target"] = units["start"]
    own = (scaled(array, -units[name]) for name, array in arrays.items())
    try:
        gamma, lam, delta, *minimum = xp.broadcast_arrays(*own)
    except (ValueError, RuntimeError):
        raise ValueError(
            f"{', '.join(given)} must broadcast to one shape (*batch, d); got {shapes}"
        ) from None
    train_unit = units["train"] + 2 * units["start"]
    log_square = 2.0 * xp.log(xp.abs(delta))
    return Reduced(
        kind=kind,
        gamma=gamma,
        floor=scaled(read_noise(kind, "train_noise", train_noise, gamma.shape[:-1]), -train_unit),
        start_residual=delta[..., None],
        log_weights=xp.log(gamma) + log_square,
        test_form=DiagonalTest(
            curvature=lam,
            log_weights=xp.log(lam) + log_square,
            noise=read_noise(kind, "noise", noise, gamma.shape[:-1]),
            exponent=units["test"] + 2 * units["start"],
        ),
        coordinates=None,
        single_output=True,
        units=Units(units["train"], train_unit, units["start"]),
        origin=(minimum[0] + delta)[..., None] if minimum else None,
        is_population=True,
    )


def spectra_of(problem: Reduced) -> tuple[Array, Array, Array]:
    """Return the exact arguments of `Problem.from_spectra`: γ, λ and δ(0).

    Raises ``ValueError`` if the problem does not commute.
    """
    if not isinstance(problem.test, DiagonalTest):
        raise ValueError("only a problem that is given by its spectra has them")
    unit = problem.units.parameters
    return (
        scaled(problem.gamma, problem.units.curvature),
        scaled(problem.test.curvature, problem.test.exponent - 2 * unit),
        scaled(problem.start_residual[..., 0], unit),
    )
