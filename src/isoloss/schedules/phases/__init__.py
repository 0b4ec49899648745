"""The phases of a schedule, one file for each kind.

A kind's class says all of it: its fields, their JSON, its name there (`Phase.name`) and how texts
write it (`Phase.text_form`). Defining the class registers it in `Phase.kinds`, from which files
and texts take it.
"""

from isoloss.schedules.phases.descent import GradientDescent
from isoloss.schedules.phases.flow import GradientFlow
from isoloss.schedules.phases.momentum import HeavyBall, Nesterov
from isoloss.schedules.phases.steps import Steps

__all__ = ["GradientDescent", "GradientFlow", "HeavyBall", "Nesterov", "Steps"]
