"""train(problem, schedule, level): the exact result of a training run, without a training loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from isoloss._arrays.context import quiet
from isoloss._parallel.threads import blas_by_size
from isoloss.dynamics.following import follow
from isoloss.dynamics.run import Run, stacked
from isoloss.dynamics.stop_rule import LastStep, stops_exactly
from isoloss.levels.grid import stops
from isoloss.problems.problem import Problem
from isoloss.schedules.resolving import Given, resolve

__all__ = ["train"]

Array = Any

_MAX_STEPS = 2**63 - 1  # the largest int64


@blas_by_size
@quiet
def train(
    problem: Problem,
    schedule: Given | Sequence[Given],
    train_loss: Any = None,
    *,
    last_step: LastStep = "exact",
) -> Run:
    """Train a problem by a schedule, or by each of several, and stop at given train losses.

    Training stops in the first step that ends at or below the level, and shortens that step to end
    at the level exactly; in a flow, it stops at the exact moment. So all runs that reach a level
    have the same train loss, except that a run whose start is already below it takes no step.
    Flows and phases of one rate are solved in closed form, at a cost that does not depend on their
    length.

    With minibatches, everything is an expectation: training stops at the first moment at which the
    *expected* train loss is at the level, the same moment for all runs of the optimizer. The
    expected train loss need not fall. `isoloss.simulate` stops each run at its own train loss.
    Weight decay changes how parameters move, but not which loss is compared with the level: train
    and test losses are those without the penalty.

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.
    schedule : str, Schedule or phase, or a list of them
        What the optimizer does. A text such as ``"gd(1.0, 10) > flow"`` has rates in units of the
        problem's largest stable rate, ``problem.max_lr``; a `Schedule` has absolute rates. Training
        by a list in one call is faster than training by one schedule after another.
    train_loss : array_like, optional
        The level or levels to stop at; by default, the schedule runs to its end. A level counts as
        reached if the train loss exceeds it by at most four units in the last place of the level
        (of its logarithm, far from 1). The smallest train loss is reached only if finitely many
        steps remove every direction exactly; a flow only tends to it.
    last_step : ``"exact"`` or ``"whole"``
        How to treat the step in which training stops. ``"exact"`` reduces its rate to the smallest
        that reaches the level. A step that crosses the level but ends above it is not shortened.
        ``"whole"`` takes the whole step, as GD(K, η, ε) in the paper's section 2 does, so the train
        loss may end below the level.

    Returns
    -------
    Run
        Its results have shape batch × levels, and the problem's kind of array and precision.
        A list of schedules adds a first axis, and ``run[i]`` is the run of the i-th schedule.
        Tensors carry no gradient.

    Raises
    ------
    TypeError
        If ``problem`` or ``schedule`` is of another type.
    ValueError
        If a text is not a schedule, or is given for problems that differ in ``max_lr``; if a level
        is NaN, a schedule has more than 2⁶³ - 1 steps, or a momentum rate is above 10²⁹⁰/(2γ₁); if
        minibatches need train rows that the problem does not have, or too many operations; or if
        training with weight decay or minibatches diverges beyond float64.

    Examples
    --------
    The paper's example: at the same train loss, half the test loss.

    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> flow = il.train(problem, il.GradientFlow(), train_loss=1e-4)
    >>> annealed = il.train(problem, "gd(1.0, 10) > flow", train_loss=1e-4)
    >>> print(f"{flow.test_loss:.3g} {annealed.test_loss:.3g}")
    0.00015 7.5e-05

    Schedules × levels in one call:

    >>> both = il.train(problem, ["flow", "gd(1.0, 10) > flow"], train_loss=[1.0, 0.1])
    >>> print(both.test_loss.round(4))
    [[1.4597 0.1496]
     [0.75   0.075 ]]
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    if isinstance(schedule, list | tuple):
        schedules = [resolve(each, problem) for each in schedule]
    else:
        schedules = [resolve(cast("Given", schedule), problem)]
    if not schedules:
        raise ValueError("there is no schedule to train by: the list is empty")
    for each in schedules:
        if each.steps > _MAX_STEPS:
            raise ValueError(f"a run may have at most 2**63 - 1 steps in all; got {each.steps}")
    levels = None if train_loss is None else stops(problem, train_loss)
    runs = follow(problem, schedules, levels, exact=stops_exactly(last_step))
    return stacked(runs) if isinstance(schedule, list | tuple) else runs[0]
