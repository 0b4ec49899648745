"""The grid of the accuracy tests, by class of case."""

import math

import numpy as np

INF = math.inf


def _spectra():
    rng = np.random.default_rng(20)
    for i in range(24):
        r = int(rng.integers(1, 7))
        gamma, lam = 10.0 ** rng.uniform(-3, 1, (2, r))
        delta = rng.standard_normal(r) * 10.0 ** rng.uniform(-2, 2)
        if i % 5 == 0:
            gamma[rng.integers(r)] = 0.0
        if i % 4 == 0 and r > 1:
            gamma[1] = gamma[0]
        level = float((gamma * delta**2).sum()) * 10.0 ** rng.uniform(-8, 0.1)
        yield gamma, lam, delta, 1e-300 if i % 7 == 0 else level


def spectra_cases():
    """Yield (class, train, test, start, phases, level)."""
    rng = np.random.default_rng(21)
    for gamma, lam, delta, level in _spectra():
        edge = 1.0 / (gamma.max() or 1.0)
        problem = gamma, lam, delta
        share = rng.choice([0.3, 0.5, 0.9, 1.0, 1 - 1e-10, 1 + 1e-10, 1.3, 2.5])
        few = int(rng.choice([0, 1, 2, 10, 100, 1000]))
        count = int(rng.integers(1, 200))
        yield "flow", *problem, [("flow", INF)], level
        yield "flow for a time", *problem, [("flow", float(3.0 * edge))], level
        yield "annealed", *problem, [("gd", float(share * edge), few), ("flow", INF)], level
        stable = float(min(share, 1 - 1e-10) * edge)
        yield "10^9 steps", *problem, [("gd", stable, 10**9), ("flow", INF)], level
        yield "10^9 steps to the end", *problem, [("gd", stable, 10**9)], None
        for k in (2000, 10**6, 10**9):
            if gamma[gamma > 0].size == 1 or k == 2000:
                phases = [("gd", float(1.7 * edge), k), ("flow", INF)]
                yield "divergence and return", *problem, phases, level
        rates = list(rng.uniform(0, edge, count))
        yield "array of rates", *problem, [("rates", rates), ("flow", float(edge))], level
        rates = list(rng.uniform(0, 1.5 * edge, count))
        yield "array beyond 1/γ", *problem, [("rates", rates), ("gd", 0.5 * edge, 7)], level
        exact = [0.5 / g for g in gamma if g]
        yield "factor zero", *problem, [("rates", exact)], level
        near = [0.5 / g * (1 + 1e-9) for g in gamma if g]
        yield "factor near zero", *problem, [("rates", near)], level
    quarter = [1.0, 0.0], [0.5, 0.5], [-10.0, -10.0]
    for k in (1, 2, 2000, 10**6, 10**9):
        for level in (0.1, 1e-300):
            yield "the 1/4 draw", *quarter, [("gd", 1.5, k), ("flow", INF)], level
    both = [1.0, 0.999, 0.5], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]
    for k in (100, 4000):
        yield "two come back", *both, [("gd", 1.7, k), ("flow", INF)], 1e-3
    yield "two come back", *both, [("gd", 1.7, 300), ("gd", 0.3, 3000)], 1e-3
    for lr in (1 / 3, (1 / 3) * (1 - 1e-10), (1 / 3) * (1 + 1e-10)):
        for k in (10**6, 10**9):
            yield "at the edge", [3.0, 1.0], [1.0, 2.0], [1.0, 1.0], [("gd", lr, k)], None
    yield "huge", [1.0, 0.5], [1.0, 2.0], [1e150, 1e150], [("flow", INF)], 1e-5
    yield "huge", [1.0, 0.5], [1.0, 2.0], [1.0, 1.0], [("gd", 1e200, 5), ("flow", INF)], 1e-5
    yield "huge", [1.0, 0.5], [1.0, 2.0], [1.0, 1.0], [("gd", 1e200, 5)], None
    yield "tiny", [1e-300, 0.5], [1.0, 2.0], [1.0, 1.0], [("flow", INF)], 1e-5
    tiny = [1e-300, 1e-301], [1.0, 2.0], [1.0, 1.0]
    yield "tiny", *tiny, [("gd", 1e300, 50), ("flow", INF)], 1e-305
    yield "no curvature", [0.0, 0.0], [1.0, 2.0], [1.0, 1.0], [("gd", 0.3, 9)], 0.5
    yield "zero residual", [1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [("flow", INF)], 0.5
    yield "one direction left", [1.0, 0.5], [1.0, 2.0], [1.0, 0.0], [("gd", 1.0, 5)], 1.0


def data_cases():
    """Yield (class, X, y, X_test, y_test)."""
    rng = np.random.default_rng(22)
    shapes = {
        "n > d": (12, 4, 1),
        "n < d": (4, 8, 1),
        "n = d": (6, 6, 1),
        "outputs": (12, 4, 3),
    }
    for name, (n, d, m) in shapes.items():
        for scale in (0.0, 1.0):
            columns = np.arange(1.0, d + 1) ** -scale
            X, X_test = rng.standard_normal((n, d)) * columns, rng.standard_normal((9, d)) * columns
            y, y_test = rng.standard_normal((n, m)), rng.standard_normal((9, m))
            yield name, X, y, X_test, y_test
    X, X_test = rng.standard_normal((10, 4)), rng.standard_normal((9, 4))
    y, y_test = rng.standard_normal((10, 1)), rng.standard_normal((9, 1))
    yield "duplicate column", X[:, [0, 1, 2, 0]], y, X_test[:, [0, 1, 2, 0]], y_test
    X0, T0 = X.copy(), X_test.copy()
    X0[:, 2], T0[:, 2] = 0.0, 0.0
    yield "zero column", X0, y, T0, y_test
    yield "duplicate rows", X[[0, 1, 2, 0, 1, 2]], y[[0, 1, 2, 0, 1, 2]], X_test, y_test
    Q = np.linalg.qr(X)[0]
    yield "equal eigenvalues", Q, y, X_test, y_test
    yield "realizable", X, X @ np.ones((4, 1)), X_test, X_test @ np.ones((4, 1))
    yield "one column", X[:, :1], y, X_test[:, :1], y_test
    yield "one row", X[:1], y[:1], X_test, y_test
