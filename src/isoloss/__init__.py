"""What a learning-rate schedule does to the test loss at a given train loss, exactly and fast."""

from isoloss.levelset import Band, level_band
from isoloss.problem import Problem
from isoloss.run import Run
from isoloss.schedule import GradientDescent, GradientFlow, Schedule, anneal
from isoloss.training import train

__all__ = [
    "Band",
    "GradientDescent",
    "GradientFlow",
    "Problem",
    "Run",
    "Schedule",
    "anneal",
    "level_band",
    "train",
]
__version__ = "0.1.0"
