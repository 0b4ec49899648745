"""The phases of a schedule: gradient descent, with momentum or without, and gradient flow."""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["GradientDescent", "GradientFlow", "HeavyBall", "Nesterov", "Steps", "anneal"]

_MAX_STEPS = 2**53  # every step count up to here is exact in float64
_PRINTED_RATES = 8
_MIN_RUN = 64  # equal rates from this many on are solved in closed form


class Steps(Phase):
    """Steps of one learning rate, or of a rate each: what all phases but gradient flow share."""

    __slots__ = ("_rates", "_steps")
    _rates: npt.NDArray[np.float64]
    _steps: int

    def __init__(self, lr: Any, steps: int | None = None) -> None:
        if steps is not None:
            steps = _step_count(steps)
        name = type(self).__name__
        if callable(lr):
            if steps is None:
                raise ValueError(f"a function of the step needs steps=K: {name}(lr, steps=K)")
            lr = [float(lr(step)) for step in range(steps)]
        rates = _real("lr", lr)
        if rates.ndim > 1:
            raise ValueError(f"lr must be a number or a 1-D array; got shape {rates.shape}")
        if not np.isfinite(rates).all():
            raise ValueError("lr must be finite; got NaN or infinity")
        if (rates < 0).any():
            raise ValueError(f"lr must not be negative; got {rates.min():g}")
        if rates.ndim == 0:
            if steps is None:
                raise ValueError(
                    f"a single rate needs a number of steps: {name}({float(rates):g}, steps=K)"
                )
        elif steps is not None and steps != rates.size:
            raise ValueError(
                f"lr has {rates.size} rates but steps={steps}; "
                "leave steps out to take one step for each rate"
            )
        else:
            steps = rates.size
        rates.setflags(write=False)
        object.__setattr__(self, "_rates", rates)
        object.__setattr__(self, "_steps", steps)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; cannot set {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        # plain values, which pickle and skops both keep
        return self.to_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        type(self).__init__(self, **state)

    @property
    def lr(self) -> Any:
        """The rate as a float, or the rates as a read-only array."""
        return float(self._rates) if self._rates.ndim == 0 else self._rates

    @property
    def steps(self) -> int:
        """The number of steps."""
        return self._steps

    def rate(self, step: int) -> float:
        """Return the learning rate of one step, counted from 0.

        Parameters
        ----------
        step : int
            From 0 to ``steps - 1``.
        """
        return float(self._rates if self._rates.ndim == 0 else self._rates[step])

    def learning_rates(self) -> npt.NDArray[np.float64]:
        """Return the rate of each step, shape (steps,)."""
        return np.full(self._steps, self._rates) if self._rates.ndim == 0 else self._rates.copy()

    def runs(self) -> Iterator[tuple[Any, int]]:
        """Split into ``(rate, steps)`` of equal rates and ``(rates, steps)`` of changing ones."""
        if self._rates.ndim == 0:
            yield float(self._rates), self._steps
            return
        changes = np.flatnonzero(np.diff(self._rates)) + 1
        edges = np.concatenate([[0], changes, [self._steps]])
        done = 0
        for run in np.flatnonzero(np.diff(edges) >= _MIN_RUN):
            start, stop = int(edges[run]), int(edges[run + 1])
            if start > done:
                yield self._rates[done:start], start - done
            yield float(self._rates[start]), stop - start
            done = stop
        if done < self._steps:
            yield self._rates[done:], self._steps - done

    def scaled(self, factor: float) -> Self:
        """Return the phase with its rates multiplied by a number.

        Parameters
        ----------
        factor : float
            Such as ``problem.max_lr``.
        """
        with np.errstate(over="ignore"):  # an infinite rate is refused
            rates = self._rates * factor
        return self.from_dict(self.to_dict() | {"lr": rates})

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds of the phase, but its name."""
        rates = self._rates + 0.0  # -0 is 0: equal schedules have equal JSON
        if self._rates.ndim == 0:
            return {"lr": float(rates), "steps": self._steps}
        return {"lr": rates.tolist()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Build a phase from what `to_dict` gives.

        Parameters
        ----------
        fields : dict
            The fields, without the phase's name.
        """
        return cls(**fields)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        rates = self._rates + 0.0  # -0 is 0, and has other bytes
        return type(self), self._rates.shape, rates.tobytes(), self._steps, *self._extra()

    def _extra(self) -> tuple[str, ...]:
        """Return the further arguments as they are printed."""
        return ()

    def __repr__(self) -> str:
        rates = [repr(float(rate)) for rate in self._rates.flat[:_PRINTED_RATES]]
        parts = [rates[0] if self._rates.ndim == 0 else f"[{', '.join(rates)}]", *self._extra()]
        if self._rates.ndim and self._steps > _PRINTED_RATES:
            rates[3:] = ["...", repr(float(self._rates[-1]))]
            parts[0] = f"[{', '.join(rates)}]"
        if self._rates.ndim == 0 or self._steps > _PRINTED_RATES:
            parts.append(f"steps={self._steps}")
        return f"{type(self).__name__}({', '.join(parts)})"


class GradientDescent(Steps):
    """Gradient-descent steps: one rate for ``steps`` steps, or one step for each entry of ``lr``.

    A step at rate η multiplies the residual along a direction of train curvature γ by 1 - 2ηγ (the
    losses have no factor ½), as plain SGD on PyTorch's ``MSELoss`` does.

    Parameters
    ----------
    lr : float, 1-D array_like or callable
        The learning rate; or a rate for each step; or a function of the step (0, 1, …), as Optax
        schedules are. Finite and at least 0.
    steps : int, optional
        The number of steps K; needed with a single rate or a function.

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


class _Momentum(Steps):
    """Steps with a velocity."""

    __slots__ = ("_carry_velocity", "_momentum")
    _momentum: float
    _carry_velocity: bool

    def __init__(
        self, lr: Any, momentum: float, steps: int | None = None, *, carry_velocity: bool = False
    ) -> None:
        super().__init__(lr, steps)
        momentum = float(_real("momentum", momentum)) + 0.0  # -0 is 0
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
        """Whether the velocity of a momentum phase just before goes on."""
        return self._carry_velocity

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds of the phase, but its name."""
        extra = {"momentum": self._momentum, "carry_velocity": self._carry_velocity}
        return super().to_dict() | extra

    def _extra(self) -> tuple[str, ...]:
        carry = ("carry_velocity=True",) if self._carry_velocity else ()
        return f"momentum={self._momentum!r}", *carry


class HeavyBall(_Momentum):
    """Gradient descent with Polyak's heavy-ball momentum, in PyTorch's convention.

    v ← μv + ∇L, β ← β - ηv, as ``torch.optim.SGD(lr=η, momentum=μ)``: the velocity is a sum of
    gradients, and a changed rate applies to all of it. B. Polyak (1964), USSR Comp. Math. 4(5).

    Parameters
    ----------
    lr : float, 1-D array_like or callable
        As for `GradientDescent`.
    momentum : float
        μ, at least 0 and below 1.
    steps : int, optional
        As for `GradientDescent`.
    carry_velocity : bool, default: False
        Whether the velocity goes on from a momentum phase just before this one, as in one run of
        PyTorch's optimizer. By default, and after any other phase, it starts at zero.

    Raises
    ------
    ValueError
        As `GradientDescent`, or if the momentum is out of range.
    TypeError
        If ``steps`` is not an integer, or ``carry_velocity`` not a bool.

    Examples
    --------
    >>> HeavyBall(0.1, momentum=0.9, steps=100)
    HeavyBall(0.1, momentum=0.9, steps=100)
    """

    __slots__ = ()
    name = "heavy_ball"


class Nesterov(_Momentum):
    """Gradient descent with Nesterov's momentum, in PyTorch's convention.

    v ← μv + ∇L, β ← β - η(∇L + μv), as ``torch.optim.SGD(lr=η, momentum=μ, nesterov=True)``.
    I. Sutskever et al. (2013), On the importance of initialization and momentum.

    Parameters
    ----------
    lr : float, 1-D array_like or callable
        As for `GradientDescent`.
    momentum : float
        μ, at least 0 and below 1.
    steps : int, optional
        As for `GradientDescent`.
    carry_velocity : bool, default: False
        As for `HeavyBall`.

    Raises
    ------
    ValueError
        As `GradientDescent`, or if the momentum is out of range.
    TypeError
        If ``steps`` is not an integer, or ``carry_velocity`` not a bool.

    Examples
    --------
    >>> Nesterov([0.1, 0.05], momentum=0.9, carry_velocity=True)
    Nesterov([0.1, 0.05], momentum=0.9, carry_velocity=True)
    """

    __slots__ = ()
    name = "nesterov"


@dataclass(frozen=True, repr=False)
class GradientFlow(Phase):
    """Gradient flow, the limit of infinitely small steps, for a time.

    For time t it multiplies the residual along a direction of train curvature γ by exp(-2γt); K
    small steps at rate η come close to time t = Kη.

    Parameters
    ----------
    time : float, default: infinity
        How long, at least 0.

    Raises
    ------
    ValueError
        If ``time`` is negative or NaN.

    Examples
    --------
    >>> GradientFlow()
    GradientFlow()
    >>> GradientFlow(time=2.5)
    GradientFlow(time=2.5)
    """

    time: float = math.inf
    name: ClassVar[str] = "gradient_flow"

    def __post_init__(self) -> None:
        time = float(_real("time", self.time))
        if not time >= 0:
            raise ValueError(f"time must be a number of at least 0; got {self.time!r}")
        object.__setattr__(self, "time", time + 0.0)  # -0 is 0

    @property
    def steps(self) -> int:
        """0: a flow is no steps."""
        return 0

    def rate(self, step: int) -> float:
        """Raise ``ValueError``: a flow has no steps.

        Parameters
        ----------
        step : int
            Any.
        """
        raise ValueError(f"gradient flow has no learning rate, asked for step {step}")

    def learning_rates(self) -> npt.NDArray[np.float64]:
        """Raise ``ValueError``: a flow has no steps, but for the empty one."""
        if self.time == 0:
            return np.empty(0)
        raise ValueError(
            "gradient flow has no learning rates; replace it by K small steps, "
            "GradientDescent(time / K, steps=K), or leave it out"
        )

    def scaled(self, factor: float) -> GradientFlow:
        """Return the phase with its time multiplied by a number.

        Parameters
        ----------
        factor : float
            Such as ``problem.max_lr``.
        """
        return GradientFlow(self.time * factor)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON, which knows no infinity, holds of the phase."""
        return {"time": None if math.isinf(self.time) else self.time}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Build a phase from what `to_dict` gives.

        Parameters
        ----------
        fields : dict
            The fields, without the phase's name.
        """
        time = fields.pop("time", None)
        return cls(time=math.inf if time is None else time, **fields)

    def __repr__(self) -> str:
        return "GradientFlow()" if math.isinf(self.time) else f"GradientFlow(time={self.time!r})"


def anneal(lr: float, steps: int) -> Schedule:
    """Build the paper's annealed schedule: ``steps`` GD steps at rate ``lr``, then gradient flow.

    This is GD(K, η, ε) of the paper (section 2); the paper takes the rate η = 1/γ₁, that is
    ``problem.max_lr``.

    Parameters
    ----------
    lr : float
        The large rate η.
    steps : int
        The number of steps K at that rate.

    Returns
    -------
    Schedule
        ``Schedule(GradientDescent(lr, steps), GradientFlow())``.

    Examples
    --------
    >>> anneal(1.5, 10)
    Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    """
    return Schedule(GradientDescent(lr, steps), GradientFlow())


def _real(name: str, value: Any) -> npt.NDArray[np.float64]:
    try:
        given = np.asarray(value)
        # truth values, texts, times and complex numbers are no real numbers
        if given.dtype.kind not in "bSUmMc" and not np.ma.is_masked(value):
            return given.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the latter is PyTorch's
        pass
    shown = reprlib.repr(value)
    raise TypeError(f"{name} must be a finite real number or numbers; got {shown}") from None


def _step_count(steps: Any) -> int:
    if isinstance(steps, bool):
        raise TypeError("steps must be an integer; got a bool")
    try:
        count = operator.index(steps)
    except TypeError:
        raise TypeError(f"steps must be an integer; got {type(steps).__name__} {steps!r}") from None
    if not 0 <= count <= _MAX_STEPS:
        raise ValueError(f"steps must be between 0 and 2**53; got {count}")
    return count
