"""Double-double arithmetic against 60-digit arithmetic."""

import array_api_compat.numpy as xp
import mpmath as mp
import numpy as np

from isoloss.dynamics import double_double as dd

mp.mp.dps = 60


def exact(pair: dd.Pair, i: int) -> mp.mpf:
    return mp.mpf(float(pair[0][i])) + mp.mpf(float(pair[1][i]))


def test_sums_and_products_are_exact() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 200)) * 10.0 ** rng.uniform(-8, 8, (2, 200))
    for operation, pair in ((mp.fadd, dd.two_sum(a, b)), (mp.fmul, dd.two_prod(a, b))):
        for i in range(200):
            assert exact(pair, i) == operation(mp.mpf(float(a[i])), mp.mpf(float(b[i])), exact=True)


def test_logarithms_have_30_digits() -> None:
    high = np.concatenate([[1.5, -0.9, 1e-9, -1e-14, 0.9, 3.0, 1e10, -0.5, 0.4142135623730951]])
    low = 1e-17 * high * np.linspace(-1, 1, high.size)
    got = dd.log1p(xp, (high, low))
    for i in range(high.size):
        wanted = mp.log1p(mp.mpf(float(high[i])) + mp.mpf(float(low[i])))
        assert abs(exact(got, i) / wanted - 1) < mp.mpf(10) ** -30
