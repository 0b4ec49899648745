"""Starts of the search for a shape's parameters.

K steps multiply the residual by a polynomial of degree K with p(0) = 1 and roots 1/(2η). The best
of all such polynomials solves a linear least-squares problem. If its roots are real and positive,
it is the optimum; otherwise complex pairs are moved to the real axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from isoloss.optimize.constraints import LANDED
from isoloss.optimize.losses import Losses
from isoloss.optimize.objective import Candidate, Objective
from isoloss.optimize.shapes import Shape

__all__ = ["damped_rates", "extended", "starts"]

Floats = npt.NDArray[np.float64]

_RANK = 1e-15
_PERTURBED = 0.2
_PENALTIES = (0.0, 0.1, 1.0, 10.0)


def starts(objective: Objective, shape: Shape) -> Iterator[Candidate]:
    """Yield promising parameters, each also with a random perturbation."""
    constraints = objective.constraints
    random = np.random.default_rng([objective.limits.seed, *shape.counts.astype(int)])
    for kind, rates, time in _guesses(objective, shape):
        u = shape.parameters(rates)
        if shape.reorders and constraints.any:
            u = u[objective.order(np.exp(u))]
        for each in (u, u + _PERTURBED * random.normal(size=u.size)):
            z = np.clip(each, shape.low, shape.high)
            if constraints.lands:
                z = np.clip(_landed(objective, shape, z), shape.low, shape.high)
            z = np.append(z, math.log(time)) if constraints.timed else z
            yield objective.candidate(kind, shape, z)


def extended(objective: Objective, shape: Shape, optima: list[Candidate]) -> Iterator[Candidate]:
    """Yield optima with fewer steps, extended by idle steps, random steps and the best steps."""
    losses = objective.losses
    random = np.random.default_rng([objective.limits.seed, *shape.counts.astype(int), 0])
    largest = math.exp(float(shape.high[0]))
    for place, optimum in enumerate(optima):
        u, time = objective.constraints.split(optimum.z)
        rates, counts = optimum.shape.rates(u), optimum.shape.counts
        more = shape.counts.size - counts.size
        drawn = np.minimum(0.5 / random.choice(losses.gamma[losses.gamma > 0], more), largest)
        best = _best_added(losses, losses.filter(rates, counts, time), more)
        # a step after the one that reaches the level would not be taken
        order = -1 if objective.constraints.lands and shape.reorders else 1
        longer = [np.concatenate([u, shape.padding(u.size)][::order])]
        longer += [
            shape.parameters(np.concatenate([rates, added][::order])) for added in (drawn, best)
        ]
        for number, v in enumerate(longer):
            z = np.append(v, math.log(time)) if objective.constraints.timed else v
            yield objective.candidate(-1 - number - len(longer) * place, shape, z)


def _guesses(objective: Objective, shape: Shape) -> Iterator[tuple[int, Floats, float]]:
    """Yield rates and flow times to start from, each with the number of its kind."""
    goal, top, count = objective.goal, objective.losses.top, shape.counts.size
    largest = math.exp(float(shape.high[0]))
    times = (objective.time * np.geomspace(1e-3, 1, 7) if goal.flow else np.zeros(1)).tolist()
    if shape.reorders:
        for kind, time in enumerate(times):
            for penalty in _PENALTIES if goal.level is not None else _PENALTIES[:1]:
                for rates in _polynomial_rates(objective, count, time, penalty):
                    yield kind, rates, time
    for bottom in np.geomspace(0.5 / largest, top, 20):
        for time in times[::3]:
            yield 10, damped_rates(top, float(bottom), count), time
    for lr in np.geomspace(1e-2 / top, largest, 24):
        yield 11, np.full(count, lr), times[-1]
        if count > 1:
            falling = np.geomspace(lr, 1e-2 * lr, count)
            yield 12, falling, times[-1]
            yield 12, falling[::-1], times[0]
    if goal.flow:
        yield 13, np.zeros(count), times[-1]


def _polynomial_rates(
    objective: Objective, count: int, time: float, penalty: float
) -> Iterator[Floats]:
    """Yield rates near the polynomial, before a flow, of least test loss + penalty · train loss."""
    losses, top = objective.losses, objective.losses.top
    decay = np.exp(-2.0 * losses.gamma * time)
    powers = chebyshev.chebvander(2.0 * losses.gamma / top - 1.0, count - 1)
    basis = (decay * losses.gamma / top)[:, None] * powers
    factor, target = objective.root
    rows, wanted = factor @ basis, -(factor @ decay) - target
    if penalty:
        train = np.sqrt(penalty * losses.weights)
        rows = np.vstack([rows, train[:, None] * basis])
        wanted = np.concatenate([wanted, -train * decay])
    found = np.linalg.lstsq(rows, wanted, rcond=_RANK)[0]
    polynomial = chebyshev.chebadd([1.0], chebyshev.chebmul([0.5, 0.5], found))
    roots = 0.5 * top * (chebyshev.chebroots(polynomial) + 1.0)
    for real in (roots.real, np.abs(roots), roots.real + roots.imag):
        with np.errstate(divide="ignore"):  # rates that are too large are clipped later
            rates = np.where(real > 0, 0.5 / real, np.inf)
        yield np.concatenate([rates, np.zeros(count - rates.size)])


def damped_rates(top: float, bottom: float, count: int) -> Floats:
    """Return the rates of Chebyshev's iteration for curvatures from ``bottom`` to ``top``."""
    angles = (np.arange(count) + 0.5) * np.pi / count
    return np.asarray(1.0 / (top + bottom + (top - bottom) * np.cos(angles)))


def _landed(objective: Objective, shape: Shape, u: Floats) -> Floats:
    """Set the last rate, if it is free, so that its step can be shortened to end at the level."""
    losses, rates = objective.losses, shape.rates(u)
    before = losses.weights * losses.filter(rates[:-1], shape.counts[:-1], 0.0) ** 2
    # the train loss is a quadratic function of the last rate
    shares = losses.gamma / losses.top
    curved, straight = (float(before @ shares**k) for k in (2, 1))
    rest = float(before.sum()) - math.exp(objective.constraints.log_level - LANDED)
    inside = straight**2 - curved * rest
    if rest <= 0 or inside < 0:
        return u
    # training shortens the step; as a whole, let it end as low as it can
    return shape.with_last(u, straight / curved / (2.0 * losses.top))


def _best_added(losses: Losses, h: Floats, more: int) -> Floats:
    """Return rates to add to a filter one by one, each minimizing the quadratic test loss."""
    added = np.zeros(more)
    for i in range(more):
        moved = losses.gamma * h
        slope = float(moved @ (losses.applied(h) + losses.linear))
        curved = float(moved @ losses.applied(moved))
        added[i] = max(slope / (2.0 * curved), 0.0) if curved > 0 else 0.0
        h = h - 2.0 * added[i] * moved
    return added
