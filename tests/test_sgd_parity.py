"""``torch.optim.SGD`` beside isoloss: 200 random settings, and the mean of minibatch runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pytest

import isoloss as il

torch = pytest.importorskip("torch", reason="the extra torch")

CLOSE = 1e-11


class Segment(NamedTuple):
    """Steps under one setting of the optimizer."""

    rates: list[float]
    momenta: list[float]
    weight_decay: float


class Case(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    start: np.ndarray
    fit_intercept: bool
    nesterov: bool
    dampening: float
    segments: list[Segment]


def case(seed: int) -> Case:
    """Return a random stable configuration, with the corner cases of PyTorch's momentum."""
    rng = np.random.default_rng(seed)
    n, d = rng.integers(2, 13), rng.integers(1, 6)
    fit_intercept = bool(rng.integers(2))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-1, 1)
    start = rng.normal(size=d + fit_intercept) * rng.integers(2)
    nesterov = bool(rng.integers(2))
    dampening = 0.0 if nesterov else float(rng.choice([0.0, 0.1, 0.5, 1.0]))
    inputs = np.column_stack([X, np.ones(n)]) if fit_intercept else X
    top = float(np.linalg.eigvalsh(inputs.T @ inputs / n).max())
    segments = []
    for _ in range(rng.integers(1, 4)):
        steps = int(rng.integers(1, 25))
        momenta = rng.uniform(0.0, 0.95, steps) if rng.integers(2) else np.full(steps, 0.9)
        momenta[rng.random(steps) < 0.2 * rng.integers(2)] = 0.0
        rates = rng.uniform(0, 0.4, steps) if rng.integers(2) else np.full(steps, 0.3)
        decay = float(rng.choice([0.0, 1e-4, 0.1, 1.0])) * top
        segments.append(Segment((rates / top).tolist(), momenta.tolist(), decay))
    return Case(X, rng.normal(size=n), start, fit_intercept, nesterov, dampening, segments)


def by_isoloss(case: Case) -> np.ndarray:
    problem = il.Problem.from_data(
        case.X, case.y, start=case.start, fit_intercept=case.fit_intercept
    )
    phases: list[Any] = []
    for segment in case.segments:
        settings: dict[str, Any] = {"weight_decay": segment.weight_decay, "carry_velocity": True}
        if case.nesterov:
            phases.append(il.Nesterov(segment.rates, segment.momenta, **settings))
        else:
            settings["dampening"] = case.dampening
            phases.append(il.HeavyBall(segment.rates, segment.momenta, **settings))
    run = il.train(problem, il.Schedule(*phases))
    return np.append(run.coef(), run.intercept()) if case.fit_intercept else run.coef()


def by_torch(case: Case) -> np.ndarray:
    inputs = np.column_stack([case.X, np.ones(len(case.X))]) if case.fit_intercept else case.X
    X, y = torch.tensor(inputs), torch.tensor(case.y)
    weights = torch.nn.Parameter(torch.tensor(case.start))
    # the momentum is set before each step; PyTorch wants one above 0 for Nesterov's kind
    sgd = torch.optim.SGD(
        [weights], lr=1.0, momentum=0.5, nesterov=case.nesterov, dampening=case.dampening
    )
    group = sgd.param_groups[0]
    for rates, momenta, group["weight_decay"] in case.segments:
        for group["lr"], group["momentum"] in zip(rates, momenta, strict=True):
            sgd.zero_grad()
            torch.nn.functional.mse_loss(X @ weights, y).backward()
            sgd.step()
    return np.asarray(weights.detach().numpy())


def by_fifty_digits(case: Case) -> np.ndarray:
    inputs = np.column_stack([case.X, np.ones(len(case.X))]) if case.fit_intercept else case.X
    with mp.workdps(50):
        X, y = mp.matrix(inputs.tolist()), mp.matrix(case.y.tolist())
        w, velocity = mp.matrix(case.start.tolist()), None
        for rates, momenta, decay in case.segments:
            for lr, momentum in zip(rates, momenta, strict=True):
                gradient = 2 * X.T * (X * w - y) / X.rows + decay * w
                step = gradient
                if momentum:
                    fresh = 1 - mp.mpf(case.dampening)
                    first = velocity is None
                    velocity = gradient if first else momentum * velocity + fresh * gradient
                    step = gradient + momentum * velocity if case.nesterov else velocity
                w = w - lr * step
        return np.array([float(x) for x in w])


@pytest.mark.parametrize("seed", range(200))
def test_parameters_are_those_of_the_optimizer(seed: int) -> None:
    given = case(seed)
    found, loop = by_isoloss(given), by_torch(given)
    size = max(float(np.linalg.norm(loop)), float(np.linalg.norm(given.start)))
    if np.linalg.norm(found - loop) > CLOSE * size:
        # float64 itself rounds one of the two: the error must be PyTorch's
        assert np.linalg.norm(found - by_fifty_digits(given)) <= CLOSE * size


@pytest.mark.parametrize("seed", range(0, 200, 25))
def test_the_referee_knows_the_optimizer(seed: int) -> None:
    given = case(seed)
    np.testing.assert_allclose(by_torch(given), by_fifty_digits(given), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2])
def test_the_mean_of_minibatch_runs_is_the_expectation(size: int) -> None:
    rng = np.random.default_rng(size)
    X, y = rng.normal(size=(6, 2)), rng.normal(size=6)
    inputs, targets = torch.tensor(X), torch.tensor(y)
    settings: dict[str, Any] = {"momentum": 0.5, "weight_decay": 0.1}
    # the optimizer takes each entry by itself, so that one parameter holds many runs
    runs = 20_000
    weights = torch.nn.Parameter(torch.zeros((runs, 2), dtype=torch.float64))
    sgd = torch.optim.SGD([weights], lr=0.1, **settings)
    torch.manual_seed(0)
    for _ in range(6):
        rows = torch.randint(6, (runs, size))
        sgd.zero_grad()
        misses = torch.einsum("kbi,ki->kb", inputs[rows], weights) - targets[rows]
        torch.sum(torch.mean(misses**2, dim=1)).backward()
        sgd.step()
    losses = torch.mean((weights.detach() @ inputs.T - targets) ** 2, dim=1).numpy()
    mean, error = np.mean(losses), np.std(losses, ddof=1) / runs**0.5
    problem = il.Problem.from_data(X, y)
    phase = il.HeavyBall(0.1, steps=6, batch_size=size, **settings)
    expected = il.train(problem, phase)
    assert abs(mean - float(expected.train_loss)) < 4 * error
    # without the noise, or with that of batches one row larger, the runs would not agree
    full = il.train(problem, il.HeavyBall(0.1, steps=6, **settings))
    other = il.train(problem, il.HeavyBall(0.1, steps=6, batch_size=size + 1, **settings))
    for wrong in (full, other):
        assert abs(mean - float(wrong.train_loss)) > 6 * error
