"""train(problem, schedule, level): the exact result of a training run, without a training loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from isoloss._checks import quiet
from isoloss.filters import Filter, choose, flow_filter, log_step
from isoloss.momentum import LARGEST, Motion, Transition, first_crossing, walk
from isoloss.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov, Steps
from isoloss.problem import Problem
from isoloss.run import Run
from isoloss.scanning import scan_rates
from isoloss.schedule import Phase, Schedule
from isoloss.stopping import first_step, flow_time, log_excess

__all__ = ["train"]

Array = Any

_HUGE = 1e100
_STRETCH = 8192  # changing rates between two looks at whether all levels are reached
_GROWTH = 30.0  # nats of growth from which logarithms are kept in double-double


@quiet
def train(problem: Problem, schedule: Schedule | Phase, train_loss: Any = None) -> Run:
    """Train a problem by a schedule and stop at given train losses.

    Stops at the start if the train loss is already there, else after the first GD step at or below
    the level, or at the exact moment inside a flow (GD(K, η, ε) and GF(ε) of the paper, section 2).
    Phases of one rate and flows are solved in closed form: their cost does not depend on their
    length.

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.
    schedule : Schedule or phase
        What the optimizer does.
    train_loss : array_like, optional
        The level or levels to stop at; by default the schedule runs to its end. A level equal to
        the smallest train loss counts as reached only where it is met exactly after finitely many
        steps.

    Returns
    -------
    Run
        With results of shape batch × levels.

    Raises
    ------
    TypeError
        If ``problem`` or ``schedule`` is of another type.
    ValueError
        If a level is NaN.

    Examples
    --------
    The paper's example: at the same train loss, half the test loss.

    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> flow = il.train(problem, il.GradientFlow(), train_loss=1e-4)
    >>> annealed = il.train(problem, il.anneal(1.5, 10), train_loss=1e-4)
    >>> print(f"{flow.test_loss:.3g} {annealed.test_loss:.3g}")
    0.00015 7.5e-05
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    if not isinstance(schedule, Schedule):
        schedule = Schedule(schedule)
    return _Trainer(problem, train_loss).run(schedule)


class _Trainer:
    """The state of one call: where the schedule is, and which levels have stopped it where."""

    def __init__(self, problem: Problem, train_loss: Any) -> None:
        kind = problem.kind
        xp = self.xp = kind.xp
        self.problem = problem
        r = problem.gamma.shape[-1]
        self.curvature = xp.reshape(problem.gamma, (-1, 1, r))
        self.log_weights = xp.reshape(problem.log_weights, (-1, 1, r))
        self.levels = None if train_loss is None else _levels(problem, train_loss)
        floor = xp.reshape(problem.floor, (-1, 1))
        if self.levels is None:
            excess = xp.nan + xp.zeros_like(floor)
        else:
            excess = xp.reshape(self.levels, (1, -1)) - floor
        # log of a negative number is NaN: that level is below every train loss
        self.log_level = xp.log(excess)
        self.filters = Filter.identity(self.curvature)
        self.motion: Motion | None = None  # of the momentum phase just done
        self.steps, self.time = 0, 0.0
        self.reached = log_excess(xp, self.log_weights, self.filters) <= self.log_level
        blank = xp.zeros_like(self.log_level)
        self.stop_steps, self.stop_time = blank, blank
        self.stopped = Filter(*(part + blank[..., None] for part in self.filters[:2]))

    def run(self, schedule: Schedule) -> Run:
        for phase in schedule.phases:
            if isinstance(phase, HeavyBall | Nesterov):
                self._advance_momentum(phase)
                continue
            self.motion = None
            for piece in _pieces(phase):
                if self._finished():
                    break
                self._advance(*piece)
        return self._result(schedule)

    def _finished(self) -> bool:
        return self.levels is not None and bool(self.xp.all(self.reached))

    def _waiting(self) -> bool:
        return bool(self.xp.any(~self.reached & ~self.xp.isnan(self.log_level)))

    def _within_reach(self, step: Filter, end: Filter, levels: Array) -> Array:
        """Return the levels, those that a loss that cannot rise does not get down to as NaN."""
        if step.grows(self.xp, 0.0):
            return levels
        excess = log_excess(self.xp, self.log_weights, end)
        return self.xp.where(excess <= levels, levels, self.xp.nan + 0.0 * excess)

    def _stop(self, hit: Array, there: Filter, steps: Array | int, time: Array | float) -> None:
        """Record the levels that a phase has reached for the first time."""
        xp, new = self.xp, hit & ~self.reached
        blank = xp.zeros_like(self.log_level)
        self.stop_steps = xp.where(new, steps + blank, self.stop_steps)
        self.stop_time = xp.where(new, time + blank, self.stop_time)
        self.stopped = choose(xp, new, there, self.stopped)
        self.reached = self.reached | new

    def _result(self, schedule: Schedule) -> Run:
        """Give the levels never reached the schedule's end."""
        xp, problem = self.xp, self.problem
        blank = xp.zeros_like(self.log_level)
        steps = xp.where(self.reached, self.stop_steps, self.steps + blank)
        time = xp.where(self.reached, self.stop_time, self.time + blank)
        filters = choose(xp, self.reached, self.stopped, self.filters)
        batch = tuple(problem.floor.shape)
        shape = batch + (() if self.levels is None else tuple(self.levels.shape))
        r = problem.gamma.shape[-1]
        parts = filters.sign, filters.logarithm()
        sign, log = (xp.reshape(part, (*batch, -1, r)) for part in parts)
        excess = xp.sum(xp.exp(problem.log_weights[..., None, :] + 2.0 * log), axis=-1)
        train_loss = problem.floor[..., None] + excess
        test_loss = problem.test.loss(xp, sign, log)
        return Run(
            problem=problem,
            schedule=schedule,
            reached=xp.reshape(self.reached, shape),
            steps=xp.astype(xp.reshape(steps, shape), xp.int64),
            time=problem.kind.result(xp.reshape(time, shape)),
            train_loss=problem.kind.result(xp.reshape(train_loss, shape)),
            test_loss=problem.kind.result(xp.reshape(test_loss, shape)),
            sign=xp.reshape(sign, (*shape, r)),
            log=xp.reshape(log, (*shape, r)),
        )

    def _advance(self, kind: str, amount: Any, steps: int) -> None:
        """Carry the filter through a phase, recording the levels that it reaches."""
        xp, waiting = self.xp, self._waiting()
        constant = self.problem.kind.constant
        levels = xp.where(self.reached, xp.nan + xp.zeros_like(self.log_level), self.log_level)
        if kind == "flow":
            precise = self.filters.low is not None
            move = flow_filter(xp, constant(amount), self.curvature, precise=precise)
            end = self.filters.then(xp, move)
            if waiting:
                time, there = flow_time(xp, self.log_weights, self.filters, self.curvature, levels)
                self._stop(
                    xp.isfinite(time) & (time <= amount), there, self.steps, self.time + time
                )
            self.time += amount
            self.filters = end
        elif kind == "rate":
            step = log_step(xp, amount, self.curvature)
            if self.filters.low is None and steps and step.grows(xp, _GROWTH / steps):
                self.filters = self.filters.precise(xp)
            if self.filters.low is not None:
                step = log_step(xp, amount, self.curvature, precise=True)
            end = self.filters.then(xp, step.power(xp, constant(steps)))
            if waiting and steps:
                levels = self._within_reach(step, end, levels)
                if not bool(xp.all(xp.isnan(levels))):
                    count, there = first_step(
                        xp, self.log_weights, self.filters, step, steps, levels
                    )
                    self._stop(xp.isfinite(count), there, self.steps + count, self.time)
            self.steps += steps
            self.filters = end
        elif _is_huge(float(amount.max()), float(xp.max(self.curvature))):
            for lr in amount:
                self._advance("rate", float(lr), 1)
        else:
            scan = scan_rates(
                xp, self.log_weights, self.filters, self.curvature, amount, levels, constant
            )
            end = scan.end.precise(xp) if scan.end.grows(xp, _GROWTH) else scan.end
            self._stop(xp.isfinite(scan.first), scan.stopped, self.steps + scan.first, self.time)
            self.steps += steps
            self.filters = end

    def _advance_momentum(self, phase: HeavyBall | Nesterov) -> None:
        """Carry the filter through a phase with momentum, recording the levels that it reaches."""
        xp, curvature = self.xp, self.curvature
        if self.motion is None or not phase.carry_velocity:
            self.motion = Motion.at_rest(self.filters)
        nesterov = isinstance(phase, Nesterov)
        for lr, steps in _chunks(phase):
            if self._finished():
                break
            _check_momentum_rate(float(np.max(lr)), float(xp.max(curvature)))
            levels = xp.where(self.reached, xp.nan + xp.zeros_like(self.log_level), self.log_level)
            if isinstance(lr, float):
                step = Transition(xp, lr, phase.momentum, curvature, nesterov=nesterov)
                found = first_crossing(xp, self.log_weights, self.motion, step, steps, levels)
            else:
                found = walk(
                    xp,
                    self.log_weights,
                    self.motion,
                    curvature,
                    lr,
                    phase.momentum,
                    levels,
                    self.problem.kind.constant,
                    nesterov=nesterov,
                )
            hit = xp.isfinite(found.first)
            self._stop(hit, found.stopped, self.steps + found.first, self.time)
            self.steps += steps
            self.motion = found.end
        self.filters = self.motion.filter(xp)


def _check_momentum_rate(lr: float, curvature: float) -> None:
    if lr > LARGEST or 2.0 * lr * curvature > LARGEST:
        raise ValueError(
            f"rates of momentum phases must be at most {LARGEST:g} over twice the curvature; "
            f"got {lr:g} with curvature {curvature:g}"
        )


def _pieces(phase: Phase) -> Iterator[tuple[str, Any, int]]:
    if isinstance(phase, GradientFlow):
        yield "flow", phase.time, 0
        return
    assert isinstance(phase, GradientDescent)
    for lr, steps in _chunks(phase):
        yield ("rate" if isinstance(lr, float) else "rates"), lr, steps


def _chunks(phase: Steps) -> Iterator[tuple[Any, int]]:
    """Split into runs of one rate, and stretches of changing ones after which all may be over."""
    for lr, steps in phase.runs():
        if isinstance(lr, float):
            yield lr, steps
            continue
        for start in range(0, steps, _STRETCH):
            yield lr[start : start + _STRETCH], min(_STRETCH, steps - start)


def _is_huge(lr: float, curvature: float) -> bool:
    """Whether factors 1 - 2ηγ must be taken in logarithms, one by one, not to leave float64."""
    return max(lr, curvature) > _HUGE or lr * curvature > _HUGE


def _levels(problem: Problem, train_loss: Any) -> Array:
    xp = problem.kind.xp
    levels = problem.kind.plain("train_loss", train_loss)
    if bool(xp.any(xp.isnan(levels))):
        raise ValueError("train_loss must not be NaN; give the train losses to stop at")
    return levels
