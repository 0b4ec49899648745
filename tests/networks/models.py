"""Small models and data for the tests of networks."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra torch")


class Features(torch.nn.Module):
    """Fixed random features of the inputs, then a layer that is linear in its parameters."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(4, 7).requires_grad_(requires_grad=False)
        self.head = torch.nn.Linear(7, outputs)

    def forward(self, x: Any) -> Any:
        return self.head(torch.tanh(self.hidden(x)))


def mlp(inputs: int = 4, width: int = 12, outputs: int = 2, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, width),
        torch.nn.Tanh(),
        torch.nn.Linear(width, width),
        torch.nn.Tanh(),
        torch.nn.Linear(width, outputs),
    ).double()


def features(outputs: int, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return Features(outputs).double()


def data(n: int, outputs: int, seed: int = 1, inputs: int = 4) -> tuple[Any, Any]:
    made = torch.Generator().manual_seed(seed)
    X = torch.randn(n, inputs, generator=made, dtype=torch.float64)
    return X, torch.randn(n, outputs, generator=made, dtype=torch.float64)


def loss(model: Any, X: Any, y: Any) -> Any:
    """Return the mean over rows of the squared error, summed over outputs."""
    return ((model(X) - y) ** 2).sum(dim=1).mean()


def value(model: Any, X: Any, y: Any) -> float:
    """Return the loss as a number."""
    with torch.no_grad():
        return float(loss(model, X, y))
