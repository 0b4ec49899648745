"""The covariance of minibatch gradients, for each way to draw the rows of a batch.

The gradient of a row x with target y is 2x(xᵀβ - y). With M = E δδᵀ, summed over outputs, the mean
of B independent rows has the covariance (4/B) G. Rows of the train set, drawn uniformly, have

    G = (1/n) Σ_k c_k x_k x_kᵀ - ΓMΓ,    c_k = E (x_kᵀδ - e_k)²,

with the residuals e at the train minimum. Fresh Gaussian rows with the train covariance and label
noise σ² have G = ΓMΓ + Γ (tr(ΓM) + σ²), by Isserlis' theorem. Where an input has several rows, its
outputs' (see `row_groups`), these rows X_k and their misses take the place of x_k and c_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from isoloss.problems.row_groups import forms_of, mean_outer, products_of

__all__ = ["GaussianNoise", "GradientNoise", "RowNoise"]

Floats = npt.NDArray[np.float64]


class GradientNoise(Protocol):
    """A way to draw minibatches."""

    def covariance(self, residual: Floats, covariance: Floats | None) -> Floats:
        """Return the gradient's covariance at a mean residual (r, m) and its covariance."""


@dataclass(frozen=True)
class GaussianNoise:
    """Batches of fresh Gaussian rows."""

    curvature: Floats
    label_noise: float
    batch_size: int
    is_full: bool
    """Whether covariances are matrices; their diagonals do not depend on the other entries."""

    def covariance(self, residual: Floats, covariance: Floats | None) -> Floats:
        """Return the gradient's covariance."""
        gamma = self.curvature
        second = (
            residual @ residual.T if self.is_full else np.einsum("im,im->i", residual, residual)
        )
        if covariance is not None:
            second = second + covariance
        diagonal = np.diagonal(second) if self.is_full else second
        loss = float(gamma @ diagonal) + self.label_noise
        found = (second * gamma).T * gamma
        if self.is_full:
            found[np.diag_indices(gamma.size)] += gamma * loss
        else:
            found = found + gamma * loss
        return (4.0 / self.batch_size) * found


@dataclass(frozen=True)
class RowNoise:
    """Batches of train rows."""

    rows: Floats
    """The rows in the eigenbasis, (n, r)."""
    errors: Floats
    """The residuals e = y - Xβ̂ at the train minimum, (n, m)."""
    curvature: Floats
    batch_size: int
    replacement: bool
    together: int = 1
    """How many rows are drawn as one; see `row_groups`."""

    def covariance(self, residual: Floats, covariance: Floats | None) -> Floats:
        """Return the gradient's covariance."""
        n = self.rows.shape[0] // self.together
        forms = products_of(self.rows @ residual - self.errors, self.together)
        second = residual @ residual.T
        if covariance is not None:
            forms = forms + forms_of(self.rows, covariance, self.together)
            second = second + covariance
        found = mean_outer(self.rows, forms)
        found = found - (second * self.curvature).T * self.curvature
        # batches without a repeated row vary less, and not at all if they are the whole train set
        share = 1.0 if self.replacement else (n - self.batch_size) / max(n - 1, 1)
        share = 0.0 if n == 1 else share  # the difference above is only rounding
        return np.asarray((4.0 * share / self.batch_size) * found)
