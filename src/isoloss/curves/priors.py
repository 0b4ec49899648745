"""Priors of the law's parameters, and the fits of other data that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import suggest

__all__ = ["PRIORS", "Prior", "check_priors", "prior_logs"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """A log-normal prior of one parameter.

    Attributes
    ----------
    median : float
        The median. For ``norm_growth``, it holds at a reference rate of 10⁻³.
    spread : float
        The standard deviation of the parameter's logarithm.
    evidence : mapping of str to float
        The value that a fit to all curves of a data set gave, for each data set, in the same units.
    """

    median: float
    spread: float
    evidence: Mapping[str, float]


# The data sets are public: 25M, 100M and 400M are the curves of the Multi-Power Law (Luo et al.,
# ICLR 2025), which have one peak rate; 124M those of Schaipp et al. (ICML 2025), with two peaks;
# and 0.3M the byte-level transformer of this project's study, with three. All were trained with
# AdamW and weight decay 0.1. The medians are round numbers near these values. The spreads are wider
# than the differences of the values, since five language models are few and alike. That of the
# norm's exponent is not, because only runs of several peaks determine it, and a fit of one peak
# drifts. The growth depends on the exponent; its values come from fits with the exponent 1.4.
PRIORS: Mapping[str, Prior] = MappingProxyType(
    {
        "signal_exponent": Prior(
            0.5, 0.15, {"25M": 0.548, "100M": 0.522, "400M": 0.509, "124M": 0.476, "0.3M": 0.540}
        ),
        "noise_exponent": Prior(
            0.22, 0.6, {"25M": 0.223, "100M": 0.155, "400M": 0.083, "124M": 0.247, "0.3M": 0.113}
        ),
        "norm_growth": Prior(
            1.1, 0.5, {"25M": 1.27, "100M": 1.23, "400M": 1.36, "124M": 0.596, "0.3M": 1.40}
        ),
        "cutoff": Prior(
            300.0, 1.2, {"25M": 410, "100M": 368, "400M": 251, "124M": 157, "0.3M": 1185}
        ),
        "norm_exponent": Prior(1.45, 0.1, {"100M": 1.83, "400M": 1.71, "124M": 1.49, "0.3M": 1.28}),
    }
)
_PLACES = {
    "signal_exponent": 2,
    "noise_exponent": 4,
    "norm_growth": 5,
    "cutoff": 6,
    "norm_exponent": 7,
}
_UNKNOWN = 10.0  # the spread of the logarithm of a parameter without a prior


def check_priors(given: Mapping[str, Prior] | None) -> Mapping[str, Prior]:
    """Return the priors that a user gives; raise an error for anything else."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"priors must map names of parameters to Prior; got {given!r}")
    for name, prior in given.items():
        if name not in _PLACES:
            raise ValueError(
                f"priors has {name!r}{suggest(str(name), list(_PLACES))}; parameters that may have "
                f"one are {', '.join(_PLACES)}"
            )
        if not isinstance(prior, Prior):
            raise TypeError(f"priors[{name!r}] must be a Prior; got {prior!r}")
        if not (0 < prior.median < np.inf and 0 < prior.spread < np.inf):
            raise ValueError(f"a prior needs a median and a spread above 0; got {name} = {prior}")
    return given


def prior_logs(priors: Mapping[str, Prior], reference: float) -> tuple[Floats, Floats]:
    """Return the prior means and standard deviations of the log parameters, shape (8,).

    The growth of the norm is converted to the reference rate, to whose square it is proportional.
    Parameters without a prior get the median 1 and a spread that allows almost any value.
    """
    means, spreads = np.zeros(8), np.full(8, _UNKNOWN)
    for name, prior in priors.items():
        place = _PLACES[name]
        means[place], spreads[place] = np.log(prior.median), prior.spread
    if "norm_growth" in priors:
        means[5] += 2 * np.log(reference / 1e-3)
    return means, spreads
