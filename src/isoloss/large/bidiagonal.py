"""Block Golub-Kahan bidiagonalization of X from the start's residual, fully reorthogonalized."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isoloss.problems.rows import Rows
from isoloss.problems.units import scaled

__all__ = ["Bidiagonalization"]

Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(float).eps)
_WIDER = 1.25  # growth of the memory for V


class Bidiagonalization:
    """Orthonormal U (n, l) and V (d, k) with XV = UB, grown from the residual R = Xβ₀ - y.

    V spans the Krylov space of C = XᵀX from XᵀR, which gradient descent and flow never leave: the
    parameters are β₀ plus a function (polynomial or exponential) of C times XᵀR. Weight decay adds
    a function of C times β₀, so V must then begin with β₀, too. B keeps the
    digits of small singular values, which products with C would lose. (G. Golub and W. Kahan
    (1965), SIAM J. Numer. Anal. 2(2); all vectors are reorthogonalized.)

    Attributes
    ----------
    rank : int
        The number k of directions.
    reduced : array, shape (l, k)
        B over 2^exponent.
    residual : array, shape (l, m)
        UᵀR over 2^residual_exponent; R has no part outside the span of U.
    exponent, residual_exponent : int
        Powers of two that bring the largest entries near 1.
    """

    def __init__(self, rows: Rows, residual: Floats, also: Floats | None = None) -> None:
        """Begin with a residual (n, m), and perhaps with directions (d, k) that V must hold."""
        self._rows = rows
        size = float(np.abs(residual).max())
        self.residual_exponent = math.frexp(size)[1]
        residual = scaled(residual, -self.residual_exponent)
        self._left = _orthonormal(residual, _EPS * float(np.linalg.norm(residual)))
        self.residual = self._left.T @ residual
        self.exponent = 0
        self._columns = np.empty((rows.shape[1], 0), order="F")
        self.rank = 0
        self.reduced = np.empty((self._left.shape[1], 0))
        self._scale = 0.0
        images = rows.backward(self._left)
        self.exponent = math.frexp(float(np.abs(images).max(initial=0.0)))[1]
        self._next = self._directions(images)
        if also is not None:
            self._next = self._joined(also)

    @property
    def right(self) -> Floats:
        """V, shape (d, k)."""
        return self._columns[:, : self.rank]

    def exhausted(self) -> bool:
        """Return whether, up to rounding, the Krylov space cannot grow any further."""
        return not self._next.size

    @property
    def next_rank(self) -> int:
        """The number of directions after one more block."""
        return int(self.rank + self._next.shape[1])

    def grow(self) -> None:
        """Add a block, at the cost of one product with X and one with Xᵀ."""
        block = self._next
        images = scaled(self._rows.forward(block), -self.exponent)
        self._scale = max(self._scale, float(np.linalg.norm(images, 2)))
        coefficients, rest = _split(self._left, images)
        new = _orthonormal(rest, self._scale * _EPS * len(rest) ** 0.5)
        # normalizing a small remainder enlarges its part along U, so that is removed again
        new = _split(self._left, new)[1] if new.shape[1] else new
        new = np.linalg.qr(new)[0]
        self._append(block)
        grown = np.zeros((self._left.shape[1] + new.shape[1], self.rank))
        grown[: len(self.reduced), : self.reduced.shape[1]] = self.reduced
        grown[: len(coefficients), self.reduced.shape[1] :] = coefficients
        grown[len(coefficients) :, self.reduced.shape[1] :] = new.T @ rest
        self.reduced = grown
        self.residual = np.vstack([self.residual, np.zeros((new.shape[1], self.residual.shape[1]))])
        self._left = np.hstack([self._left, new])
        self._next = np.empty((len(self.right), 0))
        if new.shape[1]:
            self._next = self._directions(self._rows.backward(new))

    def _append(self, block: Floats) -> None:
        """Add columns to V, which is copied rarely: it may be most of the memory."""
        rank = self.rank + block.shape[1]
        if rank > self._columns.shape[1]:
            wider = np.empty((len(block), max(rank, int(_WIDER * self.rank))), order="F")
            wider[:, : self.rank] = self.right
            self._columns = wider
        self._columns[:, self.rank : rank] = block
        self.rank = rank

    def _joined(self, also: Floats) -> Floats:
        """Return the first directions of V with others."""
        also = also / np.linalg.norm(also)
        if not self._next.size:  # without a gradient, the rows' size is still unknown
            self.exponent = math.frexp(float(np.abs(self._rows.forward(also)).max()))[1]
        new = _orthonormal(_split(self._next, also)[1], _EPS * len(also) ** 0.5)
        return np.hstack([self._next, np.linalg.qr(_split(self._next, new)[1])[0]])

    def _directions(self, images: Floats) -> Floats:
        """Return the directions that ``images`` under Xᵀ add to V."""
        images = scaled(images, -self.exponent)
        self._scale = max(self._scale, float(np.linalg.norm(images, 2)))
        rest = _split(self.right, images)[1]
        new = _orthonormal(rest, self._scale * _EPS * len(rest) ** 0.5)
        if not new.shape[1]:
            return new
        return np.linalg.qr(_split(self.right, new)[1])[0]


def _split(basis: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of columns in an orthonormal basis, and the remainder."""
    along = basis.T @ columns
    rest = columns - basis @ along
    again = basis.T @ rest  # two passes are enough (W. Kahan)
    return along + again, rest - basis @ again


def _orthonormal(columns: Floats, nothing: float) -> Floats:
    """Return an orthonormal basis of the columns; singular values up to ``nothing`` count as 0."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, singular > nothing]
