"""Decompositions by products against 50-digit singular values and a plain SVD."""

from __future__ import annotations

from typing import Any

import array_api_compat
import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isoloss.problems import deflation
from isoloss.problems.deflation import SingularVectors, decompose_by_products

NUMPY = array_api_compat.array_namespace(np.empty(0))
EPS = 2.0**-52
RTOL = 2.5e-13

SPECTRA = {
    "one decade": np.geomspace(1.0, 0.1, 12),
    "four decades": np.geomspace(1.0, 1e-4, 12),
    "eight decades": np.geomspace(1.0, 1e-8, 12),
    "sixteen decades": np.geomspace(1.0, 1e-16, 12),
    "forty decades": np.geomspace(1.0, 1e-40, 12),
    "one cluster": np.r_[1.0, np.full(11, 1e-5)],
    "clusters": np.repeat([1.0, 1e-3, 1e-6, 1e-9], 3),
    "two clusters far apart": np.repeat([1.0, 1e-12], 6),
    "dense where digits end": np.r_[1.0, np.geomspace(3e-4, 3e-5, 11)],
    "half the rank": np.r_[np.geomspace(1.0, 1e-3, 6), np.zeros(6)],
    "rank one": np.r_[1.0, np.zeros(11)],
}


def matrix(singular: Any, p: int = 17, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    q = len(singular)
    left, right = (np.linalg.qr(rng.normal(size=(size, q)))[0] for size in (p, q))
    return (left * singular) @ right.T


def exact_singular(A: np.ndarray) -> np.ndarray:
    with mp.workdps(50):
        rows = mp.matrix(A.T.tolist())
        squares = mp.eigsy(rows * rows.T, eigvals_only=True)
        return np.array(sorted((float(mp.sqrt(max(s, 0))) for s in squares), reverse=True))


def decomposed(A: np.ndarray, rtol: float = RTOL) -> SingularVectors:
    with np.errstate(all="ignore"):
        return decompose_by_products(NUMPY, A, rtol)


@pytest.mark.parametrize("singular", SPECTRA.values(), ids=SPECTRA)
def test_singular_values_to_units_of_rounding_of_the_largest(singular: np.ndarray) -> None:
    A = matrix(singular)
    found, exact = decomposed(A), exact_singular(A)
    size = np.sqrt(found.squares)
    assert (np.diff(size) <= 0).all()
    np.testing.assert_allclose(size, exact[: size.size], rtol=0, atol=4 * EPS * exact[0])
    assert size.size == np.count_nonzero(exact > 17 * EPS * exact[0])


@pytest.mark.parametrize("singular", SPECTRA.values(), ids=SPECTRA)
def test_vectors_are_orthonormal_and_give_the_matrix_back(singular: np.ndarray) -> None:
    A = matrix(singular)
    found = decomposed(A)
    left, rank = found.left(), found.squares.size
    np.testing.assert_allclose(found.right.T @ found.right, np.eye(rank), atol=1e-13)
    np.testing.assert_allclose(left.T @ left, np.eye(rank), atol=1e-13)
    size = np.sqrt(found.squares)
    np.testing.assert_allclose((left * size) @ found.right.T, A, rtol=0, atol=17 * EPS)


def test_projections_and_combinations_are_products_with_the_left_vectors() -> None:
    A = matrix(np.geomspace(1.0, 1e-8, 12))
    found, vectors = decomposed(A), np.random.default_rng(1).normal(size=(17, 3))
    left, size = found.left(), np.sqrt(found.squares)
    assert len(found.parts) > 1
    amounts = found.project(vectors)
    np.testing.assert_allclose(amounts, (left.T @ vectors) / size[:, None], rtol=1e-11)
    np.testing.assert_allclose(found.combine(amounts), left @ (size[:, None] * amounts), atol=1e-14)


@given(
    exponents=hnp.arrays(np.float64, st.integers(1, 9), elements=st.floats(-25, 0)),
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 9),
)
def test_the_same_as_an_svd(exponents: np.ndarray, seed: int, rows: int) -> None:
    A = matrix(10.0**exponents, exponents.size + rows, seed)
    found, plain = decomposed(A), np.linalg.svd(A, compute_uv=False)
    size = np.sqrt(found.squares)
    np.testing.assert_allclose(size, plain[: size.size], rtol=0, atol=8 * EPS * plain[0])
    clear = 2 * max(A.shape) * EPS * plain[0]  # at the cutoff itself, rounding decides
    assert np.count_nonzero(plain > clear) <= size.size


def test_duplicated_rows_and_columns() -> None:
    A = np.random.default_rng(3).normal(size=(40, 12))
    A[20:] = A[:20]
    A[:, 6:] = A[:, :6]
    found = decomposed(A)
    assert found.squares.size == 6
    np.testing.assert_allclose(np.sqrt(found.squares), exact_singular(A)[:6], rtol=1e-14)


def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which steps are taken, with a ! for those that are given up."""
    taken: list[str] = []
    for name in ("_turned", "_by_svd"):
        way = getattr(deflation, name)

        def noting(*args: Any, way: Any = way, name: str = name) -> Any:
            result = way(*args)
            taken.append(name if result is not None else f"{name}!")
            return result

        monkeypatch.setattr(deflation, name, noting)
    return taken


@pytest.mark.parametrize(
    ("singular", "rtol", "taken"),
    [
        (np.geomspace(1.0, 0.1, 12), RTOL, []),
        (np.geomspace(1.0, 1e-3, 12), RTOL, ["_turned"]),
        (np.geomspace(1.0, 1e-3, 12), 1e-8, []),
        (np.geomspace(1.0, 1e-8, 12), RTOL, ["_turned"] * 2),
        (np.repeat([1.0, 1e-3], 6), RTOL, ["_turned"] * 2),
        (np.r_[1.0, np.geomspace(1e-5, 1e-7, 11)], RTOL, ["_by_svd"]),
        (np.r_[1.0, np.zeros(11)], RTOL, ["_turned"]),
    ],
)
def test_the_way_that_is_taken(
    singular: np.ndarray, rtol: float, taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ways(monkeypatch)
    decomposed(matrix(singular), rtol)
    assert found == taken


def test_clusters_in_every_decade_end_in_an_svd(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = ways(monkeypatch)
    A = matrix(np.repeat(10.0 ** -np.arange(6.0), 10), 100)
    found = decomposed(A)
    assert taken == ["_turned", "_turned!", "_by_svd"]
    plain = np.linalg.svd(A, compute_uv=False)
    np.testing.assert_allclose(np.sqrt(found.squares), plain, rtol=0, atol=4 * EPS)


def test_torch_does_as_numpy_does() -> None:
    A = matrix(np.geomspace(1.0, 1e-8, 12))
    tensor = torch.from_numpy(A)
    ours = decomposed(A)
    theirs = decompose_by_products(array_api_compat.array_namespace(tensor), tensor, RTOL)
    size = np.sqrt(ours.squares)
    np.testing.assert_allclose(np.sqrt(theirs.squares.numpy()), size, rtol=0, atol=4 * EPS)
