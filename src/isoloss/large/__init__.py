"""Data larger than a decomposition: products with it, and the part that schedules see."""

from isoloss.large.reduce import Asked, reduce_rows
from isoloss.large.rows import ArrayRows

__all__ = ["ArrayRows", "Asked", "reduce_rows"]
