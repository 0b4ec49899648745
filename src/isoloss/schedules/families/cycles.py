"""Families of cycles: cosines with restarts, one cycle, triangles."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np
import numpy.typing as npt

from isoloss.schedules.families.parts import (
    SHAPES,
    falling,
    mix,
    ordered,
    share_left,
    to_count,
    to_number,
)
from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.settings import Settings

__all__ = ["cosine", "cyclic", "one_cycle"]


def cosine(
    lr: float,
    steps: int,
    final: float = 0.0,
    cycles: int = 1,
    growth: int = 1,
    **settings: Unpack[Settings],
) -> Schedule:
    """Fall along half a cosine, once or repeatedly: final + (lr - final)(1 + cos πt/K)/2.

    Loshchilov and Hutter (2017), SGDR, arXiv:1608.03983. One cycle is PyTorch's
    ``CosineAnnealingLR`` and Optax's ``cosine_decay_schedule``. Several cycles, each with its own t
    and K, are ``CosineAnnealingWarmRestarts`` with ``T_mult=growth``.

    Parameters
    ----------
    lr, steps
        The rate at the start of each cycle, and the total number of steps.
    final : float, default: 0
        The end value of each cycle, at most ``lr``.
    cycles, growth : int, default: 1
        The number of cycles, each ``growth`` times as long as the one before; ``steps`` must be a
        multiple of 1 + growth + … + growth^(cycles - 1).
    **settings
        As for `constant`.

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
    count = to_count("steps", steps)
    lengths = _cycle_lengths(
        count, to_count("cycles", cycles, least=1), to_count("growth", growth, least=1)
    )
    left = share_left(count) if len(lengths) == 1 else _shares_left(lengths)
    return Schedule(GradientDescent(falling(lr, left, "cosine", final))).with_settings(**settings)


def one_cycle(
    lr: float,
    steps: int,
    warmup: float = 0.3,
    start_factor: float = 1 / 25,
    final_factor: float = 1 / 25e4,
    **settings: Unpack[Settings],
) -> Schedule:
    """Rise and fall, each along half a cosine: PyTorch's ``OneCycleLR`` with its defaults.

    The rate goes from start_factor · lr at step 0 to lr at step warmup · K - 1 (which need not be
    whole), then to final_factor · lr at the last step, K-1: unlike the other families, this one
    takes its end value. Smith and Topin (2018), Super-convergence, arXiv:1708.07120.

    Parameters
    ----------
    lr, steps
        The largest rate and the number of steps K: ``max_lr`` and ``total_steps``.
    warmup : float, default: 0.3
        The share of the steps before the largest rate, from 0 to 1: ``pct_start``. It must not be
        1/K, for which ``OneCycleLR`` divides by zero.
    start_factor, final_factor : float, default: 1/25 and 1/25e4
        The first and the last rate as shares of ``lr``: ``1 / div_factor`` and
        ``1 / (div_factor * final_div_factor)``.
    **settings
        As for `constant`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If ``warmup`` is above 1 or equals 1/K.

    Examples
    --------
    >>> one_cycle(1.0, 5, warmup=0.4).learning_rates()
    array([4.00000e-02, 1.00000e+00, 7.50001e-01, 2.50003e-01, 4.00000e-06])
    """
    lr, share, count = to_number("lr", lr), to_number("warmup", warmup), to_count("steps", steps)
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
    start, final = to_number("start_factor", start_factor), to_number("final_factor", final_factor)
    step = np.arange(count)
    up, down = step[step <= peak], step[step > peak]
    eased = SHAPES["cosine"]
    grown = mix(lr, start * lr, eased(up / peak))
    fallen = mix(lr, final * lr, eased((count - 1 - down) / (count - 1 - peak)))
    return Schedule(GradientDescent(np.concatenate([grown, fallen]))).with_settings(**settings)


def cyclic(
    low: float, high: float, steps: int, half_cycle: int, **settings: Unpack[Settings]
) -> Schedule:
    """Rise and fall linearly between two rates, starting from the lower one.

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
    **settings
        As for `constant`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> cyclic(0.0, 1.0, 6, half_cycle=2)
    Schedule(GradientDescent([0.0, 0.5, 1.0, 0.5, 0.0, 0.5]))
    """
    half = to_count("half_cycle", half_cycle, least=1)
    place = np.arange(to_count("steps", steps)) % (2 * half)
    share = np.minimum(place, 2 * half - place) / half
    rates = mix(*ordered("high", high, "low", low), share)
    return Schedule(GradientDescent(rates)).with_settings(**settings)


def _shares_left(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the shares of each cycle's steps that remain."""
    to_go = np.repeat(np.cumsum(lengths), lengths) - np.arange(lengths.sum())
    return np.asarray(to_go / np.repeat(lengths, lengths))


def _cycle_lengths(steps: int, cycles: int, growth: int) -> npt.NDArray[np.int64]:
    if growth > 1 and cycles * math.log2(growth) > 53:
        raise ValueError(
            f"cycles={cycles} with growth={growth} need more than 2**53 steps; give fewer cycles"
        )
    if not steps:
        return np.zeros(1, dtype=np.int64)  # for any number of cycles
    units = cycles if growth == 1 else (growth**cycles - 1) // (growth - 1)
    if steps % units:
        below = steps - steps % units
        near = f"{below} or {below + units}" if below else units
        raise ValueError(
            f"{cycles} cycles with growth={growth} need a multiple of {units} steps; got {steps}: "
            f"give {near}"
        )
    return steps // units * np.int64(growth) ** np.arange(cycles)
