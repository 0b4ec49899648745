"""
A large rate in a real network
==============================

An MLP on scikit-learn's digits is trained with a small rate, a large one, and a large one that is
annealed. Lines show the test losses at equal train loss minus those of the small rate, with 90 %
intervals over five pairs of seeds. Dashed lines are those of the linearised model.

Training takes minutes, so this page draws numbers that :download:`mlp.py
<../examples/mlp.py>` has measured, and :doc:`/guides/networks` says what they show.
"""

import sys

import pandas as pd

sys.path.append("../examples")
from mlp import draw

drawing = draw(pd.read_csv("../examples/mlp.csv"))
