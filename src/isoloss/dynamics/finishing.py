"""Finish schedules: make them end at a train loss, rather than stop them on the way there."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays.context import quiet
from isoloss._parallel.threads import blas_by_size
from isoloss.dynamics.ends import End, OpenEnds
from isoloss.dynamics.run import Run, stacked
from isoloss.dynamics.unattained import why_above
from isoloss.levels.grid import stops
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.resolving import Given
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.unfinished import Unfinished

__all__ = ["finish", "finish_each"]

_ALL = 32  # every number of steps up to this is tried
_PER_DOUBLING = 2  # larger numbers of steps tried per doubling
_SETTLED = 0.01  # the least fall of the log excess that counts as one
_CLOSE = 1e-14  # tolerance of the log excess: absolute up to 1, relative beyond
_FIRST = 2.0**-4  # the largest first step of the rates' factor below 1
_LEAST = 2.0**-40  # the smallest such step
_STRIDES = 2.0**-10, 2.0**-8  # the smallest and largest between factors where ends may oscillate
_BEYOND = 1.25  # how far to step past the factor that a straight line predicts


@blas_by_size
@quiet
def finish(
    family: str | Callable[[int], Given],
    problem: Problem,
    train_loss: float,
    *,
    max_steps: int | None = None,
) -> Schedule:
    """Return the schedule of a family that ends at a train loss, its decay included.

    A schedule that decays is made for a number of steps. Stopping it early at a train loss cuts its
    decay; a finished schedule runs whole and ends at that train loss. It has the smallest number of
    steps K whose end is at or below the train loss, and `finish` multiplies its rates by the
    largest factor s ≤ 1 that makes it end there exactly.

    Parameters
    ----------
    family : str, or function of a number of steps
        A text with ``...`` for its number of steps, such as ``"cosine(1, ...)"``, with rates in
        units of ``problem.max_lr``; or a function that returns a schedule of that many steps, in
        any form that `train` takes. ``"warmup_stable_decay(1, ...)"`` warms up for 10 % of its
        steps and decays for 20 %. The search skips numbers of steps for which the family raises a
        ``ValueError``.
    problem : Problem
        One problem.
    train_loss : float
        The train loss at the end: below the start's and above the smallest.
    max_steps : int, optional
        The largest number of steps to try; by default 1,000,000, and 20,000 with weight decay,
        minibatches or a changing momentum, where each step may be taken by itself.

    Returns
    -------
    Schedule
        The schedule, to run whole: ``il.train(problem, schedule)`` without a level. The relative
        error of its train loss is at most about 10⁻¹⁴.

    Raises
    ------
    TypeError
        If ``problem`` is not a Problem, or ``family`` has another type or returns no schedule.
    ValueError
        If the problem is a batch; training cannot end at the train loss; a schedule ends in an
        endless flow; no schedule of the family ends there within ``max_steps``; or ``max_steps`` is
        not a whole number of at least 1.

    Notes
    -----
    The search tries every number of steps up to 32, and then two per doubling. It continues between
    the first number whose schedule ends low enough and the number tried before it, on the
    assumption that longer schedules end lower in this range. Where ends oscillate, as with momentum
    or rates above the largest stable one, a smaller number beyond 32 can be missed. The factor is
    then sought down from 1 in strides of 1/(8K), at most 1/256 and at least 1/1024, so that a
    narrower crossing can be missed, too.

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
    is_count = isinstance(max_steps, int) and not isinstance(max_steps, bool) and max_steps >= 1
    if max_steps is not None and not is_count:
        raise ValueError(f"max_steps must be a whole number of at least 1; got {max_steps!r}")
    if problem._reduced.floor.ndim:
        raise ValueError(
            "a schedule is finished for one problem; this one is a batch: finish one for each "
            "of its problems"
        )
    level = stops(problem, train_loss)
    if level.ndim:
        raise ValueError("a schedule is finished at one train loss; give a number")
    lowest, start = problem.min_train_loss, problem.start_train_loss
    wanted = _log_excess(problem, level)
    if not (lowest < train_loss < start and wanted[0] > -math.inf):
        raise ValueError(
            "a schedule ends between the smallest train loss and the start's, that is between "
            f"{lowest:g} and {start:g}; got {train_loss:g}"
        )
    ends = OpenEnds(problem, Unfinished(family), max_steps)
    found = _at(ends, wanted[0])
    if found is None:
        if ends.refusal is not None:
            raise ends.refusal
        raise ValueError(
            f"no schedule of at most {ends.most:,} steps ends at or below train loss "
            f"{train_loss:g}: {why_above(ends)}"
        )
    end, factor = found
    return end.slower(factor)


@quiet
def finish_each(ends: OpenEnds, levels: npt.NDArray[np.float64]) -> Run:
    """Finish a family at train losses (L,), and return the runs of the whole schedules.

    Where no schedule ends at a train loss, or the train loss is not between the smallest and the
    start's, ``reached`` is False and the run has no steps. If the family has no schedule at all,
    its own ``ValueError`` is raised.
    """
    problem = ends.problem
    inside = (levels > problem.min_train_loss) & (levels < problem.start_train_loss)
    found = [
        _at(ends, wanted) if between and wanted > -math.inf else None
        for wanted, between in zip(_log_excess(problem, levels), inside, strict=True)
    ]
    if ends.refusal is not None:
        raise ends.refusal
    nothing = End(problem, Schedule()), 1.0
    there = [each or nothing for each in found]
    reached = np.array([each is not None for each in found])
    train_loss = np.where(reached, levels, problem.start_train_loss)
    if not all(end.schedule.is_plain for end, _ in there):
        whole = stacked([end.run(factor) for end, factor in there])
        return replace(whole, reached=reached, has_levels=True, train_loss=train_loss)
    filters = [end.filter(factor) for end, factor in there]
    schedules = [end.slower(factor) for end, factor in there]
    flows = [[p.time for p in s.phases if isinstance(p, GradientFlow)] for s in schedules]
    return Run(
        problem=problem,
        schedules=tuple(schedules),
        reached=reached,
        steps=np.array([schedule.steps for schedule in schedules]),
        time=np.array([math.fsum(times) for times in flows]),
        last_rate=np.full(len(found), math.nan),
        last_step="whole",
        train_loss=train_loss,
        sign=np.stack([each.sign for each in filters]),
        log=np.stack([each.logarithm() for each in filters]),
        is_stacked=True,
    )


def _at(ends: OpenEnds, wanted: float) -> tuple[End, float] | None:
    """Return the end that meets the log of an excess train loss, and the factor of its rates."""
    steps = _fewest_steps(ends, wanted)
    if not steps:
        return None
    end, last = ends.whole(steps), ends.of(steps) - wanted
    before = ends.of(steps - 1) - wanted if steps > 1 else math.inf
    # adding a step changes the end about as much as a factor of K/(K - 1)
    straight = last / (last - before) / steps if math.isfinite(before) else _FIRST
    # an oscillating end turns about once for each step
    stride = _FIRST if end.is_stable else min(max(0.125 / steps, _STRIDES[0]), _STRIDES[1])
    width = min(max(_BEYOND * straight, _LEAST), stride)
    close = _CLOSE * max(1.0, abs(wanted))

    @functools.cache  # the root finder evaluates the ends of its interval again
    def above(factor: float) -> float:
        """Return how far the end is above the level, or 0 if the two differ only by rounding."""
        miss = end.log_excess(factor) - wanted
        return 0.0 if abs(miss) <= close else miss

    return end, _largest_factor(above, width, 1.0 if end.is_stable else stride)


def _log_excess(problem: Problem, levels: Any) -> list[float]:
    log_levels, _ = problem._reduced.log_excess(levels)
    return [float(level) for level in log_levels.reshape(-1)]


def _grid(most: int) -> list[int]:
    """Return the numbers of steps that the search tries first."""
    doublings = math.log2(max(most / _ALL, 1.0))
    larger = (
        round(_ALL * 2.0 ** (i / _PER_DOUBLING))
        for i in range(1, math.ceil(_PER_DOUBLING * doublings))
    )
    return [*range(1, min(_ALL, most) + 1), *larger, *([most] if most > _ALL else [])]


def _bracketed(ends: OpenEnds, wanted: float) -> list[int]:
    """Return the numbers of steps tried up to the first whose end is not above the level.

    The list is empty if none is found.
    """
    tried = [0]
    for steps in _grid(ends.most):
        if steps > ends.most:  # which is less once a schedule is not plain
            break
        accepted = ends.accepted(steps, ends.most + 1)
        if not accepted and len(tried) == 1:
            break
        if accepted > tried[-1]:
            tried.append(accepted)
            if ends.of(accepted) <= wanted:
                return tried
            if not ends.is_plain and _has_settled(ends, tried):
                break  # at the level of its noise, or of its weight decay
    return []


def _fewest_steps(ends: OpenEnds, wanted: float) -> int:
    """Return the smallest number of steps whose end is not above the level; 0 if none is found."""
    tried = _bracketed(ends, wanted)
    if not tried:
        return 0
    high = tried[-1]
    known, low, halve = tried[1:], tried[-2], False
    top = high  # the family refuses all numbers from here up to the one before ``high``
    while top - low > 1:
        width, middle = top - low, (low + top) // 2
        if len(known) > 1 and not halve:
            middle = math.ceil(_where_zero({n: ends.of(n) - wanted for n in known[-3:]}))
            middle = min(max(middle, low + 1), top - 1)
        accepted = ends.accepted(middle, top)
        if not accepted:
            top = middle
            continue
        known.append(accepted)
        if ends.of(accepted) <= wanted:
            high = top = accepted
        else:
            low = accepted
        halve = not halve and top - low > 0.5 * width  # the interpolation guided badly
    return high


def _has_settled(ends: OpenEnds, tried: list[int]) -> bool:
    """Whether four times as many steps have not lowered the end."""
    before = [steps for steps in tried[1:] if 4 * steps <= tried[-1]]
    if not before or tried[-1] <= 4 * _ALL:
        return False
    return ends.of(before[-1]) - ends.of(tried[-1]) < _SETTLED


def _where_zero(values: dict[int, float]) -> float:
    """Return where the inverse polynomial through a function's values, in log K, is 0."""
    log_steps = 0.0
    for steps, value in values.items():
        others = (each for key, each in values.items() if key != steps)
        factors = (each / (each - value) if each != value else 0.5 for each in others)
        log_steps += math.log(steps) * math.prod(factors)
    return math.exp(min(log_steps, 50.0))


def _largest_factor(above: Callable[[float], float], width: float, stride: float) -> float:
    """Return the largest factor up to 1 at which a function is 0; at 1, it must be at most 0.

    The search steps down from 1, first by ``width``, then by at most ``stride``, until the function
    is no longer below 0.
    """
    if above(1.0) == 0:
        return 1.0
    high, low = 1.0, 1.0 - width
    while (value := above(low)) < 0:
        width = min(2.0 * width, stride)
        high, low = low, max(low - width, 0.0)
    if value == 0:
        return low
    from scipy.optimize import brentq  # slow: more than half of the time to import the rest

    root: Any = brentq(above, low, high, xtol=1e-300, rtol=4 * 2.0**-52, maxiter=2000)
    return float(root)
