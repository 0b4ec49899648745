"""
The gap at every train loss
===========================

Figure 1 shows one train loss. Here training goes on, and both optimizers are compared at each train
loss on the way: with the start of Proposition 1, gradient flow stays at the upper end of what is
possible at all, and the annealed run at the lower end.
"""

from isoloss.paper.figures import losses_figure

figure = losses_figure(alpha=0.1, steps=10)

# %%
# The same as numbers, relative to the train loss:

import numpy as np

import isoloss as il
from isoloss.paper import example, proposition_target

problem = example(target=proposition_target(0.1))
levels = np.geomspace(1.0, 1e-6, 4)
flow = il.train(problem, il.GradientFlow(), levels)
annealed = il.train(problem, il.anneal(problem.max_lr, 10), levels)
band = il.level_band(problem, levels)

print("train loss  lowest  annealed   flow  highest")
for row in zip(levels, band.lowest, annealed.test_loss, flow.test_loss, band.highest, strict=True):
    level, *losses = map(float, row)
    print(f"{level:10.0e}  {losses[0] / level:6.3f}  {losses[1] / level:8.3f}"
          f"  {losses[2] / level:5.3f}  {losses[3] / level:7.3f}")  # fmt: skip
