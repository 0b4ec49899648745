"""Find the largest constant rate at which the second moments of minibatch descent stay bounded.

With W = 2Γ + λI, a step at rate η changes the covariance V by η² K(V) - η (W V + V W), where
K(V) = W V W + 4/B times the covariance of x xᵀu for u of covariance V. K and the inverse of
V ↦ W V + V W keep positive semidefinite matrices so, and therefore the rates below
1/ρ((W · + · W)⁻¹ K) are those at which V tends to 0 without noise of the labels (q < 1). No search
over rates is needed: this is one eigenvalue, for Gaussian rows the root of one scalar equation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.problems.row_groups import forms_of, mean_outer

__all__ = ["largest_gaussian_rate", "largest_row_rate"]

Array = npt.NDArray[np.float64]

_MOST = 200  # Newton's method needs about 10
_DENSE = 12  # up to so many directions, all entries of the map are computed


def largest_gaussian_rate(curvature: Array, batch_size: float, weight_decay: float = 0.0) -> float:
    """Return the rate at the edge of stability for batches of B fresh Gaussian rows.

    1/η is the largest root x of Σ α_i/(x - w_i/2 - α_i) = 1, where α_i = 2γ_i²/(B w_i). Without
    weight decay this is Σ ηγ_i/(B - (B + 1) ηγ_i) = 1.
    """
    w = 2 * curvature + weight_decay
    moves = w > 0
    if not np.any(moves):
        return np.inf
    w, curvature = w[moves], curvature[moves]
    pulls = 2 * curvature * (curvature / w) / batch_size
    poles = 0.5 * w + pulls
    top = int(np.argmax(poles))
    apart, distance = poles[top] - poles, float(pulls[top])
    for _ in range(_MOST):  # 1/Σ is concave, so that each step ends below the root
        if distance == 0:  # no curvature
            break
        shares = pulls / (distance + apart)
        total = float(np.sum(shares))
        slope = float(np.sum(shares / (distance + apart)))
        step = total * (total - 1) / slope
        distance += step
        if step <= 2e-16 * distance:
            break
    return 1 / (float(poles[top]) + distance)


def largest_row_rate(
    rows: Array,
    batch_size: int,
    *,
    together: int = 1,
    replacement: bool = True,
    weight_decay: float = 0.0,
) -> float:
    """Return the rate at the edge of stability for batches of the rows (n, r) themselves.

    The rows are in the basis in which XᵀX/n is diagonal; ``together`` of them are drawn as one (see
    `row_groups`). It takes some dozens of products of n r²
    operations.
    """
    n = rows.shape[0] // together
    rows = rows[:, np.any(rows != 0, axis=0)]
    curvature = np.mean(rows**2, axis=0)
    w = 2 * curvature + weight_decay
    if not rows.size:
        return np.inf if weight_decay == 0 else 2 / weight_decay
    noise = 4 / batch_size
    if not replacement:
        noise *= (n - batch_size) / max(n - 1, 1)
    r = w.size
    kept = np.multiply.outer(w, w) - noise * np.multiply.outer(curvature, curvature)
    roots = 1 / np.sqrt(w[:, None] + w)

    def mapped(flat: Array) -> Array:
        v = roots * flat.reshape(r, r)
        spread = mean_outer(rows, forms_of(rows, v, together))
        found: Array = roots * (kept * v + noise * spread)
        return found.ravel()

    if r <= _DENSE:
        matrix = np.array([mapped(unit) for unit in np.eye(r * r)])
        return 1 / float(np.linalg.eigvalsh(matrix)[-1])
    from scipy.sparse.linalg import LinearOperator, eigsh

    operator = LinearOperator((r * r, r * r), matvec=mapped, dtype=np.float64)
    start = np.diag(w).ravel()  # not orthogonal to the largest, which is positive semidefinite
    values = eigsh(operator, k=1, which="LA", v0=start, tol=1e-13, return_eigenvectors=False)
    return 1 / float(values[0])
