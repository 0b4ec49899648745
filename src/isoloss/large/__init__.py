"""Data larger than a decomposition: products with it, and the part that schedules see."""

from isoloss.large.chunks import from_chunks
from isoloss.large.reduce import from_operator

__all__ = ["from_chunks", "from_operator"]
