import mpmath
import numpy as np
import pytest

from isoloss.curves import spectrum


@pytest.mark.parametrize("cutoff", [20.0, 300.0, 5000.0])
@pytest.mark.parametrize("exponent", [0.1, 0.22, 1.0])
@pytest.mark.parametrize("passed", [0.05, 1.0, 40.0])
def test_the_grid_integrates_to_the_closed_form(cutoff, exponent, passed):
    grown = spectrum.weights(cutoff, exponent) @ -np.expm1(-spectrum.CURVATURES * passed)
    assert grown == pytest.approx(1 - spectrum.kernel(passed, cutoff, exponent), abs=5e-6)


def test_kernel_is_the_laplace_transform_of_the_weights():
    cutoff, exponent, passed = 300, 0.22, 0.7
    with mpmath.workdps(30):
        integral = mpmath.quad(
            lambda u: mpmath.exp(exponent * u - mpmath.exp(u) * (1 + cutoff * passed)),
            mpmath.linspace(-200, 5, 40),
        ) / mpmath.gamma(exponent)
    assert spectrum.kernel(passed, cutoff, exponent) == pytest.approx(float(integral), rel=1e-12)


def test_slopes_of_the_weights_are_differences():
    small = 1e-6
    by_cutoff, by_exponent = spectrum.weights_by_parameter(300.0, 0.22)
    for found, cutoff, exponent in [
        (by_cutoff, np.exp(small), 1.0),
        (by_exponent, 1.0, np.exp(small)),
    ]:
        moved = spectrum.weights(300 * cutoff, 0.22 * exponent)
        back = spectrum.weights(300 / cutoff, 0.22 / exponent)
        np.testing.assert_allclose(
            found[1:], ((moved - back) / (2 * small))[1:], rtol=1e-7, atol=1e-11
        )
