"""Steps with momentum: what they do along each direction, and where they first reach a level."""

from isoloss.dynamics.momentum.changing_steps import walk
from isoloss.dynamics.momentum.equal_steps import first_crossing
from isoloss.dynamics.momentum.motion import LARGEST, Motion, Transition

__all__ = ["LARGEST", "Motion", "Transition", "first_crossing", "walk"]
