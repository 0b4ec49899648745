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
from isoloss.schedules.resolving import in_own_units
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Unfinished

__all__ = ["runs_to", "stopped_at"]

Floats = npt.NDArray[np.float64]


def runs_to(
    problem: Problem, schedules: Sequence[Spec | Schedule | Unfinished], levels: Floats
) -> Iterator[Run]:
    """Yield the run (L,) of each schedule, either stopped or finished at each level."""
    whole = [each for each in schedules if not isinstance(each, Unfinished)]
    stopped = stopped_at(problem, whole, levels)
    for each in schedules:
        if isinstance(each, Unfinished):
            yield finish_each(OpenEnds(problem, each), levels)
        else:
            yield next(stopped)


def stopped_at(
    problem: Problem, schedules: Sequence[Spec | Schedule], levels: Floats
) -> Iterator[Run]:
    """Yield the run (L,) of each schedule, stopped at each level.

    Schedules that are more than a filter train one by one, as one run of all would give each of
    them the others' covariances.
    """
    plain = [each for each in schedules if in_own_units(each).is_plain]
    together = iter(train(problem, plain, levels) if plain else ())
    for each in schedules:
        if in_own_units(each).is_plain:
            yield next(together)
            continue
        try:
            yield train(problem, each, levels)
        except ValueError as error:
            raise ValueError(f"{each}: {error}") from error
