"""Arrays that people really pass: frames, masks, times, tensors; taken right, or refused."""

from collections.abc import Callable
from typing import Any

import array_api_strict as strict
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import config_context

import isoloss as il
from isoloss.comparison import compare
from isoloss.estimators import ScheduledClassifier, ScheduledRegressor, ScheduleSearchCV
from isoloss.problems import random
from isoloss.sweep import sweep

RNG = np.random.default_rng(7)
X = RNG.normal(size=(30, 2)) * [1, 3]
Y = X @ [[2.0, 0.5], [-1.0, 1.5]]  # what the least squares of these columns, in this order, fit
FRAME = pd.DataFrame(X, columns=["a", "b"])
TARGETS = pd.DataFrame(Y, columns=["p", "q"])
SWAPPED = FRAME[["b", "a"]]
PROBLEM = il.Problem.from_data(X, Y[:, 0], X, Y[:, 0] + 1)
MASKED = np.ma.masked_greater(X, np.sort(X[:, 1])[-3])
MISSING = FRAME.astype("Float64")
MISSING.iloc[3, 1] = pd.NA


def left(*data: Any, **options: Any) -> float:
    """The test loss of least squares: zero where the test columns are the train columns."""
    return float(il.train(il.Problem.from_data(*data, **options), il.GradientFlow()).test_loss)


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame,
        lambda frame: frame.astype("Float64"),
        lambda frame: frame.astype("float64[pyarrow]"),
        lambda frame: frame.astype(pd.SparseDtype(float)),
        pa.Table.from_pandas,
    ],
    ids=["pandas", "nullable", "arrow dtype", "sparse columns", "arrow table"],
)
def test_columns_go_by_their_names(convert: Callable[[Any], Any]) -> None:
    train, swapped = convert(FRAME), convert(SWAPPED)
    assert left(train, Y, swapped, Y) < 1e-28
    assert left(train, convert(TARGETS), swapped, convert(TARGETS[["q", "p"]])) < 1e-28
    problem = il.Problem.from_data(train, convert(TARGETS), train, convert(TARGETS))
    again = problem.with_test(swapped, convert(TARGETS[["q", "p"]]))
    assert float(il.train(again, il.GradientFlow()).test_loss) < 1e-28
    reduced = il.from_operator(train, Y, swapped, Y).with_test(swapped, Y)
    assert float(il.train(reduced, il.GradientFlow()).test_loss) < 1e-12
    sampled = random.resampled(train, Y, swapped, Y)(np.random.default_rng(0))
    assert float(il.train(sampled, il.GradientFlow()).test_loss) < 1e-28


def test_numbers_for_names_count_as_names() -> None:
    plain = pd.DataFrame(X)
    assert left(plain, Y, plain[[1, 0]], Y) < 1e-28
    assert left(plain, Y, X, Y) < 1e-28  # and what has none goes by position


def test_kernels_covariances_and_starts_go_by_name() -> None:
    names = [f"row{i}" for i in range(30)]
    K = pd.DataFrame(X @ X.T, index=names, columns=names)
    order = RNG.permutation(30)
    for train, y, test in (
        (K, Y, K),
        (K, Y, K.iloc[:, order]),
        (K.iloc[order], Y[order], K),
        (K.iloc[:, order], Y, K),
    ):
        problem = il.Problem.from_kernel(train, y, test, Y)
        assert float(il.train(problem, il.GradientFlow()).test_loss) < 1e-20
    target = pd.Series({"b": 2.0, "a": 1.0})
    wanted = il.Problem.from_covariances(FRAME.cov().to_numpy(), np.eye(2), [0, 0], [1, 2])
    scale = pd.DataFrame([[5.0, 0.0], [0.0, 1.0]], index=["b", "a"], columns=["b", "a"])
    found = il.Problem.from_covariances(FRAME.cov(), scale, [0, 0], target)
    assert float(found.start_train_loss) == pytest.approx(float(wanted.start_train_loss))
    assert float(found.start_test_loss) == pytest.approx(1 * 1 + 5 * 4)
    start = pd.Series({"b": -1.0, "a": 2.0})
    problem = il.Problem.from_data(FRAME, Y[:, 0], FRAME, Y[:, 0], start=start)
    assert float(problem.start_train_loss) < 1e-28
    reduced = il.from_operator(FRAME, Y[:, 0], FRAME, Y[:, 0], start=start)
    assert float(reduced.start_train_loss) < 1e-28


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            FRAME.rename(columns={"b": "c"}),
            "it lacks 'b' and it also has 'c'. To match columns",
        ),
        (FRAME[["a"]], "it lacks 'b'. To match columns"),
        (FRAME.assign(c=1.0), "it also has 'c'. To match columns"),
        (FRAME[["a", "b", "a"]], "a name occurs twice. To match columns"),
    ],
)
def test_other_names_are_refused(other: pd.DataFrame, message: str) -> None:
    with pytest.raises(
        ValueError, match=f"X_test must have the same column names as X, each once; {message}"
    ):
        il.Problem.from_data(FRAME, Y, other, Y)
    problem = il.Problem.from_data(FRAME, Y, FRAME, Y)
    with pytest.raises(
        ValueError, match=f"X_test must have the same .* as the train inputs, .*{message}"
    ):
        problem.with_test(other, Y)
    with pytest.raises(
        ValueError, match=r"y_test must have the same column names as y, .* it lacks 'q'"
    ):
        il.Problem.from_data(FRAME, TARGETS, FRAME, TARGETS.rename(columns={"q": "r"}))
    start = pd.Series({"a": 1.0, "c": 2.0})
    with pytest.raises(ValueError, match=r"entries of start must be labelled by .* it lacks 'b'"):
        il.Problem.from_data(FRAME, Y[:, 0], FRAME, Y[:, 0], start=start)


def test_names_on_one_side_only_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="X has column names and X_test has none") as warned:
        assert left(FRAME, Y, X, Y) < 1e-28
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match="X_test has column names and X has none"):
        assert left(X, Y, FRAME, Y) < 1e-28
    one = Y[:, :1]  # a single target may be called anything
    assert left(X, one, X, pd.DataFrame(one, columns=["price"])) < 1e-28
    named = [pd.DataFrame(one, columns=[name]) for name in ("price", "cost")]
    assert left(X, named[0], X, named[1]) < 1e-28


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (MISSING, r"X has 1 missing value\(s\), the first in row 3, column 'b'; drop those"),
        (
            MISSING.astype("float64[pyarrow]"),
            "missing value.*, the first in row 3, column 'b'",
        ),
        (MISSING.set_index(FRAME.index + 100), "the first in row 103, column 'b'"),
        (MISSING.to_numpy(float, na_value=np.nan), r"X must be finite; .* the first at \[3, 1\]"),
        (MASKED, r"X is masked in 2 place\(s\), the first at \[\d+, 1\]; drop those entries"),
        (list(MASKED), r"X is masked in 2 place\(s\), the first at \[\d+, 1\]"),
        (FRAME.assign(b=pd.Categorical(["x"] * 30)), "real numbers; its column 'b' holds category"),
        (FRAME.assign(b="x"), "real numbers; its column 'b' holds (str|object)"),
        (FRAME.assign(b=pd.Timestamp("2020-01-01")), "its column 'b' holds datetime64"),
        (X + 1j, "X must hold real numbers; got dtype complex128"),
        (X.astype("datetime64[s]"), r"X must hold real numbers; got dtype datetime64\[s\]"),
        (X.astype("timedelta64[s]"), r"X must hold real numbers; got dtype timedelta64\[s\]"),
        (strict.asarray(X + 1j), "all arrays must be of one kind"),
    ],
)
def test_what_is_not_all_numbers_is_refused(value: Any, message: str) -> None:
    plain = FRAME if hasattr(value, "columns") else X
    for data in ((value, Y, plain, Y), (plain, Y, value, Y)):
        name = "X" if data[0] is value else "X_test"
        with pytest.raises((TypeError, ValueError), match=message.replace("X ", f"{name} ", 1)):
            il.Problem.from_data(*data)
    if "kind" not in message:
        with pytest.raises((TypeError, ValueError), match=message.partition(";")[0]):
            il.from_operator(value, Y, plain, Y)
    if "masked" in message:
        filled = np.ma.array(X, mask=False)
        assert left(filled, Y, filled, Y) < 1e-28


@pytest.mark.parametrize("bad", [MASKED[:, 1], X[:, 1] + 1j, X[:, 1].astype("datetime64[s]")])
def test_what_is_no_number_is_refused_wherever_numbers_are_asked_for(bad: Any) -> None:
    flow = il.GradientFlow()
    asking: dict[str, Callable[[], Any]] = {
        "y": lambda: il.Problem.from_data(X, bad, X, Y[:, 0]),
        "y_test": lambda: il.Problem.from_data(X, Y[:, 0], X, bad),
        "y_test ": lambda: PROBLEM.with_test(X, bad),
        "start": lambda: il.Problem.from_data(X, Y[:, 0], X, Y[:, 0], start=bad[:2]),
        "train": lambda: il.Problem.from_spectra(bad, np.ones(30), np.ones(30)),
        "train_loss": lambda: il.train(PROBLEM, flow, bad),
        "train_loss ": lambda: il.level_band(PROBLEM, bad),
        "train_loss  ": lambda: il.reachable_band(PROBLEM, bad),
        "train_loss   ": lambda: il.from_operator(X, Y, X, Y, train_loss=bad),
        "levels": lambda: compare(PROBLEM, [flow], bad),
        "levels ": lambda: ScheduleSearchCV(ScheduledRegressor(), levels=bad).fit(X, Y[:, 0]),
        "levels  ": lambda: sweep([PROBLEM], ["flow"], bad),
        "lr": lambda: il.GradientDescent(bad),
        "momentum": lambda: il.HeavyBall(0.1, bad[20], 3),
        "spectrum": lambda: random.gaussian(9, bad),
        "target": lambda: random.gaussian(9, np.ones(30), target=bad),
        "X": lambda: random.resampled(bad[:, None], Y, X[:, :1], Y),
    }
    del asking["start"], asking["momentum"]
    for name, ask in asking.items():
        with pytest.raises((TypeError, ValueError), match=rf"^{name.strip()} (must|is masked)"):
            ask()


def test_chunks_may_not_be_masked() -> None:
    chunked, y = da.from_array(MASKED, chunks=(10, 2)), da.from_array(Y, chunks=(10, 2))
    plain = da.from_array(X, chunks=(10, 2))
    for build in (il.Problem.from_data, il.from_operator):
        with pytest.raises(ValueError, match=r"X, chunk \d must not be masked; drop such rows"):
            build(chunked, y, X, Y)
        with pytest.raises(ValueError, match=r"chunk \d has targets that must not be masked"):
            build(plain, da.from_array(np.ma.masked_less(Y, 0), chunks=(10, 2)), X, Y)
    unmasked = da.from_array(np.ma.array(X, mask=False), chunks=(10, 2))
    assert left(unmasked, y, unmasked, y) < 1e-28
    assert il.from_operator(unmasked, y, X, Y).reduction is not None
    frame = dd.from_pandas(FRAME, npartitions=2)
    with pytest.raises(TypeError, match=r"X is a Dask frame; give X\.to_dask_array\(lengths=True"):
        il.Problem.from_data(frame, Y, FRAME, Y)
    kernel = da.from_array(X @ X.T)
    with pytest.raises(TypeError, match=r"K is a Dask array; give K\.compute\(\)"):
        il.Problem.from_kernel(kernel, Y, kernel, Y)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (MASKED, r"X is masked in 2 place"),
        (X.astype("datetime64[s]"), "X must hold real numbers; got datetime64"),
        (FRAME.assign(b=pd.Timestamp("2020-01-01")), "X must hold real numbers; got datetime64"),
    ],
)
def test_estimators_refuse_what_scikit_learn_takes_for_numbers(bad: Any, message: str) -> None:
    y = Y[:, 0]
    with pytest.raises((TypeError, ValueError), match=message):
        ScheduledRegressor().fit(bad, y)
    with pytest.raises((TypeError, ValueError), match=message):
        ScheduledClassifier().fit(bad, y > 0)
    with pytest.raises((TypeError, ValueError), match=message):
        ScheduleSearchCV(ScheduledRegressor()).fit(bad, y)
    model = ScheduledRegressor().fit(X, y)
    with pytest.raises((TypeError, ValueError), match=message):
        model.predict(bad)


def test_targets_and_weights_may_not_be_masked() -> None:
    y, model = np.ma.masked_less(Y[:, 0], 0), ScheduledRegressor()
    with pytest.raises(ValueError, match="y is masked"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="sample_weight is masked"):
        model.fit(X, Y[:, 0], np.ma.masked_less(np.abs(X[:, 0]), 0.1))
    model.fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="y is masked"):
        model.score(X, y)
    classes = np.ma.array(Y[:, 0] > 0, mask=X[:, 0] > 0)
    with pytest.raises(ValueError, match="y is masked"):
        ScheduledClassifier().fit(X, Y[:, 0] > 0).score(X, classes)


@pytest.mark.parametrize("count", [np.int64(12), np.uint8(12), np.array(12), strict.asarray(12)])
def test_numpys_whole_numbers_count_levels(count: Any) -> None:
    flow = il.GradientFlow()
    wanted = compare(PROBLEM, [flow], 12).levels
    np.testing.assert_array_equal(compare(PROBLEM, [flow], count).levels, wanted)
    search = ScheduleSearchCV(ScheduledRegressor(), ["flow"], count, cv=2)
    assert len(search.fit(X, Y[:, 0]).cv_results_["params"]) == 13
    levels = compare(PROBLEM, [flow], np.array([0.5])).levels
    assert levels.tolist() == [0.5]


@pytest.mark.parametrize("value", [True, np.True_])
def test_truth_values_are_no_levels(value: Any) -> None:
    with pytest.raises(ValueError, match=r"levels must be at least 1; got (np\.)?True"):
        compare(PROBLEM, [il.GradientFlow()], value)
    with pytest.raises(TypeError, match="train_loss must be a number"):
        ScheduledRegressor(train_loss=value).fit(X, Y[:, 0])


@pytest.mark.parametrize("level", [0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)])
def test_numpys_numbers_are_train_losses(level: Any) -> None:
    assert float(il.train(PROBLEM, il.GradientFlow(), level).train_loss) == pytest.approx(
        0.5, rel=1e-15
    )
    assert float(il.level_band(PROBLEM, level).train_loss) == pytest.approx(0.5, rel=1e-15)
    found = il.design(PROBLEM, "lowest", "annealed", train_loss=level, steps=2)
    assert found.level == 0.5
    model = ScheduledRegressor("flow", level, train_loss_unit="start").fit(X, Y[:, 0])
    assert model.train_loss_ == pytest.approx(0.5 * model.start_train_loss_, rel=1e-12)


@pytest.mark.parametrize("rtol", [np.nan, 0.0, 1.0, -1e-9])
def test_rtol_is_a_share(rtol: float) -> None:
    for build in (il.Problem.from_data, il.from_operator):
        with pytest.raises(ValueError, match="rtol must be between 0 and 1; got"):
            build(X, Y, X, Y, rtol=rtol)


def test_empty_batches_are_refused() -> None:
    none, two = np.zeros((0, 2, 2)), np.eye(2)
    for name, given in {
        "train_cov": (none, two, [0, 0], [0, 0]),
        "test_cov": (two, none, [0, 0], [0, 0]),
        "start": (two, two, np.zeros((0, 2)), [0, 0]),
        "target": (two, two, [0, 0], np.zeros((0, 2))),
    }.items():
        with pytest.raises(ValueError, match=f"{name} must not be empty; got shape "):
            il.Problem.from_covariances(*given)


def test_estimators_take_arrays_of_other_libraries() -> None:
    y = Y[:, 0]
    wanted = ScheduledRegressor().fit(X, y).predict(X)
    model = ScheduledRegressor().fit(strict.asarray(X), strict.asarray(y))
    np.testing.assert_array_equal(model.predict(strict.asarray(X)), wanted)
    frame = ScheduledRegressor().fit(FRAME.astype("Float64"), y)
    np.testing.assert_allclose(frame.predict(FRAME), wanted, rtol=1e-12)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        frame.predict(SWAPPED)


def test_array_api_dispatch_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    a, y = strict.asarray, Y[:, 0]
    wanted = ScheduledRegressor(kernel="rbf").fit(X, y, np.ones(30)).score(X, y)
    with config_context(array_api_dispatch=True):
        model = ScheduledRegressor(kernel="rbf").fit(a(X), a(y), a(np.ones(30)))
        assert model.score(a(X), a(y)) == wanted
        search = ScheduleSearchCV(ScheduledRegressor(), ["flow"], 3, cv=2).fit(a(X), a(y))
        assert search.score(X, y) == pytest.approx(1)
        classifier = ScheduledClassifier().fit(a(X), a(y > 0))
        assert classifier.score(a(X), a(y > 0)) > 0.9
