"""
Study: do minibatches regularize?
=================================

A large first rate with minibatches, then flow, against gradient flow alone: both stop at the same
train loss, expected over the minibatches. The gradient noise of small batches is often said to act
as a regularizer. Does it here, on real data, and does label noise matter?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits

import isoloss as il
from isoloss.reports.plotting import COLOURS, style

SIZES = [1, 4, 16, 64, None]  # rows in a batch; None for all of them
NOISES = [0.0, 0.5, 1.0, 2.0]  # label noise, in standard deviations of the target
SHARES = np.array([0.3, 0.1, 0.01])  # levels: shares of the start's train loss above the smallest
STEPS = 50
SEEDS = 4


def split(name, noise, seed):
    """Return train and test data; noise is added to the train targets alone."""
    load, rows = {"diabetes": (load_diabetes, 100), "digits": (load_digits, 300)}[name]
    X, y = load(return_X_y=True)
    y = np.eye(10)[y] if name == "digits" else y[:, None]
    y = y / np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())
    rng = np.random.default_rng(seed)
    train, test = np.split(rng.permutation(len(X)), [rows])
    X, y = X - X[train].mean(axis=0), y - y[train].mean(axis=0)
    X = X / np.sqrt((X[train] ** 2).mean())
    noisy = y[train] + noise * rng.normal(size=y[train].shape) / np.sqrt(y.shape[1])
    return X[train], noisy, X[test], y[test]


def steps(lr, size):
    """Return the phase of minibatch steps, of train rows drawn with replacement."""
    if size is None:
        return il.GradientDescent(lr, STEPS)
    return il.GradientDescent(lr, STEPS, batch_size=size, sampling="replacement")


def effects(name, noise, seed):
    """Return test losses over flow's: two rules for the rate × batch sizes × levels."""
    problem = il.Problem.from_data(*split(name, noise, seed))
    floor = float(problem.min_train_loss)
    levels = floor + SHARES * (float(problem.start_train_loss) - floor)
    largest = [float(problem.max_lr_for(batch_size=size) if size else problem.max_lr)
               for size in SIZES]  # fmt: skip
    flow = il.train(problem, il.GradientFlow(), levels).test_loss
    rules = [[0.9 * largest[0]] * len(SIZES), [0.9 * lr for lr in largest]]
    return np.array([
        [il.train(problem, steps(lr, size) + il.GradientFlow(), levels).test_loss / flow
         for lr, size in zip(rates, SIZES, strict=True)]
        for rates in rules
    ])  # fmt: skip


# %%
# The rate is 0.9 of the largest that is stable in mean square, either that of batches of one row,
# for all batch sizes, or each batch size's own. With one rate for all, runs differ in their noise
# alone: their mean parameters are the same at each step.

found = {
    (name, noise): np.array([effects(name, noise, seed) for seed in range(SEEDS)])
    for name in ("diabetes", "digits")
    for noise in NOISES
}
for (name, noise), ratios in found.items():
    print(f"{name}, label noise {noise:g}: change of the test loss in %, with standard errors")
    print("  share of the train loss left:", *(f"{share:g}" for share in SHARES))
    for rule, rows in zip(("one rate", "own rate"), np.moveaxis(ratios, 1, 0), strict=True):
        for size, each in zip(SIZES, np.moveaxis(rows, 1, 0), strict=True):
            change, error = (
                100 * (each.mean(axis=0) - 1),
                100 * each.std(axis=0, ddof=1) / SEEDS**0.5,
            )
            shown = "  ".join(f"{c:+6.1f} ± {e:3.1f}" for c, e in zip(change, error, strict=True))
            print(f"  {rule}, B = {size or 'all':>3}: {shown}")

# %%
# So they do not regularize here. With three tenths of the train loss left, batches of one row
# hurt on both data sets, larger ones less at the same rate, and label noise makes it worse. A
# large rate with full batches changes little on digits, and on diabetes depends on the split.
# With a hundredth of the train loss left, flow has had more time to erase the noise: on digits
# nothing remains of it. (Bars are standard errors over splits.)

with style():
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 6.0), layout="constrained", sharex=True)
    colours = ["blue", "green", "amber", "orange"]
    for row, name in zip(axes, ("diabetes", "digits"), strict=True):
        for rule, (panel, title) in enumerate(
            zip(row, ("one rate for all batch sizes", "each batch size's own rate"), strict=True)
        ):
            for noise, colour, marker in zip(NOISES, colours, "os^D", strict=True):
                each = 100 * (found[name, noise][:, rule, :, 0] - 1)
                panel.errorbar(
                    range(len(SIZES)), each.mean(axis=0), each.std(axis=0, ddof=1) / SEEDS**0.5,
                    marker=marker, ms=4, capsize=2, color=COLOURS[colour],
                    label=f"label noise {noise:g}",
                )  # fmt: skip
            panel.axhline(0, color="0.6", lw=0.8)
            panel.set(title=f"{name}: {title}", xticks=range(len(SIZES)))
            panel.set_xticklabels([size or "all" for size in SIZES])
        row[0].set_ylabel("change of the test loss (%)")
    for panel in axes[1]:
        panel.set_xlabel("rows in a batch")
    axes[0, 0].legend()

# %%
# Why? Both losses are that of the mean parameters and a part from their spread. At the same train
# loss the spread takes its share of it, and the mean has gone further. At this level this lowers
# the mean's test loss, or leaves it; but the spread costs more than that gains. (Who can average
# runs, or parameters, keeps the gain.)

for name in ("diabetes", "digits"):
    X, y, X_test, y_test = split(name, 1.0, seed=0)
    problem = il.Problem.from_data(X, y, X_test, y_test)
    floor = float(problem.min_train_loss)
    level = floor + SHARES[0] * (float(problem.start_train_loss) - floor)
    lr = 0.9 * float(problem.max_lr_for(batch_size=1))
    print(
        f"{name}, label noise 1, train loss {level:.3f}, one rate: test loss, and that of the mean"
    )
    runs = {f"B = {size or 'all'}": steps(lr, size) + il.GradientFlow() for size in SIZES}
    for label, schedule in {"flow alone": il.GradientFlow(), **runs}.items():
        run = il.train(problem, schedule, level)
        mean = run.coef().reshape(X.shape[1], -1)
        fit, test = (
            ((A @ mean - b) ** 2).sum(axis=1).mean() for A, b in ((X, y), (X_test, y_test))
        )
        print(f"  {label:10}: {run.test_loss:.3f}; mean {test:.3f}, whose train loss is {fit:.3f}")
