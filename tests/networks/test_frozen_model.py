"""What a model must be to have a linearisation, and what is said if it is not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from networks.models import data, features, mlp, torch, value

import isoloss as il

X, Y = data(6, 2)


class Wrapped(torch.nn.Module):
    """A linear layer with something done to its outputs."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.layer, self.change = torch.nn.Linear(4, 2).double(), change

    def forward(self, x: Any) -> Any:
        return self.change(self.layer(x))


class Counting(torch.nn.Module):
    """A layer that counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.layer(x)


def lazy() -> Any:
    return torch.nn.LazyLinear(2)


def infinite() -> Any:
    model = mlp()
    with torch.no_grad():
        model[0].bias[0] = torch.inf
    return model


def scripted() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(mlp())


def hooked(model: Any) -> Any:
    model[0].weight.register_hook(lambda gradient: 2 * gradient)
    return model


def before(layer: Any) -> Any:
    return torch.nn.Sequential(layer, torch.nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: lambda x: x, TypeError, "model must be a torch.nn.Module; got function"),
        (lambda: before(torch.nn.Dropout(0.2)), ValueError, r"0 \(Dropout\) drops units at random"),
        (lambda: before(torch.nn.BatchNorm1d(4)), ValueError, "is in train mode, where a row's"),
        (
            lambda: before(torch.nn.BatchNorm1d(4, track_running_stats=False)).eval(),
            ValueError,
            "has no running statistics",
        ),
        (lambda: mlp().half(), ValueError, "0.weight is float16; the model must be in float32"),
        (lambda: mlp().bfloat16(), ValueError, "0.weight is bfloat16; the model must be"),
        (lazy, ValueError, "weight has no shape yet; call the model once"),
        (infinite, ValueError, "the parameter 0.bias must be finite; it has NaN or infinity"),
        (
            lambda: mlp().requires_grad_(False),
            ValueError,
            "no parameter that requires a gradient",
        ),
        (lambda: Wrapped(lambda out: (out, out)), TypeError, "must return one tensor .* got tuple"),
        (lambda: Wrapped(lambda out: out.argmax(1)), TypeError, "got torch.int64"),
        (lambda: Wrapped(lambda out: out.float()), ValueError, "computes in float32 even if"),
        (lambda: Wrapped(lambda out: out.sum()), ValueError, r"a row for each row of X; got shape"),
        (lambda: Wrapped(torch.log), ValueError, "outputs for X must be finite"),
        (lambda: Wrapped(lambda out: out - out.mean(0)), ValueError, "depends on the other rows"),
        (lambda: Wrapped(torch.nn.functional.dropout), ValueError, "depends on the other rows"),
        (
            lambda: Wrapped(lambda out: (0 * out).sqrt()),
            ValueError,
            "derivatives .* are not finite",
        ),
        (lambda: Wrapped(lambda out: out.detach()), ValueError, "do not depend on the parameters"),
        (scripted, TypeError, "compiled by torch.jit"),
        (lambda: mlp().to("meta"), ValueError, "0.weight is on the meta device"),
        (lambda: hooked(mlp()), ValueError, "0.weight has a hook that may change its gradient"),
        (
            lambda: torch.nn.Sequential(torch.nn.Embedding(5, 3, max_norm=1.0)),
            ValueError,
            r"0 \(Embedding\) has max_norm, with which training is not gradient desc",
        ),
        (Counting, ValueError, "the model changes its buffer 'calls' whenever it is evaluated"),
        (lambda: torch.nn.Linear(3, 2), ValueError, r"cannot take X, whose rows have shape \(4,\)"),
    ],
)
def test_models_without_a_linearisation_are_refused(
    model: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        il.networks.linearize(model(), X, Y)


def test_models_may_change_their_inputs_in_place() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 2).double()

    class Scaled(torch.nn.Module):
        def __init__(self, change: Any) -> None:
            super().__init__()
            self.layer, self.change = layer, change

        def forward(self, x: Any) -> Any:
            return self.layer(self.change(x))

    kept = X.clone()
    found, plain = (
        il.networks.linearize(Scaled(change), X, Y)
        for change in (lambda x: x.mul_(2), lambda x: 2 * x)
    )
    np.testing.assert_allclose(found.curvature, plain.curvature, rtol=1e-12)
    assert found.start_train_loss == pytest.approx(plain.start_train_loss, rel=1e-12)
    assert torch.equal(X, kept)


def test_batch_norm_and_dropout_in_eval_mode_are_constants() -> None:
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm1d(4)
    norm(torch.randn(50, 4) * 3 + 1)
    model = torch.nn.Sequential(norm, torch.nn.Dropout(), torch.nn.Linear(4, 2)).double().eval()
    problem = il.networks.linearize(model, X, Y)
    assert float(problem.start_train_loss) == pytest.approx(value(model, X, Y), rel=1e-12)
    assert il.train(problem, il.GradientDescent(0.01, 3)).coef().shape == (18,)


def test_frozen_parameters_are_constants() -> None:
    problem = il.networks.linearize(features(2), X, Y)
    assert il.train(problem, il.GradientDescent(0.01, 3)).coef().shape == (16,)


def test_shared_parameters_are_one() -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Linear(4, 4)
            self.second = torch.nn.Linear(4, 4)
            self.second.weight = self.first.weight

        def forward(self, x: Any) -> Any:
            return self.second(torch.tanh(self.first(x)))

    torch.manual_seed(0)
    model = Tied().double()
    inputs, targets = data(5, 4)
    problem = il.networks.linearize(model, inputs, targets)
    assert il.train(problem, il.GradientDescent(0.01, 1)).coef().shape == (24,)
    torch.nn.functional.mse_loss(model(inputs), targets).backward()  # a mean over outputs, too
    gradient = 4 * np.concatenate([p.grad.numpy().ravel() for p in model.parameters()])
    start = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    run = il.train(problem, il.GradientDescent(0.01, 1))
    np.testing.assert_allclose(run.coef(), start - 0.01 * gradient, atol=1e-14)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ("tail.*", ValueError, "'tail.*' matches no parameter; the model trains head.weight, head"),
        ("hidden.*", ValueError, "'hidden.*' matches no parameter that requires a gradient"),
        ([], ValueError, "parameters must name at least one parameter"),
        ([3], TypeError, "parameters must be names or patterns such as 'head.*'; got int"),
    ],
)
def test_parameters_are_names(parameters: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        il.networks.linearize(features(2), X, Y, parameters=parameters)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("nonsense", "device: .*nonsense"),
        ("mps", "mps devices have no float64"),
        pytest.param(
            "cuda",
            "device='cuda' is asked for, but PyTorch finds no CUDA device",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is one"),
        ),
    ],
)
def test_devices_are_checked(device: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        il.networks.linearize(mlp(), X, Y, device=device)
