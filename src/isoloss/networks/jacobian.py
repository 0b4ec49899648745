"""The derivatives J of a model's outputs by its parameters: as an array, or through products."""

from __future__ import annotations

import contextlib
import operator
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from isoloss.networks.frozen_model import FrozenModel
from isoloss.networks.loading import load_torch

__all__ = ["ROWS", "JacobianProducts", "jacobian_of"]

Floats = npt.NDArray[np.float64]

ROWS = 256
"""How many rows go through the model at once, unless the user says otherwise."""
_NUMBERS = 2**25  # the largest block of numbers made at once, a quarter of a GB
_COLUMNS = 32  # products made at once


def jacobian_of(
    model: FrozenModel, inputs: Any, outputs: int, rows: int, told: Callable[[int], None]
) -> Floats:
    """Return √m·J with a row for each input and output, shape (n·m, p).

    It calls ``told`` with the number of inputs in each block when they are done.
    """
    torch = load_torch()

    def alone(values: dict[str, Any], row: Any) -> Any:
        return model.outputs(values, row[None]).reshape(outputs)

    each = torch.func.vmap(torch.func.jacrev(alone), in_dims=(None, 0))
    size = model.start.size
    found = np.empty((len(inputs) * outputs, size))
    done = 0
    for some in inputs.split(max(1, min(rows, _NUMBERS // (size * outputs)))):
        with _explained():
            try:
                block = model.as_numbers(each(model.values, some), 2)
            except RuntimeError:  # recurrent layers, for one, do not go through vmap
                block = _one_by_one(model, alone, some, outputs)
        found[done : done + len(some) * outputs] = block.reshape(-1, size)
        done += len(some) * outputs
        told(len(some))
    found *= outputs**0.5
    return _finite(found)


def _one_by_one(
    model: FrozenModel, alone: Callable[[dict[str, Any], Any], Any], inputs: Any, outputs: int
) -> Floats:
    """Return the derivatives (b, m, p) of each row and output on its own."""
    torch = load_torch()
    units = torch.eye(outputs, dtype=torch.float64, device=model.device)
    found = []
    for row in inputs:
        _, pull = torch.func.vjp(lambda values, row=row: alone(values, row), model.values)
        found.append([model.as_numbers(pull(unit)[0], 0) for unit in units])
    return np.asarray(found)


class JacobianProducts(LinearOperator):
    """√m·J, shape (n·m, p), known by its products: forward passes give J V, backward passes Jᵀ U.

    The factor √m makes a mean over its n·m rows equal to the loss, which is a mean over n rows.
    """

    def __init__(
        self,
        model: FrozenModel,
        inputs: Any,
        outputs: int,
        rows: int,
        told: Callable[[int], None] | None = None,
    ) -> None:
        """Take inputs as `FrozenModel.outputs` does; call ``told`` with each number of products."""
        self._model, self._inputs, self._outputs = model, inputs, outputs
        self._rows, self._told = rows, told
        shape = len(inputs) * outputs, model.start.size
        super().__init__(np.dtype(np.float64), shape)  # type: ignore[call-arg] # made by __new__

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the function that shows the progress: it only works during the call."""
        return self.__dict__ | {"_told": None}

    def _matvec(self, x: Any) -> Floats:
        return self._matmat(np.reshape(x, (-1, 1)))

    def _rmatvec(self, x: Any) -> Floats:
        return self._rmatmat(np.reshape(x, (-1, 1)))

    def _matmat(self, X: Any) -> Floats:
        torch, model = load_torch(), self._model
        found = np.empty((self.shape[0], X.shape[1]))
        for columns in self._blocks(X.shape[1]):
            tangents = model.as_values(np.asarray(X[:, columns]).T)
            done = 0
            for some in self._inputs.split(self._rows):
                pushed = partial(_pushed, torch, model, some)
                with _explained():
                    moved = _over_columns(torch, pushed, tangents)
                block = moved.reshape(len(moved), -1).detach().cpu().numpy()
                found[done : done + block.shape[1], columns] = block.T
                done += block.shape[1]
            self._tell(columns)
        found *= self._outputs**0.5
        return _finite(found)

    def _rmatmat(self, X: Any) -> Floats:
        return self.of_rows(slice(0, len(self._inputs)), X)

    def of_rows(self, place: slice, X: Any) -> Floats:
        """Return the transpose's product with X, whose rows are those of some inputs alone."""
        torch, model = load_torch(), self._model
        found = np.zeros((self.shape[1], X.shape[1]))
        X = X * self._outputs**0.5
        for columns in self._blocks(X.shape[1]):
            done = 0
            for some in self._inputs[place].split(self._rows):

                def outputs(values: dict[str, Any], some: Any = some) -> Any:
                    return model.outputs(values, some)

                with _explained():
                    made, pull = torch.func.vjp(outputs, model.values)
                    along = np.ascontiguousarray(X[done : done + made.numel(), columns].T)
                    turned = torch.as_tensor(along, device=model.device)
                    pulled = _over_columns(torch, pull, turned.reshape(-1, *made.shape))[0]
                found[:, columns] += model.as_numbers(pulled, 1).T
                done += made.numel()
            self._tell(columns)
        return _finite(found)

    def _blocks(self, count: int) -> Iterator[slice]:
        width = max(1, min(_COLUMNS, _NUMBERS // self.shape[1]))
        for first in range(0, count, width):
            yield slice(first, min(first + width, count))

    def _tell(self, columns: slice) -> None:
        if self._told is not None:
            self._told(columns.stop - columns.start)


def _pushed(torch: Any, model: FrozenModel, inputs: Any, tangent: dict[str, Any]) -> Any:
    """Return the derivative of the outputs along a change of the parameters."""

    def outputs(values: dict[str, Any]) -> Any:
        return model.outputs(values, inputs)

    try:
        return torch.func.jvp(outputs, (model.values,), (tangent,))[1]
    except RuntimeError:  # some layers have no forward derivative: transpose Jᵀu, linear in u

        def transposed(along: Any) -> Any:
            return torch.func.vjp(outputs, model.values)[1](along)[0]

        zeros = torch.zeros_like(outputs(model.values))
        return torch.func.vjp(transposed, zeros)[1](tangent)[0]


def _over_columns(torch: Any, product: Callable[[Any], Any], columns: Any) -> Any:
    """Return products with columns: tensors, or dicts of them, stacked along the first axis."""
    first = columns if isinstance(columns, torch.Tensor) else next(iter(columns.values()))
    if len(first) > 1:
        with contextlib.suppress(RuntimeError):  # not all layers go through vmap
            return torch.func.vmap(product)(columns)
    several = [product(_each(operator.itemgetter(i), columns)) for i in range(len(first))]
    return _stacked(torch, several)


def _stacked(torch: Any, several: list[Any]) -> Any:
    first = several[0]
    if isinstance(first, tuple):
        return tuple(_stacked(torch, list(each)) for each in zip(*several, strict=True))
    if isinstance(first, dict):
        return {name: torch.stack([each[name] for each in several]) for name in first}
    return torch.stack(several)


def _each(change: Callable[[Any], Any], tensors: Any) -> Any:
    if isinstance(tensors, dict):
        return {name: change(value) for name, value in tensors.items()}
    return change(tensors)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Say what failed where PyTorch cannot differentiate a model."""
    try:
        with warnings.catch_warnings():
            # PyTorch warns about its own code when it loads, and about layers that vmap loops over
            warnings.filterwarnings("ignore", "`torch.jit.script", DeprecationWarning)
            warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
            yield
    except RuntimeError as error:  # also NotImplementedError
        raise ValueError(
            f"torch.func cannot differentiate the model with respect to its parameters: {error}"
        ) from error


def _finite(found: Floats) -> Floats:
    if not np.isfinite(found).all():
        raise ValueError(
            "the derivatives of the model's outputs by its parameters are not finite: the model "
            "has no first-order expansion at its present parameters"
        )
    return found
