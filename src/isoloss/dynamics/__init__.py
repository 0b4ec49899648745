"""Training in closed form: a schedule is a filter on the train spectrum."""

from isoloss.dynamics.path import Path
from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train

__all__ = ["Path", "Run", "train"]
