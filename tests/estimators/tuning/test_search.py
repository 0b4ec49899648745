"""ScheduleSearchCV against GridSearchCV, which fits each candidate to each fold by itself."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import isoloss as il
from isoloss.estimators import Designed, ScheduledClassifier, ScheduledRegressor, ScheduleSearchCV
from isoloss.estimators.tuning.candidates import read_schedules
from isoloss.schedules import Spec

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(60, 5)) * [3, 2, 1, 0.5, 0.2], RNG.normal(size=(60, 2))
Y += X[:, :2]
IRIS, SPECIES = load_iris(return_X_y=True)
SCHEDULES = ["flow", "gd(1.0, 7) > flow", "gd(0.4, 5)", "heavy_ball(0.3, 0.5, 40)"]
LEVELS = [0.9, 0.65, 0.6]


def grid(estimator: Any, levels: Any, unit: str, prefix: str = "") -> dict[str, list[Any]]:
    values = {"schedule": SCHEDULES, "train_loss": [None, *levels], "train_loss_unit": [unit]}
    return {f"{prefix}{key}": value for key, value in values.items()}


def by_params(results: dict[str, Any], prefix: str = "") -> dict[Any, np.ndarray]:
    keys = [f"{prefix}schedule", f"{prefix}train_loss"]
    splits = sorted(key for key in results if key.startswith("split"))
    return {
        tuple(params[key] for key in keys): np.array([results[key][i] for key in splits])
        for i, params in enumerate(results["params"])
    }


CASES: dict[str, tuple[Any, Any, Any, str | None]] = {
    "one output": (ScheduledRegressor(), X, Y[:, 0], None),
    "outputs": (ScheduledRegressor(), X, Y, None),
    "no intercept": (ScheduledRegressor(fit_intercept=False), X, Y, "neg_mean_squared_error"),
    "absolute errors": (ScheduledRegressor(), X, Y, "neg_mean_absolute_error"),
    "root": (ScheduledRegressor(), X, Y, "neg_root_mean_squared_error"),
    "variance": (ScheduledRegressor(), X, Y, "explained_variance"),
    "another scorer": (ScheduledRegressor(), X, Y, "neg_median_absolute_error"),
    "kernel": (ScheduledRegressor(kernel="rbf", gamma=0.1), X, Y[:, 0], None),
    "precomputed": (ScheduledRegressor(kernel="precomputed"), rbf_kernel(X), Y[:, 0], None),
    "sparse": (ScheduledRegressor(), sparse.csr_array(X), Y[:, 0], None),
    "more features than rows": (
        ScheduledRegressor(),
        X[:9] @ RNG.normal(size=(5, 12)),
        Y[:9],
        None,
    ),
    "pipeline": (make_pipeline(StandardScaler(), ScheduledRegressor()), X, Y, None),
    "scorer of a pipeline": (
        make_pipeline(StandardScaler(), ScheduledRegressor()),
        X,
        Y[:, 0],
        "neg_max_error",
    ),
    "classes": (ScheduledClassifier(), IRIS, SPECIES, None),
    "two classes": (ScheduledClassifier(), IRIS, np.where(SPECIES == 1, "b", "a"), "accuracy"),
    "class scorer": (ScheduledClassifier(), IRIS, SPECIES, "balanced_accuracy"),
    "ranking scorer": (ScheduledClassifier(), IRIS, SPECIES == 2, "roc_auc"),
    "kernel classes": (ScheduledClassifier(kernel="rbf"), IRIS, SPECIES, None),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("unit", ["start", "excess"])
def test_scores_are_those_of_fitting_each_candidate_by_itself(case: str, unit: str) -> None:
    estimator, rows, y, scoring = CASES[case]
    prefix = "scheduledregressor__" if "pipeline" in case else ""
    given = clone(estimator).set_params(**{f"{prefix}train_loss_unit": unit})
    search = ScheduleSearchCV(given, SCHEDULES, LEVELS, cv=2, scoring=scoring).fit(rows, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        full = GridSearchCV(estimator, grid(estimator, LEVELS, unit, prefix), cv=2, scoring=scoring)
        full.fit(rows, y)
    expected = by_params(full.cv_results_, prefix)
    found = by_params(search.cv_results_, prefix)
    assert found.keys() == expected.keys()
    for key, scores in expected.items():
        np.testing.assert_allclose(found[key], scores, rtol=1e-9, atol=1e-10, err_msg=str(key))
    assert search.best_score_ == pytest.approx(full.best_score_, abs=1e-10)
    assert set(full.cv_results_) - {f"param_{prefix}train_loss_unit"} <= set(search.cv_results_)
    same = search.score(rows, y), search.best_estimator_.score(rows, y)
    if scoring is None:
        assert same[0] == same[1]


def test_absolute_levels_and_rates() -> None:
    schedules = {"own": il.anneal(0.02, 9), "steps": il.GradientDescent(0.03, 4), "flow": "flow"}
    search = ScheduleSearchCV(ScheduledRegressor(), schedules, [2.5, 1.6], cv=KFold(4)).fit(X, Y)
    results = search.cv_results_
    assert list(results["schedule_name"]) == [name for name in schedules for _ in range(3)]
    for i, params in enumerate(results["params"]):
        assert set(params) == {"schedule", "train_loss"}
        for k, (train, test) in enumerate(KFold(4).split(X)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = ScheduledRegressor(**params).fit(X[train], Y[train])
            score = results[f"split{k}_test_score"][i]
            assert score == pytest.approx(model.score(X[test], Y[test]), rel=1e-10)


def test_results_tell_where_each_candidate_stopped() -> None:
    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 4, cv=KFold(4)).fit(X, Y)
    results = search.cv_results_
    shares = [None, *np.geomspace(1, 1e-6, 5)[1:]]
    for i, params in enumerate(results["params"]):
        assert params["train_loss_unit"] == "excess"
        share = shares[i % 5]
        assert params["train_loss"] == (None if share is None else pytest.approx(share))
        models = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for train, _ in KFold(4).split(X):
                models.append(ScheduledRegressor(**params).fit(X[train], Y[train]))
        errors = [
            ((m.predict(X[test]) - Y[test]) ** 2).sum(1).mean()
            for m, (_, test) in zip(models, KFold(4).split(X), strict=True)
        ]
        floors = np.array([m.min_train_loss_ for m in models])
        spans = np.array([m.start_train_loss_ for m in models]) - floors
        losses = np.array([m.train_loss_ for m in models])
        times = [m.flow_time_ / m.max_lr_ for m in models]
        expected = {
            "mean_test_loss": np.mean(errors),
            "mean_n_steps": np.mean([m.n_steps_ for m in models]),
            "median_flow_time": np.median(times),
            "mean_train_loss": losses.mean(),
            "mean_excess": ((losses - floors) / spans).mean(),
        }
        for key, value in expected.items():
            assert results[key][i] == pytest.approx(value, rel=1e-9, abs=1e-12), (key, params)
        goal = np.inf if params["train_loss"] is None else floors + params["train_loss"] * spans
        assert results["reached"][i] == np.mean(losses <= goal * (1 + 1e-12))


def test_validation_rows_choose_for_the_model_of_all_train_rows() -> None:
    X_val, y_val = X[40:] * [0.2, 1, 1, 4, 9], Y[40:, 0]
    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 6, validation=(X_val, y_val))
    search.fit(X[:40], Y[:40, 0])
    scores = []
    for params in search.cv_results_["params"]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = ScheduledRegressor(**params).fit(X[:40], Y[:40, 0])
        scores.append(model.score(X_val, y_val))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores, rtol=1e-9)
    assert search.n_splits_ == 1
    best = ScheduledRegressor(**search.best_params_).fit(X[:40], Y[:40, 0])
    np.testing.assert_array_equal(search.predict(X), best.predict(X))
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])


def test_designed_rates_are_the_best_on_the_validation_rows() -> None:
    scales = np.geomspace(1, 0.2, 5)
    X_val, y_val = X[30:] * scales[::-1], Y[30:, 0]
    train = X[:30], Y[:30, 0]
    schedules = {"free": Designed("rates", 3), "flow": "flow", "named": "annealed"}
    model = ScheduledRegressor(fit_intercept=False)
    search = ScheduleSearchCV(
        model, schedules, validation=(X_val, y_val), scoring="neg_mean_squared_error"
    )
    search.fit(*train)
    problem = il.Problem.from_data(*train, X_val, y_val)
    found = il.design(problem, "best", "rates", steps=3)
    results = search.cv_results_
    ends = {
        name: -results["mean_test_score"][i]
        for i, name in enumerate(results["schedule_name"])
        if results["params"][i]["train_loss"] is None
    }
    assert ends["free"] == pytest.approx(found.test_loss, rel=1e-6)
    annealed = il.design(problem, "best", "annealed", steps=16)
    assert ends["named"] == pytest.approx(annealed.test_loss, rel=1e-6)
    assert isinstance(search.schedules_["free"], Spec)
    refit = ScheduledRegressor(search.schedules_["free"], fit_intercept=False).fit(*train)
    errors = (refit.predict(X_val) - y_val) ** 2
    assert errors.mean() == pytest.approx(found.test_loss, rel=1e-6)


def test_designs_on_folds_lower_their_mean_loss() -> None:
    plain = [f"gd({rate}, 3)" for rate in np.geomspace(0.1, 3, 12)]
    search = ScheduleSearchCV(
        ScheduledRegressor(), [*plain, Designed("rates", 3)], 1, scoring="neg_mean_squared_error"
    )
    search.fit(X, Y)
    results = search.cv_results_
    designed = results["schedule_name"] == "rates, 3 steps"
    losses = results["mean_test_loss"]
    assert losses[designed].min() < losses[~designed].min() * (1 - 1e-3)
    assert -results["mean_test_score"] * 2 == pytest.approx(losses)  # the mean over two outputs


def test_scorers_see_what_a_fitted_estimator_has() -> None:
    seen: list[tuple[Any, ...]] = []

    def note(estimator: Any, rows: Any, y: Any) -> float:
        model = estimator[-1]
        np.testing.assert_array_equal(rows, X[:20])
        loss, flow = model.train_loss_, model.flow_time_
        seen.append((model.schedule, model.train_loss, model.n_steps_, loss, flow, model.max_lr_))
        return -float(np.abs(estimator.predict(rows) - y).max())

    estimator = make_pipeline(StandardScaler(), ScheduledRegressor(train_loss_unit="start"))
    search = ScheduleSearchCV(
        estimator, SCHEDULES, [0.7], cv=[(np.arange(20, 60), np.arange(20))], scoring=note
    )
    search.fit(X, Y[:, 0])
    ours = seen[: len(search.cv_results_["params"])]
    for params, found in zip(search.cv_results_["params"], ours, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = clone(estimator).set_params(**params).fit(X[20:], Y[20:, 0])[-1]
        expected = [model.n_steps_, model.train_loss_, model.flow_time_, model.max_lr_]
        assert found[:2] == (model.schedule, model.train_loss)
        np.testing.assert_allclose(found[2:], expected, rtol=1e-9)


def test_an_earlier_fit_leaves_nothing_behind() -> None:
    frame = pd.DataFrame(X, columns=list("abcde"))
    search = ScheduleSearchCV(ScheduledRegressor(), "flow", 3).fit(frame, Y)
    search.set_params(refit=False).fit(X[:, :2], Y)
    assert not hasattr(search, "feature_names_in_")
    assert not hasattr(search, "predict")
    with pytest.raises(ValueError, match="NaN"):
        search.fit(NAN, Y)
    assert not hasattr(search, "cv_results_")


def test_of_equal_scores_the_lowest_loss_is_chosen() -> None:
    # accuracy is 1 for most candidates
    y = SPECIES == 0
    search = ScheduleSearchCV(ScheduledClassifier(), ["flow"], 30).fit(IRIS, y)
    results = search.cv_results_
    ties = results["rank_test_score"] == 1
    assert ties.sum() > 5
    assert results["mean_test_loss"][search.best_index_] == results["mean_test_loss"][ties].min()


def test_refit_may_be_left_out_or_choose_by_itself() -> None:
    search = ScheduleSearchCV(ScheduledRegressor(), "flow", 5, refit=False).fit(X, Y)
    assert search.best_params_["schedule"] == "flow"
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError, match="has no attribute 'predict'") as refused:
        search.predict(X)
    assert "predict is available only after refitting" in str(refused.value.__cause__)
    last = ScheduleSearchCV(ScheduledRegressor(), "flow", 5, refit=lambda results: 3).fit(X, Y)
    assert last.best_index_ == 3
    assert last.best_estimator_.train_loss == last.best_params_["train_loss"]


def test_weights_train_and_score() -> None:
    weight = RNG.integers(0, 4, size=60).astype(float)
    repeated = np.repeat(np.arange(60), weight.astype(int))
    folds = [(np.arange(20, 60), np.arange(20)), (np.arange(40), np.arange(40, 60))]
    places = [tuple(np.flatnonzero(np.isin(repeated, part)) for part in fold) for fold in folds]
    weighted = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, LEVELS, cv=folds)
    weighted.set_params(estimator__train_loss_unit="start").fit(X, Y, sample_weight=weight)
    plain = clone(weighted).set_params(cv=places).fit(X[repeated], Y[repeated])
    for key in ("mean_test_score", "mean_test_loss", "mean_n_steps"):
        np.testing.assert_allclose(weighted.cv_results_[key], plain.cv_results_[key], rtol=1e-9)
    np.testing.assert_allclose(weighted.predict(X), plain.predict(X), rtol=1e-9)


def test_scorers_that_are_not_asked_for_weights_go_without() -> None:
    weight = RNG.uniform(0.5, 2, size=60)
    search = ScheduleSearchCV(ScheduledRegressor(), "flow", 5, scoring="neg_median_absolute_error")
    with pytest.warns(UserWarning, match="'neg_median_absolute_error' are taken without sample_"):
        search.fit(X, Y[:, 0], sample_weight=weight)
    train, test = next(KFold(5).split(X))
    best = ScheduledRegressor(**search.best_params_)
    best.fit(X[train], Y[train, 0], sample_weight=weight[train])
    score = -np.median(np.abs(best.predict(X[test]) - Y[test, 0]))
    found = search.cv_results_["split0_test_score"][search.best_index_]
    assert found == pytest.approx(score, rel=1e-9)


def test_ridge_regression_is_a_yardstick() -> None:
    from sklearn.linear_model import Ridge

    search = ScheduleSearchCV(ScheduledRegressor(), "flow", 5, cv=KFold(4)).fit(X, Y)
    curvatures = [
        np.linalg.eigvalsh(np.cov(X[train].T, bias=True)).max() for train, _ in KFold(4).split(X)
    ]
    alphas = np.geomspace(1e-8, 1e2, 50) * np.mean(curvatures)
    scores = np.array(
        [
            [
                Ridge(alpha * len(train)).fit(X[train], Y[train]).score(X[test], Y[test])
                for train, test in KFold(4).split(X)
            ]
            for alpha in alphas
        ]
    )
    np.testing.assert_allclose(
        search.ridge_scores_, scores[scores.mean(axis=1).argmax()], rtol=1e-7
    )


def test_validation_classes_that_no_train_row_has() -> None:
    search = ScheduleSearchCV(ScheduledClassifier(), "flow", 5)
    search.set_params(validation=(IRIS, SPECIES))
    with pytest.warns(UserWarning, match="no train row has the class 2 of validation rows"):
        search.fit(IRIS[:100], SPECIES[:100])
    assert search.best_score_ <= 2 / 3


def test_groups_and_weights_by_metadata_routing() -> None:
    groups, weight = np.arange(60) % 3, RNG.uniform(0.5, 2, size=60)
    expected = ScheduleSearchCV(ScheduledRegressor(), "flow", 9, cv=GroupKFold(3))
    expected.fit(X, Y, groups=groups, sample_weight=weight)
    pipe = make_pipeline(StandardScaler(with_std=False), ScheduledRegressor())
    in_pipe = ScheduleSearchCV(pipe, "flow", 9, cv=GroupKFold(3))
    in_pipe.fit(X, Y, groups=groups, scheduledregressor__sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        model = ScheduledRegressor().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        routed = ScheduleSearchCV(model, "flow", 9, cv=GroupKFold(3))
        routed.fit(X, Y, groups=groups, sample_weight=weight)
        named = make_pipeline(
            StandardScaler(with_std=False), ScheduledRegressor().set_fit_request(sample_weight="w")
        )
        unweighted = ScheduleSearchCV(named, "flow", 9, cv=GroupKFold(3), scoring="r2")
        unweighted.fit(X, Y, groups=groups, w=weight)
        with pytest.raises(TypeError, match="unexpected argument"):
            ScheduleSearchCV(ScheduledRegressor(), "flow").fit(X, Y, weight=weight)
    scores = expected.cv_results_["mean_test_score"]
    for search in (routed, in_pipe):
        np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores, rtol=1e-9)
    np.testing.assert_allclose(
        unweighted.cv_results_["mean_train_loss"], expected.cv_results_["mean_train_loss"]
    )
    np.testing.assert_allclose(unweighted.predict(X), unweighted.best_estimator_.predict(X))


def test_it_is_an_estimator_like_any_other() -> None:
    search = ScheduleSearchCV(make_pipeline(StandardScaler(), ScheduledRegressor()), SCHEDULES, 9)
    frame = pd.DataFrame(X, columns=list("abcde"))
    search.fit(frame, Y)
    assert list(search.feature_names_in_) == list("abcde")
    assert search.n_features_in_ == 5
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(frame), search.predict(frame))
    # an honest score of the choice: the search itself within cross-validation
    nested = cross_val_score(search, X, Y, cv=3)
    assert nested.shape == (3,)
    assert np.isfinite(nested).all()
    classes = ScheduleSearchCV(ScheduledClassifier(), "flow", 9).fit(IRIS, SPECIES)
    assert list(classes.classes_) == [0, 1, 2]
    assert classes.decision_function(IRIS).shape == (150, 3)
    assert classes.score(IRIS, SPECIES) == accuracy_score(SPECIES, classes.predict(IRIS))
    assert not hasattr(search, "decision_function")
    assert not hasattr(classes, "predict_proba")


@pytest.mark.parametrize(
    ("estimator", "failing"),
    [
        (ScheduledRegressor(), {}),
        (ScheduledClassifier(kernel="rbf"), {}),
        (
            ScheduledRegressor(kernel="precomputed"),
            {
                "check_estimators_dtypes": "rounds a kernel to whole numbers: not semidefinite",
                "check_positive_only_tag_during_fit": "its negative rows are no kernel",
            },
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")  # what the checks feed on purpose
def test_scikit_learns_own_checks(estimator: Any, failing: dict[str, str]) -> None:
    checks = check_estimator(
        ScheduleSearchCV(estimator, levels=5),
        expected_failed_checks=failing,
        on_fail=None,
        on_skip=None,
    )
    by_status: dict[str, set[str]] = {}
    for check in checks:
        by_status.setdefault(check["status"], set()).add(check["check_name"])
    assert by_status.get("failed", set()) == set()
    assert by_status.get("xfail", set()) == set(failing)
    assert by_status["skipped"] == {"check_array_api_input"}  # needs SCIPY_ARRAY_API to be set
    assert len(by_status["passed"]) > 40


def test_diverging_candidates_come_last() -> None:
    schedules = ["flow", "gd(3.0, 600)", "gd(3.0, 5)"]
    search = ScheduleSearchCV(ScheduledRegressor(train_loss_unit="start"), schedules, [0.9])
    with pytest.warns(FitFailedWarning, match=r"2 of 6 .* of the schedules gd\(3.0, 600\);"):
        search.fit(X, Y)
    results = search.cv_results_
    failed = np.isnan(results["mean_test_score"])
    assert list(results["schedule_name"][failed]) == ["gd(3.0, 600)"] * 2
    assert set(results["rank_test_score"][failed]) == {5}
    with pytest.raises(ValueError, match="all candidates diverge beyond float64"):
        ScheduleSearchCV(ScheduledRegressor(), il.GradientDescent(1e3, 600), 3).fit(X, Y)


def test_targets_without_variation() -> None:
    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 3).fit(X, np.ones(60))
    assert search.predict(X) == pytest.approx(1.0)
    flat = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 3).fit(np.ones((60, 2)), Y)
    np.testing.assert_allclose(flat.predict(np.ones((1, 2))), [Y.mean(0)])


def test_plot_draws_each_schedule_and_the_choice() -> None:
    from matplotlib import pyplot as plt

    search = ScheduleSearchCV(ScheduledRegressor(), SCHEDULES, 9).fit(X, Y)
    axes = search.plot()
    labels = axes.get_legend_handles_labels()[1]
    assert set(SCHEDULES) <= set(labels)
    assert "R²" in axes.get_ylabel()
    chosen = next(line for line in axes.lines if line.get_label() == "chosen")
    at = search.cv_results_["mean_excess"][search.best_index_]
    np.testing.assert_allclose(chosen.get_xydata(), [[at, search.best_score_]])
    flow = next(line for line in axes.lines if line.get_label() == "flow")
    x = flow.get_xdata()
    assert len(x) == 10  # its end stands at the left edge
    assert x[0] == x[1] == pytest.approx(1e-6)
    assert axes.get_xlim()[0] == pytest.approx(0.7e-6)
    own = plt.figure().add_subplot()
    assert search.plot(own) is own
    plt.close("all")
    with pytest.raises(NotFittedError, match="call fit before plot"):
        ScheduleSearchCV(ScheduledRegressor()).plot()


NAN = X.copy()
NAN[3, 2] = np.nan
LOPSIDED = rbf_kernel(X)
LOPSIDED[0, 1] += 0.5
INDEFINITE = rbf_kernel(X) - 0.5 * np.eye(60)
KERNEL = {"estimator": ScheduledRegressor(kernel="precomputed")}
BAD: dict[str, tuple[dict[str, Any], Any, Any, type[Exception], str]] = {
    "no y": ({}, X, None, ValueError, "requires y to be passed"),
    "NaN": ({}, NAN, Y, ValueError, "Input X contains NaN"),
    "infinity": ({}, np.where(np.isnan(NAN), np.inf, NAN), Y, ValueError, "contains infinity"),
    "text": (
        {}, np.full((60, 2), "a", dtype=object), Y, ValueError, "could not convert string to float"
    ),
    "length": ({}, X, Y[:-1], ValueError, r"inconsistent numbers of samples: \[60, 59\]"),
    "one class": (
        {"estimator": ScheduledClassifier()}, X, np.zeros(60), ValueError, "y has one class"
    ),
    "fold of one class": (
        {"estimator": ScheduledClassifier(), "cv": KFold(2)}, IRIS[:100], SPECIES[:100], ValueError,
        r"fold 1 of 2 cannot be trained on: .*the class 1, of 2 classes.*cv=StratifiedKFold\(2,",
    ),
    "single row of a class": (
        {"estimator": ScheduledClassifier(), "cv": KFold(4)}, IRIS[:51], SPECIES[:51], ValueError,
        r"fold 4 of 4 cannot be trained on: .* the class 1 has a single row: leave it out",
    ),
    "not square": (KERNEL, X, Y, ValueError, r"must be a square matrix.*\(60, 5\)"),
    "not symmetric": (KERNEL, LOPSIDED, Y, ValueError, "kernel must be symmetric.*up to 0.5"),
    "indefinite": (KERNEL, INDEFINITE, Y, ValueError, r"its smallest eigenvalue is -0\.4"),
    "level": (
        {"levels": [100.0, 1e-3]}, X, Y, ValueError,
        r"no schedule reaches the train loss 0.001 \(unit: absolute\) .* that one reaches is 1\.",
    ),
    "levels": ({"levels": 0}, X, Y, ValueError, "levels must be a whole number from 1"),
    "negative": ({"levels": [-1.0]}, X, Y, ValueError, "levels must be finite and at least 0"),
    "no schedule": ({"schedules": []}, X, Y, ValueError, "give at least one schedule"),
    "schedule": ({"schedules": ["gd(1)"]}, X, Y, ValueError, "expected ',' and the number of"),
    "type": ({"schedules": [3]}, X, Y, TypeError, "a schedule is a text such as"),
    "same name": (
        {"schedules": {1: "flow", "1": "gd(1, 9)"}}, X, Y, ValueError,
        "two schedules have the same name; got 1, '1'",
    ),
    "estimator": (
        {"estimator": StandardScaler()}, X, Y, TypeError,
        r"needs a ScheduledRegressor.* got StandardScaler\(\)",
    ),
    "both": ({"cv": 3, "validation": (X, Y)}, X, Y, ValueError, "give cv or validation, not both"),
    "outputs": ({"validation": (X, Y[:, :1])}, X, Y, ValueError, r"need 2 output\(s\)"),
    "validation": ({"validation": (X[:, :2], Y)}, X, Y, ValueError, "X has 2 features, but"),
    "classes": (
        {"estimator": ScheduledClassifier(), "validation": (IRIS, SPECIES.astype(str))},
        IRIS, SPECIES + 5, ValueError, "no validation row has a class of the train rows",
    ),
    "scoring": ({"scoring": "rr2"}, X, Y, ValueError, r"no scorer 'rr2' \(did you mean 'r2'\?\)"),
    "one row": (
        {"cv": KFold(60)}, X, Y, ValueError, "'r2' needs at least two rows to judge on"
    ),
    "index": (
        {"refit": lambda results: -1}, X, Y, IndexError, r"index of cv_results_, 0 to 41; got -1"
    ),
    "no list": ({"schedules": 5}, X, Y, TypeError, "schedules must be a list or dict; got int"),
    "true": ({"levels": True}, X, Y, ValueError, "levels must be at least 1; got True"),
    "not a number": (
        {"scoring": lambda *_: np.nan}, X, Y, ValueError, "returns NaN for each candidate"
    ),
    "scorings": ({"scoring": ["r2"]}, X, Y, TypeError, "one name or one function; got list"),
    "refit": ({"refit": "r2"}, X, Y, TypeError, "refit must be a bool or a function; got 'r2'"),
    "probabilities": (
        {"estimator": ScheduledClassifier(), "scoring": "neg_log_loss"}, IRIS, SPECIES, ValueError,
        "scoring 'neg_log_loss' cannot judge a ScheduledClassifier: .*predict_proba",
    ),
    "no tuple": ({"validation": X}, X, Y, TypeError, r"must be a tuple \(X, y\); got ndarray"),
    "typo": ({"schedules": "rats"}, X, Y, ValueError, r"no family 'rats' \(did you mean 'rates'"),
}  # fmt: skip  # a table, a case in a line or two


@pytest.mark.parametrize("case", BAD)
def test_errors_say_what_was_wrong(case: str) -> None:
    changes, rows, y, kind, message = BAD[case]
    search = ScheduleSearchCV(ScheduledRegressor(), levels=5).set_params(**changes)
    with pytest.raises(kind, match=message):
        search.fit(rows, y)
    assert not hasattr(search, "cv_results_")


def test_further_arguments_are_refused() -> None:
    halves = [(np.arange(0, 60, 2), np.arange(1, 60, 2))]
    with pytest.raises(ValueError, match="rows to judge on of a fold all have sample_weight 0"):
        ScheduleSearchCV(ScheduledRegressor(), "flow", 3, cv=halves).fit(
            X, Y, sample_weight=1.0 * (np.arange(60) % 2 == 0)
        )
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(59,\), expected \(60,\)"):
        ScheduleSearchCV(ScheduledRegressor()).fit(X, Y, sample_weight=np.ones(59))
    with pytest.raises(TypeError, match="takes sample_weight and groups; got weights"):
        ScheduleSearchCV(ScheduledRegressor()).fit(X, Y, weights=np.ones(60))
    with pytest.raises(NotFittedError, match=r"not fitted yet\. Call 'fit'"):
        ScheduleSearchCV(ScheduledRegressor()).predict(X)
    with pytest.raises(ValueError, match="there is no family 'ratse'"):
        Designed("ratse")


def test_scorers_of_ones_own() -> None:
    def worst(truth: Any, predicted: Any) -> float:
        return float(np.abs(truth - predicted).max())

    scorer = make_scorer(worst, greater_is_better=False)
    search = ScheduleSearchCV(ScheduledRegressor(), "flow", 4, scoring=scorer).fit(X, Y)
    model = ScheduledRegressor(**search.best_params_).fit(X, Y)
    assert search.score(X, Y) == pytest.approx(-worst(Y, model.predict(X)), rel=1e-9)


def test_designed_families_of_the_same_name_are_numbered() -> None:
    assert list(read_schedules([Designed(seed=1), Designed(seed=2)])) == ["rates (1)", "rates (2)"]


def test_schedules_that_print_the_same_are_told_apart_and_equal_ones_tried_once() -> None:
    # too short for "schedule 1": their names would be the same
    one, other = (il.GradientDescent([0.1] * k + [0.01] * (100 - k)) for k in (50, 60))
    assert repr(one) == repr(other)
    both = [il.Schedule(one), il.Schedule(other)]
    given = [one, other, il.Schedule(one), "gd(1, 7)", "gd(1.0, 7)", Designed()]
    named = read_schedules(given)
    assert list(named.values()) == [*both, "gd(1.0, 7)", Designed()]
    assert list(named) == [f"{one!r} (1)", f"{one!r} (2)", "gd(1.0, 7)", "rates"]
    search = ScheduleSearchCV(ScheduledRegressor(), given[:3], 2, cv=KFold(3)).fit(X, Y)
    assert [search.schedules_[name] for name in search.schedules_] == both


def test_levels_above_the_start_are_told() -> None:
    X, y = np.arange(12.0)[:, None], np.arange(12.0) ** 1.5
    levels = [1e9, 0.5 * float(np.var(y))]
    search = ScheduleSearchCV(ScheduledRegressor(), "flow", levels, cv=3)
    message = r"below the level 1e\+09 \(unit: absolute\) in 3 of 3 folds: there the candidates"
    with pytest.warns(UserWarning, match=message):
        search.fit(X, y)
    place = [each["train_loss"] for each in search.cv_results_["params"]].index(1e9)
    assert search.cv_results_["mean_n_steps"][place] == 0
    assert search.cv_results_["median_flow_time"][place] == 0
