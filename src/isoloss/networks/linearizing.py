"""linearize(model, X, y): the problem of a model's first-order expansion about its parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.large.operators import from_operator
from isoloss.networks.contraction import problem_by_kernel
from isoloss.networks.frozen_model import FrozenModel, freeze
from isoloss.networks.jacobian import JacobianProducts, jacobian_of
from isoloss.networks.reading import read_batch_size, read_inputs, read_targets_for
from isoloss.networks.waiting import told_of
from isoloss.problems.problem import Problem
from isoloss.problems.reduced import TrainRows
from isoloss.problems.validation import both_or_neither

__all__ = ["Method", "linearize"]

Floats = npt.NDArray[np.float64]

Method = Literal["auto", "jacobian", "kernel", "products"]

_JACOBIAN = 10**8  # the most entries of a Jacobian that is made unasked, 0.8 GB
_KERNEL = 4000  # the most rows of a kernel that is made unasked
_KERNEL_WORK = 3e11  # the most rows × inputs × parameters for it: about a minute on two cores


class _Expanded(NamedTuple):
    """Inputs of a model with m outputs each, and the residual √m (f₀ - y), shape (n·m,)."""

    inputs: Any
    outputs: int
    residual: Floats


def linearize(
    model: Any,
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    parameters: str | Sequence[str] | None = None,
    method: Method = "auto",
    batch_size: int | None = None,
    device: Any = None,
    schedules: Any = ("flow", "gd(1.0, 10) > flow"),
    train_loss: Any = None,
    rtol: float = 1e-6,
    max_rank: int = 500,
) -> Problem:
    r"""Return the problem of a PyTorch model's linearisation about its present parameters θ₀.

    The model f(X; θ) with m outputs is replaced by f₀ + J(θ - θ₀), where J holds the derivatives of
    the outputs at θ₀, and trained by the mean over n rows of the squared error, summed over
    outputs. That is one least-squares problem in θ, which all outputs share. Training starts at θ₀,
    and weight decay shrinks all of θ. All schedules, stops, bands and designs work on it.

    Parameters
    ----------
    model : torch.nn.Module
        The model, in float32 or float64; it stays as it is, and a copy of it computes in float64.
        Dropout and batch norm must be in eval mode.
    X : array_like or tensor, shape (n, ...)
        Train inputs, as the model takes them. Whole numbers stay whole numbers, for embeddings.
    y : array_like or tensor
        Train targets, of the shape of the model's outputs, (n,) or (n, ...). Class labels must be
        one-hot, such as ``np.eye(10)[labels]``.
    X_test, y_test : as X and y, optional
        Test data.
    parameters : str or sequence of str, optional
        Names, or patterns such as ``"head.*"`` (the last layer), of the parameters that train. By
        default all that require a gradient do; all others are constants.
    method : ``"auto"``, ``"jacobian"``, ``"kernel"`` or ``"products"``
        ``"jacobian"`` decomposes J with its n·m·p entries, and keeps the digits of small
        curvatures. ``"kernel"`` makes the kernel J Jᵀ with its (n·m)² entries by products with J;
        the problem's ``left_out`` describes the directions that rounding hides, and `level_band`
        covers only the parameters that train rows can move, and the start. ``"products"`` makes
        neither: it grows a space until the given schedules have converged, as `from_operator` does,
        and bands and designs are then those in this space. ``"auto"`` takes the first for up to 10⁸
        entries of J, test rows included, the second for up to 4000 train rows times outputs, if
        these times the rows and the parameters are at most 3·10¹¹, and the third for more.
    batch_size : int, optional
        How many rows go through the model at once; by default 256. It only affects memory.
    device : str or torch.device, optional
        Where the model computes; by default where its parameters are.
    schedules, train_loss, rtol, max_rank
        As for `from_operator`, for the method ``"products"`` only. It is much faster with the
        train losses of interest than without.

    Returns
    -------
    Problem
        The problem, with NumPy arrays. ``run.coef()`` is θ, the parameters one after the other, as
        `isoloss.networks.apply` reads them. A minibatch of a schedule has B inputs, each with all
        of its outputs.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If the model is not a module or does not return a tensor, or if inputs are not arrays.
    ValueError
        If shapes disagree; if anything is not finite, in half precision or random; if an output
        depends on other rows; or if PyTorch cannot differentiate the model.

    Warns
    -----
    UserWarning
        As `from_operator` does, if ``max_rank`` is too small.

    Examples
    --------
    >>> import torch
    >>> import isoloss as il
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Linear(3, 100), torch.nn.Tanh(), torch.nn.Linear(100, 1)
    ... )
    >>> X = torch.randn(20, 3)
    >>> y = X.prod(dim=1, keepdim=True)
    >>> problem = il.networks.linearize(model, X, y)
    >>> run = il.train(problem, il.GradientDescent(problem.max_lr, 100))
    >>> run.coef().shape
    (501,)
    """
    if method not in ("auto", "jacobian", "kernel", "products"):
        raise ValueError(
            f"method must be 'auto', 'jacobian', 'kernel' or 'products'; got {method!r}"
        )
    rows = read_batch_size(batch_size)
    tested = both_or_neither(X_test=X_test, y_test=y_test)
    frozen = freeze(model, parameters, device)
    train = _expanded(frozen, ("X", "y"), X, y, rows)
    test = _expanded(frozen, ("X_test", "y_test"), X_test, y_test, rows) if tested else None
    if test is not None and test.outputs != train.outputs:
        raise ValueError(
            f"the model has {train.outputs} outputs for X and {test.outputs} for X_test; give "
            "inputs of one shape"
        )
    count = len(train.residual)
    entries = (count + (0 if test is None else len(test.residual))) * frozen.start.size
    if method == "auto":
        small = count <= _KERNEL and count * len(train.inputs) * frozen.start.size <= _KERNEL_WORK
        method = "jacobian" if entries <= _JACOBIAN else "kernel" if small else "products"
    if method == "products":
        asked = {"schedules": schedules, "train_loss": train_loss, "rtol": rtol}
        problem = _by_products(frozen, train, test, rows, asked | {"max_rank": max_rank})
    else:
        exact = _by_jacobian if method == "jacobian" else _by_kernel
        problem = exact(frozen, train, test, rows)
    if not float(problem.curvature[0]) > 0:
        _check_derivatives(frozen, train, rows)
    return problem


def _check_derivatives(model: FrozenModel, train: _Expanded, rows: int) -> None:
    """Raise ``ValueError`` if all are 0: products see none at a minimum, either."""
    product = JacobianProducts(model, train.inputs, train.outputs, rows)
    if not (product @ np.random.default_rng(0).standard_normal(model.start.size)).any():
        raise ValueError(
            "the model's outputs do not depend on the parameters that train: all derivatives are 0"
        )


def _expanded(
    model: FrozenModel, names: tuple[str, str], inputs: Any, targets: Any, rows: int
) -> _Expanded:
    """Read inputs and targets, and evaluate the model at the start."""
    read = read_inputs(names[0], inputs, model)
    found = model.first_outputs(names[0], read, rows)
    wanted = read_targets_for(names[1], targets, names[0], found)
    outputs = found[0].numel()
    residual = found.cpu().numpy().ravel() - wanted.ravel()
    return _Expanded(read, outputs, outputs**0.5 * residual)


def _by_jacobian(
    model: FrozenModel, train: _Expanded, test: _Expanded | None, rows: int
) -> Problem:
    """Decompose the rows √m·J, with targets for which the residual at the start is the model's."""
    several = [train] if test is None else [train, test]
    given: list[Floats] = []
    with told_of("Jacobian", sum(len(each.inputs) for each in several)) as told:
        for each in several:
            made = jacobian_of(model, each.inputs, each.outputs, rows, told)
            given += [made, made @ model.start - each.residual]
    reduced = Problem.from_data(*given, start=model.start)._reduced
    drawn = TrainRows(given[0], given[1], intercept=False, together=train.outputs)
    return Problem(dataclasses.replace(reduced, rows=drawn))


def _products(
    model: FrozenModel, several: list[_Expanded], rows: int, told: Callable[[int], None]
) -> list[JacobianProducts]:
    return [JacobianProducts(model, each.inputs, each.outputs, rows, told) for each in several]


def _by_kernel(model: FrozenModel, train: _Expanded, test: _Expanded | None, rows: int) -> Problem:
    several = [train] if test is None else [train, test]
    with told_of("products for the kernel", None) as told:
        parts = zip(_products(model, several, rows, told), several, strict=True)
        return problem_by_kernel(
            model.start, train.outputs, *((product, each.residual) for product, each in parts)
        )


def _by_products(
    model: FrozenModel,
    train: _Expanded,
    test: _Expanded | None,
    rows: int,
    asked: dict[str, Any],
) -> Problem:
    several = [train] if test is None else [train, test]
    with told_of("products with the Jacobian", None) as told:
        given: list[Any] = []
        for product, each in zip(_products(model, several, rows, told), several, strict=True):
            given += [product, product @ model.start - each.residual]
        return from_operator(*given, start=model.start, **asked)
