"""Plain training loops by PyTorch, and the problem that they train."""

from typing import Any

import numpy as np
import pytest

import isoloss as il

torch = pytest.importorskip("torch", reason="the extra torch")
SGD = torch.optim.SGD

RNG = np.random.default_rng(52)
X, Y = torch.tensor(RNG.standard_normal((20, 3))), torch.tensor(RNG.standard_normal(20))
PROBLEM = il.Problem.from_data(X.numpy(), Y.numpy(), X.numpy()[:9], Y.numpy()[:9])
RATES = float(PROBLEM.max_lr) * RNG.uniform(0, 0.6, 24)
DESCENT = il.Schedule(il.GradientDescent(RATES))
HEAVY = il.Schedule(il.HeavyBall(RATES, 0.9))
NESTEROV = il.Schedule(il.Nesterov(RATES, 0.9))


def parameter() -> Any:
    return torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))


def groups(*settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"params": [parameter()], **each} for each in settings]


def loop(optimizer: Any, scheduler: Any, steps: int) -> tuple[np.ndarray, list[tuple[float, ...]]]:
    """Train by PyTorch; return the weights, and each step's rate and momentum."""
    (weights,) = optimizer.param_groups[0]["params"]
    used = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        used.append((float(group["lr"]), float(group.get("momentum", 0.0))))
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(X @ weights, Y).backward()
        optimizer.step()
        scheduler.step()
    return weights.detach().numpy(), used


def rates_of(optimizer: Any, scheduler: Any, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates
