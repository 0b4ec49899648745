"""Draw the gradients of real minibatches, for many runs at once.

Residuals δ of the parameters have shape (runs, r, m), in the basis in which XᵀX/n is diagonal. The
gradient of a batch of B rows x with errors e = y - xᵀβ̂ at the train minimum is (2/B) Σ x (xᵀδ - e).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Batches", "GaussianBatches", "RowBatches"]

Array = npt.NDArray[np.float64]

_DENSE = 16  # from a 16th of the rows on, products with all rows are faster than picking some


class Batches(Protocol):
    """A way to draw minibatches."""

    def gradients(self, rng: np.random.Generator, residual: Array) -> Array:
        """Return each run's minibatch gradient."""

    @property
    def width(self) -> int:
        """The numbers that a run's batch takes in memory."""


@dataclass(frozen=True)
class RowBatches:
    """Batches of the train rows (n·g, r), whose errors are (n·g, m); g of them are drawn as one."""

    rows: Array
    errors: Array
    batch_size: int
    replacement: bool = True
    together: int = 1

    @property
    def width(self) -> int:
        """The numbers that a run's batch takes in memory."""
        (n, r), m = self.rows.shape, self.errors.shape[1]
        return int(self.batch_size * self.together * (r + 2) + 4 * n * m)

    def gradients(self, rng: np.random.Generator, residual: Array) -> Array:
        """Return each run's minibatch gradient."""
        (runs, r, m), together = residual.shape, self.together
        n, share = self.rows.shape[0] // together, 2 / (self.batch_size * together)
        if not self.replacement and self.batch_size == n:
            return np.asarray(2 * np.mean(self.rows**2, axis=0)[:, None] * residual)
        drawn = self._drawn(rng, runs)
        if self.batch_size * _DENSE < n:
            x = self.rows.reshape(n, together, r)[drawn].reshape(runs, -1, r)
            errors = self.errors.reshape(n, together, m)[drawn].reshape(runs, -1, m)
            return np.asarray(share * (x.transpose(0, 2, 1) @ (x @ residual - errors)))
        place = drawn + n * np.arange(runs)[:, None]
        counts = np.bincount(place.ravel(), minlength=runs * n).reshape(runs, n)
        flat = residual.transpose(1, 0, 2).reshape(r, runs * m)
        misses = (self.rows @ flat).reshape(-1, runs, m) - self.errors[:, None, :]
        misses *= np.repeat(counts.T[:, :, None], together, axis=0)
        found = share * (self.rows.T @ misses.reshape(-1, runs * m))
        return np.asarray(found.reshape(r, runs, m).transpose(1, 0, 2))

    def _drawn(self, rng: np.random.Generator, runs: int) -> npt.NDArray[np.int64]:
        """Return which inputs are in each run's batch, (runs, B)."""
        n, size = self.rows.shape[0] // self.together, self.batch_size
        if not self.replacement and size * size > 4 * n:  # most would repeat a row
            return np.argpartition(rng.random((runs, n)), size - 1, axis=1)[:, :size]
        drawn = rng.integers(n, size=(runs, size))
        again = np.arange(0 if self.replacement else runs)
        while again.size:  # draw batches with a repeated row anew
            ordered = np.sort(drawn[again], axis=1)
            again = again[np.any(ordered[:, 1:] == ordered[:, :-1], axis=1)]
            drawn[again] = rng.integers(n, size=(again.size, size))
        return drawn


@dataclass(frozen=True)
class GaussianBatches:
    """Batches of fresh Gaussian rows, with a variance of the label noise for each output (m,).

    Given the residuals T of a batch's predictions, what is left of the rows is independent, and
    only TᵀT counts. So at most 2m rows stand for a batch of any size, by Bartlett's decomposition.
    """

    curvature: Array
    noise: Array
    batch_size: int

    @property
    def width(self) -> int:
        """The numbers that a run's batch takes in memory."""
        m = int(self.noise.size)
        return 2 * m * (3 * self.curvature.size + 4 * m)

    def gradients(self, rng: np.random.Generator, residual: Array) -> Array:
        """Return each run's minibatch gradient."""
        runs, r, m = residual.shape
        scale = np.sqrt(self.curvature)
        basis, along = np.linalg.qr(scale[:, None] * residual)
        inner = self._inner(rng, runs, basis.shape[2] + m)
        z, labels = inner[:, :, :-m], inner[:, :, -m:] * np.sqrt(self.noise)
        misses = z @ along - labels
        x = rng.standard_normal((runs, inner.shape[1], r))
        # along the predictions, the rows are z
        x += (z - x @ basis) @ basis.transpose(0, 2, 1)
        found = (2 / self.batch_size) * (x.transpose(0, 2, 1) @ misses)
        return np.asarray(scale[:, None] * found)

    def _inner(self, rng: np.random.Generator, runs: int, width: int) -> Array:
        """Return rows (runs, ≤ width, width) with the products of B rows of independent normals."""
        if self.batch_size <= width:
            return rng.standard_normal((runs, self.batch_size, width))
        triangle = np.triu(rng.standard_normal((runs, width, width)), 1)
        freedom = self.batch_size - np.arange(width)
        k = np.arange(width)
        triangle[:, k, k] = np.sqrt(rng.chisquare(freedom, (runs, width)))
        return triangle
