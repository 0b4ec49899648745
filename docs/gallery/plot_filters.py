"""
Schedules are filters
=====================

Any sequence of steps and flows multiplies the residual along a train curvature γ by a number h(γ).
That filter is all there is to know of a schedule: with it, train and test loss are sums over the
spectrum.
"""

import matplotlib.pyplot as plt
import numpy as np

import isoloss as il
from isoloss.reports.plotting import COLOURS, style

gamma = np.linspace(0.0, 1.0, 601)
problem = il.Problem.from_spectra(train=gamma, test=np.ones(601), start=np.ones(601))
steps = 7
schedules = {
    "gradient flow": il.GradientFlow(time=steps),
    "7 steps at the largest rate": il.GradientDescent(1.0, steps),
    "7 steps, then flow": il.GradientDescent(1.0, steps) + il.GradientFlow(time=0.5),
    "7 steps with momentum": il.HeavyBall(0.4, momentum=0.5, steps=steps),
}

# %%
# A filter near 1 leaves the residual as it is, and 0 removes it. Steps at the largest stable rate,
# 1/γ₁, remove what is in the middle of the spectrum, and flip the sign along the top curvature
# without shrinking it at all; flow shrinks it afterwards. That is annealing: small curvatures are
# trained long before large ones are done.

with style():
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.axhline(0, color="0.7", linewidth=0.8)
    colours = "blue", "orange", "green", "pink"
    for colour, (name, schedule) in zip(colours, schedules.items(), strict=True):
        run = il.train(problem, schedule)
        values = run.sign * np.exp(run.log)
        axes.plot(gamma, values, color=COLOURS[colour], label=name)
        shown = ", ".join(f"h({g}) = {np.interp(g, gamma, values):6.3f}" for g in (0.1, 0.5, 1.0))
        print(f"{name:28} {shown}")
    axes.set(xlabel="train curvature γ / γ₁", ylabel="filter h(γ)", ylim=(-1.1, 1.1))
    axes.legend(loc="lower left")
