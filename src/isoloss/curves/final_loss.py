"""The final loss as a function of the rates of blocks, with its gradient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.curves.law_parameters import LawParameters
from isoloss.curves.recurrence import recur
from isoloss.curves.spectrum import kernel

__all__ = ["FinalLoss"]

Floats = npt.NDArray[np.float64]


class FinalLoss:
    """The loss of the law after blocks of constant rate.

    The final noise has a closed form: while the filtered time S grows by s after a block, the noise
    that the block added decays by the kernel k(s) = (1 + Cs)^(−β). The gradient goes backwards
    through the recurrence of the weight norm, and costs only as much as a few losses.

    Parameters
    ----------
    parameters : LawParameters
        The parameters.
    length : array, shape (blocks,)
        The length of each block, in thousands of steps.
    decay : float
        The rate at which weight decay shrinks the squared weight norm per thousand steps, at the
        reference rate.
    """

    def __init__(self, parameters: LawParameters, length: Floats, decay: float) -> None:
        self._law, self._length, self._decay = parameters, length, decay

    def value_and_gradient(self, rate: Floats) -> tuple[float, Floats]:
        """Return the final loss and its gradient, shape (blocks,), for rates in reference units."""
        law, length = self._law, self._length
        if law.norm_growth == 0:
            loss, by_acting = self._acting(rate)
            return loss, by_acting
        lost = self._decay * rate * length
        ends, end_rate, end_norm = self._norm(lost, length, rate)
        before = np.concatenate([[1.0], ends[:-1]])
        half_kept = np.exp(-lost / 2)
        gain, gain_rate = _gain(lost / 2, length / 2, rate, self._decay)
        middle = half_kept * before + law.norm_growth * gain
        shrunk = middle ** (-law.norm_exponent / 2)
        loss, by_acting = self._acting(rate * shrunk)
        by_middle = by_acting * rate * shrunk * (-law.norm_exponent / 2) / middle
        # The effect of the norm at a block's end on all later blocks, from the last one backwards.
        later = np.concatenate([(by_middle * half_kept)[1:], [0.0]])
        factor = np.concatenate([end_norm[1:], [0.0]])
        by_end = recur(factor[::-1], later[::-1])[::-1]
        half = self._decay * length / 2
        gradient = by_acting * shrunk
        gradient += by_middle * (law.norm_growth * gain_rate - half * half_kept * before)
        gradient += by_end * (law.norm_growth * end_rate - 2 * half * end_norm * before)
        return loss, gradient

    def _norm(self, lost: Floats, length: Floats, rate: Floats) -> tuple[Floats, Floats, Floats]:
        """Return ρ² at each block's end, the slope of its gain, and the share that it keeps."""
        kept = np.exp(-lost)
        gain, gain_rate = _gain(lost, length, rate, self._decay)
        added = self._law.norm_growth * gain
        added[0] += kept[0]  # ρ² starts from 1
        return recur(kept, added), gain_rate, kept

    def _acting(self, acting: Floats) -> tuple[float, Floats]:
        """Return the loss, and its derivatives with respect to the effective rates y."""
        law = self._law
        passed = acting * self._length
        # the time that is still to pass, at the start of each block and at the end
        left = np.concatenate([np.cumsum(passed[::-1])[::-1], [0.0]])
        total = left[0]
        signal = law.signal * total**-law.signal_exponent
        share = kernel(left, law.cutoff, law.noise_exponent)
        grown = np.diff(share)
        loss = law.floor + signal + law.noise * float(acting @ grown)
        slope = -law.noise_exponent * law.cutoff * share / (1 + law.cutoff * left)
        jump = np.concatenate([[0.0], acting[:-1]]) - acting
        by_left = law.noise * np.cumsum(jump * slope[:-1])
        by_left -= law.signal_exponent * signal / total
        return loss, law.noise * grown + by_left * self._length


def _gain(lost: Floats, length: Floats, rate: Floats, decay: float) -> tuple[Floats, Floats]:
    """Return ∫ x² e^(−s) dt over each block, and its derivative with respect to the rate x."""
    small = lost < 1e-4
    safe = np.where(small, 1.0, lost)
    share = np.where(small, 1 - lost / 2 + lost**2 / 6, -np.expm1(-safe) / safe)
    slope = np.where(small, -0.5 + lost / 3, (np.exp(-safe) * (1 + safe) - 1) / safe**2)
    gain = share * length * rate**2
    return gain, length * rate * (2 * share + slope * rate * decay * length)
