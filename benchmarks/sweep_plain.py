"""The sweep of `sweep.py` as a plain NumPy script that knows the theory.

One eigendecomposition of the train covariance, then closed forms: flows by Newton's method, equal
steps by bisection over their number, changing rates by cumulative products. It has none of the
safeguards of isoloss: rates must be stable, it squares the condition number of X, and it ignores
what lies below 10⁻¹² of the largest curvature.
"""

from __future__ import annotations

import numpy as np

import isoloss as il

_CUT = 1e-12
_BLOCK = 1000  # changing rates at a time


class Plain:
    """A least-squares problem in the eigenbasis of its train covariance."""

    def __init__(
        self, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray
    ) -> None:
        n = len(X)
        gamma, basis = np.linalg.eigh(X.T @ X / n)
        kept = gamma > _CUT * gamma[-1]
        self.gamma, basis = gamma[kept], basis[:, kept]
        best = (basis.T @ (X.T @ y / n)) / self.gamma[:, None]
        self.weights = self.gamma * (best**2).sum(1)
        self.floor = ((y - X @ (basis @ best)) ** 2).sum() / n
        F = X_test @ basis
        G = F @ best - y_test
        self.form = (F.T @ F) * (best @ best.T) / len(X_test)
        self.linear = -((F.T @ G) * best).sum(1) / len(X_test)
        self.constant = (G**2).sum() / len(X_test)

    @property
    def max_lr(self) -> float:
        """The largest stable rate."""
        return float(1.0 / self.gamma[-1])

    def levels(self, count: int) -> np.ndarray:
        """Return levels from half to a thousandth of the start's excess train loss."""
        return self.floor + self.weights.sum() * np.geomspace(0.5, 1e-3, count)

    def test_loss(self, filters: np.ndarray) -> np.ndarray:
        """Return the test losses of filters (levels, r)."""
        quadratic = ((filters @ self.form) * filters).sum(1)
        return self.constant + 2 * filters @ self.linear + quadratic

    def train(self, schedule: il.Schedule, levels: np.ndarray) -> np.ndarray:
        """Return the test loss at each level, at the end for levels not reached."""
        excess, head = levels - self.floor, np.ones_like(self.gamma)
        stops = np.empty((levels.size, self.gamma.size))
        open_ = np.ones(levels.size, bool)
        for phase in schedule.phases:
            if isinstance(phase, il.GradientFlow):
                stops[open_] = self.flow(head, excess[open_])
                open_[:] = False
            elif np.ndim(phase.lr):
                head = self.changing(np.asarray(phase.lr), head, excess, open_, stops)
            else:
                head = self.equal(float(phase.lr), phase.steps, head, excess, open_, stops)
            if not open_.any():
                break
        stops[open_] = head
        return self.test_loss(stops)

    def flow(self, head: np.ndarray, excess: np.ndarray) -> np.ndarray:
        """Return the filters after flows down to the given excess losses."""
        weights = self.weights * head**2
        time = np.zeros(excess.size)
        for _ in range(100):  # Newton for a convex, decreasing function, from the left
            decay = weights * np.exp(-4 * time[:, None] * self.gamma)
            loss = decay.sum(1)
            step = loss * np.log(loss / excess) / (4 * decay @ self.gamma)
            time += np.maximum(step, 0)
            if (np.abs(step) <= 1e-14 * time).all():
                break
        return head * np.exp(-2 * time[:, None] * self.gamma)

    def equal(
        self,
        lr: float,
        steps: int,
        head: np.ndarray,
        excess: np.ndarray,
        open_: np.ndarray,
        stops: np.ndarray,
    ) -> np.ndarray:
        """Take equal steps; record the filters where levels are reached."""
        factor = 1 - 2 * lr * self.gamma
        weights = self.weights * head**2
        wanted = np.flatnonzero(open_)
        low, high = np.zeros(wanted.size), np.full(wanted.size, float(steps))
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            below = (factor ** (2 * middle[:, None])) @ weights <= excess[wanted]
            low, high = np.where(below, low, middle), np.where(below, middle, high)
        end = head * factor**steps
        reached = self.weights @ end**2 <= excess[wanted]
        before = head * factor ** low[reached, None]
        stops[wanted[reached]] = self.shortened(before, excess[wanted[reached]])
        open_[wanted[reached]] = False
        return end

    def changing(
        self,
        rates: np.ndarray,
        head: np.ndarray,
        excess: np.ndarray,
        open_: np.ndarray,
        stops: np.ndarray,
    ) -> np.ndarray:
        """Take steps of changing rates; record the filters where levels are reached."""
        for first in range(0, rates.size, _BLOCK):
            factors = 1 - 2 * rates[first : first + _BLOCK, None] * self.gamma
            after = head * np.cumprod(factors, axis=0)
            loss = after**2 @ self.weights
            for i in np.flatnonzero(open_ & (loss.min() <= excess)):
                step = int(np.argmax(loss <= excess[i]))
                before = after[step - 1] if step else head
                stops[i] = self.shortened(before[None], excess[i : i + 1])[0]
                open_[i] = False
            head = after[-1]
            if not open_.any():
                break
        return head

    def shortened(self, before: np.ndarray, excess: np.ndarray) -> np.ndarray:
        """Return filters after one more step, of the smallest rate that reaches the level."""
        losses = self.weights * before**2
        a, b, c = (losses @ self.gamma**k for k in (2, 1, 0))  # loss c - 4 b s + 4 a s²
        rate = (b - np.sqrt(np.maximum(b**2 - a * (c - excess), 0))) / (2 * a)
        return before * (1 - 2 * rate[:, None] * self.gamma)
