"""The derivatives of a model's outputs, against torch.autograd.functional."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from networks.models import data, mlp, torch

from isoloss.networks.frozen_model import freeze
from isoloss.networks.jacobian import JacobianProducts, jacobian_of


def by_autograd(model: Any, X: Any) -> np.ndarray:
    names = [name for name, _ in model.named_parameters()]

    def outputs(*values: Any) -> Any:
        named = dict(zip(names, values, strict=True))
        return torch.func.functional_call(model, named, (X,)).ravel()

    found = torch.autograd.functional.jacobian(outputs, tuple(model.parameters()))
    return np.concatenate([part.detach().numpy().reshape(len(part), -1) for part in found], axis=1)


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_and_products_are_those_of_autograd(rows: int, outputs: int) -> None:
    model = mlp(outputs=outputs)
    X, _ = data(7, outputs)
    wanted = outputs**0.5 * by_autograd(model, X)
    frozen = freeze(model, None, None)
    told: list[int] = []
    found = jacobian_of(frozen, X, outputs, rows, told.append)
    assert sum(told) == 7
    np.testing.assert_allclose(found, wanted, atol=1e-13)
    products = JacobianProducts(frozen, X, outputs, rows)
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(wanted.shape[1], 3)), rng.normal(size=(len(wanted), 3))
    np.testing.assert_allclose(products @ V, wanted @ V, atol=1e-11)
    np.testing.assert_allclose(products @ V[:, 0], wanted @ V[:, 0], atol=1e-11)
    np.testing.assert_allclose(products.H @ U, wanted.T @ U, atol=1e-11)
    some = slice(2, 5)
    part = U[: 3 * outputs]
    rows_of = wanted[2 * outputs : 5 * outputs]
    np.testing.assert_allclose(products.of_rows(some, part), rows_of.T @ part, atol=1e-11)


def test_many_columns_go_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JacobianProducts._blocks.__globals__, "_COLUMNS", 2)
    model, (X, _) = mlp(), data(7, 2)
    told: list[int] = []
    products = JacobianProducts(freeze(model, None, None), X, 2, 4, told.append)
    V = np.random.default_rng(0).normal(size=(products.shape[1], 5))
    np.testing.assert_allclose(products @ V, 2**0.5 * by_autograd(model, X) @ V, atol=1e-11)
    assert told == [2, 2, 1]
    again = pickle.loads(pickle.dumps(products))
    np.testing.assert_array_equal(again @ V, products @ V)


class Recurrent(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.LSTM(2, 3, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.layer(x.reshape(-1, 2, 2))[0][:, -1]


class Attending(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.TransformerEncoderLayer(2, 1, 3, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.layer(x.reshape(-1, 2, 2)).mean(dim=1)


def normed() -> Any:
    norm = torch.nn.utils.parametrizations.weight_norm
    return torch.nn.Sequential(torch.nn.LayerNorm(4), norm(torch.nn.Linear(4, 2)))


def convolution() -> Any:
    layers = torch.nn.Unflatten(1, (1, 4)), torch.nn.Conv1d(1, 2, 2), torch.nn.Flatten()
    return torch.nn.Sequential(*layers, torch.nn.ReLU(inplace=True), torch.nn.Linear(6, 2))


@pytest.mark.parametrize("make", [Recurrent, Attending, normed, convolution])
def test_layers_of_all_kinds(make: Any) -> None:
    # those without a rule for vmap or forward derivatives go other ways
    torch.manual_seed(0)
    model, (X, _) = make().double().eval(), data(5, 2)
    outputs = model(X).shape[1]
    wanted = outputs**0.5 * by_autograd(model, X)
    frozen = freeze(model, None, None)
    np.testing.assert_allclose(
        jacobian_of(frozen, X, outputs, 3, lambda _: None), wanted, atol=1e-12
    )
    products = JacobianProducts(frozen, X, outputs, 3)
    rng = np.random.default_rng(0)
    V, U = rng.normal(size=(wanted.shape[1], 2)), rng.normal(size=(len(wanted), 2))
    np.testing.assert_allclose(products @ V, wanted @ V, atol=1e-11)
    np.testing.assert_allclose(products.H @ U, wanted.T @ U, atol=1e-11)
    assert torch.backends.mha.get_fastpath_enabled()


def test_what_pytorch_cannot_differentiate_is_said() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 2 * x

        @staticmethod
        def backward(ctx: Any, given: Any) -> Any:
            return 2 * given

    class Old(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1).double()

        def forward(self, x: Any) -> Any:
            return Doubled.apply(self.layer(x))

    (X, _), frozen = data(3, 1), freeze(Old(), None, None)
    with pytest.raises(ValueError, match=r"torch\.func cannot differentiate the model"):
        jacobian_of(frozen, X, 1, 2, lambda _: None)
    with pytest.raises(ValueError, match=r"torch\.func cannot differentiate the model"):
        JacobianProducts(frozen, X, 1, 2) @ np.ones((5, 2))
