"""The paper's example (section 2): x is one of the unit vectors, y = ⟨β*, x⟩, n samples.

The draw of the train set decides the train curvature: with counts c_i of direction i in n samples,
Σ̂ = diag(c_i/n), while Σ = diag(p_i). Everything is enumerated exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from isoloss.problem import Problem

__all__ = ["Draw", "draws", "example", "probability_of_full_rank", "proposition_target"]

_HALVES = (Fraction(1, 2), Fraction(1, 2))


@dataclass(frozen=True)
class Draw:
    """How often each direction was drawn, and the probability of that."""

    counts: tuple[int, ...]
    probability: Fraction

    @property
    def curvature(self) -> tuple[Fraction, ...]:
        """The train curvatures c_i/n."""
        return tuple(Fraction(count, sum(self.counts)) for count in self.counts)


def draws(n: int = 3, probabilities: Sequence[Fraction | int | str] = _HALVES) -> list[Draw]:
    """Enumerate the train sets of ``n`` samples by their counts, with exact probabilities.

    Parameters
    ----------
    n : int, default: 3
        The number of samples.
    probabilities : sequence of Fraction or str, default: one half twice
        The probability of each direction; must add up to 1 exactly.

    Returns
    -------
    list of Draw
        In lexicographic order of the counts, largest first.

    Raises
    ------
    ValueError
        If ``n`` is less than 1 or the probabilities are negative or do not add up to 1.

    Examples
    --------
    >>> for draw in draws():
    ...     print(draw.counts, draw.probability)
    (3, 0) 1/8
    (2, 1) 3/8
    (1, 2) 3/8
    (0, 3) 1/8
    """
    exact = [Fraction(p) for p in probabilities]
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    if not exact or min(exact) < 0 or sum(exact) != 1:
        raise ValueError(
            f"probabilities must be at least 0 and add up to 1; got {', '.join(map(str, exact))} "
            "(give fractions, e.g. '1/3')"
        )
    return [Draw(counts, _multinomial(counts, exact)) for counts in _compositions(n, len(exact))]


def probability_of_full_rank(
    n: int = 3, probabilities: Sequence[Fraction | int | str] = _HALVES
) -> Fraction:
    """Return the probability that all directions are drawn: 3/4 in the paper.

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
    """Return the β* of Proposition 1, (100 α^(-1/2), 100 α^(-1/2))."""
    return (100.0 / math.sqrt(alpha),) * 2


def example(
    counts: Sequence[int] = (2, 1),
    target: Sequence[float] = (10.0, 10.0),
    probabilities: Sequence[Fraction | int | str] = _HALVES,
) -> Problem:
    """Build the problem of a draw; training starts at β = 0.

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
        With L̂ = Σ (c_i/n) (β_i - β_i*)² and L_D = Σ p_i (β_i - β_i*)²: eq. (1) and (2).

    Examples
    --------
    >>> example().max_lr
    array(1.5)
    """
    n = sum(counts)
    return Problem.from_spectra(
        train=[count / n for count in counts],
        test=[float(Fraction(p)) for p in probabilities],
        start=[-float(b) for b in target],
    )


def _compositions(n: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (n,)
        return
    for first in range(n, -1, -1):
        for rest in _compositions(n - first, parts - 1):
            yield (first, *rest)


def _multinomial(counts: tuple[int, ...], probabilities: Sequence[Fraction]) -> Fraction:
    result = Fraction(math.factorial(sum(counts)))
    for count, probability in zip(counts, probabilities, strict=True):
        result *= probability**count / math.factorial(count)
    return result
