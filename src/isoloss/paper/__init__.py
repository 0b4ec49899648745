"""Nakkiran (2020) claim by claim, and, beyond the paper, its example with minibatches."""

from isoloss.paper.claim import EXPLICIT, FAILS, HOLDS, Claim
from isoloss.paper.discussion import discussion_claims
from isoloss.paper.identities import band_claims, loss_claims, table_claims
from isoloss.paper.instances import lemma2_claims, random_instances
from isoloss.paper.lemma2_conditions import Lemma2, lemma2
from isoloss.paper.proposition1 import proposition1_claims
from isoloss.paper.stochastic import minibatch_example, stochastic_claims
from isoloss.paper.two_dimensions import (
    Draw,
    draws,
    example,
    probability_of_full_rank,
    proposition_target,
)

__all__ = [
    "EXPLICIT",
    "FAILS",
    "HOLDS",
    "Claim",
    "Draw",
    "Lemma2",
    "claims",
    "draws",
    "example",
    "lemma2",
    "minibatch_example",
    "probability_of_full_rank",
    "proposition_target",
    "random_instances",
]


def claims(
    *, alpha: float = 0.1, epsilon: float = 0.01, steps: int = 10, seed: int = 0
) -> list[Claim]:
    """Compute and judge every claim of the paper, and five about minibatches beyond it.

    Parameters
    ----------
    alpha : float, default: 0.1
        Proposition 1's α, between 0 and 1; the claims add it to a grid of their own.
    epsilon : float, default: 0.01
        The train loss to stop at, between 0 and 1.
    steps : int, default: 10
        K, the number of steps at the large rate, at least 1; with minibatches at most 200 are
        taken.
    seed : int, default: 0
        Seed of the random instances and of the simulated minibatches.

    Returns
    -------
    list of Claim
        In the paper's order; those about minibatches, which come last, have a ``place`` that starts
        with "beyond the paper".

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> all(claim.as_expected for claim in claims())
    True
    """
    for name, value in (("alpha", alpha), ("epsilon", epsilon)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must be between 0 and 1; got {value:g}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1; got {steps}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0; got {seed}")
    return [
        *loss_claims(),
        *table_claims(epsilon),
        *band_claims(seed),
        *proposition1_claims(alpha, epsilon, steps),
        *lemma2_claims(alpha, epsilon, steps, seed),
        *discussion_claims(alpha, epsilon, steps),
        *stochastic_claims(epsilon, steps, seed),
    ]
