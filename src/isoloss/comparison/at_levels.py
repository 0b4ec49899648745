"""Run schedules to train losses: stop them there, or finish them there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.ends import OpenEnds
from isoloss.dynamics.finishing import finish_each
from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.problems.problem import Problem
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Unfinished

__all__ = ["runs_to"]


def runs_to(
    problem: Problem,
    schedules: Sequence[Spec | Schedule | Unfinished],
    levels: npt.NDArray[np.float64],
) -> Iterator[Run]:
    """Yield the run (L,) of each schedule, either stopped or finished at each level."""
    whole = [each for each in schedules if not isinstance(each, Unfinished)]
    stopped = iter(train(problem, whole, levels) if whole else ())
    for each in schedules:
        if isinstance(each, Unfinished):
            yield finish_each(OpenEnds(problem, each), levels)
        else:
            yield next(stopped)
