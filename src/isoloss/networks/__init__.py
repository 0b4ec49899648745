"""PyTorch models: linearised exactly, and trained for real at equal train loss.

PyTorch is an optional extra, and is imported where it is used.
"""

from isoloss.networks.applying import LinearizedModel, apply
from isoloss.networks.linearizing import linearize

__all__ = ["LinearizedModel", "apply", "linearize"]
