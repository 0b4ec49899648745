"""The search for the best parameters of a family: starts, optimizers, and the last word by train.

For the goal "best" with flow, the log of the flow's time is one more parameter.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.designing.constraints import LANDED, Constraints, Goal, Limits
from isoloss.designing.objective import Losses
from isoloss.designing.ordering import calm_order
from isoloss.designing.shapes import NEGLIGIBLE, Shape
from isoloss.designing.starts import damped_rates, polynomial_rates
from isoloss.phases import GradientDescent, GradientFlow
from isoloss.problem import Problem
from isoloss.run import Run
from isoloss.schedule import Schedule
from isoloss.training import train

__all__ = ["search"]

Floats = npt.NDArray[np.float64]

_LONGEST = 4.0  # the flow's time, as a share of the best flow's alone
_TIMES = 1e-6, _LONGEST
_ITERATIONS, _CONSTRAINED = 1000, 200
_PERTURBED = 0.2
_LOW = 0.6  # of the curvatures: filters of a lower degree are looked at in small form
_SAFETY = 0.5  # nats below the largest amplification, from where on it costs
_WRONG = 1e-3  # starts that break the limits by more come last
_PENALTIES = (0.0, 0.1, 1.0, 10.0)


class _Candidate(NamedTuple):
    kind: int
    wrong: bool
    loss: float
    shape: Shape
    z: Floats


class _Found(NamedTuple):
    loss: float
    shape: Shape
    z: Floats
    schedule: Schedule
    run: Run


def search(
    problem: Problem, shapes: list[Shape], goal: Goal, limits: Limits
) -> tuple[Schedule, Run] | None:
    """Return the best schedule found and its run; None if none of them stops at the level."""
    hunt = _Hunt(problem, goal, limits)
    found = _best(hunt, shapes, limits.starts)
    if found is not None and hunt.small:
        hunt.exact = True
        polished = hunt.judged(found.shape, hunt.improved(found.shape, found.z))
        if polished is not None and polished.loss < found.loss:
            found = polished
    return None if found is None else (found.schedule, found.run)


def _best(hunt: _Hunt, shapes: list[Shape], starts: int) -> _Found | None:
    candidates = [c for shape in shapes for c in hunt.starts(shape)]
    for shape in shapes:
        half = shape.half()
        # what fewer steps reach, more of them must reach as well
        reached = None if half is None else _best(hunt, [half], max(starts // 2, 1))
        if reached is not None:
            candidates.append(hunt.extended(shape, reached))
    best: _Found | None = None
    if len(shapes) > 1:  # with few parameters each: one of every number of steps
        numbers = {id(shape): number for number, shape in enumerate(shapes)}
        candidates = [c._replace(kind=numbers[id(c.shape)]) for c in candidates]
    for candidate in _varied(candidates, max(starts, len(shapes))):
        for z in (candidate.z, hunt.improved(candidate.shape, candidate.z)):
            found = hunt.judged(candidate.shape, z)
            if found is not None and (best is None or found.loss < best.loss):
                best = found
    return best


def _varied(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """Choose candidates: the best of each kind in turn, as near ones lead to the same optimum."""
    by_kind: dict[int, list[_Candidate]] = {}
    for candidate in sorted(candidates, key=lambda c: (c.wrong, c.loss)):
        by_kind.setdefault(candidate.kind, []).append(candidate)
    rounds = itertools.zip_longest(*by_kind.values())
    return list(itertools.islice((c for turn in rounds for c in turn if c is not None), count))


class _Hunt:
    def __init__(self, problem: Problem, goal: Goal, limits: Limits) -> None:
        self.problem, self.goal, self.limits = problem, goal, limits
        self.losses = losses = Losses(problem)
        self.small: dict[int, Losses] = {}
        self.exact = False
        self.sign = -1.0 if goal.name == "highest" else 1.0
        self.scale = float(losses.tests(np.ones_like(losses.gamma)))
        self.scale = self.scale if self.scale > 0 else 1.0
        self.random = np.random.default_rng(limits.seed)
        self.log_level = -math.inf
        if goal.level is not None:
            self.log_level = math.log(goal.level - float(problem.floor)) - losses.log_start
        moving = losses.gamma[losses.gamma > 0]
        times = np.geomspace(1e-3 / moving.max(), 10.0 / moving.min(), 100)
        alone = losses.tests(np.exp(-2.0 * losses.gamma * times[:, None]))
        self.time = float(times[np.argmin(alone)])
        if goal.level is not None:
            self.time = losses.flow_time(np.ones_like(losses.gamma), self.log_level)
        self.constraints = Constraints(losses, goal, limits, self.log_level)

    @cached_property
    def root(self) -> Floats:
        """A factor of the test form."""
        return self.losses.root()

    def _losses_of(self, shape: Shape) -> Losses:
        """Return the losses, in small form where filters are polynomials of low degree."""
        if self.goal.level is not None or self.exact:
            return self.losses
        degree = int(min(shape.counts.sum(), self.losses.gamma.size))
        if self.goal.flow:  # so many terms give the flow's exponential to the last digit
            spread = float(self.losses.gamma.max()) * self.time * _LONGEST
            degree += math.ceil(math.sqrt(80.0 * spread))
        if degree not in self.small:
            low = degree < _LOW * self.losses.gamma.size
            self.small[degree] = self.losses.compressed(degree) if low else self.losses
        return self.small[degree]

    def value(self, shape: Shape, z: Floats) -> tuple[float, Floats]:
        """Return the scaled objective and its gradient."""
        u, time = self.constraints.split(z)
        rates, by_u = shape.rates(u)
        if self.goal.level is not None and self.goal.flow:
            value = self.losses.value_at(rates, shape.counts, self.log_level)
        else:
            value = self._losses_of(shape).value(rates, shape.counts, time)
        amplified, by_rates = self.losses.amplification(rates, shape.counts)
        beyond = max(amplified - math.log(self.limits.amplification) + _SAFETY, 0.0)
        penalty = self.sign * self.scale * beyond
        gradient = (value.by_rates + 2.0 * penalty * by_rates) @ by_u
        if self.constraints.timed:
            gradient = np.append(gradient, value.by_time * time)
        loss = self.sign * value.loss / self.scale + beyond**2
        gradient = self.sign * gradient / self.scale
        if not math.isfinite(loss) or not np.isfinite(gradient).all():
            return 1e10, np.zeros_like(z)
        return loss, gradient

    def starts(self, shape: Shape) -> list[_Candidate]:
        """Return promising parameters."""
        found = []
        for kind, rates, time in self._rates(shape):
            u = shape.parameters(rates)
            if shape.reorders:
                u = u[self._order(np.exp(u))]
            for each in (u, u + _PERTURBED * self.random.normal(size=u.size)):
                z = np.clip(self._landed(shape, each), shape.low, shape.high)
                if self.constraints.timed:
                    z = np.append(z, math.log(time))
                excess = self.constraints.excess(shape, z)
                loss = self.value(shape, z)[0] + excess
                found.append(_Candidate(kind, excess > _WRONG, loss, shape, z))
        return found

    def _order(self, rates: Floats) -> npt.NDArray[np.intp]:
        """Return the order in which to take free rates; under a limit, they rise."""
        if self.limits.growth is not None:
            return np.argsort(rates)
        return calm_order(self.losses.gamma, rates)

    def _landed(self, shape: Shape, u: Floats) -> Floats:
        """Set the last of free rates so that steps without flow end at the level, if one does."""
        if self.goal.level is None or self.goal.flow or not shape.reorders:
            return u
        losses = self.losses
        before = losses.weights * losses.filter(np.exp(u[:-1]), shape.counts[:-1], 0.0) ** 2
        # the train loss is a quadratic function of the last rate
        curved, straight = (float(before @ losses.gamma**k) for k in (2, 1))
        rest = float(before.sum()) - math.exp(self.log_level - LANDED)
        inside = straight**2 - curved * rest
        if rest <= 0 or inside < 0:
            return u
        return np.append(u[:-1], math.log((straight + math.sqrt(inside)) / (2.0 * curved)))

    def extended(self, shape: Shape, found: _Found) -> _Candidate:
        """Return what fewer steps came to as parameters of a shape with more."""
        u, time = self.constraints.split(found.z)
        z = np.concatenate([u, shape.padding(u.size)])
        if self.constraints.timed:
            z = np.append(z, math.log(time))
        return _Candidate(-1, False, -math.inf, shape, z)

    def _rates(self, shape: Shape) -> Iterator[tuple[int, Floats, float]]:
        """Yield rates and flow times to start from, each with a number for its kind."""
        gamma = self.losses.gamma
        top, count = float(gamma.max()), shape.counts.size
        largest = math.exp(float(shape.high[0]))
        times = self.time * np.geomspace(1e-3, 1, 7) if self.goal.flow else np.zeros(1)
        if shape.reorders:
            penalties = _PENALTIES if self.goal.level is not None else _PENALTIES[:1]
            for kind, time in enumerate(times):
                for penalty in penalties:
                    weight = penalty * self.scale
                    for rates in polynomial_rates(
                        self.losses, self.root, count, float(time), weight
                    ):
                        yield kind, rates, float(time)
        for bottom in np.geomspace(0.5 / largest, top, 20):
            for time in times[::3]:
                yield 10, damped_rates(top, float(bottom), count), float(time)
        for lr in np.geomspace(1e-2 / top, largest, 24):
            yield 11, np.full(count, lr), float(times[-1])
            if count > 1:
                falling = np.geomspace(lr, 1e-2 * lr, count)
                yield 12, falling, float(times[-1])
                yield 12, falling[::-1], float(times[0])
        if self.goal.flow:
            yield 13, np.zeros(count), float(times[-1])

    def improved(self, shape: Shape, start: Floats) -> Floats:
        """Return the parameters to which an optimizer brings a start."""
        bounds = list(zip(shape.low, shape.high, strict=True))
        if self.constraints.timed:
            bounds.append((math.log(self.time * _TIMES[0]), math.log(self.time * _TIMES[1])))
        constraints = self.constraints.for_scipy(shape)
        from scipy.optimize import minimize  # slow to import

        # SciPy's stubs know no gradient beside the value under constraints
        minimizer: Any = minimize
        found = minimizer(
            lambda z: self.value(shape, z),
            start,
            jac=True,
            bounds=bounds,
            method="SLSQP" if constraints else "L-BFGS-B",
            constraints=constraints,
            options={"maxiter": _CONSTRAINED if constraints else _ITERATIONS, "ftol": 1e-13},
        )
        low, high = np.array(bounds).T
        return np.asarray(np.clip(found.x, low, high))

    def judged(self, shape: Shape, z: Floats) -> _Found | None:
        """Return what parameters come to, if they keep the limits and stop where they should."""
        u, time = self.constraints.split(z)
        amplified, _ = self.losses.amplification(shape.rates(u)[0], shape.counts)
        if amplified > math.log(self.limits.amplification) + 1e-9:
            return None
        if self.limits.growth is not None:
            logs, _ = self.constraints.path(shape, z)
            if (logs > 2.0 * math.log(self.limits.growth) + 1e-9).any():
                return None
        for least in (NEGLIGIBLE / float(self.losses.gamma.max()), 0.0):
            schedule = shape.schedule(u, least)
            if shape.reorders and self.goal.level is None and self.limits.growth is None:
                rates = schedule.learning_rates()
                schedule = Schedule(GradientDescent(rates[self._order(rates)]))
            if self.goal.flow:
                schedule += GradientFlow(time) if self.constraints.timed else GradientFlow()
            run = train(self.problem, schedule, self.goal.level)
            if self._stops_well(run):
                return _Found(self.sign * float(run.test_loss), shape, z, schedule, run)
        return None

    def _stops_well(self, run: Run) -> bool:
        """Whether a run ends at the level: in its flow, or with its last step, not far below."""
        if self.goal.level is None:
            return True
        floor = float(self.problem.floor)
        close = float(run.train_loss) - floor >= (self.goal.level - floor) * (1 - 1e-6)
        whole = self.goal.flow or int(run.steps) == run.schedule.steps
        return bool(run.reached) and whole and close
