"""The sweep of `sweep.py` by training loops, and by SciPy's LSODA for gradient flow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

import isoloss as il


class Loop:
    """A full-batch training loop and an ODE solver, with the covariances formed once."""

    def __init__(
        self, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray
    ) -> None:
        self.n, self.n_test, self.y, self.y_test, self.X, self.X_test = (
            len(X),
            len(X_test),
            y,
            y_test,
            X,
            X_test,
        )
        self.covariance, self.target = X.T @ X / self.n, X.T @ y / self.n
        self.square = float((y**2).sum() / self.n)

    def run(self, schedule: il.Schedule, levels: np.ndarray) -> np.ndarray:
        """Return the test loss at each level, at the end for levels not reached."""
        coef, found = np.zeros_like(self.target), np.full(levels.size, np.nan)
        for phase in schedule.phases:
            if isinstance(phase, il.GradientFlow):
                coef = self.flow(coef, levels, found)
            else:
                coef = self.steps(coef, np.broadcast_to(phase.lr, phase.steps), levels, found)
            if not np.isnan(found).any():
                break
        found[np.isnan(found)] = self.test_loss(coef)
        return found

    def train_loss(self, coef: np.ndarray, product: np.ndarray) -> float:
        return float((coef * (product - 2 * self.target)).sum()) + self.square

    def test_loss(self, coef: np.ndarray) -> float:
        return float(((self.X_test @ coef - self.y_test) ** 2).sum() / self.n_test)

    def steps(
        self, coef: np.ndarray, rates: np.ndarray, levels: np.ndarray, found: np.ndarray
    ) -> np.ndarray:
        for lr in rates:
            slope = self.covariance @ coef - self.target
            after = coef - 2 * lr * slope
            loss = self.train_loss(after, self.covariance @ after)
            for i in np.flatnonzero((loss <= levels) & np.isnan(found)):
                found[i] = self.test_loss(self.shortened(coef, slope, levels[i]))
            coef = after
            if not np.isnan(found).any():
                break
        return coef

    def shortened(self, coef: np.ndarray, slope: np.ndarray, level: float) -> np.ndarray:
        """Take a step of the smallest rate that reaches the level."""
        a, b = float((slope * (self.covariance @ slope)).sum()), float((slope**2).sum())
        excess = self.train_loss(coef, self.covariance @ coef) - level  # - 4 b s + 4 a s²
        rate = (b - max(b**2 - a * excess, 0.0) ** 0.5) / (2 * a)
        return coef - 2 * rate * slope

    def flow(self, coef: np.ndarray, levels: np.ndarray, found: np.ndarray) -> np.ndarray:
        shape = coef.shape

        def slope(_: float, flat: np.ndarray) -> np.ndarray:
            return np.ravel(-2 * (self.covariance @ flat.reshape(shape) - self.target))

        def crossing(level: float) -> Callable[[float, np.ndarray], float]:
            def event(_: float, flat: np.ndarray) -> float:
                at = flat.reshape(shape)
                return self.train_loss(at, self.covariance @ at) - level

            event.terminal = True  # type: ignore[attr-defined]  # how SciPy is told to stop
            return event

        for i in np.flatnonzero(np.isnan(found)):
            path = solve_ivp(
                slope,
                (0, 1e9),
                coef.ravel(),
                "LSODA",
                events=crossing(levels[i]),
                rtol=1e-9,
                atol=1e-11,
            )
            coef = path.y_events[0][0].reshape(shape)
            found[i] = self.test_loss(coef)
        return coef
