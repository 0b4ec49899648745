"""Block Lanczos on the train covariance, from the start's gradient, fully re-orthogonalized."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.large.rows import Rows

__all__ = ["Lanczos"]

Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(float).eps)


class Lanczos:
    """An orthonormal basis V of the Krylov space of C = XᵀX/n from G = Xᵀ(Xβ₀ - y)/n.

    Gradient descent and flow never leave it: the parameters are β₀ plus a polynomial, or an
    exponential, of C, times G. (G. Golub and C. Van Loan, Matrix Computations, section 10.3.)

    Attributes
    ----------
    basis : array, shape (d, k)
        V.
    form : array, shape (k, k)
        VᵀCV.
    gradient : array, shape (k, m)
        VᵀG.
    exhausted : bool
        Whether the space is whole: nothing is left out.
    """

    def __init__(self, rows: Rows, gradient: Floats, most: int) -> None:
        self._rows = rows
        self._most = min(most, rows.shape[1])
        self._space = np.empty((rows.shape[1], 0))
        self._products = np.empty((rows.shape[1], 0))
        self._start = gradient
        self._scale = 0.0
        self._next = _orthonormal(gradient, np.linalg.norm(gradient) * _EPS)

    @property
    def basis(self) -> Floats:
        return self._space

    @property
    def form(self) -> Floats:
        form = self._space.T @ self._products
        return (form + form.T) / 2

    @property
    def gradient(self) -> Floats:
        return self._space.T @ self._start

    @property
    def exhausted(self) -> bool:
        return self._next.shape[1] == 0

    @property
    def full(self) -> bool:
        """Whether no further block fits."""
        return self._space.shape[1] + self._next.shape[1] > self._most

    def grow(self) -> None:
        """Add a block, at the price of one product with C."""
        block = self._next
        products = self._rows.covariance(block)
        self._space = np.hstack([self._space, block])
        self._products = np.hstack([self._products, products])
        self._scale = max(self._scale, float(np.linalg.norm(products, 2)))
        rest = products
        for _ in range(2):  # twice is enough, W. Kahan
            rest = rest - self._space @ (self._space.T @ rest)
        self._next = _orthonormal(rest, self._scale * _EPS * 8 * self._space.shape[1])
        for _ in range(2):
            self._next = self._next - self._space @ (self._space.T @ self._next)
            self._next = np.linalg.qr(self._next)[0]


def _orthonormal(columns: Floats, nothing: float) -> Floats:
    """Return an orthonormal basis of the columns, those directions left out that are rounding."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, singular > nothing]
