"""PyTorch models: linearised exactly, and trained for real at equal train loss.

PyTorch is an optional extra, and is imported where it is used.
"""

from isoloss.networks.applying import LinearizedModel, apply
from isoloss.networks.at_levels import Matched
from isoloss.networks.comparing import compare
from isoloss.networks.linearizing import linearize
from isoloss.networks.trained_comparison import TrainedComparison

__all__ = ["LinearizedModel", "Matched", "TrainedComparison", "apply", "compare", "linearize"]
