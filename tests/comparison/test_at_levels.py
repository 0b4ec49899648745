"""Schedules stopped and finished at levels, in the order in which they are given."""

import numpy as np
import pytest
from scipy.optimize import brentq

import isoloss as il
from isoloss.comparison import filters
from isoloss.comparison.at_levels import runs_to
from isoloss.comparison.filters_drawing import filters_figure
from isoloss.schedules.unfinished import read_unfinished

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])


def test_each_run_is_its_schedules() -> None:
    levels = np.array([5.0, 0.1])
    given = ["cosine(0.5, ...)", "flow", "warmup_stable_decay(0.8, ...)", "gd(1, 10) > flow"]
    runs = list(runs_to(PAPER, [read_unfinished(each) for each in given], levels))
    for text, run in zip(given, runs, strict=True):
        for i, level in enumerate(levels.tolist()):
            if "..." in text:
                alone = il.train(PAPER, il.finish(text, PAPER, level))
            else:
                alone = il.train(PAPER, text, level)
            np.testing.assert_allclose(run.test_loss[i], alone.test_loss, rtol=1e-11)
            assert int(run.steps[i]) == int(alone.steps)
        np.testing.assert_allclose(run.train_loss, levels, rtol=1e-15)


def test_finished_ones_alone() -> None:
    (run,) = runs_to(PAPER, [read_unfinished("cosine(0.5, ...)")], np.array([1.0]))
    assert run.reached.all()


def test_minibatches_of_the_papers_example_by_hand() -> None:
    # 2 rows e1 and 1 row e2, with replacement: no target noise, and E δ_i² of its own in each
    rows = np.repeat(np.eye(2), [2, 1], axis=0)
    problem = il.Problem.from_data(rows, rows @ [3.0, 2.0], np.eye(2), np.array([3.0, 2.0]))
    p, level = np.array([2 / 3, 1 / 3]), 0.3

    def flown(squares: np.ndarray) -> float:
        time = brentq(lambda t: p @ (squares * np.exp(-4 * p * t)) - level, 0.0, 50.0, xtol=1e-14)
        return float(0.5 * np.sum(squares * np.exp(-4 * p * time)))

    ratios = []
    for batch_size, rate in ((1, 0.96), (10, 1.29)):
        factor = 1 - 4 * rate * p + 4 * rate**2 * (p**2 + p * (1 - p) / batch_size)
        text = f"gd({rate / 1.5:.2f}, 4, batch_size={batch_size}) > flow"
        (run,) = runs_to(problem, [read_unfinished(text)], np.array([level]))
        wanted = flown(np.array([9.0, 4.0]) * factor**4)
        np.testing.assert_allclose(run.test_loss, [wanted], rtol=1e-12)
        found = il.compare(problem, ["flow", text], [level])
        ratios.append(float(found.schedules[1].ratio[0]))
        assert ratios[-1] == pytest.approx(wanted / flown(np.array([9.0, 4.0])), rel=1e-12)
        assert f"{text} takes minibatches: its losses are expected ones" in str(found)
    assert ratios[0] > 1 > ratios[1]  # annealing never helps with one row at a time


def test_a_schedule_that_diverges_is_named() -> None:
    with pytest.raises(ValueError, match=r"gd\(1.0, 3000, batch_size=1\): training diverges"):
        il.compare(PAPER, ["flow", "gd(1, 3000, batch_size=1)"], 3)


def test_shares_of_wrong_classes_are_left_out() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    problem = il.Problem.from_data(X, y, X, y)
    texts = ["flow", "gd(0.3, 9, batch_size=8) > flow"]
    found = il.compare(problem, texts, [0.5], unit="excess", test_error=lambda coef: coef[..., 0])
    assert np.isfinite(found.schedules[0].test_error).all()
    assert np.isnan(found.schedules[1].test_error).all()
    assert found.best[1].test_error is None
    assert "not that of the share of wrong" in found.setting[-1]


def test_what_is_no_filter_has_none() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    for start in (None, [1.0, 2.0, 3.0]):
        problem = il.Problem.from_data(X, y, X, y, start=start)
        texts = ["flow", "gd(0.3, 30, batch_size=8) > flow", "gd(0.3, 30, weight_decay=0.1)"]
        found = filters(il.compare(problem, texts, [0.7], unit="excess"), 0)
        assert found.is_filter == (True, False, start is None)
        assert np.isnan(found.values[1]).all()
        assert np.isfinite(found.curves[0]).all()
        assert len(filters_figure(found).axes[0].lines) > len(texts)
        if start is not None:
            continue
        h, gamma = np.ones(3), np.asarray(problem.curvature)
        rate, decay = 0.3 / gamma[0], 0.1 * gamma[0]
        weights = gamma * problem._reduced.start_residual[:, 0] ** 2
        weights = weights / weights.sum()
        while weights @ h**2 > 0.7:
            before, h = h, h - rate * ((2 * gamma + decay) * h - decay)
        shares = np.linspace(0, 1, 200_001)[:, None]
        on_the_way = before + shares * (h - before)  # the shortened step
        there = on_the_way[np.abs(on_the_way**2 @ weights - 0.7).argmin()]
        np.testing.assert_allclose(found.values[2], there, atol=1e-5)
