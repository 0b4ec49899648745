"""compare(problem, schedules, levels): train each schedule to each level, with the yardsticks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import distinct
from isoloss._parallel.threads import blas_by_size
from isoloss.comparison.outcomes import Curve, Stop, Stops
from isoloss.comparison.result import Comparison
from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.levels.band import level_band
from isoloss.levels.grid import Levels, between, start_excess
from isoloss.levels.ridge_regression import ridge
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["compare"]

Floats = npt.NDArray[np.float64]
TestError = Callable[[Floats], Floats]

_ROUNDING = 1e-12  # test losses closer than this share of the start's are equal
_LEAST = 1e-10  # the least share of the smallest train loss that levels can divide
_SEARCHED = 1e-6  # how far the best stop is looked for
_CURVE = 241


@blas_by_size
def compare(
    problem: Problem,
    schedules: Mapping[str, Schedule | Phase] | Sequence[Schedule | Phase],
    levels: int | npt.ArrayLike = 12,
    *,
    unit: str = "absolute",
    test_error: TestError | None = None,
) -> Comparison:
    """Compare schedules at equal train loss.

    Parameters
    ----------
    problem : Problem
        One problem (no batch) of NumPy arrays.
    schedules : mapping of str to Schedule, or sequence of Schedule
        The schedules under their names in the result. Without names, each is called by its printed
        form, with a number where different schedules look the same (long lists of rates are
        abbreviated); equal schedules are compared once.
    levels : int or array_like, default: 12
        The train losses to stop at, in ``unit``; or how many, evenly spaced in the log of the train
        loss above its smallest value, from the start's (excluded) down to a thousandth of it.
    unit : {"absolute", "start", "excess"}, default: "absolute"
        Of levels, as in `isoloss.levels.train_losses`.
    test_error : callable, optional
        Gives the share of wrong classes for coefficients (..., d, m), such as `Split.test_error`.

    Returns
    -------
    Comparison
        Arrays, and a sentence for each schedule.

    Raises
    ------
    TypeError
        If the problem is a batch, or not of NumPy arrays, or a schedule is none.
    ValueError
        If there is no schedule, the start has the smallest train loss but for rounding, or a
        level is not between the smallest and the start's.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> found = compare(problem, {"flow": il.GradientFlow(), "annealed": il.anneal(1.5, 10)})
    >>> print(found.schedules[1].ratio[[0, 5, 11]].round(3))
    [0.706 0.538 0.501]
    """
    if not isinstance(problem, Problem) or not isinstance(problem.curvature, np.ndarray):
        raise TypeError("compare needs a Problem of NumPy arrays")
    if problem.curvature.ndim != 1:
        raise TypeError(f"compare needs one problem; this is a batch: {problem!r}")
    if isinstance(schedules, Schedule | Phase) or not len(schedules):
        raise ValueError("compare needs a list or dict of at least one schedule")
    start = start_excess(problem)
    if not start > _LEAST * _floor(problem):
        raise ValueError(
            f"training cannot lower the start's train loss {float(problem.start_train_loss):.6g} "
            "by more than rounding: no feature is correlated with a target"
        )
    asked = Levels.read(levels, unit)
    chosen = asked.at(problem)
    if not asked.counted:
        chosen = np.sort(between("levels", problem, chosen))[::-1]
    grid = _grid(problem, start, (chosen[-1] - _floor(problem)) / start)
    searched = np.concatenate([grid, _grid(problem, start, _SEARCHED), chosen])
    if not isinstance(schedules, Mapping):
        schedules = _called(schedules)
    named = {name: Schedule(schedule) for name, schedule in schedules.items()}
    flow = GradientFlow()
    runs = [train(problem, schedule, train_loss=chosen) for schedule in named.values()]
    runs += [train(problem, flow, train_loss=chosen), train(problem, flow, train_loss=grid)]
    bands = _bands(problem, runs)
    *stops, flow_stops = (
        _stops(name, chosen, run, band, test_error)
        for name, run, band in zip([*named, "flow"], runs[:-1], bands[:-1], strict=True)
    )
    return Comparison(
        problem=problem,
        levels=chosen,
        schedules=tuple(stops),
        flow=flow_stops,
        curves=tuple(_curve(problem, *item, grid) for item in named.items()),
        flow_curve=_stops("flow", grid, runs[-1], bands[-1], None),
        best=tuple(_best(problem, each, searched, test_error) for each in named.values()),
        ridge_best=_best_ridge(problem, searched, test_error),
    )


def _called(schedules: Sequence[Schedule | Phase]) -> dict[str, Schedule]:
    """Return schedules without names under their printed forms, and repeated ones once."""
    shown: dict[Schedule, str] = {}
    for given in schedules:
        shown.setdefault(Schedule(given), repr(given))
    return dict(zip(distinct(list(shown.values())), shown, strict=True))


def _floor(problem: Problem) -> float:
    return float(problem.min_train_loss)


def _grid(problem: Problem, start: float, lowest: float) -> Floats:
    """Return levels evenly spaced in the log of the excess, the first reached at the start."""
    shares = np.geomspace(1, lowest, _CURVE)
    shares[0] += 1e-12
    return _floor(problem) + start * shares


def _reached_losses(run: Run) -> Floats:
    """Return the train losses of the levels that a run reaches."""
    losses = np.asarray(run.train_loss, dtype=float)[np.asarray(run.reached)]
    # rounding may put a loss at the minimum below it
    return np.asarray(np.maximum(losses, _floor(run.problem)))


def _bands(problem: Problem, runs: list[Run]) -> list[tuple[Floats, Floats]]:
    """Return the level band at every run's train losses, from one decomposition for all."""
    losses = [_reached_losses(run) for run in runs]
    band = level_band(problem, np.concatenate(losses))
    ends = np.cumsum([len(part) for part in losses])[:-1]
    return list(zip(np.split(band.lowest, ends), np.split(band.highest, ends), strict=True))


def _stops(
    name: str,
    levels: Floats,
    run: Run,
    band: tuple[Floats, Floats],
    test_error: TestError | None,
) -> Stops:
    problem, reached, loss = run.problem, np.asarray(run.reached), _reached_losses(run)
    flow = train(problem, GradientFlow(), train_loss=loss)
    same = ridge(problem, loss - _floor(problem))

    def spread(values: npt.ArrayLike) -> Floats:
        full = np.full(levels.shape, np.nan)
        full[reached] = values
        return full

    errors: list[Floats | None] = [None] * 3
    if test_error is not None:
        errors = [
            test_error(run.coef()),
            spread(test_error(flow.coef())),
            spread(test_error(same.coef())),
        ]
    return Stops(
        name=name,
        schedule=run.schedule,
        levels=levels,
        reached=reached,
        steps=np.asarray(run.steps),
        time=np.asarray(run.time) / float(problem.max_lr),
        train_loss=np.asarray(run.train_loss),
        test_loss=np.asarray(run.test_loss),
        ratio=spread(
            _ratio(problem, np.asarray(run.test_loss)[reached], np.asarray(flow.test_loss))
        ),
        flow_test_loss=spread(flow.test_loss),
        ridge_alpha=spread(same.alpha),
        ridge_test_loss=spread(same.test_loss),
        lowest=spread(band[0]),
        highest=spread(band[1]),
        test_error=errors[0],
        flow_test_error=errors[1],
        ridge_test_error=errors[2],
    )


@np.errstate(divide="ignore", invalid="ignore")
def _ratio(problem: Problem, test_loss: Floats, flow_test_loss: Floats) -> Floats:
    """Return the ratio of test losses; one where both are nothing but rounding."""
    same = np.abs(test_loss - flow_test_loss) <= _ROUNDING * float(problem.start_test_loss)
    return np.where(same, 1.0, test_loss / flow_test_loss)


def _curve(problem: Problem, name: str, schedule: Schedule, levels: Floats) -> Curve:
    run = train(problem, schedule, train_loss=levels)
    reached = np.asarray(run.reached)
    loss, first = np.unique(np.asarray(run.train_loss)[reached], return_index=True)
    test_loss = np.asarray(run.test_loss)[reached][first]
    flow = train(problem, GradientFlow(), train_loss=loss)
    ratio = _ratio(problem, test_loss, np.asarray(flow.test_loss))
    return Curve(name, loss[::-1], test_loss[::-1], ratio[::-1])


def _best(
    problem: Problem, schedule: Schedule, levels: Floats, test_error: TestError | None
) -> Stop:
    """Find the best stop on the test data: at a level, or at the schedule's end."""
    runs = [train(problem, schedule, train_loss=levels), train(problem, schedule)]
    losses = np.append(np.asarray(runs[0].test_loss), runs[1].test_loss)
    best = int(np.nanargmin(losses))
    run = train(problem, schedule, levels[best]) if best < levels.size else runs[1]
    return Stop(
        steps=int(run.steps),
        time=float(run.time) / float(problem.max_lr),
        train_loss=float(run.train_loss),
        test_loss=float(run.test_loss),
        test_error=None if test_error is None else float(test_error(run.coef())),
    )


def _best_ridge(problem: Problem, levels: Floats, test_error: TestError | None) -> Stop:
    found = ridge(problem, np.append(levels - _floor(problem), 0.0))
    best = int(np.nanargmin(found.test_loss))
    return Stop(
        steps=0,
        time=0.0,
        train_loss=float(found.train_loss[best]),
        test_loss=float(found.test_loss[best]),
        test_error=None if test_error is None else float(test_error(found.coef()[best])),
        alpha=float(found.alpha[best]),
    )
