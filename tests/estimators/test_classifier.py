"""ScheduledClassifier: one-hot least squares, against the regressor and scikit-learn's own."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.preprocessing import OneHotEncoder

from isoloss.estimators import ScheduledClassifier, ScheduledRegressor

RNG = np.random.default_rng(13)
X = RNG.standard_normal((60, 4))
X_NEW = RNG.standard_normal((25, 4))
THREE = np.array(["sheep", "cow", "ant"])[(X @ np.ones(4) + RNG.standard_normal(60) > 1) + 0]
THREE[X[:, 0] - X[:, 1] + RNG.standard_normal(60) > 1] = "ant"
CLASSES = {
    "three texts": THREE,
    "two texts": np.where(THREE == "ant", "no", "a yes"),
    "two numbers": np.where(THREE == "ant", 5, -2),
    "truth values": THREE == "cow",
    "objects": THREE.astype(object),
    "four, one of them rare": np.where(np.arange(60) == 7, "rare", THREE),
}
WEIGHT = RNG.uniform(0.1, 5, 60)
SETTINGS: list[dict[str, Any]] = [
    {"schedule": "gd(1.0, 8) > flow", "train_loss": 0.3, "train_loss_unit": "excess"},
    {"schedule": "heavy_ball(0.5, 0.9, 10)", "fit_intercept": False},
    {"schedule": "cosine(1.0, 20)", "kernel": "rbf", "gamma": 0.5},
    {"schedule": "flow", "train_loss": 0.8, "train_loss_unit": "start", "kernel": "laplacian"},
]
two_or_more = pytest.mark.parametrize("y", CLASSES.values(), ids=CLASSES.keys())


@two_or_more
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_it_is_the_regressor_on_one_hot_targets(
    y: np.ndarray, settings: dict[str, Any], weight: np.ndarray | None
) -> None:
    encoder = OneHotEncoder(sparse_output=False).fit(y[:, None])
    classes, targets = encoder.categories_[0], encoder.transform(y[:, None])
    regressor = ScheduledRegressor(**settings).fit(X, targets, weight)
    model = ScheduledClassifier(**settings).fit(X, y, weight)
    assert model.classes_.tolist() == classes.tolist()
    outputs = regressor.predict(X_NEW)
    found = model.decision_function(X_NEW)
    np.testing.assert_array_equal(model.predict(X_NEW), classes[outputs.argmax(axis=1)])
    assert model.predict(X_NEW).dtype == y.dtype
    for name in ("train_loss_", "start_train_loss_", "min_train_loss_", "max_lr_", "flow_time_"):
        assert getattr(model, name) == pytest.approx(getattr(regressor, name), rel=1e-14), name
    assert model.n_steps_ == regressor.n_steps_
    two = len(classes) == 2
    wanted = outputs[:, 1] - outputs[:, 0] if two else outputs
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    name, axis = ("coef_", 0) if model.kernel is None else ("dual_coef_", 1)
    weights, intercept = getattr(regressor, name), regressor.intercept_
    if two:
        weights, intercept = np.diff(weights, axis=axis), np.diff(intercept)
    assert getattr(model, name).shape == weights.shape
    np.testing.assert_allclose(getattr(model, name), weights, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=1e-10, atol=1e-12)


@two_or_more
def test_least_squares_is_that_of_scikit_learn(y: np.ndarray) -> None:
    model = ScheduledClassifier().fit(X, y, WEIGHT)
    classes = np.unique(y)
    same = LinearRegression().fit(X, 1.0 * (y[:, None] == classes), WEIGHT)
    outputs = same.predict(X_NEW)
    np.testing.assert_array_equal(model.predict(X_NEW), classes[outputs.argmax(axis=1)])
    left = np.average(((same.predict(X) - (y[:, None] == classes)) ** 2).sum(1), weights=WEIGHT)
    assert model.train_loss_ == pytest.approx(left, rel=1e-12)
    shares = np.array([WEIGHT[y == name].sum() for name in classes]) / WEIGHT.sum()
    assert model.start_train_loss_ == pytest.approx((shares * (1 - shares)).sum(), rel=1e-12)
    ridge = RidgeClassifier(alpha=1e-12).fit(X, y, WEIGHT)  # on targets of -1 and 1
    decisions = ridge.decision_function(X_NEW)
    wanted = decisions if len(classes) == 2 else (decisions + 1) / 2
    np.testing.assert_allclose(model.decision_function(X_NEW), wanted, rtol=1e-9, atol=1e-11)
    assert model.score(X_NEW, ridge.predict(X_NEW)) == 1


def test_the_first_of_equal_outputs_is_predicted() -> None:
    rows, y = np.zeros((4, 2)), ["b", "a", "b", "a"]
    model = ScheduledClassifier().fit(rows, y)
    assert model.decision_function(rows).tolist() == [0] * 4
    assert model.predict(rows).tolist() == ["a"] * 4
    three = ScheduledClassifier().fit(np.zeros((3, 2)), ["c", "b", "a"])
    assert three.predict(rows).tolist() == ["a"] * 4
    # without any step the outputs are the classes' shares
    some = ScheduledClassifier("flow(0)").fit(X, THREE)
    shares = np.unique(THREE, return_counts=True)[1] / 60
    np.testing.assert_allclose(some.decision_function(X_NEW), [shares] * 25, rtol=1e-14)
    assert not some.coef_.any()


def test_a_class_without_weight_is_known_but_never_predicted() -> None:
    model = ScheduledClassifier("gd(1.0, 20)").fit(X, THREE, WEIGHT * (THREE != "cow"))
    assert model.classes_.tolist() == ["ant", "cow", "sheep"]
    assert model.decision_function(X_NEW)[:, 1].tolist() == [0] * 25
    rest = THREE != "cow"
    same = ScheduledClassifier("gd(1.0, 20)").fit(X[rest], THREE[rest], WEIGHT[rest])
    np.testing.assert_array_equal(model.predict(X_NEW), same.predict(X_NEW))
    outputs = model.decision_function(X_NEW)
    found = same.decision_function(X_NEW)
    np.testing.assert_allclose(found, outputs[:, 2] - outputs[:, 0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", [None, "poly"])
def test_sparse_rows_are_dense_ones(kernel: str | None) -> None:
    thin, new = (np.where(np.abs(rows) < 0.6, 0.0, rows) for rows in (X, X_NEW))
    model = ScheduledClassifier("gd(1.0, 9)", kernel=kernel)
    wanted = model.fit(thin, THREE).decision_function(new)
    model.fit(sp.csc_array(thin), THREE)
    for rows in (new, sp.csr_array(new)):
        np.testing.assert_allclose(model.decision_function(rows), wanted, rtol=1e-11, atol=1e-13)


def test_probabilities_come_from_calibration() -> None:
    model = ScheduledClassifier("flow", 0.3, train_loss_unit="excess")
    assert not hasattr(model.fit(X, THREE), "predict_proba")
    for y in (THREE, THREE == "ant"):
        least, ridge = (
            CalibratedClassifierCV(inner, cv=3).fit(X, y).predict_proba(X_NEW)
            for inner in (ScheduledClassifier(), RidgeClassifier(alpha=1e-12))
        )
        # a calibrated output does not depend on its scale, but for its solver's tolerance
        np.testing.assert_allclose(least, ridge, atol=1e-4)
        stopped = CalibratedClassifierCV(model, cv=3).fit(X, y)
        np.testing.assert_allclose(stopped.predict_proba(X_NEW).sum(1), 1, rtol=1e-14)
        assert stopped.score(X, y) > 0.7


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, ["a"] * 60), "at least two classes; y has one class, .*a"),
        ((X, np.ones(60)), "at least two classes; y has one class, .*1"),
        ((X, X[:, 0]), "Unknown label type: continuous"),
        ((X, np.eye(60, dtype=int)), r"1d array, got an array of shape \(60, 60\)"),
        ((X, THREE[:-1]), r"inconsistent numbers of samples: \[60, 59\]"),
        ((X, np.where(np.arange(60) == 3, np.nan, 1.0)), "y contains NaN"),
        ((X, THREE, -WEIGHT), "Negative values in data passed to `sample_weight`"),
    ],
)
def test_what_cannot_be_classified_is_refused(data: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScheduledClassifier().fit(*data)


def test_warnings_and_what_is_not_fitted() -> None:
    model = ScheduledClassifier("gd(0.9, 5)", 0.01)
    for method in (model.predict, model.decision_function):
        with pytest.raises(NotFittedError, match="not fitted"):
            method(X)
    with pytest.warns(ConvergenceWarning, match=r"above the level 0\.01 ") as caught:
        model.fit(X, THREE)
    assert caught[0].filename == __file__
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        column = ScheduledClassifier("gd(0.9, 5)").fit(X, THREE[:, None])
    np.testing.assert_array_equal(column.coef_, model.coef_)
