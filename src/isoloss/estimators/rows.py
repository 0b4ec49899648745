"""Prepare an estimator's train rows: weight them, centre for the intercept, and decompose once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss.problems.decomposition import RTOL
from isoloss.problems.problem import Problem
from isoloss.problems.reduced import TrainRows as OwnRows
from isoloss.problems.semidefinite import ROUNDED, Entries, cutoff, own_rounding

__all__ = [
    "KernelRows",
    "LinearRows",
    "TrainRows",
    "check_kernel",
    "check_square",
    "least_rounding",
]

Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(float).eps)
_NOTHING = 16 * _EPS  # variation up to this share of a column's size is rounding
_LEAST = 1e-145  # squares of smaller numbers lose digits
_XP = compat.array_namespace(np.empty(0))


@dataclass(frozen=True, eq=False)
class LinearRows:
    """Rows of features; centring solves for the intercept exactly.

    The problem has no test data; ``offset`` (m,) is subtracted from its targets.
    """

    problem: Problem
    center: Floats
    offset: Floats

    @classmethod
    def reduce(
        cls, X: Floats, y: Floats, weight: Floats | None, *, intercept: bool, rtol: float = RTOL
    ) -> LinearRows:
        """Decompose X (n, d) for targets y (n, m); losses are means weighted by ``weight``."""
        X, y, root, share = _weighted(X, y, weight, _LEAST)
        center, offset = np.zeros(X.shape[1]), np.zeros(y.shape[1])
        if intercept:
            center, offset = share @ X, share @ y
            X, y = X - center, y - offset
            _flatten(X, center)
            _flatten(y, offset)
        X, y = X * root[:, None], y * root[:, None]
        if not (intercept and 1 < len(X) <= X.shape[1]):
            return cls(Problem.from_data(X, y, rtol=rtol), center, offset)
        turned = Problem.from_data(*(_without_mean(rows, root) for rows in (X, y)), rtol=rtol)
        # minibatches draw the rows themselves
        kept = dataclasses.replace(turned._reduced, rows=OwnRows(X, y, intercept=False))
        return cls(Problem(kept), center, offset)

    def test_rows(self, X: Floats) -> Floats:
        """Return further rows as the problem's test rows."""
        return X - self.center

    def parameters(self, coef: Floats) -> tuple[Floats, Floats]:
        """Return coefficients and intercepts for the problem's parameters (..., p, m)."""
        return coef, self.offset - np.einsum("p,...pm->...m", self.center, coef)


@dataclass(frozen=True, eq=False)
class KernelRows:
    """A kernel between rows, centred in its feature space if there is an intercept."""

    problem: Problem
    used: npt.NDArray[np.bool_]
    share: Floats
    root: Floats
    means: Floats
    offset: Floats

    @classmethod
    def reduce(
        cls, K: Floats, y: Floats, weight: Floats | None, *, intercept: bool, rounding: float
    ) -> KernelRows:
        """Decompose K (n, n) for targets y (n, m); losses are means weighted by ``weight``.

        ``rounding`` is from `check_kernel`, for K or for a larger kernel that contains K.
        """
        used = np.ones(len(K), bool) if weight is None else weight > 0
        _, y, root, share = _weighted(K, y, weight, _LEAST**2)
        K = (K + K.T)[np.ix_(used, used)] / 2
        own = least_rounding(K) * root.max() ** 2
        means, offset = np.zeros(len(K)), np.zeros(y.shape[1])
        if intercept:
            means, offset = share @ K, share @ y
            K, y = _centred(_centred(K, share), share), y - offset  # removes means left by rounding
            _flatten(y, offset)
        else:
            share = np.zeros_like(share)
        K, y = K * root * root[:, None], y * root[:, None]
        problem = Problem.from_kernel(K, y, rounding=rounding * root.max() ** 2)
        if problem.left_out is not None:
            below = problem.left_out.curvature
            if below * len(K) <= own and below < ROUNDED * problem._reduced.gamma[0]:
                # float64's own rounding, which centring always leaves
                problem = Problem(dataclasses.replace(problem._reduced, left_out=None))
        return cls(problem, used, share, root, means, offset)

    def test_rows(self, X: Floats) -> Floats:
        """Return further rows, a kernel with the train rows, as the problem's test rows."""
        K = X[:, self.used]
        K = K - (K @ self.share)[:, None] - self.means + self.means @ self.share
        return K * self.root

    def parameters(self, coef: Floats) -> tuple[Floats, Floats]:
        """Return dual coefficients of the uncentred kernel, and intercepts."""
        alpha = self.root[:, None] * coef
        total = alpha.sum(axis=-2)
        centred = alpha - self.share[:, None] * total[..., None, :]
        dual = np.zeros((*alpha.shape[:-2], len(self.used), alpha.shape[-1]))
        dual[..., self.used, :] = centred
        return dual, self.offset - np.einsum("p,...pm->...m", self.means, centred)


TrainRows = LinearRows | KernelRows


def _weighted(
    X: Floats, y: Floats, weight: Floats | None, least_input: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the rows of positive weight, the roots of weights of mean 1, and their shares."""
    for name, array, least in (("X", X, least_input), ("y", y, _LEAST)):
        if 0 < np.abs(array).max() < least:
            raise ValueError(
                f"the entries of {name} are below {least:g}: their squares leave float64; rescale"
            )
    if weight is None:
        return X, y, np.ones(len(X)), np.full(len(X), 1 / len(X))
    used = weight > 0
    if not used.any():
        raise ValueError("sample_weight must be positive for at least one row")
    weight = weight[used] / weight.max()
    share = weight / weight.sum()
    return X[used], y[used], np.sqrt(len(share) * share), share


def _centred(K: Floats, share: Floats) -> Floats:
    means = share @ K
    return K - means - means[:, None] + means @ share


def _flatten(centred: Floats, mean: Floats) -> None:
    """Set constant columns, which hold only rounding after centring, exactly to zero."""
    centred[:, np.ptp(centred, axis=0) <= _NOTHING * np.abs(mean)] = 0.0


def _without_mean(rows: Floats, root: Floats) -> Floats:
    """Return n - 1 rows with the same products as n rows that are orthogonal to ``root`` (n,).

    A reflection maps ``root`` to the first axis. With fewer rows than columns, the Gram matrix thus
    stays regular and needs no costly SVD.
    """
    v = root / np.linalg.norm(root)
    v[0] += 1.0
    turned = rows - np.outer(v, (2.0 / (v @ v)) * (v @ rows))
    return np.asarray(turned[1:] * ((len(rows) - 1) / len(rows)) ** 0.5)


def check_kernel(K: Floats, unit: float = _EPS) -> float:
    """Return the size up to which an eigenvalue of a kernel (n, n) is rounding.

    ``unit`` is the rounding unit of its entries. Raises ``ValueError`` unless K is symmetric and
    positive semidefinite, up to an earlier rounding to float32.
    """
    check_square(K)
    # centring and weights round entries several times
    entries = Entries.read(_XP, "the kernel", K, max(unit, 8 * _EPS))
    rounding = float(entries.rounding[0])
    least = max(rounding, least_rounding(K))
    try:
        np.linalg.cholesky(entries.matrices + least * np.eye(len(K)))  # cheaper than eigenvalues
    except np.linalg.LinAlgError:
        eigenvalues = np.linalg.eigvalsh(entries.matrices)
        lowest, largest = eigenvalues[:1], np.maximum(eigenvalues[-1:], 0.0)
        found = float(cutoff(_XP, "the kernel", lowest, largest, np.array([least]))[0])
        return found if found > least else rounding
    return rounding


def least_rounding(K: Floats) -> float:
    """Return the size up to which a kernel's eigenvalues are rounding of float64."""
    return float(own_rounding(len(K), np.linalg.norm(K)))


def check_square(K: Any) -> None:
    """Raise ``ValueError`` unless a kernel, dense or sparse, is square."""
    if K.shape[0] != K.shape[1]:
        raise ValueError(
            "Precomputed matrix must be a square matrix, the kernel between all train rows; got "
            f"shape {K.shape}"
        )
