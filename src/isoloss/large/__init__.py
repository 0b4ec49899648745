"""Data larger than a decomposition: products with it, and the part that schedules see."""

from isoloss.large.operators import from_operator

__all__ = ["from_operator"]
