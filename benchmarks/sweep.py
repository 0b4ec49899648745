"""A sweep of 24 schedules × 20 levels: isoloss, one SVD, a plain NumPy script, training loops.

    python benchmarks/sweep.py            every kind of data (half a minute)
    python benchmarks/sweep.py --all      also loops for all schedules (minutes for each wide kind)
    python benchmarks/sweep.py --quick    one small size, with the loops

Everything runs in one process on the same data, in turns. Times are medians, with the smallest and
the largest; ratios are medians of the ratios within one turn. The losses of the loops must agree
with isoloss to 1e-6, and those of the plain script where a covariance in float64 still has every
direction of the data, or the script fails.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import PolynomialFeatures
from sweep_loops import Loop
from sweep_plain import Plain

import isoloss as il

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


def gaussian(n: int, d: int, decay: float) -> Data:
    """Return linear data with noise; singular values decay like i^-decay, randomly rotated."""
    rng = np.random.default_rng(0)
    rotation = (
        np.linalg.qr(rng.standard_normal((d, d)))[0] * np.arange(1.0, d + 1)[:, None] ** -decay
    )
    truth = rng.standard_normal((d, OUTPUTS))
    X, X_test = (rng.standard_normal((n, d)) @ rotation for _ in range(2))
    y, y_test = (rows @ truth + rng.standard_normal((n, OUTPUTS)) for rows in (X, X_test))
    return X, y, X_test, y_test


def image_like(n: int, d: int = 784, rank: int = 586, edge: int = 67) -> Data:
    """Return data with the rank and the spectrum of MNIST: 12 decades, constant columns."""
    rng = np.random.default_rng(0)
    place = np.arange(1.0, rank + 1)
    size = place**-0.9 * 10 ** (-9.5 * (place / rank) ** 6)
    basis = np.zeros((d, rank))
    basis[edge:] = np.linalg.qr(rng.standard_normal((d - edge, rank)))[0]
    X, X_test = ((rng.standard_normal((n, rank)) * size) @ basis.T for _ in range(2))
    truth = rng.standard_normal((rank, OUTPUTS)) * np.sqrt(place)[:, None]
    y, y_test = (
        rows @ basis @ truth + 0.1 * rng.standard_normal((n, OUTPUTS)) for rows in (X, X_test)
    )
    return X, y, X_test, y_test


def digits(pixels: int = 38) -> Data:
    """Return all products of two of the first pixels of scikit-learn's digits: rank-deficient."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    X = PolynomialFeatures(2).fit_transform(images[order, :pixels] / 16)
    y = np.eye(10)[labels[order]]
    return X[:1200], y[:1200], X[1200:], y[1200:]


KINDS: dict[str, Callable[[], Data]] = {
    "isotropic": lambda: gaussian(1000, 784, 0.0),
    "isotropic, tall": lambda: gaussian(2000, 500, 0.0),
    "decaying like 1/i": lambda: gaussian(1000, 784, 1.0),
    "rank 586 over 12 decades": lambda: image_like(1000),
    "rank 586 over 12 decades, tall": lambda: image_like(2000),
    "digits, degree 2": digits,
}


def sweep(data: Data) -> il.Run:
    """Return the whole analysis by isoloss, its decomposition included."""
    problem = il.Problem.from_data(*data)
    run = il.train(problem, workload(problem.max_lr), train_loss=levels_of(problem))
    _ = run.test_loss
    return run


def levels_of(problem: il.Problem) -> np.ndarray:
    """Return levels from half to a thousandth of the start's excess train loss."""
    low, start = problem.min_train_loss, problem.start_train_loss
    return low + (start - low) * np.geomspace(0.5, 1e-3, LEVELS)


def plain_sweep(data: Data) -> np.ndarray:
    """Return the test losses by the plain script, its decomposition included."""
    plain = Plain(*data)
    levels = plain.levels(LEVELS)
    return np.stack([plain.train(schedule, levels) for schedule in workload(plain.max_lr)])


def in_turns(actions: dict[str, Callable[[], object]], turns: int) -> dict[str, np.ndarray]:
    """Return the times of the actions, run one after the other in each turn."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(turns + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if turn:  # the first turn is a rehearsal
                times[name].append(time.perf_counter() - start)
    return {name: np.array(each) for name, each in times.items()}


def measured(data: Data, turns: int) -> Iterator[str]:
    """Measure one kind of data; return the lines of its table."""
    times = in_turns(
        {
            "one thin SVD of X": lambda: np.linalg.svd(data[0], full_matrices=False),
            "isoloss, 24 schedules × 20 levels": lambda: sweep(data),
            "  of which Problem.from_data": lambda: il.Problem.from_data(*data),
            "the plain script": lambda: plain_sweep(data),
        },
        turns,
    )
    svd, ours = times["one thin SVD of X"], times["isoloss, 24 schedules × 20 levels"]
    for name, each in times.items():
        spread = f"{np.median(each):.3f} s ({each.min():.3f} to {each.max():.3f})"
        yield f"  {name:36}{spread}  {np.median(each / svd):.2f} SVDs"
    yield f"  the plain script takes {np.median(times['the plain script'] / ours):.2f} × as long"


def compare(data: Data, loops: bool) -> None:
    """Run the plain script and the loops once; fail if their losses differ from isoloss's."""
    run = sweep(data)
    ours = np.asarray(run.test_loss)
    worst = relative(plain_sweep(data), ours, check=fits_in_covariance(data[0]))
    print(f"  the plain script's losses differ by up to {worst:.0e}", flush=True)
    if loops:
        start = time.perf_counter()
        loop, levels = Loop(*data), levels_of(run.problem)
        losses = np.stack([loop.run(schedule, levels) for schedule in run.schedules])
        taken, worst = time.perf_counter() - start, relative(losses, ours, check=True)
        print(f"  loops and LSODA: {taken:.2f} s; their losses differ by up to {worst:.0e}")


def fits_in_covariance(X: np.ndarray) -> bool:
    """Return whether a covariance in float64 still has every direction of the data."""
    size = np.linalg.svd(X, compute_uv=False)
    rank = np.linalg.matrix_rank(X)
    return bool(size[rank - 1] > 1e-6 * size[0])


def relative(losses: np.ndarray, ours: np.ndarray, *, check: bool) -> float:
    """Return the largest relative difference; stop if it is checked and too large."""
    worst = float(np.max(np.abs(losses / ours - 1)))
    if check and not worst <= AGREEMENT:
        raise SystemExit(f"the losses differ by {worst:.1e}")
    return worst


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="n = 200, d = 100 only, with loops")
    parser.add_argument("--all", action="store_true", help="also training loops")
    parser.add_argument("--turns", type=int, default=9, help="turns of the timings")
    options = parser.parse_args()
    kinds = {"small": lambda: gaussian(200, 100, 0.0)} if options.quick else KINDS
    for name, make in kinds.items():
        data = make()
        n, d = data[0].shape
        print(f"{name}: n = {n}, d = {d}, rank {np.linalg.matrix_rank(data[0])}")
        for line in measured(data, options.turns):
            print(line)
        compare(data, options.all or options.quick)


if __name__ == "__main__":
    main()
