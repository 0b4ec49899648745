"""What a learning-rate schedule does to the test loss at a given train loss, exactly and fast."""

from isoloss import families
from isoloss.attaining import attaining_schedule
from isoloss.comparison import Comparison, compare
from isoloss.designing import Design, design
from isoloss.levelset import Band, level_band
from isoloss.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov, anneal
from isoloss.problem import Problem
from isoloss.reachable import BestFilter, ReachableBand, best_filter, reachable_band
from isoloss.run import Run
from isoloss.schedule import Schedule
from isoloss.schedule_files import read_schedule
from isoloss.training import train

__all__ = [
    "Band",
    "BestFilter",
    "Comparison",
    "Design",
    "GradientDescent",
    "GradientFlow",
    "HeavyBall",
    "Nesterov",
    "Problem",
    "ReachableBand",
    "Run",
    "Schedule",
    "anneal",
    "attaining_schedule",
    "best_filter",
    "compare",
    "design",
    "families",
    "level_band",
    "reachable_band",
    "read_schedule",
    "train",
]
__version__ = "0.5.0"
