"""scikit-learn estimators that fit, predict, and choose a schedule and its stop."""

from isoloss.estimators.classifier import ScheduledClassifier
from isoloss.estimators.model_files import load_model, save_model
from isoloss.estimators.regressor import ScheduledRegressor
from isoloss.estimators.tuning.candidates import Designed
from isoloss.estimators.tuning.search import ScheduleSearchCV

__all__ = [
    "Designed",
    "ScheduleSearchCV",
    "ScheduledClassifier",
    "ScheduledRegressor",
    "load_model",
    "save_model",
]

# Pickle and skops files name the public path, so that moving modules does not break them.
for _saved in (ScheduledClassifier, ScheduledRegressor):
    _saved.__module__ = __name__
del _saved
