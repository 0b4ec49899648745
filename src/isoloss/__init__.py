"""What a learning-rate schedule does to the test loss at a given train loss, exactly and fast."""

from isoloss.levelset import Band, level_band
from isoloss.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov, anneal
from isoloss.problem import Problem
from isoloss.run import Run
from isoloss.schedule import Schedule
from isoloss.training import train

__all__ = [
    "Band",
    "GradientDescent",
    "GradientFlow",
    "HeavyBall",
    "Nesterov",
    "Problem",
    "Run",
    "Schedule",
    "anneal",
    "level_band",
    "train",
]
__version__ = "0.1.0"
