"""
Loss curves of several schedules
================================

The same problem trained in five ways: what happens over the steps, and what is left of it when the
schedules are compared at equal train loss.
"""

import matplotlib.pyplot as plt
import numpy as np

import isoloss as il
from isoloss import families
from isoloss.reports.plotting import COLOURS, style

d = 40
gamma = 1.0 / np.arange(1, d + 1)
test = np.full(d, gamma.mean())
problem = il.Problem.from_spectra(train=gamma, test=test, start=np.ones(d))
steps = 400
schedules = {
    "constant, small": families.constant(0.1, steps),
    "constant, largest": families.constant(1.0, steps),
    "warm-up and cosine": families.warmup(0.95, 40) + families.cosine(0.95, steps - 40),
    "heavy ball": il.HeavyBall(0.3, momentum=0.8, steps=steps),
    "annealed": il.GradientDescent(1.0, 200) + il.GradientFlow(time=200.0),
}

# %%
# :meth:`isoloss.Run.path` is the trajectory of a run. On the right, the test loss per train loss,
# as training goes from left to right. Below 1, what is left lies along directions that count less
# in the test loss than in the train loss.

with style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    for colour, (name, schedule) in zip(COLOURS.values(), schedules.items(), strict=False):
        path = il.train(problem, schedule).path()
        time = path.steps + path.time  # of flow, in steps at rate 1
        left.plot(time, path.train_loss, color=colour, label=name)
        right.plot(path.train_loss, path.test_loss / path.train_loss, color=colour)
    left.set(yscale="log", ylim=(1e-8, 10), xlabel="step", ylabel="train loss")
    right.set(xscale="log", xlim=(10, 1e-8), yscale="log", xlabel="train loss")
    right.set_ylabel("test loss / train loss")
    left.legend(fontsize=8)

# %%
# At equal train loss:

levels = [0.1, 0.01]
for name, schedule in schedules.items():
    run = il.train(problem, schedule, levels)
    found = "  ".join(
        f"test loss {loss:.4f} at {level}" if reached else f"does not reach {level}"
        for level, loss, reached in zip(levels, run.test_loss, run.reached, strict=True)
    )
    print(f"{name:19} {found}")
