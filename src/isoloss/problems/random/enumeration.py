"""Enumerate all train sets of unit vectors by their counts, with exact probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Draw", "draws", "exact_probabilities"]

_HALVES = (Fraction(1, 2), Fraction(1, 2))


@dataclass(frozen=True)
class Draw:
    """How often each direction was drawn, and the probability of these counts.

    Attributes
    ----------
    counts : tuple of int
        The number of samples along each direction.
    probability : Fraction
        The probability of these counts.
    """

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
        The probability of each direction; they must add up to exactly 1.

    Returns
    -------
    list of Draw
        The draws in descending lexicographic order of the counts.

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
    exact = exact_probabilities(n, probabilities)
    return [Draw(counts, _multinomial(counts, exact)) for counts in _compositions(n, len(exact))]


def exact_probabilities(n: int, probabilities: Sequence[Fraction | int | str]) -> list[Fraction]:
    """Check the number of samples and the probabilities, and return these as fractions."""
    try:
        exact = [Fraction(p) for p in probabilities]
    except ZeroDivisionError:
        raise ValueError(f"probabilities must be fractions; got {probabilities!r}") from None
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    if not exact or min(exact) < 0 or sum(exact) != 1:
        raise ValueError(
            f"probabilities must be at least 0 and add up to 1; got {', '.join(map(str, exact))} "
            "(give fractions, e.g. '1/3')"
        )
    return exact


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
