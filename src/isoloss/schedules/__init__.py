"""Learning-rate schedules: phases, families, texts, files and PyTorch schedulers."""

from isoloss.schedules import families
from isoloss.schedules.families.annealing import anneal
from isoloss.schedules.files import read_schedule
from isoloss.schedules.grammar import SpecError
from isoloss.schedules.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov
from isoloss.schedules.resolving import resolve
from isoloss.schedules.schedule import Phase, Schedule
from isoloss.schedules.text import Spec

__all__ = [
    "GradientDescent",
    "GradientFlow",
    "HeavyBall",
    "Nesterov",
    "Phase",
    "Schedule",
    "Spec",
    "SpecError",
    "anneal",
    "families",
    "read_schedule",
    "resolve",
]

# Pickle and skops files name the public path, so that moving modules does not break them.
for _saved in (*Phase.kinds.values(), Schedule, Spec):
    _saved.__module__ = __name__
del _saved
