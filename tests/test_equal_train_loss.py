"""Whatever claims equal train loss has it to 12 digits, before anything is rounded for display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.levels.attaining import attaining_schedule

RNG = np.random.default_rng(17)
SCALES = np.geomspace(1, 0.2, 4)
X, X_TEST = RNG.normal(size=(30, 4)) * SCALES, RNG.normal(size=(25, 4)) * SCALES[::-1]
Y, Y_TEST = (rows.sum(axis=1) + 0.5 * RNG.normal(size=len(rows)) for rows in (X, X_TEST))
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
FLOOR, START, UNIT = (
    float(value) for value in (PROBLEM.min_train_loss, PROBLEM.start_train_loss, PROBLEM.max_lr)
)
LEVELS = FLOOR + np.array([0.5, 0.1, 0.02]) * (START - FLOOR)
SHARES = [0.5, 0.1, 0.02]
EXACT = 1e-12

STEPS = {
    "gd(0.3, 900)": np.full(900, 0.3),
    "gd(0.9, 900)": np.full(900, 0.9),
    "cosine(0.9, 900)": 0.45 * (1 + np.cos(np.pi * np.arange(900) / 900)),
}


def losses(coef: np.ndarray) -> tuple[float, float]:
    """Return the train and the test loss of parameters, from the rows."""
    return float(np.mean((X @ coef - Y) ** 2)), float(np.mean((X_TEST @ coef - Y_TEST) ** 2))


def stopped(rates: Sequence[float], level: float) -> tuple[int, np.ndarray]:
    """Train by a plain loop; halve the last step's rate until it ends at the level."""
    coef = np.zeros(4)
    for step, lr in enumerate(rates):
        move = 2 * X.T @ (X @ coef - Y) / len(X)
        if losses(coef - lr * move)[0] <= level:
            low, high = 0.0, lr
            for _ in range(60):
                middle = 0.5 * (low + high)
                reached = losses(coef - middle * move)[0] <= level
                low, high = (low, middle) if reached else (middle, high)
            return step + 1, coef - high * move
        coef = coef - lr * move
    raise AssertionError("the level is not reached")


def at_level(found: Any, level: Any) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=float), level, rtol=EXACT)


@pytest.mark.parametrize("text", STEPS)
def test_a_run_ends_where_a_plain_loop_does(text: str) -> None:
    run = il.train(PROBLEM, text, LEVELS)
    at_level(run.train_loss, LEVELS)
    for i, level in enumerate(LEVELS):
        steps, coef = stopped(STEPS[text] * UNIT, level)
        at_level(losses(coef)[0], level)
        at_level(losses(run.coef()[i])[0], level)
        assert run.steps[i] == steps
        np.testing.assert_allclose(run.test_loss[i], losses(coef)[1], rtol=1e-10)


@pytest.mark.filterwarnings("ignore::isoloss.comparison.CutDecayWarning")
def test_a_comparison() -> None:
    texts = [*STEPS, "flow", "gd(1.0, 3) > flow", "heavy_ball(0.2, 0.5, 900)", "cosine(1, ...)"]
    found = il.compare(PROBLEM, texts, LEVELS)
    for stops, text in zip(found.schedules, texts, strict=True):
        assert stops.reached.all()
        at_level(stops.train_loss, LEVELS)
        for i, level in enumerate(LEVELS):
            if text in STEPS:
                test_loss = losses(stopped(STEPS[text] * UNIT, level)[1])[1]
            else:
                schedule = stops.schedule[i] if stops.is_finished else text
                run = il.train(PROBLEM, schedule, None if stops.is_finished else level)
                at_level(losses(run.coef())[0], level)
                test_loss = losses(run.coef())[1]
            np.testing.assert_allclose(stops.test_loss[i], test_loss, rtol=1e-10)
        # ridge regression beside them, from its own normal equations
        for level, alpha, ridge in zip(
            LEVELS, stops.ridge_alpha, stops.ridge_test_loss, strict=True
        ):
            coef = np.linalg.solve(X.T @ X / len(X) + alpha * np.eye(4), X.T @ Y / len(X))
            at_level(losses(coef)[0], level)
            np.testing.assert_allclose(ridge, losses(coef)[1], rtol=1e-10)
    assert [float(each.ratio[0]) for each in found.schedules] == [
        float(each.test_loss[0] / found.flow.test_loss[0]) for each in found.schedules
    ]


@pytest.mark.parametrize("goal", ["lowest", "highest"])
@pytest.mark.parametrize(
    ("family", "steps", "flow"),
    [("rates", 3, False), ("rates", 2, True), ("cosine", 5, False), ("annealed", 4, True)],
)
def test_a_design(goal: Any, family: str, steps: int, flow: bool) -> None:
    level = float(LEVELS[1])
    found = il.design(PROBLEM, goal, family, train_loss=level, steps=steps, flow=flow, starts=2)
    at_level(found.train_loss, level)
    run = il.train(PROBLEM, found.schedule, level)
    assert run.reached
    at_level(run.train_loss, level)
    assert float(run.test_loss) == found.test_loss
    at_level(losses(run.coef())[0], level)
    np.testing.assert_allclose(losses(run.coef())[1], found.test_loss, rtol=1e-10)
    if not flow:  # the schedule ends there, too, in a loop that knows of no level
        coef = np.zeros(4)
        for lr in found.schedule.learning_rates():
            coef = coef - lr * 2 * X.T @ (X @ coef - Y) / len(X)
        at_level(losses(coef)[0], level)
        np.testing.assert_allclose(losses(coef)[1], found.test_loss, rtol=1e-9)


def test_what_schedules_can_reach() -> None:
    band = il.reachable_band(PROBLEM, LEVELS)
    start = il.train(PROBLEM, il.Schedule())
    weights = np.asarray(PROBLEM.curvature) * np.asarray(start.residual()) ** 2
    for end in ("lowest", "highest"):
        filters = getattr(band, f"{end}_filter")
        at_level(FLOOR + (weights * filters**2).sum(axis=-1), LEVELS)
    # of spectra, schedules alone attain it
    gamma, lam, delta = np.array([1.0, 0.4, 0.1]), np.array([1.0, 2.0, 0.5]), np.array([3.0, 2, 4])
    spectra = il.Problem.from_spectra(gamma, lam, delta)
    for level in (5.0, 0.3):
        reached = il.reachable_band(spectra, level)
        for end, wanted in (("lowest", reached.lowest), ("highest", reached.highest)):
            run = il.train(spectra, attaining_schedule(spectra, level, end), level)
            at_level(run.train_loss, level)
            at_level(gamma @ np.asarray(run.residual()) ** 2, level)
            np.testing.assert_allclose(lam @ np.asarray(run.residual()) ** 2, wanted, rtol=1e-9)


def test_models_and_their_search() -> None:
    from sklearn.model_selection import KFold

    from isoloss.estimators import ScheduledRegressor, ScheduleSearchCV

    for text in ("gd(0.3, 900)", "cosine(0.9, 900)", "flow"):
        model = ScheduledRegressor(text, float(LEVELS[1]), fit_intercept=False).fit(X, Y)
        at_level(model.train_loss_, LEVELS[1])
        at_level(losses(model.coef_)[0], LEVELS[1])
    level = 0.6 * START
    search = ScheduleSearchCV(
        ScheduledRegressor(fit_intercept=False), ["gd(0.3, 900)", "flow"], [level], cv=KFold(3)
    ).fit(X, Y)
    at_stop = [stop is not None for stop in search.cv_results_["param_train_loss"]]
    at_level(search.cv_results_["mean_train_loss"][at_stop], level)
    assert not search.cv_results_["reached"][at_stop].min() < 1


def test_a_sweep() -> None:
    from isoloss.sweep import sweep

    texts = [*STEPS, "gd(1.0, 3) > flow", "heavy_ball(0.2, 0.5, 900)"]
    found = sweep([PROBLEM], texts, SHARES)
    assert found.reached.all()
    at_level(found.train_loss.values[0], np.tile(LEVELS, (len(texts), 1)))
    for i, text in enumerate(STEPS):
        wanted = [losses(stopped(STEPS[text] * UNIT, level)[1])[1] for level in LEVELS]
        np.testing.assert_allclose(found.test_loss.values[0, i], wanted, rtol=1e-10)


@pytest.mark.parametrize("lr", [0.87, 0.5, 1.4475, 1.5])
def test_the_explorers_headline(lr: float) -> None:
    from isoloss.explorer.example import ExampleState, view

    state = ExampleState(lr=lr)
    shown = view(state)
    at_level([run["train_loss"] for run in shown["runs"].values()], state.level)
    delta = np.subtract(state.start, state.target)
    ends = {name: run["end"] - np.array(state.target) for name, run in shown["runs"].items()}
    gamma = np.array([2 / 3, 1 / 3])
    for residual in ends.values():
        at_level(gamma @ residual**2, state.level)
    tests = {name: 0.5 * residual @ residual for name, residual in ends.items()}
    assert shown["ratio"] == pytest.approx(tests["flow"] / tests["annealed"], rel=EXACT)
    # by hand: steps while they end above ε, then the smaller root, or flow after K of them
    h = np.ones(2)
    for _ in range(state.steps):
        after = h * (1 - 2 * lr * gamma)
        if gamma @ (after * delta) ** 2 <= state.level:
            w = gamma * (h * delta) ** 2
            roots = np.roots([4 * w @ gamma**2, -4 * w @ gamma, w.sum() - state.level])
            h = h * (1 - 2 * roots.min() * gamma)
            np.testing.assert_allclose(h * delta, ends["annealed"], rtol=1e-12)
            break
        h = after


@pytest.mark.filterwarnings("ignore::isoloss.comparison.CutDecayWarning")
def test_the_explorers_table() -> None:
    from isoloss.explorer.comparing import comparison_view

    found = il.compare(PROBLEM, [*STEPS, "flow"], LEVELS)
    shown = comparison_view(found, 0)
    for curve in shown["curves"]:
        at_level(curve["stops"]["train_loss"], LEVELS)
        if curve["name"] in STEPS:
            rates = STEPS[curve["name"]] * UNIT
            wanted = [losses(stopped(rates, level)[1])[1] for level in LEVELS]
            np.testing.assert_allclose(curve["stops"]["test_loss"], wanted, rtol=1e-10)
    at_level(found.flow.train_loss, LEVELS)
