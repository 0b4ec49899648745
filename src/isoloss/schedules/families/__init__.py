"""Named families of learning rates: each function returns a schedule of one gradient-descent phase.

Families compose, as the example below shows. Step t = 0, …, K-1 takes the rate that the PyTorch or
Optax schedule named in the docstring would set at optimizer step t. The end value of a warm-up or
decay is therefore the rate that step K, the first one after it, *would* take. All also take
settings of the optimizer, as `Schedule.with_settings` does. All raise
``TypeError`` if a count is not an integer or another argument is not a single number, and
``ValueError`` if an argument is out of range.

>>> (warmup(0.5, 2) + constant(0.5, 3) + decay(0.5, 2)).learning_rates()
array([0.  , 0.25, 0.5 , 0.5 , 0.5 , 0.5 , 0.25])
>>> cosine(1.0, 3, momentum=0.9, weight_decay=0.1, batch_size=32)
Schedule(HeavyBall([1.0, 0.75, 0.25], momentum=0.9, weight_decay=0.1, batch_size=32))
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
