"""Finished schedules, against plain loops and all smaller numbers of steps."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import isoloss as il
from isoloss.dynamics.ends import OpenEnds
from isoloss.dynamics.finishing import finish_each
from isoloss.schedules import SpecError
from isoloss.schedules.unfinished import Unfinished

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])


def wsd(steps: int) -> il.Schedule:
    warm, fall = round(0.1 * steps), round(0.2 * steps)
    return il.families.warmup_stable_decay(1.4, steps, warm, fall)


FAMILIES: dict[str, Callable[[int], il.Schedule]] = {
    "cosine": lambda steps: il.families.cosine(1.4, steps),
    "one-cycle": lambda steps: il.families.one_cycle(1.4, steps),
    "warm-up, stable, decay": wsd,
    "constant": lambda steps: il.families.constant(0.3, steps),
}


def loop(rates: np.ndarray) -> float:
    h, gamma = np.ones(2), np.array([2 / 3, 1 / 3])
    for lr in rates:
        h = h * (1 - 2 * lr * gamma)
    return float((gamma * 100 * h**2).sum())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("level", [50.0, 0.1, 1e-6])
def test_the_end_has_the_train_loss(family: Callable[[int], il.Schedule], level: float) -> None:
    found = il.finish(family, PAPER, level)
    rates, whole = found.learning_rates(), family(found.steps).learning_rates()
    assert loop(rates) == pytest.approx(level, rel=1e-12)
    assert float(il.train(PAPER, found).train_loss) == pytest.approx(level, rel=1e-13)
    # one factor for all rates, and no fewer steps would do
    moving = whole > 0
    factor = rates[moving] / whole[moving]
    np.testing.assert_allclose(factor, factor[0], rtol=1e-14)
    assert factor[0] <= 1
    assert loop(whole) <= level * (1 + 1e-12)
    assert all(loop(family(steps).learning_rates()) > level for steps in range(1, found.steps))
    # nor does a larger factor
    between = np.linspace(factor[0], 1, 50)[1:]
    assert all(loop(s * whole) < level * (1 + 1e-12) for s in between)


def test_a_cut_cosine_is_not_a_finished_one() -> None:
    # the diabetes data, every third row held out
    rows = load_diabetes()
    test = np.arange(len(rows.target)) % 3 == 0
    X = (rows.data - rows.data[~test].mean(0)) / rows.data[~test].std(0)
    y = rows.target - rows.target[~test].mean()
    problem = il.Problem.from_data(X[~test], y[~test], X[test], y[test])
    level = 2900.0
    found = il.finish("cosine(1, ...)", problem, level)
    coef = np.zeros(10)
    for lr in found.learning_rates():
        slope = 2 * X[~test].T @ (X[~test] @ coef - y[~test]) / (~test).sum()
        coef = coef - lr * slope
    assert np.mean((X[~test] @ coef - y[~test]) ** 2) == pytest.approx(level, rel=1e-12)
    cut = il.train(problem, f"cosine(1, {4 * found.steps})", level)
    assert int(cut.steps) < 2 * found.steps  # long before its rates are small
    finished = np.mean((X[test] @ coef - y[test]) ** 2)
    flow = float(il.train(problem, "flow", level).test_loss)
    assert abs(finished - flow) < 0.1 * abs(float(cut.test_loss) - flow)


def test_texts_leave_the_number_of_steps_open() -> None:
    by_text = il.finish("warmup_stable_decay(0.9, ...)", PAPER, 0.01)
    by_function = il.finish(
        lambda k: il.families.warmup_stable_decay(1.35, k, round(0.1 * k), round(0.2 * k)),
        PAPER,
        0.01,
    )
    np.testing.assert_allclose(by_text.learning_rates(), by_function.learning_rates(), rtol=1e-13)
    two = il.finish("gd(1, 3) > cosine(0.5, ...)", PAPER, 0.01)
    assert two.steps > 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosine(1, 10)", "no number of steps is '...' in 'cosine(1, 10)', as in 'cosine(1, ...)'"),
        ("gd(1, ...) > gd(0.5, ...)", "only one number, that of a phase's steps, may be '...'"),
        ("gd(..., 3)", "only one number, that of a phase's steps, may be '...'"),
    ],
)
def test_texts_that_leave_open_something_else(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        il.finish(text, PAPER, 0.1)


def test_training_asks_to_finish_first() -> None:
    with pytest.raises(SpecError, match=r"give the text and the train loss to il\.finish"):
        il.train(PAPER, "cosine(1, ...)", 0.1)


@pytest.mark.parametrize("level", [100.0, 200.0, 0.0, -1.0])
def test_levels_that_no_training_ends_at(level: float) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 100; got"):
        il.finish("cosine(1, ...)", PAPER, level)


def test_what_cannot_be_finished() -> None:
    with pytest.raises(ValueError, match="no schedule of at most 40 steps ends at or below"):
        il.finish("cosine(0.001, ...)", PAPER, 0.1, max_steps=40)
    batch = il.Problem.from_spectra([[1.0], [2.0]], [1.0], [1.0])
    with pytest.raises(ValueError, match="one problem; this one is a batch"):
        il.finish("cosine(1, ...)", batch, 0.1)
    with pytest.raises(ValueError, match="at one train loss; give a number"):
        il.finish("cosine(1, ...)", PAPER, [0.1, 0.2])  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(TypeError, match="problem must be a Problem"):
        il.finish("cosine(1, ...)", "paper", 0.1)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(TypeError, match="a schedule is a text"):
        il.finish(lambda steps: steps, PAPER, 0.1)  # type: ignore[arg-type, return-value]  # wrong on purpose
    with pytest.raises(TypeError, match="family must be a text such as"):
        il.finish(3, PAPER, 0.1)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="max_steps must be a whole number of at least 1; got 0"):
        il.finish("cosine(1, ...)", PAPER, 0.1, max_steps=0)


def test_numbers_of_steps_that_the_family_refuses_are_left_out() -> None:
    assert il.finish("cosine(1, ..., cycles=3)", PAPER, 0.01).steps % 3 == 0
    assert il.finish("warmup_stable_decay(0.5, ..., warmup=8, decay=4)", PAPER, 1.0).steps >= 12
    with pytest.raises(ValueError, match="warmup"):
        il.finish("warmup_stable_decay(1, ..., warmup=50)", PAPER, 0.1, max_steps=20)


def test_a_family_may_refuse_most_numbers_of_steps() -> None:
    def every(steps: int) -> il.GradientDescent:
        if steps % 50:
            raise ValueError("only multiples of 50")
        return il.GradientDescent(0.1, steps=steps)

    def one(steps: int) -> il.GradientDescent:
        if steps != 40:
            raise ValueError("only 40")
        return il.GradientDescent(0.4, steps=steps)

    assert il.finish(every, PAPER, 10.0).steps == 50
    assert il.finish(every, PAPER, 1e-3).steps == 100
    assert il.finish(one, PAPER, 0.3).steps == 40
    with pytest.raises(ValueError, match="no schedule of at most"):
        il.finish(one, PAPER, 1e-30)


def test_the_first_crossing_is_found_where_momentum_oscillates() -> None:
    problem = il.Problem.from_spectra(train=[1.0, 0.05], test=[1.0, 5.0], start=[1.0, 1.0])
    found = il.finish("heavy_ball(1.5, 0.9, ...)", problem, 0.00440584)
    assert found.steps == 65
    assert found.phases[0].rate(0) == pytest.approx(0.98565374 * 1.5, rel=1e-7)


def test_levels_next_to_the_start() -> None:
    for below in (1e-14, 1e-13, 1e-9):
        level = 100 * (1 - below)
        run = il.train(PAPER, il.finish("gd(1, ...)", PAPER, level))
        assert float(run.train_loss) == pytest.approx(level, rel=3e-14)


def test_an_endless_flow_ends_at_no_level() -> None:
    with pytest.raises(ValueError, match="leave out the flow, or give it a time"):
        il.finish("cosine(1, ...) > flow", PAPER, 0.1)
    assert il.finish("cosine(1, ...) > flow(0.5)", PAPER, 0.1).steps


def test_several_levels_are_finished_as_each_alone() -> None:
    levels = np.array([60.0, 0.3, 1e-4])
    for text in ("cosine(0.4, ...)", "warmup_stable_decay(0.9, ...)", "heavy_ball(0.2, 0.5, ...)"):
        together = finish_each(OpenEnds(PAPER, Unfinished(text), 1000), levels)
        assert list(together.schedules) == [il.finish(text, PAPER, v) for v in levels.tolist()]
        whole = il.train(PAPER, list(together.schedules))
        np.testing.assert_allclose(together.test_loss, whole.test_loss, rtol=1e-12)
        np.testing.assert_allclose(whole.train_loss, levels, rtol=1e-13)
        assert together.steps.tolist() == whole.steps.tolist()
        assert together.reached.all()
    few = finish_each(OpenEnds(PAPER, Unfinished("cosine(0.001, ...)"), 40), levels)
    assert not few.reached.any()
    outside = np.array([101.0, 100.0, 1.0, 0.0])
    some = finish_each(OpenEnds(PAPER, Unfinished("cosine(0.4, ...)"), 100), outside)
    assert some.reached.tolist() == [False, False, True, False]
    assert some.train_loss.tolist() == [100.0, 100.0, 1.0, 100.0]


def test_ends_that_rise_and_fall() -> None:
    # only multiples of 7 steps end low: found among the numbers that are all tried
    def family(steps: int) -> il.GradientDescent:
        return il.GradientDescent(0.7 if steps % 7 == 0 else 1e-3, steps)

    assert il.finish(family, PAPER, 0.1).steps == 7


def test_any_scale() -> None:
    tiny = il.Problem.from_spectra([2e-150 / 3, 1e-150 / 3], [0.5, 0.5], [-10, -10])
    one = il.finish("cosine(1, ...)", PAPER, 0.1).learning_rates()
    other = il.finish("cosine(1, ...)", tiny, 0.1e-150).learning_rates()
    np.testing.assert_allclose(other * 1e-150, one, rtol=1e-12)


def test_noise_that_no_number_of_steps_gets_below() -> None:
    noisy = il.Problem.from_spectra([1.0, 0.1], [1.0, 1.0], [1.0, 2.0], train_noise=0.5)
    with pytest.raises(ValueError, match=r"of at most 20,000 steps .* more steps do not lower it"):
        il.finish("nesterov(0.2, 0.9, ..., batch_size=4)", noisy, 0.501)
    with pytest.raises(ValueError, match=r"of at most 20,000 steps ends .* give smaller rates"):
        il.finish("gd(1.5, ..., batch_size=1)", noisy, 0.6)  # diverges
    found = il.finish("cosine(0.3, ..., batch_size=4)", noisy, 0.55)
    assert il.train(noisy, found).train_loss == pytest.approx(0.55, rel=1e-13)
    decayed = il.finish("cosine(1, ..., weight_decay=0.05)", noisy, 0.6)
    assert {phase.weight_decay for phase in decayed.phases} == {0.05}
    assert il.train(noisy, decayed).train_loss == pytest.approx(0.6, rel=1e-13)
