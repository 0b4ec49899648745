"""Build problems from data too large to decompose, using only matrix products."""

from isoloss.large.operators import from_operator

__all__ = ["from_operator"]
