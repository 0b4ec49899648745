"""Repeated comparisons against loops over splits, and what they say of data they cannot judge."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler

import isoloss as il
from isoloss.comparison import NO_DIFFERENCE, compare_repeatedly, cross_compare

ANNEALED = {"annealed": "gd(1.0, 100) > flow"}


def rows(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [2.0, 1.0, 0.5] + 1.0
    return X, X.sum(axis=1) + rng.normal(size=n)


def trained(X: np.ndarray, y: np.ndarray, rate: float, level: float) -> np.ndarray:
    """Return where steps of one rate, the last one shortened, come to a train loss."""
    coef = np.zeros(X.shape[1])
    while np.mean((X @ coef - y) ** 2) > level:
        before = coef
        coef = before - rate * 2 * X.T @ (X @ before - y) / len(y)
    losses = [np.mean((X @ (before + s * (coef - before)) - y) ** 2) for s in (0, 0.5, 1)]
    roots = np.roots(np.polyfit([0, 0.5, 1], losses, 2) - [0, 0, level])
    return before + min(s for s in roots if s > 0) * (coef - before)


def test_two_schedules_against_loops_over_splits() -> None:
    X, y = rows()
    cv = ShuffleSplit(5, test_size=0.25, random_state=1)
    names = {"fast": "gd(0.9, 1000)", "slow": "gd(0.2, 1000)"}
    found = cross_compare(
        X, y, names, [0.3], unit="excess", cv=cv, against="slow", transformer=StandardScaler()
    )
    differences = []
    for train, test in cv.split(X):
        mean, scale = X[train].mean(0), X[train].std(0)
        inputs, later = (X[train] - mean) / scale, (X[test] - mean) / scale
        outputs, theirs = y[train] - y[train].mean(), y[test] - y[train].mean()
        floor = np.mean((inputs @ np.linalg.lstsq(inputs, outputs)[0] - outputs) ** 2)
        level = floor + 0.3 * (np.mean(outputs**2) - floor)
        top = np.linalg.eigvalsh(inputs.T @ inputs / len(train))[-1]
        fast, slow = (
            np.mean((later @ trained(inputs, outputs, rate / top, level) - theirs) ** 2)
            for rate in (0.9, 0.2)
        )
        differences.append(fast / slow - 1)
    judged = found.schedules[0]
    np.testing.assert_allclose(judged.difference[:, 0], differences, rtol=1e-9)
    half = scipy.stats.t(4).ppf(0.975) * math.sqrt(1 / 5 + 15 / 45) * np.std(differences, ddof=1)
    assert float(judged.high[0]) == pytest.approx(np.mean(differences) + half, rel=1e-9)
    assert found.reference == "slow"
    assert found.schedules[1].is_reference
    assert found.verdicts[1] == "slow is the reference that the others are compared with."


def test_diabetes_cannot_tell() -> None:
    # 40 splits helped 19 times and hurt 20
    X, y = load_diabetes(return_X_y=True)
    cv = ShuffleSplit(40, test_size=0.5, random_state=0)
    found = cross_compare(X, y, ANNEALED, 6, cv=cv, transformer=StandardScaler())
    (judged,) = found.schedules
    signs = np.sign(np.where(np.abs(judged.difference) > NO_DIFFERENCE, judged.difference, 0))
    assert ((signs < 0).sum(axis=0) >= 10).any()
    assert ((signs > 0).sum(axis=0) >= 10).any()
    assert {"helps", "hurts"}.isdisjoint(judged.effects)
    assert "cannot tell" in judged.effects
    assert "cannot tell" in found.verdicts[0].lower()


def test_a_clear_effect_is_told() -> None:
    problems = [
        il.Problem.from_spectra([2 / 3, 1 / 3], [0.5 + s, 0.5 - s], [-10, -10])
        for s in np.linspace(-0.01, 0.01, 6)
    ]
    schedules = {"annealed": "gd(1, 10) > flow", "slow": "gd(0.0001, 1000000)", "flow": "flow"}
    found = compare_repeatedly(problems, schedules, [50, 0.1], test_per_train=1.0)
    effects = {each.name: each.effects for each in found.schedules if not each.is_reference}
    assert effects == {"annealed": ("helps",) * 2, "slow": ("no difference",) * 2}
    assert found.schedules[2].is_reference
    against = compare_repeatedly(
        problems, schedules, [50, 0.1], test_per_train=1.0, against="annealed"
    )
    assert {each.effects for each in against.schedules[1:]} == {("hurts",) * 2}
    assert "higher than that of annealed" in against.verdicts[1]


def test_the_intervals_widen_with_what_is_looked_at() -> None:
    X, y = rows()
    one = cross_compare(X, y, ANNEALED, [0.3], unit="excess")
    both = cross_compare(X, y, [ANNEALED["annealed"], "gd(0.5, 10)"], [0.3, 0.1], unit="excess")
    # above the mean, as a lower end stops at -100 %
    first = [each.schedules[0] for each in (one, both)]
    width = [float(each.high[0] - each.estimate[0]) for each in first]
    ratio = scipy.stats.t(19).ppf(1 - 0.025 / 4) / scipy.stats.t(19).ppf(0.975)
    assert width[1] / width[0] == pytest.approx(ratio, rel=1e-9)


def test_levels_that_a_split_does_not_come_to_are_said_and_left_out() -> None:
    problems = [
        il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0 + k], [1.0, scale])
        for k, scale in enumerate((1.0, 1.0, 3.0))
    ]
    levels = [2.0, 0.5, 0.1]
    found = compare_repeatedly(problems, {"short": "gd(0.5, 2)"}, levels, test_per_train=1.0)
    (judged,) = found.schedules
    reached = [il.train(each, "gd(0.5, 2)", levels) for each in problems]
    below = [sum(float(each.start_train_loss) <= level for each in problems) for level in levels]
    missing = [sum(not run.reached[i] for run in reached) for i in range(3)]
    assert judged.below.tolist() == below == [2, 0, 0]
    assert judged.missing.tolist() == missing == [0, 0, 1]
    assert judged.effects == ("left out", "cannot tell", "left out")
    assert found.rows()[0]["low"] is None
    assert found.verdicts[0].endswith(
        "; 1 level left out (train loss 0.1000, not reached in up to 1 of 3 splits); 1 level left "
        "out (train loss 2.000, below which training starts in up to 2 of 3 splits)."
    )
    assert "-" in str(found)


def test_splitters_of_groups_and_time() -> None:
    X, y = rows()
    groups = np.repeat(np.arange(12), 5)
    cv = GroupShuffleSplit(4, test_size=0.5, random_state=0)
    found = cross_compare(X, y, ANNEALED, 2, cv=cv, groups=groups)
    pairs = list(cv.split(X, y, groups))
    assert all(not set(groups[a]) & set(groups[b]) for a, b in pairs)
    same = cross_compare(pd.DataFrame(X, columns=list("abc")), pd.Series(y), ANNEALED, 2, cv=pairs)
    np.testing.assert_allclose(found.schedules[0].low, same.schedules[0].low, rtol=1e-12)
    ordered = cross_compare(X, y, ANNEALED, 2, cv=TimeSeriesSplit(4))
    assert ordered.levels.shape == (4, 2)


def test_results_travel_and_do_not_depend_on_threads() -> None:
    X, y = rows()
    found = cross_compare(X, np.c_[y, y**2], ANNEALED, 3)
    again = cross_compare(X, np.c_[y, y**2], ANNEALED, 3, n_jobs=2)
    assert str(pickle.loads(pickle.dumps(found))) == str(found) == str(again)
    assert repr(found) == "Judgement(1 schedules, 3 levels, 20 splits)"
    with pytest.raises(AttributeError):
        found.levels = found.levels  # type: ignore[misc]  # wrong on purpose


def test_mistakes() -> None:
    X, y = rows()
    with pytest.raises(ValueError, match="at least 2 splits; got 1"):
        cross_compare(X, y, ANNEALED, 2, cv=ShuffleSplit(1))
    with pytest.raises(ValueError, match="against names no schedule"):
        cross_compare(X, y, ANNEALED, 2, against="anealed")
    batch = il.Problem.from_spectra(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(TypeError, match="must be one, not a batch"):
        compare_repeatedly([batch, batch], ANNEALED, test_per_train=0)
    with pytest.raises(TypeError, match="need problems of NumPy arrays"):
        compare_repeatedly([X, X], ANNEALED, test_per_train=0)  # type: ignore[list-item]  # wrong on purpose
    with pytest.raises(ValueError, match="no test data"):
        compare_repeatedly([il.Problem.from_data(X, y)] * 2, ANNEALED, test_per_train=0)
    with pytest.raises(ValueError, match="X must be finite"):
        cross_compare(np.where(X > 3, np.nan, X), y, ANNEALED)


def test_splits_that_share_rows_are_refused() -> None:
    X, y = rows()
    some, others = np.arange(0, 60, 2), np.arange(1, 60, 2)
    with pytest.raises(ValueError, match="split 2 of cv tests on 30 of the rows that it trains on"):
        cross_compare(X, y, ANNEALED, 2, cv=[(some, others), (some, some)])
    with pytest.raises(ValueError, match="split 1 of cv tests on 1 of the rows that it trains on"):
        cross_compare(X, y, ANNEALED, 2, cv=[(some, [-2, 1]), (others, some)])


def test_splits_are_counted_once() -> None:
    X, y = rows()
    some, others = np.arange(0, 60, 2), np.arange(1, 60, 2)
    twice = [(some, others), (others, some)]
    found = cross_compare(X, y, ANNEALED, 2, cv=twice)
    again = cross_compare(X, y, ANNEALED, 2, cv=[*twice, (some[::-1], others), *twice])
    assert str(found) == str(again)
    masks = [tuple(np.isin(np.arange(60), each) for each in pair) for pair in twice]
    assert str(found) == str(cross_compare(X, y, ANNEALED, 2, cv=masks))
    with pytest.raises(ValueError, match="2 different splits; all 3 of cv are the same"):
        cross_compare(X, y, ANNEALED, 2, cv=[(some, others)] * 3)


@pytest.mark.parametrize("given", [0, 1.5, "2"])
def test_numbers_of_processes_that_mean_nothing(given: object) -> None:
    X, y = rows()
    with pytest.raises(ValueError, match=f"or -1 for one process per core; got {given!r}"):
        cross_compare(X, y, ANNEALED, 2, n_jobs=given)  # type: ignore[arg-type]  # wrong on purpose


def test_no_more_processes_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    started, original = [], joblib.Parallel

    def parallel(n_jobs: int | None) -> Callable[[Any], Any]:
        started.append(n_jobs)
        return original(1)

    monkeypatch.setattr("joblib.Parallel", parallel)
    X, y = rows()
    for n_jobs in (None, -1, 1, 100_000):
        cross_compare(X, y, ANNEALED, 2, n_jobs=n_jobs)
    assert started == [None, -1, 1, joblib.cpu_count()]


def test_bands_are_drawn_below() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0], [1.0, 1.0])
    others = [problem, il.Problem.from_spectra([1.0, 0.5], [1.0, 1.3], [1.0, 1.0])]
    texts = {"annealed": "gd(1.0, 5) > flow", "flow": "flow"}
    found = il.compare(problem, texts, 4)
    judgement = compare_repeatedly(others, texts, 4, test_per_train=0.01)
    drawing = found.figure(judgement=judgement)
    lower = drawing.axes[1]
    assert lower.get_title(loc="left") == (
        "means of 2 splits, with 95% intervals that all hold together"
    )
    (judged, _) = judgement.schedules
    drawn = [line.get_ydata() for line in lower.get_lines()]
    for ends in (judged.low, judged.high, judged.estimate):
        assert any(np.array_equal(line, 100 * ends) for line in drawn)
    other = compare_repeatedly(others, texts, 3, test_per_train=0.01)
    with pytest.raises(ValueError, match="comparison's own schedules and levels"):
        found.figure(judgement=other)
