"""
Study: the paper's gap, generalized
===================================

In the paper three samples of two directions show a gap with probability 3/4. What becomes of it
with more samples, and in more dimensions? The gap is the test loss of gradient flow less that of 50
steps at the largest stable rate and flow, at the same train loss ε = 0.01.
"""

import matplotlib.pyplot as plt
import numpy as np

import isoloss as il
from isoloss.problems.random import directions, enumerated
from isoloss.reports.plotting import COLOURS, style
from isoloss.sweep import sweep

BOTH = {"flow": "flow", "annealed": "gd(1.0, 50) > flow"}
LEVEL = 0.01
SAME = 0.01  # a smaller gap, in units of ε, does not count


def gap(test_loss):
    """Return what annealing saves of the test loss, over ε; 0.75 in the paper."""
    loss = test_loss.isel(level=0)
    return (loss.sel(schedule="flow") - loss.sel(schedule="annealed")) / LEVEL


# %%
# Two directions: exactly, over all train sets with their probabilities, and by 400 draws each.


def exact(n):
    """Return the gap's probability and mean over all train sets of n rows."""
    probability = mean = 0.0
    for problem, weight in enumerated(n):
        schedules = il.GradientFlow(), il.anneal(problem.max_lr, 50)
        flow, annealed = (float(il.train(problem, s, LEVEL).test_loss) for s in schedules)
        found = (flow - annealed) / LEVEL
        probability += float(weight) * (found > SAME)
        mean += float(weight) * found
    return probability, mean


counts = list(range(2, 21))
probability, mean = np.transpose([exact(n) for n in counts])
sampled = gap(
    sweep(directions, BOTH, LEVEL, parameters={"n": counts}, draws=400, unit="absolute").test_loss
)
sampled_probability = (sampled > SAME).mean("draw")
for n in (2, 3, 4, 10, 20):
    i = counts.index(n)
    print(f"n = {n:2}: probability {probability[i]:.3f}, of the draws "
          f"{float(sampled_probability[i]):.3f}, mean gap {mean[i]:.3f} ε")  # fmt: skip

# %%
# More directions, all equally probable, 100 draws each:


def uniform(n_over_d, d):
    """Return a sampler: the paper's example with d directions."""
    return directions(max(1, round(n_over_d * d)), [f"1/{d}"] * d)


ratios, sizes = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [5, 10, 20]
axes_of_sweep = {"n_over_d": ratios, "d": sizes}
many = gap(
    sweep(uniform, BOTH, LEVEL, parameters=axes_of_sweep, draws=100, unit="absolute").test_loss
)
print("mean gap / ε at n/d =", *ratios)
for d in sizes:
    means = many.mean("draw").sel(d=d).values
    print(f"  d = {d:2}:", "  ".join(f"{value:.2f}" for value in means))

# %%
# Probability above, mean gap below:

with style():
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 6.0), layout="constrained", sharex="col")
    for row, name, line, few, more in (
        (0, "probability of a gap", probability, sampled_probability, (many > SAME).mean("draw")),
        (1, "mean gap / ε", mean, sampled.mean("draw"), many.mean("draw")),
    ):
        left, right = axes[row]
        left.plot(counts, line, color=COLOURS["blue"], label="exact, all train sets")
        left.plot(counts, few, "o", mfc="none", color=COLOURS["orange"], label="400 draws")
        for colour, marker, d in zip(("blue", "orange", "green"), "os^", sizes, strict=True):
            shown = more.sel(d=d)
            right.plot(ratios, shown, marker + "-", color=COLOURS[colour], label=f"d = {d}")
        left.set(ylabel=name, ylim=(-0.03, None))
        right.set(xscale="log", ylim=(-0.03, None))
    axes[0, 0].set_title("d = 2, as in the paper (there n = 3)")
    axes[0, 1].set_title("d directions, 100 draws")
    axes[1, 0].set(xlabel="n train rows", xticks=range(2, 21, 2))
    axes[1, 1].set_xlabel("n / d")
    axes[0, 0].legend()
    axes[0, 1].legend()
