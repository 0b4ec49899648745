"""Take the steps of a phase, and stop at the levels that they end at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.changing_gaussian_steps import take_changing_gaussian_steps
from isoloss.dynamics.moments.crossings import LARGEST, Crossings, diverged
from isoloss.dynamics.moments.equal_gaussian_steps import take_equal_gaussian_steps
from isoloss.dynamics.moments.equal_steps import take_equal_steps
from isoloss.dynamics.moments.noise import GaussianNoise, GradientNoise
from isoloss.dynamics.moments.repeated_step import repeated
from isoloss.dynamics.moments.state import Moments, StepRule, move, variances
from isoloss.schedules.phases import Nesterov, Steps

__all__ = ["take_steps"]

Floats = npt.NDArray[np.float64]

_STILL = 2.0**-50
_LOOK = 256  # steps between looks whether training is at rest
_FEW = 0.05  # steps per direction up to which one by one is cheaper


def take_steps(
    crossings: Crossings, moments: Moments, phase: Steps, noise: GradientNoise | None
) -> Moments:
    """Take a phase's steps, stop at the levels that they end at, and return the end."""
    if not phase.carry_velocity:
        moments = Moments(moments.mean, covariance=moments.covariance)
    model = crossings.model
    decay = model.own_decay(phase.weight_decay)
    is_certain = noise is None and moments.covariance is None
    moves = moments.velocity is not None or bool(np.any(phase.momentum))
    for lr, first, count in _runs(phase):
        if crossings.all_reached:
            break
        own, is_equal = model.own(lr), isinstance(lr, float)
        if isinstance(noise, GaussianNoise) and not moves:
            if is_equal and count > _FEW * model.curvature.size:
                moments = take_equal_gaussian_steps(crossings, moments, own, count, decay, noise)
                continue
            if not noise.is_full:
                rates = np.full(count, own) if is_equal else own
                moments = take_changing_gaussian_steps(crossings, moments, rates, decay, noise)
                continue
        one_momentum = is_certain and is_equal and isinstance(phase.momentum, float)
        if one_momentum and not phase.momentum:
            moments = take_equal_steps(crossings, moments, own, count, decay)
            continue
        settings = _settings(phase, own, first, count, decay)
        if one_momentum and not crossings.any_open:
            _, rule = next(settings)
            moments = move(moments, rule, model.curvature, model.minimum, None).at(own)
            moments = repeated(moments, rule, own, count - 1, model.curvature, model.minimum)
            moments = crossings.ended(count, moments)
        else:
            alike = count if is_equal and isinstance(phase.momentum, float) else None
            moments = _one_by_one(crossings, moments, settings, noise, alike)
    return moments


def _one_by_one(
    crossings: Crossings,
    moments: Moments,
    settings: Iterator[tuple[float, StepRule]],
    noise: GradientNoise | None,
    alike: int | None,
) -> Moments:
    """Take steps one by one; ``alike`` is their number if all are alike."""
    model = crossings.model
    taken, mark = 0, moments
    for lr, rule in settings:
        spread = None
        if noise is not None:
            spread = noise.covariance(moments.mean * model.residual, moments.covariance)
        line = move(moments, rule, model.curvature, model.minimum, spread)
        moments = line.at(lr)
        taken += 1
        excess = model.excess(moments.mean, moments.covariance)
        if not excess < LARGEST:
            raise diverged(crossings.steps + taken)
        if excess <= crossings.bar:
            crossings.passed(taken, line, lr, moments, excess)
        if crossings.all_reached:
            break  # nobody asks for the end
        if alike is not None and taken % _LOOK == 0:
            if _is_at_rest(mark, moments) and _is_at_rest(line.before, moments):
                taken = alike
                break
            mark = moments
    crossings.steps += taken
    return moments


def _is_at_rest(before: Moments, after: Moments) -> bool:
    """Whether means and variances have kept all but the last bits, as they will from then on."""
    pairs = [(before.mean, after.mean)]
    if before.covariance is not None and after.covariance is not None:
        pairs.append((variances(before.covariance), variances(after.covariance)))
    return all(bool(np.all(np.abs(a - b) <= _STILL * np.abs(a))) for b, a in pairs)


def _runs(phase: Steps) -> Iterator[tuple[Any, int, int]]:
    """Split steps into ``(lr, first, count)``, with one rate or, as an array, a rate for each."""
    first = 0
    for lr, count in phase.runs() if phase.steps else ():
        yield lr, first, count
        first += count


def _settings(
    phase: Steps, lr: Any, first: int, count: int, decay: float
) -> Iterator[tuple[Any, StepRule]]:
    """Yield the rate and the rule of each of some steps; rates are as in ``lr``."""
    nesterov = isinstance(phase, Nesterov)
    for k in range(count):
        momentum = phase.momentum
        yield (
            lr if isinstance(lr, float) else float(lr[k]),
            StepRule(
                momentum if isinstance(momentum, float) else float(momentum[first + k]),
                phase.dampening,
                nesterov,
                decay,
                phase.decoupled,
            ),
        )
