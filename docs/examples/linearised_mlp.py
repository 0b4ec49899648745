"""How far is real training from the linearised model? An MLP whose width grows from 64 to 4096.

A network with one hidden layer of tanh units learns a smooth function of three inputs from 32 noisy
rows. It is trained for 100 steps by torch.optim.SGD in float64, at a quarter and a half of the
largest stable rate of its linearisation, and by `il.networks.linearize` and `il.train`. The
difference is that between the two predictions on 200 test inputs, as a root mean square relative to
that of the targets. Five seeds draw the initial parameters. The slope of the log difference against
the log width has a 95 % interval over these seeds.

There are two parametrizations. In that of the neural tangent kernel, with normal weights and
outputs divided by the root of the width, all layers learn at any width. In PyTorch's own, the wider
the network, the less the layer before the last moves.

Run: python docs/examples/linearised_mlp.py [--seeds N] [--table FILE.csv] [--figure FILE.png]
Needs PyTorch. It takes less than a minute on two cores.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

import isoloss as il
from isoloss.reports.plotting import COLOURS, style

WIDTHS = (64, 256, 1024, 4096)
SHARES = (0.25, 0.5)  # of the largest stable rate
STEPS, ROWS, TESTS, INPUTS = 100, 32, 200, 3
KINDS = ("tangent", "PyTorch")  # parametrizations


def data() -> tuple[Any, Any, Any, Any]:
    """Return train and test inputs and targets."""
    rng = np.random.default_rng(0)
    X, X_test = (rng.normal(size=(n, INPUTS)) for n in (ROWS, TESTS))
    y, y_test = (np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:] for x in (X, X_test))
    return X, y + 0.1 * rng.normal(size=y.shape), X_test, y_test


def network(kind: str, seed: int, width: int) -> Any:
    """Return a network at its random initial parameters."""
    import torch

    class Scaled(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x / width**0.5

    torch.manual_seed(seed)
    layers = [torch.nn.Linear(INPUTS, width), torch.nn.Tanh(), torch.nn.Linear(width, 1)]
    model = torch.nn.Sequential(*layers).double()
    if kind == "tangent":
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        model.insert(2, Scaled())
    return model


def measured(kind: str, seed: int, width: int) -> list[dict[str, Any]]:
    """Return a row for each rate: the difference between the predictions, and both test losses."""
    import torch

    X, y, X_test, y_test = data()
    model = network(kind, seed, width)
    problem = il.networks.linearize(model, X, y, X_test, y_test)
    inputs, targets, test_inputs = (torch.as_tensor(each) for each in (X, y, X_test))
    found = []
    for share in SHARES:
        lr = share * float(problem.max_lr)
        run = il.train(problem, il.GradientDescent(lr, STEPS))
        linearised = il.networks.apply(model, run)(X_test)
        real = copy.deepcopy(model)
        optimizer = torch.optim.SGD(real.parameters(), lr=lr)
        for _ in range(STEPS):
            optimizer.zero_grad()
            ((real(inputs) - targets) ** 2).sum(dim=1).mean().backward()
            optimizer.step()
        with torch.no_grad():
            trained = real(test_inputs).numpy()
        found.append(
            {
                "kind": kind,
                "seed": seed,
                "width": width,
                "share": share,
                "difference": np.sqrt(np.mean((trained - linearised) ** 2) / np.mean(y_test**2)),
                "linearised": float(run.test_loss),
                "real": np.mean((trained - y_test) ** 2),
            }
        )
    return found


def slopes(table: pd.DataFrame) -> dict[tuple[str, float], tuple[float, float]]:
    """Return, by kind and rate, the mean slope over seeds and half its 95 % interval's width."""
    found = {}
    for (kind, share), rows in table.groupby(["kind", "share"]):
        each = [
            stats.linregress(np.log(one.width), np.log(one.difference)).slope
            for _, one in rows.groupby("seed")
        ]
        half = stats.t.ppf(0.975, len(each) - 1) * stats.sem(each)
        found[str(kind), float(share)] = (float(np.mean(each)), float(half))
    return found


def report(table: pd.DataFrame) -> None:
    """Print the mean differences and the slopes."""
    means = table.groupby(["width", "kind", "share"]).difference.mean().unstack(["kind", "share"])
    print("difference of the test predictions, mean over seeds, by share of the largest rate")
    print(means.map("{:.5f}".format).to_string())
    for (kind, share), (slope, half) in slopes(table).items():
        print(f"{kind}, {share:g} of the largest rate: slope {slope:.3f} ± {half:.3f}")
    wide = table[table.width == table.width.max()]
    print(f"test losses at width {table.width.max()}, mean over seeds:")
    print(wide.groupby(["kind", "share"])[["real", "linearised"]].mean().round(4).to_string())


def figure(table: pd.DataFrame) -> Figure:
    """Draw each seed, and the mean over seeds, for each kind and rate."""
    with style():
        drawing = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = drawing.subplots()
        for (kind, share), (slope, half) in slopes(table).items():
            rows = table[(table.share == share) & (table.kind == kind)]
            colour = COLOURS["blue" if kind == KINDS[0] else "orange"]
            line = "-" if share == max(SHARES) else "--"
            axes.plot(rows.width, rows.difference, ".", color=colour, alpha=0.5, markersize=4)
            mean = np.exp(np.log(rows.difference).groupby(rows.width).mean())
            label = f"{kind}, {share:g} of the largest rate: slope {slope:.2f} ± {half:.2f}"
            axes.plot(mean.index, mean, line, color=colour, label=label)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="width of the hidden layer",
            ylabel="difference of test predictions\n(RMS, relative to the targets)",
            title=f"Real training and its linearisation, after {STEPS} steps",
        )
        axes.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
        axes.minorticks_off()
        axes.legend(title="parametrization")
    return drawing


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    start = time.perf_counter()
    several = itertools.product(KINDS, range(asked.seeds), WIDTHS)
    table = pd.DataFrame([row for one in several for row in measured(*one)])
    report(table)
    print(f"{time.perf_counter() - start:.0f} s")
    if asked.table is not None:
        table.to_csv(asked.table, index=False, float_format="%.6g")
    if asked.figure is not None:
        figure(table).savefig(asked.figure, dpi=150)


if __name__ == "__main__":
    main()
