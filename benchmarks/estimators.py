"""Tuning 50 stops × 10 schedules by 5-fold cross-validation, against RidgeCV and SGDRegressor.

python benchmarks/estimators.py [--sgd]

RidgeCV tunes 50 penalties in its leave-one-out form, from one decomposition. With --sgd,
GridSearchCV tunes SGDRegressor over as many candidates (10 rates × 50 numbers of epochs) on the
second size, once: minutes.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from isoloss.estimators import ScheduledRegressor, ScheduleSearchCV

SCHEDULES = [
    "flow",
    *(f"gd({rate}, {k}) > flow" for rate in (1.0, 0.9, 0.5) for k in (10, 99, 999)),
]
ALPHAS = np.geomspace(1e-3, 1e5, 50)
SIZES = ((1000, 100), (5000, 200), (2000, 500), (500, 1000))
REPEATS = 7


def data(n: int, d: int) -> tuple[Any, ...]:
    """Return train and test rows of a noisy linear target, with a spectrum that falls like 1/i."""
    rng = np.random.default_rng(0)
    scales, weights = np.arange(1, d + 1) ** -0.5, rng.normal(size=d)
    X, X_test = (rng.normal(size=(rows, d)) * scales for rows in (n, 5000))
    noise = np.sqrt((scales**2).sum())
    y, y_test = (rows @ weights + noise * rng.normal(size=len(rows)) for rows in (X, X_test))
    return X, y, X_test, y_test


def timed(fit: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    model = fit()
    return time.perf_counter() - started, model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sgd", action="store_true")
    options = parser.parse_args()
    diabetes = StandardScaler().fit_transform(load_diabetes().data), load_diabetes().target
    sets = {"diabetes, 442 × 10": (*diabetes, *diabetes)}
    sets |= {f"{n} × {d}": data(n, d) for n, d in SIZES}
    print("data: search / RidgeCV, medians; R² on test rows (diabetes: on the train rows)")
    for name, (X, y, X_test, y_test) in sets.items():
        search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, levels=49)
        ridge = RidgeCV(ALPHAS)
        pairs = []
        for _ in range(REPEATS):  # in turn, as the machine's speed drifts
            pairs.append((timed(lambda: search.fit(X, y))[0], timed(lambda: ridge.fit(X, y))[0]))
        assert len(search.cv_results_["params"]) == 500
        ours, theirs = (median(column) for column in zip(*pairs, strict=True))
        ratio = median(a / b for a, b in pairs)
        print(
            f"{name}: {1e3 * ours:.0f} ms / {1e3 * theirs:.0f} ms = {ratio:.2f}; "
            f"R² {search.score(X_test, y_test):.4f} and {ridge.score(X_test, y_test):.4f}"
        )
    if options.sgd:
        X, y, X_test, y_test = sets["1000 × 100"]
        grid = {
            "eta0": np.geomspace(1e-5, 1e-2, 10),
            "max_iter": np.unique(np.round(np.geomspace(1, 300, 70)).astype(int))[:50],
        }
        sgd = SGDRegressor(penalty=None, learning_rate="constant", tol=None, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, grid_search = timed(lambda: GridSearchCV(sgd, grid, cv=5).fit(X, y))
        assert len(grid_search.cv_results_["params"]) == 500
        ours = median(timed(lambda: search.fit(X, y))[0] for _ in range(REPEATS))
        print(
            f"1000 × 100: GridSearchCV over SGDRegressor {theirs:.0f} s = {theirs / ours:.0f} × ours; "
            f"R² {grid_search.score(X_test, y_test):.4f}"
        )


if __name__ == "__main__":
    main()
