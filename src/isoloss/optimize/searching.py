"""Search for the best parameters of a family: SciPy improves each of many starts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from isoloss.optimize.constraints import Goal, Limits
from isoloss.optimize.judging import judged
from isoloss.optimize.objective import Candidate, Objective
from isoloss.optimize.shapes import Shape
from isoloss.optimize.starts import extended, starts
from isoloss.problems.problem import Problem
from isoloss.schedules.schedule import Schedule

__all__ = ["search"]

_ITERATIONS, _CONSTRAINED, _ROUGH = 1000, 200, 60
_KEPT = 2  # optima with fewer steps to start from
_SAME = 1e-4  # optima closer than this count as one


def search(problem: Problem, shapes: list[Shape], goal: Goal, limits: Limits) -> Schedule | None:
    """Return the best schedule found, or None if no candidate stops at the level.

    The problem is in its own unit, so the schedule is too.
    """
    objective = Objective(problem, goal, limits, exact=False)
    candidates = _candidates(objective, shapes)
    if objective.constraints.timed:  # the shortest flow stands for no flow
        steps = Objective(problem, goal._replace(flow=False), limits, exact=False)
        found = _improved_all(steps, _candidates(steps, shapes))
        least = math.log(objective.shortest)
        candidates += [c._replace(z=np.append(c.z, least)) for c in found[:_KEPT]]
    best = judged(objective, _improved_all(objective, candidates))
    if best is not None and goal.level is None:  # compressed losses are less accurate
        exact = Objective(problem, goal, limits, exact=True)
        best = judged(exact, [_improved(exact, best[0])]) or best
    return None if best is None else best[1]


def _candidates(objective: Objective, shapes: list[Shape]) -> list[Candidate]:
    """Return starts: optima with fewer steps, and the requested number of promising starts."""
    count = objective.limits.starts
    if len(shapes) > 1:  # shapes with few parameters need only their best starts
        pool = (c._replace(kind=n) for n, s in enumerate(shapes) for c in starts(objective, s))
        return _varied(pool, max(count, 2 * len(shapes)))
    (shape,) = shapes
    plain = objective.goal.level is None and not objective.goal.flow
    each = count if plain else -(-count // 3)  # otherwise starts cost more and gain less
    optima: list[Candidate] = []
    for steps in sorted({2**k for k in range(60)} | {3 * 2**k for k in range(60)}):
        rung = shape.resized(steps) if steps < shape.counts.size else None
        if rung is not None:
            tried = [*extended(objective, rung, optima), *_varied(starts(objective, rung), each)]
            found = _improved_all(objective, tried, _ROUGH)
            pairs = itertools.pairwise(found)
            apart = [c for d, c in pairs if c.loss - d.loss > _SAME * abs(d.loss)]
            optima = [*found[:1], *apart][:_KEPT]
    return [*extended(objective, shape, optima), *_varied(starts(objective, shape), count)]


def _varied(candidates: Iterable[Candidate], count: int) -> list[Candidate]:
    """Choose the best of each kind in turn, as similar candidates lead to the same optimum."""
    by_kind: dict[int, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda c: c.merit):
        by_kind.setdefault(candidate.kind, []).append(candidate)
    rounds = itertools.zip_longest(*by_kind.values())
    return list(itertools.islice((c for turn in rounds for c in turn if c is not None), count))


def _improved_all(
    objective: Objective, candidates: Iterable[Candidate], most: int = _ITERATIONS
) -> list[Candidate]:
    """Improve each candidate with the optimizer, and return the results, best first."""
    return sorted((_improved(objective, c, most) for c in candidates), key=lambda c: c.merit)


def _improved(objective: Objective, start: Candidate, most: int = _ITERATIONS) -> Candidate:
    """Return the local optimum that SciPy finds from a start, or the start if that is better."""
    from scipy.optimize import minimize  # slow to import

    shape, bounds = start.shape, objective.bounds(start.shape)
    constraints = objective.constraints.for_scipy(shape)
    # SciPy's stubs do not allow a function that returns value and gradient with constraints
    minimizer: Any = minimize
    found = minimizer(
        lambda z: objective.value(shape, z),
        start.z,
        jac=True,
        bounds=bounds,
        method="SLSQP" if constraints else "L-BFGS-B",
        constraints=constraints,
        options={"maxiter": min(most, _CONSTRAINED) if constraints else most, "ftol": 1e-13},
    )
    low, high = np.array(bounds).T
    new = objective.candidate(start.kind, shape, np.clip(found.x, low, high))
    return min(start, new, key=lambda c: c.merit)
