"""Two published laws of loss curves, written from their papers' formulas and fitted the same way.

Both are L = floor + A S^-alpha - B · (the gain from falling rates), with S the sum of the rates so
far, warm-up included. A fit minimises the sum of Huber losses (δ = 1e-3) of the residuals of log
loss over all rows, from several starts and until it converges; parameters are positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache, partial
from itertools import product
from typing import Protocol

import numpy as np
from public_curves import Curve
from scipy.optimize import least_squares, nnls
from scipy.signal import lfilter

DELTA = 1e-3
STARTS = 4
# The steps in a block of falls near a row and far from it, how far near is, and the rows that share
# blocks.
NEAR, FAR, DISTANCE, ROWS = 8, 128, 512, 8


@dataclass(frozen=True)
class MultiPower:
    """Luo et al., A multi-power law for loss curve prediction across schedules, ICLR 2025.

    L(t) = floor + A S(t)^-alpha - B Σ_{k ≤ t} (η_{k-1} - η_k) G(η_k^-gamma S_k(t)), where S_k(t) is
    the sum of the rates from step k to t, and G(x) = 1 - (1 + C x)^-beta. The warm-up's rises are
    part of the sum, as in the authors' program.
    """

    floor: float
    A: float
    alpha: float
    B: float
    C: float
    beta: float
    gamma: float

    def predict(self, rates: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the losses after each number of steps."""
        return _losses(np.log(astuple(self)), _Falls(rates, steps))[0]

    @classmethod
    def fit(cls, curves: Sequence[Curve]) -> MultiPower:
        """Return the law that fits the curves best."""
        rate, unit = _units(curves)
        parts = [_Falls(curve.rates, curve.step, rate, unit) for curve in curves]
        shapes = product((3.0, 30.0, 300.0), (0.3, 0.6), (0.5,))
        (floor, A, alpha, B, C, beta, gamma), _ = _fit(curves, parts, shapes)
        C *= rate**gamma / unit
        return cls(floor, A * unit**alpha, alpha, B / rate, C, beta, gamma)


PUBLISHED = {
    "25M": MultiPower(3.04045, 0.524686, 0.507869, 363.788, 2.06561, 0.582790, 0.641423),
    "100M": MultiPower(2.65145, 0.601152, 0.452958, 437.946, 2.13246, 0.597852, 0.655236),
    "400M": MultiPower(2.37475, 0.654212, 0.428788, 523.425, 2.02463, 0.593505, 0.634725),
}
"""The laws that the authors of the multi-power law fitted to their curves (their repository)."""


@dataclass(frozen=True)
class Annealing:
    """Tissue et al., Scaling law with learning rate annealing, 2024.

    L(t) = floor + A S(t)^-alpha - B Σ_{i ≤ t} m_i with m_i = memory · m_{i-1} + η_{i-1} - η_i, from
    the end of the warm-up, the first step of the largest rate.
    """

    floor: float
    A: float
    alpha: float
    B: float
    memory: float

    def predict(self, rates: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the losses after each number of steps."""
        theta = np.log([self.floor, self.A, self.alpha, self.B])
        return _losses(theta, _Momentum(rates, steps, self.memory))[0]

    @classmethod
    def fit(cls, curves: Sequence[Curve], memories: Sequence[float] = (0.999,)) -> Annealing:
        """Return the law that fits the curves best, over the given memories."""
        _, unit = _units(curves)
        found = []
        for memory in memories:
            parts = [_Momentum(curve.rates, curve.step, memory, unit) for curve in curves]
            (floor, A, alpha, B), cost = _fit(curves, parts, [()])
            law = cls(floor, A * unit**alpha, alpha, B / unit, memory)
            found.append((cost, law))
        return min(found, key=lambda each: each[0])[1]


class _Part(Protocol):
    """What a law needs of one curve's rates."""

    total: np.ndarray
    """The sum of the rates at each row."""

    def won(self, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gain from falling rates at each row, and its slopes along log shape."""


class _Falls:
    """The terms that the multi-power law sums over falls, where those of a block are merged.

    All falls of a block are put at their mean place, weighted by their sizes, and so are its rises:
    a single jump stays where it is. Blocks are short in the warm-up and shortly before a row, where
    much happens.
    """

    def __init__(
        self, rates: np.ndarray, steps: np.ndarray, rate: float = 1.0, unit: float = 1.0
    ) -> None:
        sums, falls = _sums(rates), -np.diff(rates, prepend=rates[0])
        self.total, self.chunks = sums[steps] / unit, []
        warm = int(rates.argmax())
        for rows in np.split(steps, range(ROWS, steps.size, ROWS)):
            last, near = rows[-1], max(rows[0] - DISTANCE, 0)
            grids = (
                range(0, warm, max(warm // 32, 1)),
                range(0, near, FAR),
                range(near, last, NEAR),
            )
            edges = np.unique(np.concatenate([*grids, rows]).astype(int))
            edges = edges[edges < last]
            parts = []
            for sign in (1, -1):
                sizes = np.maximum(sign * falls[:last], 0)
                whole = np.add.reduceat(sizes, edges)
                means = np.add.reduceat(sizes * [sums[:last], rates[:last]], edges, axis=1)
                some = whole > 0
                parts.append([sign * whole[some], *(means[:, some] / whole[some])])
            size, place, low = np.concatenate(parts, axis=1)
            since = np.maximum(sums[rows][:, None] - place, 0) / unit  # 0: before the fall
            # After a fall to zero the sum of rates stays zero, so any small rate can stand for it.
            log_low = np.log(np.maximum(low, 1e-12 * rates.max()) / rate)
            self.chunks.append((since, size / rate, log_low))

    def won(self, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        C, beta, gamma = shape
        parts = []
        for since, falls, log_low in self.chunks:
            x = C * np.exp(-gamma * log_low) * since
            log = np.log1p(x)
            left = np.exp(-beta * log)  # 1 - G
            along = left * x / (1 + x)
            slopes = (along @ falls, (log * left) @ falls, -gamma * along @ (falls * log_low))
            parts.append(np.column_stack([(1 - left) @ falls, *slopes]))
        table = np.concatenate(parts)
        return table[:, 0], beta * table[:, 1:]


class _Momentum:
    """The sums of the rates, and of the decaying memory of their falls, for the annealing law."""

    def __init__(
        self, rates: np.ndarray, steps: np.ndarray, memory: float, unit: float = 1.0
    ) -> None:
        falls = -np.diff(rates, prepend=rates[0])
        falls[: rates.argmax() + 1] = 0
        self.total = _sums(rates)[steps] / unit
        moved = np.cumsum(lfilter([1.0], [1.0, -memory], falls))
        self.area = np.r_[0.0, moved][steps] / unit

    def won(self, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.area, np.empty((self.area.size, 0))


def _sums(rates: np.ndarray) -> np.ndarray:
    """Return the sums of the rates before each step, and after the last one."""
    return np.r_[0.0, np.cumsum(rates)]


def _units(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the units of a fit: the largest rate, and its sum over a thousand steps."""
    rate = float(max(curve.rates.max() for curve in curves))
    return rate, 1000 * rate


def _losses(theta: np.ndarray, part: _Part) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses for log parameters (floor, A, alpha, B, *shape), and their slopes."""
    floor, A, alpha, B = np.exp(theta[:4])
    power = A * part.total**-alpha
    won, slopes = part.won(np.exp(theta[4:]))
    columns = (np.full_like(power, floor), power, -alpha * power * np.log(part.total), -B * won)
    return floor + power - B * won, np.column_stack([*columns, -B * slopes])


def _fit(
    curves: Sequence[Curve], parts: Sequence[_Part], shapes: Iterable[tuple[float, ...]]
) -> tuple[np.ndarray, float]:
    """Return the best parameters in units of the parts, and the sum of their Huber losses."""
    seen = np.concatenate([curve.loss for curve in curves])

    @lru_cache(maxsize=1)  # misses and slopes are asked for one after the other
    def both(*theta: float) -> tuple[np.ndarray, np.ndarray]:
        found = [_losses(np.array(theta), part) for part in parts]
        values = np.maximum(np.concatenate([value for value, _ in found]), 1e-6)  # for the log
        return np.log(values / seen), np.concatenate([slope for _, slope in found]) / values[
            :, None
        ]

    def misses(theta: np.ndarray) -> np.ndarray:
        return both(*theta)[0]

    def slopes(theta: np.ndarray) -> np.ndarray:
        return both(*theta)[1]

    starts = []
    for alpha, shape in product((0.2, 0.4, 0.8), shapes):
        power = np.concatenate([part.total**-alpha for part in parts])
        won = np.concatenate([part.won(np.array(shape))[0] for part in parts])
        columns = np.column_stack([np.ones_like(power), power, -won])
        linear, miss = nnls(columns / seen[:, None], np.ones_like(seen))
        linear = np.maximum(linear, 1e-6)
        starts.append((miss, np.log([*linear[:2], alpha, linear[2], *shape])))
    starts.sort(key=lambda start: start[0])
    size = starts[0][1].size
    fitted = partial(
        least_squares,
        misses,
        jac=slopes,
        bounds=([*[-20.0] * 4, *[-7.0] * 3][:size], [*[20.0] * 4, 10.0, 3.0, 1.5][:size]),
        x_scale="jac",
        f_scale=DELTA,
        gtol=1e-14,
        max_nfev=1000,
    )
    fits = []
    for _, theta in starts[:STARTS]:
        near = fitted(theta, loss="soft_l1", ftol=1e-6, xtol=1e-6)
        fits.append(fitted(near.x, loss="huber", ftol=1e-10, xtol=1e-10))
    best = min(fits, key=lambda done: done.cost)
    return np.exp(best.x), best.cost
