"""
A designed schedule
===================

:func:`isoloss.design` finds the rates that a goal asks for. Validation data choose; test data,
which the choice has not seen, judge.
"""

import numpy as np

import isoloss as il

rng = np.random.default_rng(0)
scales = np.geomspace(1, 0.1, 10)  # the others vary where the train inputs hardly do
X, X_val, X_test = (rng.normal(size=(100, 10)) * s for s in (scales, scales[::-1], scales[::-1]))
y, y_val, y_test = (rows.sum(axis=1) + rng.normal(size=100) for rows in (X, X_val, X_test))
problem = il.Problem.from_data(X, y, X_val, y_val)
untouched = problem.with_test(X_test, y_test)

found = {steps: il.design(problem, "best", "rates", steps=steps) for steps in (2, 4, 8)}
for steps, design in found.items():
    judged = il.train(untouched, design.schedule).test_loss
    rates = ", ".join(f"{rate:.3g}" for rate in design.schedule.learning_rates())
    print(f"up to {steps} rates: validation {design.test_loss:.3f}, test {judged:.3f}; {rates}")

# %%
# What no schedule whatsoever can beat on the validation data is the *best filter*, with one free
# value for each curvature. More rates come closer to it, and fit the validation rows' noise, too.

import matplotlib.pyplot as plt

from isoloss.reports.plotting import COLOURS, style

best = il.best_filter(problem)
with style():
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    axes.axhline(0, color="0.7", linewidth=0.8)
    for colour, (steps, design) in zip(("blue", "green", "orange"), found.items(), strict=True):
        run = design.run
        filter_ = run.sign * np.exp(run.log)
        axes.plot(problem.curvature, filter_, "o-", color=COLOURS[colour], label=f"{steps} rates")
    axes.plot(problem.curvature, best.filter, "kx", ms=7, label="best filter")
    axes.set(xscale="log", xlabel="train curvature γ", ylabel="filter h(γ)")
    axes.set_yscale("symlog", linthresh=1)
    axes.legend()
