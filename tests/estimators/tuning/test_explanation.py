"""The reason for a choice, against numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as il
from isoloss.estimators import ScheduledRegressor, ScheduleSearchCV
from isoloss.estimators.tuning.explanation import choice

RNG = np.random.default_rng(6)
X = RNG.normal(size=(40, 6)) * np.geomspace(1, 0.1, 6)
Y = X.sum(axis=1) + RNG.normal(size=40)
SCHEDULES = ["flow", "gd(1.0, 30) > flow", "gd(0.5, 4)"]


def test_the_best_stop_of_each_schedule_and_the_difference_to_flow() -> None:
    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 20).fit(X, Y)
    results, found = search.cv_results_, choice(search)
    assert {stop.schedule for stop in found.stops} == set(SCHEDULES)
    names, mean = results["schedule_name"], results["mean_test_score"]
    for stop in found.stops:
        here = np.flatnonzero(names == stop.schedule)
        best = here[mean[here].argmax()]
        scores = [results[f"split{k}_test_score"][best] for k in range(5)]
        assert stop.score == pytest.approx(np.mean(scores))
        assert stop.spread == pytest.approx(np.std(scores, ddof=1) / 5**0.5)
        assert stop.at_end == (results["params"][best]["train_loss"] is None)
        assert stop.excess == results["mean_excess"][best]
    assert [stop.score for stop in found.stops] == sorted(
        (stop.score for stop in found.stops), reverse=True
    )
    real = int(np.sum(results["reached"] > 0))
    assert found.reason[0].startswith(f"{found.stops[0].schedule}: of {real} candidates, its score")
    assert 20 < real < 63  # the four steps of the last one do not reach all levels
    assert found.ridge[0] == pytest.approx(search.ridge_scores_.mean())


@pytest.mark.parametrize("gain", [1e-6, 10.0])
def test_a_difference_is_measured_by_its_error(gain: float) -> None:
    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 3).fit(X, Y)
    results = search.cv_results_
    flow, other = 0, 4
    offsets = np.array([-0.02, 0.01, 0.0, 0.03, -0.02])
    for k in range(5):
        column = results[f"split{k}_test_score"]
        column[:] = 0.1
        column[other] = column[flow] + gain + offsets[k]
    results["mean_test_score"] = np.mean([results[f"split{k}_test_score"] for k in range(5)], 0)
    results["rank_test_score"] = np.where(np.arange(12) == other, 1, 2)
    search.best_index_ = other
    reason = next(line for line in choice(search).reason if line.startswith("Gradient flow"))
    error = offsets.std(ddof=1) / 5**0.5
    assert f"fold by fold the difference is {gain:.2g} ± {error:.2g}, " in reason
    assert ("within two standard errors: that will do as well." in reason) == (gain < 2 * error)
    assert ("beyond two standard errors." in reason) == (gain > 2 * error)


def test_validation_rows_and_searches_without_flow() -> None:
    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES[1:], 5, validation=(X, Y)).fit(X, Y)
    found = choice(search)
    assert np.isnan(found.stops[0].spread)
    assert "on the validation rows" in found.reason[0]
    assert not any("Gradient flow" in line for line in found.reason)


def test_gradient_flow_is_known_by_what_it_does() -> None:
    schedules = {"mine": il.GradientFlow(), "flow": "gd(1.0, 30) > flow"}
    search = ScheduleSearchCV(ScheduledRegressor(), schedules, 3).fit(X, Y)
    by_name = {stop.schedule: stop.score for stop in choice(search).stops}
    search.best_index_ = 4 + int(search.cv_results_["mean_test_score"][4:].argmax())
    reason = next(line for line in choice(search).reason if line.startswith("Gradient flow"))
    assert f"has {by_name['mine']:.4g}; fold by fold" in reason
