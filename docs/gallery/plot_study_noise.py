"""
Study: how often a verdict is wrong
===================================

Data sets are simulated whose population effect is known: how much a schedule changes the test loss
at the same train loss, on average over all data sets. Label noise sets this effect; it is put at
the edge of the differences that count as none, where a wrong verdict is most likely. How many of
1,000 reports contain a false one, and what effects do reports find?
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest

import isoloss as il
from isoloss.comparison import NO_DIFFERENCE, cross_compare, resampled_intervals
from isoloss.comparison.effects import effect, supported_effect
from isoloss.reports.plotting import COLOURS, style

SCHEDULES = {"gd(1, 50) > flow": il.anneal(1.0, 50), "gd(0.5, 50) > flow": il.anneal(0.5, 50)}
LEVELS = [0.1, 0.01]  # shares of the start's train loss above the smallest
SPLITS = 20


@dataclass
class Setting:
    """Rows of a data set, the share that is tested on, label noise, features, and long tails."""

    rows: int
    share: float
    noise: float
    features: int = 8
    tails: int | None = None  # degrees of freedom of Student's t; None: Gaussian


def draw(setting, sets, seed):
    """Return the rows of data sets, with the target in the last column."""
    spread = np.arange(1, setting.features + 1) ** -0.25
    rng, size = np.random.default_rng(seed), (sets, setting.rows, spread.size + 1)
    if setting.tails is None:
        found = rng.normal(size=size)
    else:
        found = rng.standard_t(setting.tails, size) * (1 - 2 / setting.tails) ** 0.5
    found[..., :-1] *= spread
    found[..., -1] *= setting.noise * np.linalg.norm(spread)
    found[..., -1] += found[..., :-1].sum(axis=-1)
    return found


def differences(setting, rows, splits, seed):
    """Return relative differences to gradient flow: data sets × splits × schedules × levels."""
    sets, count, width = rows.shape
    if sets > (few := max(1, int(3e7 / (count * width**2)))):  # so that they fit into memory
        parts = (rows[first : first + few] for first in range(0, sets, few))
        return np.concatenate(
            [differences(setting, part, splits, [seed, i]) for i, part in enumerate(parts)]
        )
    held = round(setting.share * count)
    order = np.random.default_rng(seed).permuted(
        np.broadcast_to(np.arange(count), (sets, splits, count)), axis=-1
    )
    products = (rows[..., :, None] * rows[..., None, :]).reshape(sets, count, -1)
    train = (order >= held).astype(float) @ products
    test = (products.sum(axis=1)[:, None] - train) / held
    shape = (sets, splits, width, width)
    problem = problems((train / (count - held)).reshape(shape), test.reshape(shape))
    runs = il.train(problem, [il.Schedule(il.GradientFlow()), *SCHEDULES.values()], LEVELS)
    assert runs.reached.all()
    return np.moveaxis(runs.test_loss[1:] / runs.test_loss[0] - 1, 0, 2)


def problems(train, test):
    """Return a batch of problems from second moments, in units of 1/γ₁ and of the excess."""
    (A, b), (C, c) = ((part[..., :-1, :-1], part[..., :-1, -1:]) for part in (train, test))
    fit, best = np.linalg.solve(A, b), np.linalg.solve(C, c)
    excess = (b * fit).sum(axis=(-2, -1))
    least = test[..., -1, -1] - (c * best).sum(axis=(-2, -1))
    top = np.linalg.eigvalsh(A)[..., -1]
    unit = np.sqrt(top / excess)[..., None]
    return il.Problem.from_covariances(
        A / top[..., None, None], C / top[..., None, None], np.zeros(A.shape[-1]),
        unit * best[..., 0], train_target=unit * fit[..., 0],
        noise=np.maximum(least / excess, 0.0),
    )  # fmt: skip


# %%
# One such report is what `cross_compare` says of the same rows:

setting = Setting(60, 0.5, 0.3)
rows = draw(setting, 1, seed=1)
halves = np.random.default_rng(2).permuted(np.broadcast_to(np.arange(60), (1, SPLITS, 60)), axis=-1)
cv = [(np.flatnonzero(half >= 30), np.flatnonzero(half < 30)) for half in halves[0]]
texts, X, y = list(SCHEDULES), rows[0, :, :-1], rows[0, :, -1]
judgement = cross_compare(X, y, texts, LEVELS, unit="excess", cv=cv, fit_intercept=False)
ours = differences(setting, rows, SPLITS, seed=2)[0]
for i, judged in enumerate(judgement.schedules):
    np.testing.assert_allclose(judged.difference, ours[:, i], rtol=1e-6, atol=1e-9)
print(judgement)

# %%
# Reports of two schedules at two levels each. The label noise was chosen so that one of the four
# population effects is at an edge, -1 % or +1 %. Each effect is measured on 20,000 data sets. A
# verdict counts as false if it may be, within three standard errors of what was measured; verdicts
# from a single split, which never say that they cannot tell, have the benefit of this doubt.


def is_false(said, mean, doubt):
    """Return whether a verdict contradicts a population effect, or may by some doubt."""
    return {
        "helps": mean + doubt > -NO_DIFFERENCE,
        "hurts": mean - doubt < NO_DIFFERENCE,
        "no difference": abs(mean) + doubt > NO_DIFFERENCE,
        "cannot tell": False,
    }[said]


def population(setting, sets):
    """Return the four effects, and their standard errors."""
    found = differences(setting, draw(setting, sets, seed=3), 1, seed=4).reshape(sets, -1)
    return found.mean(axis=0), found.std(axis=0) / sets**0.5


def verdicts(found, ratio, comparisons):
    """Return what intervals over splits say, one verdict for each difference."""
    ends = resampled_intervals(found.reshape(len(found), -1), ratio, comparisons=comparisons)
    return [supported_effect(*pair) for pair in zip(ends.low, ends.high, strict=True)]


REPORTS = 1000
EDGES = [
    (Setting(60, 0.5, 0.2835), "60 rows, half of them tested on"),
    (Setting(60, 0.5, 0.2060), "the same, less noise"),
    (Setting(60, 0.5, 0.5054), "the same, more noise"),
    (Setting(60, 0.2, 0.2729, tails=5), "60 rows with long tails, a fifth tested on"),
    (Setting(240, 0.5, 0.5030), "240 rows, half of them tested on"),
]
for setting, name in EDGES:
    means, errors = population(setting, 20_000)
    found = differences(setting, draw(setting, REPORTS, seed=5), SPLITS, seed=6)
    held = round(setting.share * setting.rows)
    ratio = held / (setting.rows - held)
    plain = [[verdicts(part, 0.0, 1)[0] for part in np.moveaxis(
        each.reshape(SPLITS, 4, 1), 1, 0)] for each in found]  # fmt: skip
    ways = {
        "reports": ([verdicts(each, ratio, 4) for each in found], 3.0),
        "usual t intervals": (plain, 3.0),
        "one split": ([[effect(1 + v) for v in each[0].ravel()] for each in found], -3.0),
    }
    print(f"{name}: population effects", *(f"{100 * m:+.1f}%" for m in means))
    for way, (said, doubt) in ways.items():
        wrong = sum(any(map(is_false, each, means, doubt * errors)) for each in said)
        low, high = binomtest(wrong, REPORTS).proportion_ci()
        told = np.mean([[word != "cannot tell" for word in each] for each in said])
        print(
            f"  {way}: {wrong} of {REPORTS} with a false verdict ({100 * low:.1f}% to "
            f"{100 * high:.1f}%), a verdict for {100 * told:.0f}% of the effects"
        )

# %%
# Power: how many of 200 reports say that 50 annealed steps at the largest stable rate help, or
# hurt, at the lower level? Label noise sets the effect; more rows, with as many more features, let
# the splits differ less.

NOISES = [0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0]
SIZES = ((8, "blue", "o"), (16, "orange", "s"), (32, "green", "^"))
with style():
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for features, colour, marker in SIZES:
        effects, shares = [], []
        for noise in NOISES:
            setting = Setting(10 * features, 0.2, noise, features)
            found = differences(setting, draw(setting, 200, seed=7), SPLITS, seed=8)
            effects.append(100 * found[:, :, 0, 1].mean())
            said = [verdicts(each, 0.25, 4)[1] for each in found]
            shares.append(100 * np.mean([word in ("helps", "hurts") for word in said]))
        label = f"{10 * features} rows, {features} features"
        told = (f"{e:+.0f}: {share:.0f}" for e, share in zip(effects, shares, strict=True))
        print(f"{label}: reports that tell an effect (both in %)", *told, sep="  ")
        axes.plot(effects, shares, marker + "-", color=COLOURS[colour], label=label)
    axes.axvspan(-1, 1, color="0.9")
    axes.set(xlabel="population effect on the test loss (%)", ylabel="reports with a verdict (%)")
    axes.legend()
