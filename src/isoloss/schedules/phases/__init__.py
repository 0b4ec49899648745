"""The phases of a schedule, one file for each kind.

The class of a kind defines its fields, their JSON, the kind's name in JSON (`Phase.name`) and its
form in texts (`Phase.text_form`). Defining the class registers it in `Phase.kinds`, where the
readers of files and texts find it.
"""

from isoloss.schedules.phases.descent import GradientDescent
from isoloss.schedules.phases.flow import GradientFlow
from isoloss.schedules.phases.momentum import HeavyBall, Nesterov
from isoloss.schedules.phases.steps import Steps

__all__ = ["GradientDescent", "GradientFlow", "HeavyBall", "Nesterov", "Steps"]
