"""One task of a sweep: some draws of one cell of the parameters, all schedules, all levels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss._parallel.threads import one_thread
from isoloss.dynamics.training import train
from isoloss.levels.grid import Levels
from isoloss.problems.problem import Problem
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["FIELDS", "OF_PROBLEMS", "Task"]

FIELDS = ("train_loss", "test_loss", "reached", "steps", "flow_time")
"""What is known of each run: arrays (draws, schedules, levels)."""
OF_PROBLEMS = ("start_train_loss", "min_train_loss", "start_test_loss", "max_lr")
"""What is known of each problem: arrays (draws,)."""


@dataclass(frozen=True)
class Task:
    """What one worker does in one go.

    Attributes
    ----------
    problems : callable or sequence
        A sampler, a function of the parameters that returns one, or the problems themselves.
    parameters : mapping
        The cell's parameters; empty without any.
    cell : int
        The cell's number.
    draws : tuple of int
        The numbers of the draws.
    """

    problems: Any
    parameters: Mapping[str, Any]
    cell: int
    draws: tuple[int, ...]
    schedules: Sequence[Spec | Schedule]
    levels: Levels
    seed: int

    def run(self) -> dict[str, Any]:
        """Train, in one thread, so that numbers do not depend on how many there are."""
        shape = (len(self.draws), len(self.schedules), len(self.levels.values))
        found: dict[str, Any] = {name: np.empty(shape) for name in FIELDS}
        found |= {name: np.empty(len(self.draws)) for name in OF_PROBLEMS}
        with one_thread():
            for i, draw in enumerate(self.draws):
                try:
                    problem = self._problem(draw)
                except Exception as error:  # the user's function's
                    cell = ", ".join(f"{name} = {v}" for name, v in self.parameters.items())
                    error.add_note(f"in draw {draw}" + (f" of {cell}" if cell else ""))
                    raise
                for name in OF_PROBLEMS:
                    found[name][i] = float(getattr(problem, name))
                runs = train(problem, list(self.schedules), self.levels.at(problem))
                for name in FIELDS:
                    found[name][i] = np.asarray(getattr(runs, _NAMES.get(name, name)))
        return found

    def fingerprints(self) -> list[str]:
        """Return what tells problems apart: the first one of a sampler, or each given one."""
        draws = self.draws[:1] if callable(self.problems) else self.draws
        with one_thread():
            return [_fingerprint(self._problem(draw)) for draw in draws]

    def _problem(self, draw: int) -> Problem:
        if not callable(self.problems):
            problem = self.problems[draw]
        else:
            sampler = self.problems(**self.parameters) if self.parameters else self.problems
            # the same numbers whatever runs them, and in which order
            seeds = np.random.SeedSequence(self.seed, spawn_key=(self.cell, draw))
            problem = (
                sampler if isinstance(sampler, Problem) else sampler(np.random.default_rng(seeds))
            )
        if not isinstance(problem, Problem) or problem._reduced.gamma.ndim > 1:
            raise TypeError(f"a sampler must return one Problem; got {problem!r}")
        return problem


_NAMES = {"flow_time": "time"}
_PROBES = ("gd(0.3, 1)", "gd(0.7, 3)", "flow(0.4)", "flow(11)", "flow(301)")


def _fingerprint(problem: Problem) -> str:
    """Return a hash of all of a problem that schedules see, its test loss by some of them."""
    losses = [float(getattr(problem, name)) for name in OF_PROBLEMS]
    probes = train(problem, _PROBES).test_loss
    reduced = problem._reduced
    parts = (reduced.gamma, reduced.log_weights, np.array(losses), np.array(probes, dtype=float))
    return hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest()
