"""10^5 draws of the paper's train set, both optimizers, in one batched call each.

python benchmarks/draws.py
"""

import time

import numpy as np

import isoloss as il

DRAWS, LEVEL = 100_000, 1e-3

rng = np.random.default_rng(0)
first = rng.binomial(3, 0.5, DRAWS)  # how many of three samples show direction 1
start = time.perf_counter()
problem = il.Problem.from_spectra(np.stack([first, 3 - first], -1) / 3, [0.5, 0.5], [-100, -100])
flow = il.train(problem, il.GradientFlow(), train_loss=LEVEL)
annealed = il.train(problem, il.anneal(1.5, 10), train_loss=LEVEL)
seconds = time.perf_counter() - start
ratio = flow.test_loss / annealed.test_loss
share = float(np.mean(ratio > 1.99))
print(f"{DRAWS} draws in {seconds:.2f} s; a ratio of 2 in {share:.4f} of them (exactly 3/4)")
