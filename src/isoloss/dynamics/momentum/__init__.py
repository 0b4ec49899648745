"""Steps with momentum: what they do along each direction, and where they first reach a level."""

from isoloss.dynamics.momentum.phases import MomentumSteps

__all__ = ["MomentumSteps"]
