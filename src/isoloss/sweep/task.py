"""One task of a sweep: some draws of one parameter cell, with all schedules and levels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss._arrays import conversion
from isoloss._parallel.threads import one_thread
from isoloss.dynamics.stop_rule import LastStep
from isoloss.dynamics.training import train
from isoloss.levels.grid import Levels, starts_below
from isoloss.problems.expected import origin_along
from isoloss.problems.problem import Problem
from isoloss.problems.reduced import TrainRows
from isoloss.schedules.resolving import in_own_units
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["FIELDS", "OF_PROBLEMS", "Task"]

FIELDS = {
    "train_loss": "train loss at the stop",
    "test_loss": "test loss at the stop",
    "reached": "whether the schedule reaches the level",
    "steps": "gradient-descent steps",
    "flow_time": "time of gradient flow, a learning rate times steps",
}
"""The results for each run, arrays (draws, schedules, levels), and their descriptions."""
OF_PROBLEMS = {
    "start_train_loss": "train loss at the start",
    "min_train_loss": "smallest train loss",
    "start_test_loss": "test loss at the start",
    "max_lr": "largest stable constant rate, one over the largest train curvature",
}
"""The results for each problem, arrays (draws,), and their descriptions."""


@dataclass(frozen=True)
class Task:
    """The work of one worker at a time: numbered draws of one cell of the parameters.

    ``problems`` is a sampler, a function from the parameters to one, or a sequence.
    """

    problems: Any
    parameters: Mapping[str, Any]
    cell: int
    draws: tuple[int, ...]
    schedules: Sequence[Spec | Schedule]
    levels: Levels
    last_step: LastStep
    seed: int

    def run(self) -> dict[str, Any]:
        """Train in one thread, so that results do not depend on the number of threads."""
        shape = (len(self.draws), len(self.schedules), len(self.levels.values))
        found: dict[str, Any] = {name: np.empty(shape) for name in FIELDS}
        found |= {name: np.empty(len(self.draws)) for name in OF_PROBLEMS}
        with one_thread():
            for i, draw in enumerate(self.draws):
                try:
                    problem = self._problem(draw)
                except Exception as error:  # from the user's function
                    cell = ", ".join(f"{name} = {v}" for name, v in self.parameters.items())
                    error.add_note(f"in draw {draw}" + (f" of {cell}" if cell else ""))
                    raise
                for name in OF_PROBLEMS:
                    found[name][i] = float(getattr(problem, name))
                levels = self.levels.at(problem)
                runs = train(problem, list(self.schedules), levels, last_step=self.last_step)
                for name in FIELDS:
                    found[name][i] = getattr(runs, "time" if name == "flow_time" else name)
                # where nothing is trained, there is no loss at the level
                untrained = starts_below(problem.start_train_loss, levels)
                for name in ("train_loss", "test_loss"):
                    found[name][i][:, untrained] = np.nan
        return found

    def fingerprints(self) -> list[str]:
        """Return hashes that identify the problems: a sampler's first one, or each given one."""
        draws = self.draws[:1] if callable(self.problems) else self.draws
        plain = all(in_own_units(schedule).is_plain for schedule in self.schedules)
        with one_thread():
            problems = [self._problem(draw) for draw in draws]
            return [
                _fingerprint(each) + ("" if plain else _beyond_filters(each)) for each in problems
            ]

    def _problem(self, draw: int) -> Problem:
        if callable(self.problems):
            problem = self.problems(**self.parameters) if self.parameters else self.problems
            if not isinstance(problem, Problem):  # a sampler
                # the numbers do not depend on where, or in which order, tasks run
                seeds = np.random.SeedSequence(self.seed, spawn_key=(self.cell, draw))
                problem = problem(np.random.default_rng(seeds))
        else:
            problem = self.problems[draw]
        if not isinstance(problem, Problem) or problem._reduced.gamma.ndim > 1:
            raise TypeError(f"a sampler must return one Problem; got {problem!r}")
        return problem


_PROBES = ("gd(0.3, 1)", "gd(0.7, 3)", "flow(0.4)", "flow(11)", "flow(301)")


def _fingerprint(problem: Problem) -> str:
    """Return a hash of what schedules depend on; some runs represent the test loss."""
    losses = [float(getattr(problem, name)) for name in OF_PROBLEMS]
    probes = train(problem, _PROBES).test_loss
    reduced = problem._reduced
    parts = (reduced.gamma, reduced.log_weights, np.array(losses), np.array(probes, dtype=float))
    return hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest()


def _beyond_filters(problem: Problem) -> str:
    """Return a hash of what weight decay and minibatches depend on: the origin, and the rows."""
    reduced = problem._reduced
    rows: tuple[Any, ...] = ()
    together = 1
    if isinstance(reduced.rows, TrainRows):
        rows, together = (reduced.rows.inputs, reduced.rows.targets), reduced.rows.together
    elif reduced.rows is not None:
        rows, together = (reduced.rows.rows, reduced.rows.errors), reduced.rows.together
    origin = origin_along(reduced)
    parts = [*rows, *(() if origin is None else (origin,))]
    # without rows, the same curvatures may be those of rows and of a distribution
    kind = f"{reduced.is_population}{together if together > 1 else ''}".encode()
    return hashlib.sha256(
        kind + b"".join(conversion.floats("rows", part).tobytes() for part in parts)
    ).hexdigest()
