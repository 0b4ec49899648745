"""The paper's annealed schedule: gradient descent at a large rate, then gradient flow."""

from __future__ import annotations

from typing import Unpack

from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.settings import Settings

__all__ = ["anneal"]


def anneal(lr: float, steps: int, **settings: Unpack[Settings]) -> Schedule:
    """Build the paper's annealed schedule: ``steps`` GD steps at rate ``lr``, then gradient flow.

    This is GD(K, η, ε) of the paper (section 2), which takes the rate η = 1/γ₁, that is,
    ``problem.max_lr``.

    Parameters
    ----------
    lr : float
        The large rate η.
    steps : int
        The number of steps K at that rate.
    **settings
        Settings of the optimizer, such as ``momentum``, ``weight_decay`` and ``batch_size``: see
        `Schedule.with_settings`.

    Returns
    -------
    Schedule
        ``Schedule(GradientDescent(lr, steps), GradientFlow())``.

    Examples
    --------
    >>> anneal(1.5, 10)
    Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    """
    return Schedule(GradientDescent(lr, steps), GradientFlow()).with_settings(**settings)
