"""Modes of a diagonal less a rank-one matrix against 60-digit eigenvalues and eigenvectors."""

import mpmath as mp
import numpy as np
import pytest

from isoloss.dynamics.moments.rank_one import modes

RNG = np.random.default_rng(0)
ONE_ULP = np.nextafter([0.5, 1.0], 2)
CASES = {
    "one": ([0.5], [0.1]),
    "one below 0": ([-0.5], [0.1]),
    "indefinite": ([0.5, 1.0], [0.5, 0.9]),
    "some below 0": (np.arange(-3.0, 5), 0.5 * np.ones(8)),
    "random": (np.sort(RNG.random(9)), 0.2 * RNG.random(9)),
    "neighbours": ([0.5, ONE_ULP[0], 1.0, ONE_ULP[1]], [0.3, 0.2, 0.1, 0.4]),
    "tiny couplings": (np.arange(1.0, 6), [1e-3, 1e-9, 1e-20, 0.1, 1e-12]),
    "graded": (np.geomspace(1e-12, 1, 9), 0.5 * np.geomspace(1e-12, 1, 9)),
    "strong": (np.geomspace(1e-3, 1, 7), np.geomspace(30, 1, 7)),
}


def margin(s: np.ndarray, z: np.ndarray) -> float:
    if s[0] <= 0:
        return 0.0  # it is not used
    with mp.workdps(40):
        return float(1 - mp.fsum(mp.mpf(b) ** 2 / mp.mpf(a) for a, b in zip(s, z, strict=True)))


@pytest.mark.parametrize("name", CASES)
def test_every_entry_has_all_its_digits(name: str) -> None:
    s, z = (np.array(x, dtype=float) for x in CASES[name])
    found = modes(s, z, margin(s, z))
    with mp.workdps(60):
        exact = [[mp.mpf(float(x)) for x in part] for part in (s, z)]
        matrix = mp.diag(exact[0]) - mp.matrix(exact[1]) * mp.matrix(exact[1]).T
        values, vectors = mp.eigsy(matrix)
        for j, at in enumerate(sorted(range(s.size), key=lambda i: values[i])):
            assert found.values[j] == pytest.approx(float(values[at]), rel=1e-15, abs=0)
            overlap = mp.fsum(a * vectors[i, at] for i, a in enumerate(exact[1]))
            wanted = [float(mp.sign(overlap) * vectors[i, at]) for i in range(s.size)]
            np.testing.assert_allclose(found.vectors[:, j], wanted, rtol=3e-15)
            np.testing.assert_allclose(found.overlaps[j], float(abs(overlap)), rtol=3e-15)
            gaps = [float(x - values[at]) for x in exact[0]]
            np.testing.assert_allclose(found.gaps[:, j], gaps, rtol=1e-15)


@pytest.mark.parametrize("off", [0.0, 1e-15, 1e-12, 1e-6, -1e-9])
def test_an_almost_vanishing_eigenvalue_is_as_precise_as_the_margin(off: float) -> None:
    s, z = np.array([0.3, 0.5, 0.7]), np.array([0.2, 0.3, 0.4])
    z *= (1 - off) / np.sqrt(np.sum(z * z / s))
    found = modes(s, z, margin(s, z)).values[0]
    with mp.workdps(50):
        exact = [[mp.mpf(float(x)) for x in part] for part in (s, z)]
        matrix = mp.diag(exact[0]) - mp.matrix(exact[1]) * mp.matrix(exact[1]).T
        wanted = min(mp.eigsy(matrix, eigvals_only=True), key=abs)
        assert found == pytest.approx(float(wanted), rel=1e-15, abs=0)


@pytest.mark.parametrize("off", [0.0, 1e-6])
def test_modes_that_share_an_almost_vanishing_eigenvalue_are_orthogonal(off: float) -> None:
    # the couplings of the small s alone decide where their eigenvalues are
    z = np.array([2e-6, 2e-5, 9e-5, 7e-4, 0.3, 0.8])
    s = 2 * z - z * z
    s[-1] = z[-1] ** 2 / (1 - off - np.sum(z[:-1] ** 2 / s[:-1]))
    found = modes(s, z, margin(s, z))
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(6), atol=1e-14)
    np.testing.assert_allclose(found.vectors @ found.overlaps, z, atol=1e-14)


def test_many_modes_are_orthogonal() -> None:
    s, z = np.geomspace(1e-9, 1, 500), 0.02 * np.geomspace(1e-9, 1, 500) ** 0.75
    found = modes(s, z, margin(s, z))
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(500), atol=1e-12)
    back = (found.vectors * found.values) @ found.vectors.T
    np.testing.assert_allclose(back, np.diag(s) - np.outer(z, z), atol=1e-13)
