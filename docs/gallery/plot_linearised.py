"""
How far is real training from the linearised model?
===================================================

A network with one hidden layer is trained by PyTorch for 100 steps, and by
:func:`isoloss.networks.linearize` and :func:`isoloss.train`, at a quarter and a half of the largest
stable rate. The wider it is, the less their predictions differ. With normal weights and outputs
over the root of the width, the parametrization of the neural tangent kernel, all layers learn at
any width; with PyTorch's own the last layer alone learns in wide networks, and that is linear.

The study needs PyTorch, so this page draws what it has measured:
:download:`linearised_mlp.py <../examples/linearised_mlp.py>`.
"""

import sys

import pandas as pd

sys.path.append("../examples")
from linearised_mlp import figure, report

table = pd.read_csv("../examples/linearised_mlp.csv")
report(table)

# %%
# Small dots are five seeds, lines their means; slopes have 95 % intervals over the seeds.

drawing = figure(table)
