"""Data larger than a decomposition: passes over it, time and memory, against training loops.

    python benchmarks/large.py [dense | sparse]

dense: 2,000,000 × 100 in chunks of 50,000 rows, made on the fly by Dask's generator, so that no
disk is read. sparse: 200,000 × 100,000 with 50 non-zeros a row, by a Krylov reduction, by a
training loop and by one with heavy-ball momentum.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import dask.array as da
import numpy as np
from scipy.sparse import csr_array, diags_array

import isoloss as il


def peak() -> str:
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB"


def dense() -> None:
    n, d = 2_000_000, 100
    rng = np.random.default_rng(0)
    scales, weights = np.arange(1, d + 1) ** -0.5, rng.normal(size=d)
    X = da.random.default_rng(0).normal(size=(n, d), chunks=(50_000, d)) * scales
    y = X @ weights + da.random.default_rng(1).normal(size=n, chunks=50_000)
    X_test = rng.normal(size=(5000, d)) * scales
    y_test = X_test @ weights
    started = time.perf_counter()
    da.compute((X**2).sum(), y.sum())
    reading = time.perf_counter() - started
    started = time.perf_counter()
    problem = il.Problem.from_data(X, y, X_test, y_test)
    ours = time.perf_counter() - started
    floor, start = problem.min_train_loss, problem.start_train_loss
    levels = floor + np.geomspace(0.9, 1e-4, 50) * (start - floor)
    started = time.perf_counter()
    for k in (10, 100, 1000):
        run = il.train(problem, il.anneal(problem.max_lr, k), levels)
    sweep = time.perf_counter() - started
    print(f"dense {n} × {d}: making and reading the chunks once {reading:.1f} s")
    print(
        f"  isoloss: {ours:.1f} s, one pass; 3 schedules × 50 levels then {sweep:.2f} s; {peak()}"
    )
    steps = int(np.max(np.asarray(run.steps)))
    print(f"  a training loop would read the data {steps} times: {steps * reading:.0f} s")


def text_like(n: int, d: int, k: int) -> csr_array:
    """Return rows with k different words, some of them frequent, weighted as tf-idf does."""
    rng = np.random.default_rng(0)
    own = d // k  # the r-th word of a row is one of the r-th d/k words, so that no two are the same
    words = rng.zipf(1.3, size=(n, k)) % own + own * np.arange(k)
    counts = csr_array((np.ones(n * k), (np.repeat(np.arange(n), k), words.ravel())), shape=(n, d))
    frequency = np.bincount(counts.indices, minlength=d)
    weighted = csr_array(counts @ diags_array(np.log(n / (1 + frequency)).clip(0)))
    norms = np.sqrt(weighted.multiply(weighted).sum(axis=1))
    return csr_array(diags_array(1 / norms.clip(1e-12)) @ weighted)


def sparse() -> None:
    n, d = 200_000, 100_000
    X = text_like(n, d, 50)
    rng = np.random.default_rng(1)
    weights = rng.normal(size=d)
    y = X @ weights + 0.5 * rng.normal(size=n)
    X_test = text_like(20_000, d, 50)
    y_test = X_test @ weights
    levels = np.array([0.8, 0.6, 0.5, 0.4]) * float(np.mean(y**2))
    schedules = ["flow", "gd(1.0, 100) > flow"]
    started = time.perf_counter()
    problem = il.from_operator(
        X, y, X_test, y_test, schedules=schedules, train_loss=levels, rtol=1e-4
    )
    ours = time.perf_counter() - started
    print(f"sparse {n} × {d}, {X.nnz / n:.0f} non-zeros a row: isoloss {ours:.1f} s, {peak()}")
    print(f"  {problem.reduction}")
    run = il.train(problem, il.GradientDescent(0.5 * problem.max_lr, 10**6), levels[-1])
    lr = 0.5 * problem.max_lr
    for name, momentum in (("gradient descent", 0.0), ("heavy ball", 0.9)):
        beta, velocity, steps = np.zeros(d), np.zeros(d), 0
        started = time.perf_counter()
        while True:
            left = X @ beta - y
            if left @ left / n <= levels[-1] or steps >= 20_000:
                break
            velocity = momentum * velocity + 2 * (X.T @ left) / n
            beta -= lr * velocity
            steps += 1
        taken = time.perf_counter() - started
        print(f"  {name}, one schedule, one level: {2 * steps + 1} passes, {taken:.1f} s")
        if momentum == 0:
            assert steps == int(run.steps), (steps, int(run.steps))


def main(which: Any) -> None:
    for name, run in (("dense", dense), ("sparse", sparse)):
        if which in (None, name):
            run()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
