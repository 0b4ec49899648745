"""Lemma 2 as a tool, each number against its formula written out by hand."""

from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.paper import lemma2

GAMMA, LAMBDA = np.array([1.0, 0.9, 0.1, 0.05]), np.array([0.2, 0.5, 0.3, 0.4])
DELTA = np.array([30.0, 3.0, 20.0, 40.0])
PROBLEM = il.Problem.from_spectra(GAMMA, LAMBDA, DELTA)
BLOCK, LEVEL, STEPS = [2, 3], 0.5, 8


def test_every_number_is_its_formula() -> None:
    found = lemma2(PROBLEM, BLOCK, LEVEL, STEPS)
    weights = GAMMA * DELTA**2
    assert found.gap == pytest.approx(0.9 / 0.1)
    assert found.top_loss == pytest.approx(900.0)
    outside = weights[0] + weights[1]
    smallest = 2 * min(weights[2], weights[3])
    assert found.alpha == pytest.approx(outside * (LEVEL / smallest) ** 9 / LEVEL)
    total = weights[2] + weights[3]
    assert found.alpha_sum == pytest.approx(outside * (LEVEL / total) ** 9 / LEVEL)
    assert found.flow_bound == pytest.approx(LEVEL * (1 - found.alpha) * 3.0)
    rest = sum((1 - 2 * g) ** 16 * x * s**2 for g, x, s in zip(GAMMA, LAMBDA, DELTA, strict=True))
    rest -= LAMBDA[0] * DELTA[0] ** 2  # γ = γ_1 does not count
    assert found.annealed_bound == pytest.approx(LEVEL * 0.2 + rest)
    assert found.annealed_bound_literal == pytest.approx(LEVEL * 0.2 + 0.9**8)
    assert bool(found.applies)
    assert found.flow_bound_sum <= found.flow_loss
    assert found.annealed_loss <= found.annealed_bound


def test_the_dynamics_are_a_plain_loop() -> None:
    found = lemma2(PROBLEM, BLOCK, LEVEL, STEPS)
    delta = DELTA * (1 - 2 * GAMMA) ** STEPS
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        excess = GAMMA @ (delta * np.exp(-2 * GAMMA * middle)) ** 2
        low, high = (middle, high) if excess > LEVEL else (low, middle)
    assert found.annealed_loss == pytest.approx(LAMBDA @ (delta * np.exp(-2 * GAMMA * low)) ** 2)


def test_conditions_that_fail_are_said() -> None:
    swapped = lemma2(PROBLEM, [0, 1], LEVEL, STEPS)
    assert not swapped.has_gap
    weak = lemma2(il.Problem.from_spectra(GAMMA, LAMBDA, DELTA * [1e-3, 1, 1, 1]), BLOCK, LEVEL, 3)
    assert not weak.condition1
    tight = lemma2(PROBLEM, BLOCK, 1200.0, STEPS)
    assert not tight.condition2
    assert not any((swapped.applies, weak.applies, tight.applies))
    assert "does not apply" in repr(weak)


def test_equality_in_condition_1_stops_before_the_flow() -> None:
    problem = il.Problem.from_spectra([1.0, 0.25], [1.0, 1.0], [1.0, 8.0])
    found = lemma2(problem, [1], 1.0, 500)
    assert bool(found.condition1)
    assert bool(found.reached)
    assert found.annealed_loss == pytest.approx(1.0, rel=1e-12)


def test_the_whole_spectrum_may_be_the_block() -> None:
    found = lemma2(PROBLEM, [0, 1, 2, 3], LEVEL, STEPS)
    assert np.isinf(found.gap)
    assert found.alpha == 0
    assert found.flow_loss >= found.flow_bound_sum == pytest.approx(LEVEL * 0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((PROBLEM, [], 1.0, 3), "non-empty"),
        ((PROBLEM, [4], 1.0, 3), "from 0 to 3"),
        ((PROBLEM, [1, 1], 1.0, 3), "different"),
        ((PROBLEM, [0.5], 1.0, 3), "coordinate numbers"),
        ((PROBLEM, [1], 0.0, 3), "positive train loss; got 0"),
        ((PROBLEM, [1], np.inf, 3), "positive"),
        ((il.Problem.from_spectra([0.0], [1], [1]), [0], 1.0, 3), "curvature"),
        ((il.Problem.from_spectra([1.0], [1], [1], noise=1), [0], 1.0, 3), "noise"),
        ((il.Problem.from_data(np.eye(2), [1, 2], np.eye(2), [1, 2]), [0], 1.0, 3), "commuting"),
    ],
)
def test_what_lemma_2_is_not_about_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lemma2(*arguments)
