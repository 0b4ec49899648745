"""simulate(problem, schedule, runs): real minibatch runs, each stopped at its own train loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from isoloss._arrays.context import quiet
from isoloss._arrays.conversion import to_numpy
from isoloss._parallel.threads import blas_by_size
from isoloss.dynamics.moments.batches import Batches, GaussianBatches, RowBatches
from isoloss.dynamics.moments.fields import along_start
from isoloss.dynamics.moments.simulation import (
    Simulated,
    SimulatedFlow,
    SimulatedSteps,
    simulate_runs,
)
from isoloss.dynamics.moments.state import StepRule
from isoloss.dynamics.stop_rule import LastStep, stops_exactly
from isoloss.levels.grid import stops
from isoloss.problems.expected import origin_along
from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem, reduced_of
from isoloss.problems.reduced import Reduced
from isoloss.problems.train_rows import sampled_rows
from isoloss.problems.units import scaled
from isoloss.schedules.phases import GradientFlow, Nesterov, Steps
from isoloss.schedules.resolving import Given, resolve
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["SimulatedPoints", "Simulation", "simulate"]

Array = Any
Floats = npt.NDArray[np.float64]

_MOST_RUNS = 10**7


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SimulatedPoints(Filtered):
    """Simulated runs after some numbers of steps: losses and parameters, shape runs × P.

    Attributes
    ----------
    problem : Problem
        The problem.
    steps : array, shape (P,)
        The numbers of steps, with NumPy.
    train_loss : array, shape (runs, P)
        The train losses of the runs.
    sign, log : array, shape (runs, P, r)
        The filters nearest to what training did to the start's residual.
    """

    steps: Array

    def __repr__(self) -> str:
        return f"SimulatedPoints({self.train_loss.shape[0]} runs after {self.steps.tolist()} steps)"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Simulation(Filtered):
    """Simulated runs at their own stops, shape runs × levels.

    Attributes
    ----------
    problem : Problem
        The problem.
    schedule : Schedule
        The schedule that trained it, in absolute rates.
    reached : array of bool
        Whether a run reaches the level. If not, all other values describe its end.
    steps, time, last_rate : array
        As for `Run`, for each simulated run.
    train_loss : array
        The train loss of each run at its stop.
    sign, log : array, shape (…, r)
        The filters nearest to what training did to the start's residual.
    passed : SimulatedPoints or None
        The runs after the wanted numbers of steps.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_data([[1, 0], [1, 0], [0, 1]], [1, 1, 1])
    >>> il.simulate(problem, il.GradientDescent(0.5, 40, batch_size=1), 100, 0, train_loss=0.1)
    Simulation(100 runs, 100 of 100 reached)
    """

    _POINTS: ClassVar = (*Filtered._POINTS, "reached", "steps", "time", "last_rate")

    schedule: Schedule
    reached: Array
    steps: Array
    time: Array
    last_rate: Array
    passed: SimulatedPoints | None = None
    has_levels: bool = True
    """Whether runs were to stop at levels."""

    def __repr__(self) -> str:
        reached = to_numpy(self.reached)
        runs, mean = reached.shape[0], float(np.mean(to_numpy(self.train_loss)))
        if not self.has_levels:
            return f"Simulation({runs} runs of the whole schedule, mean train_loss={mean:.6g})"
        return f"Simulation({runs} runs, {reached.sum()} of {reached.size} reached)"


@blas_by_size
@quiet
def simulate(
    problem: Problem,
    schedule: Given,
    runs: int,
    seed: int,
    *,
    train_loss: Any = None,
    last_step: LastStep = "exact",
    at_steps: Sequence[int] = (),
) -> Simulation:
    """Run minibatch training many times, and stop each run at its own train loss.

    `train` gives expected losses when all runs stop at the same step. It does not show the spread
    of runs around their mean, nor what happens to runs that are stopped individually, as a training
    loop with early stopping does: their mean test loss may be on the other side of gradient flow's.
    Here all batches are drawn; only flows need no steps.

    Parameters
    ----------
    problem : Problem
        One problem.
    schedule : str, Schedule or phase
        As for `train`.
    runs : int
        The number of runs.
    seed : int
        The seed of the random generator.
    train_loss : array_like, optional
        The level or levels at which each run stops; by default, the schedule runs to its end.
    last_step : ``"exact"`` or ``"whole"``
        As for `train`.
    at_steps : sequence of int
        Rising numbers of steps after which to look at all runs, for ``Simulation.passed``.

    Returns
    -------
    Simulation
        The runs at their stops, in the problem's kind of array and precision.

    Raises
    ------
    TypeError
        If ``problem`` or ``schedule`` has another type.
    ValueError
        If the problem is a batch, minibatches need train rows that it does not have, a run
        diverges beyond float64, or a number is out of its range.

    Examples
    --------
    With batches of one row, the expectation says that a large rate does not help in the paper's
    example; runs that stop at their own train loss do gain.

    >>> import isoloss as il
    >>> rows, ones = [[1, 0], [1, 0], [0, 1]], [10, 10, 10]
    >>> problem = il.Problem.from_data(rows, ones, [[1, 0], [0, 1]], [10, 10])
    >>> flow = il.train(problem, "flow", train_loss=0.1)
    >>> annealed = il.GradientDescent(1.0, 20, batch_size=1) + il.GradientFlow()
    >>> found = il.simulate(problem, annealed, 1000, seed=0, train_loss=0.1)
    >>> print(found.test_loss.mean() < flow.test_loss)
    True
    """
    reduced = reduced_of(problem)
    if reduced.gamma.ndim > 1:
        raise ValueError("simulate needs one problem; this one is a batch: take each")
    for name, value, least, most in (("runs", runs, 1, _MOST_RUNS), ("seed", seed, 0, 2**63)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}; got {value!r}")
    marks = [int(step) for step in at_steps]
    if marks != sorted(set(marks)) or any(step < 0 for step in marks):
        raise ValueError(f"at_steps must be rising numbers of at least 0; got {list(at_steps)!r}")
    exact = stops_exactly(last_step)
    levels = None if train_loss is None else np.asarray(to_numpy(stops(problem, train_loss)))
    resolved = resolve(schedule, problem)
    if marks and marks[-1] > resolved.steps:
        raise ValueError(
            f"at_steps asks for step {marks[-1]}, but the schedule has {resolved.steps} steps"
        )
    phases = [_simulated(reduced, phase) for phase in resolved.phases]
    curvature, start, minimum = _directions(reduced)
    own = [] if levels is None else scaled(levels.ravel(), -reduced.units.train).tolist()
    found = simulate_runs(
        curvature,
        start,
        minimum,
        phases,
        runs,
        seed,
        lambda residual: residual.reshape(len(residual), -1),
        floor=float(reduced.floor),
        levels=own,
        exact=exact,
        marks=marks,
    )
    shape = (runs,) if levels is None else (runs, *levels.shape)
    return _simulation(problem, resolved, found, start, shape, marks, has_levels=levels is not None)


def _directions(problem: Reduced) -> tuple[Floats, Floats, Floats]:
    """Return curvatures, start and minimum, with the parameters outside the directions last."""
    start, origin = np.asarray(to_numpy(problem.start_residual)), origin_along(problem)
    last = np.full_like(start[:1, :], 0.0 if origin is None else 1.0)
    minimum = (0.0 if origin is None else origin) - start
    return (
        np.append(to_numpy(problem.gamma), 0.0),
        np.concatenate([start, last]),
        np.concatenate([minimum, 0.0 * last]),
    )


def _simulated(problem: Reduced, phase: Phase) -> SimulatedSteps | SimulatedFlow:
    unit = problem.units.curvature
    decay = float(scaled(phase.weight_decay, -unit))
    if isinstance(phase, GradientFlow):
        return SimulatedFlow(float(scaled(phase.time, unit)), decay)
    if not isinstance(phase, Steps):
        raise ValueError(
            f"{type(phase).__name__} cannot be simulated: nothing is known but its name"
        )
    rule = StepRule(0.0, phase.dampening, isinstance(phase, Nesterov), decay, phase.decoupled)
    momenta = np.broadcast_to(np.asarray(phase.momentum), phase.steps)
    rates = scaled(phase.learning_rates(), unit)
    return SimulatedSteps(rates, momenta, rule, _batches(problem, phase), phase.carry_velocity)


def _batches(problem: Reduced, phase: Steps) -> Batches | None:
    size = phase.batch_size
    if size is None:
        return None
    found = sampled_rows(problem, phase.sampling, size)
    if found is not None:
        padded = np.pad(found.rows, ((0, 0), (0, 1)))
        return RowBatches(padded, found.errors, size, found.replacement, found.together)
    outputs = problem.start_residual.shape[-1]
    noise = np.full(1, float(problem.floor))
    if outputs > 1:
        # each output has its own label noise, which the floor sums
        rows = sampled_rows(problem, "replacement", size) if problem.rows is not None else None
        if rows is None:
            raise ValueError(
                f"Gaussian rows for {outputs} outputs need the label noise of each, which is read "
                "off the train rows, and this problem keeps none; simulate one output at a time"
            )
        noise = np.mean(rows.errors**2, axis=0)
    return GaussianBatches(np.append(to_numpy(problem.gamma), 0.0), noise, size)


def _simulation(
    problem: Problem,
    schedule: Schedule,
    found: Simulated,
    start: Floats,
    shape: tuple[int, ...],
    marks: Sequence[int],
    *,
    has_levels: bool,
) -> Simulation:
    reduced, runs = problem._reduced, shape[0]
    kind, unit = reduced.kind, -reduced.units.curvature

    def given(values: Floats) -> Array:
        return kind.result(kind.constant(values))

    def fields(loss: Floats, measured: Floats, shape: tuple[int, ...]) -> dict[str, Any]:
        means = measured.reshape(*shape, *start.shape)
        filters = along_start(reduced, means)
        return {
            "problem": problem,
            "train_loss": given(scaled(loss, reduced.units.train).reshape(shape)),
            "sign": kind.constant(np.where(filters < 0, -1.0, 1.0)),
            "log": kind.constant(np.log(np.abs(filters))),
            "_mean": means,
        }

    passed = None
    if marks:
        each = fields(found.train_loss, found.measured, (runs, len(marks)))
        passed = SimulatedPoints(**each, steps=np.array(marks))
    steps = kind.xp.astype(kind.constant(found.stop_steps.reshape(shape)), kind.xp.int64)
    return Simulation(
        **fields(found.stop_train_loss, found.stop_measured, shape),
        schedule=schedule,
        reached=kind.count(kind.constant(found.reached.reshape(shape)) > 0),
        steps=kind.count(steps),
        time=given(scaled(found.stop_time, unit).reshape(shape)),
        last_rate=given(scaled(found.last_rate, unit).reshape(shape)),
        passed=passed,
        has_levels=has_levels,
    )
