"""Schedules that attain an end of the band; by a theorem, every point of it is reachable."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from isoloss.levels.free_filters import distinct
from isoloss.levels.grid import between
from isoloss.levels.reachable import reachable_band
from isoloss.problems.problem import Problem, reduced_of
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import scaled
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["attaining_schedule"]

Floats = npt.NDArray[np.float64]

_MARGIN = 1.01  # how far above the level the train loss stays before the flow
_FLOWN = 1.1  # the train loss, over the level, where the flow starts from the wanted filter
_NOTHING = 1e-13  # smaller filter values, relative to the largest, count as 0
_MINIMISERS = 1e-9  # largest test loss at a shared minimum, as a share of the start's
_MAX_NEWTON = 100
_LARGEST_PUSH = 1e12
_REMOVED = 1e-6  # factors of an enlarging step below this would remove a direction


def attaining_schedule(
    problem: Problem, train_loss: float, end: Literal["lowest", "highest"] = "lowest"
) -> Schedule:
    """Build a schedule that attains an end of the band of test losses at a train loss.

    A step at rate 1/(2γ) removes the residual along the directions of curvature γ. So if the
    extreme residual lies along a single curvature, as in eq. (3) and (4) of the paper, at most
    d - 1 steps remove the other directions. If too little would remain, one large step among them
    enlarges the residual. Flow then brings the train loss to the level. In general each step
    leaves a small share x of its direction, η = (1 - x)/(2γ); Newton's method finds the shares
    from d equations, after an enlarging step that is as small as they allow.

    Steps go from high to low curvature, so that each shrinks what later steps must remove. The
    enlarging step comes as late as possible while the train loss stays above the level.

    Parameters
    ----------
    problem : Problem
        One problem (no batch) with one output, whose train and test loss share their minimiser.
    train_loss : float
        The level: above the smallest train loss and below the start's.
    end : {"lowest", "highest"}, default: "lowest"
        The end of `reachable_band` to attain.

    Returns
    -------
    Schedule
        At most d gradient-descent steps for d curvatures (in general d + 1), then flow.

    Raises
    ------
    ValueError
        If the problem is not of this kind, or the level is out of range.

    Examples
    --------
    The paper's example: one step at 1/(2γ₂) removes the second direction.

    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> schedule = il.attaining_schedule(problem, 0.1)
    >>> schedule
    Schedule(GradientDescent([1.5]), GradientFlow())
    >>> print(il.train(problem, schedule, 0.1).test_loss.round(12), il.level_band(problem, 0.1))
    0.075 Band(train_loss=0.1, lowest=0.075, highest=0.15)
    """
    _check(problem, train_loss, end)
    own, units = problem._reduced.own_unit(), problem._reduced.units
    excess = scaled(float(train_loss), -units.train) - float(own.floor)
    band = reachable_band(problem, train_loss)
    wanted = band.lowest_filter if end == "lowest" else band.highest_filter
    gamma, weights, target = _grouped(own, np.asarray(wanted, dtype=float))
    kept = np.abs(target) > _NOTHING * np.abs(target).max()
    if kept.sum() == 1:
        rates = _single(gamma, weights, int(np.argmax(kept)), excess)
    else:
        rates = _several(gamma, weights, np.where(kept, target, 0.0), excess)
    rates = scaled(rates, -units.curvature)
    steps = (GradientDescent(rates),) if rates.size else ()
    return Schedule(*steps, GradientFlow())


def _check(problem: Problem, train_loss: float, end: str) -> None:
    reduced = reduced_of(problem)
    if end not in ("lowest", "highest"):
        raise ValueError(f'end must be "lowest" or "highest"; got {end!r}')
    if reduced.gamma.ndim != 1 or reduced.start_residual.shape[-1] != 1:
        raise ValueError(f"attaining_schedule needs one problem with one output; got {problem!r}")
    if not isinstance(reduced.test, DiagonalTest):
        rest, unit = reduced.test.about_minimum()[2], reduced.test.exponent
        if rest > _MINIMISERS * float(reduced.own_unit().start_test_loss):
            raise ValueError(
                "attaining_schedule needs train and test loss to share their minimiser; at the "
                f"train minimum the test loss is {scaled(rest, unit):g} above its noise"
            )
    between("train_loss", problem, train_loss)


def _grouped(problem: Reduced, wanted: Floats) -> tuple[Floats, Floats, Floats]:
    """Return distinct curvatures (descending), their weights, and their wanted filter values."""
    gamma = np.asarray(problem.gamma, dtype=float)
    weights = np.exp(np.asarray(problem.log_weights, dtype=float))
    moves = weights > 0
    gamma, weights, wanted = gamma[moves], weights[moves], wanted[moves]
    members = distinct(np, gamma)
    first = members.argmax(axis=0)
    order = np.argsort(-gamma[first])
    return gamma[first][order], (weights @ members)[order], wanted[first][order]


def _single(gamma: Floats, weights: Floats, kept: int, excess: float) -> Floats:
    """Return steps that leave residual along one curvature only, with the loss above the level."""
    others = np.delete(gamma, kept)
    rates = 0.5 / others
    least = math.log(_MARGIN * excess)
    for place in range(rates.size, -1, -1):
        # try the smallest enlarging step at this place that keeps the loss above the level
        losses = _log_losses(gamma, weights, rates)
        if losses.min(initial=np.inf) > least:
            return rates
        factor = _push(gamma, weights, rates, place, kept, least)
        if factor is not None:
            return np.insert(rates, place, (1.0 + factor) / (2.0 * gamma[kept]))
    raise AssertionError("an enlarging first step always keeps the train loss up")


def _push(
    gamma: Floats, weights: Floats, rates: Floats, place: int, kept: int, least: float
) -> float | None:
    """Return the factor by which a step at ``place`` must enlarge the kept residual, or None."""
    before = _log_losses(gamma, weights, rates[:place])
    if before.min(initial=np.inf) <= least:
        return None
    # the kept direction alone must stay above the level after every later step
    path = _log_filters(gamma, rates)[place:, kept]
    start = _log_filters(gamma, rates[:place])[-1, kept] if place else 0.0
    lowest = min(start, path.min(initial=np.inf))
    return math.exp(0.5 * (least - math.log(weights[kept])) - lowest)


def _several(gamma: Floats, weights: Floats, target: Floats, excess: float) -> Floats:
    """Return steps that reach a filter in every direction, except for a final flow."""
    flown = math.log(_FLOWN) / (4.0 * gamma[0])
    wanted = target * np.exp(2.0 * gamma * flown)
    least = math.log(min(_MARGIN, 0.5 * (1.0 + _FLOWN)) * excess)
    push = 0.0
    while push < _LARGEST_PUSH:
        enlarged = 1.0 - push * gamma
        removes = np.abs(enlarged).min() < _REMOVED
        rests = None if removes else _rests(gamma, wanted / enlarged)
        if rests is not None:
            rates = (1.0 - rests) / (2.0 * gamma)
            for place in range(rates.size if push else 0, -1, -1):
                ordered = np.insert(rates, place, push / 2.0) if push else rates
                if _log_losses(gamma, weights, ordered)[:-1].min(initial=np.inf) > least:
                    return ordered
        push = 1.5 * push if push else 1.5 / gamma[0]
    raise ValueError(
        "the curvatures are too close to each other for a schedule in float64; "
        f"the closest differ by {np.min(-np.diff(gamma) / gamma[1:]):.3g} of their size"
    )


def _rests(gamma: Floats, wanted: Floats) -> Floats | None:
    """Solve x_i Π_{j≠i} (1 - (1 - x_j)γ_i/γ_j) = wanted_i for |x_i| ≤ 1; None if that fails."""
    ratio = gamma[:, None] / gamma[None, :]
    x = np.zeros_like(gamma)
    own = np.eye(gamma.size, dtype=bool)
    for _ in range(_MAX_NEWTON):
        factors = np.where(own, x[:, None], 1.0 - (1.0 - x) * ratio)
        miss = factors.prod(axis=1) - wanted
        slopes = np.empty_like(ratio)
        for j in range(gamma.size):
            slopes[:, j] = np.delete(factors, j, axis=1).prod(axis=1)
        slopes *= np.where(own, 1.0, ratio)
        try:
            move = np.linalg.solve(slopes, -miss)
        except np.linalg.LinAlgError:
            return None
        x = x + move
        if not (np.abs(x) <= 1).all():
            return None
        if np.abs(move).max() <= 1e-15:
            return x
    return x if np.abs(move).max() <= 1e-13 else None


def _log_filters(gamma: Floats, rates: Floats) -> Floats:
    """Return log |h| after each step, (steps, d)."""
    with np.errstate(divide="ignore"):
        return np.cumsum(np.log(np.abs(1.0 - 2.0 * rates[:, None] * gamma)), axis=0)


def _log_losses(gamma: Floats, weights: Floats, rates: Floats) -> Floats:
    """Return the log of the excess train loss after each step."""
    logs = np.log(weights) + 2.0 * _log_filters(gamma, rates)
    return np.asarray(np.logaddexp.reduce(logs, axis=1))
