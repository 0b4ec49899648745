"""A law in words: its parameters, and what the runs do not determine."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import percent, short
from isoloss.curves.law_parameters import LawParameters
from isoloss.curves.misfit import FittedRange, Misfit

__all__ = ["parameter_lines", "parameter_rows", "summarised"]

_MEANINGS = {
    "floor": "L∞, the loss that no training goes below",
    "signal": "A, the excess loss of the signal at S = 1",
    "signal_exponent": "α, how fast the signal is learned",
    "noise": "B, the excess loss of the noise at the peak",
    "noise_exponent": "β, how slowly the noise leaves",
    "norm_growth": "c, how fast the weight norm grows",
    "cutoff": "C, the largest curvature of the noise",
    "norm_exponent": "e, how the norm shrinks the rate",
}
_UNTOLD = 0.7  # of the prior's spread; if more of it is left, the runs say little


class Summarised(Protocol):
    """A law."""

    @property
    def parameters(self) -> LawParameters:
        """The parameters."""

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        """The covariance of their logarithms."""

    @property
    def prior_spreads(self) -> tuple[float, ...]:
        """The spreads of their logarithms before the fit."""

    @property
    def misfit(self) -> Misfit:
        """How far runs lie from the law."""

    @property
    def noise(self) -> float:
        """The noise of a row."""

    @property
    def fitted(self) -> FittedRange:
        """The peaks and lengths of the fitted runs."""

    @property
    def target(self) -> str:
        """The loss that was fitted."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of the fitted runs."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the fit assumed."""


def parameter_rows(law: Summarised) -> list[tuple[str, str, str, str]]:
    """Return the name, value, relative standard deviation and meaning of each parameter."""
    spreads = np.sqrt(np.diag(law.covariance)).tolist()
    return [
        (name, short(value), f"± {percent(spread)}" if spread else "held fixed", meaning)
        for (name, meaning), value, spread in zip(
            _MEANINGS.items(), vars(law.parameters).values(), spreads, strict=True
        )
    ]


def summarised(law: Summarised) -> str:
    """Return the summary of a law, with its notes."""
    return "\n".join([*parameter_lines(law), *([""] * bool(law.notes)), *law.notes])


def parameter_lines(law: Summarised) -> list[str]:
    """Return what was fitted, the parameters, and a sentence on those that are hardly known."""
    spreads = np.sqrt(np.diag(law.covariance))
    fitted = law.fitted
    low, high = short(fitted.lowest_peak), short(fitted.highest_peak)
    peaks = low if low == high else f"{low} to {high}"
    lines = [
        f"The {'test loss' if law.target == 'test_loss' else 'loss'} of {len(law.runs)} "
        f"run{'s' * (len(law.runs) > 1)} of up to {fitted.steps} steps, peak rates {peaks}:",
        "loss = L∞ + A S^(-α) + B × noise, with a misfit of "
        f"{percent(law.misfit.size)} and a noise of {percent(law.noise)} in each row",
        "",
    ]
    for name, value, spread, meaning in parameter_rows(law):
        lines.append(f"  {name:15}  {value:>9}  {spread:>10}   {meaning}")
    untold = [
        name
        for name, spread, prior in zip(_MEANINGS, spreads, law.prior_spreads, strict=True)
        if spread > _UNTOLD * prior
    ]
    if untold:
        lines += [
            "",
            f"The runs say little about {', '.join(untold)}: other data sets (the priors) say more "
            "than they do. law.next_run and isoloss forecast say which run to add.",
        ]
    return lines
