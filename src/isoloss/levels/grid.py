"""Levels, the train losses to stop at: numbers in a unit, or a count of evenly spaced ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss.problems.problem import Problem, reduced_of
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import Scaled, scaled

__all__ = [
    "UNITS",
    "Levels",
    "between",
    "check_unit",
    "excess_of",
    "measure",
    "parse",
    "spaced",
    "start_excess",
    "starts_below",
    "stops",
    "train_losses",
]

Array = Any
Floats = npt.NDArray[np.float64]

UNITS = ("absolute", "start", "excess")
"""Train losses, shares of the start's, or shares of the start's excess over the smallest."""
_MOST = 10**6  # levels
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Levels:
    """Train losses to stop at.

    Attributes
    ----------
    values : array, shape (L,)
        The levels as numbers in the unit.
    unit : str
        One of `UNITS`.
    counted : bool
        Whether the user gave only the number of levels.
    """

    values: Floats
    unit: str
    counted: bool

    @classmethod
    def read(
        cls, given: Any, unit: str = "absolute", *, lowest: float = 1e-3, name: str = "levels"
    ) -> Levels:
        """Read numbers in a unit, or a count of levels: shares of the excess down to ``lowest``."""
        check_unit("unit", unit)
        if (count := conversion.count(name, given)) is not None:
            _check_count(name, count)
            return cls(np.geomspace(1, lowest, count + 1)[1:], "excess", counted=True)
        conversion.refuse_booleans(name, given)
        values = np.atleast_1d(conversion.floats(name, given))
        if values.ndim != 1 or not values.size or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(
                f"{name} must be finite and at least 0, as all losses are, along one axis; "
                f"got {given!r}"
            )
        return cls(values, unit, counted=False)

    def at(self, problem: Problem) -> Floats:
        """Return the train losses of one problem."""
        scale, offset = measure(problem, self.unit)
        return offset + self.values * scale


def train_losses(
    problem: Problem, levels: Any, unit: str = "absolute", *, lowest: float = 1e-3
) -> Floats:
    """Return levels as train losses of a problem.

    Parameters
    ----------
    problem : Problem
        One problem (no batch).
    levels : int or array_like, shape (L,)
        Numbers in ``unit``, or a count of levels: these are evenly spaced in the log of the excess
        over the smallest train loss, from the start's (excluded) down to ``lowest`` times that.
    unit : {"absolute", "start", "excess"}, default: "absolute"
        Whether numbers are train losses, shares of the start's train loss, or shares of its excess
        over the smallest train loss.
    lowest : float, default: 0.001
        The lowest level if ``levels`` is a count, as a share of the start's excess.

    Returns
    -------
    array, shape (L,)
        Train losses, for `isoloss.train` and other functions of a train loss.

    Raises
    ------
    TypeError
        If the problem is a batch, or a level is not a number.
    ValueError
        If a level is negative or not finite, or the unit is unknown.

    Examples
    --------
    >>> import isoloss as il
    >>> from isoloss.levels import train_losses
    >>> problem = il.Problem.from_data([[2.0], [0.0]], [2.0, 1.0], [[1.0]], [1.0])
    >>> print(problem.start_train_loss, problem.min_train_loss)
    2.5 0.5
    >>> print(train_losses(problem, [0.5, 0.1], "excess"), train_losses(problem, [0.5], "start"))
    [1.5 0.7] [1.25]
    >>> print(train_losses(problem, 3))
    [0.7   0.52  0.502]
    """
    if reduced_of(problem).gamma.ndim != 1:
        raise TypeError(f"levels are those of one problem; this is a batch: {problem!r}")
    if not 0 < conversion.number("lowest", lowest) < 1:
        raise ValueError(f"lowest must be between 0 and 1; got {lowest!r}")
    return Levels.read(levels, unit, lowest=lowest).at(problem)


def measure(problem: Problem, unit: str) -> tuple[float, float]:
    """Return the train losses that make up one unit, and the one that corresponds to 0."""
    if unit == "start":
        return float(problem.start_train_loss), 0.0
    if unit == "excess":
        return start_excess(problem), float(problem.min_train_loss)
    return 1.0, 0.0


def start_excess(problem: Problem) -> float:
    """Return the start's excess over the smallest train loss, without subtracting the two."""
    reduced = problem._reduced
    weights = conversion.to_numpy(reduced.log_weights)
    return float(scaled(np.exp(weights).sum(), reduced.units.train))


def starts_below(start: Any, levels: Any) -> npt.NDArray[np.bool_]:
    """Return whether the start's train loss is below each level, by more than rounding."""
    return np.asarray(start < np.asarray(levels) * (1 - _ROUNDING))


def check_unit(name: str, unit: Any) -> None:
    """Raise ``ValueError`` if there is no such unit."""
    if unit not in UNITS:
        raise ValueError(f"{name} must be one of {', '.join(UNITS)}; got {unit!r}")


def between(name: str, problem: Problem, given: Any) -> Floats:
    """Return train losses; they must lie strictly between the smallest one and the start's."""
    conversion.refuse_booleans(name, given)
    values = conversion.floats(name, given)
    floor = float(problem.min_train_loss)
    start = floor + start_excess(problem)
    if not values.size or not ((values > floor) & (values < start)).all():
        raise ValueError(
            f"{name} must be between the smallest train loss {floor:.6g} and the start's "
            f"{start:.6g}; got {given!r}"
        )
    return values


def stops(problem: Problem, train_loss: Any) -> Array:
    """Return levels as an array of the problem's kind; they need not be reachable."""
    conversion.refuse_booleans("train_loss", train_loss)
    kind = problem._reduced.kind
    levels, xp = kind.plain("train_loss", train_loss), kind.xp
    if bool(xp.any(xp.isnan(levels))):
        raise ValueError("train_loss must not be NaN; give the train losses to stop at")
    return levels


def excess_of(problem: Reduced, train_loss: Any) -> tuple[Array, Scaled]:
    """Return levels and their excesses (B, L) over the smallest train loss.

    Raises ``ValueError`` for a train loss that no parameters have.
    """
    kind, xp = problem.kind, problem.kind.xp
    conversion.refuse_booleans("train_loss", train_loss)
    levels = kind.array("train_loss", train_loss)
    excess = problem.excess(levels)
    if bool(xp.any(excess.value < 0)):
        floor = scaled(float(xp.max(problem.floor)), problem.units.train)
        raise ValueError(
            f"the smallest train loss is {floor:.6g}: no "
            f"parameters have train loss {float(xp.min(levels)):.6g}"
        )
    flat = bool(xp.any(~xp.any(problem.gamma > 0, axis=-1)))
    if flat and bool(xp.any(excess.value > 0)):
        raise ValueError(
            "the train loss is constant (no train curvature): no parameters have another one; "
            f"got train_loss {float(xp.max(levels)):.6g}"
        )
    return levels, excess


def spaced(first: Any, last: Any, count: Any) -> Floats:
    """Return ``count`` levels, evenly spaced in the log, including both ends."""
    _check_count("count", count)
    for name, end in (("from", first), ("to", last)):
        if isinstance(end, bool) or not isinstance(end, int | float) or not 0 < end < float("inf"):
            raise ValueError(
                f"levels cannot be spaced: {name} must be a finite number above 0, as they are "
                f"evenly spaced in the log; got {end!r}"
            )
    return np.geomspace(float(first), float(last), count)


def parse(text: str) -> int | Floats:
    """Parse levels from a text such as ``"12"``, ``"0.5,0.1"`` or ``"0.1:0.001:5"``."""
    try:
        if text.strip().isdecimal():
            return int(text)
        if ":" not in text:
            return np.array([float(part) for part in text.split(",")])
        first, last, count = text.split(":")
        ends, number = (float(first), float(last)), int(count)
    except ValueError:
        raise ValueError(
            "levels must be how many, such as 12; numbers, such as 0.5,0.1; or FROM:TO:COUNT, "
            f"such as 0.1:0.001:5; got {text!r}"
        ) from None
    return spaced(*ends, number)


def _check_count(name: str, count: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST:
        raise ValueError(f"{name} must be a whole number from 1 to {_MOST}; got {count!r}")
