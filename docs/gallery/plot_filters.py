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
from isoloss import families
from isoloss.plots import COLOURS, style

gamma = np.geomspace(1e-3, 1.0, 600)
problem = il.Problem.from_spectra(train=gamma, test=np.ones(600), start=np.ones(600))
schedules = {
    "gradient flow": il.GradientFlow(time=60.0),
    "60 steps at the largest rate": il.GradientDescent(1.0, 60),
    "60 steps of a cosine": families.cosine(2.0, 60),
    "heavy ball, 60 steps": il.HeavyBall(0.2, momentum=0.8, steps=60),
}

# %%
# Below, a filter near 1 leaves the residual as it is, and 0 removes it. Steps at the largest stable
# rate, 1/γ₁, flip the sign along the top curvature and do not shrink it at all: that is what
# annealing makes use of.

with style():
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.axhline(0, color="0.7", linewidth=0.8)
    colours = "blue", "orange", "green", "pink"
    for colour, (name, schedule) in zip(colours, schedules.items(), strict=True):
        run = il.train(problem, schedule)
        filter_ = run.sign * np.exp(run.log)
        axes.plot(gamma, filter_, color=COLOURS[colour], label=name)
        at = np.interp([0.01, 0.1, 1.0], gamma, filter_)
        print(f"{name:29} h(0.01) = {at[0]:6.3f}, h(0.1) = {at[1]:8.1e}, h(1) = {at[2]:8.1e}")
    axes.set(xscale="log", xlabel="train curvature γ / γ₁", ylabel="filter h(γ)", ylim=(-1.1, 1.1))
    axes.legend(loc="lower left")
