"""The base class of all phases but gradient flow."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from isoloss.schedules.phases.numbers import real
from isoloss.schedules.schedule import Phase

__all__ = ["Steps"]

_MAX_STEPS = 2**53  # every step count up to here is exact in float64
_PRINTED_RATES = 8
_MIN_RUN = 64  # runs of at least this many equal rates are solved in closed form


class Steps(Phase):
    """Steps that share one learning rate or have a rate each."""

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
        rates = real("lr", lr)
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
        # plain values, since pickle and skops both support them
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
            The step, from 0 to ``steps - 1``.
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
            The number, such as ``problem.max_lr``.
        """
        with np.errstate(over="ignore"):  # an infinite rate is refused
            rates = self._rates * factor
        return self.from_dict(self._fields(rates))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the phase for JSON, without its name."""
        # adding 0 turns -0 into 0, so that equal schedules have equal JSON
        return self._fields((self._rates + 0.0).tolist())

    def _fields(self, lr: Any) -> dict[str, Any]:
        """Return the arguments that build the same phase with other rates."""
        return {"lr": lr} if self._rates.ndim else {"lr": lr, "steps": self._steps}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        rates = self._rates + 0.0  # turns -0 into 0, whose bytes differ
        return type(self), self._rates.shape, rates.tobytes(), self._steps, *self._extra()

    def _extra(self) -> tuple[str, ...]:
        """Return the other arguments in their printed form."""
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
