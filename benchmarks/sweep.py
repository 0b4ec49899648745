"""A sweep of 24 schedules × 20 levels: isoloss against training loops and an ODE solver.

    python benchmarks/sweep.py            both sizes, loops for four of the schedules
    python benchmarks/sweep.py --all      loops for all 24 (minutes)
    python benchmarks/sweep.py --quick    a small size, loops for all 24

Everything runs in one process on the same synthetic data. Loops stop at every level on the way and
record both losses there; gradient flow is SciPy's LSODA with an event for each level. The answers
must agree to 1e-6, or the script fails.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

import isoloss as il

SIZES = {"first": (1000, 784), "second": (2000, 500)}
OUTPUTS, LEVELS = 10, 20
AGREEMENT = 1e-6

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def workload(max_lr: float) -> list[il.Schedule]:
    """Return the 24 schedules."""

    def cosine(share: float, steps: int) -> il.Schedule:
        rates = 0.5 * share * max_lr * (1 + np.cos(np.pi * np.arange(steps) / steps))
        return il.Schedule(il.GradientDescent(rates))

    annealed = [il.anneal(c * max_lr, k) for c in (0.5, 0.9, 1.0) for k in (10, 100, 1000, 10000)]
    small = [il.Schedule(il.GradientDescent(c * max_lr, 20000)) for c in (0.01, 0.03, 0.1, 0.3)]
    cosines = [cosine(c, k) for c in (0.5, 0.9, 1.0) for k in (2000, 20000)]
    return [il.Schedule(il.GradientFlow()), *annealed, *small, *cosines, cosine(1.0, 500)]


def make_data(n: int, d: int, decay: float, seed: int = 0) -> Data:
    """Return linear data with noise; singular values decay like i^-decay, randomly rotated."""
    rng = np.random.default_rng(seed)
    rotation = (
        np.linalg.qr(rng.standard_normal((d, d)))[0] * np.arange(1.0, d + 1)[:, None] ** -decay
    )
    truth = rng.standard_normal((d, OUTPUTS))
    X, X_test = (rng.standard_normal((n, d)) @ rotation for _ in range(2))
    y, y_test = (rows @ truth + rng.standard_normal((n, OUTPUTS)) for rows in (X, X_test))
    return X, y, X_test, y_test


def sweep(data: Data) -> list[il.Run]:
    """Return the whole analysis by isoloss, its decomposition included."""
    problem = il.Problem.from_data(*data)
    levels = levels_of(problem)
    return [il.train(problem, s, train_loss=levels) for s in workload(problem.max_lr)]


def levels_of(problem: il.Problem) -> np.ndarray:
    """Return levels from half to a thousandth of the start's excess train loss."""
    low, start = problem.min_train_loss, problem.start_train_loss
    return low + (start - low) * np.geomspace(0.5, 1e-3, LEVELS)


class Loop:
    """A full-batch training loop and an ODE solver, with the covariances formed once."""

    def __init__(self, data: Data) -> None:
        X, y, X_test, y_test = data
        self.n, self.n_test, self.y, self.y_test, self.X, self.X_test = (
            len(X),
            len(X_test),
            y,
            y_test,
            X,
            X_test,
        )
        self.covariance, self.target = X.T @ X / self.n, X.T @ y / self.n
        self.square = float((y**2).sum() / self.n)

    def run(self, schedule: il.Schedule, levels: np.ndarray) -> np.ndarray:
        """Return the test loss at each level, at the end for levels not reached."""
        coef, found = np.zeros_like(self.target), np.full(levels.size, np.nan)
        for phase in schedule.phases:
            if isinstance(phase, il.GradientFlow):
                coef = self.flow(coef, levels, found)
            else:
                coef = self.steps(coef, np.broadcast_to(phase.lr, phase.steps), levels, found)
            if not np.isnan(found).any():
                break
        found[np.isnan(found)] = self.test_loss(coef)
        return found

    def train_loss(self, coef: np.ndarray, product: np.ndarray) -> float:
        return float((coef * (product - 2 * self.target)).sum()) + self.square

    def test_loss(self, coef: np.ndarray) -> float:
        return float(((self.X_test @ coef - self.y_test) ** 2).sum() / self.n_test)

    def record(self, coef: np.ndarray, loss: float, levels: np.ndarray, found: np.ndarray) -> None:
        new = (loss <= levels) & np.isnan(found)
        if new.any():
            found[new] = self.test_loss(coef)

    def steps(
        self, coef: np.ndarray, rates: np.ndarray, levels: np.ndarray, found: np.ndarray
    ) -> np.ndarray:
        product = self.covariance @ coef
        for lr in rates:
            coef = coef - 2 * lr * (product - self.target)
            product = self.covariance @ coef
            self.record(coef, self.train_loss(coef, product), levels, found)
            if not np.isnan(found).any():
                break
        return coef

    def flow(self, coef: np.ndarray, levels: np.ndarray, found: np.ndarray) -> np.ndarray:
        shape = coef.shape

        def slope(_: float, flat: np.ndarray) -> np.ndarray:
            return np.ravel(-2 * (self.covariance @ flat.reshape(shape) - self.target))

        def crossing(level: float) -> Callable[[float, np.ndarray], float]:
            def event(_: float, flat: np.ndarray) -> float:
                at = flat.reshape(shape)
                return self.train_loss(at, self.covariance @ at) - level

            event.terminal = True  # type: ignore[attr-defined]  # how SciPy is told to stop
            return event

        for i in np.flatnonzero(np.isnan(found)):
            path = solve_ivp(
                slope,
                (0, 1e9),
                coef.ravel(),
                "LSODA",
                events=crossing(levels[i]),
                rtol=1e-9,
                atol=1e-11,
            )
            coef = path.y_events[0][0].reshape(shape)
            found[i] = self.test_loss(coef)
        return coef


def clock(action: Callable[[], object], repeats: int = 5) -> float:
    """Return the median time of an action in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measure(n: int, d: int, decay: float, everything: bool) -> None:
    """Measure one size and print what was found."""
    data = make_data(n, d, decay)
    svd = clock(lambda: np.linalg.svd(data[0], full_matrices=False))
    whole = clock(lambda: sweep(data))
    runs = sweep(data)
    levels = levels_of(runs[0].problem)
    print(f"n = {n}, d = {d}, singular values of the population like i^-{decay:g}")
    print(f"  isoloss, 24 schedules × {LEVELS} levels: {whole:.3f} s")
    print(f"  one thin SVD of X:                  {svd:.3f} s; ratio {whole / svd:.2f}")
    chosen = range(24) if everything else (0, 1, 9, 17)
    loop, worst = Loop(data), 0.0
    start = time.perf_counter()
    for i in chosen:
        wanted = loop.run(runs[i].schedule, levels)
        worst = max(worst, float(np.max(np.abs(runs[i].test_loss / wanted - 1))))
    loops = time.perf_counter() - start
    schedules = [runs[i].schedule for i in chosen]

    def ours() -> list[il.Run]:
        problem = il.Problem.from_data(*data)
        return [il.train(problem, schedule, levels) for schedule in schedules]

    same = clock(ours)
    print(f"  loops and LSODA, {len(schedules)} of the schedules: {loops:.2f} s")
    print(f"  isoloss, the same schedules:        {same:.3f} s, {loops / same:.0f} times faster")
    print(f"  largest relative difference of the test losses: {worst:.0e}")
    if worst > AGREEMENT:
        raise SystemExit(f"the answers differ by {worst:.1e}")


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="n = 200, d = 100 only, all loops")
    parser.add_argument("--all", action="store_true", help="loops for all schedules")
    parser.add_argument("--decay", type=float, default=0.0, help="decay of the singular values")
    options = parser.parse_args()
    for n, d in [(200, 100)] if options.quick else SIZES.values():
        measure(n, d, options.decay, options.all or options.quick)


if __name__ == "__main__":
    main()
