"""
How far is real training from the linearised model?
===================================================

A network with one hidden layer is trained for 100 steps by PyTorch, and in its linearisation by
:func:`isoloss.networks.linearize` and :func:`isoloss.train`, at a quarter and a half of the largest
stable rate. The wider the network, the less the two predictions differ. In the parametrization of
the neural tangent kernel, with normal weights and outputs divided by the root of the width, all
layers learn at any width. With PyTorch's own, only the last layer learns in wide networks, and the
model is linear in that layer's parameters.

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
# Small dots are the five seeds, and lines their means. Slopes have 95 % intervals over the seeds.

drawing = figure(table)
