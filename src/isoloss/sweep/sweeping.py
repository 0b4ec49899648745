"""sweep: train many problems × schedules × levels, as one labelled data set."""

from __future__ import annotations

import hashlib
import itertools
import math
import operator
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.stop_rule import LastStep, stops_exactly
from isoloss.levels.grid import Levels
from isoloss.problems.problem import Problem
from isoloss.schedules.resolving import in_own_units, read, read_all
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.sweep.engine import Cache, results
from isoloss.sweep.task import FIELDS, OF_PROBLEMS, Task

if TYPE_CHECKING:
    import xarray

__all__ = ["sweep"]

_BATCH = 16  # draws per task
_MOST = 10**8  # largest number of results
_SCALARS = (bool, int, float, str, np.bool_, np.integer, np.floating, np.str_)
_RESERVED = ("draw", "schedule", "level")
_TYPES = {"reached": bool, "steps": np.int64}
_UNITS = {"excess": "share of the start's excess", "start": "share of the start's", "absolute": "1"}


def sweep(
    problems: Any,
    schedules: Mapping[str, Any] | Iterable[Any] | str,
    levels: npt.ArrayLike,
    *,
    draws: int | None = None,
    parameters: Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    unit: str = "excess",
    last_step: LastStep = "exact",
    on: Any = None,
    cache: str | Path | None = None,
    progress: bool = True,
) -> xarray.Dataset:
    """Train many problems by many schedules to many levels.

    Parameters
    ----------
    problems : sequence of Problem, Sampler or callable
        Problems; or a sampler, that is any function from a `numpy.random.Generator` to a problem,
        such as those of `isoloss.problems.random`; or a function from ``parameters`` to a sampler.
    schedules : list, or dict of names to schedules
        Texts with rates in units of each problem's largest stable one, or `Schedule` objects.
        Without names, their printed forms are the labels, with numbers if different schedules look
        the same; equal schedules are trained once.
    levels : int or array_like, shape (L,)
        Train losses to stop at, in ``unit``, or a count, as in `isoloss.levels.train_losses`.
    draws : int, optional
        The number of draws from a sampler for each combination of parameters; by default one.
    parameters : mapping of str to sequence, optional
        The values of each parameter; the sweep covers all combinations.
    seed : int, default: 0
        A draw's random numbers depend only on the seed, its combination and its number.
    unit : {"absolute", "start", "excess"}, default: "excess"
        Whether levels are train losses, shares of the start's, or shares of its excess over the
        smallest one.
    last_step : ``"exact"`` or ``"whole"``
        Whether the step that reaches a level is shortened to end at it, as in `isoloss.train`.
    on : None, int or distributed.Client
        Where to run: in this process, in this many joblib processes (-1 for all cores), or on a
        Dask cluster. The results are the same bit for bit.
    cache : path, optional
        A folder for finished results, from which the same call resumes after an interruption.
        Different sweeps are detected by one draw of each combination, or by each given problem.
    progress : bool, default: True
        Whether to show a bar on a terminal.

    Returns
    -------
    xarray.Dataset
        ``train_loss``, ``test_loss``, ``reached``, ``steps`` and ``flow_time`` over the parameters,
        ``draw``, ``schedule`` and ``level``; ``start_train_loss``, ``min_train_loss``,
        ``start_test_loss`` and ``max_lr`` over the parameters and ``draw``.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, the cache belongs to another sweep, or there would be more
        than 10⁸ results.
    RuntimeError
        If the Dask cluster fails, or has had no worker for a minute (or for the time in Dask's
        setting ``isoloss.no-worker-timeout``).

    Warns
    -----
    UserWarning
        If the start of a problem is already below a level. No schedule takes a step there: it is
        ``reached``, and ``train_loss`` and ``test_loss`` are NaN, so that comparisons leave it out.

    Examples
    --------
    >>> from isoloss.problems.random import gaussian, power_law
    >>> def made(noise, decay):
    ...     return gaussian(30, power_law(20, decay), noise)
    >>> found = sweep(made, ["flow", "gd(1.0, 20) > flow"], [0.1, 0.01], draws=3,
    ...               parameters={"noise": [0.0, 1.0], "decay": [0.5, 1.0, 2.0]})
    >>> dict(found.sizes)
    {'noise': 2, 'decay': 3, 'draw': 3, 'schedule': 2, 'level': 2}
    """
    named = read_all(schedules, read)
    stops = Levels.read(levels, unit)
    exact = stops_exactly(last_step)
    if isinstance(seed, bool) or not 0 <= operator.index(seed) < 2**63:
        raise ValueError(f"seed must be a whole number from 0 to 2**63 - 1; got {seed!r}")
    workers = operator.index(on) if isinstance(on, int | np.integer) else on
    if not (on is None or hasattr(on, "submit") or (isinstance(workers, int) and workers)):
        raise ValueError(
            "on must be None, a number of processes (-1 for all cores) or a Dask client; got "
            f"{on!r}"
        )
    grid = _grid(parameters)
    count = _count(problems, draws, grid)
    sizes = {name: len(values) for name, values in grid.items()}
    sizes |= {"draws": count, "schedules": len(named), "levels": len(stops.values)}
    if math.prod(sizes.values()) > _MOST:
        asked = " × ".join(f"{size} {name}" for name, size in sizes.items())
        raise ValueError(
            f"a sweep has at most {_MOST} results, which are held in memory; got {asked}; split "
            "it into several sweeps"
        )
    cells = [dict(zip(grid, cell, strict=True)) for cell in itertools.product(*grid.values())]
    parts = [tuple(range(count))[first : first + _BATCH] for first in range(0, count, _BATCH)]
    tasks = [
        Task(problems, cell, number, draws_, list(named.values()), stops, last_step, int(seed))
        for number, cell in enumerate(cells)
        for draws_ in parts
    ]
    attributes = {
        "title": "sweep of isoloss",
        "seed": int(seed),
        "unit": stops.unit,
        "isoloss": version("isoloss"),
        "numpy": np.__version__,
        "problems": getattr(problems, "__qualname__", type(problems).__name__),
    }
    description = attributes | {
        "schedules": {name: _key(schedule) for name, schedule in named.items()},
        "levels": stops.values.tolist(),
        "draws": count,
        "parameters": {name: [repr(value) for value in values] for name, values in grid.items()},
    }
    attributes["last_step"] = last_step
    if exact:  # a folder that does not say it is about whole steps
        description["last_step"] = last_step
    store = None
    if cache is not None:
        # one draw per cell identifies a sampler, as its name does not; all given problems count
        known = tasks if not callable(problems) else [t for t in tasks if 0 in t.draws]
        description["fingerprints"] = [print_ for t in known for print_ in t.fingerprints()]
        store = Cache(Path(cache), description)
    shape = (len(cells), count)
    arrays = {name: np.full((*shape, len(named), len(stops.values)), np.nan) for name in FIELDS}
    arrays |= {name: np.full(shape, np.nan) for name in OF_PROBLEMS}
    for number, found in _shown(results(tasks, workers, store), len(tasks), shown=progress):
        task = tasks[number]
        for name, values in found.items():
            arrays[name][task.cell, list(task.draws)] = values
    _warn_of_starts(arrays, stops)
    return _dataset(arrays, grid, list(named), stops, attributes)


def _warn_of_starts(arrays: Mapping[str, Any], levels: Levels) -> None:
    """Warn of levels above a start's train loss, which no schedule takes a step to."""
    untrained = np.isnan(arrays["train_loss"]) & (arrays["reached"] > 0)
    if not untrained.any():
        return
    problems = untrained.any(axis=(2, 3))
    values = levels.values[untrained.any(axis=(0, 1, 2))]
    warnings.warn(
        f"the start is already below the level {values.min():g} (unit: {levels.unit}) in "
        f"{problems.sum()} of {problems.size} problems: there no schedule takes a step, and the "
        "losses are NaN, so that averages leave them out",
        UserWarning,
        stacklevel=3,
    )


def _key(schedule: Spec | Schedule) -> str:
    """Return a key that is unique to a schedule, unlike its printed form."""
    form = hashlib.sha256(in_own_units(schedule).to_json().encode()).hexdigest()
    return form + ", in units of the largest stable rate" * isinstance(schedule, Spec)


def _grid(parameters: Mapping[str, Sequence[Any]] | None) -> dict[str, list[Any]]:
    if parameters is not None and not isinstance(parameters, Mapping):
        raise TypeError(f"parameters must be a mapping of names to lists; got {parameters!r}")
    grid = {}
    for name, values in (parameters or {}).items():
        if isinstance(values, str) or not hasattr(values, "__iter__"):
            raise TypeError(f"the parameter {name!r} needs a list of values; got {values!r}")
        reserved = name in (*_RESERVED, *FIELDS, *OF_PROBLEMS)
        if not isinstance(name, str) or not name.isidentifier() or reserved:
            raise ValueError(f"a parameter may not be called {name!r}")
        grid[name] = list(values)
        if not grid[name]:
            raise ValueError(f"the parameter {name!r} has no values")
        for value in grid[name]:
            if not isinstance(value, _SCALARS) or (isinstance(value, int) and abs(value) >= 2**63):
                raise ValueError(
                    f"the values of a parameter are numbers, truth values or texts, which label "
                    f"the result; {name!r} has {value!r}: let a text or number stand for it"
                )
    return grid


def _count(problems: Any, draws: int | None, grid: Mapping[str, Any]) -> int:
    if callable(problems):
        count = 1 if draws is None else draws
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"draws must be a whole number of at least 1; got {draws!r}")
        return int(count)
    if isinstance(problems, Problem) or not isinstance(problems, Sequence):
        raise TypeError(
            "problems must be a sequence of Problem objects, or a sampler, such as those of "
            f"isoloss.problems.random; got {type(problems).__name__}"
        )
    if draws is not None or grid:
        raise ValueError("draws and parameters are for samplers; these are the problems themselves")
    if not problems:
        raise ValueError("give at least one problem")
    return len(problems)


def _shown(
    found: Iterator[tuple[int, dict[str, Any]]], count: int, *, shown: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the results while showing a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    silent = not (shown and console.is_terminal)
    with Progress(console=console, transient=True, disable=silent) as bar:
        yield from bar.track(found, total=count, description="Sweeping")


def _dataset(
    arrays: dict[str, Any],
    grid: Mapping[str, Sequence[Any]],
    names: Sequence[str],
    levels: Levels,
    attributes: Mapping[str, Any],
) -> xarray.Dataset:
    import xarray

    sizes = [len(values) for values in grid.values()]
    variables = {}
    for name, long_name in (FIELDS | OF_PROBLEMS).items():
        dims = [*grid, "draw", *(("schedule", "level") if name in FIELDS else ())]
        shaped = arrays[name].reshape(*sizes, *arrays[name].shape[1:])
        variables[name] = dims, shaped.astype(_TYPES.get(name, float)), {"long_name": long_name}
    about = {"long_name": "train loss to stop at", "units": _UNITS[levels.unit]}
    places = {"draw": np.arange(arrays["max_lr"].shape[1]), "schedule": list(names)}
    coordinates = {**grid, **places, "level": ("level", levels.values, about)}
    return xarray.Dataset(variables, coordinates, attributes)
