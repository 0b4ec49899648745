"""linearize() against real training, and its three ways against each other."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
from networks.models import data, features, loss, mlp, torch, value

import isoloss as il

METHODS = ("jacobian", "kernel", "products")


def linearized(model: Any, outputs: int, n: int = 10, **more: Any) -> il.Problem:
    X, y = data(n, outputs)
    return il.networks.linearize(model, X, y, *data(6, outputs, seed=2), **more)


def trained(model: Any, batches: Any, y: Any, X: Any, **settings: Any) -> Any:
    """Return a copy of a model that PyTorch's SGD has trained on batches of rows."""
    found = copy.deepcopy(model)
    optimizer = torch.optim.SGD([p for p in found.parameters() if p.requires_grad], **settings)
    for rows in batches:
        optimizer.zero_grad()
        loss(found, X[rows], y[rows]).backward()
        optimizer.step()
    return found


def flat(model: Any) -> np.ndarray:
    parts = [p.detach().numpy().ravel() for p in model.parameters() if p.requires_grad]
    return np.concatenate(parts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(
    ("momentum", "nesterov", "weight_decay"),
    [(0.0, False, 0.0), (0.0, False, 0.3), (0.8, False, 0.0), (0.8, True, 0.1)],
)
def test_a_model_linear_in_its_parameters_trains_as_in_pytorch(
    method: str, outputs: int, momentum: float, nesterov: bool, weight_decay: float
) -> None:
    model = features(outputs)
    kind: Any = il.Nesterov if nesterov else il.HeavyBall
    if momentum:
        schedule = kind(0.05, momentum, 25, weight_decay=weight_decay)
    else:
        schedule = il.GradientDescent(0.1, 25, weight_decay=weight_decay)
    more = {"schedules": schedule, "rtol": 1e-12} if method == "products" else {}
    problem = linearized(model, outputs, method=method, **more)
    (X, y), (X_test, y_test) = data(10, outputs), data(6, outputs, seed=2)
    settings = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    lr = 0.05 if momentum else 0.1
    real = trained(model, [slice(None)] * 25, y, X, lr=lr, **settings)
    run = il.train(problem, schedule)
    np.testing.assert_allclose(run.coef(), flat(real), atol=1e-10)
    np.testing.assert_allclose(run.train_loss, value(real, X, y), rtol=1e-10)
    np.testing.assert_allclose(run.test_loss, value(real, X_test, y_test), rtol=1e-10)
    penalty = value(real, X, y) + 0.5 * weight_decay * np.sum(flat(real) ** 2)
    np.testing.assert_allclose(run.penalized_train_loss(weight_decay), penalty, rtol=1e-10)


@pytest.mark.parametrize("method", ["jacobian", "kernel"])
@pytest.mark.parametrize("replacement", [True, False])
def test_minibatches_take_all_outputs_of_an_input(method: str, replacement: bool) -> None:
    # every sequence of two batches, trained by PyTorch
    model, n, size = features(2), 3, 2
    problem = linearized(model, 2, n=n, method=method)
    (X, y), (X_test, y_test) = data(n, 2), data(6, 2, seed=2)
    batches = list(
        itertools.product(range(n), repeat=size)
        if replacement
        else itertools.combinations(range(n), size)
    )
    found = []
    for chosen in itertools.product(batches, repeat=2):
        real = trained(model, [list(rows) for rows in chosen], y, X, lr=0.2, weight_decay=0.1)
        found.append([value(real, X, y), value(real, X_test, y_test)])
    sampling: Any = "replacement" if replacement else "without_replacement"
    schedule = il.GradientDescent(0.2, 2, batch_size=size, sampling=sampling, weight_decay=0.1)
    run = il.train(problem, schedule)
    wanted = np.mean(found, axis=0)
    np.testing.assert_allclose([run.train_loss, run.test_loss], wanted, rtol=1e-10)
    runs = 4000
    drawn = il.simulate(problem, schedule, runs, seed=0)
    error = np.std(found, axis=0) / runs**0.5
    for name, mean, width in zip(("train_loss", "test_loss"), wanted, error, strict=True):
        assert abs(np.mean(getattr(drawn, name)) - mean) < 4 * width


def test_the_largest_rate_of_minibatches_is_where_the_expectation_stays() -> None:
    problem = linearized(features(2), 2)
    rate = float(problem.max_lr_for(3))
    assert rate < float(problem.max_lr)
    excess = []
    for factor in (0.98, 1.02):
        runs = [
            il.train(problem, il.GradientDescent(factor * rate, steps, batch_size=3))
            for steps in (300, 600)
        ]
        excess.append(float(runs[1].train_loss) / float(runs[0].train_loss))
    assert excess[0] < 1.001
    assert excess[1] > 1.1


def test_gaussian_rows_of_several_outputs_are_refused() -> None:
    problem = linearized(features(2), 2)
    with pytest.raises(ValueError, match="an input of this problem has 2 outputs, which share"):
        il.train(problem, il.GradientDescent(0.1, 3, batch_size=2, sampling="gaussian"))
    single = linearized(features(1), 1)
    il.train(single, il.GradientDescent(0.1, 3, batch_size=2, sampling="gaussian"))


def test_products_take_no_minibatches() -> None:
    problem = linearized(features(2), 2, method="products")
    phase = il.GradientDescent(0.1, 3, batch_size=2, sampling="gaussian")
    for call in (
        lambda: il.train(problem, phase),
        lambda: il.simulate(problem, phase, 3, seed=0),
        lambda: problem.max_lr_for(2, sampling="gaussian"),
    ):
        with pytest.raises(ValueError, match="minibatches leave the space of"):
            call()


def test_a_batch_is_no_larger_than_the_inputs() -> None:
    problem = linearized(features(2), 2)
    phase = il.GradientDescent(0.1, 3, batch_size=11, sampling="without_replacement")
    with pytest.raises(ValueError, match="batch_size=11 is more than the 10 train rows"):
        il.train(problem, phase)


@pytest.mark.parametrize("outputs", [1, 3])
def test_all_ways_agree(outputs: int) -> None:
    model = mlp(outputs=outputs)
    problems = [
        linearized(
            model,
            outputs,
            method=method,
            batch_size=4,
            schedules=["gd(0.9, 40)", "gd(0.3, 40, weight_decay=0.05)"],
        )
        for method in METHODS
    ]
    rate = float(problems[0].max_lr)
    schedules = [
        il.GradientDescent(0.9 * rate, 40),
        il.GradientDescent(0.3 * rate, 40, weight_decay=0.05 / rate),
        il.GradientFlow(time=20 * rate),
    ]
    level = 0.6 * float(problems[0].start_train_loss)
    for schedule in schedules:
        for stop in (None, level):
            runs = [il.train(problem, schedule, stop) for problem in problems]
            for run in runs[1:]:
                np.testing.assert_allclose(run.train_loss, runs[0].train_loss, rtol=1e-9)
                np.testing.assert_allclose(run.test_loss, runs[0].test_loss, rtol=1e-9)
                np.testing.assert_allclose(run.coef(), runs[0].coef(), atol=1e-9)
    np.testing.assert_allclose(
        problems[1].curvature[: 10 * outputs], problems[0].curvature, rtol=1e-9
    )
    reached = [il.reachable_band(problem, level) for problem in problems]
    for band in reached[1:]:
        np.testing.assert_allclose(band.lowest, reached[0].lowest, rtol=1e-5)


def test_the_last_layer_alone() -> None:
    model = mlp()
    problem = linearized(model, 2, parameters="4.*")
    (X, y), hidden = data(10, 2), model[:4]
    inputs = torch.cat([hidden(X), torch.ones(10, 1)], dim=1).detach().numpy()
    start = np.vstack([model[4].weight.detach().numpy().T, model[4].bias.detach().numpy()])
    wanted = il.Problem.from_data(inputs, y.numpy(), start=start)
    run, plain = (il.train(each, il.GradientDescent(0.05, 30)) for each in (problem, wanted))
    np.testing.assert_allclose(run.train_loss, plain.train_loss, rtol=1e-12)
    weight, bias = np.split(run.coef(), [24])
    np.testing.assert_allclose(weight.reshape(2, 12).T, plain.coef()[:12], atol=1e-12)
    np.testing.assert_allclose(bias, plain.coef()[12], atol=1e-12)


@pytest.mark.parametrize(
    ("size", "wanted"), [((10**8, 1000), "jacobian"), ((0, 20), "kernel"), ((0, 19), "products")]
)
def test_the_way_is_chosen_by_size(
    size: tuple[int, int], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in zip(("_JACOBIAN", "_KERNEL"), size, strict=True):
        monkeypatch.setitem(il.networks.linearize.__globals__, name, most)
    problem = linearized(features(2), 2)
    found = "products" if problem.reduction is not None else "jacobian"
    if found == "jacobian" and type(problem._reduced.rows).__name__ == "RowsAlong":
        found = "kernel"
    assert found == wanted


def test_the_model_stays_as_it_is() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Dropout(0.5), torch.nn.Linear(5, 1))
    model.eval()
    model[2].train()
    before = copy.deepcopy(model.state_dict())
    problem = il.networks.linearize(model, *data(5, 1))
    assert problem.start_train_loss.dtype == np.float64
    assert [module.training for module in model] == [False, False, True]
    for name, kept in model.state_dict().items():
        assert kept.dtype == torch.float32
        assert torch.equal(kept, before[name])
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"method": "ntk"}, ValueError, "method must be 'auto', 'jacobian', .*; got 'ntk'"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1; got 0"),
        ({"X_test": torch.ones(2, 4)}, ValueError, "X_test is given without y_test"),
    ],
)
def test_settings_are_checked(change: Any, error: type[Exception], message: str) -> None:
    X, y = data(5, 2)
    with pytest.raises(error, match=message):
        il.networks.linearize(features(2), X, y, **change)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_shown_where_there_is_no_terminal(
    method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    linearized(features(2), 2, method=method)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_ends_it(method: str) -> None:
    class Interrupted(torch.nn.Module):
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            Interrupted.calls += 1
            if Interrupted.calls > 3:  # the outputs take three
                raise KeyboardInterrupt
            return self.layer(x)

    with pytest.raises(KeyboardInterrupt):
        il.networks.linearize(Interrupted(), *data(10, 2), method=method)


def test_a_kernel_that_hides_directions_says_so() -> None:
    # the kernel of two rows that differ by 1e-9 has rank one in float64
    X, y = data(6, 1)
    X[1] = X[0] + 1e-9
    found = il.networks.linearize(features(1), X, y, method="kernel")
    assert found.left_out is not None
    assert found.left_out.directions == 1
    assert 1e-16 < found.left_out.curvature / float(found.curvature[0]) < 1e-14
    whole = il.networks.linearize(features(1), X, y, method="jacobian")
    assert whole.left_out is None
    assert whole.curvature.size == 6


def test_problems_of_several_outputs_enter_sweeps() -> None:
    sweep = pytest.importorskip(
        "isoloss.sweep", reason="sweeps need the extra sweep", exc_type=ImportError
    ).sweep
    problem = linearized(features(2), 2)
    found = sweep([problem], {"a": "gd(0.2, 5, batch_size=3)"}, [0.5], progress=False)
    assert np.isfinite(found.test_loss).all()


@pytest.mark.parametrize("method", ["jacobian", "kernel", "products"])
def test_outputs_without_derivatives_are_refused_but_not_a_perfect_fit(method: str) -> None:
    X, Y = data(6, 2)
    model = mlp()
    fitted = il.networks.linearize(model, X, model(X).detach(), method=method)
    assert fitted.start_train_loss == 0
    model[-1].weight.data.zero_()
    with pytest.raises(ValueError, match="all derivatives are 0"):
        il.networks.linearize(model, X, Y, parameters="0.*", method=method)
