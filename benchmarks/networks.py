"""Linearised networks: how long they take, beside neural-tangents' formulation on the same kernel.

neural-tangents (gradient_descent_mse) decomposes the kernel once, and gives a time t of gradient
flow by its eigenvalues (`eigenvalues`: an exponential of each) or by a matrix exponential of the
kernel, from SciPy (`expm`). Its formulas are written out here, as it needs an old JAX. It has no
learning rates, and no stop at a train loss; both start from the same kernel.

Then the large case: products alone, n = 2000 rows, 10⁶ parameters, ten outputs.

Run: python benchmarks/networks.py [small] [large]
"""

from __future__ import annotations

import argparse
import itertools
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.linalg import expm

import isoloss as il
from isoloss.networks.frozen_model import freeze
from isoloss.networks.jacobian import jacobian_of

LEVELS = 20


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def mlp(inputs: int, widths: list[int], outputs: int) -> Any:
    """Return a network in the standard parametrization, with tanh."""
    torch.manual_seed(0)
    sizes = [inputs, *widths]
    layers: list[Any] = []
    for a, b in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], outputs))


def small(n: int = 1000, tests: int = 400) -> None:
    """Time both on one kernel, with one output."""
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(n, 10)), rng.normal(size=(tests, 10))
    y, y_test = (np.sin(2 * rows[:, :1]) + rows[:, 1:2] for rows in (X, X_test))
    model = mlp(10, [100], 1)
    frozen = freeze(model, None, None)
    jacobian_of(frozen, torch.as_tensor(X[:2]), 1, 256, lambda _: None)  # loads torch.func
    spent, (J, J_test) = timed(
        lambda: [
            jacobian_of(frozen, torch.as_tensor(rows), 1, 256, lambda _: None)
            for rows in (X, X_test)
        ]
    )
    print(f"n = {n}, {tests} test rows, p = {frozen.start.size}: the Jacobian takes {spent:.2f} s")
    with torch.no_grad():
        f0, f0_test = (
            model(torch.as_tensor(rows).float()).double().numpy() for rows in (X, X_test)
        )
    kernel, across = J @ J.T, J_test @ J.T

    given = kernel, y - f0, across, y_test - f0_test
    by_kernel, same = timed(lambda: il.Problem.from_kernel(*given))
    built, problem = timed(lambda: il.networks.linearize(model, X, y, X_test, y_test))
    flow = il.GradientFlow()
    level = np.geomspace(0.5, 0.02, LEVELS) * float(problem.start_train_loss)
    first, run = timed(lambda: il.train(problem, flow, level))
    _ = run.test_loss
    again, _ = timed(lambda: il.train(problem, flow, level).test_loss)
    steps = il.anneal(float(problem.max_lr), 10_000)
    rates, _ = timed(lambda: il.train(problem, steps, level).test_loss)
    on_kernel, _ = timed(lambda: il.train(same, flow, level).test_loss)
    print(f"isoloss, on the kernel: {by_kernel:.2f} s; {LEVELS} stops {1e3 * on_kernel:.1f} ms")
    print(f"isoloss, from the model: {built:.2f} s; {LEVELS} stops of flow {1e3 * again:.1f} ms")
    print(f"  (first call {1e3 * first:.1f} ms), of 10 000 annealed steps {1e3 * rates:.1f} ms")

    def eigenvalues(times: Any) -> Any:
        # f(t) = f₀ + K_test K⁻¹ (I - exp(-2Kt/n)) (y - f₀)
        gamma, vectors = np.linalg.eigh(kernel)
        along = vectors.T @ (y - f0)
        shares = -np.expm1(-2 * np.outer(np.maximum(gamma, 0), times) / n)
        moved = across @ (vectors @ (shares / gamma[:, None] * along))
        return np.mean((f0_test + moved - y_test) ** 2, axis=0)

    def by_expm(at: float) -> Any:
        left = np.eye(n) - expm(-2 * kernel * at / n)
        moved = across @ np.linalg.solve(
            kernel + 1e-12 * np.trace(kernel) / n * np.eye(n), left @ (y - f0)
        )
        return np.mean((f0_test + moved - y_test) ** 2)

    spent, theirs = timed(lambda: eigenvalues(np.asarray(run.time)))
    one, last = timed(lambda: by_expm(float(run.time[-1])))
    print(f"eigenvalues, on the kernel, at {LEVELS} given times: {spent:.2f} s")
    print(f"expm, on the kernel, at one given time: {one:.2f} s")
    apart = np.max(np.abs(theirs / np.asarray(run.test_loss) - 1))
    print(f"largest relative difference of the test losses: {apart:.1e} (eigenvalues)")
    print(f"  at the last time: {abs(last / float(run.test_loss[-1]) - 1):.1e} (expm)")


def large(n: int = 2000, outputs: int = 10, width: int = 960) -> None:
    """Time and measure the memory of the largest case, by products alone."""
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(n, 64)), rng.normal(size=(500, 64))
    teacher = rng.normal(size=(64, outputs)) / 8
    y, y_test = (np.tanh(rows @ teacher) for rows in (X, X_test))
    y = y + 0.3 * rng.normal(size=y.shape)
    model = mlp(64, [width, width], outputs)
    count = sum(p.numel() for p in model.parameters())
    size = n * outputs * count * 8e-9
    print(f"n = {n}, p = {count}, {outputs} outputs: a full Jacobian has {size:.0f} GB")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    levels = [0.8, 0.4, 0.2]
    f0 = model(torch.as_tensor(X).float()).detach().numpy()
    start = float(np.mean(np.sum((f0 - y) ** 2, axis=1)))
    processor = time.process_time()
    spent, problem = timed(
        lambda: il.networks.linearize(
            model,
            X,
            y,
            X_test,
            y_test,
            schedules=["flow", "gd(0.9, 100, weight_decay=0.001) > flow"],
            train_loss=[level * start for level in levels],
            rtol=1e-3,
        )
    )
    processor = time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(problem)
    print(problem.reduction)
    print(f"{spent:.0f} s, {processor:.0f} s of processors")
    print(f"at most {peak:.1f} GB of memory, {before:.1f} GB before")
    for schedule in ("flow", "gd(0.9, 100) > flow"):
        run = il.train(problem, schedule, [level * start for level in levels])
        print(schedule, run.test_loss.round(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", default=["small", "large"])
    for name in parser.parse_args().which:
        {"small": small, "large": large}[name]()


if __name__ == "__main__":
    main()
