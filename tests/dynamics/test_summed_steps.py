"""Filters from sums over rates, against products at 40 digits."""

import mpmath
import numpy as np
import pytest

import isoloss as il
from isoloss._arrays.context import quiet
from isoloss.dynamics.summed_steps import SummedSteps

CURVATURE = np.array([0.0, 1e-12, 1e-4, 0.03, 0.2, 0.2499, 0.2501, 0.4, 0.5, 0.8, 1.0])
RATES = {
    "cosine": il.families.cosine(1.0, 700).learning_rates(),
    "few": il.families.cosine(1.0, 20).learning_rates(),
    "random": np.random.default_rng(0).uniform(0, 1, 4500),
    "one large": np.r_[1.0, np.full(300, 1e-9)],
    "half": np.full(500, 0.5),
    "zero": np.zeros(300),
    "none": np.zeros(0),
}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("factor", [1.0, 0.999, 0.5, 0.0])
def test_the_filter_is_the_product(name: str, factor: float) -> None:
    rates = RATES[name]
    found = quiet(SummedSteps.build(rates, CURVATURE).filter)(factor)
    with mpmath.workdps(40):
        for i, gamma in enumerate(CURVATURE.tolist()):
            factors = [1 - 2 * mpmath.mpf(lr) * gamma for lr in (factor * rates).tolist()]
            product = mpmath.fprod(factors)
            assert found.sign[i] == (-1 if product < 0 else 1)
            if product == 0:
                assert found.log[i] == -np.inf
                continue
            log = mpmath.log(abs(product))
            assert abs(found.log[i] - log) <= 1e-13 * abs(log) + len(rates) * 2.0**-53


def test_factors_next_to_zero_keep_their_digits() -> None:
    gamma = np.array([1.0 / 3.0])
    rates = np.array([1.5 * (1 + k * 2.0**-52) for k in (-3, 1, 5)])
    found = SummedSteps.build(rates, gamma).filter()
    with mpmath.workdps(60):
        exact = sum(mpmath.log(abs(1 - 2 * mpmath.mpf(float(lr)) * gamma[0])) for lr in rates)
        assert abs(found.log[0] - exact) <= 1e-14 * abs(exact)


def test_whom_it_serves() -> None:
    assert SummedSteps.serves(np.array([1.0]), np.array([0.5, 1.0]))
    assert not SummedSteps.serves(np.array([1.01]), np.array([1.0]))
