"""Schedules that end at a train loss, rather than being stopped on the way there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scipy.optimize import brentq

from isoloss._arrays.context import quiet
from isoloss._parallel.threads import blas_by_size
from isoloss.dynamics.filters import Filter
from isoloss.dynamics.following import follow
from isoloss.dynamics.stops import Directions, log_excess
from isoloss.levels.grid import stops
from isoloss.problems.problem import Problem
from isoloss.schedules.resolving import Given, resolve
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["finish"]

_ALL = 32  # numbers of steps up to which each is tried
_LOOKS = 16  # smaller numbers of steps that are tried once a number is found
_CLOSE = 1e-15  # of the log of the excess train loss
_FIRST = 2.0**-12  # how far below 1 the factor of the rates is tried first


@blas_by_size
@quiet
def finish(
    family: str | Callable[[int], Given],
    problem: Problem,
    train_loss: float,
    *,
    max_steps: int = 1_000_000,
) -> Schedule:
    """Return the schedule of a family that ends at a train loss, its decay included.

    A schedule that decays is made for a number of steps. Stopped at a train loss on the way, it
    never comes to its decay; finished, it does all that it is made for, and its end has that train
    loss. It has the smallest number of steps K whose end is at or below the train loss, and its
    rates are multiplied by the largest factor s ≤ 1 that makes the end meet it.

    Parameters
    ----------
    family : str, or function of a number of steps
        A text whose number of steps is ``...``, such as ``"cosine(1, ...)"``, with rates in units
        of ``problem.max_lr``; or what returns a schedule of so many steps, in any of the forms that
        `train` takes. ``"warmup_stable_decay(1, ...)"`` warms up for 10 % of its steps and decays
        for 20 %.
    problem : Problem
        One problem.
    train_loss : float
        The train loss at the end: below the start's and above the smallest.
    max_steps : int, default: 1,000,000
        The largest number of steps to try.

    Returns
    -------
    Schedule
        To be run whole: ``il.train(problem, schedule)`` without a level. Its train loss differs
        from the one asked for by the rounding of the rates, some 10⁻¹⁵ of it.

    Raises
    ------
    TypeError
        If ``problem`` is not a Problem, or ``family`` is of another type or returns no schedule.
    ValueError
        If the problem is a batch; training cannot end at the train loss; no schedule of the family
        ends there within ``max_steps``; or ``max_steps`` is not a whole number of at least 1.

    Notes
    -----
    Every number of steps up to 32 is tried. Larger ones are doubled and halved, as if longer
    schedules ended lower; 16 smaller numbers are then tried too, and the search goes on below any
    that ends low enough.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> schedule = il.finish("cosine(0.6, ...)", problem, 0.1)
    >>> schedule.steps
    7
    >>> print(il.train(problem, schedule).train_loss.round(12))
    0.1
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    if not (isinstance(family, str) or callable(family)):
        raise TypeError(
            'family must be a text such as "cosine(1, ...)", or a function of the number of steps; '
            f"got {type(family).__name__}"
        )
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise ValueError(f"max_steps must be a whole number of at least 1; got {max_steps!r}")
    reduced = problem._reduced
    if reduced.floor.ndim:
        raise ValueError("a schedule is finished for one problem; this one is a batch: take each")
    levels = stops(problem, train_loss)
    if levels.ndim:
        raise ValueError("a schedule is finished at one train loss; give a number")
    directions, (log_level, _) = Directions.of(reduced), reduced.log_excess(levels)
    wanted, xp = float(log_level[0, 0]), reduced.kind.xp
    lowest, start = problem.min_train_loss, problem.start_train_loss
    if not (lowest < train_loss < start and wanted > -math.inf):
        raise ValueError(
            "a schedule ends between the smallest train loss and the start's, that is between "
            f"{lowest:g} and {start:g}; got {train_loss:g}"
        )

    def end(schedule: Schedule) -> float:
        """Return how far the end lies above the level, in the log of the excess train loss."""
        (run,) = follow(problem, [schedule], None, exact=False)
        there = Filter(run.sign[None, None, :], run.log[None, None, :])
        return float(log_excess(xp, directions.log_weights, there)[0, 0]) - wanted

    def at(steps: int) -> Schedule:
        given = Spec.parse(family, steps=steps) if isinstance(family, str) else family(steps)
        return resolve(given, problem)

    steps = _fewest_steps(lambda steps: end(at(steps)) <= 0, max_steps)
    if not steps:
        raise ValueError(
            f"no schedule of at most {max_steps} steps ends at or below train loss {train_loss:g}: "
            f"with {max_steps} the end is above it; give larger rates, or more steps"
        )
    schedule = at(steps)
    return schedule.scaled(_largest_factor(lambda s: end(schedule.scaled(s))))


def _fewest_steps(ends_low: Callable[[int], bool], most: int) -> int:
    """Return the smallest number of steps that ends low enough; 0 if none does."""
    for steps in range(1, min(_ALL, most) + 1):
        if ends_low(steps):
            return steps
    low, high = min(_ALL, most), 2 * _ALL
    while not ends_low(min(high, most)):
        if high >= most:
            return 0
        low, high = high, 2 * high
    high = min(high, most)
    while True:
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if ends_low(middle) else (middle, high)
        looks = {_ALL + (high - _ALL) * i // _LOOKS for i in range(1, _LOOKS)}
        lower = next((steps for steps in sorted(looks) if steps < high and ends_low(steps)), None)
        if lower is None:
            return high
        low, high = _ALL, lower


def _largest_factor(above: Callable[[float], float]) -> float:
    """Return the largest factor up to 1 at which a function is 0 that is not above it at 1.

    It is followed down from 1 in steps that double until it is above 0.
    """
    if above(1.0) >= -_CLOSE:
        return 1.0
    high, width = 1.0, _FIRST
    while above(1.0 - width) <= 0:
        high, width = 1.0 - width, min(2.0 * width, 0.5 * (1.0 + width))
    root: Any = brentq(above, 1.0 - width, high, xtol=1e-300, rtol=4 * 2.0**-52, maxiter=300)
    return float(root)
