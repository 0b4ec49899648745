"""The parameters of the law, and the loss that they give."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.spectrum import weights, weights_by_parameter

__all__ = ["LawParameters", "log_loss", "log_loss_and_slopes"]

Floats = npt.NDArray[np.float64]

_DIFFERENCE = 1e-4  # in log c and log e, whose slopes are finite differences


@dataclass(frozen=True)
class LawParameters:
    """The parameters of the law L = L∞ + A S^(−α) + B Σ w n.

    S = ∫ y dt sums the effective rates y, and the noise modes n follow dn/dt = λy(y − n). Time is
    in thousands of steps, and rates are in units of the law's reference rate.

    Attributes
    ----------
    floor : float
        The loss L∞ that no training goes below, at least 0.
    signal : float
        The excess loss A of the signal at S = 1.
    signal_exponent : float
        The exponent α of the power law by which the signal falls.
    noise : float
        The excess loss B to which noise rises at a constant effective rate of 1.
    noise_exponent : float
        The exponent β of the noise's spectrum: without new noise, old noise falls like S^(−β).
    norm_growth : float
        The growth c of the squared weight norm, which starts from 1, per thousand steps at the
        reference rate; 0 means that the norm is constant.
    cutoff : float
        The curvature C above which the weights w of the noise fall exponentially.
    norm_exponent : float
        The exponent e of the weight norm ρ in the effective rate y = x ρ^(−e), with x the rate.
    """

    floor: float
    signal: float
    signal_exponent: float
    noise: float
    noise_exponent: float
    norm_growth: float
    cutoff: float
    norm_exponent: float

    @classmethod
    def of_logs(cls, logs: Floats) -> Self:
        """Return the parameters with these logarithms; −∞ stands for no growth of the norm.

        Parameters
        ----------
        logs : array, shape (8,)
            The logarithms, in the order of the attributes.
        """
        # Searches may try parameters that overflow, or vanish.
        return cls(*np.exp(np.where(logs == -np.inf, logs, np.clip(logs, -400, 400))).tolist())

    def times(self, factor: float) -> Self:
        """Return the parameters of the law whose losses are multiplied by a factor.

        Parameters
        ----------
        factor : float
            The factor.
        """
        return replace(
            self,
            floor=self.floor * factor,
            signal=self.signal * factor,
            noise=self.noise * factor,
        )


def log_loss(parameters: LawParameters, runs: FilteredRuns) -> Floats:
    """Return the logarithm of the loss at each row, shape (rows,)."""
    return np.log(_loss(parameters, runs))


def log_loss_and_slopes(parameters: LawParameters, runs: FilteredRuns) -> tuple[Floats, Floats]:
    """Return the log losses, shape (rows,), and their slopes along log parameters, (rows, 8)."""
    p = parameters
    time, noise = runs.at(p.norm_growth, p.norm_exponent)
    by_cutoff, by_exponent = weights_by_parameter(p.cutoff, p.noise_exponent)
    signal = p.signal * _power(time, p.signal_exponent)
    loss = _loss(p, runs)
    slopes = np.zeros((time.size, 8))
    slopes[:, 0] = p.floor
    slopes[:, 1] = signal
    slopes[:, 2] = -p.signal_exponent * np.log(time) * signal
    slopes[:, 3] = loss - p.floor - signal
    slopes[:, 4] = p.noise * (noise @ by_exponent)
    slopes[:, 6] = p.noise * (noise @ by_cutoff)
    if p.norm_growth > 0:
        for index in (5, 7):
            name = fields(p)[index].name
            moved = replace(p, **{name: getattr(p, name) * math.exp(_DIFFERENCE)})
            slopes[:, index] = (_loss(moved, runs) - loss) / _DIFFERENCE
    return np.log(loss), slopes / loss[:, None]


def _loss(p: LawParameters, runs: FilteredRuns) -> Floats:
    time, noise = runs.at(p.norm_growth, p.norm_exponent)
    signal = p.signal * _power(time, p.signal_exponent)
    found: Floats = p.floor + signal + p.noise * (noise @ weights(p.cutoff, p.noise_exponent))
    return found


def _power(time: Floats, exponent: float) -> Floats:
    return np.exp(np.minimum(-exponent * np.log(time), 200))
