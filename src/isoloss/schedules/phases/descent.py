"""Gradient descent."""

from __future__ import annotations

from isoloss.schedules.phases.steps import Steps
from isoloss.schedules.text_form import TextForm

__all__ = ["GradientDescent"]


class GradientDescent(Steps):
    """Gradient-descent steps: ``steps`` steps at one rate, or one step for each entry of ``lr``.

    A step at rate η multiplies the residual along a direction of train curvature γ by 1 - 2ηγ (the
    losses have no factor ½), as plain SGD on PyTorch's ``MSELoss`` does.

    Parameters
    ----------
    lr : float, 1-D array_like or callable
        The learning rate, a rate for each step, or a function of the step (0, 1, …) such as an
        Optax schedule. Rates are finite and at least 0.
    steps : int, optional
        The number of steps K; required with a single rate or a function.

    Raises
    ------
    ValueError
        If a rate is negative or not finite, or ``steps`` is negative, missing or contradicts
        ``lr``.
    TypeError
        If ``steps`` is not an integer.

    Examples
    --------
    >>> GradientDescent(1.5, steps=10)
    GradientDescent(1.5, steps=10)
    >>> GradientDescent([0.5, 0.25]).steps
    2
    >>> GradientDescent(lambda step: 1 / (1 + step), steps=4)
    GradientDescent([1.0, 0.5, 0.3333333333333333, 0.25])
    """

    __slots__ = ()
    name = "gradient_descent"
    text_form = TextForm("gd", {"lr": "a rate", "steps": "a number of steps"}, "gd(0.9, 500)")
