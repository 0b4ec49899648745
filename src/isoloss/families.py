"""Named families of schedules: warm-ups, decays, cycles.

Each returns a `Schedule`, so that they compose: ``warmup(0.5, 10) + constant(0.5, 80) > decay(0.5,
10)``. Step t = 0, …, K - 1 takes the rate that the PyTorch scheduler or Optax schedule named in the
docstring sets for it: a decay ends one step before its final value.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

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
    """One rate throughout: PyTorch's ``ConstantLR`` with factor 1, ``optax.constant_schedule``.

    Parameters
    ----------
    lr : float
        The rate.
    steps : int
        The number of steps K.

    Returns
    -------
    Schedule
        K steps at ``lr``.

    Examples
    --------
    >>> constant(0.5, 100)
    Schedule(GradientDescent(0.5, steps=100))
    """
    return Schedule(GradientDescent(lr, steps))


def step_decay(lr: float, steps: int, every: int, factor: float = 0.1) -> Schedule:
    """Multiply the rate by a factor every so many steps: lr · factor^⌊t/every⌋.

    PyTorch's ``StepLR``; the usual choice for residual networks (He et al., 2016).

    Parameters
    ----------
    lr : float
        The first rate.
    steps : int
        The number of steps K.
    every : int
        For how many steps each rate lasts.
    factor : float, default: 0.1
        The ratio of one rate to the one before.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> step_decay(1.0, 4, every=2, factor=0.5).learning_rates()
    array([1. , 1. , 0.5, 0.5])
    """
    _positive(factor=factor)
    falls = _steps(steps) // _whole("every", every, 1)
    return _schedule(lr * np.power(float(factor), falls))


def exponential(lr: float, steps: int, factor: float) -> Schedule:
    """Multiply the rate by a factor at every step: lr · factor^t.

    PyTorch's ``ExponentialLR``, ``optax.exponential_decay``.

    Parameters
    ----------
    lr : float
        The first rate.
    steps : int
        The number of steps K.
    factor : float
        The ratio of one rate to the one before.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> exponential(1.0, 3, factor=0.5).learning_rates()
    array([1.  , 0.5 , 0.25])
    """
    _positive(factor=factor)
    return _schedule(lr * np.power(float(factor), _steps(steps)))


def inverse_time(lr: float, steps: int, rate: float) -> Schedule:
    """Divide the rate by a number that grows evenly: lr / (1 + rate · t).

    The decay of Robbins and Monro (1951), whose rates sum to infinity and their squares do not.

    Parameters
    ----------
    lr : float
        The first rate.
    steps : int
        The number of steps K.
    rate : float
        How fast it falls; at least 0.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> inverse_time(1.0, 3, rate=0.5).learning_rates().round(3)
    array([1.   , 0.667, 0.5  ])
    """
    if not 0 <= rate < math.inf:
        raise ValueError(f"rate must be at least 0 and finite; got {rate!r}")
    return _schedule(lr / (1.0 + rate * _steps(steps)))


def polynomial(lr: float, steps: int, power: float = 1.0, final: float = 0.0) -> Schedule:
    """Fall from the first to the final rate as (1 - t/K)^power.

    PyTorch's ``PolynomialLR`` (with final rate 0), ``optax.polynomial_schedule``.

    Parameters
    ----------
    lr : float
        The first rate.
    steps : int
        The number of steps K.
    power : float, default: 1
        1 for a straight line.
    final : float, default: 0
        The rate that step K would take.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> polynomial(1.0, 4, power=2.0).learning_rates()
    array([1.    , 0.5625, 0.25  , 0.0625])
    """
    _positive(power=power)
    return _schedule(final + (lr - final) * (1.0 - _progress(steps)) ** power)


def warmup(lr: float, steps: int, start: float = 0.0) -> Schedule:
    """Rise evenly from ``start`` towards a rate, that of the step after the last.

    PyTorch's ``LinearLR``, ``optax.linear_schedule``; Goyal et al. (2017), arXiv 1706.02677.

    Parameters
    ----------
    lr : float
        The rate that step K takes, which is the first of what follows.
    steps : int
        The number of steps K.
    start : float, default: 0
        The first rate.

    Returns
    -------
    Schedule
        K steps.

    Examples
    --------
    >>> warmup(1.0, 4).learning_rates()
    array([0.  , 0.25, 0.5 , 0.75])
    """
    return _schedule(start + (lr - start) * _progress(steps))


def cosine(lr: float, steps: int, final: float = 0.0, cycles: int = 1, growth: int = 1) -> Schedule:
    """Fall along half a cosine, from the start again in each cycle.

    SGDR, Loshchilov and Hutter (2017), arXiv 1608.03983. PyTorch's ``CosineAnnealingLR``, with
    restarts ``CosineAnnealingWarmRestarts``; ``optax.cosine_decay_schedule``.

    Parameters
    ----------
    lr : float
        The first rate of each cycle.
    steps : int
        The number of steps K of all cycles together.
    final : float, default: 0
        The floor, which the step after each cycle would take.
    cycles : int, default: 1
        The number of cycles.
    growth : int, default: 1
        How many times as long each cycle is as the one before.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If the steps cannot be divided so.

    Examples
    --------
    >>> cosine(1.0, 4, final=0.1).learning_rates().round(3)
    array([1.   , 0.868, 0.55 , 0.232])
    >>> cosine(1.0, 6, cycles=2, growth=2).learning_rates().round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146])
    """
    lengths = _whole("growth", growth, 1) ** np.arange(_whole("cycles", cycles, 1))
    count, parts = _whole("steps", steps, 1), int(lengths.sum())
    if count % parts:
        raise ValueError(
            f"{cycles} cycles that each grow by {growth} need a multiple of {parts} steps; got "
            f"{steps}, take {max(round(count / parts), 1) * parts}"
        )
    progress = np.concatenate([_progress(int(part) * (count // parts)) for part in lengths])
    return _schedule(_fall("cosine", lr, final, progress))


def decay(lr: float, steps: int, shape: Shape = "linear", final: float = 0.0) -> Schedule:
    """Fall from the first to the final rate: the cool-down of a warmup–stable–decay schedule.

    Parameters
    ----------
    lr : float
        The first rate.
    steps : int
        The number of steps K.
    shape : {"linear", "cosine", "1-sqrt"}, default: "linear"
        1 - t/K, half a cosine, or 1 - √(t/K), of which Hägele et al. (2024), arXiv 2405.18392,
        found the last one best for language models.
    final : float, default: 0
        The rate that step K would take.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If the shape is another one.

    Examples
    --------
    >>> decay(1.0, 4, "1-sqrt").learning_rates().round(3)
    array([1.   , 0.5  , 0.293, 0.134])
    """
    return _schedule(_fall(shape, lr, final, _progress(steps)))


def warmup_stable_decay(
    lr: float,
    steps: int,
    warmup: int,
    decay: int,
    shape: Shape = "linear",
    start: float = 0.0,
    final: float = 0.0,
) -> Schedule:
    """Warm up, stay, and cool down: WSD, Hu et al. (2024), arXiv 2404.06395.

    Parameters
    ----------
    lr : float
        The rate in between.
    steps : int
        The number of steps K of all three parts.
    warmup, decay : int
        The numbers of steps of the first and the last part.
    shape : {"linear", "cosine", "1-sqrt"}, default: "linear"
        How the last part falls, as in `decay`.
    start, final : float, default: 0
        The first rate, and the one that step K would take.

    Returns
    -------
    Schedule
        K steps.

    Raises
    ------
    ValueError
        If warm-up and decay are longer than the whole.

    Examples
    --------
    >>> warmup_stable_decay(1.0, 6, warmup=2, decay=2).learning_rates()
    array([0. , 0.5, 1. , 1. , 1. , 0.5])
    """
    first, last = _whole("warmup", warmup, 0), _whole("decay", decay, 0)
    stable = _whole("steps", steps, 1) - first - last
    if stable < 0:
        raise ValueError(
            f"warmup and decay must fit into steps={steps}; got {first} + {last} = {first + last}"
        )
    rise = start + (lr - start) * _progress(first)
    return _schedule(
        np.concatenate([rise, np.full(stable, lr), _fall(shape, lr, final, _progress(last))])
    )


def one_cycle(
    lr: float, steps: int, warmup: float = 0.3, start: float = 0.04, final: float = 4e-6
) -> Schedule:
    """Rise to a large rate and fall to a tiny one along half cosines.

    PyTorch's ``OneCycleLR``, with its shares as defaults; Smith and Topin (2019), arXiv 1708.07120.

    Parameters
    ----------
    lr : float
        The largest rate.
    steps : int
        The number of steps K, at least 2.
    warmup : float, default: 0.3
        The share of the steps in which the rate rises, between 0 and 1.
    start, final : float, default: 1/25 and 4e-6
        The first and the last rate, as shares of ``lr``.

    Returns
    -------
    Schedule
        K steps, the last of which takes the final rate.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> one_cycle(1.0, 5, warmup=0.6).learning_rates().round(3)
    array([0.04, 0.52, 1.  , 0.5 , 0.  ])
    """
    count = _whole("steps", steps, 2)
    if not 0 <= warmup <= 1:
        raise ValueError(f"warmup must be a share of the steps, from 0 to 1; got {warmup!r}")
    top = warmup * count - 1.0
    t = np.arange(count)
    # without a rise the first step is the top
    rise = _fall("cosine", start * lr, lr, t / top if top > 0 else np.ones(count))
    fall = _fall("cosine", lr, final * lr, (t - top) / (count - 1 - top) if top < count - 1 else t)
    return _schedule(np.where(t <= top, rise, fall))


def cyclic(low: float, high: float, steps: int, half_cycle: int) -> Schedule:
    """Rise and fall evenly between two rates, again and again.

    PyTorch's ``CyclicLR`` in mode "triangular"; Smith (2017), arXiv 1506.01186.

    Parameters
    ----------
    low, high : float
        The smallest rate, with which it starts, and the largest.
    steps : int
        The number of steps K.
    half_cycle : int
        The number of steps from one to the other.

    Returns
    -------
    Schedule
        K steps.

    Examples
    --------
    >>> cyclic(0.0, 1.0, 6, half_cycle=2).learning_rates()
    array([0. , 0.5, 1. , 0.5, 0. , 0.5])
    """
    half = _whole("half_cycle", half_cycle, 1)
    place = _steps(steps) % (2 * half) / half
    return _schedule(low + (high - low) * (1.0 - np.abs(1.0 - place)))


def _schedule(rates: npt.NDArray[Any]) -> Schedule:
    return Schedule(GradientDescent(rates))


def _fall(shape: str, lr: float, final: float, progress: Floats) -> Floats:
    """Return rates from ``lr`` at progress 0 to ``final`` at 1."""
    if shape == "linear":
        left = 1.0 - progress
    elif shape == "cosine":
        left = 0.5 * (1.0 + np.cos(np.pi * progress))
    elif shape == "1-sqrt":
        left = 1.0 - np.sqrt(progress)
    else:
        raise ValueError(f'shape must be "linear", "cosine" or "1-sqrt"; got {shape!r}')
    return np.asarray(final + (lr - final) * left)


def _steps(steps: int) -> npt.NDArray[np.int64]:
    return np.arange(_whole("steps", steps, 0))


def _progress(steps: int) -> Floats:
    """Return t/K for t = 0, …, K - 1."""
    return np.asarray(_steps(steps) / max(int(steps), 1))


def _whole(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number; got {value!r}") from None
    if isinstance(value, bool) or number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
    return number


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite; got {value!r}")
