"""
Figure 1 of the paper
=====================

Two optimizers stop at the same train loss, on the red ellipse, and have different test losses.
:func:`isoloss.paper.figures.figure1` draws it from real trajectories.
"""

from isoloss.paper.figures import figure1

figure = figure1()

# %%
# The numbers behind it: the paper's example with curvatures 2/3 and 1/3 in the train loss, equal
# ones in the test loss.

import isoloss as il

problem = il.Problem.from_spectra(train=[2 / 3, 1 / 3], test=[1 / 2, 1 / 2], start=[-3, -2])
large = il.anneal(0.965 * problem.max_lr, steps=12)
for name, schedule in {"small rate": il.GradientFlow(), "large, then small": large}.items():
    run = il.train(problem, schedule, train_loss=0.12)
    print(f"{name:17}  train loss {run.train_loss:.3f}  test loss {run.test_loss:.3f}")

# %%
# No parameter with that train loss has a test loss outside of this band, eq. (3) and (4) of the
# paper:

band = il.level_band(problem, 0.12)
print(f"lowest {band.lowest:.3f}, highest {band.highest:.3f}")
