"""Trained linearisations as predictors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from networks.models import data, features, mlp, torch, value

import isoloss as il


@pytest.mark.parametrize("method", ["jacobian", "kernel", "products"])
def test_predictions_have_the_losses_of_the_run(method: str) -> None:
    model, (X, y), (X_test, y_test) = mlp(), data(10, 2), data(6, 2, seed=2)
    problem = il.networks.linearize(model, X, y, X_test, y_test, method=method)
    run = il.train(problem, il.GradientDescent(0.5 * float(problem.max_lr), 20))
    linearized = il.networks.apply(model, run, batch_size=4)
    for inputs, targets, wanted in ((X, y, run.train_loss), (X_test, y_test, run.test_loss)):
        errors = linearized(inputs) - targets.numpy()
        np.testing.assert_allclose(np.sum(errors**2, axis=1).mean(), wanted, rtol=1e-9)
    assert repr(linearized) == "LinearizedModel(Sequential, 242 parameters)"
    again = il.networks.apply(model, pickle.loads(pickle.dumps(run)))
    np.testing.assert_array_equal(again.coef, linearized.coef)


def test_a_model_linear_in_its_parameters_is_its_linearisation() -> None:
    model, (X, y) = features(3).float(), data(10, 3)
    before = copy.deepcopy(model.state_dict())
    run = il.train(il.networks.linearize(model, X, y), il.GradientDescent(0.1, 20))
    linearized = il.networks.apply(model, run)
    updated = linearized.updated()
    assert updated.head.weight.dtype == torch.float32
    assert updated.training
    np.testing.assert_allclose(linearized(X), updated(X.float()).detach().numpy(), atol=1e-5)
    assert value(updated.double(), X, y) == pytest.approx(float(run.train_loss), rel=1e-5)
    assert all(torch.equal(kept, before[name]) for name, kept in model.state_dict().items())


def test_the_last_layer_alone() -> None:
    model, (X, y) = mlp(), data(10, 2)
    problem = il.networks.linearize(model, X, y, parameters="4.*")
    run = il.train(problem, il.GradientDescent(0.05, 20))
    linearized = il.networks.apply(model, run, parameters="4.*")
    updated = linearized.updated()
    np.testing.assert_allclose(linearized(X), updated(X).detach().numpy(), atol=1e-12)
    assert torch.equal(updated[0].weight, model[0].weight)
    with pytest.raises(ValueError, match="the model trains 242 parameters, and the run's problem"):
        il.networks.apply(model, run)


def test_other_runs_and_models_are_refused() -> None:
    model, (X, y) = mlp(), data(10, 2)
    problem = il.networks.linearize(model, X, y)
    run = il.train(problem, il.GradientDescent(0.05, 20), train_loss=[0.5, 0.3])
    with pytest.raises(ValueError, match=r"got several, of shape \(2,\): take one, such as"):
        il.networks.apply(model, run)
    assert il.networks.apply(model, run.at(0)).coef.shape == (242,)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1; got 0"):
        il.networks.apply(model, run.at(0), batch_size=0)
    changed: Any = mlp(seed=1)
    with pytest.raises(ValueError, match="the model's parameters have changed since"):
        il.networks.apply(changed, run.at(0))
    spectra = il.Problem.from_spectra([1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match="the run's problem has none"):
        il.networks.apply(model, il.train(spectra, "flow", 0.5))
    with pytest.raises(TypeError, match=r"run must be a Run, as il.train returns it; got str"):
        il.networks.apply(model, "flow")  # type: ignore[arg-type]  # wrong on purpose
