"""Inputs and targets as users have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks.models import data, mlp, torch

import isoloss as il

X, Y = data(6, 2)


@pytest.mark.parametrize("kind", [lambda t: t.numpy(), lambda t: t.tolist(), lambda t: t.float()])
def test_arrays_lists_and_tensors_are_taken(kind: Any) -> None:
    rounded = X.float().double()
    wanted = il.networks.linearize(mlp(), rounded, Y)
    found = il.networks.linearize(mlp(), kind(rounded), Y)
    np.testing.assert_array_equal(found.curvature, wanted.curvature)


def test_whole_numbers_stay_so_for_embeddings() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Flatten(), torch.nn.Linear(6, 1))
    words = np.array([[0, 1], [2, 2], [4, 0]], dtype=np.int32)
    problem = il.networks.linearize(model, words, [[1.0], [0.0], [2.0]])
    assert il.train(problem, il.GradientDescent(0.01, 2)).coef().shape == (22,)


def test_outputs_may_have_any_shape() -> None:
    model = torch.nn.Sequential(mlp(outputs=6), torch.nn.Unflatten(1, (2, 3)))
    targets = data(6, 6)[1]
    found = il.networks.linearize(model, X, targets.reshape(6, 2, 3))
    wanted = il.networks.linearize(mlp(outputs=6), X, targets)
    np.testing.assert_allclose(found.curvature, wanted.curvature, rtol=1e-12)
    single = torch.nn.Sequential(mlp(outputs=1), torch.nn.Flatten(0))
    assert float(il.networks.linearize(single, X, Y[:, 0]).start_train_loss) > 0


DATASET = torch.utils.data.TensorDataset(X, Y)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"X": torch.utils.data.DataLoader(DATASET)}, TypeError, "got DataLoader: stack its"),
        ({"X": DATASET}, TypeError, "got TensorDataset: stack its"),
        ({"X": {"a": X}}, TypeError, "X must hold real numbers"),
        ({"X": X[:0], "y": Y[:0]}, ValueError, r"and not be empty; got shape \(0, 4\)"),
        ({"X": X * torch.nan}, ValueError, "X must be finite; got NaN or infinity"),
        ({"X": torch.ones(6, 4, dtype=torch.int64)}, ValueError, r"layers, give X.astype\(float\)"),
        ({"y": Y[:5]}, ValueError, r"shape of the model's outputs for X, \(6, 2\); got \(5, 2\)$"),
        ({"y": torch.tensor([0, 1, 1, 0, 1, 0])}, ValueError, r"one_hot\(y, 2\)"),
        ({"y": Y * torch.inf}, ValueError, "y must be finite; got NaN or infinity"),
        ({"y": ["a"] * 6}, TypeError, "y must hold real numbers"),
        ({"y": Y[:, 0], "model": mlp(outputs=1)}, ValueError, r"give y\[:, None\] \(with these"),
        (
            {"y": Y[:, :1], "model": torch.nn.Sequential(mlp(outputs=1), torch.nn.Flatten(0))},
            ValueError,
            r"give y\[:, 0\]",
        ),
        ({"X_test": X[:, :3], "y_test": Y}, ValueError, "the model cannot take X_test"),
        ({"X_test": X, "y_test": Y[:, :1]}, ValueError, "y_test must have the shape of the"),
    ],
)
def test_what_cannot_be_read_is_refused(change: Any, error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"model": mlp(), "X": X, "y": Y} | change
    with pytest.raises(error, match=message):
        il.networks.linearize(**given)
