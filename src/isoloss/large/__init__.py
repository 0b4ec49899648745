"""Problems from data too large to decompose, built from matrix products alone."""

from isoloss.large.operators import from_operator

__all__ = ["from_operator"]
