"""Does a designed schedule help on real data? Digits with skewed train classes, and without skew.

Run: python docs/examples/digits.py [--seeds N] [--figure FILE.png]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import isoloss as il
from isoloss.comparison import select
from isoloss.reports.plotting import COLOURS, style

PER_CLASS = 40  # validation and test rows of each class: both sets are balanced
TRAIN = 300
FAMILIES = {"annealed": 100, "rates 4": 4, "rates 8": 8, "rates 16": 16, "rates 16+flow": 16}
NAMES = ("flow", "ridge", *FAMILIES)


def split(seed: int, skew: float) -> tuple[Any, ...]:
    """Return train, validation and test images and one-hot classes.

    The k-th of the ten classes, in random order, is (1 - skew)^(k/9) times as frequent in the train
    rows as the first: with skew 0.9 the rarest has a tenth of the commonest's share.
    """
    images, labels = load_digits(return_X_y=True)
    images, rng = images / 16.0, np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    by_class = [order[labels[order] == digit] for digit in range(10)]
    validation = np.concatenate([rows[:PER_CLASS] for rows in by_class])
    test = np.concatenate([rows[PER_CLASS : 2 * PER_CLASS] for rows in by_class])
    pool = np.concatenate([rows[2 * PER_CLASS :] for rows in by_class])
    shares = (1.0 - skew) ** (rng.permutation(10) / 9)
    chances = shares[labels[pool]]
    train = rng.choice(pool, TRAIN, replace=False, p=chances / chances.sum())
    one_hot = np.eye(10)[labels]
    return tuple(
        part for rows in (train, validation, test) for part in (images[rows], one_hot[rows])
    )


def kernel(first: Any, second: Any) -> Any:
    """Return the RBF kernel with scikit-learn's default width for these 64 features."""
    squares = ((first[:, None] - second[None]) ** 2).sum(axis=-1)
    return np.exp(-squares / (64 * 0.14))


def problems(seed: int, skew: float, model: str) -> tuple[il.Problem, il.Problem, list[Any]]:
    """Return the problem on validation data, the same on test data, and wrong-class counters."""
    X, y, X_val, y_val, X_test, y_test = split(seed, skew)
    if model == "kernel":
        X, X_val, X_test = (kernel(rows, X) for rows in (X, X_val, X_test))
        problem = il.Problem.from_kernel(X, y, X_val, y_val)
    else:
        X, X_val, X_test = (np.c_[rows, np.ones(len(rows))] for rows in (X, X_val, X_test))
        problem = il.Problem.from_data(X, y, X_val, y_val)

    def wrong(inputs: Any, targets: Any) -> Callable[[Any], Any]:
        return lambda coef: ((inputs @ coef).argmax(-1) != targets.argmax(-1)).mean(-1)

    counters = [wrong(X_val, y_val), wrong(X_test, y_test)]
    return problem, problem.with_test(X_test, y_test), counters


def selected(
    seed: int, skew: float, model: str, families: dict[str, int] = FAMILIES
) -> list[tuple[float, float]]:
    """Return test loss and error of flow, ridge and each family, chosen on the validation data."""
    problem, test_problem, (validation_error, test_error) = problems(seed, skew, model)
    results = {}
    for name, steps in families.items():
        family = name.split()[0] + "+flow" * name.endswith("+flow")
        found = select(
            problem,
            test_problem,
            [family],
            steps=steps,
            validation_error=validation_error,
            test_error=test_error,
        )
        results |= {name: found.designed[0], "flow": found.flow, "ridge": found.ridge}
    names = ("flow", "ridge", *families)
    return [(results[name].test_loss, results[name].test_error) for name in names]


def trained_in_pytorch(schedule: il.Schedule, data: Any) -> tuple[float, float]:
    """Train with the schedule's rates in PyTorch; return train and test loss."""
    import torch

    X, y, X_test, y_test = (torch.tensor(a, dtype=torch.float64) for a in data)
    model = torch.nn.Linear(X.shape[1], y.shape[1], bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters())
    scheduler = schedule.to_torch(optimizer)
    for _ in range(schedule.steps):
        optimizer.zero_grad()
        ((model(X) - y) ** 2).sum(1).mean().backward()
        optimizer.step()
        scheduler.step()
    with torch.no_grad():
        pairs = ((X, y), (X_test, y_test))
        train_loss, test_loss = (float(((model(a) - b) ** 2).sum(1).mean()) for a, b in pairs)
    return train_loss, test_loss


def report(title: str, results: np.ndarray, names: tuple[str, ...] = NAMES) -> None:
    """Print means and standard deviations over the seeds."""
    print(f"\n{title}: mean and standard deviation over {len(results)} seeds")
    print(f"  {'':15}{'test loss':>18}{'test error':>16}   lower error than ridge")
    ridge = results[:, names.index("ridge"), 1]
    for k, name in enumerate(names):
        loss, error = results[:, k, 0], 100 * results[:, k, 1]
        wins = int((results[:, k, 1] < ridge).sum())
        print(
            f"  {name:15}{loss.mean():10.4f} ± {loss.std(ddof=1):.4f}"
            f"{error.mean():8.2f} ± {error.std(ddof=1):.2f} %   {wins} of {len(results)}"
        )


def figure(table: dict[tuple[str, float], np.ndarray], names: tuple[str, ...] = NAMES) -> Figure:
    """Draw test errors against ridge regression's, seed by seed."""
    models, skews = list(dict.fromkeys(m for m, _ in table)), sorted({s for _, s in table})
    with style():
        drawing = Figure(figsize=(1.2 + 3.9 * len(models), 4.2), layout="constrained")
        panels = drawing.subplots(1, len(models), sharey=True, squeeze=False)[0]
        colours = [COLOURS[name] for name in ("grey", "blue", "orange")]
        for axes, model in zip(panels, models, strict=True):
            axes.axhline(0, color="0.6", linewidth=0.8)
            for i, (skew, colour) in enumerate(zip(skews, colours, strict=False)):
                errors = table[model, skew][:, :, 1]
                ridge = names.index("ridge")
                change = 100 * np.delete(errors - errors[:, [ridge]], ridge, axis=1)
                x = np.arange(change.shape[1]) + 0.22 * (i - 1)
                axes.plot(x, change.T, ".", color=colour, markersize=3, alpha=0.5)
                axes.plot(x, change.mean(0), "_", color=colour, markersize=14, markeredgewidth=2)
                axes.plot([], [], "_", color=colour, markeredgewidth=2, label=f"skew {skew:g}")
            shown = [name for name in names if name != "ridge"]
            axes.set_xticks(range(len(shown)), shown, rotation=30, ha="right")
            axes.set_title({"linear": "linear", "kernel": "RBF kernel"}[model])
        panels[0].set_ylabel("test error less ridge's\n(percentage points; bars: means)")
        panels[0].legend()
        return drawing


def main() -> None:
    """Print the table, check one schedule in PyTorch, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    started = time.perf_counter()
    table = {}
    for model in ("linear", "kernel"):
        for skew in (0.0, 0.9, 0.98):
            rows = [selected(seed, skew, model) for seed in range(options.seeds)]
            table[model, skew] = np.array(rows)
            report(f"{model}, skew {skew:g}", table[model, skew])
    problem, test_problem, _ = problems(0, 0.98, "linear")
    best = il.design(problem, steps=16)
    X, y, _, _, X_test, y_test = split(0, 0.98)
    data = (np.c_[X, np.ones(len(X))], y, np.c_[X_test, np.ones(len(X_test))], y_test)
    exact = il.train(test_problem, best.schedule)
    really = trained_in_pytorch(best.schedule, data)
    print(f"\n16 free rates, really trained in PyTorch: train and test loss {really}")
    print(f"isoloss: {exact.train_loss}, {exact.test_loss}")
    print(f"{time.perf_counter() - started:.0f} s")
    if options.figure:
        figure(table).savefig(options.figure, dpi=150)


if __name__ == "__main__":
    main()
