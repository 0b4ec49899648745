"""A new kind of phase needs a class and a solver, as the page on building says, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pytest

import isoloss as il
from isoloss.dynamics.filters import log_step
from isoloss.dynamics.solver import Carried, Solver, solvers
from isoloss.dynamics.stops import Directions
from isoloss.schedules.schedule import Phase

GAMMA = np.array([1.0, 0.5, 0.2, 0.05])
START = np.array([1.0, -2.0, 0.5, 3.0])
LAMBDA = np.array([0.5, 1.0, 2.0, 1.0])
PROBLEM = il.Problem.from_spectra(GAMMA, LAMBDA, START)


@dataclass(frozen=True)
class Masked(Phase):
    """Gradient descent that moves only along the directions of a least curvature."""

    lr: float
    count: int
    least: float
    name: ClassVar[str] = "masked"

    @property
    def steps(self) -> int:
        return self.count

    def rate(self, step: int) -> float:
        del step
        return self.lr

    def learning_rates(self) -> npt.NDArray[np.float64]:
        return np.full(self.count, self.lr)

    def scaled(self, factor: float) -> Masked:
        return Masked(self.lr * factor, self.count, self.least / factor)

    def to_dict(self) -> dict[str, Any]:
        return {"lr": self.lr, "count": self.count, "least": self.least}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        return cls(**fields)


@dataclass(frozen=True)
class MaskedSteps(Solver):
    """The solver of `Masked`: the filter 1 - 2ηγ where the mask is open, else 1."""

    phase: Masked

    @property
    def steps(self) -> int:
        return self.phase.steps

    def advance(self, directions: Directions, carried: Carried, first: Any, last: Any) -> Carried:
        xp, gamma = directions.kind.xp, directions.curvature
        lr, least = directions.own(self.phase.lr), self.phase.least * 2.0**-directions.unit
        moved = log_step(xp, float(lr), xp.where(gamma >= least, gamma, 0.0 * gamma))
        count = directions.kind.constant(float(last - first))
        return Carried(carried.filter.then(xp, moved.power(xp, count)))


@pytest.fixture
def registered() -> Iterator[None]:
    Phase.kinds["masked"] = Masked  # as naming the class has done
    solvers.register(Masked, lambda phase: [MaskedSteps(phase)])
    yield
    del Phase.kinds["masked"]


Phase.kinds.pop("masked")  # other tests list all kinds


def loop(phases: list[Any], level: float) -> tuple[int, npt.NDArray[np.float64]]:
    """Train step by step, by the definitions; return the steps and the residual at the stop."""
    delta, count = START.copy(), 0
    for lr, steps, least in phases:
        for _ in range(steps):
            if (GAMMA * delta**2).sum() <= level:
                return count, delta
            delta = np.where(least <= GAMMA, (1 - 2 * lr * GAMMA) * delta, delta)
            count += 1
    return count, delta


@pytest.mark.usefixtures("registered")
class TestANewKindOfPhase:
    schedule = il.Schedule(
        Masked(0.3, 40, 0.3), il.GradientDescent(0.4, 5), Masked(0.7, 60, 0.1), Masked(0.4, 99, 0)
    )
    plain: ClassVar = [(0.3, 40, 0.3), (0.4, 5, 0.0), (0.7, 60, 0.1), (0.4, 99, 0.0)]

    @pytest.mark.parametrize("level", [3.2, 2.0, 0.45, 0.4, 0.05, 0.003, -1.0])
    def test_trains_and_stops_as_a_loop_does(self, level: float) -> None:
        run = il.train(PROBLEM, self.schedule, level, last_step="whole")
        steps, delta = loop(self.plain, level)
        assert run.steps == steps
        assert bool(run.reached) == (level > 0)
        np.testing.assert_allclose(run.residual(), delta, rtol=1e-12)
        np.testing.assert_allclose(run.train_loss, (GAMMA * delta**2).sum(), rtol=1e-12)

    def test_many_levels_and_schedules_in_one_call(self) -> None:
        levels = [2.0, 0.05]
        runs = il.train(PROBLEM, [self.schedule, il.GradientFlow()], levels, last_step="whole")
        for k, level in enumerate(levels):
            assert runs.steps[0, k] == loop(self.plain, level)[0]
        np.testing.assert_array_equal(
            runs.test_loss[1], il.train(PROBLEM, il.GradientFlow(), levels).test_loss
        )

    @pytest.mark.parametrize("points", [7, 500])
    def test_its_path_passes_the_loops_residuals(self, points: int) -> None:
        path = il.train(PROBLEM, self.schedule, 0.003, last_step="whole").path(points)
        delta, states = START.copy(), [START.copy()]
        for lr, steps, least in self.plain:
            for _ in range(steps):
                delta = np.where(least <= GAMMA, (1 - 2 * lr * GAMMA) * delta, delta)
                states.append(delta)
        for step, residual in zip(path.steps, path.residual(), strict=True):
            np.testing.assert_allclose(residual, states[step], rtol=1e-11)
        assert path.steps[-1] == loop(self.plain, 0.003)[0]

    def test_composes_scales_and_is_kept_in_json(self) -> None:
        whole = Masked(0.3, 4, 0.3) + il.GradientFlow()
        assert il.Schedule.from_json(whole.to_json()) == whole
        other = il.Problem.from_spectra(4.0 * GAMMA, LAMBDA, START)
        np.testing.assert_allclose(
            il.train(other, self.schedule.scaled(0.25)).residual(),
            il.train(PROBLEM, self.schedule).residual(),
            rtol=1e-13,
        )


def test_a_phase_without_a_solver_is_refused() -> None:
    class Unsolved(il.GradientFlow):
        pass

    class Alone(Masked):
        pass

    assert il.train(PROBLEM, Unsolved()).time == np.inf  # what a subclass inherits
    solver = solvers.dispatch(object)
    with pytest.raises(TypeError, match="no solver is registered for Alone"):
        list(solver(Alone(0.1, 2, 0.0)))
