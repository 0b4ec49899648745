"""Train and test rows used only through products: arrays, sparse matrices, operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss._arrays.context import is_operator, is_sparse

__all__ = ["ArrayRows", "Rows", "check_columns", "check_real", "read_targets"]

Floats = npt.NDArray[np.float64]


class Rows(Protocol):
    """Rows X (n, d) with targets y (n, m); each method reads X once."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, d and m."""

    def residual(self, parameters: Floats) -> Floats:
        """Return Xβ - y, shape (n, m)."""

    def forward(self, directions: Floats) -> Floats:
        """Return XV for V (d, k)."""

    def backward(self, images: Floats) -> Floats:
        """Return XᵀU for U (n, k)."""


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """An array, a sparse matrix or a `LinearOperator`, in memory."""

    X: Any
    y: Floats

    @classmethod
    def read(cls, name: str, X: Any, y: Any) -> ArrayRows:
        """Check rows and targets; error messages call the rows ``name``."""
        if is_sparse(X):
            check_real(name, X)
            sparse: Any = X
            X = sparse.tocsr().astype(np.float64)
            finite = np.isfinite(X.data).all()
        elif is_operator(X):
            check_real(name, X)
            finite = True
        else:
            X = conversion.floats(name, X)
            finite = np.isfinite(X).all()
        if len(X.shape) != 2 or 0 in X.shape:
            raise ValueError(f"{name} must be rows × columns, not empty; got shape {X.shape}")
        if not finite:
            raise ValueError(f"{name} must be finite; got NaN or infinity")
        return cls(X, read_targets(y, X.shape[0], name))

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, d and m."""
        return (*self.X.shape, self.y.shape[1])

    def residual(self, parameters: Floats) -> Floats:
        """Return Xβ - y."""
        return self.forward(parameters) - self.y

    def forward(self, directions: Floats) -> Floats:
        """Return XV."""
        return _finite("X @ V", self.X @ directions)

    def backward(self, images: Floats) -> Floats:
        """Return XᵀU."""
        transposed = self.X.H if is_operator(self.X) else self.X.T
        try:
            return _finite("X.T @ U", transposed @ images)
        except (NotImplementedError, TypeError) as error:
            raise ValueError(f"X needs products with its transpose, rmatvec: {error}") from error


def check_real(name: str, array: Any) -> None:
    """Raise ``TypeError`` if the dtype is complex, text or object."""
    if np.dtype(array.dtype).kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")


def check_columns(train: tuple[int, int, int], test: tuple[int, int, int]) -> None:
    """Raise ``ValueError`` unless test rows have as many columns and outputs as train rows."""
    (_, d, m), (_, d_test, m_test) = train, test
    if (d, m) != (d_test, m_test):
        raise ValueError(
            f"X_test and y_test need {d} columns and {m} output(s), as X and y have; got {d_test} "
            f"and {m_test}"
        )


def read_targets(y: Any, n: int, name: str) -> Floats:
    """Check targets and return them as an array (n, m)."""
    targets = conversion.floats(f"the targets of {name}", y)
    if targets.ndim not in (1, 2) or len(targets) != n:
        raise ValueError(
            f"{name} has {n} rows, so its targets need shape ({n},) or ({n}, m); "
            f"got {targets.shape}"
        )
    if not np.isfinite(targets).all():
        raise ValueError(f"the targets of {name} must be finite; got NaN or infinity")
    return targets[:, None] if targets.ndim == 1 else targets


def _finite(product: str, array: Any) -> Floats:
    found = np.asarray(array, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"the operator's {product} has NaN or infinity")
    return found
