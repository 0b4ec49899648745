"""Minibatch training by isoloss beside real minibatch runs by PyTorch.

    python benchmarks/stochastic.py

Prints what each of isoloss's ways costs, and one training loop of PyTorch for the same problem. The
mean of 200 real runs must agree with the expectation within four standard errors, or it fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import isoloss as il

RUNS, STEPS = 200, 100


def seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def main() -> None:
    rng = np.random.default_rng(0)
    wide = il.Problem.from_spectra(
        np.geomspace(1, 1e-3, 1000), np.ones(1000), rng.normal(size=1000), train_noise=0.1
    )
    for steps in (10, 1000, 10**9):
        phase = il.GradientDescent(0.01, steps, batch_size=32)
        took = seconds(lambda phase=phase: il.train(wide, phase))
        print(f"1000 curvatures, {steps:>10} equal steps: {took:.3f} s")
    changing = il.GradientDescent(np.linspace(0.01, 0.001, 10**5), batch_size=32)
    print(
        f"1000 curvatures, 100000 changing rates: {seconds(lambda: il.train(wide, changing)):.2f} s"
    )
    X = rng.normal(size=(1000, 64))
    rows = il.Problem.from_data(X, X @ rng.normal(size=64) + rng.normal(size=1000))
    phase = il.GradientDescent(np.linspace(0.05, 0.01, 1000), batch_size=32)
    print(f"1000 rows of rank 64, 1000 steps: {seconds(lambda: il.train(rows, phase)):.2f} s")
    beside_torch(rng)


def beside_torch(rng: np.random.Generator) -> None:
    """Compare the expectation with real runs, under momentum, weight decay and falling rates."""
    import torch

    X = rng.normal(size=(300, 20)) * np.geomspace(1, 0.1, 20)
    y = X @ rng.normal(size=20) + 0.5 * rng.normal(size=300)
    problem = il.Problem.from_data(X, y)
    rates = np.linspace(0.05, 0.005, STEPS)
    phase = il.HeavyBall(rates, 0.9, weight_decay=0.01, batch_size=32)
    expected = float(il.train(problem, phase).train_loss)
    ours = seconds(lambda: il.train(problem, phase))
    inputs, targets = torch.tensor(X), torch.tensor(y)
    losses = []
    begun = time.perf_counter()
    for seed in range(RUNS):
        torch.manual_seed(seed)
        weights = torch.nn.Parameter(torch.zeros(20, dtype=torch.float64))
        sgd = torch.optim.SGD([weights], lr=1.0, momentum=0.9, weight_decay=0.01)
        for lr in rates:
            sgd.param_groups[0]["lr"] = lr
            batch = torch.randint(300, (32,))
            sgd.zero_grad()
            torch.nn.functional.mse_loss(inputs[batch] @ weights, targets[batch]).backward()
            sgd.step()
        losses.append(float(torch.mean((inputs @ weights.detach() - targets) ** 2)))
    theirs = time.perf_counter() - begun
    mean, error = np.mean(losses), np.std(losses, ddof=1) / RUNS**0.5
    print(
        f"{STEPS} momentum steps: expectation {expected:.5f} in {ours:.3f} s; mean of {RUNS} runs "
        f"by PyTorch {mean:.5f} ± {error:.5f} in {theirs:.1f} s, {theirs / ours:.0f} times as long"
    )
    if abs(mean - expected) > 4 * error:
        raise SystemExit("the mean of the runs is not the expectation")


if __name__ == "__main__":
    main()
