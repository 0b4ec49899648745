"""scikit-learn estimators: fit, predict and choose a schedule and its stop."""

from isoloss.estimators.classifier import ScheduledClassifier
from isoloss.estimators.regressor import ScheduledRegressor

__all__ = ["ScheduledClassifier", "ScheduledRegressor"]
