"""A new model for each run, which must not share parameters with an earlier one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from isoloss.networks.loading import load_torch
from isoloss.networks.tensors import number_kind

__all__ = ["FreshModels"]


class FreshModels:
    """A user's function that makes models, and checks of what it returns."""

    def __init__(self, make: Callable[[], Any]) -> None:
        if not callable(make) or isinstance(make, load_torch().nn.Module):
            raise TypeError(
                "make_model must be a function that returns a new torch.nn.Module, such as "
                f"lambda: torch.nn.Linear(8, 1); got {type(make).__name__}"
            )
        self._make = make
        self._earlier: list[weakref.ref[Any]] = []

    def __call__(self) -> Any:
        """Return a new model; raise an error if it is not a model, or not new."""
        torch, model = load_torch(), self._make()
        if not isinstance(model, torch.nn.Module):
            raise TypeError(f"make_model must return a torch.nn.Module; got {type(model).__name__}")
        for name, part in model.named_parameters():
            if isinstance(part, torch.nn.parameter.UninitializedTensorMixin):
                raise ValueError(
                    f"{name} has no shape yet; call the model once on some inputs in make_model"
                )
        trained = [each for each in model.parameters() if each.requires_grad]
        if not trained:
            raise ValueError("the model has no parameters to train: none requires a gradient")
        number_kind(model)
        earlier = {id(each) for ref in self._earlier if (each := ref()) is not None}
        if any(id(each) in earlier for each in trained):
            raise ValueError(
                "make_model returned parameters that it had returned before, so one run would "
                "continue where another ended; build a new model in each call"
            )
        self._earlier = [ref for ref in self._earlier if ref() is not None]
        self._earlier += [weakref.ref(each) for each in trained]
        return model
