"""What isoloss forecast computes from a law, and the runs that it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import quoted, suggest
from isoloss.cli.forecast_plans import (
    BEST,
    check_bounds,
    first_warmup,
    looks_absolute,
    usual_schedules,
    usual_text,
)
from isoloss.cli.run_options import together
from isoloss.curves import ForecastComparison, Law, LossCurve, NextRun
from isoloss.curves.planned_rates import planned_rates
from isoloss.schedules import Schedule

__all__ = ["Bounds", "Forecasting", "forecast_all", "run_named"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """What the usual schedules and the best one keep to; None where nothing is given.

    The weight decay is that of all forecast runs, if the fitted runs have different ones.
    """

    steps: int | None
    max_lr: float | None
    min_lr: float
    warmup: int | None
    weight_decay: float | None


@dataclass(frozen=True)
class Forecasting:
    """All results of the command.

    Attributes
    ----------
    law : Law
        The law.
    runs : tuple of LossCurve
        The runs that it was fitted to; none if it was saved.
    comparison : ForecastComparison
        The forecasts.
    best : Schedule or None
        The schedule of the lowest predicted loss, if it was asked for.
    after : LossCurve or None
        The run that all schedules continue.
    next_run : NextRun
        The run that would make the best forecast most certain.
    budget : int
        The largest number of steps that it may have.
    notes : tuple of str
        What was assumed, a sentence each; the notes of the law are in its summary.
    names : str
        What the names of the usual schedules mean; empty without them.
    """

    law: Law
    runs: tuple[LossCurve, ...]
    comparison: ForecastComparison
    best: Schedule | None
    after: LossCurve | None
    next_run: NextRun
    budget: int
    notes: tuple[str, ...]
    names: str


def forecast_all(
    law: Law,
    runs: tuple[LossCurve, ...],
    asked: Mapping[str, str | Schedule],
    bounds: Bounds,
    after: LossCurve | None,
    *,
    best: bool,
    confidence: float,
    notes: Sequence[str],
) -> Forecasting:
    """Forecast the given schedules, the best one if asked for, and usual ones beside it."""
    notes, decay = [*law.notes, *notes], bounds.weight_decay if law.weight_decay is None else None
    planned: dict[str, str | Schedule] = {}
    found, names = None, ""
    if best or not asked:
        steps, ramp, told = _length(law, runs, bounds, after)
        most = bounds.max_lr
        if most is None:
            most = law.reference if after is None else after.peak
        check_bounds(most, bounds.min_lr, steps, ramp)
        notes += told
        if best:
            found = law.best_schedule(
                steps,
                max_lr=most,
                min_lr=bounds.min_lr,
                warmup=ramp,
                after=after,
                weight_decay=decay,
            )
            planned[BEST] = found
        planned |= usual_schedules(most, bounds.min_lr, steps, ramp, beside_best=best)
        names = usual_text(steps, ramp, law.reference)
    rates = {name: _rates(name, each, law) for name, each in {**planned, **asked}.items()}
    notes += [
        looks_absolute(float(rates[name].max()), law.reference)
        for name, each in asked.items()
        if isinstance(each, str)
    ]
    if after is not None:
        notes.append(
            f"All schedules continue '{after.name}' after its step {after.steps}; steps count from "
            "its start."
        )
    comparison = law.compare(rates, after=after, confidence=confidence, weight_decay=decay)
    notes += together((name, each.notes) for name, each in comparison.forecasts.items())
    budget = max(_longest(law, runs), 20)
    following = law.next_run(
        budget, schedule=comparison.forecasts[comparison.best].rates, weight_decay=decay
    )
    kept = tuple(dict.fromkeys(note for note in notes if note))
    return Forecasting(law, runs, comparison, found, after, following, budget, kept, names)


def _longest(law: Law, runs: Sequence[LossCurve]) -> int:
    # a law knows only the middle of the last stretch of rows that it was fitted to
    return max((run.steps for run in runs), default=law.fitted.steps)


def _rates(name: str, schedule: str | Schedule, law: Law) -> Floats:
    try:
        return planned_rates(schedule, law.reference)[0]
    except ValueError as error:
        start = "" if name in str(error) else f"{name}: "
        raise ValueError(f"{start}{error}") from None


def _length(
    law: Law, runs: Sequence[LossCurve], bounds: Bounds, after: LossCurve | None
) -> tuple[int, int, list[str]]:
    """Return the steps and warm-up of schedules that have none of their own, and sentences."""
    notes = []
    steps = bounds.steps
    if steps is None:
        steps = _longest(law, runs)
        notes.append(f"Schedules have {steps} steps, as the longest fitted run; see --steps.")
    if bounds.warmup is not None or after is not None:
        return steps, bounds.warmup or 0, notes
    if not runs:
        notes.append("There is no warm-up, since a saved law records none; see --warmup.")
        return steps, 0, notes
    longest = max(runs, key=lambda run: run.steps)
    ramp = min(first_warmup(longest), steps // 5)
    if ramp:
        notes.append(f"The warm-up of {ramp} steps is that of '{longest.name}'; see --warmup.")
    return steps, ramp, notes


def run_named(name: str, runs: Sequence[LossCurve]) -> LossCurve:
    """Return one of the runs that were read; raise ``ValueError`` if there is none of this name."""
    known = [run.name for run in runs]
    if not known:
        raise ValueError(
            f"a saved law does not keep its runs; give --after the file of one instead of '{name}'"
        )
    if name not in known:
        raise ValueError(
            f"--after continues a run, but there is no run '{name}'{suggest(name, known)}; there "
            f"are {quoted(known, 12)}"
        )
    return runs[known.index(name)]
