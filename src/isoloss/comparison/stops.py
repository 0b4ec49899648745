"""compare(problem, schedules, levels): train each schedule to each level, with the yardsticks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from isoloss._parallel.threads import blas_by_size
from isoloss.comparison.at_levels import stopped_at
from isoloss.comparison.best_stops import END, best_ridge
from isoloss.comparison.cut_decays import CutDecayWarning, cut_decay
from isoloss.comparison.missed_levels import missed_levels
from isoloss.comparison.outcomes import Curve, Stop, Stops
from isoloss.comparison.referring import known_name
from isoloss.comparison.result import Comparison
from isoloss.comparison.yardsticks import Yardsticks, relative
from isoloss.dynamics.ends import OpenEnds
from isoloss.dynamics.finishing import finish_each
from isoloss.dynamics.run import Run
from isoloss.levels.grid import Levels, between, start_excess
from isoloss.levels.ridge_regression import Ridge
from isoloss.problems.problem import Problem
from isoloss.schedules.peak import largest_rate
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Comparable, Unfinished, read_comparables

__all__ = ["compare", "compared"]

Floats = npt.NDArray[np.float64]
TestError = Callable[[Floats], Floats]

_LEAST = 1e-10  # the least share of the smallest train loss that levels can divide
_SEARCHED = 1e-6  # the lowest share of the start's excess searched for the best stop
_CURVE = 241


def compare(
    problem: Problem,
    schedules: Comparable | Mapping[str, Comparable] | Iterable[Comparable],
    levels: int | npt.ArrayLike = 12,
    *,
    unit: str = "absolute",
    against: str | None = None,
    test_error: TestError | None = None,
) -> Comparison:
    """Compare schedules at equal train loss.

    Losses of a schedule with minibatches are expected ones, over runs that all stop at the same
    time: the first at which the expected train loss is at the level. With weight decay, train
    losses are those without the penalty.

    Parameters
    ----------
    problem : Problem
        One problem (no batch) of NumPy arrays.
    schedules : str or Schedule, or a list, or a mapping of names to these
        Texts such as ``"gd(1.0, 10) > flow"``, with rates in units of the problem's largest stable
        rate, or `Schedule` objects. An unnamed schedule takes its printed form as its name, with a
        number where different schedules print alike (long lists of rates are abbreviated); equal
        schedules are compared once. A text with ``...`` for its number of steps, such as
        ``"cosine(1, ...)"``, or a function of the number of steps is finished at each level, as by
        `isoloss.finish`, with at most a million steps.
    levels : int or array_like, default: 12
        The train losses to stop at, in ``unit``; or their number, for levels evenly spaced in the
        log of the excess train loss, from the start's (excluded) down to a thousandth of it.
    unit : {"absolute", "start", "excess"}, default: "absolute"
        The unit of the levels, as in `isoloss.levels.train_losses`.
    against : str, optional
        The name of the schedule to compare with; by default it is gradient flow.
    test_error : callable, optional
        A function, such as `Split.test_error`, from coefficients (..., d, m) to error shares. It
        is not asked about schedules with minibatches, whose runs have many coefficients.

    Returns
    -------
    Comparison
        The comparison, with arrays and with a sentence for each schedule.

    Raises
    ------
    TypeError
        If the problem is a batch or not of NumPy arrays, or a schedule has another type.
    ValueError
        If there is no schedule, the start already has the smallest train loss up to rounding, or a
        level is not between the smallest train loss and the start's.

    Warns
    -----
    CutDecayWarning
        If a level stops a schedule before its rates have fallen; the message names the schedule to
        use instead.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> found = compare(problem, {"flow": "flow", "annealed": "gd(1.0, 10) > flow"})
    >>> print(found.schedules[1].ratio[[0, 5, 11]].round(3))
    [0.706 0.538 0.501]
    """
    found = compared(problem, schedules, levels, unit=unit, against=against, test_error=test_error)
    for sentence in found.cut_decays:
        warnings.warn(sentence, CutDecayWarning, stacklevel=2)
    return found


@blas_by_size
def compared(
    problem: Problem,
    schedules: Comparable | Mapping[str, Comparable] | Iterable[Comparable],
    levels: int | npt.ArrayLike = 12,
    *,
    unit: str = "absolute",
    against: str | None = None,
    test_error: TestError | None = None,
) -> Comparison:
    """Compare schedules without a warning: the result says which decays are cut."""
    if not isinstance(problem, Problem) or not isinstance(problem.curvature, np.ndarray):
        raise TypeError("compare needs a Problem of NumPy arrays")
    if problem.curvature.ndim != 1:
        raise TypeError(f"compare needs one problem; this is a batch: {problem!r}")
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
    named = read_comparables(schedules)
    if against is not None:
        known_name(against, list(named))  # before the work
    stopped = [each for each in named.values() if not isinstance(each, Unfinished)]
    everyone = [*stopped, Schedule(GradientFlow())]
    *runs, flow = stopped_at(problem, everyone, np.append(searched, END))
    at_levels, on_grid = slice(-1 - chosen.size, -1), slice(0, grid.size)
    # every run that reaches a level stops there exactly, and shares its yardsticks
    losses = np.minimum(np.concatenate([chosen, grid]), float(problem.start_train_loss))
    everything = Yardsticks.beside(problem, losses)
    beside, beside_grid = everything.at(slice(chosen.size)), everything.at(slice(chosen.size, None))
    following = iter(runs)
    stops, curves, bests = [], [], []
    tried: dict[str, Spec | Schedule | OpenEnds] = {}
    for name, given in named.items():
        if isinstance(given, Unfinished):
            ends = OpenEnds(problem, given)
            run, tried[name] = finish_each(ends, chosen), ends
            there, curve, lowest = run, _curve(beside.flow, name, run), run[_lowest(run)]
        else:
            run, tried[name] = next(following), given
            there, curve = run.at(at_levels), _curve(flow.at(on_grid), name, run.at(on_grid))
            lowest = run.at(_lowest(run))
        stops.append(_stops(name, chosen, there, beside, test_error))
        curves.append(curve)
        bests.append(_stop(lowest, test_error))
    cut = [cut_decay(each, named[each.name]) for each in stops]
    missed = [missed_levels(each, tried[each.name], float(problem.max_lr)) for each in stops]
    found = Comparison(
        problem=problem,
        levels=chosen,
        schedules=tuple(stops),
        flow=_stops("flow", chosen, flow.at(at_levels), beside, test_error),
        curves=tuple(curves),
        flow_curve=_stops("flow", grid, flow.at(on_grid), beside_grid, None),
        best=tuple(bests),
        ridge_best=_stop(best_ridge(problem, searched - _floor(problem)), test_error),
        cut_decays=tuple(filter(None, cut)),
        missed_levels=tuple(filter(None, missed)),
    )
    return found if against is None else found.against(against)


def _floor(problem: Problem) -> float:
    return float(problem.min_train_loss)


def _grid(problem: Problem, start: float, lowest: float) -> Floats:
    """Return levels evenly spaced in the log of the excess, the first reached at the start."""
    shares = np.geomspace(1, lowest, _CURVE)
    shares[0] += 1e-12
    return _floor(problem) + start * shares


def _stops(
    name: str, levels: Floats, run: Run, beside: Yardsticks, test_error: TestError | None
) -> Stops:
    reached, test_loss = np.asarray(run.reached), np.asarray(run.test_loss)

    # where a family has no schedule that ends at the level, there is no loss
    ended = reached if run.is_stacked else np.ones_like(reached)

    def where_reached(values: npt.ArrayLike) -> Floats:
        return np.where(reached, values, np.nan)

    errors: list[Floats | None] = [None] * 3
    if test_error is not None:
        # the mean parameters' share of wrong classes is not the mean share
        own = np.nan if _is_expected(run) else test_error(run.coef())
        errors = [
            np.where(ended, own, np.nan),
            where_reached(test_error(beside.flow.coef())),
            where_reached(test_error(beside.ridge.coef())),
        ]
    schedules = run.schedules if run.is_stacked else ()
    max_lr = float(run.problem.max_lr)
    return Stops(
        name=name,
        schedule=schedules or run.schedule,
        levels=levels,
        reached=reached,
        steps=np.asarray(run.steps),
        time=np.asarray(run.time) / max_lr,
        train_loss=np.where(ended, run.train_loss, np.nan),
        test_loss=np.where(ended, test_loss, np.nan),
        ratio=where_reached(relative(test_loss, beside.flow)),
        flow_test_loss=where_reached(beside.flow.test_loss),
        ridge_alpha=where_reached(beside.ridge.alpha),
        ridge_test_loss=where_reached(beside.ridge.test_loss),
        lowest=where_reached(beside.lowest),
        highest=where_reached(beside.highest),
        largest_rate=np.array([largest_rate(each) for each in schedules]) / max_lr,
        test_error=errors[0],
        flow_test_error=errors[1],
        ridge_test_error=errors[2],
    )


def _is_expected(run: Run) -> bool:
    return any(schedule.has_minibatches for schedule in run.schedules)


def _curve(flow: Run, name: str, run: Run) -> Curve:
    """Return the curve of a run to many levels, relative to gradient flow at the same levels."""
    there = np.flatnonzero(run.reached)
    test_loss = np.asarray(run.test_loss)[there]
    ratio = relative(test_loss, flow.at(there))
    return Curve(name, np.asarray(run.train_loss)[there], test_loss, ratio)


def _lowest(run: Run) -> int:
    return int(np.nanargmin(run.test_loss))


def _stop(found: Run | Ridge, test_error: TestError | None) -> Stop:
    run = found if isinstance(found, Run) else None
    share = None if run is not None and _is_expected(run) else test_error
    return Stop(
        steps=0 if run is None else int(run.steps),
        time=0.0 if run is None else float(run.time) / float(run.problem.max_lr),
        train_loss=float(found.train_loss),
        test_loss=float(found.test_loss),
        test_error=None if share is None else float(share(found.coef())),
        alpha=float(found.alpha) if isinstance(found, Ridge) else None,
    )
