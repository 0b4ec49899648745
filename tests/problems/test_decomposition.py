"""The decomposition of data against 50-digit eigenvalues and a plain SVD."""

from __future__ import annotations

from typing import Any

import array_api_compat
import mpmath as mp
import numpy as np
import pytest
import torch

from isoloss.problems.decomposition import RTOL, decompose

NUMPY = array_api_compat.array_namespace(np.empty(0))
SHAPES = [(12, 30), (30, 12)]  # by the Gram matrix, by the covariance


def data(shape: tuple[int, int], singular: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    left, _, right = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    return (left * singular) @ right, rng.normal(size=(shape[0], 2))


def exact_curvature(X: np.ndarray) -> np.ndarray:
    rows = mp.matrix((X if X.shape[0] < X.shape[1] else X.T).tolist())
    with mp.workdps(50):
        squares = mp.eigsy(rows * rows.T / X.shape[0], eigvals_only=True)
    return np.array(sorted((float(square) for square in squares), reverse=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("decades", [1, 2, 4, 6, 8])
def test_small_curvatures_are_as_right_as_by_an_svd(shape: tuple[int, int], decades: int) -> None:
    X, residual = data(shape, np.geomspace(1.0, 10.0**-decades, 12))
    with np.errstate(all="ignore"):
        spectrum = decompose(NUMPY, X, residual)
    # backward stability: singular values to 4 units of rounding of the largest
    size = np.sqrt(exact_curvature(X))
    np.testing.assert_allclose(np.sqrt(spectrum.curvature), size, rtol=0, atol=1e-15 * size[0])
    directions = spectrum.basis.full
    np.testing.assert_allclose(directions.T @ directions, np.eye(12), atol=1e-13)
    # X δ is the part of the residual within the range of X
    fitted = X @ directions @ spectrum.residual
    left = np.linalg.svd(X, full_matrices=False)[0]
    np.testing.assert_allclose(fitted, left @ (left.T @ residual), atol=1e-15 * 10.0**decades)
    floor = np.mean(np.sum((residual - fitted) ** 2, axis=1)) if shape[0] > 12 else 0.0
    assert float(spectrum.floor) == pytest.approx(floor, rel=1e-9, abs=1e-25)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "singular", [[1.0] + [1e-3] * 11, [1.0] * 6 + [1e-3] * 6, [1.0] * 12], ids=str
)
def test_equal_curvatures(shape: tuple[int, int], singular: list[float]) -> None:
    X, residual = data(shape, np.array(singular))
    with np.errstate(all="ignore"):
        spectrum = decompose(NUMPY, X, residual)
    size = np.sqrt(exact_curvature(X))
    np.testing.assert_allclose(np.sqrt(spectrum.curvature), size, rtol=0, atol=1e-15 * size[0])
    directions = spectrum.basis.full
    np.testing.assert_allclose(directions.T @ directions, np.eye(12), atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_dependent_rows_and_columns_lower_the_rank(shape: tuple[int, int]) -> None:
    X, residual = data(shape, np.r_[np.geomspace(1.0, 1e-2, 9), 0.0, 0.0, 0.0])
    with np.errstate(all="ignore"):
        spectrum = decompose(NUMPY, X, residual)
    np.testing.assert_allclose(spectrum.curvature, exact_curvature(X)[:9], rtol=1e-12)
    assert spectrum.basis.full.shape == (shape[1], 9)


@pytest.mark.parametrize("shape", SHAPES)
def test_columns_of_zeros_have_no_part_in_the_basis(shape: tuple[int, int]) -> None:
    X, residual = data(shape, np.geomspace(1.0, 1e-3, 12))
    wider = np.zeros((shape[0], shape[1] + 3))
    wider[:, [*range(1, 6), *range(8, shape[1] + 3)]] = X
    with np.errstate(all="ignore"):
        spectrum, same = decompose(NUMPY, wider, residual), decompose(NUMPY, X, residual)
    np.testing.assert_array_equal(spectrum.curvature, same.curvature)
    np.testing.assert_array_equal(spectrum.residual, same.residual)
    assert not spectrum.basis.full[[0, 6, 7], :].any()
    np.testing.assert_array_equal(np.delete(spectrum.basis.full, [0, 6, 7], 0), same.basis.full)


@pytest.mark.parametrize("shape", SHAPES)
def test_torch_refines_as_numpy_does(shape: tuple[int, int]) -> None:
    X, residual = data(shape, np.geomspace(1.0, 1e-3, 12))
    with np.errstate(all="ignore"):
        ours = decompose(NUMPY, X, residual)
    tensors = torch.from_numpy(X), torch.from_numpy(residual)
    theirs = decompose(array_api_compat.array_namespace(*tensors), *tensors, RTOL)
    np.testing.assert_allclose(theirs.curvature.numpy(), ours.curvature, rtol=1e-11)
    np.testing.assert_allclose(theirs.floor.numpy(), ours.floor, rtol=1e-12, atol=1e-30)
