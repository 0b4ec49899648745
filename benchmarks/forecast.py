"""Forecasts of real training runs by isoloss's law and by two published laws, side by side.

    python benchmarks/forecast.py DATA             public curves: errors, coverage, times
    python benchmarks/forecast.py --bytes FOLDER   the blind test on runs of our own

DATA has some of the folders mpl, schaipp and mini that public_curves.py describes; the first two
come from the repositories that it names. FOLDER is what docs/examples/train_curves.py fills. Every
law is fitted to the same rows of the same runs, and no fit sees the runs that it forecasts. Tables
are Markdown; errors are root mean squares over the rows of a curve, times 1000.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from forecast_laws import PUBLISHED, Annealing, MultiPower
from forecast_splits import Split, all_splits, bytes_splits
from forecast_tables import coverage_table, curve_table, error_table, lost_table, time_table
from public_curves import Curve
from threadpoolctl import threadpool_limits

from isoloss import curves

SIX = {"priors": None, "fixed": {"cutoff": 300.0, "norm_exponent": 1.4}}
CONSTANT = {"priors": None, "fixed": {"cutoff": 300.0}, "weight_norm": False}
MPL = ("25M", "100M", "400M")
EVIDENCE = {**dict.fromkeys(MPL, MPL), "124M": ("124M",), "mini": ("0.3M",)}
"""For each data set, the names in the priors' evidence that come from the same source."""


@dataclass(frozen=True)
class Forecasts:
    """What one law forecasts of the tested curves of a split.

    Attributes
    ----------
    seconds : float
        The processor time of the fit.
    errors : array, shape (curves,)
        The root mean square error of each curve.
    finals : array, shape (curves, 3)
        The loss at the last row and the ends of its interval, NaN without one.
    """

    seconds: float
    errors: np.ndarray
    finals: np.ndarray


def compared(split: Split) -> tuple[Split, dict[str, Forecasts]]:
    """Fit every law to a split, and forecast its tested curves."""
    options = {"ours": {}, "six": SIX, "c = 0": CONSTANT}
    if split.data in EVIDENCE:
        options["foreign"] = {"priors": foreign_priors(EVIDENCE[split.data])}
    first = split.first
    split = replace(
        split,
        fitted=tuple(curve.since(first) for curve in split.fitted),
        tested=tuple(curve.since(first) for curve in split.tested),
    )
    with threadpool_limits(1):
        found = {name: _ours(split, **each) for name, each in options.items()}
        for name, law in (("MPL", MultiPower), ("annealing", Annealing)):
            found[name] = _published(split, lambda law=law: law.fit(split.fitted))
        if split.data in PUBLISHED and split.name != "one schedule out":  # it saw some of those
            found["as published"] = _published(split, lambda: PUBLISHED[split.data])
    return split, found


def foreign_priors(own: Sequence[str]) -> dict[str, curves.Prior]:
    """Return the priors with medians from the evidence of data sets other than one's own."""
    found = {}
    for name, prior in curves.PRIORS.items():
        others = [value for data, value in prior.evidence.items() if data not in own]
        found[name] = replace(prior, median=float(np.exp(np.median(np.log(others)))))
    return found


def _ours(split: Split, **options: Any) -> Forecasts:
    runs = [logged(curve) for curve in split.fitted]
    begun = time.process_time()
    law = curves.fit(runs, after=split.first, **options)
    seconds = time.process_time() - begun
    errors, finals = [], []
    for curve in split.tested:
        forecast = law.predict(logged(curve), at=curve.step)
        errors.append(_error(forecast.loss, curve))
        finals.append(forecast.final)
    return Forecasts(seconds, np.array(errors), np.array(finals))


def logged(curve: Curve) -> curves.LossCurve:
    """Return a public curve as isoloss's own kind."""
    rates = curve.rates[: curve.step[-1]]
    return curves.LossCurve(
        curve.step, curve.loss, rates, weight_decay=curve.weight_decay, name=curve.name
    )


def _published(split: Split, fit: Callable[[], MultiPower | Annealing]) -> Forecasts:
    begun = time.process_time()
    law = fit()
    seconds = time.process_time() - begun
    losses = [law.predict(curve.rates, curve.step) for curve in split.tested]
    errors = [_error(loss, curve) for loss, curve in zip(losses, split.tested, strict=True)]
    finals = [(loss[-1], np.nan, np.nan) for loss in losses]
    return Forecasts(seconds, np.array(errors), np.array(finals))


def _error(loss: np.ndarray, curve: Curve) -> float:
    return 1000 * float(np.sqrt(np.mean((loss - curve.loss) ** 2)))


def budgets() -> None:
    """Print how long a fit of ten runs of 50,000 rows and a forecast of 72,000 steps take."""
    rng, step = np.random.default_rng(0), np.arange(1, 50_001)
    runs = []
    for index in range(10):
        share = 0.05 * (index + 1)
        rates = (5e-4, 1e-3)[index % 2] * np.minimum(1, step / 500)
        rates *= np.minimum(1, (50_000 - step + 1) / (share * 50_000))
        loss = 2.5 + 1.2 * np.cumsum(rates) ** -0.5 + 100 * rates
        loss += 0.01 * rng.standard_normal(step.size)
        runs.append(curves.LossCurve(step, loss, rates, weight_decay=0.1))
    law = curves.fit(runs)
    cosine = 3e-5 + 2.7e-4 * (1 + np.cos(np.pi * np.arange(72_000) / 72_000)) / 2
    cases = [("fit 10 runs of 50,000 rows", 3, lambda: curves.fit(runs))]
    cases.append(("forecast 72,000 steps", 20, lambda: law.predict(cosine)))
    print("| medians | wall s | processor s |\n|---|---|---|")
    for name, repeats, work in cases:
        times = np.array([_seconds(work) for _ in range(repeats)])
        wall, processor = np.median(times, axis=0)
        print(f"| {name} | {wall:.4g} | {processor:.4g} |")


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    begun = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA")
    parser.add_argument("--bytes", type=Path, metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=2, help="processes, by default 2")
    given = parser.parse_args()
    if (given.data is None) == (given.bytes is None):
        parser.error("give DATA, or --bytes FOLDER")
    begun = time.perf_counter()
    try:
        splits, missing = (bytes_splits(given.bytes), []) if given.bytes else all_splits(given.data)
    except FileNotFoundError as error:
        parser.error(str(error))
    if missing:
        print(f"Without {', '.join(missing)}, which {given.data} does not have.\n")
    slow_first = sorted(splits, key=lambda split: -sum(c.step.size for c in split.fitted))
    with ProcessPoolExecutor(given.jobs) as pool:
        done = dict(zip(map(_key, slow_first), pool.map(compared, slow_first), strict=True))
    results = [done[_key(split)] for split in splits]
    print(f"## Mean errors\n\n{error_table(results)}\n")
    print(f"## Coverage of 90 % intervals\n\n{coverage_table(results)}\n")
    print(f"## Curves that another law forecasts better\n\n{lost_table(results)}\n")
    print(f"## Every curve\n\n{curve_table(results)}\n")
    print(f"## Time of a fit\n\n{time_table(results)}\n")
    if given.data:
        print("## Budgets\n")
        budgets()
    print(f"\nIt took {time.perf_counter() - begun:.0f} s in {given.jobs} processes.")


def _key(split: Split) -> tuple[str, ...]:
    return split.data, split.name, *(curve.name for curve in split.tested)


if __name__ == "__main__":
    main()
