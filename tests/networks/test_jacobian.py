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
    from isoloss.networks import jacobian

    monkeypatch.setattr(jacobian, "_COLUMNS", 2)
    model, (X, _) = mlp(), data(7, 2)
    told: list[int] = []
    products = JacobianProducts(freeze(model, None, None), X, 2, 4, told.append)
    V = np.random.default_rng(0).normal(size=(products.shape[1], 5))
    np.testing.assert_allclose(products @ V, 2**0.5 * by_autograd(model, X) @ V, atol=1e-11)
    assert told == [2, 2, 1]
    again = pickle.loads(pickle.dumps(products))
    np.testing.assert_array_equal(again @ V, products @ V)


def test_what_pytorch_cannot_differentiate_is_said() -> None:
    class Rounded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1).double()

        def forward(self, x: Any) -> Any:
            found = self.layer(x)
            return found if float(found.sum()) > 0 else -found

    X, _ = data(3, 1)
    with pytest.raises(ValueError, match=r"torch\.func cannot differentiate the model"):
        jacobian_of(freeze(Rounded(), None, None), X, 1, 2, lambda _: None)
