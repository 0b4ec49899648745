"""Identities of polynomials: proved, disproved, and what is no polynomial."""

from __future__ import annotations

import pytest
from certified import checked

from isoloss.proof import identity


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("(a + b)**3", "a**3 + 3*a**2*b + 3*a*b**2 + b**3", "proved"),
        ("0.1*x + 0.2*x", "0.3*x", "proved"),
        ("-(x - y)", "y - x", "proved"),
        ("x**2 / 4", "(x/2)**2", "proved"),
        ("(a + b)**2", "a**2 + b**2 + 2*a*b + 1/1000000", "disproved"),
    ],
)
def test_identities(left: str, right: str, verdict: str) -> None:
    proof = identity(left, right)
    assert proof.verdict == verdict
    if verdict == "proved":
        checked(proof)


@pytest.mark.parametrize(
    "side",
    ["exp(x)", "x**y", "1/x", "x**0.5", "x < y", "x**-1", "x/0", "x**51", "2**10000000000 * x"],
)
def test_what_is_no_polynomial_is_refused(side: str) -> None:
    with pytest.raises(ValueError, match=r"is no polynomial|has a higher degree than 50"):
        identity(side, "1")
