"""design(problem, goal, family): the best schedule of a family, and a bound on all others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from isoloss._arrays import conversion
from isoloss._arrays.context import quiet
from isoloss._messages.near_misses import suggest
from isoloss._parallel.threads import blas_by_size
from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.levels.band import level_band
from isoloss.levels.grid import between
from isoloss.levels.reachable import best_filter, reachable_band
from isoloss.optimize.by_training import is_filtered, search_by_training
from isoloss.optimize.constraints import Goal, Limits
from isoloss.optimize.named import Named, in_units
from isoloss.optimize.searching import search
from isoloss.optimize.shapes import Decreasing, Free, Shape
from isoloss.problems.expected import origin_along
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules import families
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.settings import Settings

__all__ = ["FAMILIES", "Design", "design"]

FAMILIES = ("annealed", "two-rate", "decreasing", "rates")
"""The families that are not functions of `isoloss.families`."""

_DEFAULT_LARGEST = 100.0  # times the largest stable rate


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """The best schedule found, and the test loss that no schedule can beat.

    Attributes
    ----------
    schedule : Schedule
        The schedule. For the goal "best" it ends at the best stop; for other goals, training by it
        stops at ``level`` exactly. If no flow follows the steps, the last one is shortened, so that
        the schedule itself ends there, as closely as rounding allows: to 12 digits, but to 8 if its
        steps enlarge errors by as much as the default ``max_amplification``.
    run : Run
        The end of training by this schedule.
    goal, family, level : str, str, and float or None
        The arguments of `design`; ``level`` is its ``train_loss``.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> il.design(problem, "lowest", "annealed", train_loss=0.1)
    Design(annealed: test loss 0.075, bound 0.075, train loss 0.1)
    """

    schedule: Schedule
    run: Run
    goal: str
    family: str
    level: float | None

    @cached_property
    def bound(self) -> float:
        """The test loss that no schedule can beat, from `best_filter` or `reachable_band`.

        With weight decay or minibatches, at a level, it is that of all parameters, from
        `level_band`. NaN if no bound is known: with weight decay from parameters other than 0.
        """
        problem = self.run.problem
        if self.level is None:
            decays = self.schedule.has_weight_decay
            if decays and origin_along(problem._reduced) is not None:
                return math.nan
            # noise adds to the test loss of the mean, which is a filter's
            return float(best_filter(problem).test_loss)
        # means of losses also lie in the level band, which is convex
        band = (reachable_band if self.schedule.is_plain else level_band)(problem, self.level)
        return float(band.lowest if self.goal == "lowest" else band.highest)

    @property
    def train_loss(self) -> float:
        """The train loss at the stop."""
        return float(self.run.train_loss)

    @property
    def test_loss(self) -> float:
        """The test loss at the stop."""
        return float(self.run.test_loss)

    @property
    def gap(self) -> float:
        """The largest amount by which another schedule could beat the test loss."""
        gap = self.bound - self.test_loss if self.goal == "highest" else self.test_loss - self.bound
        return gap if math.isnan(gap) else max(gap, 0.0)

    def __repr__(self) -> str:
        bound = "" if math.isnan(self.bound) else f"bound {self.bound:.6g}, "
        return (
            f"Design({self.family}: test loss {self.test_loss:.6g}, {bound}"
            f"train loss {self.train_loss:.6g})"
        )


@quiet
@blas_by_size
def design(
    problem: Problem,
    goal: Literal["best", "lowest", "highest"] = "best",
    family: str | Callable[..., Schedule] = "rates",
    *,
    train_loss: float | None = None,
    steps: int = 16,
    flow: bool = False,
    max_lr: float | None = None,
    max_amplification: float = 1e9,
    max_growth: float | None = None,
    starts: int = 10,
    seed: int = 0,
    **fixed: Any,
) -> Design:
    """Find the best schedule of a family for a goal.

    The derivatives of the test loss in the rates are known, even where the stop depends on them.
    So SciPy's optimizers (L-BFGS-B, or SLSQP under constraints) improve each of several starts
    without any training. Free rates start from the best polynomial of their degree.

    With momentum, weight decay or minibatches the derivatives are not known. The few parameters of
    a family are then improved by the Nelder–Mead method, training at each trial; free and
    decreasing rates are refused. Losses are expected ones, and at a level without flow, training
    may stop before the last step.

    Parameters
    ----------
    problem : Problem
        One problem (no batch) of NumPy arrays, with validation data as its test data. Use
        `Problem.with_test` to judge the result on data that were not used for the choice.
    goal : {"best", "lowest", "highest"}
        The lowest test loss at the best stop, or the lowest or highest one at ``train_loss``.
    family : str or callable
        ``"annealed"``
            the same rate for at most ``steps`` steps, then flow;
        ``"two-rate"``
            two rates, for at most ``steps`` steps in total;
        ``"decreasing"``
            ``steps`` rates that never rise;
        ``"rates"``
            ``steps`` independent rates;
        a function of `isoloss.families`, or its name
            optimized over all rates, shares and powers that are not ``fixed``. Any function that
            has a parameter ``lr`` and returns a schedule of steps will do.
    train_loss : float, optional
        The level for the goals "lowest" and "highest".
    steps : int, default: 16
        The number of steps K.
    flow : bool, default: False
        Whether gradient flow follows the steps, as it always does for ``"annealed"``. At a level
        without flow, all steps are taken, and the last one is shortened to end there.
    max_lr : float, optional
        The largest rate; by default 100 times ``problem.max_lr``.
    max_amplification : float, default: 10⁹
        The largest factor by which the steps may enlarge an error: the product of all |1 - 2ηγ|
        above 1 at the largest curvature. The default keeps 8 digits in float64; float32 needs 100.
    max_growth : float, optional
        The largest factor by which the residual (the root of the excess train loss) may exceed the
        start's during training; at least 1.
    starts : int, default: 10
        The number of starts, besides the optima of fewer steps.
    seed : int, default: 0
        The seed for random starts.
    **fixed
        Arguments of a family's function that are fixed instead of optimized; for every family of
        few parameters also settings of the optimizer, such as ``batch_size=32`` or
        ``weight_decay=0.01`` (see `Schedule.with_settings`).

    Returns
    -------
    Design
        The schedule, its losses, and the bound on all others.

    Raises
    ------
    TypeError
        If the problem is a batch or does not use NumPy arrays.
    ValueError
        If an argument is out of range, or no schedule of the family reaches the level within the
        bounds.

    Examples
    --------
    >>> import isoloss as il
    >>> from isoloss import families
    >>> problem = il.Problem.from_spectra([1, 0.3, 0.1], [0.2, 0.5, 1], [1, 1, 1], noise=0.1)
    >>> found = il.design(problem, family="rates", steps=3)
    >>> print(f"{found.test_loss:.6f} {max(found.schedule.learning_rates()):.3f}")
    0.100000 5.000
    >>> il.design(problem, "lowest", families.cosine, train_loss=0.1, steps=20, flow=True).goal
    'lowest'
    """
    _check(problem, goal, train_loss, steps, starts)
    for name, limit in (("max_growth", max_growth), ("max_amplification", max_amplification)):
        if limit is not None and not float(limit) >= 1:
            raise ValueError(f"{name} must be at least 1; got {limit!r}")
    units = problem._reduced.units
    own, unit = problem._reduced.own_unit(), units.curvature  # so rates are near 1, too
    stable = float(own.max_lr)
    largest = _DEFAULT_LARGEST * stable if max_lr is None else scaled(float(max_lr), unit)
    if not 0 < largest < math.inf:
        raise ValueError(f"max_lr must be positive and finite; got {max_lr!r}")
    called = _name(family)
    settings: dict[str, Any] = {
        name: fixed.pop(name) for name in Settings.__annotations__ if name in fixed
    }
    shapes = _shapes(family, called, steps, (stable, largest, unit), fixed)
    flow = flow or called == "annealed"
    level = None if train_loss is None else conversion.number("train_loss", train_loss)
    limits = Limits(float(max_amplification), max_growth, int(starts), int(seed))
    if is_filtered(shapes[0], settings):
        own_level = None if level is None else scaled(level, -units.train)
        schedule = search(Problem(own), shapes, Goal(goal, own_level, flow), limits)
        found = None if schedule is None else in_units(schedule, -unit)
    else:
        found = search_by_training(problem, shapes, Goal(goal, level, flow), limits, settings)
    if found is None:
        raise ValueError(
            f"no schedule of the family {called} with {steps} steps stops at train loss {level} "
            "within the bounds; allow more steps, a larger max_lr or max_growth, or flow=True"
        )
    run = train(problem, found, level)
    return Design(schedule=found, run=run, goal=goal, family=called, level=level)


def _check(problem: Problem, goal: str, train_loss: float | None, steps: int, starts: int) -> None:
    if not isinstance(problem, Problem) or not isinstance(problem.curvature, np.ndarray):
        raise TypeError("design needs a Problem of NumPy arrays")
    if problem.curvature.ndim != 1:
        raise TypeError(f"design needs one problem; this is a batch: {problem!r}")
    if goal not in (goals := ("best", "lowest", "highest")):
        near = suggest(str(goal), goals)
        raise ValueError(f'goal must be "best", "lowest" or "highest"; got {goal!r}{near}')
    if not float(problem.start_train_loss) > float(problem.min_train_loss):
        raise ValueError("training cannot lower the train loss of this problem; nothing to design")
    if goal == "best":
        if train_loss is not None:
            raise ValueError(
                'the goal "best" chooses its stop; leave train_loss out, or ask for "lowest"'
            )
    elif train_loss is None:
        raise ValueError(f"the goal {goal!r} needs a train_loss to stop at; got None")
    else:
        between("train_loss", problem, conversion.number("train_loss", train_loss))
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"steps must be a whole number of at least 1; got {steps!r}")
    if starts < 1:
        raise ValueError(f"starts must be at least 1; got {starts!r}")


def _name(family: Any) -> str:
    if isinstance(family, str):
        return family
    if family is families.annealed:
        return "annealed"
    # functools.partial keeps its function's name there
    return str(getattr(getattr(family, "func", family), "__name__", family))


def _shapes(
    family: str | Callable[..., Schedule],
    name: str,
    steps: int,
    rates: tuple[float, float, int],
    fixed: dict[str, Any],
) -> list[Shape]:
    """Return a family's shapes; ``rates`` are the largest stable and allowed ones, and the unit."""
    if name not in FAMILIES:
        if name in families.__all__:
            family = getattr(families, name) if isinstance(family, str) else family
        if not callable(family):
            names = dict.fromkeys([*FAMILIES, *families.__all__])
            raise ValueError(
                f"family must be a function of isoloss.families, or one of {', '.join(names)}; "
                f"got {family!r}{suggest(str(family), names)}"
            )
        return [Named(family, name, steps, rates, fixed)]
    if fixed:
        raise TypeError(f"the family {name!r} takes no further arguments; got {', '.join(fixed)}")
    stable, largest, _ = rates
    # numbers of steps up to the largest, about four per factor of ten
    spread = np.geomspace(1, steps, 2 + int(4 * math.log10(steps)))
    counts = np.unique(np.round(spread)).astype(int).tolist()
    if name == "annealed":
        return [Free(1, stable, largest, (count,)) for count in counts]
    if name == "two-rate":
        counts = counts[::2]
        pairs = [(k, j) for k in counts for j in counts if k + j <= steps] or [(1, 1)]
        return [Free(2, stable, largest, pair) for pair in pairs]
    return [(Decreasing if name == "decreasing" else Free)(steps, stable, largest)]
