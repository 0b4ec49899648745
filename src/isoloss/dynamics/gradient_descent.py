"""Solve gradient descent: equal rates in closed form, changing rates block by block."""

from __future__ import annotations

from collections.abc import Iterator

from isoloss.dynamics.changing_rates import ChangingRates
from isoloss.dynamics.equal_steps import EqualSteps
from isoloss.dynamics.solver import Solver, runs_of, solvers
from isoloss.schedules.phases import GradientDescent

__all__: list[str] = []


@solvers.register
def _parts(phase: GradientDescent) -> Iterator[Solver]:
    for lr, steps in runs_of(phase):
        yield EqualSteps(lr, steps) if isinstance(lr, float) else ChangingRates(lr)
