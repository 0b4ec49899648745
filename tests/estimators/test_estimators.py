"""The estimators in scikit-learn's hands: its own checks, its tools, and what is refused."""

import copy
import math
import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import BaggingRegressor, StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import isoloss as il
from isoloss.estimators import ScheduledClassifier, ScheduledRegressor

RNG = np.random.default_rng(14)
X = RNG.standard_normal((45, 3)) * [1, 10, 0.1] + [5, 0, 0]
Y = X @ [1, 0.2, 10] + RNG.standard_normal(45)
LABELS = np.array(["a", "b", "c"])[np.digitize(Y, [4, 6])]
WEIGHT = RNG.uniform(0.1, 5, 45)
FRAME = pd.DataFrame(X, columns=["age", "size", "dose"])
FOLDS = KFold(3, shuffle=True, random_state=0)
KINDS = [ScheduledRegressor, ScheduledClassifier]
NO_KERNEL = "it gives, as a precomputed kernel, a matrix that is none:"
# check by check, why a precomputed kernel fails it
EXPECTED = {
    "check_estimators_dtypes": f"{NO_KERNEL} truncated to integers, and not semidefinite",
    "check_positive_only_tag_during_fit": f"{NO_KERNEL} less its mean, and not semidefinite",
}
EXPECTED_OF_CLASSIFIERS = {
    "check_classifiers_one_label_sample_weights": f"{NO_KERNEL} random, and not symmetric"
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"kernel": "rbf"},
        {"kernel": "precomputed"},
        {"train_loss": 0.1, "train_loss_unit": "excess"},
        {"schedule": "heavy_ball(0.5, 0.9, 60)", "fit_intercept": False},
    ],
)
@pytest.mark.filterwarnings("ignore:the kernel is rounded")  # one of a check is in float32
def test_scikit_learn_finds_no_fault(kind: type, parameters: dict[str, Any]) -> None:
    expected = dict(EXPECTED) if parameters.get("kernel") == "precomputed" else {}
    if expected and kind is ScheduledClassifier:
        expected |= EXPECTED_OF_CLASSIFIERS
    results = check_estimator(
        kind(**parameters), expected_failed_checks=expected, on_skip=None, on_fail=None
    )
    by_status: dict[str, dict[str, Any]] = {}
    for result in results:
        found = by_status.setdefault(result["status"], {})
        found[result["check_name"]] = result["exception"]
    assert by_status.pop("failed", {}) == {}
    assert set(by_status.pop("xfail", {})) == set(expected)
    # it runs, and passes, where the environment turns array API support on
    assert set(by_status.pop("skipped", {})) <= {"check_array_api_input"}
    assert len(by_status.pop("passed")) > 40
    assert not by_status


def test_what_the_estimators_are() -> None:
    assert is_regressor(ScheduledRegressor())
    assert is_classifier(ScheduledClassifier())
    tags = ScheduledRegressor(kernel="precomputed").__sklearn_tags__()
    assert tags.input_tags.pairwise
    assert tags.input_tags.sparse
    assert tags.target_tags.multi_output
    assert not ScheduledClassifier().__sklearn_tags__().input_tags.pairwise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "schedule",
    ["gd(1.0, 5) > flow", il.Schedule(il.GradientDescent([0.1, 0.2])), il.GradientFlow(3.0)],
)
def test_copies_are_equal(kind: type, schedule: Any) -> None:
    y = Y if kind is ScheduledRegressor else LABELS
    parameters = {"schedule": schedule, "kernel": "rbf", "gamma": 0.3, "train_loss_unit": "start"}
    model = kind(**parameters)
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert again.get_params() | parameters == again.get_params()
    wanted = model.fit(X, y).predict(X)
    for same in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), again.fit(X, y)):
        np.testing.assert_array_equal(same.predict(X), wanted)
        assert same.schedule_ == model.schedule_
    assert not hasattr(clone(model), "dual_coef_")
    shown = str(schedule) if isinstance(schedule, str) else repr(schedule)
    assert shown in re.sub(r"\s+", " ", repr(model))
    assert "rbf" in model._repr_html_()


def test_a_search_compares_schedules_and_levels() -> None:
    # scikit-learn's least squares and mean have the scores of the grid's corners
    least, mean = (
        cross_val_score(model, X, Y, cv=FOLDS, scoring="neg_mean_squared_error")
        for model in (LinearRegression(), DummyRegressor())
    )
    grid = [
        {"schedule": ["flow", il.GradientFlow()], "train_loss": [None, 1.0]},
        {"schedule": ["gd(0.0, 3)", il.Schedule(), il.GradientDescent([0.0])]},
    ]
    search = GridSearchCV(
        ScheduledRegressor(train_loss_unit="start"),
        grid,
        cv=FOLDS,
        scoring="neg_mean_squared_error",
    )
    search.fit(X, Y)
    scores = np.array([search.cv_results_[f"split{i}_test_score"] for i in range(3)])
    wanted = [least, mean, least, mean, mean, mean, mean]
    np.testing.assert_allclose(scores.T, wanted, rtol=1e-10)
    assert search.best_params_ == {"schedule": "flow", "train_loss": None}
    np.testing.assert_allclose(
        search.predict(X), LinearRegression().fit(X, Y).predict(X), rtol=1e-10
    )


def test_folds_of_a_precomputed_kernel_are_cut_both_ways() -> None:
    for kind, y in ((ScheduledRegressor, Y), (ScheduledClassifier, LABELS)):
        linear = cross_val_score(kind("gd(0.9, 30)"), X, y, cv=FOLDS)
        kernel = cross_val_score(kind("gd(0.9, 30)", kernel="precomputed"), X @ X.T, y, cv=FOLDS)
        np.testing.assert_allclose(kernel, linear, rtol=1e-9)
        assert len(set(linear)) > 1


def test_meta_estimators() -> None:
    least = LinearRegression().fit(X, Y)
    two = MultiOutputRegressor(ScheduledRegressor()).fit(X, np.c_[Y, -Y])
    np.testing.assert_allclose(two.predict(X), np.c_[least.predict(X), -least.predict(X)])
    bags = [
        BaggingRegressor(model, 4, random_state=0).fit(X, Y, sample_weight=WEIGHT).predict(X)
        for model in (ScheduledRegressor(), LinearRegression())
    ]
    np.testing.assert_allclose(*bags, rtol=1e-10)
    stacked = StackingClassifier([("one", ScheduledClassifier("gd(1.0, 9)"))], cv=3).fit(X, LABELS)
    assert stacked.transform(X).shape == (45, 3)  # decision functions


@pytest.mark.parametrize("kernel", [None, "rbf"])
def test_frames_keep_their_names(kernel: str | None) -> None:
    model = ScheduledRegressor("gd(0.9, 30)", kernel=kernel)
    wanted = model.fit(X, Y).predict(X)
    assert not hasattr(model, "feature_names_in_")
    y = pd.Series(Y, index=FRAME.index[::-1])  # an index says nothing
    np.testing.assert_allclose(model.fit(FRAME, y).predict(FRAME), wanted, rtol=1e-11)
    assert model.feature_names_in_.tolist() == ["age", "size", "dose"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(FRAME[["size", "age", "dose"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    pipe = make_pipeline(StandardScaler().set_output(transform="pandas"), clone(model))
    found = pipe.fit(FRAME, Y).predict(FRAME)
    assert pipe[-1].feature_names_in_.tolist() == ["age", "size", "dose"]
    scaled = (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(found, model.fit(scaled, Y).predict(scaled), rtol=1e-10)
    labels = ScheduledClassifier(kernel=kernel).fit(FRAME, pd.Series(LABELS, dtype="category"))
    assert labels.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("asked", [True, False])
def test_weights_are_routed_to_the_fit(asked: bool) -> None:
    with config_context(enable_metadata_routing=True):
        model = ScheduledRegressor("gd(0.9, 9)").set_fit_request(sample_weight=asked)
        pipe = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            model.set_score_request(sample_weight=True),
        )
        params = {"sample_weight": WEIGHT}
        result = cross_validate(pipe, X, Y, cv=FOLDS, return_estimator=True, params=params)
    for (train, test), fitted, score in zip(
        FOLDS.split(X), result["estimator"], result["test_score"], strict=True
    ):
        scale = StandardScaler().fit(X[train]).transform
        share = WEIGHT[train] if asked else np.ones(30)
        mean_x, mean_y = (np.average(a[train], 0, share) for a in (scale(X), Y))
        rows, y, coef = scale(X) - mean_x, Y - mean_y, np.zeros(3)
        hessian = rows[train].T @ (rows[train] * share[:, None]) / share.sum()
        for _ in range(9):
            slope = rows[train].T @ (share * (rows[train] @ coef - y[train])) / share.sum()
            coef = coef - 2 * 0.9 / np.linalg.norm(hessian, 2) * slope
        np.testing.assert_allclose(fitted[-1].coef_, coef, rtol=1e-10)
        wanted = r2_score(y[test], rows[test] @ coef, sample_weight=WEIGHT[test])
        assert score == pytest.approx(wanted, rel=1e-10)


def test_a_search_routes_weights_as_the_fit_takes_them() -> None:
    grid = {"train_loss": [0.9, 0.5]}
    model = ScheduledRegressor(train_loss_unit="start")
    search = GridSearchCV(model, grid, cv=FOLDS).fit(X, Y, sample_weight=WEIGHT)
    best = search.best_estimator_
    loss = np.average((Y - best.predict(X)) ** 2, weights=WEIGHT)
    variance = np.average((Y - np.average(Y, weights=WEIGHT)) ** 2, weights=WEIGHT)
    assert loss == pytest.approx(search.best_params_["train_loss"] * variance, rel=1e-12)
    assert best.score(X, Y, WEIGHT) == pytest.approx(1 - search.best_params_["train_loss"])


def put(array: np.ndarray, value: Any) -> np.ndarray:
    changed = np.array(array, dtype=object if isinstance(value, str) else None)
    changed[(2,) * changed.ndim] = value
    return changed


@pytest.mark.parametrize(
    ("parameters", "data", "error", "message"),
    [
        ({}, (put(X, np.nan), Y), ValueError, "X contains NaN"),
        ({}, (put(X, np.inf), Y), ValueError, "X contains infinity"),
        ({}, (put(X, "red"), Y), ValueError, "could not convert string to float: 'red'"),
        ({}, (X, put(Y, np.nan)), ValueError, "y contains NaN"),
        ({}, (X, Y[:-1]), ValueError, r"inconsistent numbers of samples: \[45, 44\]"),
        ({}, (X[:0], Y[:0]), ValueError, "0 sample"),
        ({}, (X, Y, -WEIGHT), ValueError, "Negative values in data passed to `sample_weight`"),
        ({}, (X, Y, put(WEIGHT, -1e-9)), ValueError, "Negative values"),
        ({}, (X, Y, 0 * WEIGHT), ValueError, "at least one"),
        ({}, (X, Y, put(WEIGHT, np.nan)), ValueError, "sample_weight contains NaN"),
        ({}, (X, Y, WEIGHT[:-1]), ValueError, r"sample_weight.shape == \(44,\)"),
        ({"train_loss": -0.1}, (X, Y), ValueError, "train_loss .* not negative; got -0.1"),
        ({"train_loss": math.nan}, (X, Y), ValueError, "train_loss must be finite.* got nan"),
        ({"train_loss": math.inf}, (X, Y), ValueError, "train_loss must be finite.* got inf"),
        ({"train_loss": "low"}, (X, Y), TypeError, "train_loss must be a number.* got 'low'"),
        ({"train_loss": [1, 2]}, (X, Y), TypeError, r"train_loss must be a number.* \[1, 2\]"),
        ({"train_loss_unit": "r2"}, (X, Y), ValueError, "absolute, start, excess; got 'r2'"),
        ({"schedule": "gd(0.9)"}, (X, Y), ValueError, r"number of steps, .*\n  gd\(0.9\)\n +\^$"),
        ({"schedule": 0.1}, (X, Y), TypeError, "a schedule is a text .* got float"),
        ({"schedule": [il.GradientFlow()]}, (X, Y), TypeError, "a schedule is .* got list"),
        ({}, (1e-170 * X, Y), ValueError, "entries of X are below 1e-145: .* rescale"),
        ({}, (X, 1e-160 * Y), ValueError, "entries of y are below 1e-145: .* rescale"),
        ({"kernel": "rfb"}, (X, Y), ValueError, "no kernel 'rfb' .did you mean 'rbf'"),
        ({"kernel": "rbf", "gamma": -0.01}, (X, Y), ValueError, "gamma must be .*; got -0.01"),
        ({"kernel": "rbf", "gamma": "scale"}, (X, Y), TypeError, "gamma must be .* got 'scale'"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    parameters: dict[str, Any], data: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ScheduledRegressor(**parameters).fit(*data)


def test_nothing_is_predicted_before_the_fit() -> None:
    model = ScheduledRegressor()
    with pytest.raises(NotFittedError, match="not fitted"):
        model.predict(X)
    assert not hasattr(model, "schedule_")
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3"):
        model.fit(X, Y).predict(X[:, :2])
