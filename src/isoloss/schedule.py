"""Phases and schedules: what the optimizer does, in order. Knows nothing of problems."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["GradientDescent", "GradientFlow", "Phase", "Schedule", "anneal"]

_MAX_STEPS = 2**53  # every step count up to here is exact in float64
_PRINTED_RATES = 8
_MIN_RUN = 64  # equal rates from this many on are solved in closed form


class GradientDescent:
    """Gradient-descent steps: one rate for ``steps`` steps, or one step for each entry of ``lr``.

    A step at rate η multiplies the residual along a direction of train curvature γ by 1 - 2ηγ (the
    losses have no factor ½), as plain SGD on PyTorch's ``MSELoss`` does.

    Parameters
    ----------
    lr : float or 1-D array_like
        The learning rate, or a rate for each step; finite and at least 0.
    steps : int, optional
        The number of steps K; needed with a single rate.

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
    """

    __slots__ = ("_rates", "_steps")
    _rates: npt.NDArray[np.float64]
    _steps: int

    def __init__(self, lr: Any, steps: int | None = None) -> None:
        rates = np.array(lr, dtype=np.float64)
        if rates.ndim > 1:
            raise ValueError(f"lr must be a number or a 1-D array; got shape {rates.shape}")
        if not np.isfinite(rates).all():
            raise ValueError("lr must be finite; got NaN or infinity")
        if (rates < 0).any():
            raise ValueError(f"lr must not be negative; got {rates.min():g}")
        if steps is not None:
            steps = _step_count(steps)
        if rates.ndim == 0:
            if steps is None:
                raise ValueError(
                    "a single rate needs a number of steps: "
                    f"GradientDescent({float(rates):g}, steps=K)"
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
        raise AttributeError(f"GradientDescent is immutable; cannot set {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return GradientDescent, (self.lr, self.steps)

    @property
    def lr(self) -> Any:
        """The rate as a float, or the rates as a read-only array."""
        return float(self._rates) if self._rates.ndim == 0 else self._rates

    @property
    def steps(self) -> int:
        """The number of steps."""
        return self._steps

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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GradientDescent):
            return NotImplemented
        return self._steps == other._steps and np.array_equal(self._rates, other._rates)

    def __hash__(self) -> int:
        return hash((self._rates.shape, self._rates.tobytes(), self._steps))

    def __repr__(self) -> str:
        if self._rates.ndim == 0:
            return f"GradientDescent({float(self._rates)!r}, steps={self._steps})"
        rates = [repr(float(rate)) for rate in self._rates[:_PRINTED_RATES]]
        if self._steps > _PRINTED_RATES:
            rates[3:] = ["...", repr(float(self._rates[-1]))]
            return f"GradientDescent([{', '.join(rates)}], steps={self._steps})"
        return f"GradientDescent([{', '.join(rates)}])"


@dataclass(frozen=True, repr=False)
class GradientFlow:
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

    def __post_init__(self) -> None:
        time = float(self.time)
        if not time >= 0:
            raise ValueError(f"time must be a number of at least 0; got {self.time!r}")
        object.__setattr__(self, "time", time)

    def __repr__(self) -> str:
        return "GradientFlow()" if math.isinf(self.time) else f"GradientFlow(time={self.time!r})"


Phase = GradientDescent | GradientFlow


@dataclass(frozen=True, init=False, repr=False)
class Schedule:
    """Phases in the order in which the optimizer runs them.

    Parameters
    ----------
    *phases : GradientDescent, GradientFlow or Schedule
        The phases; a schedule among them stands for its own phases.

    Raises
    ------
    TypeError
        If something else is given.

    Examples
    --------
    >>> Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    """

    phases: tuple[Phase, ...]

    def __init__(self, *phases: Phase | Schedule) -> None:
        flat: list[Phase] = []
        for phase in phases:
            if isinstance(phase, Schedule):
                flat.extend(phase.phases)
            elif isinstance(phase, GradientDescent | GradientFlow):
                flat.append(phase)
            else:
                raise TypeError(
                    "a schedule is made of GradientDescent, GradientFlow and Schedule objects; "
                    f"got {type(phase).__name__}"
                )
        object.__setattr__(self, "phases", tuple(flat))

    def __repr__(self) -> str:
        return f"Schedule({', '.join(map(repr, self.phases))})"


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
