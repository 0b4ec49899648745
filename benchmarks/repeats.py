"""Four schedules at 20 levels over 20 splits of the digits, two of them finished at each level.

    python benchmarks/repeats.py            time, and the agreement with loops on the first split
    python benchmarks/repeats.py --jobs 1   with one process

The loops take what isoloss found, the schedule of each level, and run it whole: its end must have
the level's train loss to 1e-12 and the same test loss to 1e-10, or the script fails. Levels that
take more than 10,000 steps are left to isoloss.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import ShuffleSplit

import isoloss as il
from isoloss.comparison import cross_compare

SCHEDULES = ("flow", "gd(1.0, 100) > flow", "cosine(1, ...)", "warmup_stable_decay(1, ...)")
LEVELS, SPLITS, LONGEST = 20, 20, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=-1)
    jobs = parser.parse_args().jobs
    digits = load_digits()
    X, y = digits.data, np.eye(10)[digits.target]
    splits = ShuffleSplit(SPLITS, test_size=0.5, random_state=0)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        cross_compare(X, y, SCHEDULES, LEVELS, cv=splits, n_jobs=jobs)
        times.append(time.perf_counter() - begun)
    print(
        f"{SPLITS} splits x {len(SCHEDULES)} schedules x {LEVELS} levels: {times[0]:.2f} s, and "
        f"{np.median(times[1:]):.2f} s (median of four) once the processes have started"
    )
    train, test = next(splits.split(X))
    means = X[train].mean(axis=0), y[train].mean(axis=0)
    agree(X[train] - means[0], y[train] - means[1], X[test] - means[0], y[test] - means[1])


def agree(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray) -> None:
    """Run the finished schedules by loops, and compare."""
    problem = il.Problem.from_data(X, y, X_test, y_test)
    found = il.compare(problem, SCHEDULES[2:], LEVELS)
    gram, cross = X.T @ X / len(X), X.T @ y / len(X)
    begun, looped = time.perf_counter(), 0
    for stops in found.schedules:
        for i, schedule in enumerate(stops.schedule):
            if schedule.steps > LONGEST:
                continue
            coef = np.zeros((X.shape[1], y.shape[1]))
            for lr in schedule.learning_rates():
                coef -= 2 * lr * (gram @ coef - cross)
            losses = [((A @ coef - b) ** 2).sum() / len(A) for A, b in ((X, y), (X_test, y_test))]
            np.testing.assert_allclose(losses[0], stops.levels[i], rtol=1e-12)
            np.testing.assert_allclose(losses[1], stops.test_loss[i], rtol=1e-10)
            looped += 1
    print(
        f"{looped} finished schedules of at most {LONGEST} steps run by loops, once each and "
        f"without a search: {time.perf_counter() - begun:.2f} s, and they agree"
    )


if __name__ == "__main__":
    main()
