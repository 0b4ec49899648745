"""
Validation curves of a search
=============================

:class:`isoloss.estimators.ScheduleSearchCV` scores all schedules at all of their stops by
cross-validation, and ridge regression on the same folds as a yardstick.
"""

from sklearn.datasets import load_diabetes

from isoloss.estimators import ScheduledRegressor, ScheduleSearchCV

X, y = load_diabetes(return_X_y=True)
search = ScheduleSearchCV(ScheduledRegressor()).fit(X[:221], y[:221])
axes = search.plot()

# %%
# On these data no schedule beats ridge regression by more than noise:

print(len(search.cv_results_["params"]), "candidates,", search.n_splits_, "decompositions")
print(f"{search.best_params_['schedule']}: R² {search.best_score_:.4f}")
print(f"ridge: R² {search.ridge_scores_.mean():.4f}")
print(f"chosen, on rows that the search has not seen: R² {search.score(X[221:], y[221:]):.4f}")
