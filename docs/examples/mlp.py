"""Does a large rate, then annealing, help a real network at equal train loss? An MLP on digits.

An MLP of two hidden layers of 64 units learns scikit-learn's digits as one-hot targets with the
squared error, by SGD without momentum: at a small constant rate (the reference), at a large one,
and at a large one that is annealed to zero. There are four settings: none or 20% of the train
labels are wrong, and batches have 16 or 256 rows. `isoloss.networks.compare` trains with paired
seeds and compares test losses at equal train loss. For comparison, `isoloss.networks.linearize`
predicts the same schedules exactly in the linearised model, for the first seeds.

Run: python docs/examples/mlp.py [--seeds N] [--small] [--folder FOLDER] [--table FILE.csv]
     [--figure FILE.png]

--small takes few steps and seeds, to see in some seconds that everything runs. --folder keeps
finished runs, so that an interrupted study goes on. The study needs PyTorch.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import isoloss as il
from isoloss.reports.plotting import COLOURS, style

TRAIN, WIDTH, LEVELS = 600, 64, 8
LASTING = 10**7  # steps of the linearisation, which stops at levels
SMALL, LARGE = 0.02, 0.2  # rates; at about 0.3, batches of 16 rows diverge
SETTINGS = tuple((share, size) for share in (0.0, 0.2) for size in (16, 256))


def digits(wrong: float) -> tuple[np.ndarray, ...]:
    """Return train and test images and one-hot classes, with a share of wrong train classes."""
    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(labels))
    images, labels = images[order] / 16.0, labels[order]
    seen = labels[:TRAIN].copy()
    changed = rng.random(TRAIN) < wrong
    seen[changed] = (seen[changed] + rng.integers(1, 10, changed.sum())) % 10
    one_hot = np.eye(10)
    return images[:TRAIN], one_hot[seen], images[TRAIN:], one_hot[labels[TRAIN:]]


def mlp() -> Any:
    """Return a new model."""
    from torch import nn

    hidden = nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
    return nn.Sequential(*hidden, nn.Linear(WIDTH, 10))


def schedules(steps: int) -> dict[str, il.Schedule]:
    """Return schedules that end at about the same train loss."""
    return {
        "small": il.Schedule(il.GradientDescent(SMALL, 8 * steps)),
        "large": il.Schedule(il.GradientDescent(LARGE, steps)),
        "annealed": il.families.warmup_stable_decay(LARGE, steps, warmup=0, decay=steps // 2),
    }


def linearised(data: Any, steps: int, seed: int, levels: Any) -> tuple[float, dict[str, Any]]:
    """Return the largest stable rate of the linearisation at the start, and test losses at levels.

    The linearisation learns more slowly, so rates last here until the levels are reached, and
    annealing is gradient flow after the large rate. Batches are full: expected losses of
    minibatches would need all pairs of the 6000 train outputs.
    """
    large = il.GradientDescent(LARGE, steps // 2)
    plans = {
        "small": il.Schedule(il.GradientDescent(SMALL, LASTING)),
        "large": il.Schedule(il.GradientDescent(LARGE, LASTING)),
        "annealed": large + il.GradientFlow(),
    }
    import torch  # here, so that the figure is drawn without it

    X, y, X_test, y_test = data
    torch.manual_seed(seed)
    problem = il.networks.linearize(
        mlp().double(),
        X,
        y,
        X_test,
        y_test,
        method="products",
        schedules=plans,
        train_loss=levels,
        rtol=1e-3,
    )
    found = {}
    for name, plan in plans.items():
        run = il.train(problem, plan, levels)
        found[name] = np.where(run.reached, run.test_loss, np.nan)
    return float(problem.max_lr), found


def show(name: str, found: Any, lines: Any) -> None:
    """Print what was measured, and the linearised differences beside it."""
    print(f"\n{name}\n{found}")
    for plan, losses in lines.items():
        if plan != "small":
            difference = np.nanmean(losses - lines["small"], axis=0)
            shown = ", ".join("-" if np.isnan(each) else f"{each:+.4f}" for each in difference)
            print(f"Linearised, {plan} against small, from the highest level: {shown}")


def rows_of(name: str, found: Any, lines: Any) -> list[dict[str, Any]]:
    """Return a row for each schedule and level of a setting."""
    rows = []
    for plan, each in found.match.matched.items():
        if plan != found.match.reference:
            guess = np.nan * found.match.levels
            if plan in lines:
                guess = (lines[plan] - lines["small"]).mean(axis=0)
            columns = found.match.levels, each.difference, each.low, each.high, guess
            titles = "train_loss", "difference", "low", "high", "linearised"
            rows += [
                {"setting": name, "schedule": plan, **dict(zip(titles, values, strict=True))}
                for values in zip(*columns, strict=True)
            ]
    return rows


def draw(table: pd.DataFrame) -> Figure:
    """Draw differences against the train loss in each setting."""
    with style():
        figure = Figure(figsize=(7.2, 5.4), layout="constrained")
        axes = figure.subplots(2, 2)
        for place, (name, rows) in zip(
            axes.flat, table.groupby("setting", sort=False), strict=True
        ):
            place.axhline(0, color="0.6", linewidth=0.8)
            by_plan = rows.groupby("schedule", sort=False)
            for colour, (plan, own) in zip(COLOURS, by_plan, strict=False):
                levels = own["train_loss"]
                place.plot(levels, own["difference"], "o-", color=colour, label=plan, markersize=3)
                place.fill_between(levels, own["low"], own["high"], color=colour, alpha=0.2, lw=0)
                label = f"{plan}, linearised"
                place.plot(levels, own["linearised"], "--", color=colour, label=label)
            place.set_title(name)
            place.invert_xaxis()
        for place in axes[1]:
            place.set_xlabel("train loss")
        for place in axes[:, 0]:
            place.set_ylabel("test loss less that of small")
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def main() -> None:
    """Train in all settings, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500, help="of the large rate")
    parser.add_argument("--linearised", type=int, default=1, help="seeds that are linearised")
    parser.add_argument("--small", action="store_true", help="some seconds, to see that all runs")
    parser.add_argument("--folder", type=Path, help="where finished runs are kept")
    parser.add_argument("--table", type=Path, help="where to write the numbers as CSV")
    parser.add_argument("--figure", type=Path, help="where to write the figure")
    options = parser.parse_args()
    if options.small:  # too few steps for the model to learn anything
        options.seeds, options.steps, options.linearised = 2, 40, 0
    import torch

    torch.set_num_threads(1)  # the model is too small for more
    started = time.perf_counter()
    results: list[dict[str, Any]] = []
    plans = schedules(options.steps)
    for wrong, size in SETTINGS:
        data = digits(wrong)
        name = f"{wrong:.0%} wrong labels, batches of {size}"
        found = il.networks.compare(
            mlp,
            data,
            plans,
            seeds=options.seeds,
            batch_size=size,
            levels=LEVELS,
            every=max(1, options.steps // 150),
            folder=options.folder and options.folder / f"{round(100 * wrong)}_{size}",
        )
        lines: dict[str, Any] = {}
        if found.match is not None and options.linearised:
            each = [
                linearised(data, options.steps, seed, found.match.levels)
                for seed in range(options.linearised)
            ]
            print(f"\nLargest stable rate at the start: {', '.join(f'{r:.3f}' for r, _ in each)}")
            lines = {plan: np.array([one[plan] for _, one in each]) for plan in plans}
        show(name, found, lines)
        if found.match is not None:
            results += rows_of(name, found, lines)
    if options.table:
        pd.DataFrame(results).round(7).to_csv(options.table, index=False)
    if options.figure:
        draw(pd.DataFrame(results)).savefig(options.figure, dpi=150)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
