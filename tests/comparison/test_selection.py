"""The best schedule of each family, its rivals, and what the choice is worth."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as il
from isoloss.comparison import Selection, select
from isoloss.comparison.selection_drawing import figure

RNG = np.random.default_rng(8)
SCALES = np.geomspace(1, 0.2, 6)
X, X_VAL, X_TEST = (RNG.normal(size=(40, 6)) * s for s in (SCALES, SCALES[::-1], SCALES[::-1]))
Y, Y_VAL, Y_TEST = (
    np.eye(3)[np.clip(np.round(rows @ np.ones(6)) + 1, 0, 2).astype(int)]
    for rows in (X, X_VAL, X_TEST)
)
PROBLEM = il.Problem.from_data(X, Y, X_VAL, Y_VAL)
ALONE = PROBLEM.with_test(X_TEST, Y_TEST)


def wrong(inputs: np.ndarray, targets: np.ndarray, coef: np.ndarray) -> float:
    return float(np.mean((inputs @ coef).argmax(1) != targets.argmax(1)))


@pytest.fixture(scope="module")
def chosen() -> Selection:
    return select(
        PROBLEM,
        ALONE,
        ["rates", "annealed", "cosine+flow"],
        steps=4,
        validation_error=lambda coef: wrong(X_VAL, Y_VAL, coef),
        test_error=lambda coef: wrong(X_TEST, Y_TEST, coef),
    )


def loss(inputs: np.ndarray, targets: np.ndarray, coef: np.ndarray) -> float:
    return float(((inputs @ coef - targets) ** 2).sum(1).mean())


def test_losses_are_those_of_a_training_loop(chosen: Selection) -> None:
    rates = chosen.designed[0]
    coef = np.zeros((6, 3))
    for lr in rates.schedule.learning_rates():
        coef = coef - lr * 2 * X.T @ (X @ coef - Y) / 40
    assert rates.train_loss == pytest.approx(loss(X, Y, coef), rel=1e-9)
    assert rates.validation_loss == pytest.approx(loss(X_VAL, Y_VAL, coef), rel=1e-9)
    assert rates.test_loss == pytest.approx(loss(X_TEST, Y_TEST, coef), rel=1e-9)
    assert rates.validation_error == wrong(X_VAL, Y_VAL, coef)
    assert rates.test_error == wrong(X_TEST, Y_TEST, coef)


def test_filters_are_what_the_residual_is_multiplied_by(chosen: Selection) -> None:
    _, vectors = np.linalg.eigh(X.T @ X / 40)
    least = np.linalg.solve(X.T @ X, X.T @ Y)
    order = np.argsort(-np.asarray(PROBLEM.curvature))
    for entry in chosen.entries:
        coef = least - vectors @ (entry.filter[order][::-1, None] * (vectors.T @ least))
        assert loss(X_TEST, Y_TEST, coef) == pytest.approx(entry.test_loss, rel=1e-9)
        assert wrong(X_TEST, Y_TEST, coef) == entry.test_error


def test_rivals_are_the_best_of_their_kind(chosen: Selection) -> None:
    times = np.geomspace(1e-2, 1e4, 2000)
    flows = [float(il.train(PROBLEM, il.GradientFlow(t)).test_loss) for t in times]
    assert chosen.flow.validation_loss <= min(flows) * (1 + 1e-3)
    alphas = np.geomspace(1e-8, 1e3, 2000)
    ridges = []
    for alpha in alphas:
        coef = np.linalg.solve(X.T @ X / 40 + alpha * np.eye(6), X.T @ Y / 40)
        ridges.append(loss(X_VAL, Y_VAL, coef))
    assert chosen.ridge.validation_loss <= min(ridges) * (1 + 1e-3)
    coef = np.linalg.solve(X.T @ X / 40 + chosen.ridge.alpha * np.eye(6), X.T @ Y / 40)
    assert chosen.ridge.test_loss == pytest.approx(loss(X_TEST, Y_TEST, coef), rel=1e-9)


def test_the_bound_is_below_all(chosen: Selection) -> None:
    assert chosen.bound.validation_loss == pytest.approx(float(il.best_filter(PROBLEM).test_loss))
    for entry in chosen.entries:
        assert entry.validation_loss >= chosen.bound.validation_loss * (1 - 1e-12)
    assert chosen.best.validation_loss == min(e.validation_loss for e in chosen.designed)
    assert chosen.best.name in chosen.verdict
    assert [row["name"] for row in chosen.rows()] == [entry.name for entry in chosen.entries]


def test_the_figure_shows_every_filter_and_the_rates(chosen: Selection) -> None:
    drawing = figure(chosen)
    left, right = drawing.axes
    labels = {line.get_label() for line in left.lines if not line.get_label().startswith("_")}
    assert labels == {entry.name for entry in chosen.entries}
    line = next(line for line in left.lines if line.get_label() == "rates")
    order = np.argsort(PROBLEM.curvature)
    np.testing.assert_array_equal(line.get_xdata(), PROBLEM.curvature[order])
    shown = chosen.designed[0].filter[order]
    inside = np.abs(shown) <= 2
    np.testing.assert_array_equal(line.get_ydata()[inside], shown[inside])
    rates = right.patches[0].get_data().values * float(PROBLEM.max_lr)
    np.testing.assert_allclose(rates, chosen.designed[0].schedule.learning_rates(), rtol=1e-14)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no family 'nope'; choose from annealed"):
        select(PROBLEM, ALONE, ["nope"])
    with pytest.raises(ValueError, match="there is no family 'cyclic'"):  # needs half_cycle
        select(PROBLEM, ALONE, ["cyclic"])
    with pytest.raises(ValueError, match="at least one family"):
        select(PROBLEM, ALONE, [])
