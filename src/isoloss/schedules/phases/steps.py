"""The base class of all phases but gradient flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt

from isoloss.schedules.phases.numbers import PRINTED, count, in_unit, nonnegative, printed, real
from isoloss.schedules.schedule import Phase
from isoloss.schedules.settings import Sampling

__all__ = ["Steps"]

_MAX_STEPS = 2**53  # every step count up to here is exact in float64
_MIN_RUN = 64  # runs of at least this many equal rates are solved in closed form


class Steps(Phase):
    """Steps that share one learning rate or have a rate each."""

    __slots__ = ("_batch_size", "_rates", "_sampling", "_steps", "_weight_decay")
    _rates: npt.NDArray[np.float64]
    _steps: int
    _weight_decay: float
    _batch_size: int | None
    _sampling: Sampling | None

    def __init__(
        self,
        lr: Any,
        steps: int | None = None,
        *,
        weight_decay: float = 0.0,
        batch_size: int | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        rates, steps = _rates_of(lr, steps, type(self).__name__)
        object.__setattr__(self, "_rates", rates)
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_weight_decay", nonnegative("weight_decay", weight_decay))
        if batch_size is not None:
            batch_size = count("batch_size", batch_size, 1, _MAX_STEPS)
        object.__setattr__(self, "_batch_size", batch_size)
        object.__setattr__(self, "_sampling", _checked(sampling, batch_size))

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

    @property
    def weight_decay(self) -> float:
        """The weight decay λ, which adds λβ to the gradient."""
        return self._weight_decay

    @property
    def batch_size(self) -> int | None:
        """The number of rows in each minibatch, or None for full batches."""
        return self._batch_size

    @property
    def sampling(self) -> Sampling | None:
        """How the rows of minibatches are drawn; None leaves this to the problem."""
        return self._sampling

    @property
    def momentum(self) -> Any:
        """The momentum μ as a float, or the momenta as a read-only array."""
        return 0.0

    @property
    def nesterov(self) -> bool:
        """Whether the momentum is Nesterov's."""
        return False

    @property
    def dampening(self) -> float:
        """The share of each gradient that the velocity leaves out."""
        return 0.0

    @property
    def decoupled(self) -> bool:
        """Whether weight decay shrinks the parameters beside the step, not through the gradient."""
        return False

    @property
    def carry_velocity(self) -> bool:
        """Whether the velocity of a directly preceding momentum phase is kept."""
        return False

    @property
    def is_plain(self) -> bool:
        """Whether there is no weight decay, no dampening, one momentum, and no minibatch."""
        settings = self._weight_decay, self._batch_size, self.dampening
        return not any(settings) and isinstance(self.momentum, float)

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
        """Return the phase in another unit: its rates are multiplied by a number.

        Weight decay, which is a curvature, is divided by it.

        Parameters
        ----------
        factor : float
            The number, such as ``problem.max_lr``.
        """
        with np.errstate(over="ignore"):  # an infinite rate is refused
            fields = self._fields(self._rates * factor)
        if self._weight_decay:
            fields["weight_decay"] = in_unit(self._weight_decay, factor)
        return self.from_dict(fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the phase for JSON, without its name."""
        # adding 0 turns -0 into 0, so that equal schedules have equal JSON
        return self._fields((self._rates + 0.0).tolist())

    def _fields(self, lr: Any) -> dict[str, Any]:
        """Return the arguments that build the same phase with other rates."""
        fields = {"lr": lr} if self._rates.ndim else {"lr": lr, "steps": self._steps}
        return fields | self._settings()

    def _settings(self) -> dict[str, Any]:
        """Return the settings that are not at their defaults."""
        settings = {
            "weight_decay": self._weight_decay,
            "batch_size": self._batch_size,
            "sampling": self._sampling,
        }
        return {name: value for name, value in settings.items() if value}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        rates = self._rates + 0.0  # turns -0 into 0, whose bytes differ
        settings = self._weight_decay, self._batch_size, self._sampling
        return type(self), self._rates.shape, rates.tobytes(), self._steps, settings, *self._extra()

    def _extra(self) -> tuple[str, ...]:
        """Return arguments of the subclass in their printed form."""
        return ()

    def __repr__(self) -> str:
        parts = [printed(self._rates), *self._extra()]
        if self._rates.ndim == 0 or self._steps > PRINTED:
            parts.append(f"steps={self._steps}")
        parts += [f"{name}={value!r}" for name, value in self._settings().items()]
        return f"{type(self).__name__}({', '.join(parts)})"


def _rates_of(lr: Any, steps: Any, name: str) -> tuple[npt.NDArray[np.float64], int]:
    """Return one rate without axes, or a rate for each step, and the number of steps."""
    if steps is not None:
        steps = count("steps", steps, 0, _MAX_STEPS)
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
    return rates, steps


def _checked(sampling: Any, batch_size: int | None) -> Sampling | None:
    if sampling is None:
        return None
    known = get_args(Sampling)
    if sampling not in known:
        raise ValueError(f"sampling must be one of {', '.join(known)}; got {sampling!r}")
    if batch_size is None:
        raise ValueError(
            "sampling says how the rows of minibatches are drawn: give batch_size too; got only "
            f"sampling={sampling!r}"
        )
    found: Sampling = sampling
    return found
