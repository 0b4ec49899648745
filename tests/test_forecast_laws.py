"""The published laws that benchmarks compare forecasts with, and the rates of the public runs."""

import importlib
import math
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STEPS = 400
ROWS = np.array([30, 60, 61, 200, 333, 400])


@pytest.fixture
def laws(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return importlib.import_module("forecast_laws")


@pytest.fixture
def public(laws: Any) -> Any:  # it sets the path
    return importlib.import_module("public_curves")


def cooled(steps: int = STEPS) -> np.ndarray:
    """Warm-up, a jump down, a jump up, and a linear cool-down to zero."""
    k = np.arange(steps)
    rates = 2e-3 * np.minimum(1, (k + 1) / 20) * np.minimum(1, (steps - 1 - k) / (0.4 * steps))
    rates[steps // 4 : steps // 2] *= 0.3
    return rates


def multi_power(law: Any, rates: np.ndarray, t: int) -> float:
    """The formula: k from 1, where rates[0] is the first step's."""
    won = 0.0
    for k in range(1, t):
        if rates[k] > 0:
            x = law.C * rates[k] ** -law.gamma * math.fsum(rates[k:t])
            won += (rates[k - 1] - rates[k]) * (1 - (1 + x) ** -law.beta)
    return law.floor + law.A * math.fsum(rates[:t]) ** -law.alpha - law.B * won


def annealing(law: Any, rates: np.ndarray, t: int) -> float:
    memory = area = 0.0
    for k in range(1, t):
        if k > 19:  # the end of the warm-up
            memory = law.memory * memory + rates[k - 1] - rates[k]
        area += memory
    return law.floor + law.A * math.fsum(rates[:t]) ** -law.alpha - law.B * area


def test_the_multi_power_law_is_its_formula(laws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    law = laws.MultiPower(2.0, 0.6, 0.4, 90.0, 3.0, 0.6, 0.5)
    rates = cooled()
    slow = [multi_power(law, rates, t) for t in ROWS]
    assert max(slow) - min(slow) > 0.3
    np.testing.assert_allclose(law.predict(rates, ROWS), slow, rtol=1e-4)
    monkeypatch.setattr(laws, "NEAR", 1)
    np.testing.assert_allclose(law.predict(rates, ROWS), slow, rtol=1e-12)


def test_the_annealing_law_is_its_formula(laws: Any) -> None:
    law = laws.Annealing(2.0, 0.6, 0.4, 0.8, 0.99)
    rates = cooled()
    slow = [annealing(law, rates, t) for t in ROWS]
    np.testing.assert_allclose(law.predict(rates, ROWS), slow, rtol=1e-12)


def test_slopes_are_those_of_the_losses(laws: Any) -> None:
    theta = np.log([2.0, 0.6, 0.4, 0.9, 30.0, 0.6, 0.5])
    part = laws._Falls(cooled(), ROWS, 2e-3, 0.5)
    _, slopes = laws._losses(theta, part)
    for k, step in enumerate(1e-5 * np.eye(7)):
        ahead, behind = (laws._losses(theta + sign * step, part)[0] for sign in (1, -1))
        np.testing.assert_allclose(slopes[:, k], (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("MultiPower", (2.0, 0.6, 0.4, 200.0, 4.0, 0.6, 0.5)),
        ("Annealing", (2.0, 0.6, 0.4, 0.8, 0.999)),
    ],
)
def test_a_fit_finds_the_law_of_its_curves(
    laws: Any, public: Any, name: str, parameters: tuple[float, ...]
) -> None:
    law = getattr(laws, name)(*parameters)
    warm = np.minimum(1, np.arange(1, 3001) / 100)
    shapes = (1 - np.arange(3000) / 3000, np.repeat([1.0, 0.2], 1500), np.ones(3000))
    steps = np.arange(200, 3001, 100)
    curves = [
        public.Curve("", steps, law.predict(rates, steps), rates)
        for rates in (3e-4 * warm * shape for shape in shapes)
    ]
    found = type(law).fit(curves)
    np.testing.assert_allclose(astuple(found), parameters, rtol=1e-3)
    rates = 3e-4 * warm * (1 + np.cos(np.pi * np.arange(3000) / 3000)) / 2
    np.testing.assert_allclose(found.predict(rates, steps), law.predict(rates, steps), rtol=1e-5)


def test_rates_of_public_runs_are_those_of_their_descriptions(public: Any) -> None:
    stepped = public._mpl_rates("wsdcon_9")
    assert stepped[[1079, 7999, 8000, 15_999]] == pytest.approx([1.5e-4, 3e-4, 9e-5, 9e-5])
    falling = public._mpl_rates("wsd_20000_24000")
    assert falling[[19_999, 22_000]] == pytest.approx([3e-4, 3e-4 / math.sqrt(10)])
    run = {"iterations": 1000, "warmup": 100, "peak_lr": 1e-3, "scheduler": "wsd"}
    linear = public._schaipp_rates(run | {"cooldown_frac": 0.4, "decay_type": "linear"})
    root = public._schaipp_rates(run | {"cooldown_frac": 0.4, "decay_type": "sqrt"})
    assert linear[[49, 600, 800]] == pytest.approx([5e-4, 1e-3, 5e-4])
    assert root[[49, 600, 700]] == pytest.approx([5e-4, 1e-3, 5e-4])
    cosine = public._schaipp_rates(run | {"scheduler": "cos", "cos_final_lr": -1})
    assert cosine[[0, 99, 999]] == pytest.approx([1e-5, 1e-3, 1e-4])
