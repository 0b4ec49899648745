"""Run real minibatch descent many times at once, and stop each run at its own train loss.

Expected losses say nothing of the spread of runs around their mean, nor of runs that are each
stopped by themselves. Here every batch is drawn; only gradient flow needs no steps. Residuals
δ = β - β̂ are (runs, r, m), in the basis in which XᵀX/n is diagonal, and a run's train loss is
floor + Σ γ_i |δ_i|².
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.batches import Batches
from isoloss.dynamics.moments.crossings import LARGEST
from isoloss.dynamics.moments.simulated_flow import flow_times, shrunk
from isoloss.dynamics.moments.state import StepRule, directed

__all__ = ["Simulated", "SimulatedFlow", "SimulatedSteps", "simulate_runs"]

Array = npt.NDArray[np.float64]
Measure = Callable[[Array], Array]
"""From residuals (runs, r, m) to what is kept of each run, (runs, q)."""

Pairs = tuple[npt.NDArray[np.int64], ...]
"""Runs and levels."""

_EPS = 2.0**-52
_GROUP = 2**22  # numbers held at once
_POLISHES = 2


class SimulatedSteps(NamedTuple):
    """Steps with a rate and a momentum each; the momentum of ``rule`` is not used."""

    rates: Array
    momenta: Array
    rule: StepRule = StepRule()
    batches: Batches | None = None
    """None stands for the full gradient."""
    carry_velocity: bool = False


class SimulatedFlow(NamedTuple):
    """Gradient flow."""

    time: float
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Simulated:
    """What was seen of each run, and where it reached each level."""

    train_loss: Array
    """The train losses after the wanted numbers of steps, (runs, P)."""
    measured: Array
    """What was measured there, (runs, P, q)."""
    reached: npt.NDArray[np.bool_]
    """Whether a run reached each level, (runs, L). What follows is that of the end, if not."""
    stop_steps: npt.NDArray[np.int64]
    """The steps up to each stop, a shortened one included, (runs, L)."""
    stop_time: Array
    last_rate: Array
    """The rate of a shortened last step; NaN if it is whole."""
    stop_train_loss: Array
    stop_measured: Array
    """What was measured at each stop, (runs, L, q)."""


def simulate_runs(
    curvature: Array,
    start: Array,
    minimum: Array,
    phases: Sequence[SimulatedSteps | SimulatedFlow],
    runs: int,
    seed: int,
    measure: Measure,
    *,
    floor: float = 0.0,
    levels: Sequence[float] = (),
    exact: bool = True,
    marks: Sequence[int] = (),
) -> Simulated:
    """Run a schedule many times from one start (r, m).

    ``minimum`` is β̂, to which weight decay needs the residual's distance from the origin. Each run
    stops at the first of its own train losses at or below a level, at the end of a step, which is
    shortened if ``exact``, or during flow; without levels there is one column, for the end of the
    schedule. ``marks`` are increasing numbers of steps. Runs are taken in groups that need little
    memory, each with a random generator of its own.
    """
    widths = [p.batches.width for p in phases if isinstance(p, SimulatedSteps) and p.batches]
    size = max(_GROUP // (8 * start.size + max(widths, default=0)), 1)
    counts = [min(size, runs - first) for first in range(0, runs, size)]
    parts = []
    for count, source in zip(counts, np.random.SeedSequence(seed).spawn(len(counts)), strict=True):
        group = _Group(curvature, start, minimum, count, measure, floor, levels, exact, marks)
        parts.append(group.follow(phases, np.random.default_rng(source)))
    return Simulated(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class _Group:
    """Runs that are taken together."""

    def __init__(
        self,
        curvature: Array,
        start: Array,
        minimum: Array,
        runs: int,
        measure: Measure,
        floor: float,
        levels: Sequence[float],
        exact: bool,
        marks: Sequence[int],
    ) -> None:
        self.curvature, self.minimum, self.measure = curvature, minimum, measure
        self.floor, self.exact, self.marks = floor, exact, list(marks)
        self.residual = np.repeat(start[None], runs, axis=0)
        self.velocity: Array | None = None
        sought = np.array([*levels] or [-np.inf], dtype=np.float64)
        self.targets = sought - floor
        self.bars = self.targets + np.where(np.isfinite(sought), 4 * _EPS * np.abs(sought), 0.0)
        self.steps, self.time = 0, 0.0
        shape = runs, sought.size
        self.open = np.ones(shape, dtype=bool)
        self.stop_steps, self.stop_time = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        self.last_rate, self.stop_excess = np.full(shape, np.nan), np.zeros(shape)
        self.stop_measured = np.repeat(measure(self.residual)[:, None], sought.size, axis=1)
        self.train_loss: list[Array] = []
        self.measured: list[Array] = []

    def follow(
        self, phases: Sequence[SimulatedSteps | SimulatedFlow], rng: np.random.Generator
    ) -> tuple[Array | npt.NDArray[np.int64], ...]:
        """Run all phases, and return the fields of `Simulated`."""
        excess = self.excess(self.residual)
        self.look()
        low = np.nonzero(self.open & (excess[:, None] <= self.bars))
        self.close(low, self.residual[low[0]])
        for phase in phases:
            if self.is_done:
                break
            if isinstance(phase, SimulatedFlow):
                self.flow(phase.time, phase.weight_decay)
            else:
                self.take(phase, rng)
        reached = ~self.open
        left = np.nonzero(self.open)
        self.close(left, self.residual[left[0]])
        points = len(self.train_loss), self.stop_measured.shape[2]
        runs = self.residual.shape[0]
        return (
            np.array(self.train_loss).reshape(points[0], runs).T,
            np.array(self.measured).reshape(points[0], runs, points[1]).swapaxes(0, 1),
            reached,
            self.stop_steps,
            self.stop_time,
            self.last_rate,
            self.floor + self.stop_excess,
            self.stop_measured,
        )

    @property
    def is_done(self) -> bool:
        """Whether all that is wanted has been seen."""
        return not self.marks and not np.any(self.open)

    def excess(self, residual: Array) -> Array:
        """Return each run's train loss above the floor."""
        return np.asarray(np.einsum("i,kim,kim->k", self.curvature, residual, residual))

    def look(self) -> None:
        """Keep what is wanted after this number of steps."""
        if self.marks and self.marks[0] == self.steps:
            self.marks.pop(0)
            self.train_loss.append(self.floor + self.excess(self.residual))
            self.measured.append(self.measure(self.residual))

    def close(
        self,
        which: Pairs,
        there: Array,
        rates: Array | float = math.nan,
        times: Array | float = 0.0,
    ) -> None:
        """Stop runs at levels, at residuals (pairs, r, m), after times since the phase's start."""
        runs, levels = which
        if not runs.size:
            return
        self.open[runs, levels] = False
        self.stop_steps[runs, levels], self.stop_time[runs, levels] = self.steps, self.time + times
        self.stop_excess[runs, levels] = self.excess(there)
        self.stop_measured[runs, levels] = self.measure(there)
        self.last_rate[runs, levels] = rates

    def take(self, phase: SimulatedSteps, rng: np.random.Generator) -> None:
        """Take the steps of a phase."""
        if not phase.carry_velocity:
            self.velocity = None
        slope = 2 * self.curvature[:, None]
        for lr, momentum in zip(phase.rates.tolist(), phase.momenta.tolist(), strict=True):
            if self.is_done:
                return
            if phase.batches is None:
                gradient = slope * self.residual
            else:
                gradient = phase.batches.gradients(rng, self.residual)
            direction = self.direction(gradient, phase.rule._replace(momentum=momentum))
            after = self.residual - lr * direction
            self.steps += 1
            excess = self.excess(after)
            if not np.all(excess < LARGEST):
                raise ValueError(
                    f"a simulated run diverges: its train loss exceeds float64 at step "
                    f"{self.steps}; take smaller rates, or larger minibatches"
                )
            hits = self.open & (excess[:, None] <= self.bars)
            if np.any(hits):
                self.stop(np.nonzero(hits), direction, lr, after)
            self.residual = after
            self.look()

    def direction(self, gradient: Array, rule: StepRule) -> Array:
        """Return what the optimizer multiplies by the rate, and keep the velocity."""
        if rule.weight_decay and not rule.decoupled:
            gradient = gradient + rule.weight_decay * (self.residual + self.minimum)
        direction, self.velocity = directed(gradient, self.velocity, rule)
        if rule.weight_decay and rule.decoupled:
            direction = direction + rule.weight_decay * (self.residual + self.minimum)
        return direction

    def stop(self, which: Pairs, direction: Array, lr: float, after: Array) -> None:
        """Stop runs at levels that a step ends at or below."""
        runs, levels = which
        excess, targets = self.excess(after[runs]), self.targets[levels]
        short = (excess < targets) & self.exact
        self.close((runs[~short], levels[~short]), after[runs[~short]])
        runs, levels, targets = runs[short], levels[short], targets[short]
        before, d = self.residual[runs], direction[runs]
        fall = 2 * np.einsum("i,kim,kim->k", self.curvature, before, d)
        square, drop = self.excess(d), self.excess(before) - targets
        # as shares of the fall, as its square may underflow
        root = np.sqrt(np.maximum(1 - 4 * (square / fall) * (drop / fall), 0.0))
        rates = np.minimum(2 * (drop / fall) / (1 + root), lr)
        for _ in range(_POLISHES):  # remove the rounding error of the coefficients
            left = fall - 2 * square * rates
            miss = self.excess(before - rates[:, None, None] * d) - targets
            better = rates + miss / np.where(left > 0, left, 1.0)
            rates = np.where(left > 0, np.clip(better, 0.0, lr), rates)
        self.close((runs, levels), before - rates[:, None, None] * d, rates)

    def flow(self, time: float, decay: float) -> None:
        """Flow for a time, and stop runs at the levels that they reach."""
        self.velocity = None
        rates = 2 * self.curvature + decay
        share = np.divide(decay, rates, out=np.zeros_like(rates), where=rates > 0)
        rest = -share[:, None] * self.minimum
        gone = self.residual - rest
        end = rest + shrunk(gone, rates, np.full(gone.shape[0], time))
        runs, levels = np.nonzero(self.open & (self.targets > -np.inf))
        if runs.size:
            excess = self.excess(end)[runs]
            times = flow_times(self.curvature, gone[runs], rest, decay, self.targets[levels], time)
            # rounding may put a crossing behind the end
            times = np.where(
                (excess <= self.bars[levels]) & (time < math.inf), np.minimum(times, time), times
            )
            found = (times <= time) & (times < math.inf)
            runs, levels, times = runs[found], levels[found], times[found]
            self.close((runs, levels), rest + shrunk(gone[runs], rates, times), times=times)
        self.residual = end
        self.time += time
