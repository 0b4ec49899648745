"""Random train sets as problems: the paper's, Gaussian ones of any spectrum, real rows again."""

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
