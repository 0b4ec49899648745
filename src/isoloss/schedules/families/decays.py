"""Families whose rates only fall, or only grow by a factor."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from isoloss._arrays.context import quiet
from isoloss.schedules.families.parts import Shape, falling, mix, share_left, to_count, to_number
from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.settings import Settings

__all__ = ["constant", "decay", "exponential", "inverse_time", "polynomial", "step_decay"]


def constant(lr: float, steps: int, **settings: Unpack[Settings]) -> Schedule:
    """Return the same rate for all steps: η_t = lr. Plain SGD; Optax's ``constant_schedule``.

    Parameters
    ----------
    lr : float
        The rate, at least 0.
    steps : int
        The number of steps K, at least 0; 0 gives an empty phase, here and below.
    **settings
        Settings of the optimizer, such as ``momentum``, ``weight_decay`` and ``batch_size``: see
        `Schedule.with_settings`.

    Returns
    -------
    Schedule
        One phase of K steps.

    Examples
    --------
    >>> constant(0.1, 100)
    Schedule(GradientDescent(0.1, steps=100))
    """
    return Schedule(GradientDescent(to_number("lr", lr), steps)).with_settings(**settings)


@quiet
def step_decay(
    lr: float, steps: int, every: int, factor: float = 0.1, **settings: Unpack[Settings]
) -> Schedule:
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
    **settings
        As for `constant`.

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
    powers = np.arange(to_count("steps", steps)) // to_count("every", every, least=1)
    rates = to_number("lr", lr) * to_number("factor", factor, positive=True) ** powers
    if not np.isfinite(rates).all():
        raise ValueError(
            f"the rates overflow: factor={factor!r} is applied {powers[-1]} times; give a factor "
            "nearer to 1, or fewer steps"
        )
    return Schedule(GradientDescent(rates)).with_settings(**settings)


def exponential(lr: float, steps: int, factor: float, **settings: Unpack[Settings]) -> Schedule:
    """Multiply the rate by a factor after each step: η_t = lr · factor^t.

    Senior et al. (2013), An empirical study of learning rates; for growing rates, Li and Arora
    (2020), arXiv:1910.07454. PyTorch's ``ExponentialLR``; Optax's ``exponential_decay``.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps.
    factor : float
        Above 0; above 1 the rates grow.
    **settings
        As for `constant`.

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
    return step_decay(lr, steps, every=1, factor=factor, **settings)


@quiet
def inverse_time(lr: float, steps: int, rate: float, **settings: Unpack[Settings]) -> Schedule:
    """Decay inversely with time: η_t = lr / (1 + rate · t).

    Robbins and Monro (1951), A stochastic approximation method. Keras' ``InverseTimeDecay`` with
    ``decay_steps=1``; neither PyTorch nor Optax has a schedule of this name.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps.
    rate : float
        The speed of the decay, at least 0: after 1/rate steps the learning rate has halved.
    **settings
        As for `constant`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> inverse_time(1.0, 4, rate=1.0)
    Schedule(GradientDescent([1.0, 0.5, 0.3333333333333333, 0.25]))
    """
    slowing = 1 + to_number("rate", rate) * np.arange(to_count("steps", steps))
    return Schedule(GradientDescent(to_number("lr", lr) / slowing)).with_settings(**settings)


def polynomial(
    lr: float, steps: int, power: float = 1.0, final: float = 0.0, **settings: Unpack[Settings]
) -> Schedule:
    """Go from one rate to another by a power: η_t = final + (lr - final)(1 - t/K)^power.

    Chen et al. (2018), DeepLab, arXiv:1606.00915, with power 0.9. Optax's ``polynomial_schedule``;
    with a final rate of 0, PyTorch's ``PolynomialLR``.

    Parameters
    ----------
    lr, steps
        The first rate and the number of steps K.
    power : float, default: 1
        Above 0.
    final : float, default: 0
        The end value, which step K would take; it may be above ``lr``.
    **settings
        As for `constant`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Examples
    --------
    >>> polynomial(1.0, 4, power=2)
    Schedule(GradientDescent([1.0, 0.5625, 0.25, 0.0625]))
    """
    left = share_left(to_count("steps", steps)) ** to_number("power", power, positive=True)
    rates = mix(to_number("lr", lr), to_number("final", final), left)
    return Schedule(GradientDescent(rates)).with_settings(**settings)


def decay(
    lr: float, steps: int, shape: Shape = "linear", final: float = 0.0, **settings: Unpack[Settings]
) -> Schedule:
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
    **settings
        As for `constant`.

    Returns
    -------
    Schedule
        One phase of ``steps`` steps.

    Raises
    ------
    ValueError
        If ``shape`` is anything else.

    Examples
    --------
    >>> decay(1.0, 4, "1-sqrt").learning_rates()
    array([1. , 0.5 , 0.29289322, 0.1339746 ])
    """
    rates = falling(lr, share_left(to_count("steps", steps)), shape, final)
    return Schedule(GradientDescent(rates)).with_settings(**settings)
