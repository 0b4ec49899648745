"""Named families of learning rates: each function returns a schedule of one gradient-descent phase.

They compose, as the example below shows. Of K steps, step
t = 0, …, K-1 takes the rate that the PyTorch or Optax schedule named in the docstring would have
set at optimizer step t. The end value of a warm-up or decay is therefore the rate that step K
*would* take, the first one after it. All raise ``TypeError`` if a count is not an integer or
another argument not a single number, and ``ValueError`` if one is out of range.

>>> (warmup(0.5, 2) + constant(0.5, 3) + decay(0.5, 2)).learning_rates()
array([0.  , 0.25, 0.5 , 0.5 , 0.5 , 0.5 , 0.25])
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Literal, SupportsIndex

import numpy as np
import numpy.typing as npt

from isoloss._checks import quiet
from isoloss.phases import GradientDescent
from isoloss.phases import anneal as annealed
from isoloss.schedule import Schedule

__all__ = [
    "annealed",
    "constant",
    "cosine",
    "cyclic",
    "decay",
    "exponential",
    "inverse_time",
    "one_cycle",
    "polynomial",
    "step_decay",
    "warmup",
    "warmup_stable_decay",
]

Floats = npt.NDArray[np.float64]
Shape = Literal["linear", "cosine", "1-sqrt"]


def constant(lr: float, steps: int) -> Schedule:
    """Return one rate for all steps: η_t = lr. Plain SGD; Optax's ``constant_schedule``.

    Parameters
    ----------
    lr : float
        The rate, at least 0.
    steps : int
        The number of steps K, at least 0; 0 gives an empty phase, here and below.

    Returns
    -------
    Schedule
        One phase of K steps.

    Examples
    --------
    >>> constant(0.1, 100)
    Schedule(GradientDescent(0.1, steps=100))
    """
    return Schedule(GradientDescent(_number("lr", lr), steps))


def step_decay(lr: float, steps: int, every: int, factor: float = 0.1) -> Schedule:
    """Multiply the rate by a factor every few steps: η_t = lr · factor^⌊t/every⌋.

    He et al. (2016), Deep residual learning. PyTorch's ``StepLR``; Optax's ``exponential_decay``
    with ``staircase=True``.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps.
    every : int
        The number of steps at each rate, at least 1.
    factor : float, default: 0.1
        Above 0; above 1 the rates grow.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If the rates grow beyond what a float holds.

    Examples
    --------
    >>> step_decay(1.0, 5, every=2, factor=0.5)
    Schedule(GradientDescent([1.0, 1.0, 0.5, 0.5, 0.25]))
    """
    powers = np.arange(_count("steps", steps)) // _count("every", every, least=1)
    return _geometric(lr, factor, powers)


def exponential(lr: float, steps: int, factor: float) -> Schedule:
    """Multiply the rate by a factor after each step: η_t = lr · factor^t.

    Senior et al. (2013), An empirical study of learning rates; with growing rates Li and Arora
    (2020), arXiv:1910.07454. PyTorch's ``ExponentialLR``; Optax's ``exponential_decay``.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps.
    factor : float
        Above 0; above 1 the rates grow.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If the rates grow beyond what a float holds.

    Examples
    --------
    >>> exponential(1.0, 4, factor=0.5)
    Schedule(GradientDescent([1.0, 0.5, 0.25, 0.125]))
    """
    return _geometric(lr, factor, np.arange(_count("steps", steps)))


@quiet
def inverse_time(lr: float, steps: int, rate: float) -> Schedule:
    """Decay as one over time: η_t = lr / (1 + rate · t).

    Robbins and Monro (1951), A stochastic approximation method. Keras' ``InverseTimeDecay`` with
    ``decay_steps=1``; neither PyTorch nor Optax has it by name.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps.
    rate : float
        How fast, at least 0: after 1/rate steps the learning rate is half the first.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> inverse_time(1.0, 4, rate=1.0)
    Schedule(GradientDescent([1.0, 0.5, 0.3333333333333333, 0.25]))
    """
    slowing = 1 + _number("rate", rate) * np.arange(_count("steps", steps))
    return Schedule(GradientDescent(_number("lr", lr) / slowing))


def polynomial(lr: float, steps: int, power: float = 1.0, final: float = 0.0) -> Schedule:
    """Go from one rate to another by a power: η_t = final + (lr - final)(1 - t/K)^power.

    Chen et al. (2018), DeepLab, arXiv:1606.00915, with power 0.9. Optax's ``polynomial_schedule``;
    with final rate 0 PyTorch's ``PolynomialLR``.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps K.
    power : float, default: 1
        Above 0.
    final : float, default: 0
        The end value, which step K would take; it may be above ``lr``.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> polynomial(1.0, 4, power=2)
    Schedule(GradientDescent([1.0, 0.5625, 0.25, 0.0625]))
    """
    left = _left(_count("steps", steps)) ** _number("power", power, positive=True)
    return Schedule(GradientDescent(_mix(_number("lr", lr), _number("final", final), left)))


def warmup(lr: float, steps: int, start: float = 0.0) -> Schedule:
    """Grow linearly: η_t = start + (lr - start) t/K.

    Goyal et al. (2017), arXiv:1706.02677. Optax's ``linear_schedule``; PyTorch's ``LinearLR`` with
    ``start_factor = start / lr``, which must be above 0 there.

    Parameters
    ----------
    lr : float
        The end value, which step K would take: the first step after the warm-up.
    steps : int
        The number of steps K.
    start : float, default: 0
        The first rate, at most ``lr``; at 0 the first step does nothing.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> warmup(1.0, 4)
    Schedule(GradientDescent([0.0, 0.25, 0.5, 0.75]))
    """
    return Schedule(GradientDescent(_rising(lr, _count("steps", steps), start)))


def cosine(lr: float, steps: int, final: float = 0.0, cycles: int = 1, growth: int = 1) -> Schedule:
    """Fall along half a cosine, once or again and again: final + (lr - final)(1 + cos πt/K)/2.

    Loshchilov and Hutter (2017), SGDR, arXiv:1608.03983. One cycle: PyTorch's
    ``CosineAnnealingLR``, Optax's ``cosine_decay_schedule``. Several, with t and K those of the
    cycle: ``CosineAnnealingWarmRestarts`` with ``T_mult=growth``.

    Parameters
    ----------
    lr, steps
        The rate that each cycle starts with, and the number of steps of all cycles.
    final : float, default: 0
        The end value of each cycle, at most ``lr``.
    cycles, growth : int, default: 1
        The number of cycles, each ``growth`` times as long as the one before; ``steps`` must be a
        multiple of 1 + growth + … + growth^(cycles - 1).

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If ``steps`` is not such a multiple; the message names the nearest that are.

    Examples
    --------
    >>> cosine(1.0, 3, cycles=2, growth=2).learning_rates()
    array([1. , 1. , 0.5])
    """
    count = _count("steps", steps)
    lengths = _cycle_lengths(
        count, _count("cycles", cycles, least=1), _count("growth", growth, least=1)
    )
    to_go = np.repeat(np.cumsum(lengths), lengths) - np.arange(count)
    left = to_go / np.repeat(lengths, lengths)
    return Schedule(GradientDescent(_falling(lr, left, "cosine", final)))


def decay(lr: float, steps: int, shape: Shape = "linear", final: float = 0.0) -> Schedule:
    """Fall from one rate to another: η_t = final + (lr - final) s(t/K).

    s(u) is 1 - u ("linear": `polynomial` with power 1), (1 + cos πu)/2 ("cosine": `cosine`) or
    1 - √u ("1-sqrt": Hägele et al. 2024, arXiv:2405.18392).

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps K.
    shape : {"linear", "cosine", "1-sqrt"}
        The function s.
    final : float, default: 0
        The end value, which step K would take; at most ``lr``.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If ``shape`` is none of these.

    Examples
    --------
    >>> decay(1.0, 4, "1-sqrt").learning_rates()
    array([1. , 0.5 , 0.29289322, 0.1339746 ])
    """
    return Schedule(GradientDescent(_falling(lr, _left(_count("steps", steps)), shape, final)))


def warmup_stable_decay(
    lr: float, steps: int, warmup: int, decay: int, shape: Shape = "linear", final: float = 0.0
) -> Schedule:
    """Grow from 0, stay, fall: the rates of `warmup`, `constant` and `decay` one after the other.

    Hu et al. (2024), MiniCPM, arXiv:2404.06395; Hägele et al. (2024), arXiv:2405.18392. Optax's
    ``join_schedules`` and PyTorch's ``SequentialLR`` put it together from its parts.

    Parameters
    ----------
    lr, steps
        The rate between warm-up and decay, and the number of all steps.
    warmup, decay : int
        How many of the steps warm up and decay.
    shape, final
        As for `decay`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If warm-up and decay together are longer than ``steps``.

    Examples
    --------
    >>> warmup_stable_decay(1.0, 7, warmup=2, decay=2)
    Schedule(GradientDescent([0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.5]))
    """
    up, down = _count("warmup", warmup), _count("decay", decay)
    stable = _count("steps", steps) - up - down
    if stable < 0:
        raise ValueError(
            f"warmup + decay must be within steps; got {up} + {down} of {steps} steps: shorten "
            f"them, or give steps={up + down}"
        )
    level = np.full(stable, _number("lr", lr))
    parts = [_rising(lr, up, 0.0), level, _falling(lr, _left(down), shape, final)]
    return Schedule(GradientDescent(np.concatenate(parts)))


def one_cycle(
    lr: float,
    steps: int,
    warmup: float = 0.3,
    start_factor: float = 1 / 25,
    final_factor: float = 1 / 25e4,
) -> Schedule:
    """Grow and fall again, each along half a cosine: PyTorch's ``OneCycleLR`` with its defaults.

    From start_factor · lr at step 0 to lr at step warmup · K - 1 (in general no whole number), then
    to final_factor · lr at step K-1, which is the last: unlike the others, this family takes its
    end value. Smith and Topin (2018), Super-convergence, arXiv:1708.07120.

    Parameters
    ----------
    lr, steps
        The largest rate and the number of steps K: ``max_lr`` and ``total_steps``.
    warmup : float, default: 0.3
        The share of the steps before the largest rate, from 0 to 1: ``pct_start``. Not 1/K, for
        which ``OneCycleLR`` divides by zero.
    start_factor, final_factor : float, default: 1/25 and 1/25e4
        The first and the last rate as shares of ``lr``: ``1 / div_factor`` and
        ``1 / (div_factor * final_div_factor)``.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If ``warmup`` is above 1, or 1/K.

    Examples
    --------
    >>> one_cycle(1.0, 5, warmup=0.4).learning_rates()
    array([4.00000e-02, 1.00000e+00, 7.50001e-01, 2.50003e-01, 4.00000e-06])
    """
    lr, share, count = _number("lr", lr), _number("warmup", warmup), _count("steps", steps)
    if share > 1:
        raise ValueError(
            f"warmup is a share of the steps, from 0 to 1; got {share:g}: for {share:g} steps give "
            f"{share:g} / {count}"
        )
    peak = share * count - 1
    if peak == 0:
        raise ValueError(
            f"warmup={share!r} of {count} steps puts the largest rate on step 0, for which "
            "OneCycleLR divides by zero; give 0 for no warm-up, or more steps"
        )
    start, final = _number("start_factor", start_factor), _number("final_factor", final_factor)
    step = np.arange(count)
    up, down = step[step <= peak], step[step > peak]
    eased = _SHAPES["cosine"]
    grown = _mix(lr, start * lr, eased(up / peak))
    fallen = _mix(lr, final * lr, eased((count - 1 - down) / (count - 1 - peak)))
    return Schedule(GradientDescent(np.concatenate([grown, fallen])))


def cyclic(low: float, high: float, steps: int, half_cycle: int) -> Schedule:
    """Go up and down linearly between two rates, from the lower one.

    η_t = low + (high - low) · (r if r ≤ 1 else 2 - r) with r = t/half_cycle modulo 2. Smith (2017),
    arXiv:1506.01186. PyTorch's ``CyclicLR``, mode "triangular".

    Parameters
    ----------
    low, high : float
        The rates: ``base_lr`` and ``max_lr``.
    steps : int
        The number of steps.
    half_cycle : int
        The number of steps from one rate to the other, at least 1: ``step_size_up``.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> cyclic(0.0, 1.0, 6, half_cycle=2)
    Schedule(GradientDescent([0.0, 0.5, 1.0, 0.5, 0.0, 0.5]))
    """
    half = _count("half_cycle", half_cycle, least=1)
    place = np.arange(_count("steps", steps)) % (2 * half)
    share = np.minimum(place, 2 * half - place) / half
    return Schedule(GradientDescent(_mix(*_ordered("high", high, "low", low), share)))


# as functions of 1 - t/K, in which they lose no digits towards the end
_SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda left: left,
    "cosine": lambda left: np.sin(np.pi / 2 * left) ** 2,
    "1-sqrt": lambda left: left / (1 + np.sqrt(1 - left)),
}


def _left(steps: int) -> Floats:
    """Return which share 1 - t/K of the steps is still to go."""
    return np.arange(steps, 0, -1) / steps


def _mix(whole: float, none: float, share: Floats) -> Floats:
    # not none + (whole - none) * share, which loses the digits of the smaller rate
    return whole * share + none * (1 - share)


def _rising(lr: float, steps: int, start: float) -> Floats:
    return _mix(*_ordered("lr", lr, "start", start), np.arange(steps) / steps)


def _falling(lr: float, left: Floats, shape: str, final: float) -> Floats:
    if shape not in _SHAPES:
        raise ValueError(f"shape must be one of {', '.join(map(repr, _SHAPES))}; got {shape!r}")
    return _mix(*_ordered("lr", lr, "final", final), _SHAPES[shape](left))


@quiet
def _geometric(lr: float, factor: float, powers: npt.NDArray[np.int64]) -> Schedule:
    rates = _number("lr", lr) * _number("factor", factor, positive=True) ** powers
    if not np.isfinite(rates).all():
        raise ValueError(
            f"the rates overflow: factor={factor!r} is applied {powers[-1]} times; give a factor "
            "nearer to 1, or fewer steps"
        )
    return Schedule(GradientDescent(rates))


def _cycle_lengths(steps: int, cycles: int, growth: int) -> npt.NDArray[np.int64]:
    if growth > 1 and cycles * math.log2(growth) > 53:
        raise ValueError(
            f"cycles={cycles} with growth={growth} need more than 2**53 steps; give fewer cycles"
        )
    units = cycles if growth == 1 else (growth**cycles - 1) // (growth - 1)
    if steps % units:
        below = steps - steps % units
        near = f"{below} or {below + units}" if below else units
        raise ValueError(
            f"{cycles} cycles with growth={growth} need a multiple of {units} steps; got {steps}: "
            f"give {near}"
        )
    return steps // units * np.int64(growth) ** np.arange(cycles)


def _count(name: str, value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be an integer, such as 100; got {value!r}")
    count = operator.index(value)
    if count < least:
        raise ValueError(f"{name} must be at least {least}; got {count}")
    return count


def _number(name: str, value: Any, *, positive: bool = False) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be one number; got {type(value).__name__}") from None
    if not (math.isfinite(number) and (number > 0 if positive else number >= 0)):
        least = "above 0" if positive else "at least 0"
        raise ValueError(f"{name} must be finite and {least}; got {number!r}")
    return number


def _ordered(high_name: str, high: Any, low_name: str, low: Any) -> tuple[float, float]:
    above, below = _number(high_name, high), _number(low_name, low)
    if below > above:
        raise ValueError(
            f"{low_name} must be at most {high_name}; got {low_name}={below:g} above "
            f"{high_name}={above:g}: swap them"
        )
    return above, below
