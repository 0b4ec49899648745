"""What the filter of a power-law spectrum makes of the signal and the noise of runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from isoloss.curves.blocks import Blocks, Rates
from isoloss.curves.recurrence import recur
from isoloss.curves.spectrum import CURVATURES

__all__ = ["FilteredRuns", "norm_parts"]

Floats = npt.NDArray[np.float64]


class FilteredRuns:
    """Runs whose signal and noise are known at their rows, for any parameters of the law.

    Only the growth c and the exponent e of the weight norm change what the filter does; the other
    parameters of the law weight it. A fit therefore filters few times.

    Parameters
    ----------
    runs : sequence of (rates, steps)
        The rate of each step, and the steps of the rows, of each run.
    reference : float
        The rate in whose units rates are.
    weight_decay : array, shape (runs,)
        The weight decay λ of each run.
    """

    def __init__(self, runs: Sequence[Rates], reference: float, weight_decay: Floats) -> None:
        self.blocks = Blocks.of(runs, reference)
        decay = 2000 * reference * weight_decay[:, None]  # 2λη a thousand steps
        self.kept, self.grown = norm_parts(self.blocks.length, self.blocks.rate, decay)
        self.at = lru_cache(maxsize=6)(self._at)

    def rates(self, growth: float, exponent: float) -> Floats:
        """Return the rate that acts in each block, y = xρ^(−e), shape (runs, blocks).

        Without growth of the norm (c = 0) the norm is constant, whatever the weight decay.
        """
        if growth == 0:
            return self.blocks.rate
        with np.errstate(over="ignore"):  # a norm that decays to nothing meets only rates of 0
            shrunk = (self.kept + growth * self.grown) ** (-exponent / 2)
        return self.blocks.rate * np.minimum(shrunk, 1e6)

    def _at(self, growth: float, exponent: float) -> tuple[Floats, Floats]:
        """Return the time S of each row, shape (rows,), and its noise, shape (rows, curvatures)."""
        rate = self.rates(growth, exponent)
        passed = rate * self.blocks.length
        time = np.cumsum(passed, axis=1)
        lost = np.expm1(-passed[..., None] * CURVATURES)
        noise = recur(1 + lost, -lost * rate[..., None])
        run, block = self.blocks.run, self.blocks.block
        return time[run, block], noise[run, block]


def norm_parts(length: Floats, rate: Floats, decay: Floats) -> tuple[Floats, Floats]:
    """Return p and g of the squared weight norm ρ² = p + cg at the middle of each block.

    ρ² follows dρ²/dt = −dxρ² + cx² from 1, with the rate x and the decay d. In a block of constant
    rate its solution is exact.
    """
    lost = decay * rate * length
    total = np.cumsum(lost, axis=1)
    ends = recur(np.exp(-lost), _gain(lost, length, rate))
    before = np.concatenate([np.zeros_like(ends[:, :1]), ends[:, :-1]], axis=1)
    middle = np.exp(-lost / 2) * before + _gain(lost / 2, length / 2, rate)
    return np.exp(-(total - lost / 2)), middle


def _gain(lost: Floats, length: Floats, rate: Floats) -> Floats:
    """Return ∫ x² e^(−s) over a stretch in which s grows to ``lost``."""
    safe = np.where(lost > 0, lost, 1)
    share = np.where(lost > 1e-8, -np.expm1(-lost) / safe, 1 - lost / 2)
    return share * length * rate**2
