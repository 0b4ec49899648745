"""Build the paper's example (section 2): n samples x of unit vectors, with y = ⟨β*, x⟩.

The draw of the train set determines the train curvature: if direction i occurs c_i times in
n samples, Σ̂ = diag(c_i/n), while Σ = diag(p_i). All draws are enumerated exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from isoloss.problems.problem import Problem
from isoloss.problems.random.enumeration import Draw, draws

__all__ = ["Draw", "draws", "example", "probability_of_full_rank", "proposition_target"]

_HALVES = (Fraction(1, 2), Fraction(1, 2))


def probability_of_full_rank(
    n: int = 3, probabilities: Sequence[Fraction | int | str] = _HALVES
) -> Fraction:
    """Return the probability that all directions are drawn, which is 3/4 in the paper.

    Parameters
    ----------
    n, probabilities
        As in `draws`.

    Returns
    -------
    Fraction
        The exact probability.

    Examples
    --------
    >>> probability_of_full_rank()
    Fraction(3, 4)
    """
    return sum((d.probability for d in draws(n, probabilities) if all(d.counts)), Fraction(0))


def proposition_target(alpha: float) -> tuple[float, float]:
    """Return the β* of Proposition 1, (100 α^(-1/2), 100 α^(-1/2)).

    Parameters
    ----------
    alpha : float
        Proposition 1's α, between 0 and 1.
    """
    return (100.0 / math.sqrt(alpha),) * 2


def example(
    counts: Sequence[int] = (2, 1),
    target: Sequence[float] = (10.0, 10.0),
    probabilities: Sequence[Fraction | int | str] = _HALVES,
) -> Problem:
    """Build the problem for a draw; training starts at β = 0.

    Parameters
    ----------
    counts : sequence of int, default: (2, 1)
        How often each direction was drawn.
    target : sequence of float, default: (10, 10)
        The minimiser β* of both losses.
    probabilities : sequence of Fraction or str, default: one half twice
        The probability of each direction.

    Returns
    -------
    Problem
        Its losses are L̂ = Σ (c_i/n) (β_i - β_i*)² and L_D = Σ p_i (β_i - β_i*)², eq. (1), (2).

    Examples
    --------
    >>> example().max_lr
    np.float64(1.5)
    """
    n = sum(counts)
    return Problem.from_spectra(
        train=[count / n for count in counts],
        test=[float(Fraction(p)) for p in probabilities],
        start=[-float(b) for b in target],
    )
