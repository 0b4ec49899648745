"""Training by plain definitions in 60-digit arithmetic: the independent check of the engine.

GD steps are taken one by one (powers only where a run has millions), the flow's stopping time is
bisected. Inputs are the exact binary numbers that the engine gets.
"""

from dataclasses import dataclass, field

import mpmath as mp
import numpy as np

mp.mp.dps = 60
LOOPED = 5000  # steps that are taken one by one


@dataclass
class Result:
    """What a run ends with."""

    reached: bool
    steps: int
    time: mp.mpf
    train_loss: mp.mpf
    test_loss: mp.mpf
    h: list = field(default_factory=list)


@dataclass
class Reference:
    """Train loss floor + Σ γ_i ‖δ_i‖² h_i², test loss by a function of the filter h."""

    gamma: list
    weights: list
    test: object
    floor: mp.mpf

    def train_loss(self, h):
        return self.floor + mp.fsum(w * x * x for w, x in zip(self.weights, h, strict=True))

    def run(self, phases, level=None, last_step="exact"):
        """Run phases ("gd", lr, K), ("rates", [...]) or ("flow", time) down to a train loss.

        The step that reaches it is shortened to end there, or taken "whole".
        """
        level = -mp.inf if level is None else mp.mpf(float(level))
        h, steps, time = [mp.mpf(1)] * len(self.gamma), 0, mp.mpf(0)

        def done(reached):
            return Result(reached, steps, time, self.train_loss(h), self.test(h), h)

        if self.train_loss(h) <= level:
            return done(True)
        for kind, *rest in phases:
            if kind == "flow":
                (span,) = rest
                hit = self._flow_time(h, span, level)
                time += span if hit is None else hit
                h = self._flow(h, span if hit is None else hit)
                if hit is not None:
                    return done(True)
                continue
            rates = rest[0] if kind == "rates" else None
            count = len(rates) if rates is not None else rest[1]
            if count > LOOPED:
                hit = self._power_step(h, rest[0], count, level)
                h = self._power(h, rest[0], count if hit is None else hit - 1)
                steps += count if hit is None else hit
                if hit is not None:
                    h = self._last(h, rest[0], level, last_step)
                    return done(True)
                continue
            for k in range(count):
                lr = mp.mpf(float(rates[k] if rates is not None else rest[0]))
                before, h = h, [x * (1 - 2 * lr * g) for x, g in zip(h, self.gamma, strict=True)]
                steps += 1
                if self.train_loss(h) <= level:
                    h = self._last(before, lr, level, last_step)
                    return done(True)
        return done(False)

    def _last(self, h, lr, level, last_step):
        """Take a step at the smallest rate, up to lr, that ends at or below the level."""
        # floor + Σ w (h - 2sγh)² = level
        terms = list(zip(self.weights, self.gamma, h, strict=True))
        a = mp.fsum(w * (2 * g * x) ** 2 for w, g, x in terms)
        b = mp.fsum(w * 2 * g * x * x for w, g, x in terms)
        c = self.train_loss(h) - level
        inside = b * b - a * c
        lr = mp.mpf(float(lr))
        if last_step == "exact" and inside >= 0 and a > 0:
            lr = min(lr, c / (b + mp.sqrt(inside)))
        return [x * (1 - 2 * lr * g) for x, g in zip(h, self.gamma, strict=True)]

    def _flow(self, h, t):
        if mp.isinf(t):
            return [x if g == 0 else mp.mpf(0) for x, g in zip(h, self.gamma, strict=True)]
        return [x * mp.exp(-2 * g * mp.mpf(t)) for x, g in zip(h, self.gamma, strict=True)]

    def _flow_time(self, h, span, level):
        end = self.train_loss(self._flow(h, span))
        if end > level or (mp.isinf(span) and end == level):
            return None
        low, high = mp.mpf(0), mp.mpf(1) if mp.isinf(span) else mp.mpf(span)
        while self.train_loss(self._flow(h, high)) > level:
            high *= 2
        while high - low > mp.mpf(10) ** -55 * high:
            middle = (low + high) / 2
            if self.train_loss(self._flow(h, middle)) > level:
                low = middle
            else:
                high = middle
        return high

    def _power(self, h, lr, k):
        lr = mp.mpf(float(lr))
        return [x * (1 - 2 * lr * g) ** k for x, g in zip(h, self.gamma, strict=True)]

    def _power_step(self, h, lr, count, level):
        factors = [abs(1 - 2 * mp.mpf(float(lr)) * g) for g in self.gamma]
        if any(
            f > 1 and x != 0 and w != 0 for f, x, w in zip(factors, h, self.weights, strict=True)
        ):
            # Only used without a level, or where the loss rises from the first step on.
            rises = self.train_loss(self._power(h, lr, 1)) > self.train_loss(h)
            assert rises or mp.isinf(level)
            return None
        if self.train_loss(self._power(h, lr, count)) > level:
            return None
        low, high = 0, count
        while high - low > 1:
            middle = (low + high) // 2
            if self.train_loss(self._power(h, lr, middle)) > level:
                low = middle
            else:
                high = middle
        return high


def exact(array):
    """Return a float array as a matrix or list of the same exact numbers."""
    array = np.asarray(array, dtype=float)
    if array.ndim == 1:
        return [mp.mpf(float(x)) for x in array]
    return mp.matrix([[mp.mpf(float(x)) for x in row] for row in array])


def from_spectra(train, test, start, noise=0.0):
    """Return the commuting case by its definition."""
    gamma, lam, delta = (exact(x) for x in (train, test, start))
    weights = [g * d * d for g, d in zip(gamma, delta, strict=True)]
    tests = [x * d * d for x, d in zip(lam, delta, strict=True)]

    def test_loss(h):
        return mp.fsum(w * x * x for w, x in zip(tests, h, strict=True)) + mp.mpf(noise)

    return Reference(gamma, weights, test_loss, mp.mpf(0))


def from_data(X, y, X_test, y_test):
    """Return the least-squares problem by a 60-digit eigendecomposition of XᵀX/n; start at 0."""
    X, X_test = exact(np.asarray(X, float)), exact(np.asarray(X_test, float))
    y, y_test = (exact(np.asarray(a, float).reshape(len(a), -1)) for a in (y, y_test))
    n, rows = X.rows, X_test.rows
    values, vectors = mp.eigsy(X.T * X / n)
    gradient = vectors.T * (X.T * y) / n
    keep = [i for i in range(len(values)) if values[i] > mp.mpf(10) ** -40 * max(values)]
    gamma = [values[i] for i in keep]
    columns = range(y.cols)
    basis = mp.matrix([[vectors[r, i] for i in keep] for r in range(X.cols)])
    # δ(0) = -β̂ in the eigenbasis
    delta = mp.matrix([[-gradient[i, m] / values[i] for m in columns] for i in keep])
    best = -basis * delta
    weights = [g * mp.fsum(delta[i, m] ** 2 for m in columns) for i, g in enumerate(gamma)]

    def mean_square(inputs, targets, coef, count):
        rest = inputs * coef - targets
        return mp.fsum(x * x for x in rest) / count

    def test_loss(h):
        moved = mp.matrix([[h[i] * delta[i, m] for m in columns] for i in range(len(gamma))])
        return mean_square(X_test, y_test, best + basis * moved, rows)

    return Reference(gamma, weights, test_loss, mean_square(X, y, best, n))


def relative(got, wanted):
    """Return the relative error of a float; a value beyond float64 counts as its rounding."""
    wanted = mp.mpf(wanted)
    if mp.isinf(wanted) or abs(wanted) > mp.mpf("1.797e308"):
        return 0.0 if mp.isinf(mp.mpf(float(got))) else 1.0
    if wanted == 0:
        return float(abs(float(got)))
    if abs(wanted) < mp.mpf("1e-305"):  # subnormal numbers have fewer digits
        return float(abs(mp.mpf(float(got)) - wanted) / mp.mpf("1e-305"))
    return float(abs(mp.mpf(float(got)) - wanted) / abs(wanted))


def from_covariances(train_cov, test_cov, start, target, train_target, noise):
    """Return the problem of two covariances by a 60-digit eigendecomposition of the train one."""
    values, vectors = mp.eigsy(exact(train_cov))
    size = range(len(values))
    start, target, train_target = (mp.matrix(exact(x)) for x in (start, target, train_target))
    delta, apart = vectors.T * (start - train_target), train_target - target
    test_cov = exact(test_cov)

    def test_loss(h):
        beta = vectors * mp.matrix([h[i] * delta[i] for i in size]) + apart
        return (beta.T * test_cov * beta)[0] + mp.mpf(noise)

    weights = [values[i] * delta[i] ** 2 for i in size]
    return Reference([values[i] for i in size], weights, test_loss, mp.mpf(0))
