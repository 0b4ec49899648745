"""The lowest and highest test loss at one train loss, over parameters, filters or schedules."""

from isoloss.levels.attaining import attaining_schedule
from isoloss.levels.band import Band, level_band
from isoloss.levels.grid import train_losses
from isoloss.levels.reachable import BestFilter, ReachableBand, best_filter, reachable_band
from isoloss.levels.ridge_regression import Ridge, ridge

__all__ = [
    "Band",
    "BestFilter",
    "ReachableBand",
    "Ridge",
    "attaining_schedule",
    "best_filter",
    "level_band",
    "reachable_band",
    "ridge",
    "train_losses",
]
