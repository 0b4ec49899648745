"""Families given as functions, optimized over all of their continuous parameters."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.optimize.shapes import SMALLEST, Shape
from isoloss.problems.units import scaled
from isoloss.schedules.schedule import Schedule

__all__ = ["Named", "in_units"]

Floats = npt.NDArray[np.float64]

_DIFFERENCE = 1e-6
_RATES = ("lr", "high")
_SHARES = ("final", "low", "start")  # as shares of the largest rate
_RANGES = {"power": (math.log(0.1), math.log(10.0)), "rate": (math.log(1e-4), math.log(1e2))}


class Named(Shape):
    """A family given by a function that returns a schedule of steps, as in `isoloss.families`."""

    def __init__(
        self,
        family: Callable[..., Schedule],
        name: str,
        count: int,
        rates: tuple[float, float, int],
        fixed: dict[str, Any],
    ) -> None:
        """Take the largest stable and allowed rates; the function takes rates / 2^unit."""
        self.family, (stable, largest, self.unit) = family, rates
        parameters = {
            name: parameter
            for name, parameter in inspect.signature(family).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD  # the optimizer's settings
        }
        self.fixed = {"steps": count, **fixed} if "steps" in parameters else fixed
        known = {
            **dict.fromkeys(_RATES, (math.log(min(SMALLEST * stable, largest)), math.log(largest))),
            **dict.fromkeys(_SHARES, (0.0, 1.0)),
            "factor": (-20.0 / count, 0.0),  # log of the factor per step
            **_RANGES,
        }
        ranges = {p: known[p] for p in parameters if p in known and p not in self.fixed}
        _check(name, parameters, ranges, self.fixed)
        self.names = list(ranges)
        self.low, self.high = np.array(list(ranges.values())).T
        self.counts = np.ones(self.schedule(0.5 * (self.low + self.high)).steps)

    def schedule(self, u: Floats, least: float = 0.0) -> Schedule:
        """Return the schedule, without flow; a named family keeps all of its steps."""
        del least
        values = dict(zip(self.names, u.tolist(), strict=True))
        arguments = {
            name: scaled(math.exp(x), -self.unit) if name in _RATES else math.exp(x)
            for name, x in values.items()
            if name not in _SHARES
        }
        known = self.fixed | arguments
        largest = next(float(known[name]) for name in _RATES if name in known)
        arguments |= {name: largest * x for name, x in values.items() if name in _SHARES}
        return in_units(self.family(**arguments, **self.fixed), self.unit)

    def rates(self, u: Floats) -> Floats:
        """Return the schedule's rates."""
        return self.schedule(u).learning_rates()

    def slopes(self, u: Floats) -> Floats:
        """Return the derivatives of the rates, by central differences inside the bounds."""
        columns = []
        for i in range(u.size):
            ends = np.stack([u, u])
            ends[:, i] = np.clip(u[i] + [-_DIFFERENCE, _DIFFERENCE], self.low[i], self.high[i])
            before, after = (self.schedule(end).learning_rates() for end in ends)
            columns.append((after - before) / (ends[1, i] - ends[0, i]))
        return np.stack(columns, axis=1)

    def parameters(self, rates: Floats) -> Floats:
        """Return parameters with the largest rate of ``rates``, and the others halfway."""
        u = 0.5 * (self.low + self.high)
        with np.errstate(divide="ignore"):
            largest = np.clip(np.log(rates.max()), self.low, self.high)
        return np.where([name in _RATES for name in self.names], largest, u)


def in_units(schedule: Schedule, unit: int) -> Schedule:
    """Return a schedule with rates times 2^unit, even if 2^unit lies beyond float64."""
    half = unit // 2
    return schedule.scaled(2.0**half).scaled(2.0 ** (unit - half)) if unit else schedule


def _check(name: str, parameters: Any, ranges: dict[str, Any], fixed: dict[str, Any]) -> None:
    """Raise unless the function can be called and has a parameter left to optimize."""
    if unknown := [n for n in fixed if n not in parameters]:
        raise TypeError(
            f"the family {name!r} takes {', '.join(parameters)}; got {', '.join(unknown)}"
        )
    needed = [n for n, p in parameters.items() if p.default is p.empty]
    if missing := [n for n in needed if n not in fixed and n not in ranges]:
        raise TypeError(
            f"the family {name!r} needs {', '.join(missing)}: design(..., {missing[0]}=...)"
        )
    if not any(n in ranges or n in fixed for n in _RATES):
        raise TypeError(f"the family {name!r} must take its largest rate as lr or high")
    if not ranges:
        raise ValueError(f"all parameters of the family {name!r} are fixed; leave one to choose")
