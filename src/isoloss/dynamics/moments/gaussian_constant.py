"""Take many minibatch steps at one rate in closed form, for fresh Gaussian rows without momentum.

With a_i = 1 - 2ηγ_i - ηλ and z_i = 2ηγ_i/√B, a step makes the variances
V_i ← a_i² V_i + z_i² M_i + z_i (Σ z_j M_j + 2ησ²/√B), where M_i = V_i + m_i and the mean squares
are m_i(k) = squares_i a_i^(2k) + cross_i a_i^k + constants_i. So V is multiplied by I - S, where
S = diag(1 - a_i² - z_i²) - z zᵀ, whose modes are those of `rank_one`. A mode of eigenvalue σ decays
by (1 - σ)^K = exp(K log1p(-σ)), and a source x^k adds Σ_s x^s (1 - σ)^(K - 1 - s) to it: a
difference quotient of powers, which keeps its digits where x and 1 - σ are close. Curvatures with
equal S_ii have one mode, and the rest of their space decays by itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.dynamics import double_double as dd
from isoloss.dynamics.moments.rank_one import modes

__all__ = ["ConstantRate", "MeanSquares", "SignedSum"]

Array = npt.NDArray[np.float64]

_LEAST = 1e-145  # couplings whose squares would underflow are 0
_LARGEST = 600.0  # growth in nats from which on variances are scaled
_RESONANT = 1e-4  # logs that differ by less than twice this share lose digits as two powers
_APART = 1e-3  # the share by which the logs of the powers in their place differ


class MeanSquares(NamedTuple):
    """Squares of the mean residual after k steps: squares a^(2k) + cross a^k + constants."""

    squares: Array
    cross: Array
    constants: Array


class SignedSum(NamedTuple):
    """What ``first_below`` takes."""

    coefficients: Array
    log_rates: Array
    slopes: Array
    negative: npt.NDArray[np.bool_]


class ConstantRate:
    """Minibatch steps at one rate η, with weight decay λ and batches of B fresh Gaussian rows."""

    def __init__(
        self, curvature: Array, lr: float, batch_size: float, weight_decay: float = 0.0
    ) -> None:
        zero = np.zeros_like(curvature)
        g = dd.two_prod(lr + zero, curvature)
        decay = dd.two_prod(lr, weight_decay)
        u = dd.add(dd.scale(g, 2.0), (decay[0] + zero, decay[1] + zero))
        squares = dd.divide(dd.scale(dd.multiply(g, g), 4.0), (batch_size + zero, zero))
        lost = dd.multiply(u, dd.add((2.0 + zero, zero), dd.scale(u, -1.0)))  # 1 - a²
        s = dd.add(lost, dd.scale(squares, -1.0))
        self.lr, self.batch_size, self.u = lr, batch_size, u[0]
        self.log_a = _log_size(u[0])
        self.live = squares[0] > _LEAST**2
        self.z = np.sqrt(squares[0][self.live])
        kept = np.exp(2 * self.log_a[self.live]) + squares[0][self.live]  # a² + z² = 1 - s
        distinct, first, self.place = np.unique(s[0][self.live], True, True)
        size = np.sqrt(np.bincount(self.place, self.z**2, distinct.size))
        self.share = self.z / size[self.place]
        self.s = distinct[self.place]
        margin = 0.0
        if np.all(distinct > 0):
            pairs = ((part[0][self.live], part[1][self.live]) for part in (squares, s))
            margin = _one_less_sum(dd.divide(*pairs))
        self.modes = modes(distinct, size, margin)
        self.vectors = self.modes.vectors[self.place]
        self.log_kept = _log_power(self.s, kept)
        # each σ lies below its s, so that no digits of 1 - σ are lost even if it is almost 0
        self.log_rates = _log_power(self.modes.values, kept[first] + np.diag(self.modes.gaps))

    def variances(
        self, steps: int, variance: Array, mean_squares: MeanSquares, noise: float
    ) -> tuple[Array, float]:
        """Return V after some steps, divided by e^x, and x, which is 0 unless V would overflow."""
        top = max(float(x.max(initial=0.0)) for x in (self.log_rates, 2 * self.log_a))
        shift = top * steps if top * steps > _LARGEST else 0.0
        sigma, logs, z, e = self.modes.values, self.log_rates, self.z, self.share
        mine = MeanSquares(*(part[self.live] for part in mean_squares))
        columns = MeanSquares(*(part[:, None] for part in mine))
        start = variance[self.live]
        # a mean square adds z_i² to its own variance, and z_i z to all
        pull = z[:, None] * ((z * e)[:, None] * self.vectors + self.modes.overlaps)
        gaps = self.modes.gaps[self.place]
        y = np.einsum("ij,ij->j", pull, self._sources(columns, gaps, sigma, logs, steps, shift))
        y += _powers(steps, logs, shift) * ((e * start) @ self.vectors)
        added = 2 * self.lr * noise / np.sqrt(self.batch_size) * self.modes.overlaps
        y += added * _quotients(steps, sigma, 0.0, logs, shift)
        found = np.exp(2 * self.log_a * steps - shift) * variance if steps else variance.copy()
        found[self.live] = e * (self.vectors @ y)
        if self.s.size > sigma.size:
            zero, logs = np.zeros_like(self.s), self.log_kept
            rest = z**2 * self._sources(mine, zero, self.s, logs, steps, shift)
            rest += _powers(steps, logs, shift) * start
            shared = np.bincount(self.place, e * rest, sigma.size)
            found[self.live] += rest - e * shared[self.place]
        return np.maximum(found, 0.0), shift

    def _sources(
        self, m: MeanSquares, gaps: Array, sigma: Array, logs: Array, steps: int, shift: float
    ) -> Array:
        """Return Σ_s m_i(s) (1 - σ)^(K - 1 - s), where gaps are S_ii - σ."""
        shape = (-1, 1) if gaps.ndim == 2 else (-1,)
        u, log_a = (x[self.live].reshape(shape) for x in (self.u, self.log_a))
        apart = -(gaps + (self.z**2).reshape(shape))
        total = m.squares * _quotients(steps, apart, 2 * log_a, logs, shift)
        if np.any(m.cross):
            total += m.cross * _quotients(steps, sigma - u, log_a, logs, shift, negative=u > 1)
        if np.any(m.constants):
            total += m.constants * _quotients(steps, sigma + 0 * u, 0.0, logs, shift)
        return total

    def excess(self, variance: Array, mean_squares: MeanSquares, noise: float) -> SignedSum:
        """Return Σ γ_i (V_i + m_i) as a function of the number of steps, from 1 on."""
        p, sigma, logs, e = self.modes.overlaps, self.modes.values, self.log_rates, self.share
        mine = MeanSquares(*(part[self.live] for part in mean_squares))
        start = variance[self.live] + mine.squares + mine.cross + mine.constants
        u = self.u[self.live]
        weight = np.sqrt(self.batch_size) / (2 * self.lr) * p  # of z in γ, of the modes in z
        # M = V + m has no sources but label noise and, under weight decay, constants and cross
        level = weight * ((e * mine.constants * u * (2 - u)) @ self.vectors) + noise * p * p
        slopes = level * _quotient_or_one(-logs, sigma)
        parts = [(weight * ((e * start) @ self.vectors), logs, slopes, False)]
        if np.any(mine.cross):
            pull = (e * mine.cross * (1 - u) * u)[:, None] * self.vectors * weight
            parts += _split(pull, sigma - u[:, None], self.log_a[self.live], logs, u > 1)
        columns = zip(*(np.broadcast_arrays(*part) for part in parts), strict=True)
        return SignedSum(*(np.concatenate([x.ravel() for x in column]) for column in columns))


def _split(pull: Array, apart: Array, log_x: Array, log_y: Array, negative: Any) -> list[Any]:
    """Return Σ_ij pull_ij (x_i^K - y_j^K)/(x_i - y_j) as powers, given x - y."""
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.log1p(apart / np.exp(log_y)) / 2
        middle = log_y + near
        is_near = ~negative[:, None] & (np.abs(near) < _RESONANT * np.abs(middle))
    share = np.where(is_near | (apart == 0), 0.0, pull / np.where(apart == 0, 1.0, apart))
    parts: list[Any] = [
        (share.sum(axis=1), log_x, 0.0, negative),
        (-share.sum(axis=0), log_y, 0.0, False),
    ]
    # sinh(dK)/d to fourth order in K, by powers that are far enough apart
    d, m, size = near[is_near], middle[is_near], pull[is_near]
    h = _APART * np.abs(m)
    second = ((d / h) ** 2 - 1) / 6
    size = size * np.exp(-m) * _quotient_or_one(d, np.sinh(d)) / 2
    for times, factor in ((1, 1 - 2 * second), (2, second)):
        parts += [(size * factor / h, m + times * h, 0.0, False)]
        parts += [(-size * factor / h, m - times * h, 0.0, False)]
    return parts


def _quotients(
    steps: int, apart: Array, log_x: Any, log_y: Array, shift: float, negative: Any = False
) -> Array:
    """Return (x^K - y^K)/(x - y) e^(-shift), given x - y; x is negative where so marked."""
    if steps < 2:
        return np.full(np.shape(apart), float(steps))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        top = np.where(apart > 0, log_x, log_y)
        below = np.where(top > -np.inf, np.maximum(-np.abs(apart) / np.exp(top), -1.0), 0.0)
        ratio = np.where(below == 0, steps, np.expm1(steps * np.log1p(below)) / below)
        found = np.exp((steps - 1) * top - shift) * ratio
        if np.any(negative):
            sign = -1.0 if steps % 2 else 1.0
            x = sign * np.exp(steps * log_x - shift)
            both = (x - np.exp(steps * log_y - shift)) / np.where(apart == 0, 1.0, apart)
            found = np.where(negative, both, found)
    return found


def _quotient_or_one(x: Array, y: Array) -> Array:
    """Return x/y, which is 1 where both are 0."""
    return np.divide(x, y, where=y != 0, out=np.ones_like(y))


def _powers(steps: int, logs: Array, shift: float) -> Array:
    return np.exp(steps * logs - shift) if steps else np.ones_like(logs)


def _log_power(sigma: Array, power: Array) -> Array:
    """Return log(1 - σ), given 1 - σ too."""
    return np.where(sigma < 0.5, np.log1p(-np.minimum(sigma, 0.5)), np.log(power))


def _log_size(u: Array) -> Array:
    """Return log|1 - u|."""
    with np.errstate(divide="ignore"):
        return np.where(u < 0.5, np.log1p(-np.minimum(u, 0.5)), np.log(np.abs(1 - u)))


def _one_less_sum(terms: dd.Pair) -> float:
    """Return 1 less a sum of pairs, in double-double."""
    total: dd.Pair = (np.float64(1.0), np.float64(0.0))
    for high, low in zip(*terms, strict=True):
        total = dd.add(total, (-high, -low))
    return float(total[0])
