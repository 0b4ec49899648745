"""Problems in fractions, and certificates that the independent checker accepts."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np

from isoloss.checker import check
from isoloss.proof import Certificate

__all__ = ["checked", "random_problem"]


def checked(proof: Certificate) -> Certificate:
    """Return a certificate to which the checker gives the same verdict."""
    assert check(json.loads(proof.to_json())).verdict == proof.verdict
    return proof


def random_problem(seed: int) -> tuple[list[Fraction], list[Fraction], list[Fraction]]:
    """Return the spectra and the start of a small problem."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 5))
    train = sorted({Fraction(int(n), 12) for n in rng.integers(1, 60, d)}, reverse=True)
    test, start = ([Fraction(int(n), 7) for n in rng.integers(1, 60, len(train))] for _ in range(2))
    return train, test, start
