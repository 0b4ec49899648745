"""A noisy loss curve as a smooth function of the step, with its standard error.

The curve is a local regression in the log of the step. The bandwidth is the one with which local
lines best predict rows that are left out; the curve itself then uses local parabolas, whose bias at
that bandwidth is below their noise [1]_. Windows end where the learning rate turns, so that a
cool-down is not mixed with what came before it.

.. [1] S. Calonico, M. D. Cattaneo and M. H. Farrell, "On the effect of bias estimation on coverage
   accuracy in nonparametric inference", Journal of the American Statistical Association 113, 2018.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss.curves.oddities import spikes

__all__ = ["FEWEST", "SmoothCurve", "smooth"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

FEWEST = 8
"""The fewest rows that are smoothed."""
_MOST_ROWS, _MOST_POINTS = 2000, 400  # more rows are averaged in groups; points of the curve
_NEAREST = 7  # the least number of rows in a window
_BANDWIDTHS = np.geomspace(0.03, 0.3, 9)  # e-folds of steps
_LEFT_OUT = 80  # rows that are predicted from the others
_BESIDE = 4  # rows on both sides that are left out with them, as their noise is alike
_FAR, _LITTLE = 6.0, 1e-3  # median deviations beyond which a row has this little weight
_NOISE = 40  # the least number of rows that the noise at a place is estimated from
_LARGEST_CORRELATION = 0.95


@dataclass(frozen=True, eq=False)
class _Segment:
    """Rows between two turns of the rate: log steps, losses, weights, and their noise."""

    x: Floats
    y: Floats
    weight: Floats
    bandwidth: float
    noise: Floats
    correlation: float
    freedom: float


@dataclass(frozen=True, eq=False)
class SmoothCurve:
    """A smoothed loss curve.

    Attributes
    ----------
    step, loss : array, shape (m,)
        The curve at steps from the first row to the last.
    bandwidths : tuple of float
        The half width of the windows between two turns of the rate, in e-folds of steps.
    left_out : int
        The number of rows that are spikes, and were left out.
    """

    step: Floats
    loss: Floats
    bandwidths: tuple[float, ...]
    left_out: int
    _segments: tuple[_Segment, ...]

    def at(self, step: float) -> tuple[float, float, float]:
        """Return the loss at a step, its standard error, and the error's degrees of freedom."""
        x = float(np.log1p(step))
        segment = self._segment(x)
        (value,), (weights,) = _local(
            np.array([x]), segment.x, segment.y, segment.weight, segment.bandwidth, 2
        )
        return float(value), _error(weights, segment), segment.freedom

    def first_at(self, level: float) -> float:
        """Return the first step at which the loss is at or below a level; NaN if there is none.

        It is also NaN if the curve starts at or below the level, and so reached it unseen.
        """
        below = self.loss <= level
        if not below.any() or below[0]:
            return float("nan")
        place = int(below.argmax())
        high, low = self.loss[place - 1 : place + 1]
        x = np.log1p(self.step[place - 1 : place + 1])
        return float(np.expm1(x[0] + (x[1] - x[0]) * (high - level) / (high - low)))

    def _segment(self, x: float) -> _Segment:
        ends = [each.x[-1] for each in self._segments[:-1]]
        return self._segments[int(np.searchsorted(ends, x, side="left"))]


def smooth(
    step: Floats, loss: Floats, breaks: Sequence[int] | Steps = (), bandwidth: float | None = None
) -> SmoothCurve:
    """Smooth a loss curve of at least `FEWEST` rows.

    Parameters
    ----------
    step, loss : array, shape (n,)
        The step and the loss of each row.
    breaks : sequence of int, optional
        Steps that windows do not cross, if there are enough rows between them.
    bandwidth : float, optional
        The half width of the windows, in e-folds of steps; by default chosen from the rows.
    """
    x, y = _grouped(np.log1p(np.asarray(step, dtype=np.float64)), loss)
    spiked = spikes(y)
    x, y = x[~spiked], y[~spiked]
    segments = [
        _fitted(x[rows], y[rows], bandwidth) for rows in _parts(x, np.log1p(np.array(breaks)))
    ]
    points, values = [], []
    for each in segments:
        share = max(2, round(_MOST_POINTS * each.x.size / x.size))
        here = each.x[np.unique(np.linspace(0, each.x.size - 1, share).round().astype(int))]
        points.append(here)
        values.append(_local(here, each.x, each.y, each.weight, each.bandwidth, 2)[0])
    return SmoothCurve(
        np.expm1(np.concatenate(points)),
        np.concatenate(values),
        tuple(each.bandwidth for each in segments),
        int(spiked.sum()),
        tuple(segments),
    )


def _grouped(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return means of successive rows, if there are very many."""
    size = -(-x.size // _MOST_ROWS)
    if size == 1:
        return x, y
    first = np.arange(0, x.size, size)
    count = np.diff([*first, x.size])
    return np.add.reduceat(x, first) / count, np.add.reduceat(y, first) / count


def _parts(x: Floats, breaks: Floats) -> Iterator[slice]:
    """Yield the rows between breaks; a part of too few rows is joined with the one before it."""
    first = 0
    for place in np.searchsorted(x, breaks, side="right"):
        if place - first >= FEWEST and x.size - place >= FEWEST:
            yield slice(first, int(place))
            first = int(place)
    yield slice(first, x.size)


def _fitted(x: Floats, y: Floats, bandwidth: float | None) -> _Segment:
    weight = np.ones(x.size)
    chosen = _chosen(x, y, weight) if bandwidth is None else bandwidth
    for _ in range(2):  # outliers pull the first curve towards them
        deviation = np.abs(y - _at_rows(x, y, weight, chosen)[0])
        far = deviation > _FAR * float(np.median(deviation))
        if not far.any():
            break
        weight = np.where(far, _LITTLE, 1.0)
    # parabolas of twice the width absorb less of a noise that is correlated over several rows
    values, diagonal = _at_rows(x, y, weight, 2 * chosen)
    left = np.maximum(1 - 2 * diagonal[0] + diagonal[1], 0.05)
    residual = (y - values) / np.sqrt(left)
    noise = _noise(x, residual, weight, chosen, float(diagonal[0].mean()), left)
    return _Segment(x, y, weight, chosen, *noise)


def _chosen(x: Floats, y: Floats, weight: Floats) -> float:
    """Return the bandwidth with which local lines best predict rows that are left out."""
    rows = np.unique(np.linspace(0, x.size - 1, min(_LEFT_OUT, x.size)).round().astype(int))
    beside = _BESIDE if x.size > 6 * _NEAREST else 0
    length = float(x[-1] - x[0])
    tried = _BANDWIDTHS[: max(1, int(np.searchsorted(_BANDWIDTHS, length)))]
    errors = []
    for each in tried:
        predicted, _ = _local(x[rows], x, y, weight, each, 1, rows, beside)
        errors.append(np.abs(predicted - y[rows]))
    # a mean of logs, since early rows are far harder to predict, and would decide alone
    floor = 0.1 * float(np.median(errors))
    if floor == 0:
        return float(tried[0])
    scores = np.log(np.square(errors) + floor**2)
    worse = scores - scores[int(scores.mean(axis=1).argmin())]
    # the widest window that does not predict worse by more than chance
    chance = worse.std(axis=1) / math.sqrt(rows.size)
    return float(tried[np.flatnonzero(worse.mean(axis=1) <= chance)[-1]])


def _at_rows(x: Floats, y: Floats, weight: Floats, h: float) -> tuple[Floats, tuple[Floats, ...]]:
    """Return the curve at all rows; for each, the row's own weight and the squared weights' sum."""
    rows = np.unique(np.linspace(0, x.size - 1, min(_MOST_POINTS, x.size)).round().astype(int))
    values, weights = _local(x[rows], x, y, weight, h, 2)
    own = weights[np.arange(rows.size), rows]
    squares = (weights**2).sum(axis=1)
    known = (np.interp(x, x[rows], each) for each in (own, squares))
    return np.interp(x, x[rows], values), tuple(known)


def _noise(
    x: Floats, residual: Floats, weight: Floats, h: float, own: float, left: Floats
) -> tuple[Floats, float, float]:
    """Return the noise of each row, the correlation of successive rows, and degrees of freedom."""
    kept = residual * np.sqrt(weight)
    beside = float(np.median(np.searchsorted(x, x + h) - np.arange(x.size)))
    around = int(min(max(_NOISE, 2 * beside), x.size))
    window = np.ones(around)
    count = np.convolve(weight, window, mode="same")
    noise = np.sqrt(np.convolve(kept**2, window, mode="same") / count)
    scaled = kept / np.where(noise > 0, noise, 1.0)
    power = float((scaled**2).sum())
    # smoothing lowers the correlation of neighbouring residuals by about a row's own weight
    found = float((scaled[1:] * scaled[:-1]).sum()) / power + own if power > 0 else 0.0
    correlation = min(max(found, 0.0), _LARGEST_CORRELATION)
    independent = around * float(left.mean()) * (1 - correlation) / (1 + correlation)
    return noise, correlation, max(1.0, independent - 1)


def _error(weights: Floats, segment: _Segment) -> float:
    """Return the standard error of a weighted sum of rows with correlated noise."""
    from scipy.signal import lfilter

    parts = weights * segment.noise
    before = lfilter([0.0, segment.correlation], [1.0, -segment.correlation], parts)
    return float(np.sqrt(max(0.0, float((parts * (parts + 2 * before)).sum()))))


def _local(
    at: Floats,
    x: Floats,
    y: Floats,
    weight: Floats,
    h: float,
    degree: int,
    rows: npt.NDArray[np.intp] | None = None,
    beside: int = 0,
) -> tuple[Floats, Floats]:
    """Return local polynomials at some places, and the weights of all rows in each of them.

    If ``rows`` has the row of each place, that row and ``beside`` rows on both sides are left out.
    """
    distance = x - at[:, None]
    near = np.abs(distance)
    if rows is not None:
        index = np.arange(x.size)
        near[np.abs(index - rows[:, None]) <= beside] = np.inf
    needed = min(_NEAREST, x.size - 1 - (0 if rows is None else 2 * beside + 1))
    reach = np.maximum(h, 1.001 * np.partition(near, needed, axis=1)[:, needed])
    u = distance / reach[:, None]
    kernel = np.clip(1 - (near / reach[:, None]) ** 2, 0, None) * weight
    parts, sums = [kernel], [kernel.sum(axis=1)]
    for _ in range(2 * degree):
        parts.append(parts[-1] * u)
        sums.append(parts[-1].sum(axis=1))
    order = np.arange(degree + 1)
    moments = np.stack(sums, axis=1)[:, order[:, None] + order]
    target = np.zeros((at.size, degree + 1, 1))
    target[:, 0] = 1
    solved = np.linalg.solve(moments, target)
    weights = np.zeros_like(kernel)
    for power in order:
        weights += parts[power] * solved[:, power]
    return weights @ y, weights
