"""Problems from random train sets: the paper's, Gaussian with any spectrum, resampled rows."""

from isoloss.problems.random.samplers import Sampler, directions, enumerated, gaussian, resampled
from isoloss.problems.random.spectra import power_law, spiked, two_level

__all__ = [
    "Sampler",
    "directions",
    "enumerated",
    "gaussian",
    "power_law",
    "resampled",
    "spiked",
    "two_level",
]
