"""Newton's loops: what they have not settled when they end is enclosed, never returned as found."""

from typing import Any

import array_api_compat.numpy as xp
import mpmath as mp
import numpy as np
import pytest

import isoloss as il
from isoloss._arrays.context import ArrayContext
from isoloss.dynamics import roots
from isoloss.levels import sphere
from isoloss.optimize import losses
from isoloss.problems.quadratic_forms import Offset
from isoloss.problems.units import Scaled

GAMMA = np.geomspace(1, 1e-12, 400)
WIDE = il.Problem.from_spectra(GAMMA, np.ones(400), GAMMA**-0.5)
LEVELS = 400 * np.array([0.9, 0.5, 0.1, 1e-3])


@pytest.mark.parametrize("rounds", [1, 2, 7])
@pytest.mark.parametrize(
    "schedule",
    [
        il.Schedule(il.GradientFlow()),
        il.GradientDescent(0.9, 2**53),
        il.GradientDescent(1.0 + 1e-12, 10**15),
        il.anneal(1.4, 10**6),
        il.GradientDescent(0.3, 2**53) + il.GradientFlow(),
    ],
    ids=repr,
)
def test_few_rounds_of_newton_stop_at_the_same_place(
    monkeypatch: pytest.MonkeyPatch, schedule: Any, rounds: int
) -> None:
    wanted = il.train(WIDE, schedule, LEVELS)
    monkeypatch.setattr(roots, "_MAX_NEWTON", rounds)
    run = il.train(WIDE, schedule, LEVELS)
    assert run.reached.tolist() == wanted.reached.tolist()
    np.testing.assert_allclose(run.time, wanted.time, rtol=1e-12)
    # where many steps lie within the rounding of the loss, any of them will do
    np.testing.assert_allclose(run.steps, wanted.steps, rtol=1e-10)
    np.testing.assert_allclose(run.train_loss, wanted.train_loss, rtol=1e-12)


def test_a_loss_that_stays_above_is_never_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = il.Problem.from_spectra([1.0, 0.6], [1, 1], [1.0, 1.0])
    lowest = min(1.6 ** (2 * k) + 0.6 * 0.56 ** (2 * k) for k in range(1, 9))
    schedule = il.GradientDescent(1.3, 50)
    for rounds in (200, 1, 2):
        monkeypatch.setattr(roots, "_MAX_NEWTON", rounds)
        assert not bool(il.train(problem, schedule, 0.999 * min(lowest, 1.6)).reached)


def test_rows_that_end_at_different_times_are_solved_as_if_alone() -> None:
    rng = np.random.default_rng(0)
    rates = rng.uniform(0, 1, (60, 20)) ** 4
    rates[::3, 0] *= -1e-3  # these grow in the end, and some never reach their level
    terms, bars = rng.normal(size=(60, 20)), rng.uniform(-30, 4, 60)
    with np.errstate(all="ignore"):
        found = roots.first_root(xp, terms, rates, bars)
        alone = [
            float(roots.first_root(xp, terms[[k]], rates[[k]], bars[[k]])[0]) for k in range(60)
        ]
    assert found.tolist() == alone
    assert 3 < np.isinf(found).sum() < 20
    for s, a, b, bar in zip(found, terms, rates, bars, strict=True):
        if np.isfinite(s) and s > 0:
            loss = mp.fsum(
                mp.exp(mp.mpf(x) - mp.mpf(y) * mp.mpf(s)) for x, y in zip(a, b, strict=True)
            )
            assert abs(mp.log(loss) - bar) < 4e-15 * (1 + abs(bar))


def test_losses_that_only_fall_take_few_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise AssertionError("not found yet")

    monkeypatch.setattr(roots, "_MAX_NEWTON", 3)  # Newton's own steps need more
    monkeypatch.setattr(roots, "_bisected", refused)
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-3.0, -2.0])
    run = il.train(problem, il.GradientFlow(), np.geomspace(5.0, 1e-6, 9))
    loss = sum(g * d * d * np.exp(-4 * g * run.time) for g, d in ((2 / 3, 3), (1 / 3, 2)))
    np.testing.assert_allclose(loss, np.geomspace(5.0, 1e-6, 9), rtol=1e-14)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_the_first_of_very_many_steps_is_the_first(share: float) -> None:
    # each step lowers the loss by less than its rounding
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    lr, steps = 2.0**-50, 2**53
    run = il.train(problem, il.GradientDescent(lr, steps), share)
    with mp.workdps(40):
        wanted = mp.log(share) / (2 * mp.log1p(-2 * mp.mpf(lr)))
    assert bool(run.reached)
    assert float(run.train_loss) <= share
    assert int(run.steps) == pytest.approx(float(wanted), rel=4e-15, abs=1.0)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_points_on_a_sphere_are_on_it(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((30, 20)) * np.geomspace(1, 1e-6, 20)
    offset, squares = rng.standard_normal((30, 2)), np.geomspace(1e-8, 1e8, 9)
    given = ArrayContext.of(), matrix, Offset(offset, 0), Scaled(squares, np.zeros(9))
    wanted = sphere.extremes(*given)
    monkeypatch.setattr(sphere, "_MAX_NEWTON", rounds)
    for end, same in zip(sphere.extremes(*given), wanted, strict=True):
        np.testing.assert_allclose((end.point**2).sum((1, 2)), squares, rtol=1e-14)
        np.testing.assert_allclose(end.loss.times(np, 0), same.loss.times(np, 0), rtol=1e-13)


@pytest.mark.parametrize("rounds", [1, 3, 10])
def test_a_designs_flow_ends_at_its_level(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    found = losses.Losses(WIDE._reduced)
    monkeypatch.setattr(losses, "_MAX_NEWTON", rounds)
    for share in (0.9, 0.5, 0.1, 1e-3):
        time = found.flow_time(np.ones(400), float(np.log(share)))
        excess = float((found.weights * np.exp(-4.0 * found.gamma * time)).sum())
        assert excess == pytest.approx(share, rel=1e-12)
