"""One step of the mean residual and its covariance, along a straight line in the learning rate.

A step takes the parameters to β - ηu. Its direction u is linear in the parameters, the velocity and
the minibatch gradient, so the mean moves along a line and the covariance along a parabola:

    E δ ← E δ - η E u,    Cov δ ← Cov δ - η (P + Pᵀ) + η² Q,    P = Cov(δ, u),  Q = Cov(u, u).

Minibatch gradients are unbiased; ``noise`` is their covariance. A covariance is a matrix (r, r), or
its diagonal (r,) where the directions do not affect each other; the code is the same for both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Moments", "Move", "StepRule", "directed", "move", "variances"]

Floats = npt.NDArray[np.float64]


class StepRule(NamedTuple):
    """How ``torch.optim.SGD`` takes a step."""

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False


class Moments(NamedTuple):
    """The means (r, m) of residual and velocity, and their covariances.

    ``velocity`` is None before the first step with momentum, and covariances are None without
    noise.
    """

    mean: Floats
    velocity: Floats | None = None
    covariance: Floats | None = None
    with_velocity: Floats | None = None
    """Cov(δ, v)."""
    of_velocity: Floats | None = None
    """Cov(v, v)."""


class Move(NamedTuple):
    """A step whose rate is still to be chosen."""

    before: Moments
    direction: Floats
    """E u."""
    velocity: Floats | None
    """The mean velocity after the step."""
    covariances: tuple[Floats, Floats] | None
    """P and Q."""
    velocity_covariances: tuple[Floats, Floats, Floats] | None
    """Cov(δ, v'), Cov(u, v') and Cov(v', v')."""

    def at(self, lr: float) -> Moments:
        """Return the moments after the step."""
        mean = self.before.mean - lr * self.direction
        if self.covariances is None:
            return Moments(mean, self.velocity)
        p, q = self.covariances
        assert self.before.covariance is not None
        covariance = self.before.covariance - lr * (p + p.T) + lr * lr * q
        # rounding errors that are not symmetric would grow with every step
        covariance = 0.5 * (covariance + covariance.T)
        if self.velocity_covariances is None:
            return Moments(mean, self.velocity, covariance)
        residual, direction, own = self.velocity_covariances
        return Moments(mean, self.velocity, covariance, residual - lr * direction, own)


def variances(covariance: Floats) -> Floats:
    """Return the diagonal of a covariance, which may be given by it."""
    return covariance if covariance.ndim == 1 else np.diagonal(covariance)


def directed(
    gradient: Floats, velocity: Floats | None, rule: StepRule
) -> tuple[Floats, Floats | None]:
    """Return what ``torch.optim.SGD`` multiplies by the rate, and the velocity after the step.

    The first step with momentum takes the whole gradient, and one without leaves the velocity.
    """
    if not rule.momentum:
        return gradient, velocity
    if velocity is None:
        velocity = gradient
    else:
        velocity = rule.momentum * velocity + (1.0 - rule.dampening) * gradient
    return gradient + rule.momentum * velocity if rule.nesterov else velocity, velocity


def move(
    moments: Moments,
    rule: StepRule,
    curvature: Floats,
    minimum: Floats,
    noise: Floats | None,
) -> Move:
    """Return the step that an optimizer takes from some moments.

    ``noise`` is the covariance of the gradient (see `noise`), or None for the full gradient.
    """
    decay = 0.0 if rule.decoupled else rule.weight_decay
    slope = 2.0 * curvature + decay
    gradient = slope[:, None] * moments.mean + decay * minimum
    direction, velocity = directed(gradient, moments.velocity, rule)
    extra = rule.weight_decay if rule.decoupled else 0.0
    if extra:
        direction = direction + extra * (moments.mean + minimum)
    if noise is None and moments.covariance is None:
        return Move(moments, direction, velocity, None, None)
    if moments.covariance is None:
        moments = moments._replace(covariance=np.zeros_like(noise))
    covariances = _covariances(moments, rule, slope, noise, extra)
    return Move(moments, direction, velocity, *covariances)


def _covariances(
    moments: Moments,
    rule: StepRule,
    slope: Floats,
    noise: Floats | None,
    extra: float,
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats, Floats] | None]:
    """Return the covariances of a step's direction u and of the velocity v' after it."""
    a = moments.covariance
    assert a is not None
    zero = np.zeros_like(a)
    residual_gradient = a * slope  # Cov(δ, g)
    gradient = (residual_gradient.T * slope).T + (zero if noise is None else noise)  # Cov(g, g)
    c, d = moments.with_velocity, moments.of_velocity
    if rule.momentum:
        mu, fresh = rule.momentum, 1.0 if moments.velocity is None else 1.0 - rule.dampening
        c, d = (zero if c is None else c), (zero if d is None else d)
        velocity_gradient = c.T * slope  # Cov(v, g)
        residual_new = mu * c + fresh * residual_gradient  # Cov(δ, v')
        new_gradient = mu * velocity_gradient + fresh * gradient  # Cov(v', g)
        new = (
            mu * mu * d
            + mu * fresh * (velocity_gradient + velocity_gradient.T)
            + fresh * fresh * gradient
        )
        p, q, direction_new = residual_new, new, new
        if rule.nesterov:
            p = residual_gradient + mu * residual_new
            q = gradient + mu * (new_gradient + new_gradient.T) + mu * mu * new
            direction_new = new_gradient.T + mu * new
    else:  # PyTorch leaves the velocity as it is
        p, q = residual_gradient, gradient
        if c is None or d is None:
            residual_new = None
        else:
            residual_new, direction_new, new = c, (c.T * slope).T, d
    if extra:
        q = q + extra * (p + p.T) + extra * extra * a
        p = p + extra * a
        if residual_new is not None:
            direction_new = direction_new + extra * residual_new
    velocities = None if residual_new is None else (residual_new, direction_new, new)
    return (p, q), velocities
