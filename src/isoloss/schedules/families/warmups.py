"""Families whose rates grow at first."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from isoloss.schedules.families.parts import Shape, falling, rising, share_left, to_count, to_number
from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.settings import Settings

__all__ = ["warmup", "warmup_stable_decay"]


def warmup(lr: float, steps: int, start: float = 0.0, **settings: Unpack[Settings]) -> Schedule:
    """Grow linearly: η_t = start + (lr - start) t/K.

    Goyal et al. (2017), arXiv:1706.02677. Optax's ``linear_schedule``; PyTorch's ``LinearLR`` with
    ``start_factor = start / lr``, which must be above 0 there.

    Parameters
    ----------
    lr : float
        The end value, which step K, the first after the warm-up, would take.
    steps : int
        The number of steps K.
    start : float, default: 0
        The first rate, at most ``lr``; at 0 the first step does nothing.
    **settings
        As for `constant`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> warmup(1.0, 4)
    Schedule(GradientDescent([0.0, 0.25, 0.5, 0.75]))
    """
    rates = rising(lr, to_count("steps", steps), start)
    return Schedule(GradientDescent(rates)).with_settings(**settings)


def warmup_stable_decay(
    lr: float,
    steps: int,
    warmup: int,
    decay: int,
    shape: Shape = "linear",
    final: float = 0.0,
    **settings: Unpack[Settings],
) -> Schedule:
    """Grow from 0, stay constant, then fall: `warmup`, `constant` and `decay` in succession.

    Hu et al. (2024), MiniCPM, arXiv:2404.06395; Hägele et al. (2024), arXiv:2405.18392. Optax's
    ``join_schedules`` and PyTorch's ``SequentialLR`` build it from its parts.

    Parameters
    ----------
    lr, steps
        The rate between warm-up and decay, and the total number of steps.
    warmup, decay : int
        The numbers of warm-up and decay steps.
    shape, final
        As for `decay`.
    **settings
        As for `constant`.

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
    up, down = to_count("warmup", warmup), to_count("decay", decay)
    stable = to_count("steps", steps) - up - down
    if stable < 0:
        raise ValueError(
            f"warmup + decay must be within steps; got {up} + {down} of {steps} steps: shorten "
            f"them, or give steps={up + down}"
        )
    level = np.full(stable, to_number("lr", lr))
    parts = [rising(lr, up, 0.0), level, falling(lr, share_left(down), shape, final)]
    return Schedule(GradientDescent(np.concatenate(parts))).with_settings(**settings)
