"""
Study: when annealing helps, hurts, or does not matter
======================================================

60 Gaussian rows in 40 dimensions, label noise × decay of the spectrum, 30 draws for each of 169
cells, at three train losses.
"""

import numpy as np

from isoloss.problems.random import gaussian, power_law
from isoloss.sweep import sweep


def noisy(noise, decay):
    """Return a sampler: 60 rows in 40 dimensions."""
    return gaussian(60, power_law(40, decay), noise)


noises, decays = np.geomspace(1e-3, 10.0, 13), np.linspace(0.0, 3.0, 13)
levels = [0.1, 0.01, 0.001]
found = sweep(
    noisy,
    {"flow": "flow", "annealed": "gd(1.0, 50) > flow"},
    levels,
    parameters={"noise": noises, "decay": decays},
    draws=30,
)
loss = found.test_loss.where(found.reached.all("schedule"))
change = 100 * (loss.sel(schedule="annealed") / loss.sel(schedule="flow") - 1).mean("draw")
for level in levels:
    cells = change.sel(level=level).values
    helps, hurts = (cells < -1).mean(), (cells > 1).mean()
    print(
        f"{level:6.1%} of the excess: helps in {helps:.0%} of the cells, hurts in {hurts:.0%}: "
        f"from {cells.min():+.0f} % to {cells.max():+.0f} %"
    )

# %%
# Brown: annealing helps; violet: it hurts. Dashed lines enclose where the annealed test loss is
# lower by more than 1 %, solid ones where it is higher.

import matplotlib.pyplot as plt
from matplotlib.colors import TwoSlopeNorm

from isoloss.reports.plotting import style

with style():
    figure, axes = plt.subplots(1, 3, figsize=(10.0, 3.6), layout="constrained", sharey=True)
    for panel, level in zip(axes, levels, strict=True):
        shown = change.sel(level=level)
        colours = {"cmap": "PuOr", "norm": TwoSlopeNorm(0.0, -20.0, 20.0), "shading": "nearest"}
        mesh = panel.pcolormesh(decays, noises, np.clip(shown, -20, 20), **colours)
        lines = {"colors": "black", "linewidths": 1.0, "linestyles": ["dashed", "solid"]}
        panel.contour(decays, noises, shown, levels=[-1, 1], **lines)
        panel.set(yscale="log", xlabel="decay of the spectrum, i^-decay")
        panel.set_title(f"{100 * level:g} % of the excess left")
    axes[0].set_ylabel("label noise (variance)")
    label = "test loss of annealed over flow, %"
    figure.colorbar(mesh, ax=axes, label=label, extend="both")
