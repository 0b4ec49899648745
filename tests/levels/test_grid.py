"""Levels in every unit, against the definitions, wherever the vocabulary is spoken."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.comparison import compare
from isoloss.estimators import ScheduledRegressor, ScheduleSearchCV
from isoloss.levels import train_losses
from isoloss.levels.grid import Levels, parse, spaced
from isoloss.sweep import sweep
from isoloss.sweep.config import read_config

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 3)), RNG.normal(size=30)
PROBLEM = il.Problem.from_data(X, Y, X, Y)
START, FLOOR = np.mean(Y**2), np.mean((Y - X @ np.linalg.lstsq(X, Y)[0]) ** 2)
SHARES = np.array([0.9, 0.5])
LOSSES = {"absolute": SHARES, "start": SHARES * START, "excess": FLOOR + SHARES * (START - FLOOR)}


@pytest.mark.parametrize("unit", LOSSES)
def test_units_are_what_they_are_called(unit: str) -> None:
    np.testing.assert_allclose(train_losses(PROBLEM, SHARES, unit), LOSSES[unit], rtol=1e-13)


def test_so_many_levels_divide_the_log_of_the_excess() -> None:
    found = train_losses(PROBLEM, 4, lowest=1e-2)
    expected = FLOOR + (START - FLOOR) * np.array([10**-0.5, 0.1, 10**-1.5, 0.01])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(train_losses(PROBLEM, 4, "start", lowest=1e-2), found)


def test_shares_of_the_excess_do_not_cancel() -> None:
    """A start that is 1e-9 above a smallest train loss of 1: its excess has 16 digits."""
    weight = 1e-9
    problem = il.Problem.from_data([[1.0], [0.0]], [weight, 1.0], [[1.0]], [0.0])
    excess = Levels.read([1.0], "excess").at(problem)[0] - problem.min_train_loss
    assert abs(excess - weight**2 / 2) <= np.spacing(0.5)


def test_every_function_has_the_same_levels(tmp_path: Path) -> None:
    wanted = LOSSES["excess"]
    compared = compare(PROBLEM, {"flow": il.GradientFlow()}, SHARES, unit="excess")
    np.testing.assert_allclose(compared.levels, wanted, rtol=1e-13)
    swept = sweep([PROBLEM], "flow", SHARES, unit="excess", progress=False)
    np.testing.assert_allclose(swept.train_loss.values.ravel(), wanted, rtol=1e-12)
    for share, loss in zip(SHARES, wanted, strict=True):
        model = ScheduledRegressor(
            "flow", share, train_loss_unit="excess", fit_intercept=False
        ).fit(X, Y)
        assert model.train_loss_ == pytest.approx(loss, rel=1e-12)
    model = ScheduledRegressor(train_loss_unit="excess", fit_intercept=False)
    search = ScheduleSearchCV(model, ["flow"], SHARES, validation=(X, Y)).fit(X, Y)
    np.testing.assert_allclose(search.cv_results_["mean_train_loss"][1:], wanted, rtol=1e-12)
    study = 'schedules = ["flow"]\nlevels = [0.9, 0.5]\n[sampler]\nkind = "directions"\nn = 3\n'
    (tmp_path / "study.toml").write_text(study)
    asked = read_config(tmp_path / "study.toml").arguments
    given = Levels.read(asked["levels"], asked["unit"])
    np.testing.assert_allclose(given.at(PROBLEM), wanted, rtol=1e-13)


def test_a_sweep_takes_how_many_levels() -> None:
    swept = sweep([PROBLEM], "flow", 4, unit="start", progress=False)
    np.testing.assert_allclose(swept.train_loss.values.ravel(), train_losses(PROBLEM, 4))
    assert swept.attrs["unit"] == "excess"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("1.0", [1.0]),
        ("0.5, 1e-3", [0.5, 1e-3]),
        ("0.1:0.001:3", [0.1, 0.01, 0.001]),
    ],
)
def test_texts_name_levels(text: str, expected: Any) -> None:
    found = parse(text)
    assert type(found) is (int if isinstance(expected, int) else np.ndarray)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("text", ["", "many", "0.1:0.2", "1:2:3:4", "0.1;0.2", "1:0.1:2.5", "-"])
def test_other_texts_say_what_is_understood(text: str) -> None:
    with pytest.raises(ValueError, match=r"how many, such as 12; numbers.*FROM:TO:COUNT"):
        parse(text)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ((0, 1, 3), "from must be a finite number above 0"),
        ((1, math.nan, 3), "to must be a finite number above 0"),
        ((True, 1, 3), "from must be.*got True"),
        ((1, 2, 0), "count must be a whole number from 1 to 1000000; got 0"),
        ((1, 2, True), "count must be a whole number from 1 to 1000000; got True"),
    ],
)
def test_ends_that_cannot_be_spaced(ends: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spaced(*ends)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([0.5, math.nan],), ValueError, "levels must be finite and at least 0"),
        (([-0.5],), ValueError, r"levels must be finite and at least 0.*got \[-0.5\]"),
        (([math.inf],), ValueError, "levels must be finite"),
        (([[0.5]],), ValueError, "along one axis"),
        (([],), ValueError, "along one axis"),
        ((0,), ValueError, "levels must be a whole number from 1 to 1000000; got 0"),
        ((10**7,), ValueError, "from 1 to 1000000; got 10000000"),
        (([True, 0.5],), TypeError, "levels must be numbers; got True, which is a truth value"),
        ((np.array([True]),), TypeError, "which is a truth value"),
        ((["a"],), TypeError, "levels must hold real numbers"),
        (([0.5], "share"), ValueError, "unit must be one of absolute, start, excess; got 'share'"),
    ],
)
def test_what_cannot_be_levels(
    given: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        train_losses(PROBLEM, *given)


def test_levels_are_of_one_problem() -> None:
    batch = il.Problem.from_spectra([[1.0], [2.0]], [1.0], [1.0])
    with pytest.raises(TypeError, match="levels are those of one problem; this is a batch"):
        train_losses(batch, [0.5], "excess")
    with pytest.raises(TypeError, match="problem must be a Problem; got list"):
        train_losses([batch], [0.5])  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="lowest must be between 0 and 1; got 2"):
        train_losses(PROBLEM, 3, lowest=2.0)


@pytest.mark.parametrize("level", [True, [True, False], np.True_, np.array([True])])
@pytest.mark.parametrize("function", [il.level_band, il.reachable_band])
def test_a_truth_value_is_no_train_loss(function: Any, level: Any) -> None:
    with pytest.raises(TypeError, match="train_loss must be numbers; got"):
        il.train(PROBLEM, il.GradientFlow(), train_loss=level)
    with pytest.raises(TypeError, match="train_loss must be numbers; got"):
        function(PROBLEM, level)


def test_levels_pickle() -> None:
    levels = Levels.read([0.5], "excess")
    again = pickle.loads(pickle.dumps(levels))
    assert (again.unit, again.counted, *again.values) == ("excess", False, 0.5)
