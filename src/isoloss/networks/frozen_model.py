"""A model's outputs as a function of the parameters that train, in float64, about a fixed point."""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.networks.loading import load_torch
from isoloss.networks.plain_attention import plain_attention

__all__ = ["FrozenModel", "freeze"]

Floats = npt.NDArray[np.float64]

_AGREE = 1e-9  # relative; a row gives the same alone and in a batch, but for rounding


class FrozenModel:
    """A float64 copy of a model, as a function of the parameters that train.

    All other parameters, and the buffers, are constants.

    Attributes
    ----------
    names : tuple of str
        The parameters that train, in the model's order; shared ones are named once.
    start : array, shape (p,)
        Their values, one after the other.
    """

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        self._model, self.names = model, tuple(names)
        own = dict(model.named_parameters())
        self._values = {name: own[name].detach() for name in self.names}
        self.start: Floats = np.concatenate(
            [value.cpu().numpy().ravel() for value in self._values.values()]
        )

    @property
    def device(self) -> Any:
        """Where the model computes."""
        return next(iter(self._values.values())).device

    @property
    def values(self) -> dict[str, Any]:
        """The parameters that train, at the start."""
        return self._values

    def outputs(self, values: dict[str, Any], inputs: Any) -> Any:
        """Return the outputs of some rows for values of the parameters."""
        with plain_attention():
            # a clone, since models may change their inputs in place
            return load_torch().func.functional_call(self._model, values, (inputs.clone(),))

    def as_values(self, flat: Floats) -> dict[str, Any]:
        """Return numbers (*axes, p) as tensors (*axes, *shape of the parameter)."""
        torch = load_torch()
        whole = torch.as_tensor(np.ascontiguousarray(flat), device=self.device)
        sizes = [value.numel() for value in self._values.values()]
        parts = torch.split(whole, sizes, dim=-1)
        return {
            name: part.reshape(*part.shape[:-1], *value.shape)
            for (name, value), part in zip(self._values.items(), parts, strict=True)
        }

    def as_numbers(self, values: dict[str, Any], axes: int) -> Floats:
        """Return tensors with some leading axes as numbers (*axes, p), as `as_values` reads."""
        parts = [values[name] for name in self.names]
        flat = [part.reshape(*part.shape[:axes], -1) for part in parts]
        return np.asarray(load_torch().cat(flat, dim=-1).detach().cpu().numpy())

    def first_outputs(self, name: str, inputs: Any, rows: int) -> Any:
        """Return the outputs at the start of all inputs, some rows at a time, and check them.

        Raises ``TypeError`` or ``ValueError`` unless they are one finite tensor with a row for
        each input, which depends on neither other rows nor chance.
        """
        torch = load_torch()
        before = {key: value.clone() for key, value in self._model.named_buffers()}
        with torch.no_grad():
            found = torch.cat([self._checked(name, some) for some in inputs.split(rows)])
            few = inputs[: min(2, rows)]
            alone = torch.cat([self._checked(name, row[None]) for row in few])
        for key, value in self._model.named_buffers():
            if not torch.equal(value, before[key]):
                raise ValueError(
                    f"the model changes its buffer {key!r} whenever it is evaluated, so it is "
                    "not a fixed function; call model.eval() first"
                )
        if not bool(torch.isfinite(found).all()):
            raise ValueError(f"the model's outputs for {name} must be finite; got NaN or infinity")
        scale = float(found.abs().max())
        if float((found[: len(few)] - alone).abs().max()) > _AGREE * scale:
            raise ValueError(
                "the model's output for a row depends on the other rows of its batch, or on "
                "chance: take batch statistics and random layers out, or call model.eval(); "
                "attention and recurrent layers need batch_first=True"
            )
        return found

    def _checked(self, name: str, inputs: Any) -> Any:
        torch = load_torch()
        try:
            found = self.outputs(self._values, inputs)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            kept = (
                ""
                if inputs.is_floating_point()
                else (
                    "; whole numbers stay whole, as embeddings need them; for other layers, give "
                    f"{name}.astype(float)"
                )
            )
            raise ValueError(
                f"the model cannot take {name}, whose rows have shape {tuple(inputs.shape[1:])}"
                f"{kept}: {error}"
            ) from error
        if not isinstance(found, torch.Tensor) or not found.is_floating_point():
            raise TypeError(
                "the model must return one tensor of real numbers; got "
                f"{getattr(found, 'dtype', type(found).__name__)}; wrap it in a module that does"
            )
        if found.dtype != torch.float64:
            raise ValueError(
                f"the model computes in {str(found.dtype).removeprefix('torch.')} even if its "
                "parameters are float64, which a linearisation needs; leave out casts and autocast"
            )
        if found.ndim == 0 or found.shape[0] != inputs.shape[0]:
            raise ValueError(
                f"the model must return a row for each row of {name}; got shape "
                f"{tuple(found.shape)} for {inputs.shape[0]} row(s)"
            )
        return found


def freeze(model: Any, parameters: str | Sequence[str] | None, device: Any) -> FrozenModel:
    """Check a model and return its float64 copy; the user's model stays as it is.

    ``parameters`` are names, or patterns such as ``"head.*"``, of those that train among those that
    require a gradient; None stands for all of these.
    """
    torch = load_torch()
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module; got {type(model).__name__}")
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError(
            "the model is compiled by torch.jit, which torch.func cannot differentiate; give the "
            "module that it was compiled from"
        )
    _check_tensors(torch, model)
    _check_modules(torch, model)
    names = _chosen(model, parameters)
    try:
        copied = copy.deepcopy(model)
    except Exception as error:  # a user's modules may hold anything
        raise ValueError(
            f"the model cannot be copied ({type(error).__name__}: {error}); detach the tensors "
            "that it keeps"
        ) from error
    where = next(iter(model.parameters())).device if device is None else device
    copied = copied.to(_usable(torch, where)).double().requires_grad_(requires_grad=False)
    for name, value in copied.named_parameters():
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"the parameter {name} must be finite; it has NaN or infinity")
    return FrozenModel(copied, names)


def _check_tensors(torch: Any, model: Any) -> None:
    """Raise ``ValueError`` for tensors without values, without derivatives or in half precision."""
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        if isinstance(value, torch.nn.parameter.UninitializedTensorMixin):
            raise ValueError(f"{name} has no shape yet; call the model once on some inputs first")
        if value.is_meta:
            raise ValueError(f"{name} is on the meta device, without values; load the model first")
        if value.requires_grad and value._backward_hooks:
            raise ValueError(
                f"{name} has a hook that may change its gradient, which a linearisation does not "
                "see; remove the hook, or freeze the parameter"
            )
        low = value.is_floating_point() and value.dtype not in (torch.float32, torch.float64)
        if low or value.is_complex():
            raise ValueError(
                f"{name} is {str(value.dtype).removeprefix('torch.')}; the model must be in "
                "float32 or float64: call model.float() first"
            )


def _check_modules(torch: Any, model: Any) -> None:
    """Raise ``ValueError`` for layers that are not fixed functions, or do not descend the loss."""
    tables = torch.nn.Embedding | torch.nn.EmbeddingBag
    for name, module in model.named_modules():
        what = f"{name or 'the model'} ({type(module).__name__})"
        for option in ("max_norm", "scale_grad_by_freq"):
            if isinstance(module, tables) and getattr(module, option):
                raise ValueError(
                    f"{what} has {option}, with which training is not gradient descent on the "
                    "loss; build it without"
                )
        share = getattr(module, "p", getattr(module, "dropout", 0.0))
        drops = "Dropout" in type(module).__name__ or isinstance(
            module, torch.nn.RNNBase | torch.nn.MultiheadAttention
        )
        if module.training and drops and isinstance(share, int | float) and share > 0:
            raise ValueError(f"{what} drops units at random in train mode; call model.eval() first")
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            if module.running_mean is None:
                raise ValueError(
                    f"{what} has no running statistics, so that a row's output depends on its "
                    "batch; build it with track_running_stats=True, or take it out"
                )
            if module.training:
                raise ValueError(
                    f"{what} is in train mode, where a row's output depends on its batch; call "
                    "model.eval() first"
                )


def _chosen(model: Any, parameters: str | Sequence[str] | None) -> list[str]:
    """Return the names of the parameters that train."""
    known = {name: value.requires_grad for name, value in model.named_parameters()}
    trained = [name for name, trains in known.items() if trains]
    if not trained:
        raise ValueError(
            "the model has no parameter that requires a gradient, so there is nothing to train"
        )
    if parameters is None:
        return trained
    patterns = [parameters] if isinstance(parameters, str) else list(parameters)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(
                "parameters must be names or patterns such as 'head.*'; got "
                f"{type(pattern).__name__}"
            )
        if not fnmatch.filter(trained, pattern):
            frozen = " that requires a gradient" if fnmatch.filter(known, pattern) else ""
            raise ValueError(
                f"parameters: {pattern!r} matches no parameter{frozen}; the model trains "
                f"{', '.join(trained)}"
            )
    if not patterns:
        raise ValueError("parameters must name at least one parameter; got none")
    return [name for name in trained if any(fnmatch.fnmatch(name, each) for each in patterns)]


def _usable(torch: Any, device: Any) -> Any:
    """Return a device that computes in float64."""
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device: {error}") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={str(found)!r} is asked for, but PyTorch finds no CUDA device; leave device "
            "out to compute where the model is, or give device='cpu'"
        )
    if found.type == "mps":
        raise ValueError("Apple's mps devices have no float64; give device='cpu'")
    return found
