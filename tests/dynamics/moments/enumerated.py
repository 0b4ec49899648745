"""Minibatch SGD over every sequence of batches, in PyTorch's conventions: exact expectations."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
State = tuple[Floats, Floats | None, float]


def batches(n: int, size: int, *, replacement: bool) -> list[list[int]]:
    rows = range(n)
    if replacement:
        return [list(batch) for batch in itertools.product(rows, repeat=size)]
    return [list(batch) for batch in itertools.combinations(rows, size)]


def sgd(
    X: Floats,
    y: Floats,
    start: Floats,
    rates: Sequence[float],
    momenta: Sequence[float],
    drawn: list[list[int]],
    *,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    decoupled: bool = False,
) -> list[State]:
    """Return parameters, velocity and probability after the steps, for every sequence."""
    states: list[State] = [(start, None, 1.0)]
    for lr, momentum in zip(rates, momenta, strict=True):
        after: list[State] = []
        for w, v, p in states:
            for batch in drawn:
                rows = X[batch]
                gradient = 2.0 * rows.T @ (rows @ w - y[batch]) / len(batch)
                there = w
                if decoupled:
                    there = w * (1.0 - lr * weight_decay)
                else:
                    gradient = gradient + weight_decay * w
                step, velocity = gradient, v
                if momentum:
                    fresh = 1.0 - dampening
                    velocity = gradient if v is None else momentum * v + fresh * gradient
                    step = gradient + momentum * velocity if nesterov else velocity
                after.append((there - lr * step, velocity, p / len(drawn)))
        states = after
    return states


def moments(states: list[State]) -> tuple[Floats, Floats]:
    """Return mean parameters (d, m) and their covariance (d, d), summed over outputs."""
    mean = np.sum([p * w for w, _, p in states], axis=0)
    return mean, np.sum([p * (w - mean) @ (w - mean).T for w, _, p in states], axis=0)
