"""Gradient descent with momentum: Polyak's heavy ball and Nesterov's, in PyTorch's conventions."""

from __future__ import annotations

from typing import Any

from isoloss.schedules.phases.numbers import real
from isoloss.schedules.phases.steps import Steps
from isoloss.schedules.text_form import TextForm

__all__ = ["HeavyBall", "Nesterov"]

_NUMBERS = {"lr": "a rate", "momentum": "a momentum", "steps": "a number of steps"}


class _Momentum(Steps):
    """Steps with momentum."""

    __slots__ = ("_carry_velocity", "_momentum")
    _momentum: float
    _carry_velocity: bool

    def __init__(
        self, lr: Any, momentum: float, steps: int | None = None, *, carry_velocity: bool = False
    ) -> None:
        super().__init__(lr, steps)
        momentum = float(real("momentum", momentum)) + 0.0  # -0 is 0
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1; got {momentum!r}")
        if not isinstance(carry_velocity, bool):
            raise TypeError(f"carry_velocity must be True or False; got {carry_velocity!r}")
        object.__setattr__(self, "_momentum", momentum)
        object.__setattr__(self, "_carry_velocity", carry_velocity)

    @property
    def momentum(self) -> float:
        """The momentum μ."""
        return self._momentum

    @property
    def carry_velocity(self) -> bool:
        """Whether the velocity of a directly preceding momentum phase is kept."""
        return self._carry_velocity

    def _fields(self, lr: Any) -> dict[str, Any]:
        extra = {"momentum": self._momentum, "carry_velocity": self._carry_velocity}
        return super()._fields(lr) | extra

    def _extra(self) -> tuple[str, ...]:
        carry = ("carry_velocity=True",) if self._carry_velocity else ()
        return f"momentum={self._momentum!r}", *carry


class HeavyBall(_Momentum):
    """Gradient descent with Polyak's heavy-ball momentum, in PyTorch's convention.

    v ← μv + ∇L, β ← β - ηv, as in ``torch.optim.SGD(lr=η, momentum=μ)``: the velocity sums
    gradients, and a new rate applies to all of it. B. Polyak (1964), USSR Comp. Math. 4(5).

    Parameters
    ----------
    lr : float, 1-D array_like or callable
        As for `GradientDescent`.
    momentum : float
        The momentum μ, at least 0 and below 1.
    steps : int, optional
        As for `GradientDescent`.
    carry_velocity : bool, default: False
        Whether to keep the velocity of a directly preceding momentum phase, as in one run of
        PyTorch's optimizer. By default, and after any other phase, the velocity starts at zero.

    Raises
    ------
    ValueError
        As `GradientDescent`, or if the momentum is out of range.
    TypeError
        If ``steps`` is not an integer or ``carry_velocity`` is not a bool.

    Examples
    --------
    >>> HeavyBall(0.1, momentum=0.9, steps=100)
    HeavyBall(0.1, momentum=0.9, steps=100)
    """

    __slots__ = ()
    name = "heavy_ball"
    text_form = TextForm(name, _NUMBERS, "heavy_ball(0.3, 0.9, 200)")


class Nesterov(_Momentum):
    """Gradient descent with Nesterov's momentum, in PyTorch's convention.

    v ← μv + ∇L, β ← β - η(∇L + μv), as in ``torch.optim.SGD(lr=η, momentum=μ, nesterov=True)``.
    I. Sutskever et al. (2013), On the importance of initialization and momentum.

    Parameters
    ----------
    lr, momentum, steps, carry_velocity
        As for `HeavyBall`.

    Raises
    ------
    ValueError, TypeError
        As `HeavyBall`.

    Examples
    --------
    >>> Nesterov([0.1, 0.05], momentum=0.9, carry_velocity=True)
    Nesterov([0.1, 0.05], momentum=0.9, carry_velocity=True)
    """

    __slots__ = ()
    name = "nesterov"
    text_form = TextForm(name, _NUMBERS, "nesterov(0.3, 0.9, 200)")
