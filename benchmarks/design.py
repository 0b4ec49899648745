"""Designing 16 free rates: isoloss against Optuna tuning real PyTorch training runs.

    python benchmarks/design.py             the whole comparison (about a minute)
    python benchmarks/design.py --seconds S give Optuna S seconds instead of ten times isoloss's

n = 1000 rows, d = 784 features, ten outputs, validation data spread otherwise than the train data.
Optuna's TPE sampler tunes the logarithms of the same 16 rates, in the same range, with the same
objective, each trial a real run of 16 full-batch steps of torch.optim.SGD in float64 (float32 runs
are given as well: --float32). It gets the same wall time, and ten times that.

Needs: python -m pip install 'isoloss[torch]' optuna
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import numpy as np

import isoloss as il

ROWS, FEATURES, OUTPUTS, STEPS, STARTS = 1000, 784, 10, 16, 10
LARGEST = 100.0  # rates may be up to so many times the largest stable one


def make_data(seed: int = 0) -> list[np.ndarray]:
    """Return train and validation data whose inputs are spread differently."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((FEATURES, FEATURES)))[0]
    place = np.arange(1.0, FEATURES + 1)
    truth = rng.standard_normal((FEATURES, OUTPUTS))
    data = []
    for scales in (place**-0.8, place**-0.56 * place[::-1] ** -0.1):
        X = rng.standard_normal((ROWS, FEATURES)) * scales @ rotation
        data += [X, X @ truth + 0.5 * rng.standard_normal((ROWS, OUTPUTS))]
    return data


def tune(data: list[np.ndarray], max_lr: float, seconds: list[float], dtype: Any) -> list[float]:
    """Return the best validation loss that Optuna has reached after each time, and trials."""
    import optuna
    import torch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, y, X_val, y_val = (torch.tensor(a, dtype=dtype) for a in data)

    def objective(trial: optuna.Trial) -> float:
        low, high = math.log(1e-3 * max_lr), math.log(LARGEST * max_lr)
        rates = [math.exp(trial.suggest_float(f"log{k}", low, high)) for k in range(STEPS)]
        model = torch.nn.Linear(FEATURES, OUTPUTS, bias=False, dtype=dtype)
        torch.nn.init.zeros_(model.weight)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        scheduler = il.Schedule(il.GradientDescent(rates)).to_torch(optimizer)
        for _ in range(STEPS):
            optimizer.zero_grad()
            ((model(X) - y) ** 2).sum(1).mean().backward()
            optimizer.step()
            scheduler.step()
        with torch.no_grad():
            loss = float(((model(X_val) - y_val) ** 2).sum(1).mean())
        return loss if math.isfinite(loss) else 1e300

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    started, reached = time.perf_counter(), []
    for limit in seconds:
        left = limit - (time.perf_counter() - started)
        study.optimize(objective, timeout=left)
        reached.append(study.best_value)
        print(f"  Optuna after {limit:6.1f} s, {len(study.trials):5} runs: {study.best_value:.5g}")
    return reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--float32", action="store_true")
    options = parser.parse_args()
    data = make_data()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        np.linalg.svd(data[0], full_matrices=False)
        times.append(time.perf_counter() - started)
    svd = float(np.median(times))
    started = time.perf_counter()
    problem = il.Problem.from_data(*data)
    reduced = time.perf_counter() - started
    times, max_lr = [], LARGEST * problem.max_lr
    for _ in range(3):
        started = time.perf_counter()
        found = il.design(problem, family="rates", steps=STEPS, starts=STARTS, max_lr=max_lr)
        times.append(time.perf_counter() - started)
    spent = float(np.median(times))
    flow = min(
        float(il.train(problem, il.GradientFlow(t)).test_loss)
        for t in problem.max_lr * np.geomspace(0.1, 1e5, 300)
    )
    print(f"one thin SVD of X {svd:.3f} s; the problem {reduced:.3f} s = {reduced / svd:.2f} SVDs")
    print(f"design of {STEPS} rates, {STARTS} starts: {spent:.2f} s = {spent / svd:.1f} SVDs")
    print(f"  validation loss {found.test_loss:.5g} (no schedule below {found.bound:.5g};")
    print(f"  gradient flow at its best stop {flow:.5g}, the start {problem.start_test_loss:.5g})")
    total = spent + reduced
    import torch

    dtype = torch.float32 if options.float32 else torch.float64
    limits = [options.seconds] if options.seconds else [total, 10 * total]
    best = tune(data, problem.max_lr, limits, dtype)[-1]
    verdict = "isoloss is lower" if found.test_loss < best else "Optuna is lower"
    print(f"{verdict}: {found.test_loss:.5g} against {best:.5g}")


if __name__ == "__main__":
    main()
