"""
Annealing with minibatches
==========================

Beyond the paper: its example with batches of B rows, drawn with replacement. K steps at the largest
rate that is stable in mean square, then flow, against gradient flow at the same expected train
loss. With one row a batch annealing gains nothing, unless each run is stopped at its own train
loss.
"""

from isoloss.paper.stochastic_figure import batches_figure

figure = batches_figure()

# %%
# The claims behind it, each with a certificate:

from isoloss.paper.stochastic import stochastic_claims

for claim in stochastic_claims(epsilon=0.01, steps=10, seed=0):
    print(f"{claim.id}: {claim.verdict}\n  {claim.statement}\n  {claim.computed}")
