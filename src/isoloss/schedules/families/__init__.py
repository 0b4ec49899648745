"""Named families of learning rates: each function returns a schedule of one gradient-descent phase.

Families compose, as the example below shows. Step t = 0, …, K-1 takes the rate that the PyTorch or
Optax schedule named in the docstring would set at optimizer step t. The end value of a warm-up or
decay is therefore the rate that step K, the first one after it, *would* take. All raise
``TypeError`` if a count is not an integer or another argument is not a single number, and
``ValueError`` if an argument is out of range.

>>> (warmup(0.5, 2) + constant(0.5, 3) + decay(0.5, 2)).learning_rates()
array([0.  , 0.25, 0.5 , 0.5 , 0.5 , 0.5 , 0.25])
"""

from isoloss.schedules.families.annealing import anneal as annealed
from isoloss.schedules.families.cycles import cosine, cyclic, one_cycle
from isoloss.schedules.families.decays import (
    constant,
    decay,
    exponential,
    inverse_time,
    polynomial,
    step_decay,
)
from isoloss.schedules.families.warmups import warmup, warmup_stable_decay

__all__ = [
    "annealed",
    "constant",
    "cosine",
    "cyclic",
    "decay",
    "exponential",
    "inverse_time",
    "one_cycle",
    "polynomial",
    "step_decay",
    "warmup",
    "warmup_stable_decay",
]
