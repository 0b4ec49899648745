"""apply(model, run): a trained linearisation as a predictor, and as parameters of the model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.run import Run
from isoloss.networks.frozen_model import FrozenModel, freeze
from isoloss.networks.jacobian import JacobianProducts
from isoloss.networks.loading import load_torch
from isoloss.networks.reading import read_batch_size, read_inputs

__all__ = ["LinearizedModel", "apply"]

Floats = npt.NDArray[np.float64]


class LinearizedModel:
    """A model's linearisation with trained parameters, as `apply` returns it.

    Call it on inputs for its predictions f₀ + J(θ - θ₀). `updated` puts θ into the model itself.

    Attributes
    ----------
    coef : array, shape (p,)
        The parameters θ, one after the other.
    """

    def __init__(self, model: Any, frozen: FrozenModel, coef: Floats, rows: int) -> None:
        self._user_model, self._frozen, self._rows = model, frozen, rows
        self.coef = coef

    def __call__(self, X: Any) -> Floats:
        """Return the predictions for inputs, of the shape of the model's outputs.

        Parameters
        ----------
        X : array_like or tensor
            Inputs, as the model takes them.

        Returns
        -------
        array
            The predictions.
        """
        inputs = read_inputs("X", X, self._frozen)
        found = self._frozen.first_outputs("X", inputs, self._rows)
        outputs = found[0].numel()
        products = JacobianProducts(self._frozen, inputs, outputs, self._rows)
        moved = products @ (self.coef - self._frozen.start) / outputs**0.5
        return np.asarray(found.cpu().numpy() + moved.reshape(found.shape))

    def updated(self) -> Any:
        """Return a copy of the model with the trained parameters, in the model's own precision.

        Its outputs differ from the linearisation's by terms of second order in θ - θ₀.

        Returns
        -------
        torch.nn.Module
            The copy; the model that was given stays as it is.
        """
        torch = load_torch()
        found = copy.deepcopy(self._user_model)
        values, own = self._frozen.as_values(self.coef), dict(found.named_parameters())
        with torch.no_grad():
            for name, value in values.items():
                own[name].copy_(value)
        return found

    def __repr__(self) -> str:
        name = type(self._user_model).__name__
        return f"LinearizedModel({name}, {self.coef.size} parameters)"


def apply(
    model: Any,
    run: Run,
    *,
    parameters: str | Sequence[str] | None = None,
    batch_size: int | None = None,
    device: Any = None,
) -> LinearizedModel:
    """Return the linearised model that a run has trained, as a predictor for new inputs.

    Parameters
    ----------
    model : torch.nn.Module
        The model that was given to `linearize`, with the same parameters as then.
    run : Run
        A single run: one schedule to one train loss, or to its end.
    parameters, batch_size, device
        As given to `linearize`.

    Returns
    -------
    LinearizedModel
        Call it on inputs; its ``updated()`` is a copy of the model with the trained parameters.

    Raises
    ------
    TypeError
        If ``run`` is not a `Run`.
    ValueError
        If the run does not belong to this model's linearisation, or holds several runs.

    Examples
    --------
    >>> import torch
    >>> import isoloss as il
    >>> model = torch.nn.Linear(2, 1).double()  # its own linearisation
    >>> X, y = torch.eye(2), torch.ones(2, 1)
    >>> run = il.train(il.networks.linearize(model, X, y), "gd(0.5, 200)")
    >>> linearized = il.networks.apply(model, run)
    >>> linearized(X).round(6)
    array([[1.], [1.]])
    >>> linearized.updated()(X.double()).detach().numpy().round(6)
    array([[1.], [1.]])
    """
    if not isinstance(run, Run):
        raise TypeError(f"run must be a Run, as il.train returns it; got {type(run).__name__}")
    rows = read_batch_size(batch_size)
    frozen = freeze(model, parameters, device)
    coordinates = run.problem._reduced.coordinates
    start = None if coordinates is None else np.asarray(coordinates.start)
    if start is None or start.shape != (frozen.start.size, 1):
        trained = "none" if start is None else f"{start.shape[0]}"
        raise ValueError(
            f"the run does not belong to this model's linearisation: the model trains "
            f"{frozen.start.size} parameters, and the run's problem has {trained}; give the same "
            "model and parameters as to networks.linearize"
        )
    if not np.array_equal(start[:, 0], frozen.start):
        raise ValueError(
            "the model's parameters have changed since networks.linearize; give the model as it "
            "was then, such as a copy made by copy.deepcopy(model)"
        )
    coef = np.asarray(run.coef())
    if coef.ndim != 1:
        raise ValueError(
            f"run must be a single run; got several, of shape {coef.shape[:-1]}: take one, such as "
            "run.at(0)"
        )
    return LinearizedModel(model, frozen, coef, rows)
