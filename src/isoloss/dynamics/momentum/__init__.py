"""Solve steps with momentum along each direction, and find where they first reach a level."""

from isoloss.dynamics.momentum.phases import MomentumSteps

__all__ = ["MomentumSteps"]
