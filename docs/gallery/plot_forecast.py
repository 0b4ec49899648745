"""
A forecast, and what came of it
===============================

The law is fitted to five runs of 3,000 steps of a small transformer. It forecasts runs of 12,000
steps, which had not been made when the law, its priors and this comparison were fixed.
"""

import matplotlib.pyplot as plt

from isoloss import curves
from isoloss.reports.plotting import COLOURS, style

runs = curves.load("bytes")
short = [run for run in runs if "_3k_" in run.name]
law = curves.fit(short)
print(law.summary())

# %%
# Left: all that the law has seen. Right: its forecasts with 90 % intervals, and, as points, the
# runs themselves.

long = {run.name: run for run in runs if "_12k_2e-3" in run.name}
shown = {
    "constant": long["const_12k_2e-3"],
    "cosine": long["cosine_12k_2e-3"],
    "cool-down over the last 20 %": long["wsd20_12k_2e-3"],
}
with style():
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.0, 3.8), sharey=True, layout="constrained", width_ratios=[1, 2.2]
    )
    for run in short:
        left.plot(*run.rows("test_loss"), ".", color="0.55", markersize=2)
    for colour, (name, run) in zip(COLOURS.values(), shown.items(), strict=False):
        forecast = law.predict(run)
        right.plot(*run.rows("test_loss"), ".", color=colour, markersize=2)
        right.plot(forecast.step, forecast.loss, color=colour, label=name)
        right.fill_between(forecast.step, forecast.low, forecast.high, color=colour, alpha=0.15)
    left.set(ylim=(1.25, 2.0), xlim=(0, 3300), ylabel="test loss", title="five runs, fitted")
    right.set(xlim=(0, 12_100), title="three longer runs, forecast")
    figure.supxlabel("step", fontsize="medium")
    right.legend()

# %%
# The final losses:

for name, run in shown.items():
    loss, low, high = law.predict(run).final
    print(
        f"{name:29} {loss:.3f}, {low:.3f} to {high:.3f}; it was {run.rows('test_loss')[1][-1]:.3f}"
    )
