"""The filtered time and the noise modes of runs, from which the law computes losses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from isoloss.curves.blocks import Blocks, Rates
from isoloss.curves.recurrence import Chunks, recur
from isoloss.curves.spectrum import CURVATURES

__all__ = ["FilteredRuns", "norm_parts"]

Floats = npt.NDArray[np.float64]


class FilteredRuns:
    """Runs whose filtered time S and noise modes n are known at their rows.

    S = ∫ y dt and dn/dt = λy(y − n), with t in thousands of steps, the effective rate y = xρ^(−e),
    the logged rate x in reference units, the weight norm ρ and the curvature λ of a mode. Both
    depend only on the growth c of the norm and its exponent e, so a fit computes them few times.

    Parameters
    ----------
    runs : sequence of (rates, steps)
        The rate of each step, and the steps of the rows, of each run.
    reference : float
        The absolute rate that is the unit of rates.
    weight_decay : array, shape (runs,)
        The decoupled weight decay of each run.
    """

    def __init__(self, runs: Sequence[Rates], reference: float, weight_decay: Floats) -> None:
        self.blocks = [Blocks.of(*run, reference) for run in runs]
        self._norms = [
            norm_parts(each.length, each.rate, 2000 * reference * decay)  # per thousand steps
            for each, decay in zip(self.blocks, weight_decay, strict=True)
        ]
        self.at = lru_cache(maxsize=6)(self._at)

    def _at(self, growth: float, exponent: float) -> tuple[Floats, Floats]:
        """Return S at each row, shape (rows,), and the noise modes, shape (rows, curvatures)."""
        times, noises = [], []
        for blocks, (kept, grown) in zip(self.blocks, self._norms, strict=True):
            rate = _acting(blocks.rate, kept, grown, growth, exponent)
            passed = rate * blocks.length
            times.append(np.cumsum(passed)[blocks.row])
            noises.append(_noise(rate, passed, blocks.row))
        return np.concatenate(times), np.concatenate(noises)


def norm_parts(length: Floats, rate: Floats, decay: float) -> tuple[Floats, Floats]:
    """Return p and g of the squared weight norm ρ² = p + cg at the middle of each block.

    ρ² starts from 1 and follows dρ²/dt = −D x ρ² + c x², with the rate x and ``decay`` D. The
    solution is exact in blocks of constant rate.
    """
    lost = decay * rate * length
    ends = recur(np.exp(-lost), _gain(lost, length, rate))
    before = np.concatenate([[0.0], ends[:-1]])
    middle = np.exp(-lost / 2) * before + _gain(lost / 2, length / 2, rate)
    return np.exp(-(np.cumsum(lost) - lost / 2)), middle


def _gain(lost: Floats, length: Floats, rate: Floats) -> Floats:
    """Return ∫ x² e^(−s) dt over a stretch in which s grows from 0 to ``lost``."""
    safe = np.where(lost > 0, lost, 1)
    share = np.where(lost > 1e-8, -np.expm1(-lost) / safe, 1 - lost / 2)
    return share * length * rate**2


def _acting(rate: Floats, kept: Floats, grown: Floats, growth: float, exponent: float) -> Floats:
    """Return the effective rate in each block, y = xρ^(−e).

    If c = 0, the norm is taken to be constant, whatever the weight decay.
    """
    if growth == 0:
        return rate
    with np.errstate(over="ignore", divide="ignore"):
        # if the norm has decayed to 0, so has the rate
        shrunk = (kept + growth * grown) ** (-exponent / 2)
    return rate * np.minimum(shrunk, 1e6)


def _noise(rate: Floats, passed: Floats, row: npt.NDArray[np.int64]) -> Floats:
    """Return the noise mode of each curvature at the end of the blocks ``row``.

    Few arrays are used, and overwritten, so that a run stays in the processor's cache.
    """
    chunks = Chunks(rate.size)
    left = chunks.arranged(passed)[..., None] * -CURVATURES
    np.expm1(left, out=left)
    noise = left * -chunks.arranged(rate)[..., None]
    left += 1
    chunks.solve(left, noise)
    return chunks.taken(noise, row)
