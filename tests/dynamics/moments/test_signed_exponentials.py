"""First crossings of sums of signed exponentials, against a walk over all steps and by hand."""

import itertools
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from isoloss.dynamics.moments import signed_exponentials
from isoloss.dynamics.moments.signed_exponentials import first_below, first_time_below

FAR = 10**9


def walked(c: Any, rates: Any, steps: int, slopes: Any, negative: Any) -> np.ndarray:
    """Return the sum after every step, at 30 digits."""
    with mp.workdps(30):
        bases = [mp.exp(mp.mpf(float(x))) for x in rates]
        powers, started, sums = [mp.mpf(1)] * len(bases), [mp.mpf(0)] * len(bases), []
        # (e^(ℓ(k + 1)) - 1)/ℓ = e^ℓ (e^(ℓk) - 1)/ℓ + (e^ℓ - 1)/ℓ
        adds = [mp.expm1(mp.mpf(float(x))) / mp.mpf(float(x)) if x else mp.mpf(1) for x in rates]
        for k in range(1, steps + 1):
            powers = [p * b for p, b in zip(powers, bases, strict=True)]
            started = [s * b + a for s, b, a in zip(started, bases, adds, strict=True)]
            signs = [-1 if n and k % 2 else 1 for n in negative]
            terms = (
                float(x) * s * p + float(d) * q
                for x, s, p, d, q in zip(c, signs, powers, slopes, started, strict=True)
            )
            sums.append(mp.fsum(terms))
        return np.array(sums)


@pytest.mark.parametrize("seed", range(24))
def test_the_first_step_is_that_of_a_walk(seed: int) -> None:
    rng = np.random.default_rng(seed)
    r, steps = 6, 150
    rates = -(10.0 ** rng.uniform(-3, 1, r)) * (rng.choice([1, -0.05], r) if seed % 2 else 1.0)
    c = rng.standard_normal(r) * 10.0 ** rng.uniform(-1, 1, r)
    slopes = rng.standard_normal(r) * (0.1 if seed % 3 == 0 else 0.0)
    negative = rng.random(r) < (0.5 if seed % 4 == 0 else 0.0)
    rates[0] *= seed % 5 > 0  # a constant, or a line
    sums = walked(c, rates, steps, slopes, negative)
    size = float(max(abs(sums)))
    lowest = np.minimum.accumulate(sums)
    bars = [float(lowest[-1]) - 1e-9 * size, float(lowest[-1]) + 1e-9 * size]
    bars += [float(lowest[0] + share * (lowest[-1] - lowest[0])) for share in (0.1, 0.7)]
    for bar in bars:
        hits = np.flatnonzero(sums <= bar)
        wanted = int(hits[0]) + 1 if hits.size else None
        got = first_below(c, rates, bar, steps, slopes=slopes, negative=negative)
        near = [k for k in (got, wanted) if k is not None]
        assert got == wanted or all(abs(sums[k - 1] - bar) < 1e-13 * size for k in near)


@pytest.mark.parametrize("rate", [1.0, 1e-3, 1e-8])
@pytest.mark.parametrize("depth", [1e-14, 1e-9, 1e-3, 0.0, -1e-14, -1e-6])
def test_a_dip_below_the_bar_is_found_and_one_above_is_not(rate: float, depth: float) -> None:
    # (e^(-t) - 1/2)² - depth: from 1/2 + √depth on
    c, rates = np.array([1.0, -1.0, 0.25]), -rate * np.array([2.0, 1.0, 0.0])
    found = first_time_below(c, rates, depth, np.inf)
    if depth > 0:
        assert found == pytest.approx(
            -np.log(0.5 + depth**0.5) / rate, rel=1e-6 if depth > 1e-12 else 0.1
        )
    elif depth < -1e-13:
        assert found is None
    if rate == 1e-8:
        step = first_below(c, rates, depth, FAR)
        assert (step is None) == (depth <= 0)
        if step is not None:
            assert step == pytest.approx(found, abs=1 + 1e-5 * (found or 0) * (depth < 1e-12))


def test_a_dip_of_fourth_order_is_found() -> None:
    c, rates = np.array([1, -2, 1.5, -0.5, 0.0625]), -np.arange(4.0, -1, -1)  # (e^(-t) - 1/2)⁴
    assert first_time_below(c, rates, -1e-12, np.inf) is None
    found = first_time_below(c, rates, 1e-12, np.inf)
    assert found == pytest.approx(-np.log(0.5 + 1e-3), rel=1e-6)


def test_a_rise_before_the_fall_is_passed() -> None:
    c, rates = np.array([-1.0, 3.0, 1e-3]), np.array([-1e-3, -1e-6, 0.0])
    k = first_below(c, rates, 1.5, FAR)
    assert k == pytest.approx(np.log(3.0 / 1.499) * 1e6, abs=1)


def test_terms_that_almost_cancel_are_resolved() -> None:
    # 1e6 (e^(-at) - e^(-bt)) with b = a (1 - 1e-7) is -0.1 at e^(-at) up to 1e-7
    a = 1e-6
    c, rates = np.array([1e6, -1e6, 1.0]), np.array([-a, -a * (1 - 1e-7), -1e-4])
    lowest = -0.1 * np.exp(-1.0)  # at at = 1
    assert first_below(c, rates, lowest - 1e-5, FAR) is None
    assert first_below(c, rates, lowest + 1e-4, FAR) is not None


@pytest.mark.parametrize("rate", [0.0, 1e-18, -1e-18, 1e-9])
def test_slopes_of_nearly_constant_rates_are_lines(rate: float) -> None:
    k = first_below(np.array([5.0]), np.array([rate]), -1e6 + 0.5, 10**10, slopes=np.array([-1.0]))
    assert k == pytest.approx(1_000_005 / (1 + rate * 5e5), abs=1)


def test_growth_beyond_float64_is_followed() -> None:
    # e^t falls below 1e-290 e^(1.5 t) at t = 580 log 10; a slope adds nothing that is seen
    c, rates = np.array([1.0, -1e-290]), np.array([1.0, 1.5])
    wanted = int(np.ceil(580 * np.log(10.0)))
    assert first_below(c, rates, 0.0, FAR) == wanted
    assert first_below(c, rates, 0.0, FAR, slopes=np.array([1e-3, 0.0])) == wanted
    assert first_below(-c, rates, 0.0, FAR) == 1
    assert first_below(np.array([1.0]), np.array([1.0]), 2.0, FAR) is None


def test_levels_that_are_only_tended_to_are_not_reached() -> None:
    c, rates = np.array([0.3, 1.0, 2.0]), np.array([0.0, -1.0, -1e-3])
    assert first_time_below(c, rates, 0.3, np.inf) is None
    assert first_below(c, rates, 0.3, FAR) is None
    assert first_below(c[1:], rates[1:], 0.0, FAR) is None
    assert first_time_below(c, rates, 0.3 + 1e-12, np.inf) == pytest.approx(np.log(2e12) * 1e3)


def test_constants_and_what_starts_below_end_at_once() -> None:
    one, flat = np.array([1.0]), np.array([0.0])
    assert first_below(one, flat, 1.0, FAR) == 1
    assert first_below(one, flat, 1 - 1e-16, FAR) is None
    assert first_time_below(one, flat, 1.0, np.inf) == 0.0
    assert first_time_below(one, flat, 0.5, 3.0) is None
    assert first_below(one, np.array([-np.inf]), 0.0, 3) == 1  # nothing is left after a step
    assert first_below(np.zeros(0), np.zeros(0), -1.0, FAR) is None


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_negative_bases_alternate(steps: int) -> None:
    c, rates = np.array([1.0, 1.0]), np.log([0.9, 0.5])
    negative = np.array([True, False])  # (-0.9)^k + 0.5^k: -0.4, 1.06, -0.604
    assert first_below(c, rates, -0.3, steps, negative=negative) == 1
    assert first_below(c, rates, -0.5, steps, negative=negative) == (3 if steps == 3 else None)
    assert first_below(-c, rates, -0.5, steps, negative=negative) == (2 if steps > 1 else None)


def test_the_first_of_very_many_steps_is_the_first() -> None:
    # each step lowers the sum by less than its rounding
    rate = 2 * np.log1p(-(2.0**-49))
    with mp.workdps(40):
        wanted = mp.log(0.5) / (2 * mp.log1p(-(mp.mpf(2) ** -49)))
    k = first_below(np.ones(1), np.array([rate]), 0.5, 2**53)
    assert k == pytest.approx(float(wanted), rel=4e-15)


def test_the_cost_does_not_grow_with_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    at = signed_exponentials._Terms.at

    def counted(terms: Any, t: Any) -> Any:
        looked.append(t)
        return at(terms, t)

    monkeypatch.setattr(signed_exponentials._Terms, "at", counted)
    rng = np.random.default_rng(0)
    rates, c = -np.geomspace(1e-9, 3.0, 1000), rng.standard_normal(1000)
    ends = {steps: float(c @ np.exp(rates * steps)) for steps in (10, FAR)}
    lowest = min(float(c @ np.exp(rates * k)) for k in np.geomspace(1, FAR, 300))
    counts = []
    for steps, share in itertools.product((10, FAR), (-1.0, 1.0)):
        looked.clear()
        bar = lowest + share * 0.01 * abs(lowest - ends[steps])
        first_below(c, rates, bar, steps)
        counts.append(len(looked))
    assert 10 < max(counts) < 250
