"""Gradient descent with momentum: Polyak's heavy ball and Nesterov's, in PyTorch's conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.schedules.phases.numbers import nonnegative, printed, real
from isoloss.schedules.phases.steps import Steps
from isoloss.schedules.settings import Sampling
from isoloss.schedules.text_form import TextForm

__all__ = ["HeavyBall", "Nesterov"]

_NUMBERS = {"lr": "a rate", "momentum": "a momentum", "steps": "a number of steps"}


class _Momentum(Steps):
    """Steps with momentum."""

    __slots__ = ("_carry_velocity", "_decoupled", "_momentum")
    _momentum: npt.NDArray[np.float64]
    _carry_velocity: bool
    _decoupled: bool

    def __init__(
        self,
        lr: Any,
        momentum: Any,
        steps: int | None = None,
        *,
        carry_velocity: bool = False,
        decoupled: bool = False,
        weight_decay: float = 0.0,
        batch_size: int | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        super().__init__(
            lr, steps, weight_decay=weight_decay, batch_size=batch_size, sampling=sampling
        )
        for name, value in (("carry_velocity", carry_velocity), ("decoupled", decoupled)):
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False; got {value!r}")
        object.__setattr__(self, "_momentum", _momenta(momentum, self.steps))
        object.__setattr__(self, "_carry_velocity", carry_velocity)
        object.__setattr__(self, "_decoupled", decoupled)

    @property
    def momentum(self) -> Any:
        """The momentum μ as a float, or the momenta as a read-only array."""
        return float(self._momentum) if self._momentum.ndim == 0 else self._momentum

    @property
    def carry_velocity(self) -> bool:
        """Whether the velocity of a directly preceding momentum phase is kept."""
        return self._carry_velocity

    @property
    def decoupled(self) -> bool:
        """Whether weight decay shrinks the parameters beside the step, not through the gradient."""
        return self._decoupled

    def _fields(self, lr: Any) -> dict[str, Any]:
        extra = {"momentum": self._momentum.tolist(), "carry_velocity": self._carry_velocity}
        return super()._fields(lr) | extra | ({"decoupled": True} if self._decoupled else {})

    def _key(self) -> tuple[Any, ...]:
        return *super()._key(), self._momentum.tobytes()

    def _extra(self) -> tuple[str, ...]:
        flags = {"carry_velocity": self._carry_velocity, "decoupled": self._decoupled}
        shown = (f"{name}=True" for name, value in flags.items() if value)
        return f"momentum={printed(self._momentum)}", *shown


def _momenta(momentum: Any, steps: int) -> npt.NDArray[np.float64]:
    """Return one momentum as an array without axes, or a momentum for each step."""
    if callable(momentum):
        momentum = [float(momentum(step)) for step in range(steps)]
    found = real("momentum", momentum) + 0.0  # -0 is 0
    if found.ndim and found.shape != (steps,):
        raise ValueError(
            f"momentum must be a number or have an entry for each of the {steps} steps; "
            f"got shape {found.shape}"
        )
    wrong = found[~((found >= 0) & (found < 1))]
    if wrong.size:
        raise ValueError(f"momentum must be at least 0 and below 1; got {float(wrong[0])!r}")
    if found.ndim and not (found[1:] != found[:1]).any():
        found = found[:1].sum()  # one momentum is solved in closed form
    found = np.asarray(found)
    found.setflags(write=False)
    return found


class HeavyBall(_Momentum):
    """Gradient descent with Polyak's heavy-ball momentum, in PyTorch's convention.

    v ← μv + ∇L, β ← β - ηv, as in ``torch.optim.SGD(lr=η, momentum=μ)``: the velocity sums
    gradients, and a new rate applies to all of it. B. Polyak (1964), USSR Comp. Math. 4(5).

    Parameters
    ----------
    lr : float, 1-D array_like or callable
        As for `GradientDescent`.
    momentum : float, 1-D array_like or callable
        The momentum μ, at least 0 and below 1; a momentum for each step, as OneCycleLR has; or a
        function of the step. A step with momentum 0 leaves the velocity as it is, as in PyTorch.
    steps : int, optional
        As for `GradientDescent`.
    carry_velocity : bool, default: False
        Whether to keep the velocity of a directly preceding momentum phase, as in one run of
        PyTorch's optimizer. By default, and after any other phase, the velocity starts at zero.
    dampening : float, default: 0
        The share of each gradient, from 0 to 1, that the velocity leaves out: v ← μv + (1 - τ)∇L.
        The first step after the velocity starts takes the whole gradient, as in PyTorch.
    decoupled : bool, default: False
        Whether weight decay multiplies the parameters by 1 - ηλ, as AdamW does,
        instead of adding λβ to the gradient.
    weight_decay, batch_size, sampling
        As for `GradientDescent`.

    Raises
    ------
    ValueError
        As `GradientDescent`, or if momentum or dampening is out of range.
    TypeError
        As `GradientDescent`, or if ``carry_velocity`` or ``decoupled`` is not a bool.

    Examples
    --------
    >>> HeavyBall(0.1, momentum=0.9, steps=100)
    HeavyBall(0.1, momentum=0.9, steps=100)
    """

    __slots__ = ("_dampening",)
    _dampening: float
    name = "heavy_ball"
    text_form = TextForm(name, _NUMBERS, "heavy_ball(0.3, 0.9, 200)")

    def __init__(
        self,
        lr: Any,
        momentum: Any,
        steps: int | None = None,
        *,
        carry_velocity: bool = False,
        dampening: float = 0.0,
        decoupled: bool = False,
        weight_decay: float = 0.0,
        batch_size: int | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        super().__init__(
            lr,
            momentum,
            steps,
            carry_velocity=carry_velocity,
            decoupled=decoupled,
            weight_decay=weight_decay,
            batch_size=batch_size,
            sampling=sampling,
        )
        share = nonnegative("dampening", dampening)
        if share > 1:
            raise ValueError(f"dampening must be at most 1; got {dampening!r}")
        object.__setattr__(self, "_dampening", share)

    @property
    def dampening(self) -> float:
        """The share of each gradient that the velocity leaves out."""
        return self._dampening

    def _fields(self, lr: Any) -> dict[str, Any]:
        return super()._fields(lr) | ({"dampening": self._dampening} if self._dampening else {})

    def _extra(self) -> tuple[str, ...]:
        shown = (f"dampening={self._dampening!r}",) if self._dampening else ()
        return *super()._extra(), *shown


class Nesterov(_Momentum):
    """Gradient descent with Nesterov's momentum, in PyTorch's convention.

    v ← μv + ∇L, β ← β - η(∇L + μv), as in ``torch.optim.SGD(lr=η, momentum=μ, nesterov=True)``.
    I. Sutskever et al. (2013), On the importance of initialization and momentum.

    Parameters
    ----------
    lr, momentum, steps, carry_velocity, decoupled, weight_decay, batch_size, sampling
        As for `HeavyBall`. PyTorch has no dampening with Nesterov's momentum.

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

    @property
    def nesterov(self) -> bool:
        """Whether the momentum is Nesterov's: it is."""
        return True
