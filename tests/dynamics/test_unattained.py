"""Why no schedule of a family ends at a train loss, against plain loops."""

import numpy as np
import pytest

import isoloss as il

PAPER = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])  # 1/γ₁ is 1.5


def loop(rates: np.ndarray) -> float:
    h, gamma = np.ones(2), np.array([2 / 3, 1 / 3])
    for lr in rates:
        h = h * (1 - 2 * lr * gamma)
    return float((gamma * 100 * h**2).sum())


@pytest.mark.parametrize(("text", "times"), [("gd(1, ...)", 1), ("cosine(3, ...)", 3)])
def test_rates_that_are_too_large_are_told(text: str, times: int) -> None:
    family = {"gd(1, ...)": il.families.constant, "cosine(3, ...)": il.families.cosine}[text]
    with pytest.raises(ValueError, match=r"; give smaller rates$") as caught:
        il.finish(text, PAPER, 0.1, max_steps=200)
    message = str(caught.value)
    assert f"and more steps do not lower it: rates go up to {times} times the largest" in message
    ends = [loop(family(1.5 * times, steps).learning_rates()) for steps in range(1, 201)]
    assert f"the lowest end has train loss {min(ends):.6g}, with" in message


def test_schedules_that_are_too_short_or_too_slow() -> None:
    for text in ("cosine(0.001, ...)", "heavy_ball(1e-9, 0.5, ...)"):
        with pytest.raises(ValueError, match=r"with 40 steps; give larger rates, or more steps$"):
            il.finish(text, PAPER, 0.1, max_steps=40)
    # one step is too large, but the others still lower the train loss
    with pytest.raises(ValueError, match=r"give larger rates, or more steps$"):
        il.finish(lambda k: il.GradientDescent([1.6] + [0.01] * k), PAPER, 0.1, max_steps=100)


def test_ends_that_momentum_or_noise_holds_up() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    noisy = il.Problem.from_data(rows, rows[:, 0] + np.arange(20) % 3)
    level = float(noisy.min_train_loss) * (1 + 1e-6)
    for text, problem, end in (
        ("heavy_ball(2.5, 0.5, ...)", PAPER, 0.1),
        ("gd(0.3, ..., batch_size=1)", noisy, level),
    ):
        with pytest.raises(
            ValueError, match=r"and more steps do not lower it; give smaller rates$"
        ):
            il.finish(text, problem, end, max_steps=300)
