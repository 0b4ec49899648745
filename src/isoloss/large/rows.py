"""Train and test rows that are only asked for products: arrays, sparse matrices, operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

__all__ = ["ArrayRows", "Rows", "read_targets"]

Floats = npt.NDArray[np.float64]


class Rows(Protocol):
    """Rows X (n, d) with targets y (n, m); each method reads the data once."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, d and m."""

    def residual(self, parameters: Floats) -> tuple[Floats, float]:
        """Return Xᵀ(Xβ - y)/n, shape (d, m), and the mean squared error, summed over outputs."""

    def covariance(self, directions: Floats) -> Floats:
        """Return XᵀXV/n for V (d, k)."""

    def judged(self, start: Floats, directions: Floats) -> tuple[Floats, Floats]:
        """Return rows F and G with the mean squared error ‖F z + G‖² at β = start + V z.

        F (q, k) and G (q, m); q may be less than the number of rows.
        """


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """An array, a sparse matrix or a `LinearOperator`, in memory."""

    X: Any
    y: Floats

    @classmethod
    def read(cls, name: str, X: Any, y: Any) -> ArrayRows:
        """Check rows and targets; ``name`` is what a message calls the rows."""
        if issparse(X):
            X = X.tocsr().astype(np.float64)
            finite = np.isfinite(X.data).all()
        elif isinstance(X, LinearOperator):
            finite = True
        else:
            X = np.asarray(X, dtype=np.float64)
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

    def residual(self, parameters: Floats) -> tuple[Floats, float]:
        """Return the gradient's half and the mean squared error."""
        left = self._forward(parameters) - self.y
        return self._backward(left) / len(left), float(np.sum(left**2) / len(left))

    def covariance(self, directions: Floats) -> Floats:
        """Return XᵀXV/n."""
        return self._backward(self._forward(directions)) / self.X.shape[0]

    def judged(self, start: Floats, directions: Floats) -> tuple[Floats, Floats]:
        """Return all rows, over √n."""
        shrink = len(self.y) ** -0.5
        return shrink * self._forward(directions), shrink * (self._forward(start) - self.y)

    def _forward(self, vectors: Floats) -> Floats:
        return _finite("X @ V", self.X @ vectors)

    def _backward(self, vectors: Floats) -> Floats:
        transposed = self.X.H if isinstance(self.X, LinearOperator) else self.X.T
        return _finite("X.T @ U", transposed @ vectors)


def read_targets(y: Any, n: int, name: str) -> Floats:
    """Return targets (n, m), checked."""
    targets = np.asarray(y, dtype=np.float64)
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
