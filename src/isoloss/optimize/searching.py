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

from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.optimize.constraints import LANDED, Constraints, Goal, Limits
from isoloss.optimize.objective import Losses
from isoloss.optimize.ordering import calm_order
from isoloss.optimize.shapes import NEGLIGIBLE, Shape
from isoloss.optimize.starts import damped_rates, polynomial_rates
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["search"]

Floats = npt.NDArray[np.float64]

_LONGEST = 4.0  # the flow's time, as a share of the best flow's alone
_TIMES = 1e-6, _LONGEST
_ITERATIONS, _CONSTRAINED, _ROUGH = 1000, 200, 60
_PERTURBED = 0.2
_KEPT = 2  # optima of fewer steps to start from
_SAME = 1e-4  # optima closer than this are one
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
    candidate: _Candidate
    schedule: Schedule


def search(problem: Problem, shapes: list[Shape], goal: Goal, limits: Limits) -> Schedule | None:
    """Return the best schedule found; None if none of them stops at the level.

    The problem is in its own unit, so the schedule is too.
    """
    hunt = _Hunt(problem, goal, limits)
    candidates = _candidates(hunt, shapes)
    if hunt.constraints.timed:  # a flow of next to no time is none
        still = _Hunt(problem, goal._replace(flow=False), limits)
        found = sorted((still.improved(c) for c in _candidates(still, shapes)), key=_merit)
        least = math.log(hunt.time * _TIMES[0])
        candidates += [c._replace(z=np.append(c.z, least)) for c in found[:_KEPT]]
    best = hunt.judged([hunt.improved(candidate) for candidate in candidates])
    if best is not None and hunt.small:
        hunt.exact = True
        best = hunt.judged([hunt.improved(best.candidate)]) or best
    return None if best is None else best.schedule


def _candidates(hunt: _Hunt, shapes: list[Shape]) -> list[_Candidate]:
    if len(shapes) == 1:
        return hunt.candidates(shapes[0])
    # with few parameters each: the two best starts of each
    pool = [c._replace(kind=n) for n, shape in enumerate(shapes) for c in hunt.starts(shape)]
    return _varied(pool, max(hunt.limits.starts, 2 * len(shapes)))


def _varied(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """Choose candidates: the best of each kind in turn, as near ones lead to the same optimum."""
    by_kind: dict[int, list[_Candidate]] = {}
    for candidate in sorted(candidates, key=_merit):
        by_kind.setdefault(candidate.kind, []).append(candidate)
    rounds = itertools.zip_longest(*by_kind.values())
    return list(itertools.islice((c for turn in rounds for c in turn if c is not None), count))


def _merit(candidate: _Candidate) -> tuple[bool, float]:
    return candidate.wrong, candidate.loss


def _apart(first: _Candidate, second: _Candidate | None) -> bool:
    return second is None or first.loss - second.loss > _SAME * abs(second.loss)


def _rungs(steps: int) -> list[int]:
    """Return 1, 2, 3, 4, 6, 8, 12, …, below a number of steps."""
    rungs = sorted({2**k for k in range(60)} | {3 * 2**k for k in range(60)})
    return [count for count in rungs if count < steps]


class _Hunt:
    def __init__(self, problem: Problem, goal: Goal, limits: Limits) -> None:
        self.problem, self.goal, self.limits = problem, goal, limits
        self.losses = losses = Losses(problem._reduced)
        self.small: dict[int, Losses] = {}
        self.exact = False
        self.sign = -1.0 if goal.name == "highest" else 1.0
        self.log_level = -math.inf
        if goal.level is not None:
            self.log_level = math.log(goal.level - float(problem._reduced.floor)) - losses.log_start
        moving = losses.gamma[losses.gamma > 0]
        times = np.geomspace(1e-3 / moving.max(), 10.0 / moving.min(), 100)
        alone = losses.tests(np.exp(-2.0 * losses.gamma * times[:, None]))
        self.time = float(times[np.argmin(alone)])
        if goal.level is not None:
            self.time = losses.flow_time(np.ones_like(losses.gamma), self.log_level)
        self.constraints = Constraints(losses, goal, limits, self.log_level)

    @cached_property
    def root(self) -> tuple[Floats, Floats]:
        """A factor R of the test form, and z with Rᵀz = b."""
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
        """Return what to make small, and its gradient."""
        u, time = self.constraints.split(z)
        rates, by_u = shape.rates(u)
        if self.goal.level is not None and self.goal.flow:
            value = self.losses.value_at(rates, shape.counts, self.log_level)
        else:
            value = self._losses_of(shape).value(rates, shape.counts, time)
        amplified, by_rates = self.losses.amplification(rates, shape.counts)
        beyond = max(amplified - math.log(self.limits.amplification) + _SAFETY, 0.0)
        penalty = self.sign * beyond
        gradient = (value.by_rates + 2.0 * penalty * by_rates) @ by_u
        if self.constraints.timed:
            gradient = np.append(gradient, value.by_time * time)
        loss = self.sign * value.loss + beyond**2
        gradient = self.sign * gradient
        if not math.isfinite(loss) or not np.isfinite(gradient).all():
            return 1e10, np.zeros_like(z)
        return loss, gradient

    def starts(self, shape: Shape) -> list[_Candidate]:
        """Return promising parameters."""
        found = []
        random = np.random.default_rng([self.limits.seed, *shape.counts.astype(int)])
        for kind, rates, time in self._rates(shape):
            u = shape.parameters(rates)
            if shape.reorders and self.constraints.any:
                u = u[self._order(np.exp(u))]
            for each in (u, u + _PERTURBED * random.normal(size=u.size)):
                z = np.clip(self._landed(shape, each), shape.low, shape.high)
                if self.constraints.timed:
                    z = np.append(z, math.log(time))
                found.append(self._rated(_Candidate(kind, False, math.inf, shape, z)))
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
        shares = losses.gamma / losses.top
        curved, straight = (float(before @ shares**k) for k in (2, 1))
        rest = float(before.sum()) - math.exp(self.log_level - LANDED)
        inside = straight**2 - curved * rest
        if rest <= 0 or inside < 0:
            return u
        root = (straight + math.sqrt(inside)) / curved
        return np.append(u[:-1], math.log(root) - math.log(2.0 * losses.top))

    def candidates(self, shape: Shape) -> list[_Candidate]:
        """Return starts: what fewer steps come to, and as many promising ones as were asked for."""
        reached: list[_Candidate] = []
        starts = self.limits.starts
        plain = self.goal.level is None and not self.goal.flow
        on_rung = starts if plain else -(-starts // 3)  # the others cost more, and gain less
        for count in _rungs(shape.counts.size):
            rung = shape.resized(count)
            if rung is not None:
                chosen = self._extended(rung, reached)
                chosen += _varied(self.starts(rung), on_rung)
                found = sorted((self.improved(c, _ROUGH) for c in chosen), key=_merit)
                reached = [c for c, d in zip(found, [None, *found], strict=False) if _apart(c, d)]
        return self._extended(shape, reached) + _varied(self.starts(shape), starts)

    def _extended(self, shape: Shape, reached: list[_Candidate]) -> list[_Candidate]:
        """Return parameters for more steps: with none of them, random ones, and the best next."""
        found = []
        random = np.random.default_rng([self.limits.seed, *shape.counts.astype(int), 0])
        for place, below in enumerate(reached[:_KEPT]):
            u, time = self.constraints.split(below.z)
            more = shape.counts.size - below.shape.counts.size
            rates = below.shape.rates(u)[0]
            largest = math.exp(float(shape.high[0]))
            gamma = random.choice(self.losses.gamma[self.losses.gamma > 0], more)
            drawn = np.minimum(0.5 / gamma, largest)
            best = self._best_added(rates, below.shape.counts, time, more)
            added = [shape.parameters(np.concatenate([rates, extra])) for extra in (drawn, best)]
            added.insert(0, np.concatenate([u, shape.padding(u.size)]))
            for number, v in enumerate(added):
                z = np.append(v, math.log(time)) if self.constraints.timed else v
                kind = -1 - number - len(added) * place
                found.append(self._rated(_Candidate(kind, False, -math.inf, shape, z)))
        return found

    def _rated(self, candidate: _Candidate) -> _Candidate:
        excess = self.constraints.excess(candidate.shape, candidate.z)
        loss = self.value(candidate.shape, candidate.z)[0] + excess
        return candidate._replace(wrong=excess > _WRONG, loss=loss)

    def _best_added(self, rates: Floats, counts: Floats, time: float, more: int) -> Floats:
        """Return rates to add one by one, each the best there; the test loss is quadratic in it."""
        losses, added = self.losses, np.zeros(0)
        h = losses.filter(rates, counts, time)
        for _ in range(more):
            moved = losses.gamma * h
            slope = float(moved @ (losses.applied(h) + losses.linear))
            curved = float(moved @ losses.applied(moved))
            lr = max(slope / (2.0 * curved), 0.0) if curved > 0 else 0.0
            h, added = h - 2.0 * lr * moved, np.append(added, lr)
        return added

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
                    for rates in polynomial_rates(
                        self.losses, self.root, count, float(time), penalty
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

    def improved(self, start: _Candidate, most: int = _ITERATIONS) -> _Candidate:
        """Return what an optimizer makes of a start."""
        shape = start.shape
        bounds = list(zip(shape.low, shape.high, strict=True))
        if self.constraints.timed:
            bounds.append((math.log(self.time * _TIMES[0]), math.log(self.time * _TIMES[1])))
        constraints = self.constraints.for_scipy(shape)
        most = min(most, _CONSTRAINED) if constraints else most
        from scipy.optimize import minimize  # slow to import

        # SciPy's stubs know no gradient beside the value under constraints
        minimizer: Any = minimize
        found = minimizer(
            lambda z: self.value(shape, z),
            start.z,
            jac=True,
            bounds=bounds,
            method="SLSQP" if constraints else "L-BFGS-B",
            constraints=constraints,
            options={"maxiter": most, "ftol": 1e-13},
        )
        low, high = np.array(bounds).T
        new = self._rated(start._replace(z=np.clip(found.x, low, high)))
        return min(start, new, key=_merit)

    def judged(self, candidates: list[_Candidate]) -> _Found | None:
        """Return the best of candidates that keep the limits and stop where they should."""
        for candidate in sorted(candidates, key=_merit):
            if self._keeps_limits(candidate):
                for least in (NEGLIGIBLE / float(self.losses.gamma.max()), 0.0):
                    schedule = self._schedule(candidate, least)
                    run = train(self.problem, schedule, self.goal.level)
                    if self._stops_well(run):
                        return _Found(candidate, schedule)
        return None

    def _keeps_limits(self, candidate: _Candidate) -> bool:
        shape = candidate.shape
        rates, _ = shape.rates(self.constraints.split(candidate.z)[0])
        amplified, _ = self.losses.amplification(rates, shape.counts)
        if amplified > math.log(self.limits.amplification) + 1e-9:
            return False
        if self.limits.growth is None:
            return True
        logs, _ = self.constraints.path(shape, candidate.z)
        return bool((logs <= 2.0 * math.log(self.limits.growth) + 1e-9).all())

    def _schedule(self, candidate: _Candidate, least: float) -> Schedule:
        u, time = self.constraints.split(candidate.z)
        schedule = candidate.shape.schedule(u, least)
        if candidate.shape.reorders and schedule.steps and not self.constraints.any:
            rates = schedule.learning_rates()
            schedule = Schedule(GradientDescent(rates[self._order(rates)]))
        if not self.goal.flow:
            return schedule
        if not self.constraints.timed:
            return schedule + GradientFlow()
        least = 1.01 * self.time * _TIMES[0]
        return schedule + GradientFlow(time) if time > least else schedule

    def _stops_well(self, run: Run) -> bool:
        """Whether a run ends at the level: in its flow, or with its last step, not far below."""
        if self.goal.level is None:
            return True
        floor = float(self.problem._reduced.floor)
        close = float(run.train_loss) - floor >= (self.goal.level - floor) * (1 - 1e-6)
        whole = self.goal.flow or int(run.steps) == run.schedule.steps
        return bool(run.reached) and whole and close
