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
    weight_decay : float, default: 0
        The weight decay λ: λβ is added to the gradient, as by ``torch.optim.SGD``. As the losses
        have no factor ½, training then minimises the train loss plus (λ/2)‖β‖².
    batch_size : int, optional
        The number of rows in the minibatch of each step; by default, all of them. Training then
        gives expected losses.
    sampling : ``"replacement"``, ``"without_replacement"`` or ``"gaussian"``, optional
        How the rows of a minibatch are drawn: from the train set, with or without replacement (no
        row twice in a batch; each batch is drawn anew), or as fresh Gaussian rows with the train
        covariance and label noise. The default is ``"replacement"`` for train data, and
        ``"gaussian"`` for problems that are given by spectra or covariances.

    Raises
    ------
    ValueError
        If a rate is negative or not finite; ``steps`` is negative, missing or contradicts ``lr``;
        or another number is out of its range.
    TypeError
        If ``steps`` or ``batch_size`` is not an integer.

    Examples
    --------
    >>> GradientDescent(1.5, steps=10)
    GradientDescent(1.5, steps=10)
    >>> GradientDescent([0.5, 0.25]).steps
    2
    >>> GradientDescent(lambda step: 1 / (1 + step), steps=4)
    GradientDescent([1.0, 0.5, 0.3333333333333333, 0.25])
    >>> GradientDescent(0.1, steps=100, weight_decay=0.01, batch_size=32)
    GradientDescent(0.1, steps=100, weight_decay=0.01, batch_size=32)
    """

    __slots__ = ()
    name = "gradient_descent"
    text_form = TextForm("gd", {"lr": "a rate", "steps": "a number of steps"}, "gd(0.9, 500)")
