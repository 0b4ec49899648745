"""Steps with momentum: what they do along each direction, and where they first reach a level."""

from isoloss.momentum.changing_steps import walk
from isoloss.momentum.equal_steps import first_crossing
from isoloss.momentum.motion import LARGEST, Motion, Transition

__all__ = ["LARGEST", "Motion", "Transition", "first_crossing", "walk"]
