"""What a learning-rate schedule does to the test loss at a given train loss, exactly and fast."""

import importlib

TYPE_CHECKING = False  # as typing's, without loading it: the command must start at once
if TYPE_CHECKING:
    from isoloss import families
    from isoloss.attaining import attaining_schedule
    from isoloss.comparison import Comparison, compare
    from isoloss.designing.design import Design, design
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
__version__ = "0.7.0"

# Loaded at first use: the command line's help and completion need none of it, nor NumPy.
_ROOMS = {
    "attaining": ("attaining_schedule",),
    "comparison": ("Comparison", "compare"),
    "designing": ("Design", "design"),
    "levelset": ("Band", "level_band"),
    "phases": ("GradientDescent", "GradientFlow", "HeavyBall", "Nesterov", "anneal"),
    "problem": ("Problem",),
    "reachable": ("BestFilter", "ReachableBand", "best_filter", "reachable_band"),
    "run": ("Run",),
    "schedule": ("Schedule",),
    "schedule_files": ("read_schedule",),
    "training": ("train",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

if not TYPE_CHECKING:  # type checkers know the names above, and no others

    def __getattr__(name: str) -> object:
        if name == "families":
            return importlib.import_module("isoloss.families")
        if name not in _ROOM_OF:
            raise AttributeError(
                f"module 'isoloss' has no attribute {name!r}",
                name=name,
                obj=importlib.import_module("isoloss"),
            )
        found = getattr(importlib.import_module(f"isoloss.{_ROOM_OF[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
