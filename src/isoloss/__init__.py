"""What a learning-rate schedule does to the test loss at a given train loss, exactly and fast."""

import importlib

from isoloss._version import __version__ as __version__

TYPE_CHECKING = False  # the same as typing's, which would take time to import
if TYPE_CHECKING:
    from isoloss import checker as checker
    from isoloss import comparison as comparison
    from isoloss import curves as curves
    from isoloss import datasets as datasets
    from isoloss import dynamics as dynamics
    from isoloss import estimators as estimators
    from isoloss import explorer as explorer
    from isoloss import large as large
    from isoloss import levels as levels
    from isoloss import networks as networks
    from isoloss import optimize as optimize
    from isoloss import paper as paper
    from isoloss import problems as problems
    from isoloss import proof as proof
    from isoloss import reports as reports
    from isoloss import schedules as schedules
    from isoloss import sweep as sweep
    from isoloss.comparison import Comparison, compare
    from isoloss.dynamics import Run, finish, simulate, train
    from isoloss.large import from_operator
    from isoloss.levels import (
        Band,
        BestFilter,
        ReachableBand,
        attaining_schedule,
        best_filter,
        level_band,
        reachable_band,
    )
    from isoloss.optimize import Design, design
    from isoloss.problems import Problem
    from isoloss.schedules import (
        GradientDescent,
        GradientFlow,
        HeavyBall,
        Nesterov,
        Schedule,
        anneal,
        families,
        read_schedule,
    )

# These load at first use: the command line's help and completion need neither them nor NumPy.
_PACKAGES = (
    "checker",
    "comparison",
    "curves",
    "datasets",
    "dynamics",
    "estimators",
    "explorer",
    "large",
    "levels",
    "networks",
    "optimize",
    "paper",
    "problems",
    "proof",
    "reports",
    "schedules",
    "sweep",
)
_PACKAGE_OF = {
    "Band": "levels",
    "BestFilter": "levels",
    "Comparison": "comparison",
    "Design": "optimize",
    "GradientDescent": "schedules",
    "GradientFlow": "schedules",
    "HeavyBall": "schedules",
    "Nesterov": "schedules",
    "Problem": "problems",
    "ReachableBand": "levels",
    "Run": "dynamics",
    "Schedule": "schedules",
    "anneal": "schedules",
    "attaining_schedule": "levels",
    "best_filter": "levels",
    "compare": "comparison",
    "design": "optimize",
    "families": "schedules",
    "finish": "dynamics",
    "from_operator": "large",
    "level_band": "levels",
    "reachable_band": "levels",
    "read_schedule": "schedules",
    "simulate": "dynamics",
    "train": "dynamics",
}
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
    "finish",
    "from_operator",
    "level_band",
    "reachable_band",
    "read_schedule",
    "simulate",
    "train",
]


if not TYPE_CHECKING:  # type checkers know the names above, and no others

    def __getattr__(name: str) -> object:
        if name in _PACKAGES:
            return importlib.import_module(f"isoloss.{name}")
        if name not in _PACKAGE_OF:
            raise AttributeError(
                f"module 'isoloss' has no attribute {name!r}",
                name=name,
                obj=importlib.import_module("isoloss"),
            )
        found = getattr(importlib.import_module(f"isoloss.{_PACKAGE_OF[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return [*__all__, *_PACKAGES, "__version__"]
