"""Tuning 50 stops × 10 schedules by 5-fold cross-validation, against RidgeCV and SGDRegressor.

    python benchmarks/estimators.py [--sgd]

RidgeCV tunes 50 penalties in its leave-one-out form, from one decomposition. With --sgd,
GridSearchCV tunes SGDRegressor over as many candidates (10 rates × 50 numbers of epochs) on the
first size, once: a minute.
"""

from __future__ import annotations

import argparse
import time
import warnings
from statistics import median
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from isoloss.estimators import ScheduledRegressor, ScheduleSearchCV

ANNEALED = [f"gd({rate}, {k}) > flow" for rate in (1.0, 0.9, 0.5) for k in (10, 99, 999)]
ALPHAS = np.geomspace(1e-3, 1e5, 50)
SIZES = ((1000, 100), (5000, 200), (2000, 500), (500, 1000))
REPEATS = 7


def data(n: int, d: int) -> tuple[Any, ...]:
    """Return train and test rows of a noisy linear target; the spectrum falls like 1/i."""
    rng = np.random.default_rng(0)
    scales, weights = np.arange(1, d + 1) ** -0.5, rng.normal(size=d)
    X, X_test = (rng.normal(size=(rows, d)) * scales for rows in (n, 5000))
    noise = np.sqrt((scales**2).sum())
    y, y_test = (rows @ weights + noise * rng.normal(size=len(rows)) for rows in (X, X_test))
    return X, y, X_test, y_test


def seconds(model: Any, X: Any, y: Any) -> float:
    started = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - started


def new_search() -> ScheduleSearchCV:
    return ScheduleSearchCV(ScheduledRegressor(), ["flow", *ANNEALED], levels=49)


def against_ridge(name: str, X: Any, y: Any, X_test: Any, y_test: Any) -> float:
    """Print how the search compares with RidgeCV; return the search's median seconds."""
    search, ridge = new_search(), RidgeCV(ALPHAS)
    # in turn, as the machine's speed drifts
    pairs = [(seconds(search, X, y), seconds(ridge, X, y)) for _ in range(REPEATS)]
    assert len(search.cv_results_["params"]) == 500
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(
        f"{name}: {1e3 * ours:.0f} ms / {1e3 * theirs:.0f} ms = {ratio:.2f}; "
        f"R² {search.score(X_test, y_test):.4f} and {ridge.score(X_test, y_test):.4f}"
    )
    return float(ours)


def against_sgd(ours: float, X: Any, y: Any, X_test: Any, y_test: Any) -> None:
    """Print how long GridSearchCV over SGDRegressor takes, beside the search's seconds."""
    epochs = np.unique(np.round(np.geomspace(1, 300, 70)).astype(int))[:50]
    grid = {"eta0": np.geomspace(1e-5, 1e-2, 10), "max_iter": epochs}
    sgd = SGDRegressor(penalty=None, learning_rate="constant", tol=None, random_state=0)
    search = GridSearchCV(sgd, grid, cv=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # epochs that are too few
        theirs = seconds(search, X, y)
    assert len(search.cv_results_["params"]) == 500
    print(
        f"GridSearchCV over SGDRegressor: {theirs:.0f} s = {theirs / ours:.0f} × the search; "
        f"R² {search.score(X_test, y_test):.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sgd", action="store_true")
    options = parser.parse_args()
    print("data: search / RidgeCV, medians; R² on test rows (diabetes: on the train rows)")
    X, y = StandardScaler().fit_transform(load_diabetes().data), load_diabetes().target
    against_ridge("442 × 10 (diabetes)", X, y, X, y)
    for i, (n, d) in enumerate(SIZES):
        rows = data(n, d)
        ours = against_ridge(f"{n} × {d}", *rows)
        if options.sgd and i == 0:
            against_sgd(ours, *rows)


if __name__ == "__main__":
    main()
